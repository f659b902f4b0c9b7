//! The annotation that holds what a version cannot, by the version whose values they are.
//!
//! It is text that anybody may write who may write the object, so that what cannot be read of it does not count, and nothing
//! in it is believed ([`restore`](super::restore)).

use bumpalo::Bump;

use crate::fault::{Fault, FaultKind, Res};
use crate::json::{Document, MAX_DEPTH, write_string, write_value};
use crate::value::{BuiltMap, Key, Map, Value};

use super::ANNOTATION;

/// The longest annotation: what the API server allows for all annotations of an object together.
const MAX_BYTES: usize = 256 << 10;
/// The most entries of one version.
const MAX_ENTRIES: usize = 4096;

/// What is kept, by version.
#[derive(Default)]
pub(super) struct Kept<'a> {
    versions: Vec<(&'a str, Content<'a>)>,
}

enum Content<'a> {
    /// As it was found.
    Found(Value<'a>),
    /// Entries with a comma between.
    Made(Vec<u8>),
}

/// A value that was lost on the way to another version.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// Where: keys of objects, and items of lists by the values of their keys.
    pub(super) at: Vec<Value<'a>>,
    pub(super) what: What<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum What<'a> {
    /// What the way back makes of it, and what it was.
    Value { was: Option<Value<'a>>, is: Option<Value<'a>> },
    /// The same for items of a list.
    Items(Vec<(Value<'a>, Value<'a>)>),
}

impl<'a> Kept<'a> {
    /// What an object's annotation has. A text that is not such an annotation has nothing.
    pub(super) fn read(arena: &'a Bump, root: Value<'a>) -> Res<'a, Kept<'a>> {
        let mut value = Some(root);
        for key in ["metadata", "annotations", ANNOTATION] {
            value = match value {
                Some(Value::Map(object)) => object.get(arena, Key::Text(key))?,
                _ => None,
            };
        }
        let Some(Value::String(text)) =
            value.filter(|value| matches!(value, Value::String(text) if text.len() <= MAX_BYTES))
        else {
            return Ok(Kept::default());
        };
        let found = Document::new("what was kept", text.as_bytes()).root(arena);
        Ok(match believed(found)? {
            Some(Value::Map(object)) => {
                let mut kept = Kept::default();
                let mut at = 0;
                while let Some(Some((Value::String(version), entries))) = believed(object.entry(arena, at))? {
                    kept.versions.push((version, Content::Found(entries)));
                    at += 1;
                }
                kept
            }
            _ => Kept::default(),
        })
    }

    /// Takes out what is kept for a version.
    pub(super) fn take(&mut self, arena: &'a Bump, version: &str) -> Res<'a, Vec<Entry<'a>>> {
        let Some(at) = self.versions.iter().position(|(name, _)| *name == version) else { return Ok(Vec::new()) };
        let (_, content) = self.versions.remove(at);
        let list = match content {
            Content::Found(value) => value,
            Content::Made(entries) => Document::new("what was kept", list(arena, &entries)).root(arena)?,
        };
        let Value::List(list) = list else { return Ok(Vec::new()) };
        let Some(items) = believed(list.items(arena))?.filter(|items| items.len() <= MAX_ENTRIES) else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for item in items {
            entries.extend(believed(entry(arena, *item))?.flatten());
        }
        Ok(entries)
    }

