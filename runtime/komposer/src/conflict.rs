//! What two instances of one runtime cannot both have.

use std::fmt;

use crate::Instance;

/// Two instances that cannot run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Position of the earlier one.
    pub first: usize,
    /// Position of the later one.
    pub second: usize,
    /// What they share.
    pub shared: Shared,
}

/// What two instances share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shared {
    /// The pattern's name, and so field manager and identity.
    Name(String),
    /// An entry's name.
    Entry(String),
    /// A kind of primary: both would reconcile each of its objects. Kinds of others are decorated by any number of patterns, since
    /// none of them writes anything of the object but its own finalizer.
    Kind {
        /// `kind.group`.
        kind: String,
        /// The entry of the earlier one.
        first: String,
        /// The entry of the later one.
        second: String,
    },
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "two patterns are named `{name}`"),
            Self::Entry(name) => write!(f, "two patterns have an entry `{name}`"),
            Self::Kind { kind, first, second } => {
                write!(f, "the entries `{first}` and `{second}` both reconcile {kind}")
            }
        }
    }
}

/// Every pair of instances that cannot run together, each with the first reason.
pub fn conflicts(instances: &[Instance]) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (second, later) in instances.iter().enumerate() {
        for (first, earlier) in instances.iter().enumerate().take(second) {
            if let Some(shared) = shared(earlier, later) {
                found.push(Conflict { first, second, shared });
            }
        }
    }
    found
}

fn shared(a: &Instance, b: &Instance) -> Option<Shared> {
    if a.name == b.name {
        return Some(Shared::Name(a.name.clone()));
    }
    // Also where one of them is disabled: an override could not say which of the two it means. One that its import names is
    // addressed by that name.
    if !a.named
        && !b.named
        && let Some(entry) =
            a.pattern.entries.iter().find(|entry| b.pattern.entries.iter().any(|other| other.name == entry.name))
    {
        return Some(Shared::Entry(entry.name.clone()));
    }
    let running = |instance: &Instance| -> Vec<_> {
        let runs = |name: &str| instance.entries.iter().any(|settings| settings.name == name);
        let entries = instance.pattern.entries.iter().filter(|entry| runs(&entry.name) && !entry.foreign);
        entries.map(|entry| (entry.name.clone(), format!("{}.{}", entry.api.kind, entry.api.group))).collect()
    };
    let others = running(b);
    running(a).into_iter().find_map(|(first, kind)| {
        let (second, _) = others.iter().find(|(_, other)| *other == kind)?;
        Some(Shared::Kind { kind: kind.trim_end_matches('.').to_owned(), first, second: second.clone() })
    })
}
