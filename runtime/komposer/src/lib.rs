//! Composition without forks: which patterns run, under which names, with which inputs and overrides.
//!
//! `parse → resolve`: [`parse()`] reads a Komposer, [`resolve()`] lays it over the patterns that it imports. Between the two the
//! caller fetches what [`Komposer::imports`] names; nothing here reads a file or a network. A mistake of the author is a
//! result, not a failure: both steps give what they understood and the diagnostics.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod codes;
mod conflict;
mod fits;
mod inputs;
mod parse;
mod resolve;
#[cfg(test)]
mod tests;

use std::time::Duration;

use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Span;
use orkestra_pattern::yaml::{Key, Node};
use serde_json::{Map, Value};

pub use conflict::{Conflict, conflicts};
pub use inputs::InputError;
pub use parse::parse;
pub use resolve::resolve;

/// A Komposer as written.
#[derive(Debug, Clone)]
pub struct Komposer {
    /// `metadata.name`: a DNS label.
    pub name: String,
    /// `imports.files`, in order.
    pub imports: Vec<Import>,
    /// `spec.crds`, in order.
    pub overrides: Vec<Override>,
}

/// One item of `imports.files`.
#[derive(Debug, Clone)]
pub struct Import {
    /// A pattern directory, as written: relative to the Komposer's own directory.
    pub path: String,
    /// Where it is written.
    pub span: Span,
    /// Values of inputs.
    pub with: Vec<(Key, Node)>,
}

/// One item of `spec.crds`: what replaces an entry's own settings.
#[derive(Debug, Clone)]
pub struct Override {
    /// The entry's name.
    pub name: String,
    /// Where the name is written.
    pub span: Span,
    /// Concurrent reconciles.
    pub workers: Option<u16>,
    /// Time between full reconciles of an object.
    pub resync: Option<Duration>,
    /// `false` drops the entry.
    pub enabled: Option<bool>,
}

/// What runs.
#[derive(Debug, Clone)]
pub struct Composition {
    /// The Komposer's name.
    pub name: String,
    /// In the order of the imports.
    pub instances: Vec<Instance>,
}

/// A pattern under a name, with settled inputs and settings.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Unique in the runtime: the pattern's name.
    pub name: String,
    /// Where it came from, as written.
    pub path: String,
    /// The pattern as its author wrote it: overrides of settings do not change what is compiled.
    pub pattern: Pattern,
    /// A value per input, in the pattern's order.
    pub inputs: Map<String, Value>,
    /// The entries that run, in the pattern's order.
    pub entries: Vec<Settings>,
}

/// How an entry runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The entry's name.
    pub name: String,
    /// Concurrent reconciles.
    pub workers: u16,
    /// Time between full reconciles of an object.
    pub resync: Duration,
}

impl Instance {
    /// A pattern by itself, without a Komposer: `inputs` are laid over its defaults, its entries run as it says.
    ///
    /// # Errors
    /// Every input that is unknown, lacks a value or has one that does not fit.
    pub fn new(path: &str, pattern: Pattern, inputs: Map<String, Value>) -> Result<Self, Vec<InputError>> {
        let (inputs, errors) = inputs::settle(&pattern, inputs);
        if !errors.is_empty() {
            return Err(errors);
        }
        let entries = pattern.entries.iter().map(Settings::of).collect();
        Ok(Self { name: pattern.name.clone(), path: path.to_owned(), pattern, inputs, entries })
    }
}

impl Settings {
    fn of(entry: &orkestra_pattern::model::Entry) -> Self {
        Self { name: entry.name.clone(), workers: entry.workers, resync: entry.resync }
    }
}
