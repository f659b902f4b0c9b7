//! `capabilities`, and the points at which hooks are called.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::Context;
use super::{kind, sinks};
use crate::ast;
use crate::capability::{Capability, What};
use crate::codes::{hooks as codes, references};
use crate::diagnostic::Diagnostics;
use crate::model;
use crate::schema::Schema;
use crate::source::Source;

/// What is asked for, sorted by word and each once.
pub(super) fn capabilities(katalog: &ast::Katalog, source: &Source, problems: &mut Diagnostics) -> Vec<Capability> {
    let hooked = katalog.entries.iter().any(|entry| entry.hook.is_some());
    let mut found: Vec<Capability> = Vec::new();
    for word in &katalog.capabilities {
        match What::parse(&word.value) {
            Ok(_) if !hooked => problems.push(codes::idle(word.span, &word.value)),
            Ok(what) => found.push(Capability { what, at: source.at(word.span), span: word.span }),
            Err(why) => problems.push(codes::capability(word.span, &word.value, &why)),
        }
    }
    found.sort_by(|a, b| a.what.cmp(&b.what));
    found.dedup_by(|a, b| a.what == b.what);
    found
}

/// What the hook of an entry gives before its templates are rendered.
pub(super) fn before_render(hook: &ast::Hook, problems: &mut Diagnostics) -> Vec<model::HookValue> {
    let ast::Hook { span, values, after_render, validate, finalize, convert } = hook;
    let nothing = values.is_none() && after_render.is_none() && validate.or(*finalize).or(*convert).is_none();
    if nothing {
        problems.push(codes::nothing(*span, "`hooks` names no point"));
    }
    let Some((span, written)) = values else { return Vec::new() };
    if written.is_empty() {
        problems.push(codes::nothing(*span, "`beforeRender` lists no value"));
    }
    let mut value = |value: &ast::Input| {
        let json = value.schema.to_json();
        super::crd::keywords(&value.schema, problems);
        let schema = Schema::parse(&json).unwrap_or_else(|error| {
            problems.push(codes::value(value.schema.span, &value.name.value, &error.to_string()));
            Schema::default()
        });
        model::HookValue { name: value.name.value.clone(), schema: Arc::new(schema) }
    };
    let mut values: Vec<model::HookValue> = written.iter().map(&mut value).collect();
    // A name that is given twice was told of already; the first one counts.
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(value.name.clone()));
    values
}

/// The points of an entry's hook, with what it gives at the first one.
pub(super) fn points(
    hook: &ast::Hook,
    values: Vec<model::HookValue>,
    children: &[model::Child],
    conversions: &[model::Conversion],
    context: &Context<'_>,
    problems: &mut Diagnostics,
) -> model::Hook {
    if let Some(span) = hook.convert.filter(|_| conversions.is_empty()) {
        problems.push(codes::no_conversion(span));
    }
    model::Hook {
        values,
        after_render: hook.after_render.as_ref().map(|after| after_render(after, children, context, problems)),
        validate: hook.validate.is_some(),
        finalize: hook.finalize.is_some(),
        convert: hook.convert.is_some(),
    }
}

fn after_render(
    after: &ast::AfterRender,
    children: &[model::Child],
    context: &Context<'_>,
    problems: &mut Diagnostics,
) -> model::AfterRender {
    if after.children.is_empty() && after.produces.is_empty() {
        problems.push(codes::nothing(after.span, "`afterRender` lists no child"));
    }
    let ids: Vec<&str> = children.iter().map(|child| child.id.as_str()).collect();
    let mut shown: Vec<String> = Vec::new();
    for id in &after.children {
        if !ids.contains(&id.value.as_str()) {
            problems.push(references::unknown_child(id.span, &id.value, &ids));
        } else if !shown.contains(&id.value) {
            shown.push(id.value.clone());
        }
    }
    let mut produces: Vec<model::Produced> = Vec::new();
    for child in &after.produces {
        let id = &child.id;
        if ids.contains(&id.value.as_str()) || produces.iter().any(|other| other.id == id.value) {
            problems.push(codes::taken(id.span, &id.value));
            continue;
        }
        let Some(kind) = kind::find(&child.api_version, &child.kind, context, problems) else { continue };
        if kind.api_version.starts_with(sinks::RBAC) {
            problems.push(codes::gives_rights(child.kind.span, &kind.kind));
        }
        produces.push(model::Produced {
            id: id.value.clone(),
            at: context.source.at(id.span),
            api_version: kind.api_version,
            kind: kind.kind,
            many: child.many,
        });
    }
    model::AfterRender { children: shown, produces }
}
