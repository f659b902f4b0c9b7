//! Seeds that are made from what is in the tree: the shipped patterns, and an artifact as `ork push` would make it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::executor::block_on;
use orkestra_artifact::config::{Engine, ServedKind, Tests};
use orkestra_artifact::signature::{SecretKey, SignOptions, sign};
use orkestra_artifact::{Config, Contents, Descriptor, Digest, Fetched, Listing, Role, pack};
use orkestra_artifact::{Error, ManifestRef, RawManifest, Registry, Repository};
use orkestra_pattern::{Source, check};
use orkestra_tests::source_root;

use crate::targets::CUT;

/// Writes the seeds. The key is another one each time, so that what it signed is written with it.
pub(crate) fn write() {
    for path in ["crontab/v2", "postgres/v14", "postgres/v15", "website/v1"] {
        pattern(&source_root().join("patterns").join(path), &path.replace('/', "-"));
    }
    artifact();
}

fn put(target: &str, name: &str, bytes: &[u8]) {
    let directory = root().join("corpus").join(target);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(name), bytes).unwrap();
}

fn root() -> PathBuf {
    source_root().join("tests/fuzz")
}

fn pattern(directory: &Path, name: &str) {
    let read = |file: &str| std::fs::read(directory.join(file)).unwrap();
    let (katalog, crd) = (read("katalog.yaml"), read("crd.yaml"));
    put("katalog", name, &[&katalog, CUT, &crd].concat());
    put("komposer", name, &read("komposer.yaml"));
    let source = Source::new().with("katalog.yaml", &katalog).with("crd.yaml", &crd);
    let pattern = check(&source).0.expect("a shipped pattern");
    put("program", name, &orkestra_compile::compile(&pattern).unwrap().program);
}

fn artifact() {
    let text = |role: Role| Bytes::from(format!("{role}\n"));
    let contents: Contents = Role::ALL.into_iter().map(|role| (role, text(role))).collect();
    let versions = vec!["v1".to_owned()];
    let kind = ServedKind { group: "a.example".into(), kind: "Postgres".into(), versions, storage: "v1".into() };
    let config = Config {
        name: "postgres".to_owned(),
        version: "14.2.0".parse().unwrap(),
        description: "a database".to_owned(),
        license: Some("Apache-2.0".to_owned()),
        keywords: ["sql".to_owned()].into(),
        crds: vec![kind],
        imports: ["engine".to_owned()].into(),
        exports: Default::default(),
        capabilities: Default::default(),
        engine: Engine { import: "engine".to_owned(), digest: Some(Digest::of(b"engine")) },
        cost: [("postgres".to_owned(), Some(7))].into(),
        tests: Tests::default(),
        builder: "ork 0.1.0".to_owned(),
        layers: Default::default(),
    };
    let package = pack(config, &contents, &Listing::default()).unwrap();
    put("manifest", "manifest.json", &package.manifest);
    put("manifest", "config.json", &package.config.write().unwrap());
    let key = SecretKey::generate().unwrap();
    std::fs::write(root().join("key.pub"), key.public().to_pem()).unwrap();
    let bytes = Bytes::from_static(b"the artifact");
    let subject = Fetched { media_type: "m".to_owned(), digest: Digest::of(&bytes), bytes };
    let kept = Kept::default();
    let repository: Repository = "registry.example/patterns/postgres".parse().unwrap();
    block_on(sign(&kept, &repository, &subject, &SignOptions::default(), &key)).unwrap();
    let written = kept.0.into_inner().unwrap();
    let bundle =
        written.iter().find(|bytes| bytes.starts_with(b"{") && bytes.windows(12).any(|w| w == b"dsseEnvelope"));
    put("signature", "bundle.json", bundle.unwrap());
    put("signature", "manifest.json", written.last().unwrap());
}

/// Keeps what is written into it.
#[derive(Default)]
struct Kept(std::sync::Mutex<Vec<Bytes>>);

impl Registry for Kept {
    async fn read_manifest(&self, _: &Repository, _: &ManifestRef) -> Result<Option<RawManifest>, Error> {
        Ok(None)
    }

    async fn read_blob(
        &self,
        _: &Repository,
        _: &Descriptor,
    ) -> Result<Option<futures::stream::BoxStream<'static, Result<Bytes, Error>>>, Error> {
        Ok(Some(futures::stream::empty().boxed()))
    }

    async fn tags(&self, _: &Repository) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(Vec::new())
    }

    async fn write_blob(&self, _: &Repository, _: &Descriptor, bytes: Bytes) -> Result<(), Error> {
        self.0.lock().unwrap().push(bytes);
        Ok(())
    }

    async fn write_manifest(&self, _: &Repository, _: &ManifestRef, _: &str, bytes: Bytes) -> Result<(), Error> {
        self.0.lock().unwrap().push(bytes);
        Ok(())
    }
}
