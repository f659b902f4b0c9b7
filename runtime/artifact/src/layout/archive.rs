//! A layout in a tar file, for reading: `oci-layout`, `index.json`, `blobs/sha256/<digest>`, and nothing else.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::directory::{check_marker, referrers_among, stream};
use super::header::{self, BLOCK};
use super::index::Index;
use super::{BLOBS, Entry, INDEX, LayoutError, MARKER};
use crate::digest::Digest;
use crate::error::Error;
use crate::files;
use crate::oci::Envelope;
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, MAX_MANIFEST, RawManifest, Registry};

/// How many entries an archive has at most.
const MOST_ENTRIES: usize = 100_000;

/// A layout in a tar file that exists. Opening it reads all headers; contents are read where they lie.
#[derive(Debug, Clone)]
pub struct Archive {
    path: PathBuf,
    scanned: Arc<Scanned>,
}

#[derive(Debug)]
struct Scanned {
    index: Index,
    blobs: HashMap<Digest, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    size: u64,
}

impl Archive {
    /// Opens an archive.
    ///
    /// # Errors
    /// All of [`LayoutError`], and [`Error::File`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let missing = || Error::NotFound { what: path.display().to_string() };
        // The caller's own link is followed, once.
        let path = path.canonicalize().map_err(|_| missing())?;
        let file = files::open(&path)?.ok_or_else(missing)?;
        let scanned = Arc::new(scan(file, &path)?);
        Ok(Self { path, scanned })
    }

    /// What there is, of every repository.
    pub fn entries(&self) -> Vec<Entry> {
        self.scanned.index.entries()
    }

    fn content(&self, digest: &Digest, limit: u64) -> Result<Option<Bytes>, Error> {
        let Some(Place { offset, size }) = self.scanned.blobs.get(digest).copied() else { return Ok(None) };
        if size > limit {
            return Err(Error::TooLarge { what: digest.to_string(), limit });
        }
        let mut file =
            files::open(&self.path)?.ok_or_else(|| Error::NotFound { what: self.path.display().to_string() })?;
        file.seek(SeekFrom::Start(offset)).map_err(Error::file("reading", &self.path))?;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes).map_err(Error::file("reading", &self.path))?;
        Ok(Some(bytes.into()))
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let archive = self.clone();
        files::apart(move || work(&archive)).await
    }
}

fn scan(file: File, path: &Path) -> Result<Scanned, Error> {
    let length = file.metadata().map_err(Error::file("reading", path))?.len();
    let mut reader = BufReader::new(file);
    let (mut offset, mut entries) = (0, 0);
    let (mut marker, mut index, mut blobs) = (None, None, HashMap::new());
    loop {
        let mut block = [0; BLOCK];
        match reader.read_exact(&mut block) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(LayoutError::ArchiveTruncated.into()),
            Err(error) => return Err(Error::file("reading", path)(error)),
        }
        let Some(header) = header::read(&block, offset)? else { break };
        entries += 1;
        if entries > MOST_ENTRIES {
            return Err(LayoutError::TooManyEntries { limit: MOST_ENTRIES }.into());
        }
        let (said, start) = (header.name, offset + BLOCK as u64);
        if header.kind == '5' && header.size == 0 && matches!(said.as_str(), "blobs/" | "blobs/sha256/") {
            // Other tools write the two directories; nothing is ever made of them here.
            offset = start;
            continue;
        }
        if header.kind != '0' {
            return Err(LayoutError::NotARegularFile { said, kind: header.kind }.into());
        }
        // In this order nothing overflows: a size above the file's length is found before it is added to.
        if header.size > length || start + header.size > length {
            return Err(LayoutError::ArchiveTruncated.into());
        }
        let padded = header.size.next_multiple_of(BLOCK as u64);
        let doubled = match said.as_str() {
            MARKER | INDEX => {
                let limit = if said == MARKER { 4096 } else { MAX_MANIFEST };
                if header.size > limit {
                    return Err(Error::TooLarge { what: said, limit });
                }
                let mut bytes = Vec::new();
                (&mut reader).take(header.size).read_to_end(&mut bytes).map_err(Error::file("reading", path))?;
                let slot = if said == MARKER { &mut marker } else { &mut index };
                slot.replace(bytes).is_some()
            }
            _ => {
                let hex = said.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/'));
                let Some(digest) = hex.and_then(|hex| format!("sha256:{hex}").parse().ok()) else {
                    return Err(LayoutError::ForeignEntry { said }.into());
                };
                blobs.insert(digest, Place { offset: start, size: header.size }).is_some()
            }
        };
        if doubled {
            return Err(LayoutError::DoubledEntry { said }.into());
        }
        offset = start + padded;
        reader.seek(SeekFrom::Start(offset)).map_err(Error::file("reading", path))?;
    }
    let what = path.display().to_string();
    check_marker(&what, marker.as_deref())?;
    let index = index.ok_or(LayoutError::NotALayout { what, problem: "index.json is missing" })?;
    Ok(Scanned { index: Index::read(&index)?, blobs })
}

impl Registry for Archive {
    async fn read_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> Result<Option<RawManifest>, Error> {
        let Some(digest) = self.scanned.index.resolve(repository, manifest) else { return Ok(None) };
        self.with(move |archive| {
            let Some(bytes) = archive.content(&digest, MAX_MANIFEST)? else { return Ok(None) };
            let found = Digest::of(&bytes);
            if found != digest {
                let what = format!("{BLOBS}/{}", digest.hex());
                return Err(Error::DigestMismatch { what, expected: digest, found });
            }
            let media_type = Envelope::read(&bytes, || digest.to_string())?.own_media_type();
            Ok(Some(RawManifest { media_type, bytes }))
        })
        .await
    }

    async fn read_blob(
        &self,
        _: &Repository,
        blob: &Descriptor,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        let Some(Place { offset, size }) = self.scanned.blobs.get(&blob.digest).copied() else { return Ok(None) };
        let path = self.path.clone();
        let file = files::apart(move || files::open(&path)).await?;
        Ok(file.map(|file| stream(file, offset, size, self.path.clone())))
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        Ok(self.scanned.index.of(repository).filter_map(|entry| entry.tag).collect())
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let (repository, subject) = (repository.clone(), *subject);
        self.with(move |archive| {
            let entries = archive.scanned.index.of(&repository);
            referrers_among(entries, &subject, |digest| archive.content(digest, MAX_MANIFEST))
        })
        .await
    }

    async fn write_blob(&self, _: &Repository, _: &Descriptor, _: Bytes) -> Result<(), Error> {
        Err(LayoutError::ReadOnly.into())
    }

    async fn write_manifest(&self, _: &Repository, _: &ManifestRef, _: &str, _: Bytes) -> Result<(), Error> {
        Err(LayoutError::ReadOnly.into())
    }
}
