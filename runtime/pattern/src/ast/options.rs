//! What a child says of itself beside its manifest.

use super::fields::{Fields, boolean, string};
use super::scalars::identifier;
use super::tables::children::FOR_EACH;
use super::{ForEach, Options, Template};
use crate::cel::is_root;
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::schema::nearest;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// Reads the options of a child.
pub(super) fn parse(fields: &Fields, problems: &mut Diagnostics) -> Options {
    let mut flag = |key: &'static str| {
        let (key, node) = fields.entry(key)?;
        boolean(node, &format!("`{}`", key.text), problems)?.then_some(key.span)
    };
    let (once, adopt, recreate, raw) = (flag("once"), flag("adopt"), flag("recreate"), flag("raw"));
    Options { once, adopt, recreate, raw, retain: retain(fields, problems) }
}

fn retain(fields: &Fields, problems: &mut Diagnostics) -> Option<Span> {
    let (key, node) = fields.entry("deletionPolicy")?;
    match node.text() {
        Some("delete") => None,
        Some("retain") => Some(key.span),
        found => {
            let near = found.and_then(|found| nearest(found, ["delete", "retain"]));
            let problem = keys::wrong_kind(node.span, "`deletionPolicy`", "`delete` or `retain`", &node.describe());
            problems.push(problem.did_you_mean(near));
            None
        }
    }
}

/// Reads `forEach`.
pub(super) fn for_each(node: &Node, span: Span, problems: &mut Diagnostics) -> Option<ForEach> {
    let fields = Fields::open(node, &FOR_EACH, problems)?;
    let field = fields.require("field", problems).cloned();
    let name = fields.take("as").and_then(|node| {
        let name = identifier(node, "the name of an element", problems)?;
        if is_root(&name.value) && name.value != "item" {
            problems.push(keys::hides(name.span, &name.value));
            return None;
        }
        Some(name)
    });
    let key = fields.take("key").filter(|node| string(node, "`key`", problems).is_some()).cloned();
    fields.finish(problems);
    Some(ForEach { field: field?, name, key, span })
}

/// The same value whose strings are text only, whatever stands in them. The keys of a child that are no part of what it is
/// made of stay as they are.
pub(super) fn raw(item: &Node) -> Node {
    let Value::Map(members) = &item.value else { return item.clone() };
    let members = members
        .iter()
        .map(|(key, node)| (key.clone(), if Template::is_common(&key.text) { node.clone() } else { literal(node) }));
    Node { span: item.span, value: Value::Map(members.collect()) }
}

fn literal(node: &Node) -> Node {
    let value = match &node.value {
        Value::String(text) => Value::String(text.literal()),
        Value::List(items) => Value::List(items.iter().map(literal).collect()),
        Value::Map(members) => Value::Map(members.iter().map(|(key, node)| (key.clone(), literal(node))).collect()),
        other => other.clone(),
    };
    Node { span: node.span, value }
}
