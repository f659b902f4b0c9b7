//! Why something is not removed.

use crate::error::ApiError;

/// Why nothing was removed, or not all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UninstallError {
    /// The API server.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A runtime is at work.
    #[error("the runtime {leader:?} leads and would bring back what is removed")]
    RuntimeRuns {
        /// The name under which it holds the lease.
        leader: String,
    },
    /// Resources whose deletion needs work, and nobody who would do it.
    #[error("{count} {kind} would hang in their deletion: they carry the runtime's finalizer, and no runtime runs")]
    FinalizersPending {
        /// The resources' kind.
        kind: String,
        /// How many.
        count: u64,
    },
    /// A definition would stay that points at a webhook that nobody serves.
    #[error(
        "CustomResourceDefinition {definition:?} would stay with its {resources} resources, and cannot do without its conversion webhook: {why}"
    )]
    ConversionInUse {
        /// Its name.
        definition: String,
        /// How many resources it has.
        resources: u64,
        /// What was found.
        why: String,
    },
    /// Resources do not go.
    #[error("{count} {kind} are still there: {waits}")]
    StillThere {
        /// The resources' kind.
        kind: String,
        /// How many.
        count: u64,
        /// One of them with its finalizers.
        waits: String,
    },
    /// A definition is another one than was looked at.
    #[error("CustomResourceDefinition {definition:?} was changed meanwhile, and stays as it is")]
    Changed {
        /// Its name.
        definition: String,
    },
    /// Resources have come where there were none.
    #[error("CustomResourceDefinition {definition:?} has resources by now and stays")]
    NotEmpty {
        /// Its name.
        definition: String,
    },
}

impl UninstallError {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api(error) => error.reason(),
            Self::RuntimeRuns { .. } => "RuntimeRuns",
            Self::FinalizersPending { .. } => "FinalizersPending",
            Self::ConversionInUse { .. } => "ConversionInUse",
            Self::StillThere { .. } => "StillThere",
            Self::Changed { .. } => "DefinitionChanged",
            Self::NotEmpty { .. } => "NotEmpty",
        }
    }

    /// What to do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Api(_) => "run it again: it goes on where it was",
            Self::RuntimeRuns { .. } => "stop it (`kubectl scale --replicas=0`, or Ctrl-C) and run this again",
            Self::FinalizersPending { .. } => {
                "start the runtime (`ork run`), so that it does the work, and run this again; or leave the work undone with --release-finalizers"
            }
            Self::ConversionInUse { .. } => {
                "while the webhook is served: let the definition serve its storage version alone, and rewrite what is stored with `ork storage migrate`; or let the resources go, too, with --delete-resources"
            }
            Self::StillThere { .. } => "see what those finalizers wait for (`ork status`), and run this again",
            Self::Changed { .. } | Self::NotEmpty { .. } => "run it again, and look at what it says will be lost",
        }
    }
}
