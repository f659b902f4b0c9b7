//! Where each effective value comes from: the place of its node.

use orkestra_artifact::Digest;
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::{FileId, Source};
use orkestra_pattern::yaml::{Node, Value};

use crate::merge::{entry, entry_names};

/// What a file of the source belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The file.
    pub file: FileId,
    /// `postgres`, `platform`.
    pub layer: String,
    /// Of the artifact; none: the file's own bytes are digested.
    pub digest: Option<Digest>,
}

/// One effective value.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// `postgres.workers`; items of lists by what they are found by, or by their position.
    pub path: String,
    /// The value.
    pub value: serde_json::Value,
    /// Where it is written; none: it is the language's default.
    pub origin: Option<Origin>,
}

/// Where a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// As the source names it.
    pub file: String,
    /// From one.
    pub line: u32,
    /// From one, in characters.
    pub column: u32,
    /// The layer's name.
    pub layer: String,
    /// Of the artifact, or of the file.
    pub digest: Digest,
}

/// Every effective value of the entries of a merged Katalog, in the order of the tree, and the defaults of `workers` and `resync`.
pub fn provenance(source: &Source, root: &Node, pattern: &Pattern, owners: &[Owner]) -> Vec<Effective> {
    let mut found = Vec::new();
    for name in entry_names(root) {
        let Some(node) = entry(root, &name) else { continue };
        walk(source, owners, &name, node, &mut found);
        let Some(model) = pattern.entries.iter().find(|entry| entry.name == name) else { continue };
        let resync = format!("{}s", model.resync.as_secs());
        for (key, value) in [("workers", model.workers.into()), ("resync", resync.into())] {
            if node.get(key).is_none() {
                found.push(Effective { path: format!("{name}.{key}"), value, origin: None });
            }
        }
    }
    found
}

fn walk(source: &Source, owners: &[Owner], path: &str, node: &Node, found: &mut Vec<Effective>) {
    match &node.value {
        Value::Map(members) if !members.is_empty() => {
            for (key, node) in members {
                walk(source, owners, &format!("{path}.{}", key.text), node, found);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                let name = ["id", "path", "name"].into_iter().find_map(|key| item.get(key)?.text());
                let name = name.map_or_else(|| index.to_string(), str::to_owned);
                walk(source, owners, &format!("{path}[{name}]"), item, found);
            }
        }
        _ => {
            found.push(Effective { path: path.to_owned(), value: node.to_json(), origin: origin(source, owners, node) })
        }
    }
}

fn origin(source: &Source, owners: &[Owner], node: &Node) -> Option<Origin> {
    let file = source.file(node.span.file)?;
    let position = file.position(node.span.start);
    let owner = owners.iter().find(|owner| owner.file == node.span.file);
    Some(Origin {
        file: file.name().to_owned(),
        line: position.line,
        column: position.column,
        layer: owner.map_or_else(|| file.name().to_owned(), |owner| owner.layer.clone()),
        digest: owner.and_then(|owner| owner.digest).unwrap_or_else(|| Digest::of(file.text().as_bytes())),
    })
}
