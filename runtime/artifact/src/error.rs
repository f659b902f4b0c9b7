//! Every way in which an artifact can be refused or not be had, told apart by type.

use std::path::{Path, PathBuf};

use crate::Digest;
use crate::config::ConfigError;
use crate::credentials::CredentialsError;
use crate::http::HttpError;
use crate::json::JsonError;
use crate::layout::LayoutError;
use crate::manifest::ManifestError;
use crate::trust::NameError;
use crate::versions::VersionError;

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
    /// The manifest is no pattern's, or not written as one has to be.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The config document does not hold, or does not belong to what was asked for.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is another pattern or version than was asked for.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A document of a registry is no JSON that we read.
    #[error("{what}: {error}")]
    Json {
        /// Which document.
        what: String,
        /// What is wrong with it.
        error: JsonError,
    },
    /// A tag or range of versions is not what it has to be.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// An image layout is not written as one has to be.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A registry could not be reached, or said no.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Credentials could not be had or kept.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A file could not be read or written.
    #[error("{doing} {}: {error}", .path.display())]
    File {
        /// What was tried, as `reading`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
    /// Work on files was given up because the program ends.
    #[error("work on files was given up: the program is ending")]
    Cancelled,
}

impl Error {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::TooLarge { .. } => "TooLarge",
            Self::Truncated { .. } => "Truncated",
            Self::DigestMismatch { .. } => "DigestMismatch",
            Self::Manifest(error) => error.reason(),
            Self::Config(error) => error.reason(),
            Self::Name(error) => error.reason(),
            Self::Json { error, .. } => error.reason(),
            Self::Version(error) => error.reason(),
            Self::Layout(error) => error.reason(),
            Self::Http(error) => error.reason(),
            Self::Credentials(error) => error.reason(),
            Self::File { .. } => "FileFailed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether the registry could not be asked at all, so that what is remembered of it may serve instead.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Http(HttpError::Unreachable { .. } | HttpError::Busy { .. }))
    }

    /// For `map_err` beside a file.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::File { doing, path: path.to_owned(), error }
    }
}
