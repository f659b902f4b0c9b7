//! What became of an object.

use serde_json::Value;

use super::paths::{Origin, origin};
use crate::check::conversion::ANNOTATION;
use crate::model::Conversion;

/// An object without what no conversion changes, and without our annotation.
pub(super) fn seen(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(root) = object.as_object_mut() else { return object };
    root.shift_remove("apiVersion");
    root.shift_remove("kind");
    let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) else { return object };
    metadata.retain(|key, _| ["labels", "annotations"].contains(&key.as_str()));
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
        && annotations.shift_remove(ANNOTATION).is_some()
        && annotations.is_empty()
    {
        metadata.shift_remove("annotations");
    }
    object
}

/// The entries that are kept for a version.
pub(super) fn kept(object: &Value, version: &str) -> Vec<Value> {
    let annotation = object.pointer("/metadata/annotations").and_then(|annotations| annotations.get(ANNOTATION));
    let kept = annotation.and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
    kept.and_then(|kept| kept.get(version)?.as_array().cloned()).unwrap_or_default()
}

fn strings(entry: &Value) -> Vec<String> {
    let steps = entry.get("at").and_then(Value::as_array);
    steps.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The field of an entry that the other version has a place for, so that it should not need the annotation; none: the
/// annotation is where it belongs. Items of lists have no step.
pub(super) fn misplaced(entry: &Value, back: &Conversion) -> Option<Vec<String>> {
    let keys = strings(entry);
    let field = |path: Vec<String>| [keys.as_slice(), &path].concat();
    if let Some(items) = entry.get("items").and_then(Value::as_array) {
        let pairs = items.iter().filter_map(|item| Some((item.get("was")?, item.get("is")?)));
        let differ = pairs.flat_map(|(was, is)| differences(is, was, &[]));
        return differ.map(field).find(|path| origin(&back.object, path) != Origin::Nothing);
    }
    let (was, is) = (entry.get("was"), entry.get("is"));
    // Of an object that is there in one of the two alone it is its fields that count.
    if let (Some(object @ Value::Object(_)), None) | (None, Some(object @ Value::Object(_))) = (was, is) {
        let mut leaves = Vec::new();
        more(None, object, &mut Vec::new(), &mut leaves);
        return leaves.into_iter().map(field).find(|path| origin(&back.object, path) != Origin::Nothing);
    }
    let excused = match origin(&back.object, &keys) {
        Origin::Nothing => true,
        Origin::Source => false,
        // The other version has one value, which is the first of the list.
        Origin::Wrapped => match (was, is) {
            (Some(Value::Array(was)), Some(Value::Array(is))) => is.len() > was.len() && is.starts_with(was),
            _ => false,
        },
    };
    (!excused).then_some(keys)
}

/// What an entry says, in words.
pub(super) fn told(entry: &Value) -> String {
    if entry.get("items").is_some() {
        return String::new();
    }
    let word = |value: Option<&Value>| value.map_or("absent".to_owned(), ToString::to_string);
    format!(": {} becomes {}", word(entry.get("is")), word(entry.get("was")))
}

/// The paths at which two values differ, but for those that may; items of lists have no step.
pub(super) fn differences(before: &Value, after: &Value, lossy: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    compare(Some(before), Some(after), lossy, &mut Vec::new(), &mut found);
    found.dedup();
    found
}

fn compare(
    before: Option<&Value>,
    after: Option<&Value>,
    lossy: &[Vec<String>],
    path: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    if before == after || lossy.contains(path) {
        return;
    }
    match (before, after) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                path.push(key.clone());
                compare(a.get(key), b.get(key), lossy, path, found);
                path.pop();
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| compare(Some(a), Some(b), lossy, path, found));
        }
        (Some(Value::Number(a)), Some(Value::Number(b))) if a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()) => {}
        _ => found.push(path.clone()),
    }
}

/// The paths that a value has and another does not.
pub(super) fn gained(before: &Value, after: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    more(Some(before), after, &mut Vec::new(), &mut found);
    found
}

fn more(before: Option<&Value>, after: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match (before, after) {
        (Some(Value::Object(a)), Value::Object(b)) => {
            for (key, value) in b {
                path.push(key.clone());
                more(a.get(key), value, path, found);
                path.pop();
            }
        }
        // An object without anything in it is no field.
        (None, Value::Object(b)) => {
            for (key, value) in b {
                path.push(key.clone());
                more(None, value, path, found);
                path.pop();
            }
        }
        (None, _) => found.push(path.clone()),
        (Some(_), _) => {}
    }
}
