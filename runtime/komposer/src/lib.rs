//! Composition without forks: which patterns run, under which names, with which inputs and overrides.
//!
//! `parse → resolve`: [`parse()`] reads a Komposer, [`resolve()`] lays it over the patterns that it imports. Between the two the
//! caller fetches what [`Komposer::imports`] names; nothing here reads a file or a network. A mistake of the author is a
//! result, not a failure: both steps give what they understood and the diagnostics.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod codes;
#[cfg(test)]
mod codes_tests;
mod conflict;
mod definitions;
mod documentation;
pub mod fetch;
mod fits;
mod groups;
mod header;
mod imports;
mod inputs;
mod list_keys;
pub mod lock;
mod lock_parse;
#[cfg(test)]
mod lock_tests;
mod merge;
#[cfg(test)]
mod merge_tests;
mod parse;
pub mod policy;
mod provenance;
mod resolve;
mod resource;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use orkestra_artifact::trust::RepositoryPattern;
use orkestra_artifact::{Digest, Reference};
use orkestra_pattern::diagnostic::Diagnostics;
use orkestra_pattern::fields::Spanned;
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Span;
use orkestra_pattern::yaml::{Key, Node};
use serde_json::{Map, Value};

pub use conflict::{Conflict, conflicts};
pub use definitions::{GROUP, Resource, VERSION, definitions};
pub use documentation::documentation;
pub use fetch::{FetchError, Fetched, fetch};
pub use inputs::InputError;
pub use lock::{IdentityReused, Lock, Locked, Stale};
pub use lock_parse::parse_lock;
pub use merge::merge;
pub use parse::{parse, parse_with};
pub use policy::Policy;
pub use provenance::{Effective, Origin, Owner, provenance};
pub use resolve::{Imported, resolve};
pub use tables::{KOMPOSER, LOCK};

/// A Komposer as written.
#[derive(Debug, Clone)]
pub struct Komposer {
    /// `metadata.name`: a DNS label.
    pub name: String,
    /// First those of registries, then those of files, each in order.
    pub imports: Vec<Import>,
    /// `imports.trust`, in order.
    pub trust: Vec<Trust>,
    /// `spec.crds`, in order.
    pub overrides: Vec<Override>,
    /// The whole document.
    pub root: Node,
}

impl Komposer {
    /// The digest of its canonical form, JSON with sorted keys and without blanks: comments, layout, labels and annotations do not
    /// count. A file and the object that an API server made of it have the same.
    pub fn digest(&self) -> Digest {
        let mut value = self.root.to_json();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| key == "name");
        }
        whole_numbers(&mut value);
        value.sort_all_objects();
        Digest::of(value.to_string().as_bytes())
    }
}

/// Writes `1.0` as `1`, as whatever passes through an API server is written.
fn whole_numbers(value: &mut Value) {
    /// Up to here each whole number is one of a double's.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT);
            #[allow(clippy::cast_possible_truncation)] // it is whole, and within the bounds of an i64
            if let Some(whole) = whole {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// One item of `imports.registry` or `imports.files`.
#[derive(Debug, Clone)]
pub struct Import {
    /// Where it is.
    pub located: Located,
    /// Where that is written.
    pub span: Span,
    /// `as`: the instance's name; none: the pattern's.
    pub name: Option<Spanned<String>>,
    /// Values of inputs.
    pub with: Vec<(Key, Node)>,
    /// The API groups in which it may define and reconcile kinds; none: the import sets no bound.
    pub groups: Option<Spanned<Vec<String>>>,
    /// Capabilities, as written.
    pub grants: Vec<String>,
    /// Lower limits than the runtime's.
    pub limits: Limits,
}

impl Import {
    fn empty(span: Span) -> Self {
        let located = Located::File { path: String::new() };
        Self {
            located,
            span,
            name: None,
            with: Vec::new(),
            groups: None,
            grants: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// The path of a file import, as written: relative to the Komposer's own directory.
    pub fn path(&self) -> Option<&str> {
        match &self.located {
            Located::File { path } => Some(path),
            Located::Registry { .. } => None,
        }
    }
}

/// Where a pattern is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// A pattern directory, or its Katalog.
    File {
        /// As written.
        path: String,
    },
    /// A registry. There is a tag, a digest or a range.
    Registry {
        /// As written, with the pinned digest.
        reference: Reference,
        /// A range of versions, where there is no tag.
        version: Option<semver::VersionReq>,
        /// None: as the machine's own configuration says.
        auth: Option<Auth>,
    },
}

/// Where credentials come from: names of environment variables, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// A user and a password.
    Basic {
        /// The variable.
        username: String,
        /// The variable.
        password: String,
    },
    /// A token.
    Bearer {
        /// The variable.
        token: String,
    },
}

/// Limits of one pattern; none: the runtime's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// In bytes.
    pub memory: Option<u64>,
    /// Of one call.
    pub deadline: Option<Duration>,
}

/// Who may have signed what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Which repositories.
    pub pattern: RepositoryPattern,
    /// Public keys, in order.
    pub keys: Vec<TrustedKey>,
    /// How many distinct keys must have signed.
    pub quorum: u16,
    /// How old a signature may be.
    pub max_age: Option<Duration>,
}

