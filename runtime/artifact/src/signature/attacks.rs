//! Attacks on the verification, each beside the honest twin that is accepted.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::bundle::Signed as Envelope;
use super::{
    BUNDLE_MEDIA_TYPE, FetchError, MAX_BUNDLE, Policy, PublicKey, SIGNED_AT, SecretKey, SignOptions, SignatureError,
    Signers, fetch, sign, statement, verify,
};
use crate::memory::FakeRegistry;
use crate::registry::{Descriptor, Fetched, Registry as _};
use crate::trust::{TrustEntry, TrustPolicy};
use crate::{Digest, ManifestRef, Repository};

const NOW: u64 = 1_800_000_000;

struct Stage {
    registry: FakeRegistry,
    repository: Repository,
    artifact: Fetched,
    key: SecretKey,
}

fn artifact(text: &str) -> Fetched {
    let bytes = Bytes::from(text.to_owned());
    Fetched { media_type: sign::MANIFEST.into(), digest: Digest::of(&bytes), bytes }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.into(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        artifact_type: None,
        annotations: BTreeMap::new(),
    }
}

impl Stage {
    fn new() -> Self {
        Self {
            registry: FakeRegistry::default(),
            repository: "r.example/a/pg".parse().unwrap(),
            artifact: artifact(r#"{"the": "artifact"}"#),
            key: SecretKey::generate().unwrap(),
        }
    }

    async fn sign(&self, artifact: &Fetched, key: &SecretKey) {
        sign(&self.registry, &self.repository, artifact, &SignOptions::default(), key).await.unwrap();
    }

    /// The bundle that an honest signer makes.
    fn honest(&self) -> Value {
        self.over(&statement::write(&self.artifact.digest, &BTreeMap::new()).unwrap(), &self.key)
    }

    fn over(&self, payload: &[u8], key: &SecretKey) -> Value {
        let signature = key.sign(&Envelope::message(payload)).unwrap();
        serde_json::from_slice(&super::bundle::write(payload, &signature, b"").unwrap()).unwrap()
    }

    /// Puts a bundle beside the artifact, in a manifest that `change` may have changed.
    async fn put(&self, bundle: &[u8], change: impl Fn(&mut Value)) {
        let layer = descriptor(BUNDLE_MEDIA_TYPE, bundle);
        self.registry.write_blob(&self.repository, &layer, Bytes::copy_from_slice(bundle)).await.unwrap();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": sign::MANIFEST,
            "artifactType": BUNDLE_MEDIA_TYPE,
            "config": descriptor(sign::EMPTY, b"{}"),
            "layers": [layer],
            "subject": descriptor(sign::MANIFEST, &self.artifact.bytes),
        });
        change(&mut manifest);
        self.put_manifest(&serde_json::to_vec(&manifest).unwrap()).await;
    }

    /// Lists a manifest among the artifact's referrers, whatever is in it.
    async fn put_manifest(&self, bytes: &[u8]) {
        let listed = Descriptor { artifact_type: Some(BUNDLE_MEDIA_TYPE.into()), ..descriptor(sign::MANIFEST, bytes) };
        let content = (sign::MANIFEST.to_owned(), Bytes::copy_from_slice(bytes));
        self.registry.manifests.lock().unwrap().insert(listed.digest.to_string(), content);
        self.registry.referrers.lock().unwrap().entry(self.artifact.digest).or_default().push(listed);
    }

    async fn verify(&self) -> Result<Signers, SignatureError> {
        self.verify_by(&[self.key.public()], 1).await
    }

    async fn verify_by(&self, keys: &[PublicKey], quorum: usize) -> Result<Signers, SignatureError> {
        let policy = Policy { keys, quorum: NonZeroUsize::new(quorum).unwrap(), max_age: None };
        verify(&self.registry, &self.repository, &self.artifact.digest, &policy).await
    }

    async fn outcome(&self) -> &'static str {
        self.verify().await.map_or_else(|error| error.reason(), |_| "fine")
    }
}

