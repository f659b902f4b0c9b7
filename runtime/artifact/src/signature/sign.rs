//! Signing: a statement, a signature over it, and a manifest that the registry lists among the artifact's referrers.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::error::SignatureError;
use super::key::SecretKey;
use super::{BUNDLE_MEDIA_TYPE, MAX_BUNDLE, PREDICATE_TYPE, SIGNED_AT, bundle, statement};
use crate::registry::{Descriptor, Fetched, Registry};
use crate::{Digest, ManifestRef, Repository};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What is signed beside the digest.
#[derive(Debug, Clone, Default)]
pub struct SignOptions {
    /// Seconds since 1970. Without it the signature fulfils no policy that limits the age. The caller says it, because a library
    /// that reads a clock gives different bytes each time.
    pub signed_at: Option<u64>,
    /// More annotations, which `cosign verify -a key=value` can ask for.
    pub annotations: BTreeMap<String, String>,
}

/// A signature that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The manifest of the signature.
    pub manifest: Digest,
    /// The bundle in it.
    pub bundle: Digest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    artifact_type: &'a str,
    config: &'a Descriptor,
    layers: [&'a Descriptor; 1],
    subject: Descriptor,
    annotations: BTreeMap<&'a str, &'a str>,
}

/// Signs `subject` and pushes the signature beside it, where `cosign verify --key` finds it.
///
/// Signing again adds another signature and removes none. What the registry holds under the digest afterwards is not read.
///
/// # Errors
/// [`SignatureError::NotSigned`], [`SignatureError::SignatureTooLarge`], [`SignatureError::Registry`].
pub async fn sign(
    registry: &impl Registry,
    repository: &Repository,
    subject: &Fetched,
    options: &SignOptions,
    key: &SecretKey,
) -> Result<Signed, SignatureError> {
    let mut annotations = options.annotations.clone();
    if let Some(seconds) = options.signed_at {
        annotations.insert(SIGNED_AT.to_owned(), seconds.to_string());
    }
    let payload = statement::write(&subject.digest, &annotations).ok_or(SignatureError::NotSigned)?;
    let signature = key.sign(&bundle::Signed::message(&payload)).ok_or(SignatureError::NotSigned)?;
    let hint = ring::digest::digest(&ring::digest::SHA256, &key.public().spki());
    let bundle = bundle::write(&payload, &signature, hint.as_ref()).ok_or(SignatureError::NotSigned)?;
    if bundle.len() as u64 > MAX_BUNDLE {
        return Err(SignatureError::SignatureTooLarge { limit: MAX_BUNDLE });
    }
    let (config, layer) = (Bytes::from_static(b"{}"), bundle);
    let (config_at, layer_at) = (descriptor(EMPTY, &config), descriptor(BUNDLE_MEDIA_TYPE, &layer));
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        artifact_type: BUNDLE_MEDIA_TYPE,
        config: &config_at,
        layers: [&layer_at],
        subject: descriptor(&subject.media_type, &subject.bytes),
        annotations: BTreeMap::from([
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", PREDICATE_TYPE),
        ]),
    };
    let manifest = Bytes::from(serde_json::to_vec(&manifest).map_err(|_| SignatureError::NotSigned)?);
    let digest = Digest::of(&manifest);
    registry.write_blob(repository, &config_at, config).await?;
    registry.write_blob(repository, &layer_at, layer).await?;
    registry.write_manifest(repository, &ManifestRef::Digest(digest), MANIFEST, manifest).await?;
    Ok(Signed { manifest: digest, bundle: layer_at.digest })
}

fn descriptor(media_type: &str, bytes: &Bytes) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        artifact_type: None,
        annotations: BTreeMap::new(),
    }
}
