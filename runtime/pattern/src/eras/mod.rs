//! Spellings of earlier days, all of them: what a published Katalog or Komposer says otherwise than it is said now.
//!
//! `read → today → parse`: the tree of a document is put into today's spelling before anything else reads it, so that no parser
//! knows more than one. Each change is a warning with the edits that make it in the file, and every node keeps its place.

mod calls;
mod pairs;
mod template;
#[cfg(test)]
mod tests;
mod translate;

use crate::ast::{self, Template};
use crate::codes::eras as codes;
use crate::diagnostic::{Diagnostics, Edit};
use crate::source::{Source, Span};
use crate::yaml::{Key, Node, Text, Value};

/// The group and version of March 2026.
pub(crate) const MARCH: &str = "orkestra.konductor.io/v1Alpha";
/// What a Katalog of March 2026 has for its version, of which it says nothing.
const NO_VERSION: &str = "0.0.0";

/// A Katalog in today's spelling.
pub fn katalog(source: &Source, mut root: Node, problems: &mut Diagnostics) -> Node {
    if header(&mut root, problems)
        && let Some(metadata) = member(&mut root, "metadata")
    {
        version(source, metadata, problems);
    }
    if let Some(spec) = member(&mut root, "spec") {
        entries(source, spec, problems);
    }
    root
}

/// A Komposer in today's spelling.
pub fn komposer(source: &Source, mut root: Node, problems: &mut Diagnostics) -> Node {
    header(&mut root, problems);
    rename(&mut root, "sources", "imports", problems);
    if let Some(spec) = member(&mut root, "spec") {
        entries(source, spec, problems);
    }
    root
}

/// Whether `apiVersion` was that of March 2026.
fn header(root: &mut Node, problems: &mut Diagnostics) -> bool {
    let Some(node) = member(root, "apiVersion").filter(|node| node.text() == Some(MARCH)) else { return false };
    problems.push(codes::api_version(node.span, MARCH, ast::API_VERSION));
    node.value = Value::String(Text::from(ast::API_VERSION));
    true
}

/// Gives a Katalog's `metadata` the version that it does not have.
fn version(source: &Source, metadata: &mut Node, problems: &mut Diagnostics) {
    let (span, file) = (metadata.span, source.file(metadata.span.file).map_or("", |file| file.text()));
    let Value::Map(members) = &mut metadata.value else { return };
    if members.iter().any(|(key, _)| key.text == "version") {
        return;
    }
    let Some((first, _)) = members.first() else { return };
    let first = first.span;
    let name = members.iter().find(|(key, _)| key.text == "name").map(|(_, node)| node.span);
    let start = first.start as usize;
    let flow = file.as_bytes().get(span.start as usize) == Some(&b'{');
    let line = file.get(..start).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    let indent = line.replace(|c: char| !c.is_whitespace(), " ");
    // On a line after the name's, or else before the first key, where no value's form matters.
    let after = name.filter(|_| !flow).and_then(|name| {
        let end = name.end as usize + file.get(name.end as usize..)?.find(['\r', '\n'])?;
        let one_line = !file.get(name.start as usize..name.end as usize)?.contains('\n');
        one_line.then(|| Edit::new(Span::new(span.file, end..end), format!("\n{indent}version: {NO_VERSION}")))
    });
    let between = if flow { ", ".to_owned() } else { format!("\n{indent}") };
    let edit = after
        .unwrap_or_else(|| Edit::new(Span { end: first.start, ..first }, format!("version: {NO_VERSION}{between}")));
    problems.push(codes::no_version(first, NO_VERSION, vec![edit]));
    let last = name.unwrap_or(first);
    let key = Key { text: "version".to_owned(), span: last };
    members.push((key, Node::string(last, NO_VERSION)));
}