#[tokio::test]
async fn unsigned_and_signed() {
    let stage = Stage::new();
    assert_eq!(stage.outcome().await, "Unsigned");
    stage.sign(&stage.artifact, &stage.key).await;
    assert_eq!(stage.outcome().await, "fine");
}

#[tokio::test]
async fn a_strangers_signature_counts_for_nothing_and_hides_nothing() {
    let stage = Stage::new();
    stage.sign(&stage.artifact, &SecretKey::generate().unwrap()).await;
    assert_eq!(stage.outcome().await, "UntrustedSigner");
    stage.sign(&stage.artifact, &stage.key).await;
    let signers = stage.verify().await.unwrap();
    assert_eq!(signers.keys().map(|(key, _)| *key).collect::<Vec<_>>(), [stage.key.public()]);
    assert_eq!(signers.rejected()[0].why.reason(), "UntrustedSigner");
}

#[tokio::test]
async fn a_good_signature_of_another_artifact_is_refused() {
    let stage = Stage::new();
    let other = statement::write(&artifact("another").digest, &BTreeMap::new()).unwrap();
    stage.put(stage.over(&other, &stage.key).to_string().as_bytes(), |_| ()).await;
    assert_eq!(stage.outcome().await, "WrongSubject");
    stage.put(stage.honest().to_string().as_bytes(), |_| ()).await;
    assert_eq!(stage.outcome().await, "fine");
}

#[tokio::test]
async fn bundles_that_were_tampered_with_are_skipped() {
    let other = STANDARD.encode(statement::write(&artifact("x").digest, &BTreeMap::new()).unwrap());
    let decoded =
        |bundle: &Value| STANDARD.decode(bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    type Change<'a> = &'a dyn Fn(&mut Value);
    let attacks: &[(&str, &str, Change<'_>)] = &[
        ("swapped payload", "UntrustedSigner", &|bundle| {
            bundle["dsseEnvelope"]["payload"] = other.clone().into();
        }),
        ("other payload type", "MalformedSignature", &|bundle| {
            bundle["dsseEnvelope"]["payloadType"] = "application/json".into();
        }),
        ("trailing bytes", "MalformedSignature", &|bundle| {
            let mut signature = decoded(bundle);
            signature.push(0);
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode(signature).into();
        }),
        ("flipped bit", "UntrustedSigner", &|bundle| {
            let mut signature = decoded(bundle);
            *signature.last_mut().unwrap() ^= 1;
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode(signature).into();
        }),
        ("empty signature", "MalformedSignature", &|bundle| {
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = "".into();
        }),
        ("zero numbers", "UntrustedSigner", &|bundle| {
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode([0x30, 6, 2, 1, 0, 2, 1, 0]).into();
        }),
        ("no signature", "MalformedSignature", &|bundle| bundle["dsseEnvelope"]["signatures"] = json!([])),
        ("two signatures", "MalformedSignature", &|bundle| {
            let one = bundle["dsseEnvelope"]["signatures"][0].clone();
            bundle["dsseEnvelope"]["signatures"] = json!([one, one]);
        }),
        ("base64 with a line break", "MalformedSignature", &|bundle| {
            let payload = format!("{}\n", bundle["dsseEnvelope"]["payload"].as_str().unwrap());
            bundle["dsseEnvelope"]["payload"] = payload.into();
        }),
        ("unknown field", "MalformedSignature", &|bundle| bundle["critical"] = json!(["x"])),
        ("two contents", "MalformedSignature", &|bundle| bundle["messageSignature"] = json!({})),
        ("bare message", "MalformedSignature", &|bundle| {
            bundle["messageSignature"] = json!({"signature": ""});
            bundle.as_object_mut().unwrap().remove("dsseEnvelope");
        }),
        ("other version", "MalformedSignature", &|bundle| {
            bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json".into();
        }),
        ("keyless", "KeylessSignature", &|bundle| {
            bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []});
        }),
        ("key and certificate", "MalformedSignature", &|bundle| {
            bundle["verificationMaterial"]["certificate"] = json!({"rawBytes": "AAAA"});
        }),
        ("no material", "MalformedSignature", &|bundle| bundle["verificationMaterial"] = json!({})),
    ];
    for (name, expected, change) in attacks {
        let stage = Stage::new();
        let mut bundle = stage.honest();
        change(&mut bundle);
        stage.put(bundle.to_string().as_bytes(), |_| ()).await;
        assert_eq!(stage.outcome().await, *expected, "{name}");
        // The honest one beside it is found.
        stage.put(stage.honest().to_string().as_bytes(), |_| ()).await;
        assert_eq!(stage.outcome().await, "fine", "{name}");
    }
}

