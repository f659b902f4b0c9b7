//! Overrides over a Katalog, node by node: what is taken over keeps its place, so that the effective tree says of each value where
//! it was written, and every later diagnostic points there by itself.

use orkestra_pattern::child_id;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::schema::nearest;
use orkestra_pattern::source::Span;
use orkestra_pattern::yaml::{Key, Node, Value};

use crate::{Layer, codes, list_keys};

/// What a list's item is found by, and what stands below a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Entry,
    Operator,
    Templates,
    Children(&'a str),
    By(&'static str),
    Status,
    Grows,
    Free(&'a str),
}

impl<'a> Place<'a> {
    /// The place of a member.
    fn below(self, key: &'a str) -> Self {
        match (self, key) {
            (Self::Entry, "operatorBox") => Self::Operator,
            (Self::Entry, "restrictedNamespaces") => Self::Grows,
            (Self::Operator, "onCreate" | "onReconcile" | "onDelete") => Self::Templates,
            (Self::Operator, "reads") => Self::By("id"),
            (Self::Operator, "validation" | "mutation" | "requeue") => Self::By("name"),
            (Self::Operator, "status") => Self::Status,
            (Self::Templates, list) => Self::Children(list),
            (Self::Status, "fields") => Self::By("path"),
            _ => Self::Free(key),
        }
    }
}

/// What an item of a list is found by; none where it has no such key.
type Naming<'a> = Box<dyn Fn(&Node) -> Option<String> + 'a>;

/// A Katalog's root with `layers` laid over it, the first one lowest. What cannot be laid over is reported and left out, and so is
/// an override of an entry that the Katalog does not have.
pub fn merge(base: &Node, layers: &[Layer]) -> (Node, Diagnostics) {
    let mut problems = Diagnostics::default();
    let mut root = base.clone();
    for layer in layers {
        for item in &layer.overrides {
            let Some(entry) = entry_mut(&mut root, &item.entry) else {
                let message = format!("the pattern has no entry `{}`", item.entry);
                let known = entry_names(base);
                let near = nearest(&item.entry, known.iter().map(String::as_str));
                problems.push(Diagnostic::new(&codes::UNKNOWN_ENTRY, item.span, message).did_you_mean(near));
                continue;
            };
            *entry = over(entry, &item.node, Place::Entry, &mut problems);
        }
    }
    (root, problems)
}

/// The names of a Katalog's entries, in order.
pub(crate) fn entry_names(root: &Node) -> Vec<String> {
    let Some(crds) = root.get("spec").and_then(|spec| spec.get("crds")) else { return Vec::new() };
    match &crds.value {
        Value::Map(members) => members.iter().map(|(key, _)| key.text.clone()).collect(),
        Value::List(items) => items.iter().filter_map(|item| Some(item.get("name")?.text()?.to_owned())).collect(),
        _ => Vec::new(),
    }
}

/// An entry of a Katalog in either of its forms.
pub(crate) fn entry<'a>(root: &'a Node, name: &str) -> Option<&'a Node> {
    let crds = root.get("spec")?.get("crds")?;
    match &crds.value {
        Value::Map(_) => crds.get(name),
        Value::List(items) => items.iter().find(|item| item.get("name").and_then(Node::text) == Some(name)),
        _ => None,
    }
}

fn entry_mut<'a>(root: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let crds = member_mut(member_mut(root, "spec")?, "crds")?;
    match &mut crds.value {
        Value::Map(members) => members.iter_mut().find(|(key, _)| key.text == name).map(|(_, node)| node),
        Value::List(items) => items.iter_mut().find(|item| item.get("name").and_then(Node::text) == Some(name)),
        _ => None,
    }
}

fn member_mut<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    match &mut node.value {
        Value::Map(members) => members.iter_mut().find(|(key, _)| key.text == name).map(|(_, node)| node),
        _ => None,
    }
}

fn over(base: &Node, node: &Node, place: Place, problems: &mut Diagnostics) -> Node {
    match (&base.value, &node.value) {
        (Value::Map(old), Value::Map(new)) => {
            Node { span: base.span, value: Value::Map(maps(old, new, place, problems)) }
        }
        (Value::List(old), Value::List(new)) => lists(base.span, old, node, new, place, problems),
        // Nothing was there, or an expression that may give anything stands on one side.
        (Value::Null, _) => node.clone(),
        _ if same_shape(base, node) || computed(base) || computed(node) => node.clone(),
        _ => {
            let problem =
                Diagnostic::new(&codes::SHAPE, node.span, "the override has another shape than what it replaces");
            let problem = problem.expected(shape(base)).found(node.describe());
            problems.push(problem.note(base.span, "this is replaced"));
            base.clone()
        }
    }
}

