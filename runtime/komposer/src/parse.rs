//! A Komposer's text → [`Komposer`].

use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, duration, label, number, string};
use orkestra_pattern::source::{FileId, Source, Span};
use orkestra_pattern::yaml::{self, Node, Value};

use crate::{Komposer, Override, codes, imports};

const API_VERSION: &str = "orkestra.orkspace.io/v1";
/// As in a Katalog.
const MOST_WORKERS: u16 = 64;
/// The keys of a Katalog's entry beside those that are read here.
const ENTRY_KEYS: [&str; 8] = [
    "apiTypes",
    "operatorBox",
    "queue",
    "dependsOn",
    "restrictedNamespaces",
    "selector",
    "conversion",
    "deletionProtection",
];

/// Reads a Komposer. It is there if there is no error.
pub fn parse(source: &Source, file: FileId) -> (Option<Komposer>, Diagnostics) {
    parse_with(source, file, &[])
}

/// As [`parse`], where `variables`, too, may hold credentials: the runtime's policy names them.
pub fn parse_with(source: &Source, file: FileId, variables: &[&str]) -> (Option<Komposer>, Diagnostics) {
    let (documents, mut problems) = yaml::parse(source, file, yaml::Bounds::default());
    let found = only(file, &documents, "Komposer", &mut problems)
        .and_then(|document| komposer(document, variables, &mut problems));
    problems.sort();
    (found.filter(|_| !problems.has_errors()), problems)
}

/// The only document of a file.
pub(crate) fn only<'a>(
    file: FileId,
    documents: &'a [Node],
    kind: &str,
    problems: &mut Diagnostics,
) -> Option<&'a Node> {
    match documents {
        [document] => return Some(document),
        // That it cannot be read was said already.
        [] if problems.has_errors() => {}
        [] => problems.push(another(Span::new(file, 0..0), kind, "the file is empty")),
        [_, second, ..] => problems.push(another(second.span, kind, "the file has more than one document")),
    }
    None
}

fn another(span: Span, kind: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&codes::HEADER, span, message)
        .hint(format!("a {kind} begins with `apiVersion: {API_VERSION}` and `kind: {kind}`"))
}

/// `apiVersion` and `kind`. None under another header: the keys are then another document's, and would all be wrong.
pub(crate) fn header(fields: &Fields, kind: &str, problems: &mut Diagnostics) -> Option<()> {
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", kind)] {
        let Some(node) = fields.require(key, problems) else { continue };
        if node.text() != Some(expected) {
            let problem = another(node.span, kind, format!("the file's `{key}` is not a {kind}'s"));
            problems.push(problem.expected(format!("`{expected}`")).found(node.describe()));
        }
    }
    (!problems.has_errors()).then_some(())
}

/// `metadata.name`, a DNS label.
pub(crate) fn name(fields: &Fields, what: &'static str, problems: &mut Diagnostics) -> Option<String> {
    let fields = Fields::open(fields.require("metadata", problems)?, "`metadata`", problems)?;
    let name = fields.require("name", problems).and_then(|node| label(node, what, problems));
    fields.later(&["namespace", "labels", "annotations"], problems);
    fields.finish(problems);
    name.map(|name| name.value)
}

fn komposer(document: &Node, variables: &[&str], problems: &mut Diagnostics) -> Option<Komposer> {
    let fields = Fields::open(document, "a Komposer", problems)?;
    header(&fields, "Komposer", problems)?;
    let name = name(&fields, "the Komposer's name", problems);
    let (imports, sources) = (fields.take("imports"), fields.entry("sources"));
    if let Some((key, _)) = sources {
        problems.push(match imports {
            None => Diagnostic::new(&codes::SPELLING, key.span, "`sources` is the older spelling of `imports`")
                .hint("write `imports`"),
            Some(imports) => Diagnostic::new(
                &keys::TWICE,
                key.span,
                "`sources` is the older spelling of `imports`, which is there, too",
            )
            .note(imports.span, "here")
            .hint("put both into `imports`"),
        });
    }
    let found = imports.or(sources.map(|(_, node)| node));
    let found = found.and_then(|node| imports::parse(node, variables, problems)).unwrap_or_default();
    let overrides = fields.take("spec").and_then(|node| spec(node, problems)).unwrap_or_default();
    fields.later(&["status"], problems);
    fields.finish(problems);
    Some(Komposer { name: name?, imports: found.imports, trust: found.trust, overrides, root: document.clone() })
}

fn spec(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Override>> {
    let fields = Fields::open(node, "`spec`", problems)?;
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
    let fields = Fields::open(node, "an item of `crds`", problems)?;
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
    let enabled = fields.take("enabled").and_then(|node| match node.value {
        Value::Bool(value) => Some(value),
        _ => {
            let problem = Diagnostic::new(&keys::WRONG_KIND, node.span, "`enabled` must be `true` or `false`");
            problems.push(problem.expected("`true` or `false`").found(node.describe()));
            None
        }
    });
    // What the language does not understand yet is said of the merged Katalog.
    for key in ENTRY_KEYS {
        fields.take(key);
    }
    fields.finish(problems);
    let (name, span) = name?;
    let members = node.members().unwrap_or_default();
    let kept = members.iter().filter(|(key, _)| !matches!(key.text.as_str(), "name" | "enabled")).cloned();
    let node = Node { span: node.span, value: Value::Map(kept.collect()) };
    Some(Override { entry: name, span, enabled, node })
}
