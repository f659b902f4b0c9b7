//! Typed JSON: `{"type": "int", "value": "1"}`, the form of values that the evaluator interface takes and gives.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::fault::{Fault, Res};
use crate::json::{MAX_DEPTH, write_string};
use crate::number;
use crate::time::{self, Timestamp};
use crate::value::{BuiltMap, Key, List, Value};

/// The value that typed JSON stands for.
pub(crate) fn read<'a>(arena: &'a Bump, typed: Value<'a>) -> Res<'a, Value<'a>> {
    read_nested(arena, typed, MAX_DEPTH)
}

fn read_nested<'a>(arena: &'a Bump, typed: Value<'a>, depth: u32) -> Res<'a, Value<'a>> {
    let malformed = |what: &str| Fault::input(arena, &["bindings holds a typed value that can't be read: ", what]);
    let Some(below) = depth.checked_sub(1) else { return Err(malformed("it is nested too deeply")) };
    let Value::Map(typed) = typed else { return Err(malformed("it is not an object")) };
    let Some(Value::String(kind)) = typed.get(arena, Key::Text("type"))? else {
        return Err(malformed("it has no `type`"));
    };
    let value = typed.get(arena, Key::Text("value"))?.unwrap_or(Value::Null);
    let read = match (kind, value) {
        ("null", Value::Null) => Some(Value::Null),
        ("bool", Value::Bool(_)) | ("int", Value::Int(_)) | ("double", Value::Double(_)) => Some(value),
        ("int", Value::String(text)) => number::parse_int(text).map(Value::Int),
        ("uint", Value::String(text)) => number::parse_uint(text).map(Value::Uint),
        ("uint", Value::Int(value)) => u64::try_from(value).ok().map(Value::Uint),
        ("double", Value::String(text)) => text.parse().ok().map(Value::Double),
        ("double", Value::Int(value)) => Some(Value::Double(value as f64)),
        ("string", Value::String(_)) => Some(value),
        ("bytes", Value::String(hex)) => bytes(arena, hex),
        ("type", Value::String(name)) => Some(Value::Type(name)),
        ("timestamp", Value::String(text)) => Timestamp::parse(text).map(Value::Timestamp),
        ("duration", Value::String(text)) => time::parse_duration(text).map(Value::Duration),
        ("list", Value::List(list)) => {
            let mut items = BumpVec::new_in(arena);
            for item in list.items(arena)? {
                items.push(read_nested(arena, *item, below)?);
            }
            Some(Value::List(List::Built(items.into_bump_slice())))
        }
        ("map", Value::List(list)) => {
            let mut entries = BumpVec::new_in(arena);
            for pair in list.items(arena)? {
                let Value::List(pair) = pair else { return Err(malformed("a map's entry is not a pair")) };
                let [key, value] = pair.items(arena)? else { return Err(malformed("a map's entry is not a pair")) };
                entries.push((read_nested(arena, *key, below)?, read_nested(arena, *value, below)?));
            }
            Some(Value::Map(BuiltMap::build(arena, entries.into_bump_slice())?))
        }
        ("optional", Value::List(list)) => match list.items(arena)? {
            [] => Some(Value::NONE),
            [value] => Some(Value::some(arena, read_nested(arena, *value, below)?)),
            _ => None,
        },
        _ => None,
    };
    read.ok_or_else(|| malformed("its `value` does not fit its `type`"))
}

fn bytes<'a>(arena: &'a Bump, hex: &str) -> Option<Value<'a>> {
    let mut bytes = BumpVec::with_capacity_in(hex.len() / 2, arena);
    let mut digits = hex.chars();
    while let Some(high) = digits.next() {
        let low = digits.next()?;
        bytes.push((high.to_digit(16)? * 16 + low.to_digit(16)?) as u8);
    }
    Some(Value::Bytes(bytes.into_bump_slice()))
}

/// Writes a value as typed JSON.
pub(crate) fn write<'a>(arena: &'a Bump, out: &mut Vec<u8>, value: Value<'a>) -> Res<'a, ()> {
    write_nested(arena, out, value, 2 * MAX_DEPTH)
}

fn write_nested<'a>(arena: &'a Bump, out: &mut Vec<u8>, value: Value<'a>, depth: u32) -> Res<'a, ()> {
    let Some(below) = depth.checked_sub(1) else { return Err(Fault::depth()) };
    let kind = match value {
        Value::Null => "null",
        Value::Timestamp(_) => "timestamp",
        Value::Duration(_) => "duration",
        Value::Optional(_) => "optional",
        other => other.type_name(),
    };
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"value\":");
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::Int(value) => quoted(out, |out| number::put_int(out, value)),
        Value::Uint(value) => quoted(out, |out| number::put_uint(out, value)),
        Value::Double(value) => quoted(out, |out| number::put_double(out, value)),
        Value::String(text) | Value::Type(text) => write_string(out, text),
        Value::Bytes(bytes) => quoted(out, |out| {
            for byte in bytes {
                for digit in [byte >> 4, byte & 15] {
                    out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
                }
            }
        }),
        Value::Timestamp(timestamp) => quoted(out, |out| timestamp.put(out)),
        Value::Duration(nanos) => quoted(out, |out| time::put_seconds(out, nanos)),
        // Those without a text are told apart by their types only.
        Value::Opaque(value) => quoted(out, |out| {
            value.put(out);
        }),
        Value::Optional(inner) => {
            out.push(b'[');
            if let Some(inner) = inner {
                write_nested(arena, out, *inner, below)?;
            }
            out.push(b']');
        }
        Value::List(list) => {
            out.push(b'[');
            for (at, item) in list.items(arena)?.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_nested(arena, out, *item, below)?;
            }
            out.push(b']');
        }
        Value::Map(map) => {
            out.push(b'[');
            let mut at = 0;
            while let Some((key, value)) = map.entry(arena, at)? {
                out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
                write_nested(arena, out, key, below)?;
                out.push(b',');
                write_nested(arena, out, value, below)?;
                out.push(b']');
                at += 1;
            }
            out.push(b']');
        }
    }
    out.push(b'}');
    Ok(())
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}
