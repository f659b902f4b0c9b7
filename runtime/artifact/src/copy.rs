//! `copy`: an artifact moves from one place to another, every byte of it verified on the way.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::error::Error;
use crate::oci::Envelope;
use crate::progress::Progress;
use crate::reference::{ManifestRef, Reference, Repository};
use crate::registry::{Descriptor, Fetched, Registry};
use crate::role::Role;
use crate::versions;

/// The largest blob that is copied, in bytes: the largest that a pattern has.
const MAX_BLOB: u64 = 64 << 20;
/// How deep indexes in indexes and referrers of referrers are followed.
const DEEPEST: usize = 4;
/// How many manifests one copy moves at most.
const MOST_MANIFESTS: usize = 1000;

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The manifest that was asked for.
    pub digest: Digest,
    /// The tag that it got, if it got one.
    pub tag: Option<String>,
    /// All manifests, those of referrers too.
    pub manifests: BTreeSet<Digest>,
    /// All blobs.
    pub blobs: BTreeSet<Digest>,
    /// All together, in bytes.
    pub bytes: u64,
}

/// Copies what `source_reference` names to the repository of `target_reference`, under its tag, or where it has none under the
/// source's; with its referrers (signatures, SBOMs, provenance) if `with_referrers`. Contents come before what names them.
///
/// # Errors
/// [`Error::NotFound`], [`Error::TooLarge`] above 64 MiB a blob or 1000 manifests, and those of both places.
pub async fn copy(
    source: &impl Registry,
    source_reference: &Reference,
    target: &impl Registry,
    target_reference: &Reference,
    with_referrers: bool,
    progress: &impl Progress,
) -> Result<Copied, Error> {
    debug_assert!(Role::ALL.into_iter().all(|role| role.limit() <= MAX_BLOB));
    let (found, fetched) = versions::find(source, source_reference).await?;
    let tag = target_reference.tag.clone().or(found.tag);
    if let Some(expected) = target_reference.digest.filter(|digest| *digest != fetched.digest) {
        let what = source_reference.to_string();
        return Err(Error::DigestMismatch { what, expected, found: fetched.digest });
    }
    let name = match &tag {
        Some(tag) => ManifestRef::Tag(tag.clone()),
        None => ManifestRef::Digest(fetched.digest),
    };
    let copied = Copied { digest: fetched.digest, tag, manifests: BTreeSet::new(), blobs: BTreeSet::new(), bytes: 0 };
    let (from, to) = (&source_reference.repository, &target_reference.repository);
    let mut copier = Copier { source, from, target, to, with_referrers, progress, copied };
    copier.manifest(fetched, &name, 0).await?;
    Ok(copier.copied)
}

struct Copier<'a, S, T, P> {
    source: &'a S,
    from: &'a Repository,
    target: &'a T,
    to: &'a Repository,
    with_referrers: bool,
    progress: &'a P,
    copied: Copied,
}

impl<S: Registry, T: Registry, P: Progress> Copier<'_, S, T, P> {
    async fn manifest(&mut self, fetched: Fetched, name: &ManifestRef, depth: usize) -> Result<(), Error> {
        if !self.copied.manifests.insert(fetched.digest) {
            return Ok(());
        }
        let too_many =
            |limit: usize| Error::TooLarge { what: format!("the tree of {}", fetched.digest), limit: limit as u64 };
        if depth > DEEPEST {
            return Err(too_many(DEEPEST));
        }
        if self.copied.manifests.len() > MOST_MANIFESTS {
            return Err(too_many(MOST_MANIFESTS));
        }
        let what = || format!("{} {}", self.from, fetched.digest);
        let envelope = Envelope::read(&fetched.bytes, what)?;
        for blob in envelope.blobs() {
            self.blob(blob).await?;
        }
        for child in &envelope.manifests {
            self.by_digest(child, depth + 1).await?;
        }
        self.copied.bytes += fetched.bytes.len() as u64;
        self.target.write_manifest(self.to, name, &fetched.media_type, fetched.bytes).await?;
        if self.with_referrers {
            for referrer in self.source.referrers(self.from, &fetched.digest).await? {
                self.by_digest(&referrer, depth + 1).await?;
            }
        }
        Ok(())
    }

    async fn by_digest(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Error> {
        let name = ManifestRef::Digest(descriptor.digest);
        let fetched = self.source.manifest(self.from, &name).await?;
        Box::pin(self.manifest(fetched, &name, depth)).await
    }

    async fn blob(&mut self, blob: &Descriptor) -> Result<(), Error> {
        if !self.copied.blobs.insert(blob.digest) {
            return Ok(());
        }
        self.progress.begin(blob.label(), &blob.digest, blob.size);
        let bytes = self.source.watched_blob(self.from, blob, MAX_BLOB, self.progress).await?;
        self.target.write_blob(self.to, blob, bytes).await?;
        self.copied.bytes += blob.size;
        self.progress.end(&blob.digest);
        Ok(())
    }
}
