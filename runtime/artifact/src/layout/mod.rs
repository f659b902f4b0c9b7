//! The OCI image layout: artifacts in a directory or a tar file, for places without a registry.

mod archive;
mod archive_writer;
mod directory;
mod header;
mod index;

pub use archive::Archive;
pub use archive_writer::ArchiveWriter;
pub use directory::Directory;
pub use index::Entry;

use crate::json::JsonError;

/// The file that makes a directory a layout, and its content.
const MARKER: &str = "oci-layout";
const MARKER_CONTENT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs/sha256";

/// Why an image layout is refused.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no `oci-layout` file, or it is of another version.
    #[error("{what} is no image layout of version 1.0.0: {problem}")]
    NotALayout {
        /// Which directory or file.
        what: String,
        /// What is missing.
        problem: &'static str,
    },
    /// A layout would be made where other things are.
    #[error("{what} is not empty and no image layout: name another directory")]
    NotEmpty {
        /// Which directory.
        what: String,
    },
    /// Its `index.json` does not hold.
    #[error("index.json: {error}")]
    BadIndex {
        /// What is wrong with it.
        error: JsonError,
    },
    /// Its `index.json` has too many entries.
    #[error("index.json has {found} entries, more than {limit}")]
    TooManyManifests {
        /// How many.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The tar file has an entry that no layout has.
    #[error("the archive has an entry `{}`, expected only `oci-layout`, `index.json` and `blobs/sha256/<digest>`", .said.escape_debug())]
    ForeignEntry {
        /// Its name.
        said: String,
    },
    /// The tar file has a link, device or extension header.
    #[error("the archive's entry `{}` is of type `{}`, expected a regular file", .said.escape_debug(), .kind.escape_debug())]
    NotARegularFile {
        /// Its name.
        said: String,
        /// The type's letter.
        kind: char,
    },
    /// The tar file has an entry twice.
    #[error("the archive has the entry `{said}` twice")]
    DoubledEntry {
        /// Its name.
        said: String,
    },
    /// A header of the tar file does not hold.
    #[error("the archive's header at byte {offset} does not hold: {problem}")]
    BadHeader {
        /// From the beginning, in bytes.
        offset: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The tar file ends before its entries do.
    #[error("the archive ends inside of an entry, or without its end mark")]
    ArchiveTruncated,
    /// The tar file has too many entries.
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// How many there may be.
        limit: usize,
    },
    /// An archive that is read cannot be added to.
    #[error("an archive is written once: add to a layout directory, or copy to a new archive")]
    ReadOnly,
}

impl LayoutError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotALayout { .. } => "NotALayout",
            Self::NotEmpty { .. } => "NotEmpty",
            Self::BadIndex { .. } => "BadIndex",
            Self::TooManyManifests { .. } => "TooManyManifests",
            Self::ForeignEntry { .. } => "ForeignEntry",
            Self::NotARegularFile { .. } => "NotARegularFile",
            Self::DoubledEntry { .. } => "DoubledEntry",
            Self::BadHeader { .. } => "BadHeader",
            Self::ArchiveTruncated => "ArchiveTruncated",
            Self::TooManyEntries { .. } => "TooManyEntries",
            Self::ReadOnly => "ReadOnly",
        }
    }
}

#[cfg(test)]
mod tests;
