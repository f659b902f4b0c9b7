//! A Komposer's text → [`Komposer`].

use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, duration, label, list, number, string};
use orkestra_pattern::source::{FileId, Source, Span};
use orkestra_pattern::yaml::{self, Node, Value};

use crate::{Import, Komposer, Override, codes};

const API_VERSION: &str = "orkestra.orkspace.io/v1";
/// As in a Katalog.
const MOST_WORKERS: u16 = 64;

/// Reads a Komposer. It is there if there is no error.
pub fn parse(source: &Source, file: FileId) -> (Option<Komposer>, Diagnostics) {
    let (documents, mut problems) = yaml::parse(source, file, yaml::Bounds::default());
    let found = match documents.as_slice() {
        [document] => komposer(document, &mut problems),
        [] => {
            if !problems.has_errors() {
                problems.push(header(Span::new(file, 0..0), "the file is empty"));
            }
            None
        }
        [_, second, ..] => {
            problems.push(header(second.span, "the file has more than one document"));
            None
        }
    };
    problems.sort();
    (found.filter(|_| !problems.has_errors()), problems)
}

fn header(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&codes::HEADER, span, message)
        .hint(format!("a Komposer begins with `apiVersion: {API_VERSION}` and `kind: Komposer`"))
}

fn komposer(document: &Node, problems: &mut Diagnostics) -> Option<Komposer> {
    let fields = Fields::open(document, "a Komposer", problems)?;
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", "Komposer")] {
        let Some(node) = fields.require(key, problems) else { continue };
        if node.text() != Some(expected) {
            let problem = header(node.span, format!("the file's `{key}` is not a Komposer's"));
            problems.push(problem.expected(format!("`{expected}`")).found(node.describe()));
        }
    }
    // Under another header the keys are another document's, and would all be wrong.
    if problems.has_errors() {
        return None;
    }
    let name = fields.require("metadata", problems).and_then(|node| {
        let fields = Fields::open(node, "`metadata`", problems)?;
        let name = fields.require("name", problems).and_then(|node| label(node, "the Komposer's name", problems));
        fields.later(&["namespace", "labels", "annotations"], problems);
        fields.finish(problems);
        name
    });
    let imports = fields.take("imports").and_then(|node| imports(node, problems)).unwrap_or_default();
    let overrides = fields.take("spec").and_then(|node| spec(node, problems)).unwrap_or_default();
    fields.later(&["sources", "status"], problems);
    fields.finish(problems);
    Some(Komposer { name: name?.value, imports, overrides })
}

fn imports(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Import>> {
    let fields = Fields::open(node, "`imports`", problems)?;
    let files = fields.take("files").and_then(|node| list(node, "`files`", problems)).unwrap_or_default();
    fields.later(&["registry", "oci", "trust"], problems);
    fields.finish(problems);
    Some(files.iter().filter_map(|item| import(item, problems)).collect())
}

/// A path, or a map with the path and what goes with it.
fn import(node: &Node, problems: &mut Diagnostics) -> Option<Import> {
    if let Some(path) = node.text() {
        return Some(Import { path: path.to_owned(), span: node.span, with: Vec::new() });
    }
    let fields = Fields::open(node, "an import", problems)?;
    let path = fields.require("path", problems);
    let with = match fields.take("with") {
        Some(with) if with.members().is_none() => {
            let problem = Diagnostic::new(&keys::WRONG_KIND, with.span, "`with` must be a map of inputs");
            problems.push(problem.expected("a map").found(with.describe()));
            None
        }
        with => with.and_then(Node::members),
    };
    let later = ["as", "grants", "limits", "url", "oci", "version", "digest", "auth", "ref"];
    fields.later(&later, problems);
    fields.finish(problems);
    let path = path?;
    let text = string(path, "`path`", problems)?.to_owned();
    Some(Import { path: text, span: path.span, with: with.unwrap_or_default().to_vec() })
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
                if let Some(earlier) = overrides.iter().find(|earlier| earlier.name == found.name) {
                    let what = format!("the entry `{}` is overridden twice", found.name);
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
    let workers = fields.take("workers").and_then(|node| number(node, "`workers`", 1, MOST_WORKERS, problems));
    let resync = fields.take("resync").and_then(|node| duration(node, "`resync`", problems));
    let enabled = fields.take("enabled").and_then(|node| match node.value {
        Value::Bool(value) => Some(value),
        _ => {
            let problem = Diagnostic::new(&keys::WRONG_KIND, node.span, "`enabled` must be `true` or `false`");
            problems.push(problem.expected("`true` or `false`").found(node.describe()));
            None
        }
    });
    let later = ["apiTypes", "queue", "dependsOn", "restrictedNamespaces", "selector", "operatorBox", "conversion"];
    fields.later(&later, problems);
    fields.finish(problems);
    let (name, span) = name?;
    Some(Override { name, span, workers, resync, enabled })
}
