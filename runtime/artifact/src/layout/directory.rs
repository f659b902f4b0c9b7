//! A layout in a directory: read and written, by several processes at once.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::index::Index;
use super::{BLOBS, Entry, INDEX, LayoutError, MARKER, MARKER_CONTENT};
use crate::digest::Digest;
use crate::error::Error;
use crate::files;
use crate::oci::Envelope;
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, MAX_MANIFEST, RawManifest, Registry};

/// Bytes that are read from a file at once.
const CHUNK: usize = 256 << 10;

/// A layout in a directory.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Opens a layout.
    ///
    /// # Errors
    /// [`LayoutError::NotALayout`] and [`Error::File`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        check_marker(&root.display().to_string(), files::read(&root.join(MARKER), 4096)?.as_deref())?;
        Ok(Self { root: root.to_owned() })
    }

    /// Opens a layout, or makes one where there is no such directory or an empty one.
    ///
    /// # Errors
    /// [`LayoutError::NotEmpty`], [`LayoutError::NotALayout`] and [`Error::File`].
    pub fn create(root: &Path) -> Result<Self, Error> {
        if !root.join(MARKER).exists() {
            fs::create_dir_all(root).map_err(Error::file("making the directory", root))?;
            let mut inside = fs::read_dir(root).map_err(Error::file("reading the directory", root))?;
            if inside.next().is_some() {
                return Err(LayoutError::NotEmpty { what: root.display().to_string() }.into());
            }
            let blobs = root.join(BLOBS);
            fs::create_dir_all(&blobs).map_err(Error::file("making the directory", &blobs))?;
            files::write(&root.join(INDEX), &Index::empty().write()?, 0o644)?;
            files::write(&root.join(MARKER), MARKER_CONTENT.as_bytes(), 0o644)?;
        }
        Self::open(root)
    }

    /// What there is, of every repository.
    ///
    /// # Errors
    /// [`LayoutError::BadIndex`] and [`Error::File`].
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.index()?.entries())
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn index(&self) -> Result<Index, Error> {
        let problem = "index.json is missing";
        let missing = || LayoutError::NotALayout { what: self.root.display().to_string(), problem };
        Index::read(&files::read(&self.root.join(INDEX), MAX_MANIFEST)?.ok_or_else(missing)?)
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.hex())
    }

    fn put(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Error> {
        let found = Digest::of(bytes);
        if found != *digest {
            return Err(Error::DigestMismatch { what: "what is written".to_owned(), expected: *digest, found });
        }
        files::write(&self.blob(digest), bytes, 0o644)
    }

    /// Changes the index while no other process does. The marker file is what is locked: it is never replaced.
    fn add(&self, repository: &Repository, manifest: &ManifestRef, descriptor: &Descriptor) -> Result<(), Error> {
        let path = self.root.join(MARKER);
        let marker = File::open(&path).map_err(Error::file("opening", &path))?;
        marker.lock().map_err(Error::file("locking", &path))?;
        let mut index = self.index()?;
        index.add(repository, manifest, descriptor);
        files::write(&self.root.join(INDEX), &index.write()?, 0o644)
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let layout = self.clone();
        files::apart(move || work(&layout)).await
    }
}

pub(super) fn check_marker(what: &str, marker: Option<&[u8]>) -> Result<(), Error> {
    let wrong = |problem| LayoutError::NotALayout { what: what.to_owned(), problem };
    let marker = marker.ok_or_else(|| wrong("the file `oci-layout` is missing"))?;
    let marker: serde_json::Value =
        crate::json::read(marker).map_err(|_| wrong("the file `oci-layout` cannot be read"))?;
    match marker["imageLayoutVersion"].as_str() {
        Some("1.0.0") => Ok(()),
        _ => Err(wrong("the file `oci-layout` names another version").into()),
    }
}

