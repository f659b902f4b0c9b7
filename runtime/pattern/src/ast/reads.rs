//! `reads`: existing objects that are not ours.

use super::fields::{Fields, boolean, list, string};
use super::scalars::identifier;
use super::tables::{READ, SELECTOR};
use super::{Read, Spanned, Which};
use crate::codes::{keys, reads as codes};
use crate::diagnostic::Diagnostics;
use crate::yaml::Node;

/// Reads the list.
pub(super) fn parse(node: &Node, problems: &mut Diagnostics) -> Vec<Read> {
    let Some(items) = list(node, "`reads`", problems) else { return Vec::new() };
    items.iter().filter_map(|item| one(item, problems)).collect()
}

fn one(node: &Node, problems: &mut Diagnostics) -> Option<Read> {
    let fields = Fields::open(node, &READ, problems)?;
    let span = fields.head();
    let id = fields.require("id", problems).and_then(|node| identifier(node, "the id", problems));
    let mut text = |key: &'static str| {
        let node = fields.require(key, problems)?;
        let text = string(node, &format!("`{key}`"), problems)?;
        Some(Spanned { value: text.to_owned(), span: node.span })
    };
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let name = fields.entry("name");
    let selector = fields.entry("selector");
    let optional =
        fields.entry("optional").and_then(|(key, node)| boolean(node, "`optional`", problems)?.then_some(key.span));
    if let Some((key, _)) = fields.entry("namespace") {
        problems.push(codes::namespace(key.span));
    }
    fields.finish(problems);
    let which = match (name, selector) {
        (Some((_, name)), None) => Some(Which::Name(name.clone())),
        (None, Some((_, selector))) => labels(selector, problems).map(Which::Labels),
        (None, None) => {
            problems.push(keys::missing(span, "name", "a read").hint("or `selector: {matchLabels: …}` for a list"));
            None
        }
        (Some((first, _)), Some((second, _))) => {
            problems.push(codes::name_and_selector(second.span, first.span));
            None
        }
    };
    if let (Some(Which::Labels(_)), Some(span)) = (&which, optional) {
        problems.push(codes::optional_list(span));
    }
    Some(Read { id: id?, api_version: api_version?, kind: kind?, which: which?, optional: optional.is_some() })
}

fn labels(node: &Node, problems: &mut Diagnostics) -> Option<Vec<(crate::yaml::Key, Node)>> {
    let fields = Fields::open(node, &SELECTOR, problems)?;
    let labels = fields.require("matchLabels", problems);
    fields.finish(problems);
    let labels = labels?;
    match labels.members() {
        Some([]) | None => {
            let found = if labels.members().is_some() { "none".to_owned() } else { labels.describe() };
            problems.push(keys::wrong_kind(labels.span, "`matchLabels`", "a map of at least one label", &found));
            None
        }
        Some(members) => Some(members.to_vec()),
    }
}
