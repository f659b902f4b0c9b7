//! `hooks`: the points at which code beside the Katalog is called.

use super::fields::{Fields, boolean, list, string};
use super::katalog::unique;
use super::scalars::identifier;
use super::tables::{AFTER_RENDER, HOOK_VALUE, HOOKS, PRODUCED};
use super::{AfterRender, Hook, Input, Produced, Spanned};
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::Node;

/// Reads the points.
pub(super) fn parse(node: &Node, problems: &mut Diagnostics) -> Option<Hook> {
    let fields = Fields::open(node, &HOOKS, problems)?;
    let span = fields.head();
    let values = fields.take("beforeRender").and_then(|node| values(node, problems));
    let after_render = fields.take("afterRender").and_then(|node| after_render(node, problems));
    let mut point = |key: &'static str| -> Option<Span> {
        let (key, node) = fields.entry(key)?;
        boolean(node, &format!("`{}`", key.text), problems)?.then_some(key.span)
    };
    let (validate, finalize, convert) = (point("validate"), point("finalize"), point("convert"));
    fields.finish(problems);
    Some(Hook { span, values, after_render, validate, finalize, convert })
}

fn values(node: &Node, problems: &mut Diagnostics) -> Option<(Span, Vec<Input>)> {
    let mut value = |node: &Node| {
        let fields = Fields::open(node, &HOOK_VALUE, problems)?;
        let name = fields.require("name", problems).and_then(|node| identifier(node, "the hook's value", problems));
        let schema = fields.require("schema", problems).cloned();
        fields.finish(problems);
        Some(Input { name: name?, schema: schema?, default: None })
    };
    let values: Vec<Input> = node.items()?.iter().filter_map(&mut value).collect();
    unique("hook's value", values.iter().map(|value| &value.name), problems);
    Some((node.span, values))
}

fn after_render(node: &Node, problems: &mut Diagnostics) -> Option<AfterRender> {
    let fields = Fields::open(node, &AFTER_RENDER, problems)?;
    let span = fields.head();
    let items = |key: &'static str, problems: &mut Diagnostics| {
        fields.take(key).and_then(|node| list(node, &format!("`{key}`"), problems)).unwrap_or_default()
    };
    let children = items("children", problems);
    let children = children.iter().filter_map(|node| text(node, "the id of a child", problems)).collect();
    let produces = items("produces", problems);
    let produces: Vec<Produced> = produces.iter().filter_map(|node| produced(node, problems)).collect();
    fields.finish(problems);
    Some(AfterRender { span, children, produces })
}

fn produced(node: &Node, problems: &mut Diagnostics) -> Option<Produced> {
    let fields = Fields::open(node, &PRODUCED, problems)?;
    let id = fields.require("id", problems).and_then(|node| identifier(node, "the id", problems));
    let api_version = fields.require("apiVersion", problems).and_then(|node| text(node, "`apiVersion`", problems));
    let kind = fields.require("kind", problems).and_then(|node| text(node, "`kind`", problems));
    let many = fields.take("many").and_then(|node| boolean(node, "`many`", problems)).unwrap_or_default();
    fields.finish(problems);
    Some(Produced { id: id?, api_version: api_version?, kind: kind?, many })
}

fn text(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Spanned<String>> {
    Some(Spanned { value: string(node, what, problems)?.to_owned(), span: node.span })
}