    /// Puts in what is lost of a version: entries with a comma between.
    pub(super) fn put(&mut self, arena: &'a Bump, version: &'a str, entries: Vec<u8>) -> Res<'a, ()> {
        self.versions.retain(|(name, _)| *name != version);
        if entries.len() > MAX_BYTES {
            return Err(too_large(arena));
        }
        if !entries.is_empty() {
            self.versions.push((version, Content::Made(entries)));
        }
        Ok(())
    }

    /// The object with the annotation, where there is anything to keep.
    pub(super) fn annotated(&self, arena: &'a Bump, root: Value<'a>) -> Res<'a, Value<'a>> {
        let Value::Map(object) = root else { return Err(Fault::input(arena, &["the object is no JSON object"])) };
        if self.versions.is_empty() {
            return Ok(root);
        }
        let mut all = Vec::from(*b"{");
        for (number, (version, content)) in self.versions.iter().enumerate() {
            if number > 0 {
                all.push(b',');
            }
            write_string(&mut all, version);
            all.push(b':');
            match content {
                Content::Found(value) => write_value(arena, &mut all, *value)?,
                Content::Made(entries) => all.extend_from_slice(list(arena, entries)),
            }
        }
        all.push(b'}');
        // The length is that of the annotation's value; quoting it is only JSON's.
        if all.len() > MAX_BYTES {
            return Err(too_large(arena));
        }
        let text = arena.alloc_str(core::str::from_utf8(&all).unwrap_or_default());
        with(arena, object, &["metadata", "annotations", ANNOTATION], Value::String(text))
    }
}

/// An object with a value at a path, whose objects are made where they are missing.
fn with<'a>(arena: &'a Bump, object: Map<'a>, path: &[&'a str], value: Value<'a>) -> Res<'a, Value<'a>> {
    let Some((first, rest)) = path.split_first() else { return Ok(value) };
    let mut members = bumpalo::collections::Vec::new_in(arena);
    let (mut at, mut inner) = (0, Map::EMPTY);
    while let Some((key, member)) = object.entry(arena, at)? {
        at += 1;
        match (key, member) {
            (Value::String(key), Value::Map(found)) if key == *first => inner = found,
            (Value::String(key), _) if key == *first => {}
            member => members.push(member),
        }
    }
    members.push((Value::String(first), with(arena, inner, rest, value)?));
    Ok(Value::Map(BuiltMap::build(arena, members.into_bump_slice())?))
}

fn list<'a>(arena: &'a Bump, entries: &[u8]) -> &'a [u8] {
    let mut text = bumpalo::collections::Vec::with_capacity_in(entries.len() + 2, arena);
    text.push(b'[');
    text.extend_from_slice(entries);
    text.push(b']');
    text.into_bump_slice()
}

fn entry<'a>(arena: &'a Bump, item: Value<'a>) -> Res<'a, Option<Entry<'a>>> {
    let Value::Map(item) = item else { return Ok(None) };
    let Some(Value::List(at)) = item.get(arena, Key::Text("at"))? else { return Ok(None) };
    let at = at.items(arena)?;
    let step = |value: &Value<'_>| matches!(value, Value::String(_) | Value::Map(_));
    if at.is_empty() || at.len() > MAX_DEPTH as usize || !at.iter().all(step) {
        return Ok(None);
    }
    let what = match item.get(arena, Key::Text("items"))? {
        None => What::Value { was: item.get(arena, Key::Text("was"))?, is: item.get(arena, Key::Text("is"))? },
        Some(Value::List(list)) => {
            let mut pairs = Vec::new();
            for pair in list.items(arena)? {
                let Value::Map(pair) = pair else { return Ok(None) };
                match (pair.get(arena, Key::Text("was"))?, pair.get(arena, Key::Text("is"))?) {
                    (Some(was), Some(is)) => pairs.push((was, is)),
                    _ => return Ok(None),
                }
            }
            What::Items(pairs)
        }
        Some(_) => return Ok(None),
    };
    Ok(Some(Entry { at: at.to_vec(), what }))
}

/// What cannot be read is as if it were not there, but for what ends the call.
fn believed<'a, T>(result: Res<'a, T>) -> Res<'a, Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(fault) if matches!(fault.kind(), FaultKind::Cost | FaultKind::Program) => Err(fault),
        Err(_) => Ok(None),
    }
}

fn too_large<'a>(arena: &'a Bump) -> Fault<'a> {
    Fault::preserved(
        arena,
        "what the other version cannot hold is more than the 256 KiB that annotations may have: make it smaller, or \
         declare it `lossy` in the pattern's conversion",
    )
}