/// A part of a file, read as it is asked for.
pub(super) fn stream(file: File, offset: u64, size: u64, path: PathBuf) -> BoxStream<'static, Result<Bytes, Error>> {
    stream::try_unfold((file, offset, size), move |(mut file, offset, left)| {
        let path = path.clone();
        async move {
            if left == 0 {
                return Ok(None);
            }
            files::apart(move || {
                let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
                file.seek(SeekFrom::Start(offset)).map_err(Error::file("reading", &path))?;
                let read = file.read(&mut chunk).map_err(Error::file("reading", &path))?;
                chunk.truncate(read);
                let read = read as u64;
                Ok((read > 0).then(|| (Bytes::from(chunk), (file, offset + read, left - read))))
            })
            .await
        }
    })
    .boxed()
}

/// The manifests among `entries` whose subject is `subject`, as they are listed.
pub(super) fn referrers_among(
    entries: impl Iterator<Item = Entry>,
    subject: &Digest,
    content: impl Fn(&Digest) -> Result<Option<Bytes>, Error>,
) -> Result<Vec<Descriptor>, Error> {
    let mut found: Vec<Descriptor> = Vec::new();
    for Entry { descriptor, .. } in entries {
        if descriptor.size > MAX_MANIFEST || found.iter().any(|known| known.digest == descriptor.digest) {
            continue;
        }
        let Some(bytes) = content(&descriptor.digest)? else { continue };
        // What cannot be read refers to nothing.
        let Ok(manifest) = Envelope::read(&bytes, String::new) else { continue };
        if manifest.subject.as_ref().is_some_and(|of| of.digest == *subject) {
            found.push(manifest.describe(&descriptor.media_type, &bytes));
            if found.len() == crate::registry::MAX_REFERRERS {
                break;
            }
        }
    }
    Ok(found)
}

impl Registry for Directory {
    async fn read_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> Result<Option<RawManifest>, Error> {
        let (repository, manifest) = (repository.clone(), manifest.clone());
        self.with(move |layout| {
            let Some(digest) = layout.index()?.resolve(&repository, &manifest) else { return Ok(None) };
            let Some(bytes) = files::read(&layout.blob(&digest), MAX_MANIFEST)? else { return Ok(None) };
            // A tag is worth as much as the content that the index names for it.
            let found = Digest::of(&bytes);
            if found != digest {
                return Err(Error::DigestMismatch {
                    what: layout.blob(&digest).display().to_string(),
                    expected: digest,
                    found,
                });
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
        let path = self.blob(&blob.digest);
        let opened = path.clone();
        let file = files::apart(move || files::open(&opened)).await?;
        // One byte more than announced is enough for whoever verifies to see that it is too large.
        Ok(file.map(|file| stream(file, 0, blob.size.saturating_add(1), path)))
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        let repository = repository.clone();
        self.with(move |layout| Ok(layout.index()?.of(&repository).filter_map(|entry| entry.tag).collect())).await
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let (repository, subject) = (repository.clone(), *subject);
        self.with(move |layout| {
            let entries = layout.index()?.of(&repository);
            referrers_among(entries, &subject, |digest| files::read(&layout.blob(digest), MAX_MANIFEST))
        })
        .await
    }

    async fn write_blob(&self, _: &Repository, blob: &Descriptor, bytes: Bytes) -> Result<(), Error> {
        let digest = blob.digest;
        self.with(move |layout| layout.put(&digest, &bytes)).await
    }

    async fn write_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), Error> {
        let (repository, manifest, media_type) = (repository.clone(), manifest.clone(), media_type.to_owned());
        self.with(move |layout| {
            let found = Digest::of(&bytes);
            if let ManifestRef::Digest(digest) = manifest {
                layout.put(&digest, &bytes)?;
            } else {
                layout.put(&found, &bytes)?;
            }
            let mut descriptor = Envelope::read(&bytes, || found.to_string())?.describe(&media_type, &bytes);
            // The manifest has them; an index that repeats them grows without need.
            descriptor.annotations.clear();
            layout.add(&repository, &manifest, &descriptor)
        })
        .await
    }
}
