//! `pull`: the first half of `pull → verify → unpack`. What comes of it is a manifest, and nothing beneath it.

use crate::error::Error;
use crate::manifest::PatternManifest;
use crate::reference::Reference;
use crate::registry::{Fetched, Registry};
use crate::versions;

/// A pattern that was found and not verified yet.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// What was found: with its digest, and with the tag as it is spelt there.
    pub reference: Reference,
    /// The manifest as it came: what signatures cover.
    pub fetched: Fetched,
    /// The manifest as it was read.
    pub manifest: PatternManifest,
}

/// Finds a pattern by digest or tag, the tag with or without its `v`.
///
/// # Errors
/// [`Error::NotFound`], all of [`crate::manifest::ManifestError`], and those of the registry.
pub async fn pull(registry: &impl Registry, reference: &Reference) -> Result<Pulled, Error> {
    let (reference, fetched) = versions::find(registry, reference).await?;
    let manifest = PatternManifest::read(&fetched)?;
    Ok(Pulled { reference, fetched, manifest })
}
