//! What belongs to an artifact: the blobs of its manifest, and what refers to it (signatures, SBOMs, provenance), and to that.
//!
//! Manifests are read only as far as listing them needs. Nothing here was verified, and no blob is fetched.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::error::Error;
use crate::oci::Envelope;
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, Fetched, MAX_REFERRERS, Registry};
use crate::signature::BUNDLE_MEDIA_TYPE;

/// How deep referrers of referrers are followed.
const DEEPEST: usize = 4;
/// How many manifests one tree has at most.
const MOST_MANIFESTS: usize = 4 * MAX_REFERRERS;
/// The annotations that say what an in-toto statement is about: of Sigstore's bundles, and of BuildKit's attestations.
const PREDICATE_TYPES: [&str; 2] = ["dev.sigstore.bundle.predicateType", "in-toto.io/predicate-type"];

/// A manifest and what belongs to it.
#[derive(Debug)]
pub struct Tree {
    /// As it is listed among referrers, with the annotations of the manifest itself.
    pub manifest: Descriptor,
    /// Its config, where it has one.
    pub config: Option<Descriptor>,
    /// Its layers, or the manifests of an index.
    pub contents: Vec<Descriptor>,
    /// What refers to it, in the order in which the registry lists them.
    pub referrers: Vec<Branch>,
    /// Whether there is more than was looked at.
    pub cut: bool,
}

/// One that refers to a manifest.
#[derive(Debug)]
pub struct Branch {
    /// What it says that it is.
    pub kind: Kind,
    /// The manifest, or its descriptor where that cannot be had.
    pub tree: Result<Tree, (Descriptor, Error)>,
}

/// What a referrer says that it is, by its artifact type. It is its author's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A signature: of this project, of cosign or of Notary.
    Signature,
    /// A list of what is in the artifact: SPDX or CycloneDX.
    Sbom,
    /// How it was built: SLSA.
    Provenance,
    /// Another in-toto statement.
    Attestation,
    /// Something else.
    Other,
}

impl Kind {
    /// By the artifact's type and annotations.
    pub fn of(descriptor: &Descriptor) -> Self {
        let predicate = PREDICATE_TYPES.iter().find_map(|key| descriptor.annotations.get(*key));
        match descriptor.artifact_type.as_deref().unwrap_or_default() {
            "application/spdx+json" | "text/spdx" => Self::Sbom,
            "application/vnd.cyclonedx+json" | "application/vnd.cyclonedx+xml" | "application/vnd.cyclonedx" => {
                Self::Sbom
            }
            "application/vnd.dev.cosign.artifact.sig.v1+json"
            | "application/vnd.dev.cosign.simplesigning.v1+json"
            | "application/vnd.cncf.notary.signature" => Self::Signature,
            "application/vnd.in-toto+json" => predicate.map_or(Self::Attestation, |about| Self::about(about)),
            bundle if bundle == BUNDLE_MEDIA_TYPE || bundle.starts_with("application/vnd.dev.sigstore.bundle") => {
                predicate.map_or(Self::Signature, |about| Self::about(about))
            }
            _ => Self::Other,
        }
    }

    fn about(predicate: &str) -> Self {
        if predicate.starts_with("https://sigstore.dev/cosign/sign/") {
            Self::Signature
        } else if predicate.starts_with("https://slsa.dev/provenance/") {
            Self::Provenance
        } else if predicate.starts_with("https://spdx.dev/Document") || predicate.starts_with("https://cyclonedx.org/")
        {
            Self::Sbom
        } else {
            Self::Attestation
        }
    }
}

/// Finds what belongs to a manifest. What refers to it and cannot be read is in the tree with the reason, and hides nothing else.
///
/// # Errors
/// [`Error::Json`] where the manifest itself is none, and those of the registry when it is asked for referrers.
pub async fn tree(registry: &impl Registry, repository: &Repository, fetched: &Fetched) -> Result<Tree, Error> {
    let mut seen = BTreeSet::from([fetched.digest]);
    grow(registry, repository, fetched, 0, &mut seen).await
}

