//! The keys and words that can stand at a place of a document, by the tables that its parser reads it by and by the schemas of
//! Kubernetes' kinds.

use std::sync::Arc;

use super::Step;
use crate::ast::Form;
use crate::ast::tables::children::{CONTAINER, MANIFEST, POD};
use crate::kinds;
use crate::schema::{Rest, Schema, Shape};
use crate::shorthand;
use crate::table::{Need, OfKind, Others, Row, Table, Takes, describe, sentence};

/// What a document is read by.
#[derive(Debug, Clone)]
pub enum Document {
    /// One of the project's own.
    Own(&'static Table),
    /// An object of a built-in kind.
    Kind {
        /// `apps/v1`
        api_version: &'static str,
        /// In CamelCase.
        kind: &'static str,
    },
    /// An object by a schema.
    Schema(Arc<Schema>),
}

/// A key that can stand in a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWord {
    /// As written.
    pub key: String,
    /// What may stand there, in words.
    pub takes: String,
    /// What it does; empty where nobody says.
    pub doc: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether a map or list stands there, which begins on the next line.
    pub opens: bool,
}

/// The apiVersion and kind of the object that a path leads to, where the document says them.
pub type KindOf<'a> = &'a dyn Fn(&[Step]) -> Option<(String, String)>;

