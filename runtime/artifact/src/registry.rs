//! What holds artifacts: a registry over HTTP, an image layout in a directory or tar, a cache in front of one.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::error::Error;
use crate::manifest::TITLE;
use crate::progress::{Progress, Silent};
use crate::reference::{ManifestRef, Repository};

/// The largest manifest or index that is read, in bytes: the bound that the distribution specification asks registries for.
pub const MAX_MANIFEST: u64 = 4 << 20;

/// How many referrers of one manifest are looked at.
pub const MAX_REFERRERS: usize = 64;

/// What names a blob or manifest in another manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its content.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// For manifests: what kind of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free text by key, in alphabetical order.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

impl Descriptor {
    /// What a person calls it: its file name, or its media type where it has none. Foreign text.
    pub fn label(&self) -> &str {
        self.annotations.get(TITLE).unwrap_or(&self.media_type)
    }
}

/// A manifest as a registry gave it: bounded, and not verified yet.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// What the registry says it is.
    pub media_type: String,
    /// At most [`MAX_MANIFEST`].
    pub bytes: Bytes,
}

/// A manifest or index whose bytes have the digest that it was asked for by, or were given for a tag.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What the registry says it is.
    pub media_type: String,
    /// Computed from the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Bytes,
}

/// A place that holds artifacts.
///
/// Implementations move bytes and bound them; whoever wants content calls the provided methods, which verify every byte, so that
/// this cannot be forgotten.
pub trait Registry: Send + Sync {
    /// The bytes of a manifest or index, none where there is no such one. An implementation stops reading at [`MAX_MANIFEST`].
    fn read_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> impl Future<Output = Result<Option<RawManifest>, Error>> + Send;

    /// The bytes of a blob as they come, from its first one, none where there is no such blob. An implementation need not bound
    /// them.
    fn read_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> impl Future<Output = Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error>> + Send;

    /// All tags of a repository in no certain order, none where there is no such repository.
    fn tags(&self, repository: &Repository) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Manifests whose `subject` is `subject`, by the referrers API or, where a registry lacks that, by the tag `sha256-<hex>`. At
    /// most 4 pages are read; those after the first 64 are left out.
    fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> impl Future<Output = Result<Vec<Descriptor>, Error>> + Send;

    /// Writes a blob, where it is not there already.
    fn write_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        bytes: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Writes a manifest or index under a tag or under its digest. One that has a `subject` is listed among that one's referrers
    /// afterwards, also where the registry lacks the API for that.
    fn write_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
        media_type: &str,
        bytes: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// A manifest or index, verified.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`], [`Error::DigestMismatch`], and those of the transport.
    fn manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> impl Future<Output = Result<Fetched, Error>> + Send {
        async move {
            let what = || format!("{repository} {manifest}");
            let raw =
                self.read_manifest(repository, manifest).await?.ok_or_else(|| Error::NotFound { what: what() })?;
            if raw.bytes.len() as u64 > MAX_MANIFEST {
                return Err(Error::TooLarge { what: what(), limit: MAX_MANIFEST });
            }
            let digest = Digest::of(&raw.bytes);
            match manifest {
                ManifestRef::Digest(wanted) if *wanted != digest => {
                    Err(Error::DigestMismatch { what: what(), expected: *wanted, found: digest })
                }
                _ => Ok(Fetched { media_type: raw.media_type, digest, bytes: raw.bytes }),
            }
        }
    }

    /// A blob of at most `limit` bytes, verified against its descriptor's size and digest while it streams.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`], [`Error::Truncated`], [`Error::DigestMismatch`], and those of the transport.
    fn blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        limit: u64,
    ) -> impl Future<Output = Result<Bytes, Error>> + Send {
        self.watched_blob(repository, blob, limit, &Silent)
    }

    /// As [`Registry::blob`], and says how far it is.
    ///
    /// # Errors
    /// Those of [`Registry::blob`].
    fn watched_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        limit: u64,
        progress: &impl Progress,
    ) -> impl Future<Output = Result<Bytes, Error>> + Send {
        async move {
            let what = || format!("blob {} of {repository}", blob.digest);
            if blob.size > limit {
                return Err(Error::TooLarge { what: what(), limit });
            }
            let mut stream = self.read_blob(repository, blob).await?.ok_or_else(|| Error::NotFound { what: what() })?;
            let (mut bytes, mut hasher) = (BytesMut::new(), Hasher::default());
            while let Some(chunk) = stream.next().await {
                let chunk = chunk?;
                if (bytes.len() + chunk.len()) as u64 > blob.size {
                    return Err(Error::TooLarge { what: what(), limit: blob.size });
                }
                hasher.update(&chunk);
                progress.moved(&blob.digest, chunk.len() as u64);
                bytes.extend_from_slice(&chunk);
            }
            if (bytes.len() as u64) < blob.size {
                return Err(Error::Truncated { what: what(), expected: blob.size, found: bytes.len() as u64 });
            }
            let found = hasher.finish();
            if found != blob.digest {
                return Err(Error::DigestMismatch { what: what(), expected: blob.digest, found });
            }
            Ok(bytes.freeze())
        }
    }
}
