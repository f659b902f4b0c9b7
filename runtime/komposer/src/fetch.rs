//! An import's pattern out of a registry: which manifest is meant, who signed it, and whether it is what was asked for.

use orkestra_artifact::signature::{self, FetchError as Unverified};
use orkestra_artifact::trust::{Asked, TrustPolicy};
use orkestra_artifact::{
    Config, Contents, Digest, Fetched as Manifest, PatternManifest, Progress, Reference, Registry, Verified, versions,
};
use semver::{Version, VersionReq};

use crate::lock::{Artifact, Locked};

/// What is to be fetched, and what has to hold of it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// As the Komposer writes it: with a mirror the original name.
    pub reference: &'a Reference,
    /// A range of versions, where the reference has no tag.
    pub range: Option<&'a VersionReq>,
    /// Whether the lock says which one.
    pub pin: Pin<'a>,
    /// Every one of them has to be fulfilled; none: nothing is verified, and there are no [`Fetched::signers`].
    pub trust: &'a [TrustPolicy],
    /// In seconds since 1970.
    pub now: u64,
}

/// Whether the lock says which manifest it is.
#[derive(Debug, Clone, Copy)]
pub enum Pin<'a> {
    /// The one in the lock, whatever tags say.
    Locked(&'a Artifact),
    /// What the Komposer asks for now.
    Anew {
        /// What was locked for the same instance before.
        before: Option<&'a Locked>,
        /// Whether a version below that is meant.
        allow_downgrade: bool,
    },
}

/// A pattern of which every byte belongs to one manifest.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// With the digest, and with the tag as it is spelt in the registry.
    pub reference: Reference,
    /// The manifest.
    pub manifest: Digest,
    /// What it says of itself.
    pub config: Config,
    /// Its files and its component.
    pub contents: Contents,
    /// Whose signatures fulfilled the trust that was asked for, in order.
    pub signers: Vec<String>,
}

/// Why a pattern is not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It cannot be had, or is no pattern.
    #[error(transparent)]
    Artifact(#[from] orkestra_artifact::Error),
    /// Nobody who is trusted has signed it.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// A version has other content than when it was locked.
    #[error(
        "{repository} has version {version} with the digest {found}, and {locked} is locked: a version never changes, so somebody replaced it"
    )]
    TagMoved {
        /// As the Komposer writes it.
        repository: String,
        /// That was locked.
        version: Box<Version>,
        /// In the lock.
        locked: Digest,
        /// In the registry.
        found: Digest,
    },
}

impl FetchError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Artifact(error) => error.reason(),
            Self::Unverified(error) => error.reason(),
            Self::TagMoved { .. } => "TagMoved",
        }
    }

    /// Whether the registry could not be asked at all.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Artifact(error) | Self::Unverified(Unverified::Artifact(error)) => error.is_unreachable(),
            _ => false,
        }
    }
}

/// Fetches a pattern. Signatures are verified before its config or a file is read.
///
/// # Errors
/// All of [`FetchError`].
pub async fn fetch(
    registry: &impl Registry,
    wanted: Wanted<'_>,
    progress: &impl Progress,
) -> Result<Fetched, FetchError> {
    let (reference, manifest) = find(registry, &wanted).await?;
    let (before, allow_downgrade) = match wanted.pin {
        Pin::Locked(_) => (None, false),
        Pin::Anew { before, allow_downgrade } => (before, allow_downgrade),
    };
    if let Some(version) = reference.tag.as_deref().and_then(versions::version_of) {
        unmoved(&reference, &version, manifest.digest, before)?;
    }
    let (verified, signers) = verify(registry, &wanted, &manifest).await?;
    let locked = before.map(|locked| &locked.version);
    let config = verified.config(registry, Asked { reference: &reference, locked, allow_downgrade }).await?;
    unmoved(&reference, &config.version, manifest.digest, before)?;
    let contents = verified.contents(registry, &reference.repository, progress).await?;
    Ok(Fetched { reference, manifest: manifest.digest, config, contents, signers })
}

/// Whether the tag of a locked version still names what is locked. A tag that is gone, or that floats, says nothing.
///
/// # Errors
/// [`FetchError::TagMoved`], and those of asking the registry.
pub async fn still_tagged(registry: &impl Registry, reference: &Reference, locked: &Locked) -> Result<(), FetchError> {
    let Some(version) = reference.tag.as_deref().and_then(versions::version_of) else { return Ok(()) };
    let tagged = Reference { digest: None, ..reference.clone() };
    match versions::find(registry, &tagged).await {
        Ok((found, manifest)) => unmoved(&found, &version, manifest.digest, Some(locked)),
        Err(orkestra_artifact::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn find(registry: &impl Registry, wanted: &Wanted<'_>) -> Result<(Reference, Manifest), FetchError> {
    let repository = &wanted.reference.repository;
    let exact = |tag: Option<String>, digest| Reference { repository: repository.clone(), tag, digest };
    let reference = match (wanted.pin, wanted.range) {
        (Pin::Locked(locked), _) => exact(locked.tag.clone(), Some(locked.manifest)),
        (_, Some(range)) if wanted.reference.digest.is_none() => {
            exact(Some(versions::choose(registry, repository, range).await?.1), None)
        }
        _ => wanted.reference.clone(),
    };
    Ok(versions::find(registry, &reference).await?)
}

async fn verify(
    registry: &impl Registry,
    wanted: &Wanted<'_>,
    manifest: &Manifest,
) -> Result<(Verified<PatternManifest>, Vec<String>), FetchError> {
    let digest = orkestra_artifact::ManifestRef::Digest(manifest.digest);
    let mut found = None;
    let mut signers = Vec::new();
    for trust in wanted.trust {
        let verified = signature::fetch(registry, &wanted.reference.repository, &digest, trust, wanted.now).await?;
        signers.extend(verified.verification().signers().iter().cloned());
        found = Some(verified);
    }
    signers.sort();
    signers.dedup();
    let verified = match found {
        Some(verified) => verified,
        None => Verified::unverified(PatternManifest::read(manifest).map_err(orkestra_artifact::Error::from)?),
    };
    Ok((verified, signers))
}

fn unmoved(reference: &Reference, version: &Version, found: Digest, before: Option<&Locked>) -> Result<(), FetchError> {
    let Some(Locked { version: locked, artifact: Some(artifact), .. }) = before else { return Ok(()) };
    if locked != version || artifact.manifest == found || artifact.repository != reference.repository {
        return Ok(());
    }
    Err(FetchError::TagMoved {
        repository: reference.repository.to_string(),
        version: Box::new(version.clone()),
        locked: artifact.manifest,
        found,
    })
}
