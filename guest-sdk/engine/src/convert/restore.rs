//! Puts back what was kept, as far as it still fits.
//!
//! An entry counts where the value at its place is what the way back made of it when it was kept: somebody who changed it since
//! wins. It must be of the place's type, and makes no object that is not there. Whether it shows in the version that the object
//! comes from is looked at afterwards, by whoever calls.

use orkestra_program::Code;

use crate::cost;
use crate::eval::Machine;
use crate::fault::Res;
use crate::json::{MAX_DEPTH, write_string, write_value};
use crate::value::{Key, Map, Value};

use super::fits::{field, fits, items};
use super::kept::{Entry, What};
use super::same::same;

/// Writes an object with entries put back.
pub(super) fn restore<'a>(
    m: &mut Machine<'a>,
    schema: Code<'a>,
    root: Value<'a>,
    entries: &[Entry<'a>],
    out: &mut Vec<u8>,
) -> Res<'a, ()> {
    let all: Vec<&Entry<'a>> = entries.iter().collect();
    if !value(m, Some(schema), Some(root), &all, 0, out)? {
        out.extend_from_slice(b"{}");
    }
    Ok(())
}

/// Writes a value with the entries at or below it. False: it is absent, and nothing was written.
fn value<'a>(
    m: &mut Machine<'a>,
    schema: Option<Code<'a>>,
    found: Option<Value<'a>>,
    entries: &[&Entry<'a>],
    depth: usize,
    out: &mut Vec<u8>,
) -> Res<'a, bool> {
    m.meter.spend(1 + entries.len() as u64)?;
    if let Some(entry) = entries.iter().find(|entry| entry.at.len() == depth) {
        return here(m, schema, found, entry, out);
    }
    let Some(found) = found else { return Ok(false) };
    match found {
        _ if entries.is_empty() || depth >= MAX_DEPTH as usize => copy(m, found, out)?,
        Value::Map(object) => object_with(m, schema, object, entries, depth, out)?,
        Value::List(list) => {
            let below = match schema {
                Some(schema) => items(m, schema)?.map(|(_, schema)| schema),
                None => None,
            };
            out.push(b'[');
            for (number, item) in list.items(m.arena)?.iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                let mut inside = Vec::new();
                for entry in entries {
                    if is_item(m, entry.at.get(depth), *item)? {
                        inside.push(*entry);
                    }
                }
                if !value(m, below, Some(*item), &inside, depth + 1, out)? {
                    copy(m, *item, out)?;
                }
            }
            out.push(b']');
        }
        _ => copy(m, found, out)?,
    }
    Ok(true)
}

fn object_with<'a>(
    m: &mut Machine<'a>,
    schema: Option<Code<'a>>,
    object: Map<'a>,
    entries: &[&Entry<'a>],
    depth: usize,
    out: &mut Vec<u8>,
) -> Res<'a, ()> {
    let key_of = |entry: &Entry<'a>| match entry.at.get(depth) {
        Some(Value::String(key)) => Some(*key),
        _ => None,
    };
    out.push(b'{');
    let first = out.len();
    let mut keys = Vec::new();
    let mut at = 0;
    while let Some((key, _)) = object.entry(m.arena, at)? {
        at += 1;
        if let Value::String(key) = key {
            keys.push(key);
        }
    }
    for entry in entries {
        if let Some(key) = key_of(entry)
            && object.get(m.arena, Key::Text(key))?.is_none()
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    for key in keys {
        let inside: Vec<&Entry<'a>> = entries.iter().filter(|entry| key_of(entry) == Some(key)).copied().collect();
        let below = match schema {
            Some(schema) => field(m, schema, key)?,
            None => None,
        };
        let before = out.len();
        if before > first {
            out.push(b',');
        }
        write_string(out, key);
        out.push(b':');
        let mut member = object.get(m.arena, Key::Text(key))?;
        let start = out.len();
        // Every object has metadata, also where it has neither labels nor annotations, which are all that is seen of it.
        let unseen = depth == 0 && key == "metadata" && member.is_none();
        if unseen {
            member = Some(Value::EMPTY_MAP);
        }
        let there = value(m, below, member, &inside, depth + 1, out)?;
        if !there || (unseen && out.get(start..) == Some(b"{}".as_slice())) {
            out.truncate(before);
        }
    }
    out.push(b'}');
    Ok(())
}

/// Whether a step names an item of a list.
fn is_item<'a>(m: &mut Machine<'a>, step: Option<&Value<'a>>, item: Value<'a>) -> Res<'a, bool> {
    let (Some(Value::Map(step)), Value::Map(item)) = (step, item) else { return Ok(false) };
    let mut at = 0;
    while let Some((key, wanted)) = step.entry(m.arena, at)? {
        at += 1;
        let Some(key) = key.key() else { return Ok(false) };
        let found = item.get(m.arena, key)?;
        if !same(m, found, Some(wanted))? {
            return Ok(false);
        }
    }
    Ok(at > 0)
}

/// An entry whose place this is.
fn here<'a>(
    m: &mut Machine<'a>,
    schema: Option<Code<'a>>,
    found: Option<Value<'a>>,
    entry: &Entry<'a>,
    out: &mut Vec<u8>,
) -> Res<'a, bool> {
    let Some(schema) = schema else { return unchanged(m, found, out) };
    match &entry.what {
        What::Value { was, is } => {
            let fits = match is {
                Some(is) => fits(m, schema, *is)?,
                None => true,
            };
            if !fits || !same(m, found, *was)? {
                return unchanged(m, found, out);
            }
            unchanged(m, *is, out)
        }
        What::Items(pairs) => {
            let (Some(Value::List(list)), Some((_, schema))) = (found, items(m, schema)?) else {
                return unchanged(m, found, out);
            };
            let mut left: Vec<&(Value<'a>, Value<'a>)> = pairs.iter().collect();
            out.push(b'[');
            for (number, item) in list.items(m.arena)?.iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                let mut put = *item;
                for (at, (was, is)) in left.iter().copied().enumerate() {
                    if same(m, Some(*was), Some(*item))? && fits(m, schema, *is)? {
                        put = *is;
                        left.remove(at);
                        break;
                    }
                }
                copy(m, put, out)?;
            }
            out.push(b']');
            Ok(true)
        }
    }
}

fn unchanged<'a>(m: &mut Machine<'a>, value: Option<Value<'a>>, out: &mut Vec<u8>) -> Res<'a, bool> {
    let Some(value) = value else { return Ok(false) };
    copy(m, value, out)?;
    Ok(true)
}

fn copy<'a>(m: &mut Machine<'a>, value: Value<'a>, out: &mut Vec<u8>) -> Res<'a, ()> {
    let start = out.len();
    write_value(m.arena, out, value)?;
    m.meter.spend(cost::traversal(out.len() - start))
}
