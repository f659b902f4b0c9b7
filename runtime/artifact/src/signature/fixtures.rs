//! What the real cosign wrote (`tests/cosign/README.md`) is read without it.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;

use super::{BUNDLE_MEDIA_TYPE, MAX_BUNDLE, Password, Policy, PublicKey, SecretKey, sign, verify};
use crate::memory::FakeRegistry;
use crate::registry::{Descriptor, Registry as _};
use crate::signature::SignOptions;
use crate::signature::bundle::Signed;
use crate::signature::statement;
use crate::{Digest, ManifestRef, Repository};

const KEY: &str = include_str!("../../tests/cosign/cosign.key");
const PUBLIC: &str = include_str!("../../tests/cosign/cosign.pub");
const SUBJECT: &[u8] = include_bytes!("../../tests/cosign/subject.json");
const MANIFEST: &[u8] = include_bytes!("../../tests/cosign/signature.manifest.json");
const BUNDLE: &[u8] = include_bytes!("../../tests/cosign/signature.bundle.json");
const ANNOTATED_SUBJECT: &[u8] = include_bytes!("../../tests/cosign/annotated.subject.json");
const ANNOTATED: &[u8] = include_bytes!("../../tests/cosign/annotated.bundle.json");

#[test]
fn cosigns_key_file_opens_and_is_the_pair_of_its_public_key() {
    let key = SecretKey::from_pem(KEY, Password(b"test-password")).unwrap();
    assert_eq!(key.public(), PublicKey::from_pem(PUBLIC).unwrap());
    assert_eq!(key.public().to_pem(), PUBLIC);
    let wrong = SecretKey::from_pem(KEY, Password(b"other")).err().unwrap();
    assert_eq!(wrong.reason(), "WrongPassword");
}

#[test]
fn our_key_file_opens_too() {
    let key = SecretKey::generate().unwrap();
    let text = key.to_pem(Password(b"")).unwrap();
    assert_eq!(SecretKey::from_pem(&text, Password(b"")).unwrap().public(), key.public());
}

#[tokio::test]
async fn cosigns_signature_is_good_for_its_artifact() {
    let registry = FakeRegistry::default();
    let repository: Repository = "r.example/a/pg".parse().unwrap();
    let bundle = Descriptor {
        media_type: BUNDLE_MEDIA_TYPE.into(),
        digest: Digest::of(BUNDLE),
        size: BUNDLE.len() as u64,
        artifact_type: None,
        annotations: Default::default(),
    };
    registry.write_blob(&repository, &bundle, Bytes::from_static(BUNDLE)).await.unwrap();
    let manifest = ManifestRef::Digest(Digest::of(MANIFEST));
    registry.write_manifest(&repository, &manifest, sign::MANIFEST, Bytes::from_static(MANIFEST)).await.unwrap();

    let keys = [PublicKey::from_pem(PUBLIC).unwrap()];
    let policy = Policy { keys: &keys, quorum: NonZeroUsize::MIN, max_age: None };
    let signers = verify(&registry, &repository, &Digest::of(SUBJECT), &policy).await.unwrap();
    assert_eq!(signers.keys().next(), Some((&keys[0], &Digest::of(MANIFEST))));

    // It does not say when it was made, where it is signed.
    let aged = Policy { max_age: Some((Duration::MAX, 0)), ..policy };
    let error = verify(&registry, &repository, &Digest::of(SUBJECT), &aged).await.unwrap_err();
    assert_eq!(error.reason(), "SignatureOutOfDate");

    // As from a registry that lists the config's type, as the one in go-containerregistry does.
    for listed in registry.referrers.lock().unwrap().values_mut().flatten() {
        listed.artifact_type = Some(sign::EMPTY.into());
    }
    let policy = Policy { keys: &keys, quorum: NonZeroUsize::MIN, max_age: None };
    assert!(verify(&registry, &repository, &Digest::of(SUBJECT), &policy).await.is_ok());
}

#[test]
fn cosigns_annotation_says_the_time() {
    let signed = Signed::read(ANNOTATED).unwrap();
    let key = PublicKey::from_pem(PUBLIC).unwrap();
    assert!(key.verifies(&Signed::message(&signed.payload), &signed.signature));
    let claim = statement::read(&signed.payload, &Digest::of(ANNOTATED_SUBJECT)).unwrap();
    assert_eq!(claim.signed_at, Some(1_790_000_000));
}

/// The payload that cosign made is the payload that is made here, byte for byte.
#[test]
fn statements_are_written_as_cosign_does() {
    let signed = Signed::read(BUNDLE).unwrap();
    let written = statement::write(&Digest::of(SUBJECT), &SignOptions::default().annotations).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(signed.payload).unwrap());
    assert!(BUNDLE.len() as u64 <= MAX_BUNDLE);
}
