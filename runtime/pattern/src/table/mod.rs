//! Tables of keys: what a map of a document can hold, said once.
//!
//! A parser reads a map by its [`Table`] (see [`Fields`](crate::fields::Fields)), so that it cannot know another key than the
//! table does. The same tables make the [JSON Schema](json_schema) of a document and [explain] its keys.

mod explain;
mod schema;

pub use explain::{Explained, Line, NoSuchKey, explain};
pub(crate) use explain::{describe, sentence};
pub use schema::json_schema;

use crate::ast::Form;

/// What a map can hold.
#[derive(Debug)]
pub struct Table {
    /// In CamelCase, unique in its document: `Entry`.
    pub name: &'static str,
    /// As messages call it: `an entry`.
    pub what: &'static str,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// Its keys, in groups that tables may share.
    pub rows: &'static [&'static [Row]],
    /// Its other keys.
    pub others: Others,
}

/// A key.
#[derive(Debug)]
pub struct Row {
    /// As written.
    pub key: &'static str,
    /// What may stand there.
    pub takes: Takes,
    /// Whether it must, may or may not be there.
    pub need: Need,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

/// Whether a key must, may or may not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Must.
    Required,
    /// May.
    Optional,
    /// May, as another name of that key.
    Alias(&'static str),
    /// May, with a warning, as the older name of that key.
    Former(&'static str),
    /// May not: the same is said otherwise, as this says.
    Replaced(&'static str),
    /// May not: the parser has words of its own for those who try.
    Refused,
}

/// What keys a map can hold beside those of its rows.
#[derive(Debug)]
pub enum Others {
    /// None.
    Refused,
    /// Any, each with such a value.
    Any(Takes),
    /// Those of a Kubernetes kind.
    Kind(OfKind),
}

/// Fields of a Kubernetes kind that a short form passes on.
#[derive(Debug)]
pub struct OfKind {
    pub(crate) form: Form,
    pub(crate) at: &'static [&'static str],
}

/// What may stand for a value.
#[derive(Debug)]
pub enum Takes {
    /// Whatever YAML can say.
    Any,
    /// Nothing at all.
    Nothing,
    /// `null`.
    Null,
    /// A string.
    Text,
    /// A string of a form.
    Like(&'static Pattern),
    /// One of these strings.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// The least.
        least: u16,
        /// The most.
        most: u16,
    },
    /// A list of such.
    List(&'static Takes),
    /// A map with any keys to such.
    Map(&'static Takes),
    /// A map by a table.
    Table(&'static Table),
    /// Any of several.
    Either(&'static [Takes]),
}

/// A form of strings.
#[derive(Debug)]
pub struct Pattern {
    /// What it is: `a DNS label`.
    pub what: &'static str,
    /// A regular expression that all of them match, in the words that JSON Schema has.
    pub regex: &'static str,
}

/// A name that Kubernetes takes.
pub static LABEL: Pattern = Pattern { what: "a DNS label", regex: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" };
/// A name that expressions use.
pub static IDENTIFIER: Pattern = Pattern { what: "an identifier", regex: "^[a-z][A-Za-z0-9_]*$" };
/// Such as `1h30m`.
pub static DURATION: Pattern =
    Pattern { what: "a duration", regex: "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$" };
/// By semver.
pub static VERSION: Pattern = Pattern { what: "a version", regex: "^[0-9]+\\.[0-9]+\\.[0-9]+([-+].*)?$" };
/// One expression.
pub static EXPRESSION: Pattern = Pattern { what: "an expression", regex: "\\{\\{" };

/// A key that must be there.
pub const fn required(key: &'static str, takes: Takes, doc: &'static str) -> Row {
    Row { key, takes, need: Need::Required, doc }
}

/// A key that may be there.
pub const fn optional(key: &'static str, takes: Takes, doc: &'static str) -> Row {
    Row { key, takes, need: Need::Optional, doc }
}

/// A key of Katalogs elsewhere that is said otherwise here: `mend` says how.
pub const fn replaced(key: &'static str, mend: &'static str) -> Row {
    Row { key, takes: Takes::Nothing, need: Need::Replaced(mend), doc: "" }
}

/// A key that the parser refuses by itself.
pub const fn refused(key: &'static str) -> Row {
    Row { key, takes: Takes::Nothing, need: Need::Refused, doc: "" }
}

impl Table {
    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &'static Row> {
        self.rows.iter().copied().flatten()
    }

    /// The row of a key.
    pub fn row(&self, key: &str) -> Option<&'static Row> {
        self.rows().find(|row| row.key == key)
    }

    /// The keys that can be written.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.rows().filter(|row| !matches!(row.need, Need::Refused | Need::Replaced(_))).map(|row| row.key)
    }

    /// Every table that can be reached from this one, each once, this one first.
    pub fn all(&'static self) -> Vec<&'static Table> {
        let mut found: Vec<&'static Table> = vec![self];
        let mut next = 0;
        while let Some(table) = found.get(next).copied() {
            next += 1;
            let mut takes: Vec<&'static Takes> = table.rows().map(|row| &row.takes).collect();
            if let Others::Any(other) = &table.others {
                takes.push(other);
            }
            for table in takes.into_iter().flat_map(Takes::tables) {
                if !found.iter().any(|known| std::ptr::eq(*known, table)) {
                    found.push(table);
                }
            }
        }
        found
    }
}

impl Takes {
    /// The tables of the maps that may stand there, also as items of lists and maps.
    pub fn tables(&'static self) -> Vec<&'static Table> {
        match self {
            Takes::List(inner) | Takes::Map(inner) => inner.tables(),
            Takes::Table(table) => vec![table],
            Takes::Either(several) => several.iter().flat_map(Takes::tables).collect(),
            Takes::Any
            | Takes::Nothing
            | Takes::Null
            | Takes::Text
            | Takes::Like(_)
            | Takes::Words(_)
            | Takes::Flag
            | Takes::Number { .. } => Vec::new(),
        }
    }
}
