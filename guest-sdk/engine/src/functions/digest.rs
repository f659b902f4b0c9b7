//! `contentDigest`, `reveal`.

use bumpalo::collections::Vec;
use orkestra_program::function::Function;
use sha2::{Digest, Sha256};

use super::Called;
use crate::eval::Machine;
use crate::fault::Res;
use crate::json::write_value;
use crate::value::{Key, Map, Value};

/// Bytes of the hash that are shown: enough to tell any two contents apart.
const SHOWN: usize = 16;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match (function, arguments) {
        (Function::Reveal, [value]) => Ok(Some(*value)),
        (Function::ContentDigest, [Value::Map(object)]) => content(m, *object).map(Some),
        _ => Ok(None),
    }
}

/// The digest of what a ConfigMap or Secret holds.
///
/// All but a ConfigMap is salted with its UID: the digest is written where more people may read than may read a Secret,
/// and without a salt a short value could be found by trying.
fn content<'a>(m: &mut Machine<'a>, object: Map<'a>) -> Res<'a, Value<'a>> {
    let text = |key| object.get(m.arena, Key::Text(key));
    let Some(Value::Map(metadata)) = text("metadata")? else {
        return m.error("only the contents of a whole ConfigMap or Secret have a digest: the value has no `metadata`");
    };
    let mut hash = Sha256::new();
    if !matches!(text("kind")?, Some(Value::String("ConfigMap"))) {
        let Some(Value::String(uid)) = metadata.get(m.arena, Key::Text("uid"))? else {
            return m.error("the object has no `metadata.uid`, which the digest of a Secret is salted with");
        };
        put(&mut hash, uid.as_bytes());
    }
    for section in ["data", "binaryData"] {
        let entries = match object.get(m.arena, Key::Text(section))? {
            Some(Value::Map(entries)) => sorted(m, entries)?,
            None | Some(Value::Null) => Vec::new_in(m.arena),
            Some(_) => return m.error("`data` and `binaryData` of the object must be maps"),
        };
        hash.update((entries.len() as u64).to_le_bytes());
        let mut other = std::vec::Vec::new();
        for (key, value) in entries {
            let bytes = match value {
                Value::String(text) => text.as_bytes(),
                value => {
                    other.clear();
                    write_value(m.arena, &mut other, value)?;
                    other.as_slice()
                }
            };
            m.spend_traversal(key.len() + bytes.len())?;
            put(&mut hash, key.as_bytes());
            put(&mut hash, bytes);
        }
    }
    let mut digest = bumpalo::collections::String::with_capacity_in(2 * SHOWN, m.arena);
    for byte in hash.finalize().iter().take(SHOWN) {
        digest.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)));
    }
    Ok(Value::String(digest.into_bump_str()))
}

fn put(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// The entries by key: the order in which an object is written says nothing.
fn sorted<'a>(m: &mut Machine<'a>, map: Map<'a>) -> Res<'a, Vec<'a, (&'a str, Value<'a>)>> {
    let mut entries = Vec::new_in(m.arena);
    for at in 0..map.len(m.arena)? {
        if let Some((Value::String(key), value)) = map.entry(m.arena, at)? {
            entries.push((key, value));
        }
    }
    entries.sort_unstable_by_key(|(key, _)| *key);
    Ok(entries)
}