#[tokio::test]
async fn repeated_keys_and_deep_nesting_are_refused() {
    let deep = format!(r#"{{"tlogEntries":{}{},"publicKey""#, "[".repeat(5000), "]".repeat(5000));
    for (from, to) in [
        (r#"{"payload""#, r#"{"payload":"","payload""#),
        (r#"{"mediaType""#, r#"{"mediaType":"","mediaType""#),
        (r#"{"publicKey""#, deep.as_str()),
        (r#"{"mediaType""#, "[{\"mediaType\""),
        (r#"{"mediaType""#, "\u{feff}{\"mediaType\""),
    ] {
        let stage = Stage::new();
        let honest = stage.honest().to_string();
        assert!(honest.contains(from), "{from}");
        stage.put(honest.replacen(from, to, 1).as_bytes(), |_| ()).await;
        assert_eq!(stage.outcome().await, "MalformedSignature", "{to:.40}");
    }
}

#[tokio::test]
async fn manifests_that_lie_are_skipped() {
    type Change<'a> = &'a dyn Fn(&mut Value);
    let attacks: &[(&str, &str, Change<'_>)] = &[
        ("honest", "fine", &|_| ()),
        ("layer too large", "MalformedSignature", &|manifest| manifest["layers"][0]["size"] = (MAX_BUNDLE + 1).into()),
        ("layer shorter", "MalformedSignature", &|manifest| manifest["layers"][0]["size"] = (MAX_BUNDLE).into()),
        ("layer longer", "MalformedSignature", &|manifest| manifest["layers"][0]["size"] = 1.into()),
        ("layer of other content", "MalformedSignature", &|manifest| {
            manifest["layers"][0]["digest"] = Digest::of(b"other").to_string().into();
        }),
        ("other algorithm", "MalformedSignature", &|manifest| manifest["layers"][0]["digest"] = "sha1:00".into()),
        ("no layer", "MalformedSignature", &|manifest| manifest["layers"] = json!([])),
        ("two layers", "MalformedSignature", &|manifest| {
            let one = manifest["layers"][0].clone();
            manifest["layers"] = json!([one, one]);
        }),
        ("layer of another type", "MalformedSignature", &|manifest| {
            manifest["layers"][0]["mediaType"] = "application/json".into();
        }),
        ("subject of another", "MalformedSignature", &|manifest| {
            manifest["subject"]["digest"] = Digest::of(b"other").to_string().into();
        }),
        ("no subject", "MalformedSignature", &|manifest| {
            manifest.as_object_mut().unwrap().remove("subject");
        }),
        ("another artifact type", "Unsigned", &|manifest| manifest["artifactType"] = "application/spdx+json".into()),
    ];
    for (name, expected, change) in attacks {
        let stage = Stage::new();
        stage.put(stage.honest().to_string().as_bytes(), change).await;
        assert_eq!(stage.outcome().await, *expected, "{name}");
    }
    let stage = Stage::new();
    stage.put_manifest(b"not json").await;
    assert_eq!(stage.outcome().await, "MalformedSignature");
    stage.put_manifest(br#"{"layers":[],"layers":[]}"#).await;
    stage.put_manifest(&vec![b' '; (4 << 20) + 1]).await;
    assert_eq!(stage.outcome().await, "MalformedSignature");
    stage.sign(&stage.artifact, &stage.key).await;
    assert_eq!(stage.outcome().await, "fine");
}

#[tokio::test]
async fn a_flood_of_referrers_is_bounded_and_said_to_be_one() {
    let stage = Stage::new();
    stage.sign(&stage.artifact, &stage.key).await;
    for index in 0..10_000 {
        stage.put_manifest(format!(r#"{{"junk": {index}}}"#).as_bytes()).await;
    }
    assert_eq!(stage.outcome().await, "fine");
    // Behind the junk, the signature is not found; the junk is not read without end.
    stage.registry.referrers.lock().unwrap().get_mut(&stage.artifact.digest).unwrap().reverse();
    stage.registry.reads.store(0, Ordering::Relaxed);
    let error = stage.verify().await.unwrap_err();
    assert_eq!(error.reason(), "TooManyCandidates");
    assert!(stage.registry.reads.load(Ordering::Relaxed) <= 64);
    assert!(error.to_string().len() < 1500, "{error}");
}

#[tokio::test]
async fn a_quorum_counts_different_keys() {
    let stage = Stage::new();
    let second = SecretKey::generate().unwrap();
    let keys = [stage.key.public(), second.public()];
    stage.sign(&stage.artifact, &stage.key).await;
    stage.sign(&stage.artifact, &stage.key).await;
    assert_eq!(stage.verify_by(&keys, 2).await.unwrap_err().reason(), "QuorumNotReached");
    let twice = [stage.key.public(), stage.key.public()];
    assert_eq!(stage.verify_by(&twice, 2).await.unwrap_err().reason(), "ImpossibleQuorum");
    assert_eq!(stage.verify_by(&[], 1).await.unwrap_err().reason(), "ImpossibleQuorum");
    stage.sign(&stage.artifact, &second).await;
    assert_eq!(stage.verify_by(&keys, 2).await.unwrap().keys().count(), 2);
}

/// The other half of each ECDSA signature, (r, n − s), is as good as the first. Nobody gains by it: keys are counted.
#[tokio::test]
async fn the_mirrored_signature_is_the_same_keys() {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let stage = Stage::new();
    let mut bundle = stage.honest();
    let der = STANDARD.decode(bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    let second = 4 + usize::from(der[3]);
    let (first, s) = (&der[2..second], &der[second + 2..]);
    let mut padded = vec![0; 33 - s.len()];
    padded.extend_from_slice(s);
    let mut mirrored = [0_u8; 32];
    let mut borrow = 0;
    for index in (0..32).rev() {
        let difference = i32::from(N[index]) - i32::from(padded[index + 1]) - borrow;
        borrow = i32::from(difference < 0);
        mirrored[index] = u8::try_from(difference + 256 * borrow).unwrap();
    }
    let mut integer: Vec<u8> = mirrored.into_iter().skip_while(|byte| *byte == 0).collect();
    if integer[0] >= 0x80 {
        integer.insert(0, 0);
    }
    let content = [first, &[2, u8::try_from(integer.len()).unwrap()], &integer].concat();
    let other = [&[0x30, u8::try_from(content.len()).unwrap()], content.as_slice()].concat();
    stage.put(bundle.to_string().as_bytes(), |_| ()).await;
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode(other).into();
    stage.put(bundle.to_string().as_bytes(), |_| ()).await;
    let keys = [stage.key.public(), SecretKey::generate().unwrap().public()];
    let error = stage.verify_by(&keys, 2).await.unwrap_err();
    assert!(
        matches!(error, SignatureError::QuorumNotReached { found: 1, ref rejected, .. } if rejected.is_empty()),
        "{error}"
    );
}

#[tokio::test]
async fn a_signature_has_an_age_only_where_it_is_signed() {
    let day = Duration::from_secs(86_400);
    for (signed_at, outcome) in [
        (Some(NOW), "fine"),
        (Some(NOW - 86_400), "fine"),
        (Some(NOW - 86_401), "SignatureOutOfDate"),
        (Some(NOW + 60), "fine"),
        (Some(NOW + 86_400), "SignatureOutOfDate"),
        (Some(u64::MAX), "SignatureOutOfDate"),
        (None, "SignatureOutOfDate"),
    ] {
        let stage = Stage::new();
        let options = SignOptions { signed_at, ..SignOptions::default() };
        sign(&stage.registry, &stage.repository, &stage.artifact, &options, &stage.key).await.unwrap();
        let keys = [stage.key.public()];
        let policy = Policy { keys: &keys, quorum: NonZeroUsize::MIN, max_age: Some((day, NOW)) };
        let found = verify(&stage.registry, &stage.repository, &stage.artifact.digest, &policy).await;
        assert_eq!(found.map_or_else(|error| error.reason(), |_| "fine"), outcome, "{signed_at:?}");
        assert_eq!(stage.outcome().await, "fine");
    }
    assert!(SIGNED_AT.contains('/'));
}

#[tokio::test]
async fn a_signature_that_nobody_would_read_is_not_written() {
    let stage = Stage::new();
    let annotations = BTreeMap::from([("a".to_owned(), "x".repeat(1 << 20))]);
    let options = SignOptions { annotations, ..SignOptions::default() };
    let error = sign(&stage.registry, &stage.repository, &stage.artifact, &options, &stage.key).await.unwrap_err();
    assert_eq!(error.reason(), "SignatureTooLarge");
    assert_eq!(stage.outcome().await, "Unsigned");
}

#[tokio::test]
async fn a_manifest_is_read_as_a_patterns_only_when_it_is_signed() {
    let stage = Stage::new();
    let content = (sign::MANIFEST.to_owned(), stage.artifact.bytes.clone());
    stage.registry.manifests.lock().unwrap().insert("v1.0.0".to_owned(), content);
    let tag = ManifestRef::Tag("v1.0.0".to_owned());
    let reason = async |trust: &TrustPolicy| {
        fetch(&stage.registry, &stage.repository, &tag, trust, NOW).await.err().map(|error| error.reason())
    };
    assert_eq!(reason(&TrustPolicy::default()).await, Some("NoTrustEntry"));
    assert_eq!(stage.registry.reads.load(Ordering::Relaxed), 0, "nothing is fetched that nobody can vouch for");
    let entry = TrustEntry {
        pattern: "r.example/a/*".parse().unwrap(),
        keys: vec![stage.key.public()],
        quorum: NonZeroUsize::MIN,
        max_age: None,
    };
    let trust = TrustPolicy { entries: vec![entry] };
    assert_eq!(reason(&trust).await, Some("Unsigned"));
    stage.sign(&stage.artifact, &stage.key).await;
    // Signed, and now found to be no pattern's.
    let found = fetch(&stage.registry, &stage.repository, &tag, &trust, NOW).await;
    assert!(matches!(found, Err(FetchError::Artifact(crate::Error::Manifest(_)))));
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..1000, with in any::<u8>()) {
            let _ = Envelope::read(&bytes);
            let _ = statement::read(&bytes, &Digest::of(b"x"));
            let stage_bundle = include_bytes!("../../tests/cosign/signature.bundle.json");
            let honest = Envelope::read(stage_bundle).unwrap();
            let key = PublicKey::from_pem(include_str!("../../tests/cosign/cosign.pub")).unwrap();
            let mut changed = stage_bundle.to_vec();
            let index = at % changed.len();
            changed[index] = with;
            // Whatever is changed: what is read and verifies is what was signed.
            if let Ok(read) = Envelope::read(&changed)
                && key.verifies(&Envelope::message(&read.payload), &read.signature)
            {
                prop_assert_eq!(read.payload, honest.payload);
            }
        }
    }
}
