//! What is said of fields where they are defined: by a CRD, by Kubernetes, by the schema of an input.

use super::{EntryFacts, Facts, Step};
use crate::cel::ast::Type;
use crate::kinds;
use crate::yaml::{Key, Node};

impl Facts {
    /// What is said of the field `name` of a value of type `of`, or of a variable by its name, where nothing comes before it.
    pub fn said_of(&self, path: &[Step], of: Option<&Type>, name: &str) -> Option<String> {
        let entry = self.entry(path)?;
        let Some(of) = of else { return variable(name).map(str::to_owned) };
        let Type::Message(message) = of else { return None };
        if let Some(node) = self.schema(entry, message, name) {
            return said(node);
        }
        let steps = steps(message);
        let (root, steps) = steps.split_first()?;
        let (id, at) = steps.split_first()?;
        let (_, api_version, kind) = match root.as_str() {
            "children" => entry.children.iter().find(|(known, ..)| known == id)?,
            "reads" => entry.reads.iter().find(|(known, ..)| known == id)?,
            _ => return None,
        };
        let mut at: Vec<&str> = at.iter().map(String::as_str).collect();
        at.push(name);
        let found = kinds::documentation(api_version, kind, &at)?;
        Some(found.own).filter(|text| !text.is_empty())
    }

    /// The schema of a field as it is written in `crd.yaml` or in the Katalog.
    fn schema(&self, entry: &EntryFacts, message: &str, name: &str) -> Option<&Node> {
        let steps = steps(message);
        match steps.split_first()? {
            (root, at) if root == "object" => descend(self.primary_schema(entry)?, at)?.get("properties")?.get(name),
            (root, []) if root == "inputs" => self.input(name)?.1.get("schema"),
            (root, at) if root == "inputs" => {
                let (input, at) = at.split_first()?;
                descend(self.input(input)?.1.get("schema")?, at)?.get("properties")?.get(name)
            }
            _ => None,
        }
    }

    /// The place of a field of the entry's own kind in `crd.yaml`, or of one of an input.
    pub(super) fn field_key(&self, entry: &EntryFacts, message: &str, name: &str) -> Option<&Key> {
        let steps = steps(message);
        let map = match steps.split_first()? {
            (root, at) if root == "object" => descend(self.primary_schema(entry)?, at)?,
            (root, at) if root == "inputs" => {
                let (input, at) = at.split_first()?;
                descend(self.input(input)?.1.get("schema")?, at)?
            }
            _ => return None,
        };
        let fields = map.get("properties")?.members()?;
        fields.iter().find(|(key, _)| key.text == name).map(|(key, _)| key)
    }

    fn primary_schema(&self, entry: &EntryFacts) -> Option<&Node> {
        let text = |node: &Node, path: [&str; 2]| -> Option<String> {
            Some(
                path.iter().filter(|key| !key.is_empty()).try_fold(node, |node, key| node.get(key))?.text()?.to_owned(),
            )
        };
        let spec = self.crds.iter().filter_map(|crd| crd.get("spec")).find(|spec| {
            text(spec, ["group", ""]).as_ref() == Some(&entry.api.group)
                && text(spec, ["names", "kind"]).as_ref() == Some(&entry.api.kind)
        })?;
        let mut versions = spec.get("versions")?.items()?.iter();
        let version = versions.find(|version| version.get("name").and_then(Node::text) == Some(&entry.api.version))?;
        version.get("schema")?.get("openAPIV3Schema")
    }

    /// An input by its name: the place of the name, and the item.
    pub(super) fn input(&self, name: &str) -> Option<(&Node, &Node)> {
        let items = self.katalog.as_ref()?.get("spec")?.get("inputs")?.items()?;
        items.iter().find_map(|item| {
            let own = item.get("name")?;
            (own.text() == Some(name)).then_some((own, item))
        })
    }
}

/// A message type's name is the path at which its schema was met: `object.spec.users[]`.
fn steps(message: &str) -> Vec<String> {
    let mut steps = Vec::new();
    // The mark tells two types apart that were met at one path.
    for part in message.trim_end_matches('\'').split('.') {
        let end = part.find(['[', '{']).unwrap_or(part.len());
        let (name, marks) = part.split_at(end);
        steps.push(name.to_owned());
        let mut marks = marks;
        while let Some(mark) = ["[]", "{}"].into_iter().find(|mark| marks.starts_with(mark)) {
            steps.push(mark.to_owned());
            marks = marks.get(mark.len()..).unwrap_or_default();
        }
    }
    steps
}

fn descend<'a>(schema: &'a Node, steps: &[String]) -> Option<&'a Node> {
    steps.iter().try_fold(schema, |schema, step| match step.as_str() {
        "[]" => schema.get("items"),
        "{}" => schema.get("additionalProperties"),
        name => schema.get("properties")?.get(name),
    })
}

/// A schema's description, with its default and the words that it allows.
fn said(schema: &Node) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(schema.get("description").and_then(Node::text).map(|text| text.trim().to_owned()));
    if let Some(words) = schema.get("enum").and_then(Node::items) {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.to_json())).collect();
        parts.push(format!("One of {}.", words.join(", ")));
    }
    if let Some(default) = schema.get("default") {
        parts.push(format!("By default `{}`.", default.to_json()));
    }
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// The variables of the language.
fn variable(name: &str) -> Option<&'static str> {
    Some(match name {
        "object" => "The whole resource.",
        "metadata" => "The resource's metadata.",
        "spec" => "The resource's spec.",
        "status" => "The resource's status, as it was observed.",
        "inputs" => "Values that a Komposer may set.",
        "vars" => "Values of this entry that have names.",
        "children" => "Observed children by their ids. What uses one that is not there yet is pending.",
        "reads" => "Objects of others by their ids. What uses one that is not there yet is pending.",
        "hook" => "What the hook gave before templates are rendered.",
        "self" => "This child, as it was observed.",
        "item" => "The element of `forEach` that this child is for.",
        "key" => "The key of the element of `forEach` that this child is for.",
        "now" => "The time.",
        _ => return None,
    })
}
