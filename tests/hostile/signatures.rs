//! Signatures that are missing, a stranger's, of something else, or counted twice.

use std::num::NonZeroUsize;

use bytes::Bytes;
use orkestra_artifact::signature::{Policy, PublicKey, SecretKey, SignOptions, sign, verify};
use orkestra_artifact::{Digest, Fetched, ManifestRef, Registry as _};
use serde_json::{Value, json};

use crate::stage::{MANIFEST, Stage};
use crate::table::{Row, Verdict, row};

/// Whoever signs, and whoever is trusted.
struct Signing {
    stage: Stage,
    ours: SecretKey,
    strangers: SecretKey,
}

impl Signing {
    fn new() -> Self {
        let key = || SecretKey::generate().expect("a key");
        Self { stage: Stage::new(), ours: key(), strangers: key() }
    }

    /// Signs a manifest, and gives the signature's own.
    fn sign(&self, fetched: &Fetched, key: &SecretKey) -> Digest {
        let (options, repository) = (SignOptions::default(), self.stage.repository());
        let signed = sign(&self.stage.layout, &repository, fetched, &options, key);
        self.stage.wait(signed).expect("a signature").manifest
    }

    fn verify(&self) -> Verdict {
        self.verify_by(&[self.ours.public()], 1)
    }

    fn verify_by(&self, keys: &[PublicKey], quorum: usize) -> Verdict {
        let (fetched, repository) = (self.stage.fetched(), self.stage.repository());
        let policy = Policy { keys, quorum: NonZeroUsize::new(quorum).expect("a quorum"), max_age: None };
        let verified = verify(&self.stage.layout, &repository, &fetched.digest, &policy);
        let signers = self.stage.wait(verified).map_err(|error| error.reason())?;
        signers.vouch(&fetched).map(drop).map_err(|error| error.reason())
    }

    /// A good signature of another artifact, listed as one of this with its signature's manifest changed to say so.
    fn moved(&self, change: impl Fn(&mut Value)) {
        let bytes = Bytes::from_static(br#"{"schemaVersion":2,"another":"artifact"}"#);
        let other = Fetched { media_type: MANIFEST.to_owned(), digest: Digest::of(&bytes), bytes };
        let signature = ManifestRef::Digest(self.sign(&other, &self.ours));
        let repository = self.stage.repository();
        let found = self.stage.wait(self.stage.layout.manifest(&repository, &signature)).expect("a signature");
        let mut manifest: Value = serde_json::from_slice(&found.bytes).expect("JSON");
        change(&mut manifest);
        let bytes = Bytes::from(serde_json::to_vec(&manifest).expect("JSON"));
        let digest = ManifestRef::Digest(Digest::of(&bytes));
        let write = self.stage.layout.write_manifest(&repository, &digest, MANIFEST, bytes);
        self.stage.wait(write).expect("a write");
    }

    fn about_this(&self, manifest: &mut Value) {
        let fetched = self.stage.fetched();
        manifest["subject"]["digest"] = json!(fetched.digest);
        manifest["subject"]["size"] = json!(fetched.bytes.len());
    }
}

fn signed() -> Verdict {
    let signing = Signing::new();
    signing.sign(&signing.stage.fetched(), &signing.ours);
    signing.verify()
}

pub(crate) fn rows() -> Vec<Row> {
    const SIGNED: &str = "signed by a trusted key";
    vec![
        row("unsigned", "has no signature", "Unsigned", || Signing::new().verify(), SIGNED, signed),
        row(
            "signed-by-a-stranger",
            "is signed by a key that nobody trusts",
            "UntrustedSigner",
            || {
                let signing = Signing::new();
                signing.sign(&signing.stage.fetched(), &signing.strangers);
                signing.verify()
            },
            SIGNED,
            signed,
        ),
        row(
            "signature-of-another-artifact",
            "lists the good signature of another artifact as its own",
            "WrongSubject",
            || {
                let signing = Signing::new();
                signing.moved(|manifest| signing.about_this(manifest));
                signing.verify()
            },
            SIGNED,
            signed,
        ),
        row(
            "signature-of-two-bundles",
            "lists a signature with a second layer, of which nobody says which counts",
            "MalformedSignature",
            || {
                let signing = Signing::new();
                signing.moved(|manifest| {
                    signing.about_this(manifest);
                    let layer = manifest["layers"][0].clone();
                    manifest["layers"].as_array_mut().expect("layers").push(layer);
                });
                signing.verify()
            },
            SIGNED,
            signed,
        ),
        row(
            "one-key-twice",
            "is signed twice by one key, where two keys are asked for",
            "QuorumNotReached",
            || {
                let signing = Signing::new();
                let fetched = signing.stage.fetched();
                signing.sign(&fetched, &signing.ours);
                signing.sign(&fetched, &signing.ours);
                signing.verify_by(&[signing.ours.public(), signing.strangers.public()], 2)
            },
            "by both",
            || {
                let signing = Signing::new();
                let fetched = signing.stage.fetched();
                signing.sign(&fetched, &signing.ours);
                signing.sign(&fetched, &signing.strangers);
                signing.verify_by(&[signing.ours.public(), signing.strangers.public()], 2)
            },
        ),
        row(
            "signed-and-changed",
            "is another manifest than the one that was signed, under the same tag",
            "Unsigned",
            || {
                let signing = Signing::new();
                signing.sign(&signing.stage.fetched(), &signing.ours);
                let mut manifest = signing.stage.manifest();
                manifest["annotations"]["org.opencontainers.image.description"] = json!("another");
                signing.stage.put(&serde_json::to_vec(&manifest).expect("JSON"));
                signing.verify()
            },
            SIGNED,
            signed,
        ),
    ]
}
