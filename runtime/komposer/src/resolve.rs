//! A Komposer over the patterns that it imports.

use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::schema::nearest;
use orkestra_pattern::source::Source;
use orkestra_pattern::yaml::Node;
use serde_json::{Map, Value};

use std::sync::Arc;

use crate::conflict::conflicts;
use crate::inputs::{self, Problem};
use crate::merge::{entry, entry_names, merge};
use crate::{Composition, Failed, From, Import, Instance, Komposer, Layer, Override, Settings, codes, groups};

/// What was fetched for an import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What the names of its files in the source begin with: empty, or a path that ends in `/`.
    pub base: String,
    /// As [`Instance::path`].
    pub path: String,
    /// Where it came from.
    pub from: From,
    /// Its `hooks.wasm`, if it has one.
    pub hook: Option<Arc<[u8]>>,
    /// Overrides of patterns that import it, the first one lowest. The Komposer's own are laid over them.
    pub layers: Vec<Layer>,
}

impl Imported {
    /// A directory whose files stand in the source with `base` before their names.
    pub fn directory(base: impl Into<String>, path: impl Into<String>) -> Self {
        Self { base: base.into(), path: path.into(), from: From::Directory, hook: None, layers: Vec::new() }
    }
}

/// Lays a Komposer over its imports, whose files are in `source`; `imported` are those of [`Komposer::imports`], in their order. What
/// could not be had is none, and nothing more is said of it.
///
/// The composition is there if the Komposer itself has no error. An import whose pattern, overrides or inputs have one is among
/// [`Composition::failed`], so that the others can run without it.
pub fn resolve(
    source: &Source,
    komposer: &Komposer,
    imported: &[Option<Imported>],
) -> (Option<Composition>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let mut found: Vec<Diagnostics> = Vec::new();
    let roots: Vec<Option<Node>> = imported
        .iter()
        .map(|imported| {
            let (root, problems) = match imported {
                Some(imported) => orkestra_pattern::katalog(source, &imported.base),
                None => (None, Diagnostics::default()),
            };
            found.push(problems);
            root
        })
        .collect();
    let names = komposer.imports.iter().zip(&roots).map(|(import, root)| {
        let own = || root.as_ref()?.get("metadata")?.get("name")?.text().map(str::to_owned);
        import.name.as_ref().map(|name| name.value.clone()).or_else(own).unwrap_or_default()
    });
    let names: Vec<String> = names.collect();
    let mut own = vec![Layer::default(); roots.len()];
    for item in &komposer.overrides {
        if let Some((at, entry)) = target(item, &names, &roots, &mut problems)
            && let Some(layer) = own.get_mut(at)
        {
            layer.overrides.push(Override { entry, ..item.clone() });
        }
    }
    let mut composition = Composition { name: komposer.name.clone(), ..Composition::default() };
    let mut spans = Vec::new();
    let parts = komposer.imports.iter().zip(imported).zip(roots.iter().zip(names)).zip(own.into_iter().zip(found));
    for (index, (((import, imported), (root, name)), (own, mut found))) in parts.enumerate() {
        let Some(imported) = imported else { continue };
        let composed = root.as_ref().and_then(|root| compose(source, import, imported, root, &name, own, &mut found));
        match composed.filter(|_| !found.has_errors()) {
            Some((instance, katalog)) => {
                composition.instances.push(instance);
                composition.katalogs.push(katalog);
                composition.imports.push(index);
                spans.push(import.span);
                problems.extend(found);
            }
            None => composition.failed.push(Failed { import: index, name, problems: found }),
        }
    }
    for conflict in conflicts(&composition.instances) {
        let place = |index: usize| spans.get(index).copied();
        let mut problem = Diagnostic::new(&codes::CONFLICT, place(conflict.second), conflict.shared.to_string());
        if let (Some(span), Some(instance)) = (place(conflict.first), composition.instances.get(conflict.first)) {
            problem = problem.note(span, format!("`{}` comes from here, too", instance.name));
        }
        problems.push(
            problem
                .hint("name one of them with `as`, remove one of the imports, or drop an entry with `enabled: false`"),
        );
    }
    if !problems.has_errors() {
        problems.sort();
        return (Some(composition), problems);
    }
    // Nothing runs, so what is wrong with an import is told here or nowhere.
    composition.whole(&mut problems);
    (None, problems)
}

