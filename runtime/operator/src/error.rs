//! What can go wrong, each with one word that condition, metric and log share.

use std::time::Duration;

use crate::instance::Failure;

/// Why a request to the API server has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No connection, or it broke.
    #[error("{what}: the API server cannot be reached: {message}")]
    Unreachable {
        /// The request.
        what: String,
        /// What the connection said.
        message: String,
    },
    /// No answer in time.
    #[error("{what}: no answer from the API server within {} s", after.as_secs_f32())]
    TimedOut {
        /// The request.
        what: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The API server said no.
    #[error("{what}: {} ({})", refusal.message, refusal.code)]
    Refused {
        /// The request.
        what: String,
        /// Its answer.
        refusal: Box<Refusal>,
    },
    /// Another process may be writing by now.
    #[error("{what}: not sent, or not waited for, because this process does not lead")]
    NotLeading {
        /// The request.
        what: String,
    },
    /// An answer that is not what was asked for.
    #[error("{what}: the answer cannot be read: {message}")]
    Unreadable {
        /// The request.
        what: String,
        /// Why.
        message: String,
    },
}

/// A `Status` object of the API server.
#[derive(Debug, Clone, Default)]
pub struct Refusal {
    /// The HTTP status code.
    pub code: u16,
    /// Its machine-readable word: `Conflict`, `Forbidden`, …
    pub reason: String,
    /// Its text for people.
    pub message: String,
    /// Per field: reason, field and message.
    pub causes: Vec<Cause>,
    /// How long the API server asks to wait.
    pub retry_after: Option<Duration>,
    /// Where a list that began too long ago can go on.
    pub next: Option<String>,
}

/// One of a refusal's causes.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Cause {
    /// A word: `FieldManagerConflict`, `FieldValueInvalid`, …
    #[serde(default)]
    pub reason: String,
    /// The field's path.
    #[serde(default)]
    pub field: String,
    /// Text for people.
    #[serde(default)]
    pub message: String,
}

impl ApiError {
    /// The refusal's HTTP status code, if the API server answered at all.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.code),
            _ => None,
        }
    }

    /// The word for this error.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "ApiUnreachable",
            Self::TimedOut { .. } => "ApiTimeout",
            Self::NotLeading { .. } => "NotLeading",
            Self::Unreadable { .. } => "ApiUnreadable",
            Self::Refused { refusal, .. } => match refusal.code {
                401 => "Unauthorized",
                403 => "Forbidden",
                404 => "NotFound",
                409 => "Conflict",
                422 | 400 => "Invalid",
                429 => "TooManyRequests",
                _ => "ApiError",
            },
        }
    }

    /// Whether trying again may well help although nothing else changes.
    pub(crate) fn transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::NotLeading { .. } | Self::Unreadable { .. } => {
                true
            }
            Self::Refused { refusal, .. } => refusal.code >= 500 || matches!(refusal.code, 401 | 409 | 429),
        }
    }
}

