//! `mutation` and `validation`, what is done with an object before it is stored; and `requeue`, when it is looked at again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::children::living;
use super::conditions;
use super::entry::Context;
use super::reads::{References, text};
use super::strings::{Expressions, Found, Use, lone};
use super::value::Values;
use crate::ast;
use crate::cel::{self, Checked, Count, Objects, Place, Root, Scope};
use crate::codes::{admission as codes, keys, manifests};
use crate::diagnostic::Diagnostics;
use crate::model::{Mutation, Node, Part, Requeue, Rule};
use crate::schema::{Schema, Shape};
use crate::source::Span;
use crate::yaml;

/// What belongs to the API server and to the runtime.
const NOT_ITS_OWN: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// Checks the mutations and sorts them by path. They see the object as it was sent, and `inputs`.
pub(super) fn mutations(
    entry: &ast::Entry,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> Vec<Mutation> {
    let mut paths: Vec<(Vec<String>, Span)> = Vec::new();
    let mut wanted = Vec::new();
    for mutation in &entry.mutations {
        let ast::Mutation { field, .. } = mutation;
        let path: Vec<String> = field.value.split('.').map(str::to_owned).collect();
        let Some(schema) = place(&path, field, context.primary, problems) else { continue };
        if let Some((other, first)) = paths.iter().find(|(other, _)| nested(other, &path)) {
            problems.push(codes::overlap(field.span, &field.value, &other.join("."), *first));
            continue;
        }
        paths.push((path.clone(), field.span));
        wanted.push((mutation, path, schema));
    }
    // Names that are there later: whoever uses one is told when they are.
    let mut scope = scope.clone();
    for (key, _) in &entry.vars {
        scope.add_unknown_var(&key.text);
    }
    for id in entry.templates.iter().filter_map(|template| template.id.as_ref()) {
        scope.add_child(&id.value, unknown());
    }
    for read in &entry.reads {
        scope.add_read(&read.id.value, unknown());
    }
    let mut found: Vec<Mutation> = Vec::new();
    for (mutation, path, schema) in wanted {
        let mut expressions = Expressions::new(&scope, context.source);
        let mut values = Values::new("the object", &mut expressions, problems);
        values.path.clone_from(&path);
        if mutation.value.value == yaml::Value::Null {
            values.problems.push(manifests::nothing(mutation.value.span, "value"));
        }
        let value = values.value(&mutation.value, schema);
        for Use { span, reads } in &expressions.uses {
            let var = reads.vars.first().map(|name| format!("`vars.{name}`"));
            let child = reads.children.first().map(|id| format!("`children.{id}`"));
            let read = reads.reads.first().map(|id| format!("`reads.{id}`"));
            if let Some(what) = var.or(child).or(read) {
                problems.push(codes::late(*span, &what, "the object as it was sent, and `inputs`"));
            }
        }
        if expressions.origins.iter().any(|origin| origin.root == Root::Hook) {
            problems.push(codes::late(mutation.value.span, "`hook`", "the object as it was sent, and `inputs`"));
        }
        let read = holes(&value).into_iter().flat_map(cel::sources).filter(|source| !source.item);
        let own = read.filter_map(|source| {
            let (given, _) = paths.iter().find(|(given, _)| nested(given, &source.path))?;
            Some((source.path.join("."), given.join(".")))
        });
        if let Some((read, given)) = own.collect::<Vec<_>>().first() {
            let read = if read.is_empty() { "object" } else { read };
            problems.push(codes::unstable(mutation.value.span, read, given));
        }
        let at = context.source.at(mutation.field.span);
        let name = mutation.name.as_ref().map(|name| name.value.clone());
        found.push(Mutation { name, path, overrides: mutation.overrides, at, value });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The primary's schema as everything after the mutations sees it: what they give is there.
pub(super) fn given(primary: &Arc<Schema>, mutations: &[Mutation]) -> Arc<Schema> {
    let mut schema = primary.clone();
    for mutation in mutations.iter().filter(|mutation| always(&mutation.value)) {
        schema = with(&schema, &mutation.path);
    }
    schema
}

fn with(schema: &Arc<Schema>, path: &[String]) -> Arc<Schema> {
    let Some((name, below)) = path.split_first() else { return schema.clone() };
    let mut changed = Schema::clone(schema);
    if let Shape::Object(object) = &mut changed.shape
        && let Some(field) = object.fields.get_mut(name)
    {
        field.required = true;
        let mut inner = Arc::unwrap_or_clone(with(&field.schema, below));
        // Null counts as nothing, so something takes its place.
        inner.nullable = inner.nullable && matches!(inner.shape, Shape::Any);
        field.schema = Arc::new(inner);
    }
    Arc::new(changed)
}

/// Whether a value is never absent.
fn always(value: &Node) -> bool {
    match value {
        Node::Plain(_) | Node::List(_) => true,
        Node::Hole(text, _) => !matches!(text.parts.as_slice(), [Part::Expression(only)] if only.path),
        Node::Map(members) => members.is_empty() || members.iter().any(|(_, value)| always(value)),
    }
}

/// Checks the rules, which see the object with what mutations give it, `inputs` and `vars`.
pub(super) fn rules(
    entry: &ast::Entry,
    references: &References,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> Vec<Rule> {
    let mut found = Vec::new();
    for rule in &entry.rules {
        let mut expressions = Expressions::new(scope, context.source);
        let holds = condition(&rule.rule, &mut expressions, problems);
        let message = text(&rule.message, &mut expressions, problems);
        for Use { span, reads } in &expressions.uses {
            let all = references.all(reads);
            let child = all.children.first().map(|id| format!("`children.{id}`"));
            let read = all.reads.first().map(|id| format!("`reads.{id}`"));
            if let Some(what) = child.or(read) {
                problems.push(codes::late(*span, &what, EARLY));
            }
        }
        if expressions.origins.iter().any(|origin| origin.root == Root::Hook) {
            problems.push(codes::late(rule.rule.span, "`hook`", EARLY));
        }
        if let Some(field) = &rule.field {
            known(field, context.primary, problems);
        }
        let (Some(holds), Some(message)) = (holds, message) else { continue };
        let name = rule.name.as_ref().map(|name| name.value.clone());
        let field = rule.field.as_ref().map(|field| field.value.clone()).unwrap_or_default();
        found.push(Rule { name, field, deny: rule.deny, holds, message });
    }
    found
}

const EARLY: &str = "the object, `inputs`, and `vars` that use neither `children`, `reads` nor `hook`";

/// Checks when objects are looked at again.
pub(super) fn requeues(
    entry: &ast::Entry,
    references: &References,
    last: &BTreeSet<String>,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> Vec<Requeue> {
    let scope = scope.with_now();
    let mut found = Vec::new();
    for requeue in &entry.requeues {
        let mut expressions = Expressions::new(&scope, context.source);
        let when = conditions::check(Some(&requeue.when), None, &mut expressions, problems);
        living(&expressions.uses, references, last, problems);
        let requires = references.children(&expressions.reads);
        let reads = references.reads(&expressions.reads);
        if let Some(when) = when {
            found.push(Requeue { requires, reads, when, after: requeue.after });
        }
    }
    found
}

fn condition(node: &yaml::Node, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Checked> {
    match expressions.string(node, Place::When, problems) {
        Found::Lone(text) => lone(text),
        Found::Broken => None,
        Found::Plain | Found::Mixed(_) => {
            problems.push(keys::wrong_kind(node.span, "`rule`", "one expression, \"{{ … }}\"", &node.describe()));
            None
        }
    }
}

/// The schema of the field that a mutation gives.
fn place<'a>(
    path: &[String],
    field: &ast::Spanned<String>,
    primary: &'a Schema,
    problems: &mut Diagnostics,
) -> Option<&'a Schema> {
    if let Some(first) = path.first().filter(|first| NOT_ITS_OWN.contains(&first.as_str())) {
        problems.push(codes::field(field.span, &field.value, &format!("`{first}` is not its author's"), None));
        return None;
    }
    match walk(path, primary) {
        Ok(schema) => Some(schema),
        Err(near) => {
            problems.push(codes::field(field.span, &field.value, "the object has no such field", near.as_deref()));
            None
        }
    }
}

/// Reports the field of a rule that does not exist.
fn known(field: &ast::Spanned<String>, primary: &Schema, problems: &mut Diagnostics) {
    let path: Vec<String> = field.value.split('.').map(str::to_owned).collect();
    if path.first().is_some_and(|first| NOT_ITS_OWN.contains(&first.as_str())) {
        return;
    }
    if let Err(near) = walk(&path, primary) {
        problems.push(codes::rule_field(field.span, &field.value, near.as_deref()));
    }
}

/// The schema at a path, or the path that may be meant.
fn walk<'a>(path: &[String], primary: &'a Schema) -> Result<&'a Schema, Option<String>> {
    let mut schema = primary;
    for (index, name) in path.iter().enumerate() {
        if schema.shape == Shape::Any {
            return Ok(schema);
        }
        schema = match schema.field(name).filter(|_| !name.is_empty()) {
            Some(field) => field.schema,
            None => {
                let near = schema.nearest_field(name).map(|near| {
                    let before = path.iter().take(index).map(String::as_str);
                    let after = path.iter().skip(index + 1).map(String::as_str);
                    before.chain([near]).chain(after).collect::<Vec<_>>().join(".")
                });
                return Err(near);
            }
        };
    }
    Ok(schema)
}

fn nested(a: &[String], b: &[String]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

fn unknown() -> Objects<'static> {
    Objects { schema: None, namespaced: true, secret: false, count: Count::One }
}

/// The expressions of a value.
fn holes(value: &Node) -> Vec<&Checked> {
    match value {
        Node::Plain(_) => Vec::new(),
        Node::Hole(text, _) => text
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Expression(checked) => Some(&**checked),
                Part::Literal(_) => None,
            })
            .collect(),
        Node::Map(members) => members.iter().flat_map(|(_, value)| holes(value)).collect(),
        Node::List(items) => items.iter().flat_map(holes).collect(),
    }
}
