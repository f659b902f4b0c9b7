//! `format`: text with clauses as `%s` and `%.2f`, filled from a list.

use core::str::from_utf8;

use super::Called;
use crate::eval::Machine;
use crate::fault::{Fault, Res};
use crate::json::MAX_DEPTH;
use crate::number::{put_exponential, put_fixed, put_int, put_plain_double, put_uint};
use crate::time;
use crate::value::{Map, Value};

/// Digits after the point where the clause does not say how many.
const PRECISION: usize = 6;
/// The most that a clause may ask for.
const MAX_PRECISION: usize = 1000;

pub(super) fn call<'a>(m: &mut Machine<'a>, arguments: &[Value<'a>]) -> Called<'a> {
    let [Value::String(template), Value::List(list)] = *arguments else { return Ok(None) };
    m.spend_traversal(template.len())?;
    let mut values = list.items(m.arena)?.iter();
    let mut out = Vec::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, clause)) = rest.split_once('%') {
        out.extend_from_slice(before.as_bytes());
        let (precision, after) = precision(m, clause)?;
        let Some((verb, after)) = after.split_at_checked(1) else {
            return m.error("the format ends inside of a clause, or names one that does not exist");
        };
        rest = after;
        if verb == "%" {
            out.push(b'%');
            continue;
        }
        if !matches!(verb, "s" | "d" | "f" | "e" | "b" | "o" | "x" | "X") {
            return m.error("the format has a clause that is none of `%s %d %f %e %b %o %x %X %%`");
        }
        let Some(value) = values.next() else { return m.error("the format has more clauses than there are values") };
        let start = out.len();
        if verb == "s" {
            put_text(m, &mut out, *value, MAX_DEPTH)?;
        } else {
            put_number(m, &mut out, *value, verb, precision)?;
            m.spend_traversal(out.len() - start)?;
        }
    }
    out.extend_from_slice(rest.as_bytes());
    // What was put in is text, all of it.
    Ok(Some(Value::String(m.arena.alloc_str(from_utf8(&out).unwrap_or_default()))))
}

/// The digits that a clause asks for, and what follows them.
fn precision<'a>(m: &Machine<'a>, clause: &'a str) -> Res<'a, (usize, &'a str)> {
    let Some(digits) = clause.strip_prefix('.') else { return Ok((PRECISION, clause)) };
    let after = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let digits = digits.get(..digits.len() - after.len()).unwrap_or_default();
    match digits.parse() {
        Ok(precision) if precision <= MAX_PRECISION => Ok((precision, after)),
        _ => m.error("the precision of a clause is not a number from 0 to 1000"),
    }
}

fn put_number<'a>(m: &Machine<'a>, out: &mut Vec<u8>, value: Value<'a>, verb: &str, precision: usize) -> Res<'a, ()> {
    match (verb, value) {
        ("d", Value::Int(value)) => put_int(out, value),
        ("d", Value::Uint(value)) => put_uint(out, value),
        ("d", Value::Double(value)) => put_plain_double(out, value),
        ("f", Value::Int(value)) => put_fixed(out, value as f64, precision),
        ("f", Value::Uint(value)) => put_fixed(out, value as f64, precision),
        ("f", Value::Double(value)) => put_fixed(out, value, precision),
        ("e", Value::Int(value)) => put_exponential(out, value as f64, precision),
        ("e", Value::Uint(value)) => put_exponential(out, value as f64, precision),
        ("e", Value::Double(value)) => put_exponential(out, value, precision),
        ("b", Value::Bool(value)) => out.push(b'0' + u8::from(value)),
        ("b" | "o" | "x" | "X", Value::Int(value)) => {
            if value < 0 {
                out.push(b'-');
            }
            put_radix(out, value.unsigned_abs(), verb);
        }
        ("b" | "o" | "x" | "X", Value::Uint(value)) => put_radix(out, value, verb),
        ("x" | "X", Value::String(text)) => put_hex(out, text.as_bytes(), verb == "X"),
        ("x" | "X", Value::Bytes(bytes)) => put_hex(out, bytes, verb == "X"),
        _ => return Err(Fault::composed(m.arena, &["`%", verb, "` cannot show a value of type ", value.type_name()])),
    }
    Ok(())
}

