//! A fake registry in memory, for tests alone. It is as honest as a test wants it to be: what it serves and lists is writable.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::Deserialize;

use crate::registry::{Descriptor, RawManifest, Registry};
use crate::{Digest, Error, ManifestRef, Repository};

/// A fake. The repository is ignored: there is one.
#[derive(Default)]
pub(crate) struct FakeRegistry {
    pub(crate) manifests: Mutex<BTreeMap<String, (String, Bytes)>>,
    pub(crate) blobs: Mutex<BTreeMap<Digest, Bytes>>,
    /// By subject, in the order in which they are listed.
    pub(crate) referrers: Mutex<BTreeMap<Digest, Vec<Descriptor>>>,
    /// How many manifests and blobs were asked for.
    pub(crate) reads: AtomicUsize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subjected {
    artifact_type: Option<String>,
    subject: Option<Descriptor>,
}

impl Registry for FakeRegistry {
    async fn read_manifest(&self, _: &Repository, manifest: &ManifestRef) -> Result<Option<RawManifest>, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let found = self.manifests.lock().unwrap().get(&manifest.to_string()).cloned();
        Ok(found.map(|(media_type, bytes)| RawManifest { media_type, bytes }))
    }

    async fn read_blob(
        &self,
        _: &Repository,
        blob: &Descriptor,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let found = self.blobs.lock().unwrap().get(&blob.digest).cloned();
        Ok(found.map(|bytes| stream::iter([Ok(bytes)]).boxed()))
    }

    async fn tags(&self, _: &Repository) -> Result<Vec<String>, Error> {
        Ok(self.manifests.lock().unwrap().keys().filter(|name| !name.contains(':')).cloned().collect())
    }

    async fn referrers(&self, _: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(self.referrers.lock().unwrap().get(subject).cloned().unwrap_or_default())
    }

    async fn write_blob(&self, _: &Repository, blob: &Descriptor, bytes: Bytes) -> Result<(), Error> {
        self.blobs.lock().unwrap().insert(blob.digest, bytes);
        Ok(())
    }

    async fn write_manifest(
        &self,
        _: &Repository,
        manifest: &ManifestRef,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), Error> {
        let digest = Digest::of(&bytes);
        if let Ok(Subjected { artifact_type, subject: Some(subject) }) = serde_json::from_slice(&bytes) {
            let descriptor = Descriptor {
                media_type: media_type.to_owned(),
                digest,
                size: bytes.len() as u64,
                artifact_type,
                annotations: BTreeMap::new(),
            };
            self.referrers.lock().unwrap().entry(subject.digest).or_default().push(descriptor);
        }
        let mut manifests = self.manifests.lock().unwrap();
        manifests.insert(manifest.to_string(), (media_type.to_owned(), bytes.clone()));
        manifests.insert(digest.to_string(), (media_type.to_owned(), bytes));
        Ok(())
    }
}
