//! Verification: which trusted keys signed an artifact. Neither its manifest nor its config nor a layer is read.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use super::bundle::Signed;
use super::error::{Rejected, Rejection, SignatureError};
use super::key::PublicKey;
use super::sign::{EMPTY, MANIFEST};
use super::{BUNDLE_MEDIA_TYPE, MAX_BUNDLE, statement};
use crate::registry::{Descriptor, Fetched, Registry};
use crate::{Digest, Error, ManifestRef, PatternManifest, Repository, Verification, Verified, json};

/// How many referrers are looked at. A registry that lists more can hide a good signature, which is as if it withheld it.
pub const MAX_CANDIDATES: usize = 64;

/// A clock may be wrong by this much before a signature counts as made in the future.
const CLOCK_SKEW: Duration = Duration::from_secs(600);

/// What a consumer asks of the signatures of one artifact.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// Who is trusted. One that is listed twice counts once.
    pub keys: &'a [PublicKey],
    /// How many different ones must have signed.
    pub quorum: NonZeroUsize,
    /// How old a signature may be, and what time it is in seconds since 1970. Where this is asked for, signatures that say no time
    /// do not count.
    pub max_age: Option<(Duration, u64)>,
}

/// Who signed, after a policy was fulfilled.
#[derive(Debug)]
pub struct Signers {
    subject: Digest,
    keys: BTreeMap<PublicKey, Digest>,
    rejected: Vec<Rejected>,
}

impl Signers {
    /// The trusted keys with a good signature, each with the manifest of one, in the order of the keys.
    pub fn keys(&self) -> impl Iterator<Item = (&PublicKey, &Digest)> {
        self.keys.iter()
    }

    /// The manifest that they signed, as a pattern's.
    ///
    /// # Errors
    /// [`Error::DigestMismatch`] where `fetched` is not what they signed, and all of [`crate::manifest::ManifestError`].
    pub fn vouch(&self, fetched: &Fetched) -> Result<Verified<PatternManifest>, Error> {
        if fetched.digest != self.subject {
            let what = "the manifest beside the signatures".to_owned();
            return Err(Error::DigestMismatch { what, expected: self.subject, found: fetched.digest });
        }
        let names = self.keys.keys().map(PublicKey::to_string).collect();
        Ok(Verified::by(PatternManifest::read(fetched)?, Verification::by(names)))
    }

    /// The candidates that did not count, for whoever wants to see them.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }
}

/// What is read of a candidate's manifest. Other fields say nothing that a signature depends on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    artifact_type: Option<String>,
    layers: Vec<Descriptor>,
    subject: Option<Descriptor>,
}

/// Finds out whether enough trusted keys signed the manifest with the digest `subject`.
///
/// Candidates are looked at one after the other; a bad one is skipped, whatever is wrong with it, and the search ends when the
/// policy is fulfilled.
///
/// # Errors
/// [`SignatureError::Registry`] where the registry lists no referrers, [`SignatureError::ImpossibleQuorum`], and the others by
/// what was found instead of good signatures. All candidates with their reasons are in them.
pub async fn verify(
    registry: &impl Registry,
    repository: &Repository,
    subject: &Digest,
    policy: &Policy<'_>,
) -> Result<Signers, SignatureError> {
    let mut trusted = policy.keys.to_vec();
    trusted.sort_unstable();
    trusted.dedup();
    let expected = policy.quorum.get();
    if expected > trusted.len() {
        return Err(SignatureError::ImpossibleQuorum { quorum: expected, keys: trusted.len() });
    }
    let referrers = registry.referrers(repository, subject).await?;
    let (mut keys, mut rejected) = (BTreeMap::new(), Vec::new());
    for referrer in referrers.iter().take(MAX_CANDIDATES).filter(|referrer| may_be_signature(referrer)) {
        match judge(registry, repository, subject, &trusted, policy, referrer).await {
            Ok(Some(key)) => {
                keys.entry(key).or_insert(referrer.digest);
            }
            Ok(None) => {}
            Err(why) => rejected.push(Rejected { manifest: referrer.digest, why }),
        }
        if keys.len() >= expected {
            return Ok(Signers { subject: *subject, keys, rejected });
        }
    }
    Err(failure(repository, subject, (keys.len(), expected), referrers.len() >= MAX_CANDIDATES, rejected))
}

