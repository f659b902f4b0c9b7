//! The strings library: positions, parts, joining and splitting. Positions are counted in code points.
//!
//! Work costs what Kubernetes charges for it: once through the string, twice where a result is built. What makes a result
//! longer than its string is charged too, before it is built.

use bumpalo::collections::{String, Vec};
use orkestra_program::function::Function;

use super::{Called, lists};
use crate::eval::Machine;
use crate::fault::Res;
use crate::value::{List, Value};

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match *arguments {
        [Value::List(_), _] if matches!(function, Function::IndexOf | Function::LastIndexOf) => {
            lists::call(m, function, arguments)
        }
        [Value::List(list)] if function == Function::Join => join(m, list, ""),
        [Value::List(list), Value::String(separator)] if function == Function::Join => join(m, list, separator),
        [Value::String(text), ..] => {
            let rest = arguments.get(1..).unwrap_or_default();
            m.spend_traversal(text.len())?;
            of_text(m, function, text, rest)
        }
        _ => Ok(None),
    }
}

fn of_text<'a>(m: &mut Machine<'a>, function: Function, text: &'a str, rest: &[Value<'a>]) -> Called<'a> {
    Ok(Some(match (function, rest) {
        (Function::CharAt, [Value::Int(position)]) => {
            let at = in_range(m, byte_at(text, *position))?;
            Value::String(text.get(at..).and_then(|rest| rest.get(..rest.chars().next()?.len_utf8())).unwrap_or(""))
        }
        (Function::IndexOf, [Value::String(part)]) => Value::Int(in_range(m, index_of(text, part, 0))?),
        (Function::IndexOf, [Value::String(part), Value::Int(from)]) => {
            Value::Int(in_range(m, index_of(text, part, *from))?)
        }
        (Function::LastIndexOf, [Value::String(part)]) => Value::Int(position_of(text, text.rfind(part))),
        (Function::LastIndexOf, [Value::String(part), Value::Int(from)]) => {
            Value::Int(in_range(m, last_index_of(text, part, *from))?)
        }
        (Function::LowerAscii, []) => changed(m, text, |text| text.make_ascii_lowercase()),
        (Function::UpperAscii, []) => changed(m, text, |text| text.make_ascii_uppercase()),
        (Function::Replace, [Value::String(old), Value::String(new)]) => replace(m, text, old, new, usize::MAX)?,
        (Function::Replace, [Value::String(old), Value::String(new), Value::Int(count)]) => {
            replace(m, text, old, new, at_most(*count))?
        }
        (Function::Split, [Value::String(separator)]) => split(m, text, separator, usize::MAX)?,
        (Function::Split, [Value::String(separator), Value::Int(count)]) => split(m, text, separator, at_most(*count))?,
        (Function::Substring, [Value::Int(from)]) => {
            let from = in_range(m, byte_at(text, *from))?;
            Value::String(text.get(from..).unwrap_or_default())
        }
        (Function::Substring, [Value::Int(from), Value::Int(to)]) => {
            if from > to {
                return m.error("the part of the string ends before it begins");
            }
            let (from, to) = (in_range(m, byte_at(text, *from))?, in_range(m, byte_at(text, *to))?);
            Value::String(text.get(from..to).unwrap_or_default())
        }
        (Function::Trim, []) => Value::String(text.trim()),
        (Function::Reverse, []) => Value::String(String::from_iter_in(text.chars().rev(), m.arena).into_bump_str()),
        (Function::Quote, []) => {
            m.spend_traversal(text.len())?;
            let mut quoted = String::with_capacity_in(text.len() + 2, m.arena);
            quote(text, |part| quoted.push_str(part));
            Value::String(quoted.into_bump_str())
        }
        _ => return Ok(None),
    }))
}

fn in_range<'a, T>(m: &Machine<'a>, value: Option<T>) -> Res<'a, T> {
    value.map_or_else(|| m.error("the position is outside of the string"), Ok)
}

/// A count that a negative number leaves open.
fn at_most(count: i64) -> usize {
    if count < 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) }
}

/// The byte at which a code point begins. The position behind the last one is in range.
fn byte_at(text: &str, position: i64) -> Option<usize> {
    let position = usize::try_from(position).ok()?;
    if text.is_ascii() {
        return (position <= text.len()).then_some(position);
    }
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(position)
}

/// The position of the code point at a byte; -1 for none.
fn position_of(text: &str, byte: Option<usize>) -> i64 {
    match byte.and_then(|byte| text.get(..byte)) {
        Some(before) => before.chars().count() as i64,
        None => -1,
    }
}

/// Where a part begins at a position or later; -1 where it does not, and none for a position that is out of range.
fn index_of(text: &str, part: &str, from: i64) -> Option<i64> {
    let start = byte_at(text, from)?;
    Some(match text.get(start..)?.find(part) {
        Some(at) => position_of(text, Some(start + at)),
        None => -1,
    })
}

/// Where a part begins at a position or earlier.
fn last_index_of(text: &str, part: &str, from: i64) -> Option<i64> {
    let last = byte_at(text, from)?;
    // A part that begins at the last position ends here; inside of a code point none can end.
    let mut end = last.saturating_add(part.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Some(position_of(text, text.get(..end)?.rfind(part)))
}

fn changed<'a>(m: &Machine<'a>, text: &str, change: impl FnOnce(&mut str)) -> Value<'a> {
    let text = m.arena.alloc_str(text);
    change(text);
    Value::String(text)
}

