//! `capabilities`, and the values that hooks give.

use std::collections::HashSet;
use std::sync::Arc;

use crate::ast;
use crate::capability::{Capability, What};
use crate::codes::hooks as codes;
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
pub(super) fn before_render(hook: &ast::Hook, problems: &mut Diagnostics) -> model::Hook {
    if hook.values.is_empty() {
        problems.push(codes::nothing(hook.span));
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
    let mut values: Vec<model::HookValue> = hook.values.iter().map(&mut value).collect();
    // A name that is given twice was told of already; the first one counts.
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(value.name.clone()));
    model::Hook { values }
}
