//! Making the target's object from the source's.
//!
//! What is made is a value, not text: what the target takes as it is stays where it lies in the source, however large it is, and
//! the way back finds the very same. Only what is computed is written as JSON and read again, so that whatever an expression
//! gives is JSON and nothing else.

use orkestra_program::layout::MAX_TEMPLATE_DEPTH;
use orkestra_program::{Code, GivenCode, Keys, MadeNode, MadeObjectCode, ReadError};

use crate::cost;
use crate::elements::Element;
use crate::eval::{Machine, Subject};
use crate::fault::{Fault, FaultKind, Res};
use crate::json::Document;
use crate::value::{BuiltMap, Key, List, Value};

use super::fits::fits;

/// What is being converted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The whole object.
    pub(crate) root: Value<'a>,
    /// Where paths begin: the object, or the item or value at hand.
    pub(crate) cursor: Value<'a>,
    /// It is what one manager set.
    pub(crate) fragment: bool,
}

impl<'a> Machine<'a> {
    fn source(&self) -> Res<'a, Source<'a>> {
        self.source.ok_or_else(|| self.malformed(ReadError::Reference))
    }

    pub(super) fn keys(&self, mut keys: Keys<'a>) -> Res<'a, Vec<&'a str>> {
        let mut all = Vec::with_capacity(keys.len());
        while let Some(key) = self.program.next_key(&mut keys).map_err(|error| self.malformed(error))? {
            all.push(key);
        }
        Ok(all)
    }

    /// The value at a path. Below what is absent or null there is nothing.
    fn find(&mut self, from: Value<'a>, mut path: Keys<'a>) -> Res<'a, Option<Value<'a>>> {
        let mut value = from;
        while let Some(key) = self.program.next_key(&mut path).map_err(|error| self.malformed(error))? {
            self.meter.spend(1)?;
            value = match value {
                Value::Map(object) => match object.get(self.arena, Key::Text(key))? {
                    Some(value) => value,
                    None => return Ok(None),
                },
                Value::Null => return Ok(None),
                other => return Err(self.unlike("an object", Some(key), other)),
            };
        }
        Ok(Some(value))
    }

    /// The error of a source that is not as its schema says.
    fn unlike(&self, expected: &str, before: Option<&str>, found: Value<'a>) -> Fault<'a> {
        let place = before.map_or("", |_| " before `");
        let end = before.map_or("", |_| "`");
        let parts = ["expected ", expected, place, before.unwrap_or(""), end, ", found a value of type "];
        Fault::composed(self.arena, &[&parts[..], &[found.type_name()]].concat())
    }

    /// A conversion's whole object.
    pub(super) fn made_whole(&mut self, mut code: Code<'a>) -> Res<'a, Value<'a>> {
        Ok(self.made(&mut code, MAX_TEMPLATE_DEPTH)?.unwrap_or(Value::EMPTY_MAP))
    }

    /// The next value; none: it is absent.
    fn made(&mut self, code: &mut Code<'a>, depth: u32) -> Res<'a, Option<Value<'a>>> {
        let Some(below) = depth.checked_sub(1) else { return Err(self.malformed(ReadError::TemplateDepth)) };
        match self.program.made(code).map_err(|error| self.malformed(error))? {
            MadeNode::Copy(path) => {
                let cursor = self.source()?.cursor;
                self.find(cursor, path)
            }
            MadeNode::Object(record) => self.object(record, code, below),
            MadeNode::Each(from, item) => self.each(from, item, below),
            MadeNode::Given(record) => self.given(record),
        }
    }

    fn object(&mut self, record: MadeObjectCode<'a>, code: &mut Code<'a>, below: u32) -> Res<'a, Option<Value<'a>>> {
        let cursor = self.source()?.cursor;
        let source = match record.from {
            Some(path) => self.find(cursor, path)?,
            None => None,
        };
        if let Some(other) = source
            && !matches!(other, Value::Map(_) | Value::Null)
        {
            return Err(self.unlike("an object", None, other));
        }
        let mut members = bumpalo::collections::Vec::new_in(self.arena);
        for _ in 0..record.members {
            let key = self.program.string(code).map_err(|error| self.malformed(error))?;
            if let Some(value) = self.made(code, below)? {
                members.push((Value::String(key), value));
            }
        }
        // Members of the source's object that no member of the target's stands for.
        if let (Some(rest), Some(Value::Map(object))) = (record.rest, source) {
            let except = self.keys(rest.except)?;
            let mut at = 0;
            while let Some((key, member)) = object.entry(self.arena, at)? {
                at += 1;
                self.meter.spend(1)?;
                let Value::String(name) = key else { continue };
                if except.contains(&name) {
                    continue;
                }
                let value = match rest.value {
                    None => member,
                    Some(template) => self.at(member, template, below)?,
                };
                members.push((key, value));
            }
        }
        if !members.is_empty() {
            return Ok(Some(Value::Map(BuiltMap::build(self.arena, members.into_bump_slice())?)));
        }
        Ok(match source {
            Some(Value::Null) => Some(Value::Null),
            Some(Value::Map(object)) if !record.taken || object.len(self.arena)? == 0 => Some(Value::EMPTY_MAP),
            _ => None,
        })
    }

    /// A value with the source at an item or value, which has a place to fill.
    fn at(&mut self, item: Value<'a>, mut code: Code<'a>, below: u32) -> Res<'a, Value<'a>> {
        self.meter.spend(cost::LOOP_ITEM)?;
        let outer = (self.source, self.subject);
        self.source = self.source.map(|source| Source { cursor: item, ..source });
        self.subject = Some(Subject { id: "", element: Some(Element { item, key: "" }), observed: None, renew: false });
        let made = self.made(&mut code, below);
        (self.source, self.subject) = outer;
        Ok(made?.unwrap_or(Value::Null))
    }

    fn each(&mut self, from: Keys<'a>, item: Code<'a>, below: u32) -> Res<'a, Option<Value<'a>>> {
        let cursor = self.source()?.cursor;
        let list = match self.find(cursor, from)? {
            Some(Value::List(list)) => list.items(self.arena)?,
            nothing @ (None | Some(Value::Null)) => return Ok(nothing),
            Some(other) => return Err(self.unlike("a list", None, other)),
        };
        let mut items = bumpalo::collections::Vec::with_capacity_in(list.len(), self.arena);
        for value in list {
            items.push(self.at(*value, item, below)?);
        }
        Ok(Some(Value::List(List::Built(items.into_bump_slice()))))
    }

    fn given(&mut self, record: GivenCode<'a>) -> Res<'a, Option<Value<'a>>> {
        let source = self.source()?;
        let (mut there, mut missing) = (false, false);
        if source.fragment {
            let (count, mut code) = record.sources;
            for _ in 0..count {
                let next = self.program.next_source(&mut code).map_err(|error| self.malformed(error))?;
                let from = if next.0 { source.cursor } else { source.root };
                match self.find(from, next.1)? {
                    None | Some(Value::Null) => missing = true,
                    Some(_) => there = true,
                }
            }
            if !there || (record.whole && missing) {
                return Ok(None);
            }
        }
        let (mut code, mut text) = (record.value, Vec::new());
        match self.render(&mut code, &mut text) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            // What a fragment does not have is not the fragment's fault.
            Err(fault) if missing && fault.kind() == FaultKind::Expression => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let value = Document::new("a converted value", self.arena.alloc_slice_copy(&text)).root(self.arena)?;
        match record.schema {
            // The check could not know its type.
            Some(schema) if !fits(self, schema, value)? => self.error("a converted value is not of its place's type"),
            _ => Ok(Some(value)),
        }
    }
}
