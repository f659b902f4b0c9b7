//! What no honest client writes: manifests and blobs put into a registry as they are.

use orkestra_artifact::{Digest, HttpRegistry, ManifestRef, Registry as _, Repository};
use serde_json::{Value, json};

use crate::server::Server;

/// The media type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// One artifact in a registry, and a way to put others beside it.
pub(crate) struct Forge<'a> {
    server: &'a Server,
    registry: HttpRegistry,
    runtime: tokio::runtime::Runtime,
}

impl<'a> Forge<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { server, registry: server.registry(), runtime }
    }

    fn repository(&self, path: &str) -> Repository {
        format!("{}/{path}", self.server.host).parse().unwrap()
    }

    /// The bytes of a manifest.
    pub(crate) fn manifest(&self, path: &str, manifest: ManifestRef) -> Vec<u8> {
        let fetched = self.runtime.block_on(self.registry.manifest(&self.repository(path), &manifest)).unwrap();
        fetched.bytes.to_vec()
    }

    /// Writes bytes as a manifest under a tag, and gives the digest.
    pub(crate) fn put(&self, path: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        self.write(path, &ManifestRef::Tag(tag.to_owned()), media_type, bytes);
        Digest::of(bytes)
    }

    /// Writes bytes as a manifest under their digest.
    pub(crate) fn put_untagged(&self, path: &str, bytes: &[u8]) {
        self.write(path, &ManifestRef::Digest(Digest::of(bytes)), MANIFEST, bytes);
    }

    fn write(&self, path: &str, name: &ManifestRef, media_type: &str, bytes: &[u8]) {
        let (repository, bytes) = (self.repository(path), bytes.to_vec().into());
        self.runtime.block_on(self.registry.write_manifest(&repository, name, media_type, bytes)).unwrap();
    }

    /// Writes bytes as a blob, and gives the part of a descriptor that says which they are.
    pub(crate) fn put_blob(&self, path: &str, bytes: &[u8]) -> (Value, Value) {
        let (digest, size) = (json!(Digest::of(bytes)), json!(bytes.len()));
        let described = json!({"mediaType": "application/octet-stream", "digest": digest, "size": size});
        let (repository, described) = (self.repository(path), serde_json::from_value(described).unwrap());
        self.runtime.block_on(self.registry.write_blob(&repository, &described, bytes.to_vec().into())).unwrap();
        (digest, size)
    }

    /// The manifests that the registry lists as being about another one.
    pub(crate) fn referrers(&self, path: &str, subject: &Digest) -> Vec<Digest> {
        let listed = self.runtime.block_on(self.registry.referrers(&self.repository(path), subject)).unwrap();
        listed.into_iter().map(|listed| listed.digest).collect()
    }

    /// A blob.
    pub(crate) fn blob(&self, path: &str, descriptor: &Value) -> Vec<u8> {
        let (repository, described) = (self.repository(path), serde_json::from_value(descriptor.clone()).unwrap());
        self.runtime.block_on(self.registry.blob(&repository, &described, 1 << 20)).unwrap().to_vec()
    }
}
