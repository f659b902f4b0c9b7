//! The Katalog's top: metadata, inputs, entries.

use std::collections::HashMap;
use std::time::Duration;

use super::fields::{Fields, MANY, list, string};
use super::scalars::{check_label, duration, identifier, label, number, version};
use super::tables::{
    API_TYPES, API_VERSION, ENTRY, ENTRY_REQUIREMENT, ENTRY_SELECTOR, INPUT, KATALOG, METADATA, MOST_WORKERS,
    NAMED_ENTRY, OPERATOR_BOX, SPEC, VARS,
};
use super::{
    Api, Entry, Input, Katalog, Spanned, admission, children, conversion, hooks, reads, running, selector, status,
};
use crate::codes::{bounds, keys, references};
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

/// The most entries of a Katalog.
const ENTRIES: usize = 100;
/// The default of `workers`.
const WORKERS: u16 = 2;
/// The default of `resync`.
const RESYNC: Duration = Duration::from_secs(600);

/// Reads a Katalog. What is wrong is reported and left out; the rest is returned.
pub(crate) fn parse(root: &Node, problems: &mut Diagnostics) -> Katalog {
    let mut katalog = Katalog::default();
    let Some(top) = Fields::open(root, &KATALOG, problems) else { return katalog };
    if !header(&top, problems) {
        // The rest of a file of another kind would only be a list of unknown keys.
        return katalog;
    }
    if let Some(node) = top.require("metadata", problems) {
        metadata(node, &mut katalog, problems);
    }
    if let Some(node) = top.require("spec", problems) {
        spec(node, &mut katalog, problems);
    }
    top.finish(problems);
    katalog
}

fn header(top: &Fields, problems: &mut Diagnostics) -> bool {
    let mut fits = true;
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", "Katalog")] {
        let Some(node) = top.require(key, problems) else {
            fits = false;
            continue;
        };
        match string(node, &format!("`{key}`"), problems) {
            Some(found) if found == expected => {}
            Some(found) => {
                problems.push(keys::header(node.span, key, expected, found));
                fits = false;
            }
            None => fits = false,
        }
    }
    fits
}

fn metadata(node: &Node, katalog: &mut Katalog, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, &METADATA, problems) else { return };
    if let Some(node) = fields.require("name", problems) {
        katalog.name = label(node, "`metadata.name`", problems).map(|name| name.value);
    }
    if let Some(node) = fields.require("version", problems) {
        katalog.version = version(node, problems);
    }
    for (key, place) in [("description", &mut katalog.about.description), ("license", &mut katalog.about.license)] {
        let text = fields.take(key).and_then(|node| string(node, &format!("`{key}`"), problems));
        *place = text.map(str::to_owned);
    }
    if let Some(items) = fields.take("keywords").and_then(|node| list(node, "`keywords`", problems)) {
        let keywords = items.iter().filter_map(|item| string(item, "a keyword", problems));
        katalog.about.keywords = keywords.map(str::to_owned).collect();
    }
    fields.finish(problems);
}

fn spec(node: &Node, katalog: &mut Katalog, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, &SPEC, problems) else { return };
    if let Some(items) = fields.take("inputs").and_then(|node| list(node, "`inputs`", problems)) {
        katalog.inputs = items.iter().filter_map(|item| input(item, problems)).collect();
        unique("input", katalog.inputs.iter().map(|input| &input.name), problems);
    }
    if let Some(items) = fields.take("capabilities").and_then(|node| list(node, "`capabilities`", problems)) {
        let word = |item: &Node| {
            let value = string(item, "a capability", problems)?.to_owned();
            Some(Spanned { value, span: item.span })
        };
        katalog.capabilities = items.iter().filter_map(word).collect();
    }
    if let Some(node) = fields.require("crds", problems) {
        katalog.entries = entries(node, problems);
        unique("entry", katalog.entries.iter().map(|entry| &entry.name), problems);
    }
    fields.finish(problems);
}

pub(super) fn unique<'a>(what: &str, names: impl Iterator<Item = &'a Spanned<String>>, problems: &mut Diagnostics) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for name in names {
        match seen.get(name.value.as_str()) {
            Some(first) => problems.push(references::duplicate_name(name.span, what, &name.value, *first)),
            None => {
                seen.insert(&name.value, name.span);
            }
        }
    }
}

fn input(node: &Node, problems: &mut Diagnostics) -> Option<Input> {
    let fields = Fields::open(node, &INPUT, problems)?;
    let name = fields.require("name", problems).and_then(|node| identifier(node, "the input", problems));
    let schema = fields.require("schema", problems).cloned();
    let default = fields.take("default").cloned();
    fields.finish(problems);
    Some(Input { name: name?, schema: schema?, default })
}

