//! `status.fields`: what the primary's status shows.

use std::collections::BTreeSet;

use super::children::living;
use super::entry::Context;
use super::reads::References;
use super::strings::Expressions;
use super::value::Values;
use crate::ast;
use crate::cel::Scope;
use crate::codes::{crd as codes, manifests, references as names};
use crate::diagnostic::Diagnostics;
use crate::model::StatusField;
use crate::schema::{Schema, Shape};
use crate::source::Span;

/// What the runtime writes itself.
const RESERVED: [&str; 2] = ["conditions", "observedGeneration"];

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
        let requires = references.children(&expressions.reads);
        let reads = references.reads(&expressions.reads);
        found.push((StatusField { path, requires, reads, value }, span));
    }
    found.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    found.into_iter().map(|(field, _)| field).collect()
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
