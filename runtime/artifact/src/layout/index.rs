//! A layout's `index.json`: which manifests there are, of which repository, under which tag.

use serde_json::{Map, Value, json};

use super::LayoutError;
use crate::digest::Digest;
use crate::error::Error;
use crate::json;
use crate::oci::INDEX_MEDIA_TYPE;
use crate::reference::{ManifestRef, Repository, is_tag};
use crate::registry::Descriptor;

/// The specification's annotation for the tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Ours for the repository, so that copying back restores it. Entries of other tools lack it and belong to any repository.
const REPOSITORY: &str = "orkestra.orkspace.io/repository";
/// How many entries an index has at most.
const MOST_MANIFESTS: usize = 10_000;

/// A manifest of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it was copied from; none where another tool wrote it.
    pub repository: Option<Repository>,
    /// Its tag there.
    pub tag: Option<String>,
    /// What it is.
    pub descriptor: Descriptor,
}

/// The document, with all that other tools wrote into it.
#[derive(Debug, Clone)]
pub(super) struct Index {
    fields: Map<String, Value>,
    manifests: Vec<Value>,
}

impl Index {
    pub(super) fn empty() -> Self {
        let fields = [("schemaVersion".to_owned(), json!(2)), ("mediaType".to_owned(), json!(INDEX_MEDIA_TYPE))];
        Self { fields: fields.into_iter().collect(), manifests: Vec::new() }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |error| LayoutError::BadIndex { error };
        let mut fields: Map<String, Value> = json::read(bytes).map_err(bad)?;
        let manifests = match fields.remove("manifests") {
            Some(Value::Array(manifests)) => manifests,
            _ => {
                let said = "a list `manifests` is missing".to_owned();
                return Err(bad(json::JsonError::NotAsExpected { said }).into());
            }
        };
        let index = Self { fields, manifests };
        index.check_size()?;
        Ok(index)
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        self.check_size()?;
        let mut fields = self.fields.clone();
        fields.insert("manifests".to_owned(), Value::Array(self.manifests.clone()));
        serde_json::to_vec_pretty(&fields)
            .map_err(|error| json::JsonError::NotAsExpected { said: error.to_string() })
            .map_err(|error| LayoutError::BadIndex { error }.into())
    }

    fn check_size(&self) -> Result<(), LayoutError> {
        let found = self.manifests.len();
        match found > MOST_MANIFESTS {
            true => Err(LayoutError::TooManyManifests { found, limit: MOST_MANIFESTS }),
            false => Ok(()),
        }
    }

    /// All entries that can be read; those with digests of other algorithms are left out.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.manifests.iter().filter_map(entry).collect()
    }

    /// The entries of a repository.
    pub(super) fn of(&self, repository: &Repository) -> impl Iterator<Item = Entry> + use<> {
        let repository = repository.clone();
        self.entries().into_iter().filter(move |entry| entry.repository.as_ref().is_none_or(|of| *of == repository))
    }

    /// The digest of what is asked for. A digest is its own answer: contents are shared between repositories.
    pub(super) fn resolve(&self, repository: &Repository, manifest: &ManifestRef) -> Option<Digest> {
        match manifest {
            ManifestRef::Digest(digest) => Some(*digest),
            ManifestRef::Tag(tag) => {
                self.of(repository).find(|entry| entry.tag.as_ref() == Some(tag)).map(|entry| entry.descriptor.digest)
            }
        }
    }

    /// Adds a manifest. A tag that was elsewhere is moved, and what it named stays listed without one.
    pub(super) fn add(&mut self, repository: &Repository, manifest: &ManifestRef, descriptor: &Descriptor) {
        let tag = match manifest {
            ManifestRef::Tag(tag) => Some(tag),
            ManifestRef::Digest(_) => None,
        };
        let mut tagged_already = false;
        self.manifests.retain_mut(|written| {
            let Some(found) = entry(written).filter(|found| found.repository.as_ref() == Some(repository)) else {
                return true;
            };
            let (same, has_tag) = (found.descriptor.digest == descriptor.digest, found.tag.is_some());
            if found.tag.as_ref() == tag || (same && !has_tag) {
                if same {
                    return false;
                }
                if has_tag && let Some(annotations) = written["annotations"].as_object_mut() {
                    annotations.remove(REF_NAME);
                }
            } else if same && tag.is_none() {
                tagged_already = true;
            }
            true
        });
        if tagged_already {
            return;
        }
        let mut annotations = descriptor.annotations.clone();
        annotations.remove(REF_NAME);
        annotations.insert(REPOSITORY.to_owned(), repository.to_string());
        annotations.extend(tag.map(|tag| (REF_NAME.to_owned(), tag.clone())));
        let described = Descriptor { annotations, ..descriptor.clone() };
        self.manifests.extend(serde_json::to_value(described));
    }
}

fn entry(written: &Value) -> Option<Entry> {
    let mut descriptor: Descriptor = serde_json::from_value(written.clone()).ok()?;
    let tag = descriptor.annotations.remove(REF_NAME).filter(|tag| is_tag(tag));
    let repository = match descriptor.annotations.remove(REPOSITORY) {
        // An entry whose repository cannot be read belongs to none rather than to any.
        Some(repository) => Some(repository.parse().ok()?),
        None => None,
    };
    Some(Entry { repository, tag, descriptor })
}
