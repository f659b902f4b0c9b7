//! Optional values.

use orkestra_program::function::Function;

use super::Called;
use crate::eval::Machine;
use crate::fault::Res;
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    Ok(Some(match (function, arguments) {
        (Function::OptionalNone, []) => Value::NONE,
        (Function::OptionalOf, [value]) => Value::some(m.arena, *value),
        (Function::OptionalOfNonZeroValue, [value]) => {
            if is_zero(m, *value)? {
                Value::NONE
            } else {
                Value::some(m.arena, *value)
            }
        }
        (Function::HasValue, [Value::Optional(inner)]) => Value::Bool(inner.is_some()),
        (Function::Value, [Value::Optional(Some(inner))]) => **inner,
        (Function::Value, [Value::Optional(None)]) => {
            return m.error("an optional without a value has been asked for it");
        }
        (Function::Or, [first @ Value::Optional(Some(_)), Value::Optional(_)]) => *first,
        (Function::Or, [Value::Optional(None), other @ Value::Optional(_)]) => *other,
        (Function::OrValue, [Value::Optional(Some(inner)), _]) => **inner,
        (Function::OrValue, [Value::Optional(None), other]) => *other,
        _ => return Ok(None),
    }))
}

/// The value of `or` and `orValue` where the first argument alone decides.
pub(super) fn decided<'a>(function: Function, first: Value<'a>) -> Option<Value<'a>> {
    match (function, first) {
        (Function::Or, Value::Optional(Some(_))) => Some(first),
        (Function::OrValue, Value::Optional(Some(inner))) => Some(*inner),
        _ => None,
    }
}

fn is_zero<'a>(m: &Machine<'a>, value: Value<'a>) -> Res<'a, bool> {
    Ok(match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Duration(0) => true,
        Value::Double(value) => value == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.items(m.arena)?.is_empty(),
        Value::Map(map) => map.len(m.arena)? == 0,
        Value::Optional(None) => true,
        _ => false,
    })
}