async fn grow(
    registry: &impl Registry,
    repository: &Repository,
    fetched: &Fetched,
    depth: usize,
    seen: &mut BTreeSet<Digest>,
) -> Result<Tree, Error> {
    let envelope = Envelope::read(&fetched.bytes, || format!("{repository} {}", fetched.digest))?;
    let manifest = envelope.describe(&fetched.media_type, &fetched.bytes);
    let (mut referrers, mut cut) = (Vec::new(), false);
    let listed = registry.referrers(repository, &fetched.digest).await?;
    cut |= listed.len() >= MAX_REFERRERS;
    for listed in listed.into_iter().take(MAX_REFERRERS) {
        if depth >= DEEPEST || seen.len() >= MOST_MANIFESTS {
            cut = true;
            break;
        }
        // What is there already would be an endless tree.
        if !seen.insert(listed.digest) {
            continue;
        }
        let name = ManifestRef::Digest(listed.digest);
        let grown = match registry.manifest(repository, &name).await {
            Ok(found) => Box::pin(grow(registry, repository, &found, depth + 1, seen)).await,
            Err(error) => Err(error),
        };
        referrers.push(match grown {
            Ok(tree) => Branch { kind: Kind::of(&tree.manifest), tree: Ok(tree) },
            Err(error) => Branch { kind: Kind::of(&listed), tree: Err((listed, error)) },
        });
    }
    let contents = envelope.layers.into_iter().chain(envelope.manifests).collect();
    Ok(Tree { manifest, config: envelope.config, contents, referrers, cut })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::FakeRegistry;

    fn repository() -> Repository {
        "r.example/a/postgres".parse().unwrap()
    }

    /// Puts a manifest there, and gives it as it is fetched.
    fn put(registry: &FakeRegistry, manifest: &Value) -> Fetched {
        let media_type = "application/vnd.oci.image.manifest.v1+json".to_owned();
        let bytes = Bytes::from(manifest.to_string());
        let fetched = Fetched { media_type: media_type.clone(), digest: Digest::of(&bytes), bytes: bytes.clone() };
        registry.manifests.lock().unwrap().insert(fetched.digest.to_string(), (media_type, bytes));
        fetched
    }

    fn listed(fetched: &Fetched) -> Descriptor {
        Envelope::read(&fetched.bytes, String::new).unwrap().describe(&fetched.media_type, &fetched.bytes)
    }

    fn refer(registry: &FakeRegistry, subject: &Fetched, referrers: &[Descriptor]) {
        registry.referrers.lock().unwrap().insert(subject.digest, referrers.to_vec());
    }

    fn of_type(artifact_type: &str, annotations: Value) -> Value {
        json!({"artifactType": artifact_type, "annotations": annotations, "layers": []})
    }

    #[tokio::test]
    async fn what_refers_to_an_artifact_and_to_that_is_found() {
        let registry = FakeRegistry::default();
        let subject = put(&registry, &json!({"layers": []}));
        let sbom = put(&registry, &of_type("application/spdx+json", json!({})));
        let signature = put(
            &registry,
            &of_type(
                BUNDLE_MEDIA_TYPE,
                json!({"dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1"}),
            ),
        );
        // It pretends to be referred to by what it refers to.
        refer(&registry, &signature, &[listed(&subject)]);
        refer(&registry, &sbom, &[listed(&signature)]);
        let mut missing = listed(&sbom);
        missing.digest = Digest::of(b"not there");
        refer(&registry, &subject, &[missing, listed(&sbom)]);
        let found = tree(&registry, &repository(), &subject).await.unwrap();
        assert_eq!(found.manifest.digest, subject.digest);
        let [gone, sbom] = found.referrers.as_slice() else { panic!("{found:?}") };
        assert_eq!(gone.kind, Kind::Sbom);
        assert_eq!(gone.tree.as_ref().unwrap_err().1.reason(), "NotFound");
        assert_eq!(sbom.kind, Kind::Sbom);
        let below = &sbom.tree.as_ref().unwrap().referrers;
        assert_eq!(below.iter().map(|branch| branch.kind).collect::<Vec<_>>(), [Kind::Signature]);
        assert!(below[0].tree.as_ref().unwrap().referrers.is_empty());
        assert!(!found.cut);
    }

    #[tokio::test]
    async fn chains_and_floods_are_cut_and_said_to_be() {
        let registry = FakeRegistry::default();
        let subject = put(&registry, &json!({"layers": []}));
        let mut last = subject.clone();
        for index in 0..10 {
            let next = put(&registry, &of_type("x/y", json!({"at": index.to_string()})));
            refer(&registry, &last, &[listed(&next)]);
            last = next;
        }
        let mut found = tree(&registry, &repository(), &subject).await.unwrap();
        for _ in 0..DEEPEST {
            assert!(!found.cut);
            found = found.referrers.remove(0).tree.unwrap();
        }
        assert!(found.cut && found.referrers.is_empty());

        let flood: Vec<_> =
            (0..100).map(|index| listed(&put(&registry, &of_type("x/y", json!({"no": index.to_string()}))))).collect();
        refer(&registry, &subject, &flood);
        let found = tree(&registry, &repository(), &subject).await.unwrap();
        assert!(found.cut);
        assert_eq!(found.referrers.len(), MAX_REFERRERS);
    }

    #[test]
    fn kinds_are_told_apart_by_type_and_predicate() {
        let kind = |artifact_type: &str, key: &str, predicate: &str| {
            let mut descriptor = listed(&put(&FakeRegistry::default(), &of_type(artifact_type, json!({}))));
            descriptor.annotations.insert(key.to_owned(), predicate.to_owned());
            Kind::of(&descriptor)
        };
        let (bundle, statement) = ("application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.in-toto+json");
        let [of_bundle, of_statement] = PREDICATE_TYPES;
        assert_eq!(kind(bundle, of_bundle, "https://sigstore.dev/cosign/sign/v1"), Kind::Signature);
        assert_eq!(kind(bundle, "other", ""), Kind::Signature);
        assert_eq!(kind(bundle, of_bundle, "https://slsa.dev/provenance/v1"), Kind::Provenance);
        assert_eq!(kind(statement, of_statement, "https://slsa.dev/provenance/v0.2"), Kind::Provenance);
        assert_eq!(kind(statement, of_statement, "https://spdx.dev/Document"), Kind::Sbom);
        assert_eq!(kind(statement, "other", ""), Kind::Attestation);
        assert_eq!(kind("application/vnd.cyclonedx+json", "other", ""), Kind::Sbom);
        assert_eq!(kind("application/vnd.cncf.notary.signature", "other", ""), Kind::Signature);
        assert_eq!(kind("text/plain", "other", ""), Kind::Other);
    }
}
