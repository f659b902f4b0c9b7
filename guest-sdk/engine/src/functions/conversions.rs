//! `type`, `dyn`, and the conversions between types.

use bumpalo::Bump;
use orkestra_program::function::Function;

use super::Called;
use crate::eval::Machine;
use crate::fault::{Fault, Res};
use crate::json;
use crate::number;
use crate::time::{self, Timestamp};
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let [value] = *arguments else { return Ok(None) };
    Ok(match function {
        Function::Dyn => Some(value),
        Function::Type => Some(Value::Type(match value {
            // The names of types are values of the type `type`.
            Value::Type(_) => "type",
            value => value.type_name(),
        })),
        Function::Bool => match value {
            Value::Bool(_) => Some(value),
            Value::String(text) => Some(parsed(m, number::parse_bool(text).map(Value::Bool), "bool")?),
            _ => None,
        },
        Function::Int => int(m, value)?,
        Function::Uint => uint(m, value)?,
        Function::Double => match value {
            Value::Double(_) => Some(value),
            Value::Int(value) => Some(Value::Double(value as f64)),
            Value::Uint(value) => Some(Value::Double(value as f64)),
            Value::String(text) => Some(parsed(m, number::parse_double(text).map(Value::Double), "double")?),
            _ => None,
        },
        Function::String => string(m, value)?,
        Function::Bytes => match value {
            Value::Bytes(_) => Some(value),
            Value::String(text) => {
                m.spend_traversal(text.len())?;
                Some(Value::Bytes(text.as_bytes()))
            }
            _ => None,
        },
        Function::Timestamp => match value {
            Value::Timestamp(_) => Some(value),
            Value::Int(seconds) => Some(ranged(m, Timestamp::new(seconds, 0).map(Value::Timestamp))?),
            Value::String(text) => Some(parsed(m, Timestamp::parse(text).map(Value::Timestamp), "timestamp")?),
            _ => None,
        },
        Function::Duration => match value {
            Value::Duration(_) => Some(value),
            Value::String(text) => Some(parsed(m, time::parse_duration(text).map(Value::Duration), "duration")?),
            _ => None,
        },
        _ => None,
    })
}

fn parsed<'a>(m: &Machine<'a>, value: Option<Value<'a>>, kind: &str) -> Res<'a, Value<'a>> {
    value.ok_or_else(|| {
        Fault::composed(m.arena, &["the string is not the text of a ", kind, ", or is out of its range"])
    })
}

fn ranged<'a>(m: &Machine<'a>, value: Option<Value<'a>>) -> Res<'a, Value<'a>> {
    value.map_or_else(|| m.error("range error: the value is out of the range of the type it is converted to"), Ok)
}

fn int<'a>(m: &mut Machine<'a>, value: Value<'a>) -> Called<'a> {
    Ok(match value {
        Value::Int(_) => Some(value),
        Value::Uint(value) => Some(ranged(m, i64::try_from(value).ok().map(Value::Int))?),
        Value::Double(value) => Some(ranged(m, number::double_to_int(value).map(Value::Int))?),
        Value::String(text) => Some(parsed(m, number::parse_int(text).map(Value::Int), "int")?),
        Value::Timestamp(timestamp) => Some(Value::Int(timestamp.seconds())),
        _ => None,
    })
}

fn uint<'a>(m: &mut Machine<'a>, value: Value<'a>) -> Called<'a> {
    Ok(match value {
        Value::Uint(_) => Some(value),
        Value::Int(value) => Some(ranged(m, u64::try_from(value).ok().map(Value::Uint))?),
        Value::Double(value) => Some(ranged(m, number::double_to_uint(value).map(Value::Uint))?),
        Value::String(text) => Some(parsed(m, number::parse_uint(text).map(Value::Uint), "uint")?),
        _ => None,
    })
}

fn string<'a>(m: &mut Machine<'a>, value: Value<'a>) -> Called<'a> {
    Ok(Some(Value::String(match value {
        Value::Bytes(bytes) => {
            m.spend_traversal(bytes.len())?;
            match core::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return m.error("the bytes are not UTF-8"),
            }
        }
        Value::Type(name) => name,
        Value::Duration(nanos) => written(m.arena, |out| time::put_seconds(out, nanos)),
        value => match plain_text(m.arena, value) {
            Some(text) => text,
            None => return Ok(None),
        },
    })))
}

/// The text of a scalar where a template asks for text: in a string with expressions, or as a string field.
pub(crate) fn scalar_text<'a>(m: &Machine<'a>, value: Value<'a>) -> Res<'a, &'a str> {
    let text = match value {
        Value::Bytes(bytes) => Some(written(m.arena, |out| json::put_base64(out, bytes))),
        Value::Duration(nanos) => Some(written(m.arena, |out| time::put_go_duration(out, nanos))),
        value => plain_text(m.arena, value),
    };
    text.ok_or_else(|| {
        Fault::composed(m.arena, &["expected a value that has a text, found one of type ", value.type_name()])
    })
}

fn plain_text<'a>(arena: &'a Bump, value: Value<'a>) -> Option<&'a str> {
    Some(match value {
        Value::String(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Int(value) => written(arena, |out| number::put_int(out, value)),
        Value::Uint(value) => written(arena, |out| number::put_uint(out, value)),
        Value::Double(value) => written(arena, |out| number::put_double(out, value)),
        Value::Timestamp(timestamp) => written(arena, |out| timestamp.put(out)),
        Value::Opaque(value) => {
            let mut has_text = false;
            let text = written(arena, |out| has_text = value.put(out));
            return has_text.then_some(text);
        }
        _ => return None,
    })
}

pub(super) fn written(arena: &Bump, write: impl FnOnce(&mut Vec<u8>)) -> &str {
    let mut out = Vec::with_capacity(32);
    write(&mut out);
    // Numbers, times and base64 are ASCII but for the micro sign, which is whole.
    arena.alloc_str(core::str::from_utf8(&out).unwrap_or_default())
}
