//! What is to be said of a key, for people.

use super::{Need, Others, Table, Takes};
use crate::schema::nearest;
use crate::shorthand;

/// What a key takes and does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key with what leads to it: `spec.crds.workers`; empty for the document.
    pub path: String,
    /// What may stand there.
    pub takes: String,
    /// What it does.
    pub doc: String,
    /// What can stand below it.
    pub keys: Vec<Line>,
    /// Which keys can stand below it besides.
    pub others: Option<String>,
}

/// One of the keys below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// As written.
    pub key: String,
    /// What may stand there.
    pub takes: String,
    /// Whether it must be there, or is another name; empty where it may.
    pub need: String,
    /// What it does.
    pub doc: String,
}

/// A path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{of} has no key `{}`", .key.escape_debug())]
pub struct NoSuchKey {
    /// In which map, as messages call it.
    pub of: String,
    /// What was looked for.
    pub key: String,
    /// What may be meant.
    pub nearest: Option<String>,
    /// The keys that are there.
    pub known: Vec<String>,
}

impl NoSuchKey {
    /// A field that Kubernetes does not have in that of another name.
    pub(crate) fn of_field(field: &str, key: &str, known: Vec<String>) -> Self {
        let nearest = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
        NoSuchKey { of: format!("`{field}`"), key: key.to_owned(), nearest, known }
    }
}

/// Explains a key of the tables by its path, whose parts are keys: `spec.crds.operatorBox`. Items of lists and names in maps are
/// left out.
///
/// # Errors
/// The first part that no table has.
pub fn explain(document: &'static Table, path: &str) -> Result<Explained, NoSuchKey> {
    let mut explained = Explained {
        path: String::new(),
        takes: "map".to_owned(),
        doc: document.doc.to_owned(),
        keys: Vec::new(),
        others: None,
    };
    let mut tables = vec![document];
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let row = tables.iter().find_map(|table| table.row(part)).filter(|row| row.need != Need::Refused);
        let separator = if explained.path.is_empty() { "" } else { "." };
        explained.path = format!("{}{separator}{part}", explained.path);
        match row {
            Some(row) => {
                explained.takes = describe(&row.takes);
                explained.doc = sentence(row.need, row.doc);
                tables = row.takes.tables();
            }
            None => {
                let Some((takes, doc)) = tables.iter().find_map(|table| other(table, part)) else {
                    return Err(no_such_key(&tables, part));
                };
                (explained.takes, explained.doc) = (takes, doc);
                tables = Vec::new();
            }
        }
    }
    for table in tables {
        for row in table.rows().filter(|row| !matches!(row.need, Need::Refused | Need::Replaced(_))) {
            if explained.keys.iter().any(|line| line.key == row.key) {
                continue;
            }
            let need = match row.need {
                Need::Required => "required".to_owned(),
                Need::Optional | Need::Replaced(_) | Need::Refused => String::new(),
                Need::Alias(of) => format!("the same as `{of}`"),
                Need::Former(of) => format!("older spelling of `{of}`"),
            };
            explained.keys.push(Line {
                key: row.key.to_owned(),
                takes: describe(&row.takes),
                need,
                doc: row.doc.to_owned(),
            });
        }
        explained.others = explained.others.or(match &table.others {
            Others::Refused => None,
            Others::Any(takes) => Some(format!("any name, with {} each", describe(takes))),
            Others::Kind(fields) => Some(format!("every field of {}", fields.place())),
        });
    }
    Ok(explained)
}

pub(crate) fn sentence(need: Need, doc: &str) -> String {
    match need {
        Need::Former(of) => format!("The older spelling of `{of}`. {doc}"),
        Need::Alias(of) => format!("Another name of `{of}`. {doc}"),
        Need::Required | Need::Optional | Need::Refused | Need::Replaced(_) => doc.to_owned(),
    }
}

/// A key that no row has and the table takes.
fn other(table: &Table, key: &str) -> Option<(String, String)> {
    match &table.others {
        Others::Refused => None,
        Others::Any(takes) => Some((describe(takes), format!("One of {}.", table.what))),
        Others::Kind(fields) => {
            let (_, takes) = shorthand::passed_on(fields).into_iter().find(|(name, _)| name == key)?;
            Some((takes, format!("A field of {}, as Kubernetes has it.", fields.place())))
        }
    }
}

fn no_such_key(tables: &[&'static Table], key: &str) -> NoSuchKey {
    let mut known: Vec<String> = tables.iter().flat_map(|table| table.keys()).map(str::to_owned).collect();
    let mut all = known.clone();
    for table in tables {
        if let Others::Kind(fields) = &table.others {
            all.extend(shorthand::passed_on(fields).into_iter().map(|(name, _)| name));
        }
    }
    let nearest = nearest(key, all.iter().map(String::as_str)).map(str::to_owned);
    known.dedup();
    let of = tables.first().map_or("this value", |table| table.what).to_owned();
    NoSuchKey { of, key: key.to_owned(), nearest, known }
}

impl super::OfKind {
    fn place(&self) -> String {
        let kind = self.form.kind().map_or("", |(_, kind)| kind);
        match self.at {
            [] => format!("a {kind}"),
            at => format!("a {kind}'s `{}`", at.join(".")),
        }
    }
}

pub(crate) fn describe(takes: &Takes) -> String {
    match takes {
        Takes::Any => "any value".to_owned(),
        Takes::Nothing => "nothing".to_owned(),
        Takes::Null => "null".to_owned(),
        Takes::Text => "string".to_owned(),
        Takes::Like(pattern) => pattern.what.to_owned(),
        Takes::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Takes::Flag => "boolean".to_owned(),
        Takes::Number { least, most } => format!("number, {least} to {most}"),
        Takes::List(Takes::Nothing) => "empty list".to_owned(),
        Takes::List(item) => format!("list of {}", describe(item)),
        Takes::Map(inner) => format!("map of {}", describe(inner)),
        Takes::Table(_) => "map".to_owned(),
        Takes::Either(several) => several.iter().map(describe).collect::<Vec<_>>().join(", or "),
    }
}
