//! Questions about places of a pattern's files: what stands there, what can be written there, where does a name come from.
//!
//! An editor asks them while the files are being written, so nothing here needs files that are right. [`locate`] reads the text
//! itself; what the check knows of names and types is in [`Facts`], which may be those of an earlier text. Places are therefore
//! paths of keys, and not bytes, wherever an answer has to hold for both.

mod define;
mod describe;
mod explain;
mod flow;
mod keys;
mod place;
mod symbols;
#[cfg(test)]
mod tests;

pub use explain::explain;
pub use keys::{Document, KeyWord, KindOf, key, keys, values};
pub use place::{At, Expression, Place, Step, locate};
pub use symbols::{Symbol, SymbolKind};

use std::sync::Arc;

use crate::cel::Scope;
use crate::model::{self, Api};
use crate::schema::Schema;
use crate::source::Span;
use crate::yaml::Node;

/// What the check of a pattern came to know.
#[derive(Debug, Default)]
pub struct Facts {
    pub(crate) katalog: Option<Node>,
    pub(crate) crds: Vec<Node>,
    pub(crate) entries: Vec<EntryFacts>,
    /// Where strings with expressions stand, and which names they can use.
    pub(crate) read: Vec<(Span, Scope)>,
}

/// What is known of an entry.
#[derive(Debug)]
pub(crate) struct EntryFacts {
    name: String,
    api: Api,
    scope: Scope,
    /// Ids of children and reads with the apiVersion and kind of their objects.
    children: Vec<(String, String, String)>,
    reads: Vec<(String, String, String)>,
}

impl EntryFacts {
    pub(crate) fn of(entry: &model::Entry, scope: &Scope) -> Self {
        let model::Entry { name, api, children, reads, .. } = entry;
        let of = |id: &String, api_version: &String, kind: &String| (id.clone(), api_version.clone(), kind.clone());
        Self {
            name: name.clone(),
            api: api.clone(),
            scope: scope.clone(),
            children: children.iter().map(|child| of(&child.id, &child.api_version, &child.kind)).collect(),
            reads: reads.iter().map(|read| of(&read.id, &read.api_version, &read.kind)).collect(),
        }
    }
}

impl Facts {
    /// Whether the check came far enough to know the names of an entry.
    pub fn has_names(&self) -> bool {
        !self.entries.is_empty()
    }

    /// The schema of the objects of a kind, where an entry reconciles it; of the first entry, where `kind` says none.
    pub fn primary(&self, kind: Option<&str>) -> Option<Arc<Schema>> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| kind.is_none_or(|kind| entry.api.kind == kind))?;
        Some(entry.scope.object().clone())
    }

    /// The names that an expression at a path of the Katalog can use.
    pub fn scope(&self, path: &[Step]) -> Option<&Scope> {
        let root = self.katalog.as_ref();
        // From the place itself outwards, to what is read beside it in the same child, but not in another one.
        for length in (template(path)..=path.len()).rev() {
            let Some(node) = root.and_then(|root| at(root, path.get(..length)?)) else { continue };
            let within = |span: &Span| {
                span.file == node.span.file
                    && node.span.start <= span.start
                    && span.end <= node.span.end.max(span.start)
            };
            if let Some((_, scope)) = self.read.iter().rev().find(|(span, _)| within(span)) {
                return Some(scope);
            }
        }
        self.entry(path).map(|entry| &entry.scope)
    }

    /// The entry that a path leads into, or the only one.
    fn entry(&self, path: &[Step]) -> Option<&EntryFacts> {
        let name = match path {
            [_, Step::Key(crds), step, ..] if crds == "crds" => match step {
                Step::Key(name) => Some(name.as_str()),
                Step::Item(_) => {
                    let root = self.katalog.as_ref();
                    root.and_then(|root| at(root, path.get(..3)?)?.get("name")?.text())
                }
            },
            _ => None,
        };
        let named = name.and_then(|name| self.entries.iter().find(|entry| entry.name == name));
        match self.entries.as_slice() {
            [only] => named.or(Some(only)),
            _ => named,
        }
    }

    /// What the Katalog names.
    pub fn symbols(&self) -> Vec<Symbol> {
        self.katalog.as_ref().map(symbols::symbols).unwrap_or_default()
    }

    /// The apiVersion and kind that a map of the Katalog says of itself.
    pub fn kind_of(&self, path: &[Step]) -> Option<(String, String)> {
        let node = at(self.katalog.as_ref()?, path)?;
        let text = |key: &str| Some(node.get(key)?.text()?.to_owned());
        Some((text("apiVersion")?, text("kind")?))
    }
}

/// How long the path of the nearest template is that a path leads into, or else of the entry's part.
fn template(path: &[Step]) -> usize {
    // spec.crds.<entry>.operatorBox.onReconcile.<list>[i]
    let box_at = path.iter().position(|step| step.key() == Some("operatorBox"));
    match box_at {
        Some(at) => match path.get(at + 1).and_then(Step::key) {
            Some("onCreate" | "onReconcile" | "onDelete") => at + 4,
            _ => at + 2,
        },
        None => path.len(),
    }
}

/// The value at a path.
pub(crate) fn at<'a>(root: &'a Node, path: &[Step]) -> Option<&'a Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Item(index) => node.items()?.get(*index),
    })
}
