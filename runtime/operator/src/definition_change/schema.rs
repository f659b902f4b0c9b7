//! What a change of a schema means for objects that were valid before it.

use serde_json::Value;

use super::{Changes, Verdict, is_true};

/// Bounds, and whether a smaller one is tighter.
const BOUNDS: [(&str, bool); 8] = [
    ("maximum", true),
    ("maxLength", true),
    ("maxItems", true),
    ("maxProperties", true),
    ("minimum", false),
    ("minLength", false),
    ("minItems", false),
    ("minProperties", false),
];

/// What changes how lists and maps of different writers are merged.
const MERGING: [&str; 3] = ["x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"];

/// Compares two schemas at `path`.
pub(super) fn compare(old: &Value, new: &Value, path: &str, found: &mut Changes) {
    if old == new {
        return;
    }
    let kind = |schema: &Value| match is_true(schema, "x-kubernetes-int-or-string") {
        true => Value::from("integer or string"),
        false => schema.get("type").cloned().unwrap_or(Value::Null),
    };
    let (before, after) = (kind(old), kind(new));
    if before != after {
        let (verdict, message) = match (before.is_null(), after.is_null()) {
            (false, true) => (Verdict::Safe, format!("any type is allowed, and not only {before}")),
            (true, _) => (Verdict::Refused, format!("only the type {after} is allowed now")),
            _ if before == "integer" && (after == "number" || after == "integer or string") => {
                (Verdict::Safe, format!("the type widens from {before} to {after}"))
            }
            _ => (Verdict::Refused, format!("the type changes from {before} to {after}")),
        };
        found.add(verdict, "type", path, message);
        if !before.is_null() && !after.is_null() {
            return;
        }
    }
    match (is_true(old, "nullable"), is_true(new, "nullable")) {
        (true, false) => found.add(Verdict::Refused, "nullable", path, "null is no longer allowed".to_owned()),
        (false, true) => found.add(Verdict::Safe, "nullable", path, "null is allowed".to_owned()),
        _ => {}
    }
    bounds(old, new, path, found);
    for word in ["pattern", "format"] {
        match (old.get(word), new.get(word)) {
            (before, after) if before == after => {}
            (_, Some(after)) => found.add(Verdict::Refused, word, path, format!("{word} becomes {after}")),
            (_, None) => found.add(Verdict::Safe, word, path, format!("{word} is no longer asked for")),
        }
    }
    values(old, new, path, found);
    default(old, new, path, found);
    rules(old, new, path, found);
    for word in MERGING {
        if old.get(word) != new.get(word) {
            let shown = |schema: &Value| schema.get(word).map_or("nothing".to_owned(), Value::to_string);
            let message =
                format!("{word} changes from {} to {}: several writers are merged otherwise", shown(old), shown(new));
            found.add(Verdict::Attention, "merging", path, message);
        }
    }
    fields(old, new, path, found);
    for (word, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let (Some(before @ Value::Object(_)), Some(after @ Value::Object(_))) = (old.get(word), new.get(word)) {
            compare(before, after, &format!("{path}{step}"), found);
        }
    }
}

fn bounds(old: &Value, new: &Value, path: &str, found: &mut Changes) {
    for (bound, smaller_is_tighter) in BOUNDS {
        let value = |schema: &Value| schema.get(bound).and_then(Value::as_f64);
        let (verdict, how) = match (value(old), value(new)) {
            (None, None) => continue,
            (Some(before), Some(after)) if before == after => continue,
            (_, None) => (Verdict::Safe, "is no longer there"),
            (None, Some(_)) => (Verdict::Refused, "becomes tighter"),
            (Some(before), Some(after)) if (after < before) == smaller_is_tighter => {
                (Verdict::Refused, "becomes tighter")
            }
            (Some(_), Some(_)) => (Verdict::Safe, "becomes wider"),
        };
        found.add(verdict, bound, path, format!("{bound} {how}"));
    }
    for (word, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if !is_true(old, word) && is_true(new, word) {
            found.add(Verdict::Refused, bound, path, format!("{bound} itself is no longer allowed"));
        }
    }
}