/// Why a reconcile did not do all that it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The pattern's component gave no plan.
    #[error("{0}")]
    Guest(#[from] Failure),
    /// A preview of an entry that calls a hook.
    #[error("the entry calls a hook, and nothing says what that gives")]
    HookNotGiven,
    /// The call into the sandbox did not come back.
    #[error("the call of the pattern ended without an answer: {0}")]
    Lost(String),
    /// The plan lists a child that the Katalog does not declare.
    #[error("the plan lists the child {id:?}, which the pattern does not declare")]
    UndeclaredChild {
        /// The id in the plan.
        id: String,
    },
    /// A child's object cannot be sent.
    #[error("child {id:?}: {message}")]
    InvalidChild {
        /// The id in the plan.
        id: String,
        /// What was found and what was expected.
        message: String,
    },
    /// The plan is larger than the runtime allows.
    #[error("the plan lists {found} children, the runtime allows {allowed} for one resource")]
    TooManyChildren {
        /// As counted.
        found: usize,
        /// The ceiling.
        allowed: usize,
    },
    /// An object of the child's name is there and belongs to somebody else.
    #[error(
        "{kind} {name:?} is there already and does not belong to this resource ({owner}); rename one of them, or say `adopt: true` on a child that may take over what nobody controls"
    )]
    AlreadyExists {
        /// The child's kind.
        kind: String,
        /// Its name.
        name: String,
        /// Whose it is, as far as it can be told.
        owner: String,
    },
    /// The change touches a field that the kind never lets change.
    #[error("{kind} {name:?}: {} cannot be changed on an existing object ({message}); change it back, or say `recreate: true` on the child to have it deleted and made anew", fields.join(", "))]
    ImmutableField {
        /// The child's kind.
        kind: String,
        /// Its name.
        name: String,
        /// The fields, by path.
        fields: Vec<String>,
        /// The API server's words.
        message: String,
    },
    /// The pattern's account may not see what the cache holds.
    #[error(
        "the account {account} may not {verb} {resource}{}, so they are not shown to the pattern; `ork generate rbac` prints the rights that it needs",
        in_namespace(namespace)
    )]
    Forbidden {
        /// `get` or `list`.
        verb: &'static str,
        /// `configmaps`, `deployments.apps`.
        resource: String,
        /// Empty: outside of namespaces.
        namespace: String,
        /// `namespace/name`
        account: String,
    },
    /// Namespaces of Kubernetes and of the runtime are no pattern's.
    #[error(
        "namespace {namespace:?} belongs to the cluster or to the runtime, and no pattern sees or touches anything in it; use another one"
    )]
    ForbiddenNamespace {
        /// Which.
        namespace: String,
    },
    /// A namespace in which the pattern does nothing.
    #[error("nothing is done in namespace {namespace:?}: `restrictedNamespaces` of the pattern has {pattern:?}")]
    RestrictedNamespace {
        /// Which.
        namespace: String,
        /// As the Katalog or the Komposer has it.
        pattern: String,
    },
    /// The plan asks for a read that the Katalog does not declare.
    #[error("the plan asks for the read {id:?}, which the pattern does not declare")]
    UndeclaredRead {
        /// The id in the plan.
        id: String,
    },
    /// A read that cannot be looked for.
    #[error("read {id:?}: {message}")]
    InvalidRead {
        /// The id in the plan.
        id: String,
        /// What was found and what was expected.
        message: String,
    },
    /// The reads that a plan asks for depend on what they give.
    #[error("the plan asks for other reads each time it is given those that it asked for ({rounds} times)")]
    UnsettledReads {
        /// How often it was asked.
        rounds: usize,
    },
    /// The API server does not serve the child's kind.
    #[error("the API server serves no {kind} in {api_version}; install what defines it, or check the spelling")]
    KindNotServed {
        /// `apps/v1`
        api_version: String,
        /// In CamelCase.
        kind: String,
    },
    /// A child of `onDelete` did not come to a good end.
    #[error(
        "{kind} {name:?} of onDelete failed, and the deletion waits for it: {message}; delete it to have it made again"
    )]
    OnDeleteFailed {
        /// The child's kind.
        kind: String,
        /// Its name.
        name: String,
        /// What its controller says.
        message: String,
    },
    /// Values are to be generated, and there is nothing to generate them from.
    #[error("the system gives no random bytes, so nothing is generated; see what its random number source lacks")]
    NoEntropy,
    /// A certificate that is asked for cannot be made.
    #[error("the certificate cannot be made: {0}")]
    NotCertified(String),
    /// A child is being deleted and must be gone before it can be made again.
    #[error("{kind} {name:?} is being deleted; it is made again when it is gone")]
    Terminating {
        /// The child's kind.
        kind: String,
        /// Its name.
        name: String,
    },
}

