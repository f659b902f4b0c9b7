//! Why objects are not all in their storage version.

use crate::error::ApiError;

/// Why a migration did not come to its end. What it has done stays done, and a next run goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The API server.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// No definition of that kind.
    #[error("the cluster has no custom resource {kind:?}{}", if known.is_empty() { String::new() } else { format!("; patterns define {}", known.join(", ")) })]
    UnknownKind {
        /// As asked for.
        kind: String,
        /// The kinds of patterns that it has.
        known: Vec<String>,
    },
    /// Several definitions of that kind.
    #[error("{kind:?} may be any of {}", found.join(", "))]
    Ambiguous {
        /// As asked for.
        kind: String,
        /// Their names.
        found: Vec<String>,
    },
    /// A definition that cannot be used.
    #[error("CustomResourceDefinition {definition:?}: {message}")]
    Unusable {
        /// Its name.
        definition: String,
        /// What was found and what was expected.
        message: String,
    },
    /// The definition changed while objects were rewritten, so those that were first may be in another version.
    #[error(
        "CustomResourceDefinition {definition:?} was changed (generation {before} to {after}) while its objects were rewritten"
    )]
    Changed {
        /// Its name.
        definition: String,
        /// Its generation at the start.
        before: i64,
        /// Its generation now.
        after: i64,
    },
    /// The API server gave up.
    #[error("the API server could not migrate {definition:?}: {message}")]
    Failed {
        /// The definition's name.
        definition: String,
        /// Its words.
        message: String,
    },
    /// Nobody works on what the API server was asked for.
    #[error("nobody takes up the StorageVersionMigration {name:?}")]
    NotTakenUp {
        /// Its name.
        name: String,
    },
    /// The API server says that it is done, and the definition does not say so.
    #[error("the migration of {definition:?} succeeded, and the definition does not say so: {message}")]
    Unconfirmed {
        /// The definition's name.
        definition: String,
        /// What its status says.
        message: String,
    },
    /// Objects that the API server does not take as they are.
    #[error("{count} of the objects of {definition:?} could not be rewritten: {}", objects.join("; "))]
    Refused {
        /// The definition's name.
        definition: String,
        /// How many.
        count: u64,
        /// The first of them, each with why.
        objects: Vec<String>,
    },
}

impl MigrateError {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api(error) => error.reason(),
            Self::UnknownKind { .. } => "UnknownKind",
            Self::Ambiguous { .. } => "AmbiguousKind",
            Self::Unusable { .. } => "UnusableDefinition",
            Self::Changed { .. } => "DefinitionChanged",
            Self::Failed { .. } => "MigrationFailed",
            Self::NotTakenUp { .. } => "NotTakenUp",
            Self::Unconfirmed { .. } => "MigrationUnconfirmed",
            Self::Refused { .. } => "ObjectsRefused",
        }
    }

    /// What to do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Api(error) => match error.code() {
                Some(403) => {
                    "it takes the right to list and patch the objects, and to patch `customresourcedefinitions/status`; or to create storageversionmigrations"
                }
                Some(500..) => {
                    "if the definition has a conversion webhook, see that what serves it runs (`ork run`), and run this again: it goes on where it was"
                }
                _ => "run it again: it goes on where it was",
            },
            Self::UnknownKind { .. } => "name a kind that `kubectl get crd` shows",
            Self::Ambiguous { .. } => "write the kind with its group",
            Self::Unusable { .. } => "see `kubectl describe crd` for what is wrong with it",
            Self::Changed { .. } | Self::Unconfirmed { .. } => {
                "run it again; while it runs nothing may change the definition, certificates in it neither"
            }
            Self::Failed { .. } => {
                "mend what the message says and run it again; do not believe `status.storedVersions` until it has succeeded"
            }
            Self::NotTakenUp { .. } => {
                "see whether kube-controller-manager runs its storage version migrator, or run it again with --paged"
            }
            Self::Refused { .. } => "change these objects so that the definition allows them, and run it again",
        }
    }
}
