//! `a.b`, `a.?b`, `has(a.b)`, `a[b]`, `a[?b]`.

use orkestra_program::model::Select;

use super::Machine;
use crate::fault::{Fault, Res};
use crate::value::{Key, Value};

impl<'a> Machine<'a> {
    #[inline(never)]
    pub(super) fn select(&mut self, operand: Value<'a>, field: &'a str, mode: Select) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        // Selecting from an optional gives an optional: `a.?b.c` is `a.?b.?c`.
        let (operand, mode) = match (operand, mode) {
            (Value::Optional(None), Select::Test) => return Ok(Value::Bool(false)),
            (Value::Optional(None), _) => return Ok(operand),
            (Value::Optional(Some(inner)), Select::Strict) => (*inner, Select::Optional),
            (Value::Optional(Some(inner)), mode) => (*inner, mode),
            other => other,
        };
        let Value::Map(map) = operand else {
            return Err(Fault::composed(
                self.arena,
                &["no such key: `", field, "`: a value of type ", operand.type_name(), " has no fields"],
            ));
        };
        let found = map.get(self.arena, Key::Text(field))?;
        match (mode, found) {
            (Select::Test, found) => Ok(Value::Bool(found.is_some())),
            (Select::Strict, Some(value)) => Ok(value),
            (Select::Strict, None) => Err(Fault::composed(self.arena, &["no such key: `", field, "`"])),
            (Select::Optional, Some(value)) => Ok(Value::some(self.arena, value)),
            (Select::Optional, None) => Ok(Value::NONE),
        }
    }

    #[inline(never)]
    pub(super) fn index(&mut self, operand: Value<'a>, index: Value<'a>, optional: bool) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        let (operand, optional) = match operand {
            Value::Optional(None) => return Ok(operand),
            Value::Optional(Some(inner)) => (*inner, true),
            operand => (operand, optional),
        };
        let found = match (operand, index.key()) {
            (Value::Map(map), Some(key)) => map.get(self.arena, key)?,
            (Value::Map(_), None) if matches!(index, Value::Double(_)) => None,
            (Value::List(list), Some(Key::Int(at))) => {
                let items = list.items(self.arena)?;
                usize::try_from(at).ok().and_then(|at| items.get(at)).copied()
            }
            (Value::List(_), Some(Key::Uint(_))) => None,
            _ => return Err(self.no_overload("_[_]", &[operand, index])),
        };
        match (found, optional) {
            (Some(value), false) => Ok(value),
            (Some(value), true) => Ok(Value::some(self.arena, value)),
            (None, true) => Ok(Value::NONE),
            (None, false) if matches!(operand, Value::List(_)) => self.error("index out of bounds"),
            (None, false) => self.error("no such key"),
        }
    }
}
