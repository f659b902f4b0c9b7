//! What a registry says before anything of it is verified.

use std::io::Write as _;
use std::num::NonZeroUsize;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::executor::block_on;
use futures::stream::{self, BoxStream};
use orkestra_artifact::layout::Archive;
use orkestra_artifact::manifest::MANIFEST_MEDIA_TYPE;
use orkestra_artifact::signature::{Policy, PublicKey, verify};
use orkestra_artifact::{Config, Descriptor, Digest, Error, Fetched, ManifestRef, PatternManifest, RawManifest};
use orkestra_artifact::{Registry, Repository};
use serde_json::json;

use super::harmless;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const KEY: &str = include_str!("../key.pub");

/// A manifest and a config, each read from the same bytes.
pub fn manifest(bytes: &[u8]) {
    let media_type = MANIFEST_MEDIA_TYPE.to_owned();
    let fetched = Fetched { media_type, digest: Digest::of(bytes), bytes: Bytes::copy_from_slice(bytes) };
    match PatternManifest::read(&fetched) {
        Ok(manifest) => assert_eq!(manifest.digest(), fetched.digest),
        Err(refused) => harmless(&refused.to_string()),
    }
    match Config::read(bytes) {
        Ok(config) => {
            let written = config.write().expect("what was read can be written");
            assert_eq!(Config::read(&written), Ok(config), "a config is the same after it was written");
        }
        Err(refused) => harmless(&refused.to_string()),
    }
}

/// A tar file with an image layout.
pub fn archive(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("a write");
    match Archive::open(file.path()) {
        Ok(archive) => drop(archive.entries()),
        Err(refused) => harmless(&refused.to_string()),
    }
}

/// A signature: the bundle of a candidate, and the candidate's manifest itself.
pub fn signature(bytes: &[u8]) {
    let key = PublicKey::from_pem(KEY).expect("a key");
    let keys = [key];
    let policy = Policy { keys: &keys, quorum: NonZeroUsize::MIN, max_age: None };
    let repository: Repository = "registry.example/patterns/postgres".parse().expect("a repository");
    let subject = Digest::of(b"the artifact");
    let bundle = described(BUNDLE, bytes);
    let honest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_MEDIA_TYPE,
        "artifactType": BUNDLE,
        "config": described("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [bundle],
        "subject": described(MANIFEST_MEDIA_TYPE, b"the artifact"),
    });
    let honest = serde_json::to_vec(&honest).expect("JSON");
    for manifest in [honest.as_slice(), bytes] {
        let lists = Lists { manifest: Bytes::copy_from_slice(manifest), blob: Bytes::copy_from_slice(bytes) };
        if let Err(refused) = block_on(verify(&lists, &repository, &subject, &policy)) {
            harmless(&refused.to_string());
        }
    }
}

fn described(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        artifact_type: None,
        annotations: Default::default(),
    }
}

/// A registry that lists one candidate and knows one blob.
struct Lists {
    manifest: Bytes,
    blob: Bytes,
}

impl Registry for Lists {
    async fn read_manifest(&self, _: &Repository, _: &ManifestRef) -> Result<Option<RawManifest>, Error> {
        Ok(Some(RawManifest { media_type: MANIFEST_MEDIA_TYPE.to_owned(), bytes: self.manifest.clone() }))
    }

    async fn read_blob(
        &self,
        _: &Repository,
        _: &Descriptor,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        Ok(Some(stream::iter([Ok(self.blob.clone())]).boxed()))
    }

    async fn tags(&self, _: &Repository) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        let listed = described(MANIFEST_MEDIA_TYPE, &self.manifest);
        Ok(vec![Descriptor { artifact_type: Some(BUNDLE.to_owned()), ..listed }])
    }

    async fn write_blob(&self, _: &Repository, _: &Descriptor, _: Bytes) -> Result<(), Error> {
        Ok(())
    }

    async fn write_manifest(&self, _: &Repository, _: &ManifestRef, _: &str, _: Bytes) -> Result<(), Error> {
        Ok(())
    }
}
