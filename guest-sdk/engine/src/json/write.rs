//! Values → JSON text.

use bumpalo::Bump;

use crate::fault::{Fault, Res};
use crate::number;
use crate::time;
use crate::value::{List, Map, Value};

use super::MAX_DEPTH;

/// Writes a string with its quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
        done = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(b'0' + (byte >> 4));
                out.push(HEX.get(usize::from(byte & 15)).copied().unwrap_or(b'0'));
            }
        }
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out.push(b'"');
}

/// Writes a value as JSON: what came from the request as it came; timestamps, durations and bytes as Kubernetes writes
/// them (RFC 3339, Go's duration text, base64).
///
/// # Errors
/// A value that JSON has no form for: NaN, infinity, a type, an optional, a map with keys that are not strings.
pub(crate) fn write_value<'a>(arena: &'a Bump, out: &mut Vec<u8>, value: Value<'a>) -> Res<'a, ()> {
    write_nested(arena, out, value, MAX_DEPTH)
}

fn write_nested<'a>(arena: &'a Bump, out: &mut Vec<u8>, value: Value<'a>, depth: u32) -> Res<'a, ()> {
    let Some(below) = depth.checked_sub(1) else { return Err(Fault::depth()) };
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(value) => number::put_int(out, value),
        Value::Uint(value) => number::put_uint(out, value),
        Value::Double(value) => {
            if !value.is_finite() {
                return Err(Fault::expression(arena, "JSON has no infinity and no NaN"));
            }
            number::put_json_double(out, value);
        }
        Value::String(text) => write_string(out, text),
        Value::Bytes(bytes) => {
            out.push(b'"');
            put_base64(out, bytes);
            out.push(b'"');
        }
        Value::Timestamp(timestamp) => {
            out.push(b'"');
            timestamp.put(out);
            out.push(b'"');
        }
        Value::Duration(nanos) => {
            out.push(b'"');
            time::put_go_duration(out, nanos);
            out.push(b'"');
        }
        Value::List(List::Json(array)) => out.extend_from_slice(array.raw().as_bytes()),
        Value::Map(Map::Json(object)) => out.extend_from_slice(object.raw().as_bytes()),
        Value::List(List::Built(items)) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_nested(arena, out, *item, below)?;
            }
            out.push(b']');
        }
        Value::Map(map @ Map::Built(_)) => {
            out.push(b'{');
            let mut at = 0;
            while let Some((key, value)) = map.entry(arena, at)? {
                if at > 0 {
                    out.push(b',');
                }
                at += 1;
                let Value::String(key) = key else {
                    return Err(Fault::composed(arena, &["JSON has only string keys, not ", key.type_name()]));
                };
                write_string(out, key);
                out.push(b':');
                write_nested(arena, out, value, below)?;
            }
            out.push(b'}');
        }
        Value::Opaque(value) => {
            out.push(b'"');
            if !value.put(out) {
                return Err(Fault::composed(arena, &["JSON has no form for a value of type ", value.type_name()]));
            }
            out.push(b'"');
        }
        Value::Type(_) | Value::Optional(_) => {
            return Err(Fault::composed(arena, &["JSON has no form for a value of type ", value.type_name()]));
        }
    }
    Ok(())
}

/// Writes base64 with padding.
pub(crate) fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (group >> (18 - 6 * place) & 63) as usize;
            let digit = ALPHABET.get(six).copied().unwrap_or(b'=');
            out.push(if place <= chunk.len() { digit } else { b'=' });
        }
    }
}
