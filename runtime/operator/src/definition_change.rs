//! Which changes of a CustomResourceDefinition would break objects that are stored. Pure.

use serde_json::Value;

/// Every change from `old` to `new` that an object stored under `old` may not survive, in words. Both are whole
/// definitions; `old` is the live one, with its status.
pub(crate) fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let text = |value: &Value, pointer: &str| value.pointer(pointer).cloned().unwrap_or(Value::Null);
    for pointer in ["/spec/group", "/spec/scope", "/spec/names/kind", "/spec/names/plural"] {
        let (before, after) = (text(old, pointer), text(new, pointer));
        if before != after {
            found.push(format!(
                "{} changes from {before} to {after}",
                pointer.trim_start_matches('/').replace('/', ".")
            ));
        }
    }
    let stored = old.pointer("/status/storedVersions").and_then(Value::as_array).cloned().unwrap_or_default();
    for before in versions(old) {
        let name = name_of(before);
        let Some(after) = versions(new).iter().find(|version| name_of(version) == name) else {
            if stored.iter().any(|version| version == name) {
                found.push(format!("version {name:?} goes, and objects are stored in it"));
            } else if is_true(before, "served") {
                found.push(format!("version {name:?} goes, and it is served"));
            }
            continue;
        };
        if is_true(before, "served") && !is_true(after, "served") {
            found.push(format!("version {name:?} is no longer served"));
        }
        let schema = |version: &Value| version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or(Value::Null);
        compare(&schema(before), &schema(after), &mut name.to_owned(), &mut found);
    }
    found
}

fn versions(definition: &Value) -> &[Value] {
    definition.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn name_of(version: &Value) -> &str {
    version.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name) == Some(&Value::Bool(true))
}

/// Bounds that must not become tighter, and whether a smaller one is.
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

fn compare(old: &Value, new: &Value, path: &mut String, found: &mut Vec<String>) {
    if old == new {
        return;
    }
    if let (Some(before), Some(after)) = (old.get("type"), new.get("type"))
        && before != after
    {
        found.push(format!("{path}: the type changes from {before} to {after}"));
        return;
    }
    if is_true(old, "nullable") && !is_true(new, "nullable") {
        found.push(format!("{path}: null is no longer allowed"));
    }
    for (bound, smaller_is_tighter) in BOUNDS {
        let (before, after) = (old.get(bound).and_then(Value::as_f64), new.get(bound).and_then(Value::as_f64));
        let tighter = match (before, after) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(after)) => (after < before) == smaller_is_tighter && after != before,
        };
        if tighter {
            found.push(format!("{path}: {bound} becomes tighter"));
        }
    }
    for word in ["pattern", "format"] {
        if let Some(after) = new.get(word)
            && old.get(word) != Some(after)
        {
            found.push(format!("{path}: {word} becomes {after}"));
        }
    }
    if let Some(after) = new.get("enum").and_then(Value::as_array) {
        match old.get("enum").and_then(Value::as_array) {
            None => found.push(format!("{path}: only certain values are allowed now")),
            Some(before) => {
                let gone = before.iter().filter(|value| !after.contains(value));
                found.extend(gone.map(|value| format!("{path}: the value {value} is no longer allowed")));
            }
        }
    }
    let list = |schema: &Value| schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let (before, after) = (list(old), list(new));
    for name in after.iter().filter(|name| !before.contains(name)).filter_map(Value::as_str) {
        // A default fills the field in whatever is stored.
        let default = new.pointer(&format!("/properties/{}/default", name.replace('~', "~0").replace('/', "~1")));
        if default.is_none() {
            found.push(format!("{path}.{name}: becomes required"));
        }
    }
    let keeps = |schema: &Value| {
        is_true(schema, "x-kubernetes-preserve-unknown-fields") || schema.get("additionalProperties").is_some()
    };
    let properties = |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let after = properties(new);
    for (name, before) in properties(old) {
        match after.get(&name) {
            Some(after) => deeper(&before, after, path, &format!(".{name}"), found),
            None if keeps(new) => {}
            None => found.push(format!("{path}.{name}: goes, and its values with it")),
        }
    }
    if keeps(old) && !keeps(new) {
        found.push(format!("{path}: unknown fields are no longer kept"));
    }
    for (word, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let (Some(before), Some(after)) = (old.get(word), new.get(word)) {
            deeper(before, after, path, step, found);
        }
    }
}

