//! The status of a primary: what it should be, and the smallest patch that makes it so.

use serde_json::{Map, Value};

use crate::managed_fields::{Element, Entry, paths};

/// What status should be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// The fields below `.status`, conditions and observed generation among them.
    pub(crate) fields: Value,
    /// Dotted paths whose values stay as they are.
    pub(crate) pending: Vec<String>,
}

/// The merge patch below `.status` that turns `live` into `wanted`; none where it is so already.
///
/// A field that we wrote (`written` is our entry in `managedFields`) and that is wanted no more is taken out; what
/// others wrote stays.
pub(crate) fn patch(live: &Value, wanted: &Wanted, written: Option<&Entry>) -> Option<Value> {
    let mut patch = difference(live, &wanted.fields).unwrap_or_else(|| Value::Object(Map::new()));
    for path in written.map(|entry| paths(&entry.tree())).unwrap_or_default() {
        let Some(path) = status_path(&path.0) else { continue };
        let dotted = path.join(".");
        let is_pending = wanted.pending.iter().any(|pending| within(&dotted, pending) || within(pending, &dotted));
        if !is_pending && path != ["conditions"] && at(&wanted.fields, &path).is_none() && at(live, &path).is_some() {
            set_null(&mut patch, &path);
        }
    }
    patch.as_object().is_some_and(|patch| !patch.is_empty()).then_some(patch)
}

/// The keys below `.status`, down to the first list: lists are written whole.
fn status_path(path: &[Element]) -> Option<Vec<&str>> {
    let mut names = path.iter().map_while(|element| match element {
        Element::Field(name) => Some(name.as_str()),
        _ => None,
    });
    (names.next() == Some("status")).then(|| names.collect()).filter(|names: &Vec<&str>| !names.is_empty())
}

/// Whether `path` is `outer` or below it.
fn within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn set_null(patch: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut at = patch;
    for name in parents {
        if !at.is_object() {
            return;
        }
        at = &mut at[*name];
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
    }
    if at.is_object() {
        at[*last] = Value::Null;
    }
}

fn difference(live: &Value, wanted: &Value) -> Option<Value> {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let changed = wanted.iter().filter_map(|(name, wanted)| {
                let change = match live.get(name) {
                    Some(live) => difference(live, wanted),
                    None if wanted.is_null() => None,
                    None => Some(wanted.clone()),
                };
                change.map(|change| (name.clone(), change))
            });
            let changed: Map<String, Value> = changed.collect();
            (!changed.is_empty()).then_some(Value::Object(changed))
        }
        _ => (!same(live, wanted)).then(|| wanted.clone()),
    }
}

/// Equality as JSON has it: `1` and `1.0` are one number, and the API server writes it in its own way.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// What of `value` a structural schema can hold. The API server drops the rest, and it would be written for ever.
pub(crate) fn hold(value: &Value, schema: &Value) -> Value {
    let keeps_all = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    match value {
        Value::Object(members) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties");
            let held = members.iter().filter_map(|(name, value)| {
                if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                    return Some((name.clone(), hold(value, schema)));
                }
                match additional {
                    Some(Value::Object(_)) => additional.map(|schema| (name.clone(), hold(value, schema))),
                    Some(Value::Bool(true)) => Some((name.clone(), value.clone())),
                    _ => keeps_all.then(|| (name.clone(), value.clone())),
                }
            });
            Value::Object(held.collect())
        }
        Value::Array(items) => match schema.get("items") {
            Some(schema) => Value::Array(items.iter().map(|item| hold(item, schema)).collect()),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(fields: Value, pending: &[&str]) -> Wanted {
        Wanted { fields, pending: pending.iter().map(|&path| path.to_owned()).collect() }
    }

    fn entry(fields: Value) -> Entry {
        serde_json::from_value(json!({"manager": "orkestra:w", "operation": "Update", "subresource": "status",
            "fieldsV1": {"f:status": fields}}))
        .unwrap()
    }

    #[test]
    fn what_is_so_already_needs_no_patch() {
        let live = json!({"a": 1, "b": {"c": [1, 2.5], "d": "x"}, "foreign": true});
        assert_eq!(patch(&live, &wanted(json!({"a": 1.0, "b": {"c": [1, 2.5]}}), &[]), None), None);
    }

    #[test]
    fn only_what_differs_is_patched() {
        let live = json!({"a": 1, "b": {"c": "x", "d": "y"}});
        let found = patch(&live, &wanted(json!({"a": 1, "b": {"c": "z", "d": "y"}, "e": [1]}), &[]), None);
        assert_eq!(found, Some(json!({"b": {"c": "z"}, "e": [1]})));
    }

    #[test]
    fn what_we_wrote_and_want_no_more_goes_unless_it_is_pending() {
        let live = json!({"gone": 1, "wait": {"x": 1}, "foreign": 1, "list": [{"n": 1}], "conditions": []});
        let written = entry(json!({"f:gone": {}, "f:wait": {"f:x": {}}, "f:never": {}, "f:conditions": {},
            "f:list": {"k:{\"n\":1}": {".": {}, "f:n": {}}}}));
        let found = patch(&live, &wanted(json!({}), &["wait"]), Some(&written));
        assert_eq!(found, Some(json!({"gone": null, "list": null})));
        assert_eq!(
            patch(&live, &wanted(json!({}), &[]), Some(&written)),
            Some(json!({"gone": null, "wait": {"x": null}, "list": null}))
        );
    }

    #[test]
    fn the_patch_is_the_whole_way() {
        let mut live = json!({"a": {"b": 1}});
        let target = wanted(json!({"a": {"b": 2, "c": {"d": 3}}}), &[]);
        let found = patch(&live, &target, None).unwrap();
        merge_into(&mut live, &found);
        assert_eq!(patch(&live, &target, None), None);
    }

    fn merge_into(value: &mut Value, patch: &Value) {
        for (name, change) in patch.as_object().unwrap() {
            match change {
                Value::Object(_) if value[name].is_object() => merge_into(&mut value[name], change),
                _ => value[name] = change.clone(),
            }
        }
    }

    #[test]
    fn a_schema_holds_what_it_declares() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "integer"}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {}}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"x": {}}}}
        }});
        let value = json!({"a": {"b": 1, "c": 2}, "free": {"q": 1}, "map": {"k": {"x": 1, "y": 2}},
            "list": [{"x": 1, "y": 2}], "conditions": []});
        assert_eq!(
            hold(&value, &schema),
            json!({"a": {"b": 1}, "free": {"q": 1}, "map": {"k": {"x": 1}}, "list": [{"x": 1}]})
        );
    }
}
