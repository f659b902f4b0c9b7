//! The way from a name to a [`Verified`] manifest: the only one on which signatures count.

use super::error::SignatureError;
use super::verify::verify;
use crate::registry::Registry;
use crate::trust::TrustPolicy;
use crate::{Error, ManifestRef, PatternManifest, Repository, Verified};

/// Why there is no verified manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The policy says nothing about the repository.
    #[error("no entry of the trust policy is about {repository}; add one with the keys of its author")]
    NoTrustEntry {
        /// As the user wrote it.
        repository: Repository,
    },
    /// What the entry asks for is not fulfilled.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The manifest is not to be had, or no pattern's.
    #[error(transparent)]
    Artifact(#[from] Error),
}

impl FetchError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoTrustEntry { .. } => "NoTrustEntry",
            Self::Signature(error) => error.reason(),
            Self::Artifact(error) => error.reason(),
        }
    }
}

/// Fetches a pattern's manifest and verifies it by what the consumer trusts for `repository`, which is the original name where a
/// mirror serves the bytes. `now` is in seconds since 1970. The digest that the registry gives for a tag is what is verified, and
/// the manifest is read as a pattern's only afterwards.
///
/// That the name and version are those that were asked for is held where the config is read: [`Verified::config`].
///
/// # Errors
/// All of [`FetchError`].
pub async fn fetch(
    registry: &impl Registry,
    repository: &Repository,
    manifest: &ManifestRef,
    trust: &TrustPolicy,
    now: u64,
) -> Result<Verified<PatternManifest>, FetchError> {
    let entry = trust.entry(repository).ok_or_else(|| FetchError::NoTrustEntry { repository: repository.clone() })?;
    let fetched = registry.manifest(repository, manifest).await?;
    let signers = verify(registry, repository, &fetched.digest, &entry.policy(now)).await?;
    Ok(signers.vouch(&fetched)?)
}
