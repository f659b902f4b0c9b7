//! Lists, maps, and text with expressions in it.

use bumpalo::collections::Vec;
use orkestra_program::Code;

use super::Machine;
use crate::cost;
use crate::fault::{Fault, Res};
use crate::functions;
use crate::value::{BuiltMap, List, Value};

impl<'a> Machine<'a> {
    #[inline(never)]
    pub(super) fn list(&mut self, count: usize, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        self.meter.spend(cost::LIST)?;
        let mut items = Vec::with_capacity_in(count, self.arena);
        for _ in 0..count {
            let optional = self.flag(code)?;
            let value = self.eval(code)?;
            if let Some(value) = self.unless_none(value, optional)? {
                items.push(value);
            }
        }
        Ok(Value::List(List::Built(items.into_bump_slice())))
    }

    #[inline(never)]
    pub(super) fn map(&mut self, count: usize, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        self.meter.spend(cost::MAP)?;
        let mut entries = Vec::with_capacity_in(count, self.arena);
        for _ in 0..count {
            let optional = self.flag(code)?;
            let key = self.eval(code)?;
            let value = self.eval(code)?;
            if let Some(value) = self.unless_none(value, optional)? {
                entries.push((key, value));
            }
        }
        BuiltMap::build(self.arena, entries.into_bump_slice()).map(Value::Map)
    }

    fn flag(&self, code: &mut Code<'a>) -> Res<'a, bool> {
        code.flag().map_err(|error| self.malformed(error))
    }

    /// The value of `?value`, if there is one; any other value as it is.
    fn unless_none(&self, value: Value<'a>, optional: bool) -> Res<'a, Option<Value<'a>>> {
        match (value, optional) {
            (value, false) => Ok(Some(value)),
            (Value::Optional(inner), true) => Ok(inner.copied()),
            (value, true) => Err(Fault::composed(
                self.arena,
                &["an optional element must be an optional, not a value of type ", value.type_name()],
            )),
        }
    }

    #[inline(never)]
    pub(super) fn concat(&mut self, count: usize, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let mut text = bumpalo::collections::String::new_in(self.arena);
        for _ in 0..count {
            let part = self.eval(code)?;
            let part = functions::scalar_text(self, part)?;
            self.spend_traversal(part.len())?;
            text.push_str(part);
        }
        Ok(Value::String(text.into_bump_str()))
    }
}