fn digit(value: u8, upper: bool) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ if upper => b'A' + (value - 10),
        _ => b'a' + (value - 10),
    }
}

fn put_radix(out: &mut Vec<u8>, mut value: u64, verb: &str) {
    let bits = match verb {
        "b" => 1,
        "o" => 3,
        _ => 4,
    };
    let start = out.len();
    loop {
        out.push(digit((value & ((1 << bits) - 1)) as u8, verb == "X"));
        value >>= bits;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

fn put_hex(out: &mut Vec<u8>, bytes: &[u8], upper: bool) {
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4, upper), digit(byte & 15, upper)]));
}

/// `%s`: the text of any value, inside of lists and maps as well.
fn put_text<'a>(m: &mut Machine<'a>, out: &mut Vec<u8>, value: Value<'a>, depth: u32) -> Res<'a, ()> {
    let start = out.len();
    match value {
        Value::List(list) => {
            let Some(below) = depth.checked_sub(1) else { return Err(Fault::depth()) };
            out.push(b'[');
            for (at, item) in list.items(m.arena)?.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                put_text(m, out, *item, below)?;
            }
            out.push(b']');
            return m.meter.spend(1);
        }
        Value::Map(map) => {
            let Some(below) = depth.checked_sub(1) else { return Err(Fault::depth()) };
            put_map(m, out, map, below)?;
            return m.meter.spend(1);
        }
        value => put_scalar(m, out, value)?,
    }
    m.spend_traversal(out.len() - start)
}

#[inline(never)]
fn put_scalar<'a>(m: &Machine<'a>, out: &mut Vec<u8>, value: Value<'a>) -> Res<'a, ()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::Int(value) => put_int(out, value),
        Value::Uint(value) => put_uint(out, value),
        Value::Double(value) => put_plain_double(out, value),
        Value::String(text) | Value::Type(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => match from_utf8(bytes) {
            Ok(text) => out.extend_from_slice(text.as_bytes()),
            Err(_) => return m.error("the bytes are not UTF-8"),
        },
        Value::Timestamp(timestamp) => timestamp.put(out),
        Value::Duration(nanos) => time::put_seconds(out, nanos),
        _ => return Err(Fault::composed(m.arena, &["`%s` cannot show a value of type ", value.type_name()])),
    }
    Ok(())
}

/// Entries in the order of their keys' texts.
#[inline(never)]
fn put_map<'a>(m: &mut Machine<'a>, out: &mut Vec<u8>, map: Map<'a>, below: u32) -> Res<'a, ()> {
    let mut entries: Vec<(Vec<u8>, Value<'a>)> = Vec::new();
    for at in 0..map.len(m.arena)? {
        let Some((key, value)) = map.entry(m.arena, at)? else { break };
        let mut text = Vec::new();
        put_text(m, &mut text, key, 0)?;
        entries.push((text, value));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.push(b'{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(&key);
        out.extend_from_slice(b": ");
        put_text(m, out, value, below)?;
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn radix(value: u64, verb: &str) -> String {
        let mut out = Vec::new();
        put_radix(&mut out, value, verb);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_in_other_bases() {
        assert_eq!(radix(0, "b"), "0");
        assert_eq!(radix(5, "b"), "101");
        assert_eq!(radix(65535, "o"), "177777");
        assert_eq!(radix(6000, "X"), "1770");
        assert_eq!(radix(u64::MAX, "x"), "ffffffffffffffff");
        assert_eq!(radix(u64::MAX, "o"), "1777777777777777777777");
    }

    #[test]
    fn bytes_in_hex() {
        let mut out = Vec::new();
        put_hex(&mut out, &[0, 0xab, 0xff], true);
        assert_eq!(out, b"00ABFF");
    }
}
