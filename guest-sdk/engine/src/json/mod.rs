//! The request's JSON, looked at only where an expression looks.
//!
//! A text is checked whole when it is first touched: one pass over it that notes where its objects and arrays lie, and
//! builds nothing else. Each of them stays text until a field of it is asked for.

mod scan;
mod write;

use core::cell::OnceCell;

use bumpalo::Bump;

use crate::fault::{Fault, Res};
use crate::value::{List, Map, SHORT, Value};

use scan::Checked;
pub(crate) use write::{put_base64, write_string, write_value};

/// Deepest nesting of a request's JSON.
pub(crate) const MAX_DEPTH: u32 = 64;

/// One JSON text of the request.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// What messages call it: `primary`.
    name: &'a str,
    text: &'a [u8],
    root: OnceCell<Res<'a, Value<'a>>>,
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    text: &'a Checked<'a>,
    span: u32,
    members: OnceCell<&'a [Member<'a>]>,
    /// Positions by key, once an object of more than a few members is searched.
    sorted: OnceCell<&'a [u32]>,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: Value<'a>,
}

/// A list.
#[derive(Debug)]
pub(crate) struct Array<'a> {
    text: &'a Checked<'a>,
    span: u32,
    items: OnceCell<&'a [Value<'a>]>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(name: &'a str, text: &'a [u8]) -> Document<'a> {
        Document { name, text, root: OnceCell::new() }
    }

    /// A text whose value is known.
    pub(crate) fn known(name: &'a str, value: Value<'a>) -> Document<'a> {
        Document { name, text: &[], root: OnceCell::from(Ok(value)) }
    }

    /// Its value.
    ///
    /// # Errors
    /// If it is not JSON, not UTF-8, nested too deeply, or an object in it has a key twice at a place that was looked at.
    pub(crate) fn root(&self, arena: &'a Bump) -> Res<'a, Value<'a>> {
        *self.root.get_or_init(|| self.open(arena))
    }

    fn open(&self, arena: &'a Bump) -> Res<'a, Value<'a>> {
        let Ok(text) = core::str::from_utf8(self.text) else {
            return Err(Fault::input(arena, &[self.name, " is not UTF-8"]));
        };
        scan::open(arena, text)
            .map_err(|what| Fault::input(arena, &[self.name, " is not JSON that can be read: ", what]))
    }
}

impl<'a> Object<'a> {
    /// Its text.
    pub(crate) fn raw(&self) -> &'a str {
        self.text.raw(self.span)
    }

    /// Whether it has no members, by its text alone.
    pub(crate) fn is_empty(&self) -> bool {
        let raw = self.raw();
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        inner.bytes().all(|byte| byte.is_ascii_whitespace())
    }

    pub(crate) fn members(&self, arena: &'a Bump) -> Res<'a, &'a [Member<'a>]> {
        if let Some(members) = self.members.get() {
            return Ok(members);
        }
        let members = self.text.members(arena, self.span).map_err(|what| malformed(arena, what))?;
        if members.len() <= SHORT {
            // Readers disagree about which of two members counts, so neither does.
            for (at, member) in members.iter().enumerate() {
                if members.iter().take(at).any(|earlier| earlier.key == member.key) {
                    return Err(malformed(arena, "an object has a key twice"));
                }
            }
        } else {
            let key = |at: &u32| members.get(*at as usize).map(|member| member.key);
            let order = arena.alloc_slice_fill_iter(0..members.len() as u32);
            order.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
            if order.windows(2).any(|pair| matches!(pair, [a, b] if key(a) == key(b))) {
                return Err(malformed(arena, "an object has a key twice"));
            }
            let _ = self.sorted.set(order);
        }
        let _ = self.members.set(members);
        Ok(members)
    }

    pub(crate) fn get(&self, arena: &'a Bump, key: &str) -> Res<'a, Option<Value<'a>>> {
        let members = self.members(arena)?;
        let Some(sorted) = self.sorted.get() else {
            return Ok(members.iter().find(|member| member.key == key).map(|member| member.value));
        };
        let found = sorted.binary_search_by(|at| members.get(*at as usize).map(|member| member.key).cmp(&Some(key)));
        let at = found.ok().and_then(|found| sorted.get(found));
        Ok(at.and_then(|at| members.get(*at as usize)).map(|member| member.value))
    }
}

impl<'a> Array<'a> {
    /// Its text.
    pub(crate) fn raw(&self) -> &'a str {
        self.text.raw(self.span)
    }

    pub(crate) fn items(&self, arena: &'a Bump) -> Res<'a, &'a [Value<'a>]> {
        if let Some(items) = self.items.get() {
            return Ok(items);
        }
        let items = self.text.items(arena, self.span).map_err(|what| malformed(arena, what))?;
        let _ = self.items.set(items);
        Ok(items)
    }
}

fn malformed<'a>(arena: &'a Bump, what: &'static str) -> Fault<'a> {
    Fault::input(arena, &["the request's JSON can't be read: ", what])
}

fn object<'a>(arena: &'a Bump, text: &'a Checked<'a>, span: u32) -> Value<'a> {
    Value::Map(Map::Json(arena.alloc(Object { text, span, members: OnceCell::new(), sorted: OnceCell::new() })))
}

fn array<'a>(arena: &'a Bump, text: &'a Checked<'a>, span: u32) -> Value<'a> {
    Value::List(List::Json(arena.alloc(Array { text, span, items: OnceCell::new() })))
}

#[cfg(test)]
mod tests;