fn deeper(old: &Value, new: &Value, path: &mut String, step: &str, found: &mut Vec<String>) {
    let length = path.len();
    path.push_str(step);
    compare(old, new, path, found);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(schema: Value) -> Value {
        json!({
            "spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "Web", "plural": "webs"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
            "status": {"storedVersions": ["v1"]}
        })
    }

    fn spec(schema: Value) -> Value {
        definition(json!({"type": "object", "properties": {"spec": schema}}))
    }

    fn base() -> Value {
        json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "maxLength": 10, "enum": ["x", "y"]},
            "n": {"type": "integer", "minimum": 1},
            "list": {"type": "array", "items": {"type": "string"}}}})
    }

    fn edited(edit: impl Fn(&mut Value)) -> Vec<String> {
        let mut new = base();
        edit(&mut new);
        breaking(&spec(base()), &spec(new))
    }

    #[test]
    fn widening_breaks_nothing() {
        for edit in [
            (|_| ()) as fn(&mut Value),
            |new| new["properties"]["b"] = json!({"type": "string"}),
            |new| new["properties"]["a"]["maxLength"] = 20.into(),
            |new| new["properties"]["a"]["enum"] = json!(["x", "y", "z"]),
            |new| new["properties"]["n"]["minimum"] = 0.into(),
            |new| new["required"] = json!([]),
            |new| {
                new["properties"]["b"] = json!({"type": "string", "default": "q"});
                new["required"] = json!(["a", "b"]);
            },
            |new| new["properties"]["a"]["description"] = "words".into(),
        ] {
            assert_eq!(edited(edit), Vec::<String>::new());
        }
    }

    #[test]
    fn narrowing_is_named_with_its_path() {
        for (edit, expected) in [
            (
                (|new| {
                    new["properties"].as_object_mut().unwrap().shift_remove("n");
                }) as fn(&mut Value),
                "v1.spec.n: goes",
            ),
            (|new| new["properties"]["a"]["type"] = "integer".into(), "v1.spec.a: the type changes"),
            (|new| new["properties"]["a"]["maxLength"] = 5.into(), "v1.spec.a: maxLength"),
            (|new| new["properties"]["n"]["minimum"] = 2.into(), "v1.spec.n: minimum"),
            (|new| new["properties"]["n"]["maximum"] = 2.into(), "v1.spec.n: maximum"),
            (|new| new["properties"]["a"]["enum"] = json!(["x"]), "v1.spec.a: the value \"y\""),
            (|new| new["properties"]["a"]["pattern"] = "^x$".into(), "v1.spec.a: pattern"),
            (|new| new["required"] = json!(["a", "n"]), "v1.spec.n: becomes required"),
            (|new| new["properties"]["list"]["items"]["type"] = "integer".into(), "v1.spec.list[]: the type"),
        ] {
            let found = edited(edit);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{found:?}");
        }
    }

    #[test]
    fn versions_scope_and_names() {
        let old = spec(base());
        for (pointer, value, expected) in [
            ("/spec/scope", json!("Cluster"), "spec.scope changes"),
            ("/spec/names/kind", json!("Page"), "spec.names.kind changes"),
            ("/spec/versions/0/name", json!("v2"), "version \"v1\" goes, and objects are stored in it"),
            ("/spec/versions/0/served", json!(false), "version \"v1\" is no longer served"),
        ] {
            let mut new = old.clone();
            *new.pointer_mut(pointer).unwrap() = value;
            let found = breaking(&old, &new);
            assert!(found[0].starts_with(expected), "{found:?}");
        }
    }
}
