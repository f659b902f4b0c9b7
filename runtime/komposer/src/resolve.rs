//! A Komposer over the patterns that it imports.

use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::schema::nearest;
use serde_json::Map;

use crate::conflict::conflicts;
use crate::inputs::{self, Problem};
use crate::{Composition, Instance, Komposer, Settings, codes};

/// Lays a Komposer over its imports; `patterns` are those of [`Komposer::imports`], in their order.
///
/// The composition is there if there is no error.
pub fn resolve(komposer: &Komposer, patterns: Vec<Pattern>) -> (Option<Composition>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let mut instances = Vec::new();
    for (import, pattern) in komposer.imports.iter().zip(patterns) {
        let with: Map<_, _> = import.with.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect();
        let (inputs, errors) = inputs::settle(&pattern, with);
        for error in errors {
            // A missing input has no place of its own: it is missing from the import.
            let given = import.with.iter().find(|(key, _)| key.text == error.input);
            let span = match (&error.problem, given) {
                (Problem::Invalid { .. }, Some((_, node))) => node.span,
                (_, Some((key, _))) => key.span,
                (_, None) => import.span,
            };
            let problem = Diagnostic::new(&codes::INPUT, span, error.to_string());
            problems.push(match error.hint() {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        }
        let entries = pattern.entries.iter().map(Settings::of).collect();
        let (name, path) = (pattern.name.clone(), import.path.clone());
        instances.push(Instance { name, path, pattern, inputs, entries });
    }
    for item in &komposer.overrides {
        let target =
            instances.iter_mut().find(|instance| instance.pattern.entries.iter().any(|entry| entry.name == item.name));
        let Some(target) = target else {
            let known: Vec<_> = instances
                .iter()
                .flat_map(|instance| &instance.pattern.entries)
                .map(|entry| entry.name.as_str())
                .collect();
            let problem = Diagnostic::new(
                &codes::UNKNOWN_ENTRY,
                item.span,
                format!("no imported pattern has an entry `{}`", item.name),
            );
            problems.push(match nearest(&item.name, known.iter().copied()) {
                Some(name) => problem.did_you_mean(Some(name)),
                None if known.is_empty() => problem.hint("import the pattern that has it under `imports.files`"),
                None => problem.hint(format!("the entries are {}", known.join(", "))),
            });
            continue;
        };
        if item.enabled == Some(false) {
            target.entries.retain(|settings| settings.name != item.name);
        }
        if let Some(settings) = target.entries.iter_mut().find(|settings| settings.name == item.name) {
            settings.workers = item.workers.unwrap_or(settings.workers);
            settings.resync = item.resync.unwrap_or(settings.resync);
        }
    }
    for conflict in conflicts(&instances) {
        let place = |index: usize| komposer.imports.get(index).map(|import| import.span);
        let mut problem = Diagnostic::new(&codes::CONFLICT, place(conflict.second), conflict.shared.to_string());
        if let (Some(span), Some(instance)) = (place(conflict.first), instances.get(conflict.first)) {
            problem = problem.note(span, format!("`{}` comes from here, too", instance.name));
        }
        problems.push(problem.hint("remove one of the imports, or drop an entry with `enabled: false`"));
    }
    problems.sort();
    let composition = (!problems.has_errors()).then(|| Composition { name: komposer.name.clone(), instances });
    (composition, problems)
}