impl Error {
    /// The word for this error: condition reason, metric label and log field.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api(error) => error.reason(),
            Self::Guest(failure) => failure.reason(),
            Self::HookNotGiven => "HookNotGiven",
            Self::Lost(_) => "HostError",
            Self::UndeclaredChild { .. } => "UndeclaredChild",
            Self::InvalidChild { .. } => "InvalidChild",
            Self::TooManyChildren { .. } => "TooManyChildren",
            Self::AlreadyExists { .. } => "AlreadyExists",
            Self::ImmutableField { .. } => "ImmutableField",
            Self::KindNotServed { .. } => "KindNotServed",
            Self::OnDeleteFailed { kind, .. } if kind == "Job" => "JobFailed",
            Self::OnDeleteFailed { .. } => "ChildFailed",
            Self::NoEntropy => "NoEntropy",
            Self::NotCertified(_) => "NotCertified",
            Self::Terminating { .. } => "Terminating",
            Self::Forbidden { .. } => "Forbidden",
            Self::ForbiddenNamespace { .. } => "ForbiddenNamespace",
            Self::RestrictedNamespace { .. } => "RestrictedNamespace",
            Self::UndeclaredRead { .. } => "UndeclaredRead",
            Self::InvalidRead { .. } => "InvalidRead",
            Self::UnsettledReads { .. } => "UnsettledReads",
        }
    }

    /// Whether trying again may well help although nothing else changes. Such an error does not make a resource
    /// `Stalled`.
    pub(crate) fn transient(&self) -> bool {
        match self {
            Self::Api(error) => error.transient(),
            Self::Guest(failure) => failure.is_transient(),
            Self::Lost(_) | Self::Terminating { .. } | Self::NoEntropy => true,
            _ => false,
        }
    }
}

fn in_namespace(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace:?}") }
}

/// Why the runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The API server.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The Lease by which runtimes agree who writes.
    #[error(
        "the lease {lease:?} cannot be had: {source}; `ork generate rbac` prints the rights that it takes, and --no-leader-elect does without where no other runtime uses this namespace"
    )]
    Lease {
        /// `namespace/name`
        lease: String,
        /// What the API server says.
        source: ApiError,
    },
    /// Something in the description of what to run.
    #[error("instance {instance:?}: {message}")]
    Invalid {
        /// Which instance.
        instance: String,
        /// What was found and what was expected.
        message: String,
    },
    /// A definition that is not ours to change.
    #[error(
        "CustomResourceDefinition {name:?} is there already and is not managed by this runtime ({owner}); run with --no-crds to use it as it is"
    )]
    CrdNotOurs {
        /// The definition's name.
        name: String,
        /// Whose it is.
        owner: String,
    },
    /// A definition that would break objects that are stored.
    #[error("CustomResourceDefinition {name:?} is left as it is, because the new one would break stored objects: {}", changes.join("; "))]
    BreakingChange {
        /// The definition's name.
        name: String,
        /// Each change that breaks.
        changes: Vec<String>,
    },
    /// A definition whose versions nobody converts, or whose rules nobody applies.
    #[error(
        "CustomResourceDefinition {name:?} needs a webhook, for its versions or for its rules, and this process serves none"
    )]
    NoWebhook {
        /// The definition's name.
        name: String,
    },
    /// The webhook's certificates.
    #[error(transparent)]
    Certificates(#[from] orkestra_webhook::certificates::CertificateError),
    /// The API server does not take a definition into use.
    #[error("CustomResourceDefinition {name:?} is not established: {message}")]
    NotEstablished {
        /// The definition's name.
        name: String,
        /// What its conditions say.
        message: String,
    },
    /// A kind that no CRD defines.
    #[error("instance {instance:?}: the API server serves no {kind} in {api_version}")]
    KindNotServed {
        /// Which instance.
        instance: String,
        /// `group/version`
        api_version: String,
        /// In CamelCase.
        kind: String,
    },
}

impl StartError {
    /// Whether it is about one instance and what that brings. All others would meet the same otherwise.
    pub(crate) fn concerns_one(&self) -> bool {
        match self {
            Self::Api(error) => !error.transient(),
            Self::Lease { .. } => false,
            _ => true,
        }
    }

    /// The word for this error.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api(error) | Self::Lease { source: error, .. } => error.reason(),
            Self::Invalid { .. } => "InvalidInstance",
            Self::CrdNotOurs { .. } => "CrdNotOurs",
            Self::BreakingChange { .. } => "BreakingChange",
            Self::NotEstablished { .. } => "NotEstablished",
            Self::NoWebhook { .. } => "NoWebhook",
            Self::Certificates(error) => error.reason(),
            Self::KindNotServed { .. } => "KindNotServed",
        }
    }
}
