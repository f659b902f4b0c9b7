//! What changes of an entry's templates mean for the children that are there. Pure.

use std::collections::BTreeMap;

use orkestra_operator::Verdict;
use orkestra_pattern::model::{Child, Entry, Node, Part, Policy, Read, Text, Which};
use serde_json::Value;

use super::judge::About;

pub(super) fn children(old: &Entry, new: &Entry, about: &mut About<'_>) {
    let by_id = |entry: &'_ Entry| {
        entry.children.iter().map(|child| (child.id.clone(), child.clone())).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (by_id(old), by_id(new));
    for (id, child) in &after {
        let path = format!("children.{id}");
        match before.get(id) {
            None => about.add(Verdict::Safe, "childAdded", &path, format!("{} {} is new", child.kind, name(child))),
            Some(before) => changed(before, child, &path, about),
        }
    }
    for (id, child) in before.iter().filter(|(id, _)| !after.contains_key(*id)) {
        about.add(
            Verdict::Attention,
            "childRemoved",
            &format!("children.{id}"),
            format!("{} {} goes: {}", child.kind, name(child), end(child)),
        );
    }
}

fn changed(before: &Child, after: &Child, path: &str, about: &mut About<'_>) {
    let kind = |child: &Child| format!("{} {}", child.api_version, child.kind);
    if group_kind(before) != group_kind(after) {
        let message = format!("becomes a {} and is no {} any more: {}", kind(after), kind(before), end(before));
        about.add(Verdict::Attention, "childKind", path, message);
    } else if before.api_version != after.api_version {
        about.add(
            Verdict::Safe,
            "childVersion",
            path,
            format!("is written as {} and not as {}", after.api_version, before.api_version),
        );
    }
    if name(before) != name(after) {
        let data = match before.kind.as_str() {
            "StatefulSet" | "PersistentVolumeClaim" | "Secret" => ", with what it holds",
            _ => "",
        };
        let message = format!("{} is made, and of {} {}{data}", name(after), name(before), end(before));
        about.add(Verdict::Attention, "childName", path, message);
    }
    if before.policy != after.policy {
        let word = |policy: Policy| match policy {
            Policy::Create => "onCreate",
            Policy::Apply => "onReconcile",
            Policy::Delete => "onDelete",
        };
        about.add(
            Verdict::Attention,
            "childPolicy",
            path,
            format!("moves from {} to {}", word(before.policy), word(after.policy)),
        );
    }
    if before.retain != after.retain {
        let message =
            if after.retain { "stays when its resource goes" } else { "goes with its resource, and stayed before" };
        about.add(Verdict::Attention, "childRetain", path, message);
    }
    if !before.recreate && after.recreate {
        about.add(
            Verdict::Attention,
            "childRecreate",
            path,
            "is deleted and made anew where an immutable field changes",
        );
    }
    if !before.adopt && after.adopt {
        about.add(Verdict::Attention, "childAdopt", path, "takes over an object of its name that nobody controls");
    }
}

/// What becomes of a child that is no longer rendered.
fn end(child: &Child) -> &'static str {
    match child.policy {
        _ if child.retain => "those that are there stay",
        Policy::Apply => "those that are there are deleted",
        Policy::Create => "those that are there stay until their resource goes",
        Policy::Delete => "it was made at deletion only",
    }
}

fn group_kind(child: &Child) -> (&str, &str) {
    (child.api_version.split_once('/').map_or("", |(group, _)| group), &child.kind)
}

/// `metadata.name` as it is written.
fn name(child: &Child) -> String {
    let member = |node: &Node, key: &str| match node {
        Node::Map(members) => members.iter().find(|(name, _)| name == key).map(|(_, node)| node.clone()),
        Node::Plain(value) => value.get(key).map(|value| Node::Plain(value.clone())),
        Node::Hole(..) | Node::List(_) => None,
    };
    let found = member(&child.manifest, "metadata").and_then(|metadata| member(&metadata, "name"));
    match found {
        Some(Node::Plain(Value::String(text))) => format!("`{text}`"),
        Some(Node::Hole(text, _)) => format!("`{}`", written(&text)),
        _ => "of a computed name".to_owned(),
    }
}

fn written(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Expression(checked) => format!("{{{{ {} }}}}", checked.source.trim()),
    };
    text.parts.iter().map(part).collect()
}

pub(super) fn reads(old: &Entry, new: &Entry, about: &mut About<'_>) {
    let find = |entry: &'_ Entry, id: &str| entry.reads.iter().find(|read| read.id == id).cloned();
    for read in &new.reads {
        let path = format!("reads.{}", read.id);
        match find(old, &read.id) {
            None if read.optional || matches!(read.which, Which::Selected(_)) => {
                about.add(Verdict::Safe, "readAdded", &path, format!("{} is read", which(read)));
            }
            None => {
                let message = format!("{} is read, and resources wait until it is there", which(read));
                about.add(Verdict::Attention, "readAdded", &path, message);
            }
            Some(before) if which(&before) != which(read) => {
                about.add(
                    Verdict::Attention,
                    "readChanged",
                    &path,
                    format!("{} is read, and not {}", which(read), which(&before)),
                );
            }
            Some(before) if before.optional && !read.optional => {
                about.add(Verdict::Attention, "readChanged", &path, "resources wait until it is there");
            }
            Some(_) => {}
        }
    }
    for read in old.reads.iter().filter(|read| find(new, &read.id).is_none()) {
        about.add(
            Verdict::Safe,
            "readRemoved",
            &format!("reads.{}", read.id),
            format!("{} is no longer read", which(read)),
        );
    }
}

fn which(read: &Read) -> String {
    let which = match &read.which {
        Which::Name(name) => format!("`{}`", written(name)),
        Which::Selected(selector) => format!("with {}", selector.shown(&written)),
    };
    let place = read.namespace.as_ref().map(|namespace| format!(" in `{}`", written(namespace))).unwrap_or_default();
    format!("{} {which}{place}", read.kind)
}
