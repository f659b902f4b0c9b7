//! Puts back what was kept, as far as it still fits.
//!
//! An entry counts where the value at its place is what the way back made of it when it was kept: somebody who changed it since
//! wins. It must be of the place's type, and makes no object that is not there. Whether it shows in the version that the object
//! comes from is looked at afterwards, by whoever calls.

use orkestra_program::Code;

use crate::eval::Machine;
use crate::fault::Res;
use crate::json::MAX_DEPTH;
use crate::value::{BuiltMap, Key, List, Map, Value};

use super::fits::{field, fits, items};
use super::kept::{Entry, What};
use super::same::same;

/// An object with entries put back.
pub(super) fn restore<'a>(
    m: &mut Machine<'a>,
    schema: Code<'a>,
    root: Value<'a>,
    entries: &[Entry<'a>],
) -> Res<'a, Value<'a>> {
    let all: Vec<&Entry<'a>> = entries.iter().collect();
    Ok(value(m, Some(schema), Some(root), &all, 0)?.unwrap_or(Value::EMPTY_MAP))
}

/// A value with the entries at or below it; none: it is absent.
fn value<'a>(
    m: &mut Machine<'a>,
    schema: Option<Code<'a>>,
    found: Option<Value<'a>>,
    entries: &[&Entry<'a>],
    depth: usize,
) -> Res<'a, Option<Value<'a>>> {
    m.meter.spend(1 + entries.len() as u64)?;
    if let Some(entry) = entries.iter().find(|entry| entry.at.len() == depth) {
        return here(m, schema, found, entry);
    }
    match found {
        Some(_) if entries.is_empty() || depth >= MAX_DEPTH as usize => Ok(found),
        Some(Value::Map(object)) => object_with(m, schema, object, entries, depth).map(Some),
        Some(Value::List(list)) => {
            let below = match schema {
                Some(schema) => items(m, schema)?.map(|(_, schema)| schema),
                None => None,
            };
            let mut made = bumpalo::collections::Vec::new_in(m.arena);
            for item in list.items(m.arena)? {
                let mut inside = Vec::new();
                for entry in entries {
                    if is_item(m, entry.at.get(depth), *item)? {
                        inside.push(*entry);
                    }
                }
                made.push(value(m, below, Some(*item), &inside, depth + 1)?.unwrap_or(*item));
            }
            Ok(Some(Value::List(List::Built(made.into_bump_slice()))))
        }
        found => Ok(found),
    }
}

fn object_with<'a>(
    m: &mut Machine<'a>,
    schema: Option<Code<'a>>,
    object: Map<'a>,
    entries: &[&Entry<'a>],
    depth: usize,
) -> Res<'a, Value<'a>> {
    let key_of = |entry: &Entry<'a>| match entry.at.get(depth) {
        Some(Value::String(key)) => Some(*key),
        _ => None,
    };
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
    let mut members = bumpalo::collections::Vec::new_in(m.arena);
    for key in keys {
        let inside: Vec<&Entry<'a>> = entries.iter().filter(|entry| key_of(entry) == Some(key)).copied().collect();
        let below = match schema {
            Some(schema) => field(m, schema, key)?,
            None => None,
        };
        let member = object.get(m.arena, Key::Text(key))?;
        // Every object has metadata, also where it has neither labels nor annotations, which are all that is seen of it.
        let unseen = depth == 0 && key == "metadata" && member.is_none();
        let member = if unseen { Some(Value::EMPTY_MAP) } else { member };
        match value(m, below, member, &inside, depth + 1)? {
            Some(Value::Map(map)) if unseen && map.len(m.arena)? == 0 => {}
            Some(value) => members.push((Value::String(key), value)),
            None => {}
        }
    }
    Ok(Value::Map(BuiltMap::build(m.arena, members.into_bump_slice())?))
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
) -> Res<'a, Option<Value<'a>>> {
    let Some(schema) = schema else { return Ok(found) };
    match &entry.what {
        What::Value { was, is } => {
            let fits = match is {
                Some(is) => fits(m, schema, *is)?,
                None => true,
            };
            Ok(if fits && same(m, found, *was)? { *is } else { found })
        }
        What::Items(pairs) => {
            let (Some(Value::List(list)), Some((_, schema))) = (found, items(m, schema)?) else { return Ok(found) };
            let mut left: Vec<&(Value<'a>, Value<'a>)> = pairs.iter().collect();
            let mut made = bumpalo::collections::Vec::new_in(m.arena);
            for item in list.items(m.arena)? {
                let mut put = *item;
                for (at, (was, is)) in left.iter().copied().enumerate() {
                    if same(m, Some(*was), Some(*item))? && fits(m, schema, *is)? {
                        put = *is;
                        left.remove(at);
                        break;
                    }
                }
                made.push(put);
            }
            Ok(Some(Value::List(List::Built(made.into_bump_slice()))))
        }
    }
}