/// What may stand at a place.
#[derive(Clone)]
pub(super) enum Spot {
    /// A map of our own.
    Table(&'static Table),
    /// Anything else of our own.
    Takes(&'static Takes),
    /// A part of an object.
    Schema { schema: Arc<Schema>, docs: Option<Docs> },
}

/// Where the documentation of a built-in kind has a place.
#[derive(Clone)]
pub(super) struct Docs {
    api_version: String,
    kind: String,
    at: Vec<String>,
}

impl Docs {
    fn below(&self, steps: &[&str]) -> Docs {
        let at = self.at.iter().cloned().chain(steps.iter().map(|step| (*step).to_owned())).collect();
        Docs { at, ..self.clone() }
    }
}

/// The keys that the map at `path` can have. None: nothing is known of that place, or it is no map.
pub fn keys(document: &Document, path: &[Step], kind_of: KindOf<'_>) -> Vec<KeyWord> {
    let mut words: Vec<KeyWord> = Vec::new();
    for spot in spots(document, path, kind_of) {
        for word in spot.keys() {
            if !words.iter().any(|known| known.key == word.key) {
                words.push(word);
            }
        }
    }
    words
}

/// What is to be said of the key that a path ends with.
pub fn key(document: &Document, path: &[Step], kind_of: KindOf<'_>) -> Option<KeyWord> {
    let (last, before) = path.split_last()?;
    let name = last.key()?;
    spots(document, before, kind_of).iter().find_map(|spot| spot.key(name))
}

/// The words that can stand as the value at `path`.
pub fn values(document: &Document, path: &[Step], kind_of: KindOf<'_>) -> Vec<String> {
    let mut words: Vec<String> = spots(document, path, kind_of).iter().flat_map(Spot::words).collect();
    words.dedup();
    words
}

fn spots(document: &Document, path: &[Step], kind_of: KindOf<'_>) -> Vec<Spot> {
    let mut spots = match document {
        Document::Own(table) => vec![Spot::Table(table)],
        Document::Kind { api_version, kind } => of_kind(api_version, kind, &[]).into_iter().collect(),
        Document::Schema(schema) => vec![Spot::Schema { schema: schema.clone(), docs: None }],
    };
    let path = shallow(path);
    for (index, step) in path.iter().enumerate() {
        let object = || kind_of(path.get(..index).unwrap_or_default());
        spots = spots.iter().flat_map(|spot| spot.step(step, &object)).collect();
    }
    spots
}

/// A schema within a schema has the keys of the outermost: the library's own ends where it would hold itself.
fn shallow(path: &[Step]) -> Vec<Step> {
    let mut short: Vec<Step> = Vec::new();
    let mut schema = None;
    for step in path {
        short.push(step.clone());
        match (schema, step.key()) {
            (None, Some("openAPIV3Schema")) => schema = Some(short.len()),
            (Some(at), key) => {
                let before = short.get(short.len().saturating_sub(2)).and_then(Step::key);
                let within =
                    matches!(key, Some("items" | "additionalProperties" | "not")) && before != Some("properties");
                let one_of = matches!(step, Step::Item(_)) && matches!(before, Some("allOf" | "anyOf" | "oneOf"));
                if within || one_of || (short.len() > at + 1 && before == Some("properties")) {
                    short.truncate(at);
                }
            }
            _ => {}
        }
    }
    short
}

fn of_kind(api_version: &str, kind: &str, at: &[&str]) -> Option<Spot> {
    let known = kinds::lookup(api_version, kind)?;
    let schema = at.iter().try_fold(known.schema, |schema, step| match *step {
        "[]" => schema.items().cloned(),
        name => Some(schema.field(name)?.schema.clone()),
    })?;
    let docs = Docs { api_version: api_version.to_owned(), kind: kind.to_owned(), at: Vec::new() };
    Some(Spot::Schema { schema, docs: Some(docs.below(at)) })
}

/// The whole of a document.
pub(super) fn of_document(table: &'static Table) -> Spot {
    Spot::Table(table)
}

impl Spot {
    /// The same, or what stands in the list or the map of any names that it is.
    pub(super) fn inside(&self) -> Vec<Spot> {
        match self {
            Spot::Takes(Takes::Either(several)) => several.iter().flat_map(|takes| taken(takes).inside()).collect(),
            Spot::Takes(Takes::List(inner) | Takes::Map(inner)) => taken(inner).inside(),
            Spot::Schema { schema, docs } => {
                let (step, inner) = match (schema.items(), &schema.shape) {
                    (Some(items), _) => ("[]", items.clone()),
                    (None, Shape::Object(object)) if object.fields.is_empty() => match &object.rest {
                        Rest::Each(rest) => ("{}", rest.clone()),
                        _ => return vec![self.clone()],
                    },
                    _ => return vec![self.clone()],
                };
                let docs = docs.as_ref().map(|docs| docs.below(&[step]));
                Spot::Schema { schema: inner, docs }.inside()
            }
            Spot::Table(_) | Spot::Takes(_) => vec![self.clone()],
        }
    }

    /// The names of its fields, where Kubernetes says them.
    pub(super) fn fields(&self) -> Option<Vec<String>> {
        let Spot::Schema { schema, .. } = self else { return None };
        match &schema.shape {
            Shape::Object(object) => Some(object.fields.keys().cloned().collect()),
            _ => Some(Vec::new()),
        }
    }

    /// What Kubernetes says of it.
    pub(super) fn said(&self) -> Option<String> {
        let Spot::Schema { docs: Some(docs), .. } = self else { return None };
        let at: Vec<&str> = docs.at.iter().map(String::as_str).collect();
        let found = kinds::documentation(&docs.api_version, &docs.kind, &at)?;
        Some(found.own).filter(|text| !text.is_empty())
    }

    pub(super) fn step(&self, step: &Step, object: &dyn Fn() -> Option<(String, String)>) -> Vec<Spot> {
        match (self, step) {
            (Spot::Table(table), Step::Key(key)) => member(table, key, object),
            (Spot::Takes(Takes::Either(several)), _) => {
                several.iter().flat_map(|takes| taken(takes).step(step, object)).collect()
            }
            (Spot::Takes(Takes::List(inner)), Step::Item(_)) | (Spot::Takes(Takes::Map(inner)), Step::Key(_)) => {
                vec![taken(inner)]
            }
            (Spot::Schema { schema, docs }, Step::Key(key)) => {
                let Some(field) = schema.field(key) else { return Vec::new() };
                let docs = docs.as_ref().map(|docs| docs.below(&[if field.named { key } else { "{}" }]));
                vec![Spot::Schema { schema: field.schema.clone(), docs }]
            }
            (Spot::Schema { schema, docs }, Step::Item(_)) => {
                let docs = docs.as_ref().map(|docs| docs.below(&["[]"]));
                schema.items().map(|items| Spot::Schema { schema: items.clone(), docs }).into_iter().collect()
            }
            (Spot::Table(_) | Spot::Takes(_), _) => Vec::new(),
        }
    }

    pub(super) fn keys(&self) -> Vec<KeyWord> {
        match self {
            Spot::Takes(Takes::Either(several)) => several.iter().flat_map(|takes| taken(takes).keys()).collect(),
            Spot::Takes(_) => Vec::new(),
            Spot::Table(table) => {
                let written = |row: &&Row| matches!(row.need, Need::Required | Need::Optional | Need::Alias(_));
                let mut words: Vec<KeyWord> = table.rows().filter(written).map(of_row).collect();
                if let Others::Kind(fields) = &table.others {
                    let docs = fields.form.kind().map(|(api_version, kind)| documented(api_version, kind, fields.at));
                    let docs = docs.unwrap_or_default();
                    let passed = shorthand::passed_on(fields).into_iter();
                    words.extend(passed.map(|(key, takes)| KeyWord {
                        doc: docs.iter().find(|(name, _)| *name == key).map(|(_, doc)| doc.clone()).unwrap_or_default(),
                        opens: opens(&takes),
                        key,
                        takes,
                        required: false,
                    }));
                }
                words
            }
            Spot::Schema { schema, docs } => {
                let Shape::Object(object) = &schema.shape else { return Vec::new() };
                let docs = docs.as_ref().map(|docs| {
                    let at: Vec<&str> = docs.at.iter().map(String::as_str).collect();
                    documented(&docs.api_version, &docs.kind, &at)
                });
                let docs = docs.unwrap_or_default();
                let word = |(key, field): (&String, &crate::schema::Field)| KeyWord {
                    key: key.clone(),
                    takes: field.schema.describe(),
                    doc: docs.iter().find(|(name, _)| name == key).map(|(_, doc)| doc.clone()).unwrap_or_default(),
                    required: field.required && field.schema.default.is_none(),
                    opens: opens(&field.schema.describe()),
                };
                object.fields.iter().map(word).collect()
            }
        }
    }

    /// One of its keys, also one that nobody should write any more.
    fn key(&self, name: &str) -> Option<KeyWord> {
        match self {
            Spot::Table(table) => match table.row(name) {
                Some(row) if row.need != Need::Refused => Some(of_row(row)),
                _ => self.keys().into_iter().find(|word| word.key == name),
            },
            Spot::Takes(Takes::Either(several)) => several.iter().find_map(|takes| taken(takes).key(name)),
            _ => self.keys().into_iter().find(|word| word.key == name),
        }
    }

    fn words(&self) -> Vec<String> {
        let flags = || ["true", "false"].map(str::to_owned).to_vec();
        match self {
            Spot::Takes(Takes::Words(words)) => words.iter().map(|word| (*word).to_owned()).collect(),
            Spot::Takes(Takes::Flag) => flags(),
            Spot::Takes(Takes::Either(several)) => several.iter().flat_map(|takes| taken(takes).words()).collect(),
            Spot::Schema { schema, .. } if schema.shape == Shape::Bool => flags(),
            Spot::Schema { schema, .. } => {
                schema.allowed.iter().filter_map(|value| value.as_str()).map(str::to_owned).collect()
            }
            Spot::Table(_) | Spot::Takes(_) => Vec::new(),
        }
    }
}

fn taken(takes: &'static Takes) -> Spot {
    match takes {
        Takes::Table(table) => Spot::Table(table),
        takes => Spot::Takes(takes),
    }
}

/// What may stand at a key of a table.
fn member(table: &'static Table, key: &str, object: &dyn Fn() -> Option<(String, String)>) -> Vec<Spot> {
    if std::ptr::eq(table, &raw const MANIFEST) {
        let known = object().and_then(|(api_version, kind)| of_kind(&api_version, &kind, &[key]));
        return known.into_iter().collect();
    }
    if let Some(row) = table.row(key) {
        let hoisted = match &table.others {
            Others::Kind(fields) if matches!(row.takes, Takes::Any) => hoisted(fields, key),
            _ => None,
        };
        return vec![hoisted.unwrap_or_else(|| taken(&row.takes))];
    }
    match &table.others {
        Others::Refused => Vec::new(),
        Others::Any(takes) => vec![taken(takes)],
        Others::Kind(fields) => {
            let at: Vec<&str> = fields.at.iter().copied().chain([key]).collect();
            let kind = fields.form.kind();
            kind.and_then(|(api_version, kind)| of_kind(api_version, kind, &at)).into_iter().collect()
        }
    }
}

/// A field of the pod or of its container that a short form has for its own.
fn hoisted(fields: &OfKind, key: &str) -> Option<Spot> {
    let has = |rows: &[Row]| rows.iter().any(|row| row.key == key);
    let workloads = [Form::Deployment, Form::StatefulSet, Form::DaemonSet, Form::Job, Form::CronJob, Form::Pod];
    if !workloads.contains(&fields.form) {
        let (api_version, kind) = fields.form.kind()?;
        let at: Vec<&str> = fields.at.iter().copied().chain([key]).collect();
        return of_kind(api_version, kind, &at);
    }
    if has(&POD) {
        return of_kind("v1", "Pod", &["spec", key]);
    }
    has(&CONTAINER).then(|| of_kind("v1", "Pod", &["spec", "containers", "[]", key]))?
}

fn of_row(row: &Row) -> KeyWord {
    let takes = describe(&row.takes);
    let doc = sentence(row.need, row.doc);
    KeyWord { key: row.key.to_owned(), opens: opens(&takes), takes, doc, required: row.need == Need::Required }
}

/// Whether what these words mean begins on a line of its own.
fn opens(takes: &str) -> bool {
    ["map", "list", "object"].iter().any(|word| takes.starts_with(word))
}

/// What Kubernetes says of the fields at a place of a kind.
fn documented(api_version: &str, kind: &str, at: &[&str]) -> Vec<(String, String)> {
    kinds::documentation(api_version, kind, at).map(|found| found.fields).unwrap_or_default()
}
