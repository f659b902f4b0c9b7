//! A Komposer's text → [`Komposer`].

use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::eras;
use orkestra_pattern::fields::{Fields, boolean, duration, number, string};
use orkestra_pattern::source::{FileId, Source, Span};
use orkestra_pattern::yaml::{Node, Value};

use crate::header::Kind;
use crate::tables::{KOMPOSER, MOST_WORKERS, NAMED_OVERRIDE, OVERRIDE, SPEC};
use crate::{Komposer, Override, codes, imports};

const KIND: Kind = Kind { name: "Komposer", code: &codes::HEADER };
/// Reads a Komposer. It is there if there is no error.
pub fn parse(source: &Source, file: FileId) -> (Option<Komposer>, Diagnostics) {
    parse_with(source, file, &[])
}

/// As [`parse`], where `variables`, too, may hold credentials: the runtime's policy names them.
pub fn parse_with(source: &Source, file: FileId, variables: &[&str]) -> (Option<Komposer>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let found = KIND.only(source, file, &mut problems).map(|document| eras::komposer(source, document, &mut problems));
    let found = found.and_then(|document| komposer(document, variables, &mut problems));
    problems.sort();
    (found.filter(|_| !problems.has_errors()), problems)
}

fn komposer(document: Node, variables: &[&str], problems: &mut Diagnostics) -> Option<Komposer> {
    let fields = Fields::open(&document, &KOMPOSER, problems)?;
    KIND.begins(&fields, problems)?;
    let name = KIND.named(&fields, problems);
    let found = fields.take("imports");
    let found = found.and_then(|node| imports::parse(node, variables, problems)).unwrap_or_default();
    let overrides = fields.take("spec").and_then(|node| spec(node, problems)).unwrap_or_default();
    fields.finish(problems);
    Some(Komposer { name: name?, imports: found.imports, trust: found.trust, overrides, root: document })
}

fn spec(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Override>> {
    let fields = Fields::open(node, &SPEC, problems)?;
    let crds = fields.take("crds");
    fields.finish(problems);
    let crds = crds?;
    let mut overrides: Vec<Override> = Vec::new();
    match &crds.value {
        Value::Map(members) => {
            for (key, item) in members {
                overrides.extend(entry(Some((&key.text, key.span)), item, problems));
            }
        }
        Value::List(items) => {
            for item in items {
                let Some(found) = entry(None, item, problems) else { continue };
                if let Some(earlier) = overrides.iter().find(|earlier| earlier.entry == found.entry) {
                    let what = format!("the entry `{}` is overridden twice", found.entry);
                    let problem = Diagnostic::new(&keys::TWICE, found.span, what);
                    problems.push(problem.note(earlier.span, "also here").hint("put both into one item"));
                }
                overrides.push(found);
            }
        }
        _ => {
            let problem = Diagnostic::new(&keys::WRONG_KIND, crds.span, "`crds` must be a map or a list");
            problems.push(problem.expected("a map by entry name, or a list whose items have `name`"));
        }
    }
    Some(overrides)
}

/// One item of `crds`; in a list it carries its own name.
fn entry(name: Option<(&str, Span)>, node: &Node, problems: &mut Diagnostics) -> Option<Override> {
    let fields = Fields::open(node, if name.is_some() { &OVERRIDE } else { &NAMED_OVERRIDE }, problems)?;
    let name = match name {
        Some((name, span)) => Some((name.to_owned(), span)),
        None => fields.require("name", problems).and_then(|node| {
            let name = string(node, "`name`", problems)?;
            Some((name.to_owned(), node.span))
        }),
    };
    // Both are checked again as a part of the merged Katalog; here they are told even where the import cannot be had.
    for (key, what) in [("workers", "`workers`"), ("resync", "`resync`")] {
        match fields.take(key).filter(|node| node.value != Value::Null) {
            Some(node) if key == "workers" => drop(number(node, what, 1, MOST_WORKERS, problems)),
            Some(node) => drop(duration(node, what, problems)),
            None => {}
        }
    }
    let enabled = fields.take("enabled").and_then(|node| boolean(node, "`enabled`", problems));
    // Their values are checked as a part of the merged Katalog.
    for key in ["apiTypes", "operatorBox", "queue", "dependsOn", "restrictedNamespaces", "selector"] {
        fields.take(key);
    }
    fields.finish(problems);
    let (name, span) = name?;
    let members = node.members().unwrap_or_default();
    let kept = members.iter().filter(|(key, _)| !matches!(key.text.as_str(), "name" | "enabled")).cloned();
    let node = Node { span: node.span, value: Value::Map(kept.collect()) };
    Some(Override { entry: name, span, enabled, node })
}