fn computed(node: &Node) -> bool {
    matches!(&node.value, Value::String(text) if text.has_expressions())
}

fn same_shape(a: &Node, b: &Node) -> bool {
    shape(a) == shape(b)
}

fn shape(node: &Node) -> &'static str {
    match node.value {
        Value::Map(_) => "a map",
        Value::List(_) => "a list",
        _ => "one value",
    }
}

fn maps(old: &[(Key, Node)], new: &[(Key, Node)], place: Place, problems: &mut Diagnostics) -> Vec<(Key, Node)> {
    let mut members = old.to_vec();
    for (key, node) in new {
        let at = members.iter().position(|(name, _)| name.text == key.text);
        let below = place.below(&key.text);
        match (at, &node.value) {
            (Some(_), Value::Null) if below == Place::Grows => {
                let problem = Diagnostic::new(&codes::SHAPE, key.span, format!("`{}` only grows", key.text));
                problems.push(problem.hint("an override adds namespaces and removes none"));
            }
            (Some(at), Value::Null) => drop(members.remove(at)),
            (None, Value::Null) => {}
            (Some(at), _) => {
                if let Some((_, base)) = members.get_mut(at) {
                    *base = over(base, node, below, problems);
                }
            }
            (None, _) => members.push((key.clone(), node.clone())),
        }
    }
    members
}

fn lists(span: Span, old: &[Node], node: &Node, new: &[Node], place: Place, problems: &mut Diagnostics) -> Node {
    let mut items = old.to_vec();
    let named: Naming = match place {
        Place::Grows => {
            let added = new.iter().filter(|item| old.iter().all(|old| old.to_json() != item.to_json()));
            items.extend(added.cloned());
            return Node { span, value: Value::List(items) };
        }
        Place::Children(list) => Box::new(move |item| child_id(list, item)),
        Place::By(key) => Box::new(move |item| Some(item.get(key)?.text()?.to_owned())),
        Place::Free(name) => match list_keys::of(name, old, new) {
            Some(keys) => Box::new(move |item| Some(list_keys::key(keys, item))),
            None => return node.clone(),
        },
        Place::Entry | Place::Operator | Place::Templates | Place::Status => return node.clone(),
    };
    for item in new {
        let deleted = item.get("$patch").is_some();
        if deleted && item.get("$patch").and_then(Node::text) != Some("delete") {
            let problem = Diagnostic::new(&codes::SHAPE, item.span, "`$patch` of an item can only be `delete`");
            problems.push(problem.hint("leave `$patch` out: the item is merged with the one of its key"));
            continue;
        }
        let name = named(item);
        let at = name.as_ref().and_then(|name| items.iter().position(|old| named(old).as_ref() == Some(name)));
        match at {
            Some(at) if deleted => drop(items.remove(at)),
            Some(at) => {
                if let Some(base) = items.get_mut(at) {
                    *base = over(base, &without(item, place), Place::Free(""), problems);
                }
            }
            // What is new says its own name: one without would be a slip far more often than a second child.
            None if deleted || (matches!(place, Place::Children(_)) && item.get("id").is_none()) => {
                let known: Vec<_> = items.iter().filter_map(&named).collect();
                let what = name.as_deref().unwrap_or("…");
                let problem =
                    Diagnostic::new(&codes::ITEM, item.span, format!("there is no item `{what}` to override"));
                problems.push(match nearest(what, known.iter().map(String::as_str)) {
                    Some(near) => problem.did_you_mean(Some(near)),
                    None => problem.hint(format!("the items are {}; a new child has an `id`", known.join(", "))),
                });
            }
            None => items.push(item.clone()),
        }
    }
    Node { span, value: Value::List(items) }
}

/// An item without the key that it was found by, which stays where it was written first.
fn without(item: &Node, place: Place) -> Node {
    let found_by = match place {
        Place::Children(_) => "id",
        Place::By(key) => key,
        _ => return item.clone(),
    };
    let members = item.members().unwrap_or_default().iter().filter(|(key, _)| key.text != found_by).cloned();
    Node {
        span: item.span,
        value: if item.members().is_some() { Value::Map(members.collect()) } else { item.value.clone() },
    }
}
