//! A layout in a tar file, for writing: gathered in a directory beside it and packed at the end, in one order on any machine.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::BoxStream;

use super::header::{self, BLOCK};
use super::{BLOBS, Directory, INDEX, MARKER};
use crate::digest::Digest;
use crate::error::Error;
use crate::files;
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, RawManifest, Registry};

/// An archive that is being made. Nothing stands at its path before [`ArchiveWriter::finish`].
#[derive(Debug)]
pub struct ArchiveWriter {
    path: PathBuf,
    staging: Directory,
}

impl ArchiveWriter {
    /// Begins an archive, which replaces one of that name when it is finished.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        let staging = Directory::create(&files::partial(path))?;
        Ok(Self { path: path.to_owned(), staging })
    }

    /// Packs what was written.
    ///
    /// # Errors
    /// [`Error::File`].
    pub async fn finish(self) -> Result<(), Error> {
        files::apart(move || self.pack()).await
    }

    fn pack(&self) -> Result<(), Error> {
        let blobs = self.staging.root().join(BLOBS);
        let mut names = vec![MARKER.to_owned(), INDEX.to_owned()];
        let mut digests = Vec::new();
        for entry in fs::read_dir(&blobs).map_err(Error::file("reading the directory", &blobs))? {
            let name = entry.map_err(Error::file("reading the directory", &blobs))?.file_name();
            // What an interrupted writer left has no digest's name.
            if let Some(digest) = name.to_str().and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok()) {
                digests.push(digest);
            }
        }
        digests.sort();
        names.extend(digests.iter().map(|digest| format!("{BLOBS}/{}", digest.hex())));

        let partial = files::partial(&self.path);
        let written = || {
            let mut archive = BufWriter::new(File::create_new(&partial)?);
            for name in &names {
                let mut file = File::open(self.staging.root().join(name))?;
                let size = file.metadata()?.len();
                archive.write_all(&header::write(name, size))?;
                let copied = io::copy(&mut file, &mut archive)?;
                if copied != size {
                    return Err(io::Error::other("a file changed while it was packed"));
                }
                let padding = size.next_multiple_of(BLOCK as u64) - size;
                archive.write_all(&[0; BLOCK][..usize::try_from(padding).unwrap_or_default()])?;
            }
            archive.write_all(&[0; 2 * BLOCK])?;
            archive.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&partial, &self.path)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&partial);
            Error::file("writing", &self.path)(error)
        })
    }
}

impl Drop for ArchiveWriter {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(self.staging.root()) {
            tracing::warn!(directory = %self.staging.root().display(), %error, "could not be removed");
        }
    }
}

impl Registry for ArchiveWriter {
    async fn read_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> Result<Option<RawManifest>, Error> {
        self.staging.read_manifest(repository, manifest).await
    }

    async fn read_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        self.staging.read_blob(repository, blob).await
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        self.staging.tags(repository).await
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        self.staging.referrers(repository, subject).await
    }

    async fn write_blob(&self, repository: &Repository, blob: &Descriptor, bytes: Bytes) -> Result<(), Error> {
        self.staging.write_blob(repository, blob, bytes).await
    }

    async fn write_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), Error> {
        self.staging.write_manifest(repository, manifest, media_type, bytes).await
    }
}