/// One import with its overrides and inputs, and its merged Katalog; none where `problems` has an error.
fn compose(
    source: &Source,
    import: &Import,
    imported: &Imported,
    root: &Node,
    name: &str,
    own: Layer,
    problems: &mut Diagnostics,
) -> Option<(Instance, Node)> {
    let disabled: Vec<String> =
        own.overrides.iter().filter(|item| item.enabled == Some(false)).map(|item| item.entry.clone()).collect();
    let layers: Vec<Layer> = imported.layers.iter().cloned().chain([own]).collect();
    let (merged, found) = merge(root, &layers);
    problems.extend(found);
    let (pattern, found) = orkestra_pattern::check_merged(source, &imported.base, &merged);
    problems.extend(found);
    let pattern = pattern?;
    groups::check(import, &pattern, &disabled, problems);
    let inputs = inputs_of(import, &pattern, problems);
    let entries = pattern.entries.iter().filter(|entry| !disabled.contains(&entry.name)).map(Settings::of).collect();
    let instance = Instance {
        name: name.to_owned(),
        named: import.name.is_some(),
        path: imported.path.clone(),
        from: imported.from.clone(),
        hook: imported.hook.clone(),
        composed: compiled(root) != compiled(&merged),
        pattern,
        inputs,
        entries,
        grants: import.grants.clone(),
        limits: import.limits.clone(),
    };
    Some((instance, merged))
}

/// The import and the entry that an override means.
fn target(
    item: &Override,
    names: &[String],
    roots: &[Option<Node>],
    problems: &mut Diagnostics,
) -> Option<(usize, String)> {
    let mut known = Vec::new();
    for (at, (name, root)) in names.iter().zip(roots).enumerate() {
        known.extend(root.iter().flat_map(entry_names).map(|entry| (at, format!("{name}/{entry}"), entry)));
    }
    let found: Vec<_> = known.iter().filter(|(_, whole, entry)| item.entry == *whole || item.entry == *entry).collect();
    match found.as_slice() {
        [(at, _, entry)] => Some((*at, entry.clone())),
        [] => {
            // A Katalog that cannot be read may be the one that has it.
            if roots.iter().any(Option::is_none) {
                return None;
            }
            let message = format!("no imported pattern has an entry `{}`", item.entry);
            let problem = Diagnostic::new(&codes::UNKNOWN_ENTRY, item.span, message);
            let plain: Vec<_> = known.iter().map(|(_, _, entry)| entry.as_str()).collect();
            let all = known.iter().flat_map(|(_, whole, entry)| [entry.as_str(), whole.as_str()]);
            problems.push(match nearest(&item.entry, all) {
                Some(name) => problem.did_you_mean(Some(name)),
                None if known.is_empty() => problem.hint("import the pattern that has it under `imports`"),
                None => problem.hint(format!("the entries are {}", plain.join(", "))),
            });
            None
        }
        several => {
            let all: Vec<_> = several.iter().map(|(_, whole, _)| format!("`{whole}`")).collect();
            let message = format!("several imported patterns have an entry `{}`", item.entry);
            let problem = Diagnostic::new(&codes::AMBIGUOUS, item.span, message);
            problems.push(problem.hint(format!("write one of {}", all.join(", "))));
            None
        }
    }
}

fn inputs_of(import: &Import, pattern: &Pattern, problems: &mut Diagnostics) -> Map<String, Value> {
    let with: Map<_, _> = import.with.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect();
    let (inputs, errors) = inputs::settle(pattern, with);
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
            None => problem.hint("the input's `schema` in the pattern's Katalog says which values it takes"),
        });
    }
    inputs
}

/// The entries without what only the runtime reads.
fn compiled(root: &Node) -> Vec<(String, Value)> {
    let entries = entry_names(root).into_iter().filter_map(|name| {
        let mut value = entry(root, &name)?.to_json();
        if let Value::Object(members) = &mut value {
            let hosts = ["workers", "resync", "queue", "dependsOn", "restrictedNamespaces", "selector"];
            members.retain(|key, _| !hosts.contains(&key.as_str()));
        }
        Some((name, value))
    });
    entries.collect()
}
