//! Equality of JSON values.

use crate::eval::Machine;
use crate::fault::Res;
use crate::json::MAX_DEPTH;
use crate::value::{Key, List, Map, Value};

/// Whether two values are the same. Numbers are by value, objects whatever the order of their members.
pub(super) fn same<'a>(m: &mut Machine<'a>, a: Option<Value<'a>>, b: Option<Value<'a>>) -> Res<'a, bool> {
    match (a, b) {
        (None, None) => Ok(true),
        (Some(a), Some(b)) => nested(m, a, b, MAX_DEPTH),
        _ => Ok(false),
    }
}

/// Whether two values of the request have the same text.
pub(super) fn identical<'a>(a: Value<'a>, b: Value<'a>) -> bool {
    match (a, b) {
        // What was copied lies at the same place; a look at its text is not needed.
        (Value::Map(Map::Json(a)), Value::Map(Map::Json(b))) => core::ptr::eq(a, b) || a.raw() == b.raw(),
        (Value::List(List::Json(a)), Value::List(List::Json(b))) => core::ptr::eq(a, b) || a.raw() == b.raw(),
        _ => false,
    }
}

fn nested<'a>(m: &mut Machine<'a>, a: Value<'a>, b: Value<'a>, depth: u32) -> Res<'a, bool> {
    m.meter.spend(1)?;
    let Some(below) = depth.checked_sub(1) else { return Ok(false) };
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Double(a), Value::Double(b)) => a == b,
        (Value::Int(whole), Value::Double(double)) | (Value::Double(double), Value::Int(whole)) => {
            whole as f64 == double
        }
        (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) if identical(a, b) => true,
        (Value::List(a), Value::List(b)) => {
            let (a, b) = (a.items(m.arena)?, b.items(m.arena)?);
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !nested(m, *a, *b, below)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.len(m.arena)? != b.len(m.arena)? {
                return Ok(false);
            }
            let mut at = 0;
            while let Some((key, value)) = a.entry(m.arena, at)? {
                at += 1;
                let Value::String(key) = key else { return Ok(false) };
                match b.get(m.arena, Key::Text(key))? {
                    Some(other) if nested(m, value, other, below)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        _ => false,
    })
}
