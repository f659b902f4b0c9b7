//! What a conversion knows of an object: keys of labels and annotations, and the fields that it makes.

use std::collections::BTreeSet;

use crate::check::conversion::ANNOTATION;
use crate::model::{Computed, Conversion, Given, Made};

/// The keys of `metadata.labels` and `metadata.annotations` that conversions read or write, with which of the two.
pub(super) fn metadata_keys(ways: [&Conversion; 2]) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for way in ways {
        gather(&way.object, &mut Vec::new(), &mut found);
    }
    found.retain(|(_, key)| key != ANNOTATION);
    found
}

fn gather(made: &Made, at: &mut Vec<String>, found: &mut BTreeSet<(String, String)>) {
    note(at, found);
    match made {
        Made::Copy(path) => note(path, found),
        Made::Given(given) => given.sources.iter().for_each(|source| note(&source.path, found)),
        // Paths of items are not the object's.
        Made::Each(..) => {}
        Made::Object(object) => {
            for (key, made) in &object.members {
                at.push(key.clone());
                gather(made, at, found);
                at.pop();
            }
            for key in object.rest.iter().flat_map(|rest| &rest.except) {
                note(&[at.as_slice(), std::slice::from_ref(key)].concat(), found);
            }
        }
    }
}

fn note(path: &[String], found: &mut BTreeSet<(String, String)>) {
    if let [metadata, part, key] = path
        && metadata == "metadata"
    {
        found.insert((part.clone(), key.clone()));
    }
}

/// How a conversion comes by a place of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// From nothing of the source: what is there cannot be said in the source's version.
    Nothing,
    /// From the source.
    Source,
    /// From a single value of the source, as the first item of a list.
    Wrapped,
}

/// How a conversion comes by the place that a path leads to; items of lists have no step.
pub(super) fn origin(made: &Made, path: &[String]) -> Origin {
    match made {
        Made::Copy(_) => Origin::Source,
        Made::Each(_, item) => match path {
            [] => Origin::Source,
            _ => origin(item, path),
        },
        Made::Given(Given { sources, value, .. }) => match value {
            Computed::Wrap(_) if path.is_empty() => Origin::Wrapped,
            _ if sources.is_empty() => Origin::Nothing,
            _ => Origin::Source,
        },
        Made::Object(object) => match path.split_first() {
            // An object is there where something of it is.
            None => match object.from.is_some()
                || object.members.iter().any(|(_, made)| origin(made, &[]) != Origin::Nothing)
            {
                true => Origin::Source,
                false => Origin::Nothing,
            },
            Some((key, rest)) => match object.members.iter().find(|(name, _)| name == key) {
                Some((_, made)) => origin(made, rest),
                None => match &object.rest {
                    Some(others) if !others.except.contains(key) => match &others.value {
                        Some(value) => origin(value, rest),
                        None => Origin::Source,
                    },
                    _ => Origin::Nothing,
                },
            },
        },
    }
}
