//! `reads`: existing objects that are not ours.

use super::fields::{Fields, boolean, list, string};
use super::scalars::identifier;
use super::tables::{READ, REQUIREMENT, SELECTOR};
use super::{Read, Spanned, Which, selector};
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
    let namespace = fields.take("namespace").cloned();
    fields.finish(problems);
    let which = match (name, selector) {
        (Some((_, name)), None) => Some(Which::Name(name.clone())),
        (None, Some((_, node))) => selector::parse(node, &SELECTOR, &REQUIREMENT, problems).map(Which::Selected),
        (None, None) => {
            problems.push(keys::missing(span, "name", "a read").hint("or `selector: {matchLabels: …}` for a list"));
            None
        }
        (Some((first, _)), Some((second, _))) => {
            problems.push(codes::name_and_selector(second.span, first.span));
            None
        }
    };
    if let (Some(Which::Selected(_)), Some(span)) = (&which, optional) {
        problems.push(codes::optional_list(span));
    }
    let optional = optional.is_some();
    Some(Read { id: id?, api_version: api_version?, kind: kind?, which: which?, optional, namespace })
}
