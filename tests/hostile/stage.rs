//! An image layout with one honest pattern in it, to be tampered with: a registry in which everything can be written.

use std::collections::BTreeMap;

use bytes::Bytes;
use orkestra_artifact::config::{Engine, ServedKind, Tests};
use orkestra_artifact::layout::Directory;
use orkestra_artifact::progress::Silent;
use orkestra_artifact::{
    Config, Contents, Digest, Error, Fetched, Listing, ManifestRef, Package, PushOptions, Reference, Registry as _,
    Repository, Role, Verified, pack, pull, push,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::table::Verdict;

/// The media type of a manifest.
pub(crate) const MANIFEST: &str = orkestra_artifact::manifest::MANIFEST_MEDIA_TYPE;

const REPOSITORY: &str = "registry.example/patterns/postgres";
const TAG: &str = "v14.2.0";

pub(crate) struct Stage {
    directory: TempDir,
    pub(crate) layout: Directory,
    runtime: tokio::runtime::Runtime,
    pub(crate) package: Package,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Directory::create(&directory.path().join("layout")).expect("a layout");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let package = pack(config(), &contents(), &Listing::default()).expect("a package");
        let stage = Self { directory, layout, runtime, package };
        let (repository, options) = (stage.repository(), PushOptions::default());
        let pushed = push(&stage.layout, &repository, &stage.package, &options, &Silent);
        stage.runtime.block_on(pushed).expect("an honest push");
        stage
    }

    pub(crate) fn repository(&self) -> Repository {
        REPOSITORY.parse().expect("a repository")
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The manifest, as it was found.
    pub(crate) fn fetched(&self) -> Fetched {
        let tag = ManifestRef::Tag(TAG.to_owned());
        self.wait(self.layout.manifest(&self.repository(), &tag)).expect("a manifest")
    }

    /// Puts a changed manifest under the honest one's tag, past all that would look at it.
    pub(crate) fn put(&self, manifest: &[u8]) {
        let digest = Digest::of(manifest);
        std::fs::write(self.file(&digest), manifest).expect("a write");
        let index = self.directory.path().join("layout/index.json");
        let mut listed: Value = serde_json::from_slice(&std::fs::read(&index).expect("an index")).expect("JSON");
        let honest = listed["manifests"].as_array_mut().expect("manifests").iter_mut();
        let tagged = "org.opencontainers.image.ref.name";
        let entry = honest.into_iter().find(|entry| entry["annotations"][tagged] == TAG).expect("the tag");
        (entry["digest"], entry["size"]) = (digest.to_string().into(), manifest.len().into());
        std::fs::write(&index, listed.to_string()).expect("a write");
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&self.package.manifest).expect("a manifest")
    }

    /// Where the bytes of a digest lie. What is written there is not looked at by anybody but who reads it.
    pub(crate) fn file(&self, digest: &Digest) -> std::path::PathBuf {
        self.directory.path().join("layout/blobs/sha256").join(digest.hex())
    }

    /// The digest of a layer.
    pub(crate) fn layer(&self, role: Role) -> Digest {
        self.package.config.layers[&role]
    }

    /// Pulls and unpacks, as a consumer without a policy.
    pub(crate) fn pull(&self) -> Verdict {
        self.pull_as(&format!("{REPOSITORY}:{TAG}"))
    }

    pub(crate) fn pull_as(&self, reference: &str) -> Verdict {
        let reference: Reference = reference.parse().expect("a reference");
        let unpacked = self.wait(async {
            let pulled = pull(&self.layout, &reference).await?;
            Verified::unverified(pulled.manifest).unpack(&self.layout, &pulled.reference, &Silent).await
        });
        match unpacked {
            Ok(unpacked) => {
                assert_eq!(unpacked.contents, contents(), "what is accepted is what was pushed");
                Ok(())
            }
            Err(refused) => Err(refused.reason()),
        }
    }
}

/// What a pull of the honest manifest with a change ends in.
pub(crate) fn changed(change: impl Fn(&mut Value)) -> Verdict {
    let stage = Stage::new();
    let mut manifest = stage.manifest();
    change(&mut manifest);
    stage.put(&serde_json::to_vec(&manifest).expect("JSON"));
    stage.pull()
}

/// What a pull ends in after something was done to the layout.
pub(crate) fn tampered(change: impl Fn(&Stage)) -> Verdict {
    let stage = Stage::new();
    change(&stage);
    stage.pull()
}

pub(crate) fn reason(result: Result<(), Error>) -> Verdict {
    result.map_err(|error| error.reason())
}

fn contents() -> Contents {
    let text = |role: Role| Bytes::from(format!("the {role} of postgres\n"));
    Role::ALL.into_iter().map(|role| (role, text(role))).collect()
}

pub(crate) fn config() -> Config {
    let versions = vec!["v1".to_owned()];
    let kind = ServedKind { group: "a.example".into(), kind: "Postgres".into(), versions, storage: "v1".into() };
    Config {
        name: "postgres".to_owned(),
        version: "14.2.0".parse().expect("a version"),
        description: String::new(),
        license: None,
        keywords: Default::default(),
        crds: vec![kind],
        imports: Default::default(),
        exports: Default::default(),
        capabilities: Default::default(),
        engine: Engine { import: "engine".to_owned(), digest: None },
        cost: BTreeMap::new(),
        tests: Tests::default(),
        builder: "ork 0.1.0".to_owned(),
        layers: BTreeMap::new(),
    }
}