/// The entries of `spec.crds`, in either form.
fn entries(source: &Source, spec: &mut Node, problems: &mut Diagnostics) {
    match member(spec, "crds").map(|crds| &mut crds.value) {
        Some(Value::Map(members)) => members.iter_mut().for_each(|(_, node)| entry(source, node, problems)),
        Some(Value::List(items)) => items.iter_mut().for_each(|node| entry(source, node, problems)),
        _ => {}
    }
}

fn entry(source: &Source, entry: &mut Node, problems: &mut Diagnostics) {
    rename(entry, "reconciler", "operatorBox", problems);
    if let Some(operator_box) = member(entry, "operatorBox") {
        for list in ["onCreate", "onReconcile", "onDelete"] {
            let Some(Value::Map(lists)) = member(operator_box, list).map(|node| &mut node.value) else { continue };
            for item in lists.iter_mut().filter_map(|(_, list)| items(list)).flatten() {
                for key in ["labels", "annotations"] {
                    let Value::Map(members) = &mut item.value else { continue };
                    if let Some((key, node)) = members.iter_mut().find(|(name, _)| name.text == key) {
                        pairs::map(source, key, node, problems);
                    }
                }
            }
        }
    }
    expressions(source, entry, problems);
}

/// Every string below a node that may hold expressions.
fn expressions(source: &Source, node: &mut Node, problems: &mut Diagnostics) {
    let span = node.span;
    match &mut node.value {
        Value::String(text) if text.has_expressions() => {
            let file = source.file(span.file).map_or("", |file| file.text());
            if let Some(today) = string(text, span, file, problems) {
                *text = today;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|node| expressions(source, node, problems)),
        Value::Map(members) => {
            // Braces in what a raw child is made of are text.
            let raw = members.iter().any(|(key, node)| key.text == "raw" && node.value == Value::Bool(true));
            for (key, node) in members {
                if !raw || Template::is_common(&key.text) {
                    expressions(source, node, problems);
                }
            }
        }
        _ => {}
    }
}

/// A string in today's spelling, where it has another one.
fn string(text: &Text, node: Span, file: &str, problems: &mut Diagnostics) -> Option<Text> {
    let constructs = template::find(&text.text);
    if !constructs.is_empty() {
        for construct in constructs {
            problems.push(codes::template(text.span(node, construct.range), construct.what, construct.hints));
        }
        // Whatever it would have been, it fits: one problem is enough.
        return Some(Text::from("{{ dyn('') }}"));
    }
    let calls = calls::find(&text.text);
    if calls.is_empty() {
        return None;
    }
    for call in &calls {
        let place = text.span(node, call.range.clone());
        let edit = text.written(node, call.range.clone(), file).and_then(|range| {
            let written = calls::text(&call.parts, |part| file.get(text.written(node, part, file)?))?;
            Some(Edit::new(Span::new(node.file, range), written))
        });
        let shown = calls::text(&call.parts, |part| text.text.get(part)).unwrap_or_default();
        problems.push(codes::call(place, &shown, edit.into_iter().collect()));
    }
    Some(calls::today(text, calls))
}

/// Gives a key its new name.
fn rename(node: &mut Node, old: &'static str, new: &'static str, problems: &mut Diagnostics) {
    let Value::Map(members) = &mut node.value else { return };
    let at = |name: &str| members.iter().position(|(key, _)| key.text == name);
    let Some(found) = at(old) else { return };
    let other = at(new).and_then(|at| members.get(at)).map(|(key, _)| key.span);
    if let Some(other) = other {
        let (key, _) = members.remove(found);
        problems.push(codes::both_keys(key.span, old, new, other));
    } else if let Some((key, _)) = members.get_mut(found) {
        problems.push(codes::key(key.span, old, new));
        new.clone_into(&mut key.text);
    }
}

fn member<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    match &mut node.value {
        Value::Map(members) => members.iter_mut().find(|(key, _)| key.text == name).map(|(_, node)| node),
        _ => None,
    }
}

fn items(node: &mut Node) -> Option<&mut Vec<Node>> {
    match &mut node.value {
        Value::List(items) => Some(items),
        _ => None,
    }
}
