//! The macros, and the general comprehension.

use bumpalo::collections::Vec;
use orkestra_program::model::LoopKind;
use orkestra_program::{Code, LoopCode, ReadError};

use super::Machine;
use crate::cost;
use crate::fault::{Fault, Res};
use crate::value::{BuiltMap, List, Map, Value};

/// What a loop runs over.
#[derive(Clone, Copy)]
enum Range<'a> {
    List(&'a [Value<'a>]),
    Map(Map<'a>, usize),
}

impl<'a> Range<'a> {
    fn len(self) -> usize {
        match self {
            Range::List(items) => items.len(),
            Range::Map(_, len) => len,
        }
    }
}

impl<'a> Machine<'a> {
    #[inline(never)]
    fn range(&mut self, code: Code<'a>) -> Res<'a, Range<'a>> {
        match self.block(code)? {
            Value::List(list) => list.items(self.arena).map(Range::List),
            Value::Map(map) => Ok(Range::Map(map, map.len(self.arena)?)),
            other => Err(self.no_overload("a macro", &[other])),
        }
    }

    /// Fills the loop's variables, and returns the one that the one-variable macros collect and the key of a new map.
    #[inline(never)]
    fn step(&mut self, range: Range<'a>, at: usize, slot: u16, slot2: Option<u16>) -> Res<'a, (Value<'a>, Value<'a>)> {
        let (key, value, single) = match range {
            Range::List(items) => {
                let item = items.get(at).copied().unwrap_or(Value::Null);
                (Value::Int(at as i64), item, item)
            }
            Range::Map(map, _) => {
                let (key, value) = map.entry(self.arena, at)?.unwrap_or((Value::Null, Value::Null));
                (key, value, key)
            }
        };
        match slot2 {
            None => self.set(slot, Ok(single))?,
            Some(slot2) => {
                self.set(slot, Ok(key))?;
                self.set(slot2, Ok(value))?;
            }
        }
        Ok((single, key))
    }

    #[inline(never)]
    pub(super) fn macro_loop(&mut self, code: Code<'a>) -> Res<'a, Value<'a>> {
        let head = self.program.macro_loop(code).map_err(|error| self.malformed(error))?;
        let range = self.range(head.range)?;
        match head.kind {
            LoopKind::All => self.quantifier(&head, range, false),
            LoopKind::Exists => self.quantifier(&head, range, true),
            LoopKind::ExistsOne => self.exists_one(&head, range),
            LoopKind::Filter | LoopKind::Map => self.collect(&head, range),
            LoopKind::TransformMap | LoopKind::TransformMapEntry => self.transform(&head, range),
        }
    }

    /// `all` and `exists`: a decisive element wins over errors of others, before it or after it.
    #[inline(never)]
    fn quantifier(&mut self, head: &LoopCode<'a>, range: Range<'a>, decisive: bool) -> Res<'a, Value<'a>> {
        let predicate = self.part(head.predicate)?;
        let mut first_fault = None;
        for at in 0..range.len() {
            self.meter.spend(cost::LOOP_QUANTIFIER)?;
            self.step(range, at, head.slot, head.slot2)?;
            match self.block(predicate) {
                Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => first_fault = first_fault.or(Some(fault)),
                Ok(other) => first_fault = first_fault.or_else(|| Some(self.not_bool(other))),
            }
        }
        first_fault.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    #[inline(never)]
    fn exists_one(&mut self, head: &LoopCode<'a>, range: Range<'a>) -> Res<'a, Value<'a>> {
        let predicate = self.part(head.predicate)?;
        let mut found = 0usize;
        for at in 0..range.len() {
            self.meter.spend(cost::LOOP_QUANTIFIER)?;
            self.step(range, at, head.slot, head.slot2)?;
            found += usize::from(self.condition(predicate)?);
        }
        Ok(Value::Bool(found == 1))
    }

    /// `filter`, `map`, `transformList`.
    #[inline(never)]
    fn collect(&mut self, head: &LoopCode<'a>, range: Range<'a>) -> Res<'a, Value<'a>> {
        let mut items = Vec::new_in(self.arena);
        for at in 0..range.len() {
            self.meter.spend(cost::LOOP_ITEM)?;
            let (single, _) = self.step(range, at, head.slot, head.slot2)?;
            if let Some(predicate) = head.predicate
                && !self.condition(predicate)?
            {
                continue;
            }
            items.push(match head.result {
                Some(result) => self.block(result)?,
                None => single,
            });
        }
        Ok(Value::List(List::Built(items.into_bump_slice())))
    }

    /// `transformMap`, `transformMapEntry`.
    #[inline(never)]
    fn transform(&mut self, head: &LoopCode<'a>, range: Range<'a>) -> Res<'a, Value<'a>> {
        let result = self.part(head.result)?;
        let mut entries = Vec::new_in(self.arena);
        for at in 0..range.len() {
            self.meter.spend(cost::LOOP_ITEM)?;
            let (_, key) = self.step(range, at, head.slot, head.slot2)?;
            if let Some(predicate) = head.predicate
                && !self.condition(predicate)?
            {
                continue;
            }
            let value = self.block(result)?;
            if head.kind == LoopKind::TransformMap {
                entries.push((key, value));
            } else {
                self.merge(value, &mut entries)?;
            }
        }
        BuiltMap::build(self.arena, entries.into_bump_slice()).map(Value::Map)
    }

    /// Adds the entries of a map that `transformMapEntry` gave.
    #[inline(never)]
    fn merge(&mut self, value: Value<'a>, entries: &mut Vec<'a, (Value<'a>, Value<'a>)>) -> Res<'a, ()> {
        let Value::Map(map) = value else { return Err(self.no_overload("transformMapEntry", &[value])) };
        for at in 0..map.len(self.arena)? {
            self.meter.spend(1)?;
            entries.extend(map.entry(self.arena, at)?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn fold(&mut self, code: Code<'a>) -> Res<'a, Value<'a>> {
        let head = self.program.fold(code).map_err(|error| self.malformed(error))?;
        let range = self.range(head.range)?;
        let init = self.block(head.init);
        self.set(head.accumulator, init)?;
        for at in 0..range.len() {
            self.meter.spend(1)?;
            self.step(range, at, head.slot, head.slot2)?;
            match self.block(head.condition) {
                Ok(Value::Bool(false)) => break,
                Err(fault) if fault.is_final() => return Err(fault),
                // Only a plain false ends a comprehension.
                _ => {}
            }
            let next = self.block(head.step);
            self.set(head.accumulator, next)?;
        }
        self.block(head.result)
    }

    fn part(&self, part: Option<Code<'a>>) -> Res<'a, Code<'a>> {
        part.ok_or_else(|| Fault::program(self.arena, ReadError::Truncated))
    }

    #[inline(never)]
    fn condition(&mut self, code: Code<'a>) -> Res<'a, bool> {
        match self.block(code)? {
            Value::Bool(value) => Ok(value),
            other => Err(self.not_bool(other)),
        }
    }

    #[cold]
    #[inline(never)]
    fn not_bool(&self, found: Value<'a>) -> Fault<'a> {
        Fault::composed(self.arena, &["expected a bool, found a value of type ", found.type_name()])
    }
}
