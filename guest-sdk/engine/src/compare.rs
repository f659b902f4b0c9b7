//! Equality and order, across the number types.

use core::cmp::Ordering;

use crate::eval::Machine;
use crate::fault::{Fault, Res};
use crate::value::{Map, Value};
use crate::{cost, json};

impl<'a> Machine<'a> {
    /// `a == b`: false, not an error, for values of different types.
    pub(crate) fn equal(&mut self, a: Value<'a>, b: Value<'a>) -> Res<'a, bool> {
        self.equal_nested(a, b, 2 * json::MAX_DEPTH)
    }

    fn equal_nested(&mut self, a: Value<'a>, b: Value<'a>, depth: u32) -> Res<'a, bool> {
        let Some(below) = depth.checked_sub(1) else { return Err(Fault::depth()) };
        Ok(match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::String(a), Value::String(b)) => {
                self.meter.spend(cost::traversal(a.len().min(b.len())))?;
                a == b
            }
            (Value::Bytes(a), Value::Bytes(b)) => {
                self.meter.spend(cost::traversal(a.len().min(b.len())))?;
                a == b
            }
            (Value::Type(a), Value::Type(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Opaque(a), Value::Opaque(b)) => a.same(b),
            (Value::Optional(None), Value::Optional(None)) => true,
            (Value::Optional(Some(a)), Value::Optional(Some(b))) => self.equal_nested(*a, *b, below)?,
            (Value::List(a), Value::List(b)) => {
                let (a, b) = (a.items(self.arena)?, b.items(self.arena)?);
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b) {
                    self.meter.spend(1)?;
                    if !self.equal_nested(*a, *b, below)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(a), Value::Map(b)) => self.equal_maps(a, b, below)?,
            (a, b) => numbers(&a, &b) == Some(Some(Ordering::Equal)),
        })
    }

    fn equal_maps(&mut self, a: Map<'a>, b: Map<'a>, below: u32) -> Res<'a, bool> {
        let len = a.len(self.arena)?;
        if len != b.len(self.arena)? {
            return Ok(false);
        }
        for at in 0..len {
            self.meter.spend(1)?;
            let Some((key, value)) = a.entry(self.arena, at)? else { break };
            let Some(key) = key.key() else { return Ok(false) };
            let Some(other) = b.get(self.arena, key)? else { return Ok(false) };
            if !self.equal_nested(value, other, below)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The order of two numbers: outer none if one is not a number, inner none if one is NaN.
///
/// As in cel-go an integer is compared with a double after becoming one, unless the double is out of its range.
pub(crate) fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    Some(match (*a, *b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
        (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(&b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(&b),
        (Value::Int(a), Value::Uint(b)) => Some(u64::try_from(a).map_or(Ordering::Less, |a| a.cmp(&b))),
        (Value::Uint(a), Value::Int(b)) => Some(u64::try_from(b).map_or(Ordering::Greater, |b| a.cmp(&b))),
        (Value::Int(a), Value::Double(b)) => (a as f64).partial_cmp(&b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(b as f64)),
        (Value::Uint(a), Value::Double(b)) => (a as f64).partial_cmp(&b),
        (Value::Double(a), Value::Uint(b)) => a.partial_cmp(&(b as f64)),
        _ => return None,
    })
}

/// The order of two values: outer none if their types have no order, inner none if one is NaN.
pub(crate) fn order(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(Some(a.cmp(b))),
        (Value::String(a), Value::String(b)) => Some(Some(a.cmp(b))),
        (Value::Bytes(a), Value::Bytes(b)) => Some(Some(a.cmp(b))),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(Some(a.cmp(b))),
        (Value::Duration(a), Value::Duration(b)) => Some(Some(a.cmp(b))),
        (a, b) => numbers(a, b),
    }
}
