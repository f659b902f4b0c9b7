//! Manifests that say what they may not, layers that are not what their descriptors say, and names that are another's.

use bytes::Bytes;
use orkestra_artifact::{Digest, Fetched, PatternManifest, Role};
use serde_json::{Value, json};

use crate::stage::{MANIFEST, Stage, changed, tampered};
use crate::table::{Row, Verdict, all, row};

const TITLE: &str = "org.opencontainers.image.title";

fn layers(manifest: &mut Value) -> &mut Vec<Value> {
    manifest["layers"].as_array_mut().expect("layers")
}

fn titled(title: &'static str) -> Verdict {
    changed(|m| m["layers"][0]["annotations"][TITLE] = json!(title))
}

/// The manifest's text with a change that no JSON library would write, read as a registry's answer is.
fn text(change: impl Fn(&str) -> String) -> Verdict {
    let stage = Stage::new();
    let honest = serde_json::to_string(&stage.manifest()).expect("JSON");
    let (media_type, bytes) = (MANIFEST.to_owned(), Bytes::from(change(&honest)));
    let fetched = Fetched { media_type, digest: Digest::of(&bytes), bytes };
    PatternManifest::read(&fetched).map(drop).map_err(|refused| refused.reason())
}

/// The Katalog's layer with this content in its place, under its digest.
fn content(change: impl Fn(Vec<u8>) -> Vec<u8>) -> Verdict {
    tampered(|stage| {
        let file = stage.file(&stage.layer(Role::Katalog));
        let bytes = std::fs::read(&file).expect("a layer");
        std::fs::write(&file, change(bytes)).expect("a write");
    })
}

/// A manifest whose layer of this role is another blob, with the digest and size that it has.
fn swapped(role: Role, bytes: &'static [u8]) -> Verdict {
    tampered(|stage| {
        std::fs::write(stage.file(&Digest::of(bytes)), bytes).expect("a write");
        let mut manifest = stage.manifest();
        let layer = layers(&mut manifest).iter_mut().find(|layer| layer["mediaType"] == role.media_type());
        let layer = layer.expect("a layer");
        (layer["digest"], layer["size"]) = (json!(Digest::of(bytes)), json!(bytes.len()));
        stage.put(&serde_json::to_vec(&manifest).expect("JSON"));
    })
}

fn honest() -> Verdict {
    changed(|_| ())
}