/// Charges for a text that is built, besides the one that it is built from.
fn spend_result<'a>(m: &mut Machine<'a>, source: usize, result: u64) -> Res<'a, ()> {
    m.meter.spend(result.max(source as u64).div_ceil(10))
}

fn replace<'a>(m: &mut Machine<'a>, text: &'a str, old: &str, new: &str, count: usize) -> Res<'a, Value<'a>> {
    let found = text.match_indices(old).take(count).count() as u64;
    if found == 0 {
        spend_result(m, text.len(), 0)?;
        return Ok(Value::String(text));
    }
    let len = (text.len() as u64).saturating_add(found.saturating_mul(new.len() as u64)) - found * old.len() as u64;
    spend_result(m, text.len(), len)?;
    let mut result = String::with_capacity_in(usize::try_from(len).unwrap_or(0), m.arena);
    let mut done = 0;
    for (at, matched) in text.match_indices(old).take(count) {
        result.push_str(text.get(done..at).unwrap_or_default());
        result.push_str(new);
        done = at + matched.len();
    }
    result.push_str(text.get(done..).unwrap_or_default());
    Ok(Value::String(result.into_bump_str()))
}

/// Splits into at most so many parts, the last of which is the rest.
fn split<'a>(m: &mut Machine<'a>, text: &'a str, separator: &str, count: usize) -> Res<'a, Value<'a>> {
    spend_result(m, text.len(), 0)?;
    let mut parts = Vec::new_in(m.arena);
    if separator.is_empty() {
        // Into code points, of which an empty string has none.
        let mut rest = text;
        while let Some(first) = rest.chars().next()
            && parts.len() < count
        {
            let len = if parts.len() + 1 == count { rest.len() } else { first.len_utf8() };
            let (part, after) = rest.split_at(len);
            parts.push(Value::String(part));
            rest = after;
        }
    } else {
        parts.extend(text.splitn(count, separator).map(Value::String));
    }
    Ok(Value::List(List::Built(parts.into_bump_slice())))
}

fn join<'a>(m: &mut Machine<'a>, list: List<'a>, separator: &str) -> Called<'a> {
    let items = list.items(m.arena)?;
    let mut len = (items.len() as u64).saturating_sub(1).saturating_mul(separator.len() as u64);
    for item in items {
        let Value::String(text) = item else { return m.error("only strings can be joined") };
        len = len.saturating_add(text.len() as u64);
    }
    m.meter.spend(len.saturating_mul(2).div_ceil(10).max(items.len() as u64 / 10))?;
    let mut result = String::with_capacity_in(usize::try_from(len).unwrap_or(0), m.arena);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            result.push_str(separator);
        }
        if let Value::String(text) = item {
            result.push_str(text);
        }
    }
    Ok(Some(Value::String(result.into_bump_str())))
}

/// The text as a literal of CEL, in parts.
fn quote(text: &str, mut put: impl FnMut(&str)) {
    put("\"");
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            0x07 => "\\a",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x0b => "\\v",
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => continue,
        };
        put(text.get(done..at).unwrap_or_default());
        put(escaped);
        done = at + 1;
    }
    put(text.get(done..).unwrap_or_default());
    put("\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_code_points() {
        assert_eq!(index_of("ta©o©αT", "©", 3), Some(4));
        assert_eq!(index_of("ta©o©αT", "©α", 5), Some(-1));
        assert_eq!(last_index_of("ta©o©αT", "©", 4), Some(4));
        assert_eq!(last_index_of("ta©o©αT", "©", 3), Some(2));
        assert_eq!(last_index_of("aα", "ab", 0), Some(-1), "the search ends inside of a code point");
    }

    #[test]
    fn the_position_behind_the_string_is_in_range_and_no_other_one() {
        for (from, found) in [(3, Some(-1)), (4, None), (-1, None), (i64::MAX, None), (i64::MIN, None)] {
            assert_eq!(index_of("abc", "a", from), found, "{from}");
        }
        assert_eq!(last_index_of("abc", "a", 3), Some(0));
        assert_eq!(last_index_of("abc", "a", 4), None);
        assert_eq!(index_of("", "a", 0), Some(-1));
    }

    #[test]
    fn nothing_is_found_everywhere() {
        assert_eq!(index_of("αβ", "", 1), Some(1));
        assert_eq!(last_index_of("αβ", "", 1), Some(1));
        assert_eq!(last_index_of("αβ", "", 2), Some(2));
    }

    #[test]
    fn quoted_text() {
        let quoted = |text: &str| {
            let mut all = std::string::String::new();
            quote(text, |part| all.push_str(part));
            all
        };
        assert_eq!(quoted(""), r#""""#);
        assert_eq!(quoted("\x07\x08\x0c\n\r\t\x0b\\\""), r#""\a\b\f\n\r\t\v\\\"""#);
        assert_eq!(quoted("ta©\u{1}"), "\"ta©\u{1}\"");
    }
}
