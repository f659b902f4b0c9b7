//! Every way in which an artifact can be refused or not be had, told apart by type.

use crate::Digest;

/// Why something was not done. Text from a registry stands in `said` alone, and is escaped by whoever prints it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such manifest or blob.
    #[error("{what} does not exist")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// More bytes than may be.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What is.
        what: String,
        /// In bytes.
        limit: u64,
    },
    /// Fewer bytes than announced.
    #[error("{what} ended after {found} of {expected} bytes")]
    Truncated {
        /// What did.
        what: String,
        /// In bytes.
        expected: u64,
        /// In bytes.
        found: u64,
    },
    /// Other content than was asked for.
    #[error("{what} has the digest {found}, expected {expected}")]
    DigestMismatch {
        /// What has.
        what: String,
        /// The one that was asked for.
        expected: Digest,
        /// That of the bytes.
        found: Digest,
    },
}

impl Error {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::TooLarge { .. } => "TooLarge",
            Self::Truncated { .. } => "Truncated",
            Self::DigestMismatch { .. } => "DigestMismatch",
        }
    }
}