/// A public key, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Its PEM text, or the path of a file that holds it.
    pub text: String,
    /// Where that is written.
    pub span: Span,
}

impl TrustedKey {
    /// The path of its file, relative to the document's directory; none where the key itself is written.
    pub fn path(&self) -> Option<&str> {
        (!self.text.trim_start().starts_with("-----BEGIN ")).then_some(&*self.text)
    }
}

/// One item of `spec.crds`: what is laid over an entry.
#[derive(Debug, Clone)]
pub struct Override {
    /// The entry's name; in a Komposer perhaps `instance/entry`.
    pub entry: String,
    /// Where the name is written.
    pub span: Span,
    /// `false` drops the entry.
    pub enabled: Option<bool>,
    /// A map of the entry's keys, without `name` and `enabled`.
    pub node: Node,
}

/// Overrides of one source, which are laid over what is below.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// Each names an entry of the Katalog.
    pub overrides: Vec<Override>,
}

/// What runs.
#[derive(Debug, Clone, Default)]
pub struct Composition {
    /// The Komposer's name.
    pub name: String,
    /// In the order of the imports.
    pub instances: Vec<Instance>,
    /// The merged Katalog of each instance.
    pub katalogs: Vec<Node>,
    /// The position of each instance's import.
    pub imports: Vec<usize>,
    /// Imports that do not run.
    pub failed: Vec<Failed>,
}

/// An import whose pattern, overrides or inputs have errors.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Its position.
    pub import: usize,
    /// As [`Instance::name`]; empty where not even that is known.
    pub name: String,
    /// At least one error.
    pub problems: Diagnostics,
}

impl Composition {
    /// The composition if nothing failed; what did is added to `problems`.
    pub fn whole(self, problems: &mut Diagnostics) -> Option<Self> {
        for failed in &self.failed {
            problems.extend(failed.problems.clone());
        }
        problems.sort();
        Some(self).filter(|_| !problems.has_errors())
    }
}

/// A pattern under a name, with settled inputs and settings.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Unique in the runtime: the `as` of its import, or the pattern's name. Account and field manager derive from it.
    pub name: String,
    /// Whether the import named it: its entries are then addressed `name/entry`.
    pub named: bool,
    /// Where it came from, as written.
    pub path: String,
    /// Where it came from.
    pub from: From,
    /// The pattern with the overrides in it.
    pub pattern: Pattern,
    /// Its `hooks.wasm`, if it has one: code that no rebuild proves.
    pub hook: Option<Arc<[u8]>>,
    /// Whether overrides change anything that is compiled, which is more than how entries run.
    pub composed: bool,
    /// A value per input, in the pattern's order.
    pub inputs: Map<String, Value>,
    /// The entries that run, in the pattern's order.
    pub entries: Vec<Settings>,
    /// Capabilities, as written.
    pub grants: Vec<String>,
    /// Lower limits than the runtime's.
    pub limits: Limits,
}

/// Where an instance came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A directory.
    Directory,
    /// A registry.
    Registry {
        /// As written.
        reference: Reference,
        /// The manifest that was fetched.
        digest: Digest,
    },
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
        Ok(Self {
            name: pattern.name.clone(),
            named: false,
            path: path.to_owned(),
            from: From::Directory,
            pattern,
            hook: None,
            composed: false,
            inputs,
            entries,
            grants: Vec::new(),
            limits: Limits::default(),
        })
    }
}

impl Settings {
    fn of(entry: &orkestra_pattern::model::Entry) -> Self {
        Self { name: entry.name.clone(), workers: entry.workers, resync: entry.resync }
    }
}