pub(crate) fn rows() -> Vec<Row> {
    const HONEST: &str = "as it was pushed";
    vec![
        row(
            "role-twice",
            "has two layers for the Katalog",
            "DoubledLayer",
            || {
                changed(|m| {
                    let first = m["layers"][0].clone();
                    layers(m).push(first);
                })
            },
            HONEST,
            honest,
        ),
        row(
            "role-missing",
            "has no Katalog",
            "MissingLayer",
            || changed(|m| drop(layers(m).remove(0))),
            HONEST,
            honest,
        ),
        row(
            "compressed-layer",
            "has layers that say that they are compressed: a Katalog and an image's layer",
            "UnknownLayer",
            || {
                let types =
                    ["application/vnd.orkestra.katalog.v1+yaml+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"];
                all(types.map(|said| (said.to_owned(), changed(|m| m["layers"][0]["mediaType"] = json!(said)))))
            },
            HONEST,
            honest,
        ),
        row(
            "unknown-layer",
            "has a layer of a media type that no file of a pattern has",
            "UnknownLayer",
            || changed(|m| m["layers"][0]["mediaType"] = json!("text/html")),
            HONEST,
            honest,
        ),
        row(
            "title-that-leaves",
            "titles a layer with the name of another file, inside and outside of the directory",
            "ForeignTitle",
            || {
                all(["../katalog.yaml", "/etc/passwd", "..", "crd.yaml", "", "katalog.yaml\u{0}"]
                    .map(|title| (title.to_owned(), titled(title))))
            },
            "titled with its own name",
            || titled("katalog.yaml"),
        ),
        row(
            "layer-from-elsewhere",
            "says where else its layer can be had",
            "HasUrls",
            || changed(|m| m["layers"][0]["urls"] = json!(["https://elsewhere.example/katalog.yaml"])),
            HONEST,
            honest,
        ),
        row(
            "layer-inside-of-the-manifest",
            "brings the content of its config in the manifest, beside that of the digest",
            "HasInlineData",
            || changed(|m| m["config"]["data"] = json!("e30=")),
            HONEST,
            honest,
        ),
        row(
            "layer-beyond-its-size",
            "says that a layer has no byte, or more than its role may have",
            "SizeOutOfBounds",
            || {
                let sizes = [0, Role::Katalog.limit() + 1, u64::MAX];
                all(sizes.map(|size| (size.to_string(), changed(|m| m["layers"][0]["size"] = json!(size)))))
            },
            HONEST,
            honest,
        ),
        row(
            "layers-that-are-too-much-together",
            "has layers that are each as large as their roles may be",
            "TotalTooLarge",
            || {
                changed(|m| {
                    for layer in layers(m) {
                        let role = Role::of_media_type(layer["mediaType"].as_str().expect("a type")).expect("a role");
                        layer["size"] = json!(role.limit());
                    }
                })
            },
            HONEST,
            honest,
        ),
        row(
            "config-of-another-kind",
            "has the config of a container image",
            "ForeignConfig",
            || changed(|m| m["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json")),
            HONEST,
            honest,
        ),
        row(
            "artifact-of-another-kind",
            "is a chart",
            "NotAPattern",
            || changed(|m| m["artifactType"] = json!("application/vnd.cncf.helm.config.v1+json")),
            HONEST,
            honest,
        ),
        row(
            "manifest-key-twice",
            "lists its layers twice, so that two readers see two artifacts",
            "ManifestDuplicateKey",
            || text(|honest| honest.replacen('{', "{\"layers\":[],", 1)),
            HONEST,
            || text(str::to_owned),
        ),
        row(
            "manifest-too-deep",
            "nests a value that nobody reads without end",
            "ManifestTooDeep",
            || text(|honest| honest.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(1000), "]".repeat(1000)), 1)),
            HONEST,
            || text(str::to_owned),
        ),
        row(
            "manifest-with-more",
            "has a field that no manifest of a pattern has, and a version that none has",
            "ManifestMalformed",
            || {
                let changes = [("more", json!({})), ("schemaVersion", json!(1))];
                all(changes.map(|(field, value)| (field.to_owned(), changed(|m| m[field] = value.clone()))))
            },
            HONEST,
            honest,
        ),
        row(
            "swapped-component",
            "has another component than its config says, with the right digest and size",
            "LayerMismatch",
            || swapped(Role::Component, b"\0asm\x0d\0\x01\0"),
            HONEST,
            honest,
        ),
        row(
            "swapped-roles",
            "has its CRD in the place of its custom resource, and the other way round",
            "LayerMismatch",
            || {
                changed(|m| {
                    let digests: Vec<Value> = (1..3).map(|n| m["layers"][n]["digest"].clone()).collect();
                    let sizes: Vec<Value> = (1..3).map(|n| m["layers"][n]["size"].clone()).collect();
                    for (n, other) in [(1, 1), (2, 0)] {
                        (m["layers"][n]["digest"], m["layers"][n]["size"]) =
                            (digests[other].clone(), sizes[other].clone());
                    }
                })
            },
            HONEST,
            honest,
        ),
        row(
            "content-of-another-digest",
            "has a layer with one changed byte",
            "DigestMismatch",
            || {
                content(|mut bytes| {
                    bytes[0] ^= 1;
                    bytes
                })
            },
            HONEST,
            || content(|bytes| bytes),
        ),
        row(
            "content-that-ends-early",
            "has a layer that is shorter than its descriptor says",
            "Truncated",
            || content(|bytes| bytes[..bytes.len() - 1].to_vec()),
            HONEST,
            || content(|bytes| bytes),
        ),
        row(
            "content-that-goes-on",
            "has a layer of a gigabyte where its descriptor says twenty bytes",
            "TooLarge",
            || {
                tampered(|stage| {
                    // All of it but the beginning is a hole in the file.
                    let file = stage.file(&stage.layer(Role::Katalog));
                    let file = std::fs::File::options().write(true).open(file).expect("a layer");
                    file.set_len(1 << 30).expect("a long file");
                })
            },
            HONEST,
            || content(|bytes| bytes),
        ),
        row(
            "manifest-of-another-digest",
            "has a manifest that is not what its digest says",
            "DigestMismatch",
            || tampered(|stage| std::fs::write(stage.file(&stage.package.digest), b"{}").expect("a write")),
            HONEST,
            honest,
        ),
        row(
            "another-name",
            "is found under the name of another pattern",
            "NameMismatch",
            || {
                let stage = Stage::new();
                let digest = stage.package.digest;
                stage.pull_as(&format!("registry.example/patterns/mysql@{digest}"))
            },
            "under its own",
            || {
                let stage = Stage::new();
                let digest = stage.package.digest;
                stage.pull_as(&format!("registry.example/patterns/postgres@{digest}"))
            },
        ),
    ]
}