/// Both forms of `crds`: a map by name, or a list whose items carry their names.
fn entries(node: &Node, problems: &mut Diagnostics) -> Vec<Entry> {
    let count = match &node.value {
        Value::Map(members) => members.len(),
        Value::List(items) => items.len(),
        _ => {
            problems.push(keys::wrong_kind(node.span, "`crds`", "a map or a list", &node.describe()));
            return Vec::new();
        }
    };
    if count > ENTRIES {
        problems.push(bounds::entries(node.span, count, ENTRIES));
        return Vec::new();
    }
    if count == 0 {
        problems.push(keys::wrong_kind(node.span, "`crds`", "at least one entry", "none"));
    }
    let mut entries = Vec::new();
    for (key, node) in node.members().unwrap_or_default() {
        if check_label(&key.text, key.span, "an entry's name", problems) {
            entries.extend(entry(Some(key), node, problems));
        }
    }
    for node in node.items().unwrap_or_default() {
        entries.extend(entry(None, node, problems));
    }
    entries
}

fn entry(key: Option<&Key>, node: &Node, problems: &mut Diagnostics) -> Option<Entry> {
    let fields = Fields::open(node, if key.is_some() { &ENTRY } else { &NAMED_ENTRY }, problems)?;
    let name = match key {
        Some(key) => Some(Spanned { value: key.text.clone(), span: key.span }),
        None => fields.require("name", problems).and_then(|node| label(node, "an entry's name", problems)),
    };
    let api = match fields.take("apiTypes") {
        Some(node) => api(node, problems),
        None => Api::Absent,
    };
    let selector = fields.entry("selector").and_then(|(key, node)| {
        let value = selector::plain(selector::parse(node, &ENTRY_SELECTOR, &ENTRY_REQUIREMENT, problems)?, problems)?;
        Some(Spanned { value, span: key.span })
    });
    let workers = fields.take("workers").and_then(|node| number(node, "`workers`", 1, MOST_WORKERS, problems));
    let resync = fields.take("resync").and_then(|node| duration(node, "`resync`", problems));
    let running = running::parse(&fields, problems);
    let conversion = fields.entry("conversion").and_then(|(key, node)| conversion::parse(key, node, problems));
    let operator_box = fields.require("operatorBox", problems);
    fields.finish(problems);
    let mut entry = Entry {
        name: name?,
        api,
        selector,
        workers: workers.unwrap_or(WORKERS),
        resync: resync.unwrap_or(RESYNC),
        running,
        vars: Vec::new(),
        reads: Vec::new(),
        templates: Vec::new(),
        status: Vec::new(),
        conditions: Vec::new(),
        conversion,
        hook: None,
        mutations: Vec::new(),
        rules: Vec::new(),
        requeues: Vec::new(),
    };
    if let Some(node) = operator_box {
        operator(node, &mut entry, problems);
    }
    Some(entry)
}

fn api(node: &Node, problems: &mut Diagnostics) -> Api {
    let Some(fields) = Fields::open(node, &API_TYPES, problems) else { return Api::Broken };
    let mut missing = Vec::new();
    let mut part = |key: &'static str| match fields.take(key) {
        Some(node) => {
            string(node, &format!("`{key}`"), problems).map(|text| Spanned { value: text.to_owned(), span: node.span })
        }
        None => {
            missing.push(key);
            None
        }
    };
    let parts = (part("group"), part("version"), part("kind"), part("plural"));
    if !missing.is_empty() {
        problems.push(keys::partial_api(node.span, &missing));
    }
    fields.finish(problems);
    match parts {
        (Some(group), Some(version), Some(kind), Some(plural)) => Api::Given { group, version, kind, plural },
        _ => Api::Broken,
    }
}

fn operator(node: &Node, entry: &mut Entry, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, &OPERATOR_BOX, problems) else { return };
    if let Some(node) = fields.take("vars")
        && let Some(vars) = Fields::open(node, &VARS, problems)
    {
        let all = vars.rest();
        if all.len() > MANY {
            problems.push(bounds::many(node.span, "`vars`", all.len(), MANY));
        }
        for (key, node) in all.into_iter().take(MANY) {
            match super::identifier_problem(&key.text) {
                Some(reserved) => problems.push(keys::identifier(key.span, "the variable", &key.text, reserved)),
                None => entry.vars.push((key.clone(), node.clone())),
            }
        }
    }
    if let Some(node) = fields.take("reads") {
        entry.reads = reads::parse(node, problems);
    }
    entry.hook = fields.take("hooks").and_then(|node| hooks::parse(node, problems));
    if let Some(node) = fields.take("mutation") {
        entry.mutations = admission::mutations(node, problems);
    }
    if let Some(node) = fields.take("validation") {
        entry.rules = admission::rules(node, problems);
    }
    if let Some(node) = fields.take("requeue") {
        entry.requeues = admission::requeues(node, problems);
    }
    children::parse(&fields, entry, problems);
    unique("read", entry.reads.iter().map(|read| &read.id), problems);
    if let Some(node) = fields.take("status") {
        status::parse(node, entry, problems);
    }
    fields.finish(problems);
}
