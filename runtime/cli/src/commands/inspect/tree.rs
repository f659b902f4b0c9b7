//! A manifest with its layers and all that refers to it, drawn as a tree.

use orkestra_artifact::manifest::TITLE;
use orkestra_artifact::tree::{Branch, Kind, Tree};
use orkestra_artifact::{Descriptor, Reference};
use serde_json::{Value, json};

use crate::output::{brief, grouped, role};

pub(super) fn json_of(tree: &Tree) -> Value {
    let mut document = described(&tree.manifest);
    document["annotations"] = json!(tree.manifest.annotations);
    document["config"] = tree.config.as_ref().map_or(Value::Null, described);
    document["contents"] = tree.contents.iter().map(described).collect();
    document["referrers"] = tree.referrers.iter().map(branch_json).collect();
    document["cut"] = json!(tree.cut);
    document
}

fn branch_json(branch: &Branch) -> Value {
    let mut document = match &branch.tree {
        Ok(tree) => json_of(tree),
        Err((descriptor, error)) => {
            let mut document = described(descriptor);
            document["problem"] = json!(error.reason());
            document
        }
    };
    document["kind"] = json!(word(branch.kind));
    document
}

fn described(descriptor: &Descriptor) -> Value {
    json!({
        "mediaType": descriptor.media_type, "artifactType": descriptor.artifact_type, "digest": descriptor.digest,
        "size": descriptor.size, "title": descriptor.annotations.get(TITLE),
    })
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Signature => "signature",
        Kind::Sbom => "sbom",
        Kind::Provenance => "provenance",
        Kind::Attestation => "attestation",
        Kind::Other => "other",
    }
}

pub(super) fn text_of(reference: &Reference, tree: &Tree) -> String {
    let mut text = format!("{b}{reference}{b:#}  {}\n", kind_of(&tree.manifest), b = role::NAME);
    draw(tree, "", &mut text);
    text
}

/// What is drawn beneath a manifest, and with what beneath that.
enum Leaf<'a> {
    Blob(&'a str, &'a Descriptor),
    Branch(&'a Branch),
    Cut,
}

fn draw(tree: &Tree, indent: &str, text: &mut String) {
    let config = tree.config.iter().map(|config| Leaf::Blob("config", config));
    let contents = tree
        .contents
        .iter()
        .map(|layer| Leaf::Blob(layer.annotations.get(TITLE).map_or("layer", String::as_str), layer));
    let referrers = tree.referrers.iter().map(Leaf::Branch);
    let leaves: Vec<_> = config.chain(contents).chain(referrers).chain(tree.cut.then_some(Leaf::Cut)).collect();
    for (index, leaf) in leaves.iter().enumerate() {
        let (branch, below) = if index + 1 == leaves.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
        text.push_str(&format!("{s}{indent}{branch}{s:#}", s = role::FAINT));
        let below = format!("{indent}{below}");
        match leaf {
            Leaf::Blob(name, blob) => text.push_str(&format!("{}  {}\n", brief(name), in_words(blob))),
            Leaf::Cut => text.push_str(&format!("{s}and more that was not looked at{s:#}\n", s = role::WARNING)),
            Leaf::Branch(Branch { kind, tree }) => {
                let manifest = tree.as_ref().map_or_else(|(descriptor, _)| descriptor, |tree| &tree.manifest);
                text.push_str(&format!("{b}{}{b:#}  {}\n", word(*kind), in_words(manifest), b = role::NAME));
                match tree {
                    Ok(tree) => draw(tree, &below, text),
                    Err((_, error)) => {
                        let problem = format!("cannot be read: {}", error.reason());
                        text.push_str(&format!("{below}{s}{problem}{s:#}\n", s = role::WARNING));
                    }
                }
            }
        }
    }
}

fn in_words(descriptor: &Descriptor) -> String {
    let facts = format!("{} bytes  {}", grouped(descriptor.size), descriptor.digest);
    format!("{}  {s}{facts}{s:#}", kind_of(descriptor), s = role::FAINT)
}

fn kind_of(descriptor: &Descriptor) -> String {
    brief(descriptor.artifact_type.as_ref().unwrap_or(&descriptor.media_type)).into_owned()
}