fn values(old: &Value, new: &Value, path: &str, found: &mut Changes) {
    let list = |schema: &Value| schema.get("enum").and_then(Value::as_array).cloned();
    match (list(old), list(new)) {
        (None, Some(_)) => {
            found.add(Verdict::Refused, "enum", path, "only certain values are allowed now".to_owned());
        }
        (Some(_), None) => found.add(Verdict::Safe, "enum", path, "any value is allowed".to_owned()),
        (Some(before), Some(after)) => {
            for value in before.iter().filter(|value| !after.contains(value)) {
                found.add(Verdict::Refused, "enum", path, format!("the value {value} is no longer allowed"));
            }
            for value in after.iter().filter(|value| !before.contains(value)) {
                found.add(Verdict::Safe, "enum", path, format!("the value {value} is allowed"));
            }
        }
        (None, None) => {}
    }
}

/// The API server fills defaults in whatever it reads, so objects that say nothing change their meaning.
fn default(old: &Value, new: &Value, path: &str, found: &mut Changes) {
    let (before, after) = (old.get("default"), new.get("default"));
    if before == after {
        return;
    }
    let message = match (before, after) {
        (before, None) => {
            let before = before.unwrap_or(&Value::Null);
            format!("the default {before} goes; resources that had it filled in keep it, others read it no longer")
        }
        (None, Some(after)) => format!("the default becomes {after}, also in resources that say nothing"),
        (Some(before), Some(after)) => {
            format!("the default changes from {before} to {after}, also in resources that say nothing")
        }
    };
    found.add(Verdict::Attention, "default", path, message);
}

/// What a rule allows cannot be told from its text.
fn rules(old: &Value, new: &Value, path: &str, found: &mut Changes) {
    let rules = |schema: &Value| {
        let list = schema.get("x-kubernetes-validations").and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(|rule| rule.get("rule")?.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (before, after) = (rules(old), rules(new));
    for rule in after.iter().filter(|rule| !before.contains(rule)) {
        found.add(Verdict::Attention, "validations", path, format!("a rule comes: {rule}"));
    }
    for rule in before.iter().filter(|rule| !after.contains(rule)) {
        found.add(Verdict::Safe, "validations", path, format!("a rule goes: {rule}"));
    }
    for word in ["allOf", "anyOf", "oneOf", "not"] {
        if old.get(word) != new.get(word) {
            found.add(Verdict::Attention, "validations", path, format!("{word} changes"));
        }
    }
}

fn fields(old: &Value, new: &Value, path: &str, found: &mut Changes) {
    let properties = |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (properties(old), properties(new));
    let list = |schema: &Value| {
        let list = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let (required, requires) = (list(old), list(new));
    for name in requires.iter().filter(|name| !required.contains(name)) {
        // A default fills the field in whatever is stored.
        let filled = after.get(name).is_some_and(|field| field.get("default").is_some());
        let (verdict, message) = match filled {
            true => (Verdict::Safe, "becomes required, and has a default"),
            false => (Verdict::Refused, "becomes required"),
        };
        found.add(verdict, "required", &format!("{path}.{name}"), message.to_owned());
    }
    for name in required.iter().filter(|name| !requires.contains(name) && after.contains_key(*name)) {
        found.add(Verdict::Safe, "required", &format!("{path}.{name}"), "is no longer required".to_owned());
    }
    let keeps = |schema: &Value| {
        is_true(schema, "x-kubernetes-preserve-unknown-fields")
            || schema.get("additionalProperties").is_some_and(|rest| *rest != Value::Bool(false))
    };
    for (name, before) in &before {
        let path = format!("{path}.{name}");
        match after.get(name) {
            Some(after) => compare(before, after, &path, found),
            None if keeps(new) => {
                found.add(
                    Verdict::Attention,
                    "existingFieldRemoval",
                    &path,
                    "is no longer described; its values are kept".to_owned(),
                );
            }
            None => {
                found.add(Verdict::Refused, "existingFieldRemoval", &path, "goes, and its values with it".to_owned())
            }
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        // Where anything was kept, something of another type may be there.
        let (verdict, message) = match keeps(old) {
            true => (Verdict::Attention, "is described now; what is there already must fit"),
            false => (Verdict::Safe, "is new"),
        };
        found.add(verdict, "newField", &format!("{path}.{name}"), message.to_owned());
    }
    match (keeps(old), keeps(new)) {
        (true, false) => {
            found.add(Verdict::Refused, "unknownFields", path, "unknown fields are no longer kept".to_owned());
        }
        (false, true) => found.add(Verdict::Safe, "unknownFields", path, "unknown fields are kept".to_owned()),
        _ => {}
    }
}
