//! `status`: the fields and conditions that the primary shows.

use std::collections::BTreeSet;

use super::children::living;
use super::conditions;
use super::entry::Context;
use super::reads::{References, text};
use super::strings::Expressions;
use super::value::Values;
use crate::ast;
use crate::cel::Scope;
use crate::codes::{crd as codes, keys, manifests, references as names};
use crate::diagnostic::Diagnostics;
use crate::model::{Condition, Part, StatusField, Text};
use crate::schema::{Schema, Shape};
use crate::source::Span;
use crate::yaml::Node;

/// What the runtime writes itself.
const RESERVED: [&str; 2] = ["conditions", "observedGeneration"];
/// Conditions that the runtime writes itself.
const HOSTS: [&str; 5] = ["Ready", "Reconciling", "Stalled", "Conflicted", "Unsettled"];

/// Checks the status fields and sorts them by path.
pub(super) fn check(
    entry: &ast::Entry,
    references: &References,
    last: &BTreeSet<String>,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> Vec<StatusField> {
    let mut found: Vec<(StatusField, Span)> = Vec::new();
    for field in &entry.status {
        let path: Vec<String> = field.path.value.split('.').map(str::to_owned).collect();
        let span = field.path.span;
        if let Some(first) = path.first().filter(|first| RESERVED.contains(&first.as_str())) {
            problems.push(manifests::reserved(span, &format!("`status.{first}`")));
            continue;
        }
        let other = found.iter().find(|(other, _)| other.path.starts_with(&path) || path.starts_with(&other.path));
        if let Some((other, first)) = other {
            problems.push(names::status_overlap(span, &field.path.value, &other.path.join("."), *first));
            continue;
        }
        let Some(schema) = schema(&path, field, context, problems) else { continue };
        let mut expressions = Expressions::new(scope, context.source);
        let mut values = Values::new("status", &mut expressions, problems);
        values.path.clone_from(&path);
        if field.value.value == crate::yaml::Value::Null {
            values.problems.push(manifests::nothing(field.value.span, "value"));
        }
        let value = values.value(&field.value, schema);
        living(&expressions.uses, references, last, problems);
        let with_now = scope.with_now();
        let mut condition = Expressions::new(&with_now, context.source);
        let when = conditions::check(field.when.as_ref(), None, &mut condition, problems);
        living(&condition.uses, references, last, problems);
        expressions.reads.extend(condition.reads);
        let requires = references.children(&expressions.reads);
        let reads = references.reads(&expressions.reads);
        found.push((StatusField { path, requires, reads, when, value }, span));
    }
    found.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    found.into_iter().map(|(field, _)| field).collect()
}

/// Checks the conditions beside the host's own.
pub(super) fn conditions(
    entry: &ast::Entry,
    references: &References,
    last: &BTreeSet<String>,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> Vec<Condition> {
    let scope = scope.with_now();
    let mut found: Vec<Condition> = Vec::new();
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for condition in &entry.conditions {
        let (kind, span) = (condition.kind.value.as_str(), condition.kind.span);
        if !is_word(kind) {
            problems.push(keys::wrong_kind(span, "`type`", "one word in CamelCase", &format!("`{kind}`")));
            continue;
        }
        if HOSTS.contains(&kind) {
            problems.push(manifests::reserved(span, &format!("the condition `{kind}`")));
            continue;
        }
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == kind) {
            problems.push(names::duplicate_name(span, "condition", kind, *first));
            continue;
        }
        seen.push((kind, span));
        let mut expressions = Expressions::new(&scope, context.source);
        let when = conditions::check(Some(&condition.when), None, &mut expressions, problems);
        let reason = match &condition.reason {
            Some(node) => reason(node, &mut expressions, problems).map(Some),
            None => Some(None),
        };
        let message = match &condition.message {
            Some(node) => text(node, &mut expressions, problems),
            None => Some(Text { at: context.source.at(span), parts: vec![Part::Literal(String::new())] }),
        };
        living(&expressions.uses, references, last, problems);
        let (Some(when), Some(reason), Some(message)) = (when, reason, message) else { continue };
        found.push(Condition {
            kind: kind.to_owned(),
            requires: references.children(&expressions.reads),
            reads: references.reads(&expressions.reads),
            when,
            reason,
            message,
        });
    }
    found
}

/// Whether a text is one word in CamelCase.
fn is_word(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn reason(node: &Node, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Text> {
    let found = text(node, expressions, problems)?;
    // What an expression gives is only known in the cluster.
    match found.parts.as_slice() {
        [Part::Literal(word)] if !is_word(word) => {
            problems.push(keys::wrong_kind(node.span, "`reason`", "one word in CamelCase", &node.describe()));
            None
        }
        _ => Some(found),
    }
}

/// The schema of the place that a path leads to.
fn schema<'a>(
    path: &[String],
    field: &ast::StatusField,
    context: &Context<'a>,
    problems: &mut Diagnostics,
) -> Option<&'a Schema> {
    let mut schema: &Schema = match context.primary.field("status") {
        Some(status) => status.schema,
        None => {
            problems.push(
                codes::status_path(field.path.span, &field.path.value, None)
                    .hint("add `status` to the schema in `crd.yaml`"),
            );
            return None;
        }
    };
    for (index, name) in path.iter().enumerate() {
        if schema.shape == Shape::Any {
            return Some(schema);
        }
        match schema.field(name).filter(|_| !name.is_empty()) {
            Some(field) => schema = field.schema,
            None => {
                let near = schema.nearest_field(name).map(|near| {
                    path[..index]
                        .iter()
                        .map(String::as_str)
                        .chain([near])
                        .chain(path[index + 1..].iter().map(String::as_str))
                        .collect::<Vec<_>>()
                        .join(".")
                });
                problems.push(codes::status_path(field.path.span, &field.path.value, near.as_deref()));
                return None;
            }
        }
    }
    Some(schema)
}
