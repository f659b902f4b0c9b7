//! CEL's values. They are copied freely: whatever is longer than a word lies in the call's arena, in the request or in
//! the program.

use core::cmp::Ordering;

use bumpalo::Bump;

use crate::fault::{Fault, Res};
use crate::json::{Array, Object};
use crate::opaque::Opaque;
use crate::time::Timestamp;

/// A value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(&'a str),
    Bytes(&'a [u8]),
    List(List<'a>),
    Map(Map<'a>),
    /// A type, by its name.
    Type(&'a str),
    Timestamp(Timestamp),
    /// Nanoseconds.
    Duration(i64),
    Optional(Option<&'a Value<'a>>),
    /// Of one of Kubernetes' libraries.
    Opaque(&'a Opaque<'a>),
}

/// A list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum List<'a> {
    /// Of the request, its items not looked at yet.
    Json(&'a Array<'a>),
    /// Made by an expression.
    Built(&'a [Value<'a>]),
}

/// A map.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Map<'a> {
    /// Of the request, its members not looked at yet.
    Json(&'a Object<'a>),
    /// Made by an expression.
    Built(&'a BuiltMap<'a>),
}

/// A map that an expression made. Its entries keep their order.
#[derive(Debug)]
pub(crate) struct BuiltMap<'a> {
    entries: &'a [(Value<'a>, Value<'a>)],
    /// Positions by key; empty while a search from the front is quick.
    sorted: &'a [u32],
}

/// A map of this size or smaller is searched from the front.
pub(crate) const SHORT: usize = 8;

/// A map's key: equal for equal numbers of different types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key<'a> {
    Bool(bool),
    Int(i64),
    /// A `uint` above the range of `int`.
    Uint(u64),
    Text(&'a str),
}

impl<'a> Value<'a> {
    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Type(_) => "type",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Optional(_) => "optional_type",
            Value::Opaque(value) => value.type_name(),
        }
    }

    /// The key that it finds in a map, if it is of a type that keys have. A double finds an integer of its value.
    pub(crate) fn key(&self) -> Option<Key<'a>> {
        match *self {
            Value::Bool(value) => Some(Key::Bool(value)),
            Value::Int(value) => Some(Key::Int(value)),
            Value::Uint(value) => Some(i64::try_from(value).map_or(Key::Uint(value), Key::Int)),
            Value::Double(value) => integral(value),
            Value::String(text) => Some(Key::Text(text)),
            _ => None,
        }
    }

    pub(crate) fn some(arena: &'a Bump, value: Value<'a>) -> Value<'a> {
        Value::Optional(Some(arena.alloc(value)))
    }

    pub(crate) const NONE: Value<'a> = Value::Optional(None);
    pub(crate) const EMPTY_MAP: Value<'a> = Value::Map(Map::EMPTY);
}

/// The integer that a double is, if it is one.
fn integral<'a>(value: f64) -> Option<Key<'a>> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if value % 1.0 != 0.0 {
        None
    } else if (-TWO_63..TWO_63).contains(&value) {
        Some(Key::Int(value as i64))
    } else if (TWO_63..2.0 * TWO_63).contains(&value) {
        Some(Key::Uint(value as u64))
    } else {
        None
    }
}

impl<'a> List<'a> {
    pub(crate) fn items(self, arena: &'a Bump) -> Res<'a, &'a [Value<'a>]> {
        match self {
            List::Json(array) => array.items(arena),
            List::Built(items) => Ok(items),
        }
    }
}

impl<'a> Map<'a> {
    pub(crate) const EMPTY: Map<'a> = Map::Built(&BuiltMap { entries: &[], sorted: &[] });

    pub(crate) fn len(self, arena: &'a Bump) -> Res<'a, usize> {
        match self {
            Map::Json(object) => Ok(object.members(arena)?.len()),
            Map::Built(map) => Ok(map.entries.len()),
        }
    }

    /// The entry at a position below [`Map::len`].
    pub(crate) fn entry(self, arena: &'a Bump, at: usize) -> Res<'a, Option<(Value<'a>, Value<'a>)>> {
        match self {
            Map::Json(object) => {
                Ok(object.members(arena)?.get(at).map(|member| (Value::String(member.key), member.value)))
            }
            Map::Built(map) => Ok(map.entries.get(at).copied()),
        }
    }

    pub(crate) fn get(self, arena: &'a Bump, key: Key<'_>) -> Res<'a, Option<Value<'a>>> {
        match (self, key) {
            (Map::Json(object), Key::Text(text)) => object.get(arena, text),
            (Map::Json(_), _) => Ok(None),
            (Map::Built(map), key) => Ok(map.get(key)),
        }
    }
}

impl<'a> BuiltMap<'a> {
    /// A map of these entries.
    ///
    /// # Errors
    /// A key of a type that keys don't have, or one that is there twice.
    pub(crate) fn build(arena: &'a Bump, entries: &'a [(Value<'a>, Value<'a>)]) -> Res<'a, Map<'a>> {
        for (at, (key, _)) in entries.iter().enumerate() {
            let found = match key {
                Value::Double(_) => None,
                key => key.key(),
            };
            let Some(found) = found else {
                return Err(Fault::composed(arena, &["a map's key can't be a ", key.type_name()]));
            };
            let twice = || Fault::expression(arena, "a map literal has a key twice");
            if entries.len() <= SHORT && entries.iter().take(at).any(|(key, _)| key.key() == Some(found)) {
                return Err(twice());
            }
        }
        let mut sorted: &'a [u32] = &[];
        if entries.len() > SHORT {
            let order = arena.alloc_slice_fill_iter(0..entries.len() as u32);
            order.sort_unstable_by(|a, b| compare_keys(entries, *a, *b));
            if order.windows(2).any(|pair| matches!(pair, [a, b] if compare_keys(entries, *a, *b).is_eq())) {
                return Err(Fault::expression(arena, "a map literal has a key twice"));
            }
            sorted = order;
        }
        Ok(Map::Built(arena.alloc(BuiltMap { entries, sorted })))
    }

    fn get(&self, key: Key<'_>) -> Option<Value<'a>> {
        if self.sorted.is_empty() {
            return self.entries.iter().find(|(found, _)| found.key() == Some(key)).map(|(_, value)| *value);
        }
        let key_at = |at: &u32| self.entries.get(*at as usize).and_then(|(key, _)| key.key());
        let found = self.sorted.binary_search_by(|at| key_at(at).cmp(&Some(key))).ok()?;
        let at = self.sorted.get(found)?;
        self.entries.get(*at as usize).map(|(_, value)| *value)
    }
}

fn compare_keys(entries: &[(Value<'_>, Value<'_>)], a: u32, b: u32) -> Ordering {
    let key = |at: u32| entries.get(at as usize).and_then(|(key, _)| key.key());
    key(a).cmp(&key(b))
}