/// By type. Registries that list the config's type instead of the artifact's say that it is empty, and old ones say nothing; then
/// the manifest decides.
fn may_be_signature(referrer: &Descriptor) -> bool {
    referrer.media_type == MANIFEST
        && matches!(referrer.artifact_type.as_deref(), None | Some(BUNDLE_MEDIA_TYPE | EMPTY))
}

/// The trusted key that signed, none where the candidate does not pretend to be a signature.
async fn judge(
    registry: &impl Registry,
    repository: &Repository,
    subject: &Digest,
    trusted: &[PublicKey],
    policy: &Policy<'_>,
    referrer: &Descriptor,
) -> Result<Option<PublicKey>, Rejection> {
    let malformed = |problem| Rejection::Malformed { problem };
    let manifest =
        registry.manifest(repository, &ManifestRef::Digest(referrer.digest)).await.map_err(Rejection::Unreadable)?;
    let candidate: Candidate = json::read(&manifest.bytes)
        .map_err(|_| malformed("the manifest is no JSON, or lacks a field, or has a repeated one"))?;
    if candidate.artifact_type.as_deref() != Some(BUNDLE_MEDIA_TYPE) {
        return Ok(None);
    }
    if candidate.subject.is_none_or(|of| of.digest != *subject) {
        return Err(malformed("the manifest is not about this artifact"));
    }
    let [layer] = candidate.layers.as_slice() else {
        return Err(malformed("the manifest must have exactly one layer"));
    };
    if layer.media_type != BUNDLE_MEDIA_TYPE {
        return Err(malformed("the layer is no bundle"));
    }
    let bundle = registry.blob(repository, layer, MAX_BUNDLE).await.map_err(Rejection::Unreadable)?;
    let signed = Signed::read(&bundle)?;
    let message = Signed::message(&signed.payload);
    let key = trusted.iter().find(|key| key.verifies(&message, &signed.signature)).ok_or(Rejection::UntrustedSigner)?;
    let claim = statement::read(&signed.payload, subject)?;
    if let Some((max_age, now)) = policy.max_age {
        let signed_at = claim.signed_at.ok_or(Rejection::NoSigningTime)?;
        let too_old = now.saturating_sub(signed_at) > max_age.as_secs();
        if too_old || signed_at.saturating_sub(now) > CLOCK_SKEW.as_secs() {
            return Err(Rejection::OutOfDate { signed_at });
        }
    }
    Ok(Some(*key))
}

/// The error that helps most: of the candidates, the one that came furthest says what is wrong.
fn failure(
    repository: &Repository,
    subject: &Digest,
    (found, expected): (usize, usize),
    too_many: bool,
    rejected: Vec<Rejected>,
) -> SignatureError {
    let (repository, subject) = (repository.clone(), *subject);
    let any = |wanted: fn(&Rejection) -> bool| rejected.iter().any(|one| wanted(&one.why));
    if too_many {
        return SignatureError::TooManyCandidates { repository, subject, limit: MAX_CANDIDATES, rejected };
    }
    if found > 0 {
        return SignatureError::QuorumNotReached { repository, subject, found, expected, rejected };
    }
    if any(|why| matches!(why, Rejection::OutOfDate { .. } | Rejection::NoSigningTime)) {
        return SignatureError::SignatureOutOfDate { repository, subject, rejected };
    }
    if any(|why| matches!(why, Rejection::WrongSubject)) {
        return SignatureError::WrongSubject { repository, subject, rejected };
    }
    if any(|why| matches!(why, Rejection::UntrustedSigner)) {
        return SignatureError::UntrustedSigner { repository, subject, rejected };
    }
    if any(|why| matches!(why, Rejection::Keyless)) {
        return SignatureError::KeylessSignature { repository, subject, rejected };
    }
    if rejected.is_empty() {
        return SignatureError::Unsigned { repository, subject };
    }
    SignatureError::MalformedSignature { repository, subject, rejected }
}
