//! Where a name of an expression was given.

use super::{EntryFacts, Facts, Step, at};
use crate::cel::ast::Type;
use crate::cel::{Found, What};
use crate::check::child_id;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

/// The parts of an entry that hold templates.
pub(super) const PARTS: [&str; 3] = ["onCreate", "onReconcile", "onDelete"];

impl Facts {
    /// Where what was found in an expression at `path` was named.
    pub fn definition(&self, path: &[Step], found: &Found) -> Option<Span> {
        let What::Path(names) = &found.what else {
            let (What::Field(name), Some(Type::Message(message))) = (&found.what, &found.of) else { return None };
            return self.field_key(self.entry(path)?, message, name).map(|key| key.span);
        };
        let name = names.last()?;
        let entry = self.entry(path)?;
        match &found.of {
            None => self.root(path, entry, name),
            Some(Type::Message(message)) => match &**message {
                part @ ("vars" | "reads" | "children" | "inputs" | "hook") => self.named(path, part, name),
                message => match self.field_key(entry, message, name) {
                    Some(key) => Some(key.span),
                    // A field of another object is Kubernetes' own: the object is the nearest that is the author's.
                    None => self.named(path, names.first()?, names.get(1)?),
                },
            },
            Some(_) => None,
        }
    }

    /// Where the word of a list of names was given: in `rolloutOn`, `dependsOn` and `afterRender.children`.
    pub fn reference(&self, path: &[Step], word: &str) -> Option<Span> {
        let keys: Vec<&str> = path.iter().filter_map(Step::key).collect();
        match keys.as_slice() {
            [.., "rolloutOn"] | [.., "afterRender", "children"] => self.named(path, "children", word),
            [.., "dependsOn"] => self.entry_name(word),
            _ => None,
        }
    }

    /// A variable that stands for itself.
    fn root(&self, path: &[Step], entry: &EntryFacts, name: &str) -> Option<Span> {
        if let Some(span) = self.element(path, name) {
            return Some(span);
        }
        match name {
            "object" => self.crds.first().map(|crd| crd.span).map(|span| Span { end: span.start, ..span }),
            "vars" | "reads" | "hooks" => key(self.operator_box(path)?, name).map(|key| key.span),
            "inputs" => key(self.katalog.as_ref()?.get("spec")?, name).map(|key| key.span),
            name => self.field_key(entry, "object", name).map(|key| key.span),
        }
    }

    /// `item`, the name that `as` gives, `key` and `self`, by the template that a path leads into.
    fn element(&self, path: &[Step], name: &str) -> Option<Span> {
        let root = self.katalog.as_ref()?;
        let template = (0..=path.len()).rev().filter_map(|length| at(root, path.get(..length)?)).find(|node| {
            let is_map = matches!(node.value, Value::Map(_));
            is_map && (node.get("forEach").is_some() || node.get("id").is_some())
        })?;
        if name == "self" {
            return Some(template.get("id").map_or_else(|| start(template), |id| id.span));
        }
        let each = template.get("forEach")?;
        match each.get("as") {
            Some(given) if given.text() == Some(name) => Some(given.span),
            _ if matches!(name, "item" | "key") => key(template, "forEach").map(|key| key.span),
            _ => None,
        }
    }

    fn named(&self, path: &[Step], part: &str, name: &str) -> Option<Span> {
        match part {
            "inputs" => self.input(name).map(|(own, _)| own.span),
            "vars" => key(self.operator_box(path)?.get("vars")?, name).map(|key| key.span),
            "reads" => item(self.operator_box(path)?.get("reads")?, "id", name),
            "hook" => item(self.operator_box(path)?.get("hooks")?.get("beforeRender")?, "name", name),
            "children" => {
                let operator = self.operator_box(path)?;
                let lists = PARTS.iter().filter_map(|part| operator.get(part)?.members()).flatten();
                lists.filter_map(|(list, items)| Some((list, items.items()?))).find_map(|(list, items)| {
                    let own = items.iter().find(|item| child_id(&list.text, item).as_deref() == Some(name))?;
                    Some(own.get("id").map_or_else(|| start(own), |id| id.span))
                })
            }
            _ => None,
        }
    }

    fn operator_box(&self, path: &[Step]) -> Option<&Node> {
        at(self.katalog.as_ref()?, path.get(..3)?)?.get("operatorBox")
    }

    fn entry_name(&self, name: &str) -> Option<Span> {
        let crds = self.katalog.as_ref()?.get("spec")?.get("crds")?;
        key(crds, name).map(|key| key.span).or_else(|| item(crds, "name", name))
    }
}

fn key<'a>(map: &'a Node, name: &str) -> Option<&'a Key> {
    map.members()?.iter().find(|(key, _)| key.text == name).map(|(key, _)| key)
}

/// The place of the member `key` of the item that has this word there.
fn item(list: &Node, key: &str, word: &str) -> Option<Span> {
    list.items()?.iter().filter_map(|item| item.get(key)).find(|own| own.text() == Some(word)).map(|own| own.span)
}

/// The first key of a map.
fn start(map: &Node) -> Span {
    map.members().and_then(|members| members.first()).map_or(map.span, |(key, _)| key.span)
}
