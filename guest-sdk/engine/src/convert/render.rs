//! The parts of a template that only conversions have: what is copied from the source, and what stands for its objects and
//! lists.

use orkestra_program::{Code, ConvertedCode, GivenCode, Keys, ReadError};

use crate::cost;
use crate::elements::Element;
use crate::eval::{Machine, Subject};
use crate::fault::{Fault, FaultKind, Res};
use crate::json::{Document, write_string, write_value};
use crate::value::{Key, Map, Value};

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

    pub(crate) fn copied(&mut self, path: Keys<'a>, out: &mut Vec<u8>) -> Res<'a, bool> {
        let cursor = self.source()?.cursor;
        let Some(value) = self.find(cursor, path)? else { return Ok(false) };
        self.copy(value, out)?;
        Ok(true)
    }

    fn copy(&mut self, value: Value<'a>, out: &mut Vec<u8>) -> Res<'a, ()> {
        let start = out.len();
        write_value(self.arena, out, value)?;
        self.meter.spend(cost::traversal(out.len() - start))
    }

    pub(crate) fn converted(
        &mut self,
        record: ConvertedCode<'a>,
        code: &mut Code<'a>,
        out: &mut Vec<u8>,
        below: u32,
    ) -> Res<'a, bool> {
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
        let start = out.len();
        out.push(b'{');
        let first = out.len();
        for _ in 0..record.members {
            let before = out.len();
            if before > first {
                out.push(b',');
            }
            let key = self.program.string(code).map_err(|error| self.malformed(error))?;
            write_string(out, key);
            out.push(b':');
            if !self.render_nested(code, out, below)? {
                out.truncate(before);
            }
        }
        if let (Some(rest), Some(Value::Map(object))) = (record.rest, source) {
            let except = self.keys(rest.except)?;
            self.others(object, &except, rest.value, out, first, below)?;
        }
        if out.len() > first {
            out.push(b'}');
            return Ok(true);
        }
        out.truncate(start);
        match source {
            Some(Value::Null) => out.extend_from_slice(b"null"),
            Some(Value::Map(object)) if !record.taken || object.len(self.arena)? == 0 => out.extend_from_slice(b"{}"),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Members of the source's object that no member of the template stands for.
    fn others(
        &mut self,
        object: Map<'a>,
        except: &[&str],
        value: Option<Code<'a>>,
        out: &mut Vec<u8>,
        first: usize,
        below: u32,
    ) -> Res<'a, ()> {
        let mut at = 0;
        while let Some((key, member)) = object.entry(self.arena, at)? {
            at += 1;
            self.meter.spend(1)?;
            let Value::String(key) = key else { continue };
            if except.contains(&key) {
                continue;
            }
            if out.len() > first {
                out.push(b',');
            }
            write_string(out, key);
            out.push(b':');
            match value {
                None => self.copy(member, out)?,
                Some(template) => self.at(member, template, out, below)?,
            }
        }
        Ok(())
    }

    /// A template with the source at an item or value, which has a place to fill.
    fn at(&mut self, item: Value<'a>, template: Code<'a>, out: &mut Vec<u8>, below: u32) -> Res<'a, ()> {
        self.meter.spend(cost::LOOP_ITEM)?;
        let outer = (self.source, self.subject);
        self.source = self.source.map(|source| Source { cursor: item, ..source });
        self.subject = Some(Subject { id: "", element: Some(Element { item, key: "" }), observed: None });
        let mut code = template;
        let made = self.render_nested(&mut code, out, below);
        (self.source, self.subject) = outer;
        if !made? {
            out.extend_from_slice(b"null");
        }
        Ok(())
    }

    pub(crate) fn each(&mut self, from: Keys<'a>, item: Code<'a>, out: &mut Vec<u8>, below: u32) -> Res<'a, bool> {
        let cursor = self.source()?.cursor;
        let list = match self.find(cursor, from)? {
            None => return Ok(false),
            Some(Value::Null) => {
                out.extend_from_slice(b"null");
                return Ok(true);
            }
            Some(Value::List(list)) => list,
            Some(other) => return Err(self.unlike("a list", None, other)),
        };
        out.push(b'[');
        for (number, value) in list.items(self.arena)?.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            self.at(*value, item, out, below)?;
        }
        out.push(b']');
        Ok(true)
    }

    pub(crate) fn given(&mut self, record: GivenCode<'a>, out: &mut Vec<u8>, below: u32) -> Res<'a, bool> {
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
                return Ok(false);
            }
        }
        let start = out.len();
        let mut code = record.value;
        match self.render_nested(&mut code, out, below) {
            Ok(false) => Ok(false),
            Ok(true) => {
                self.typed(record, start, out)?;
                Ok(true)
            }
            // What a fragment does not have is not the fragment's fault.
            Err(fault) if missing && fault.kind() == FaultKind::Expression => {
                out.truncate(start);
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Looks at a value that was computed, where the check could not know its type.
    fn typed(&mut self, record: GivenCode<'a>, start: usize, out: &[u8]) -> Res<'a, ()> {
        let Some(schema) = record.schema else { return Ok(()) };
        let text = self.arena.alloc_slice_copy(out.get(start..).unwrap_or_default());
        let value = Document::new("a converted value", text).root(self.arena)?;
        if fits(self, schema, value)? { Ok(()) } else { self.error("a converted value is not of its place's type") }
    }
}
