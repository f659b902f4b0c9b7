//! What the API server adds to a custom resource before anybody sees it, for commands that have no API server.

use orkestra_pattern::model::{Api, Pattern};
use serde_json::{Map, Value, json};

/// Fills in the defaults of the CRD's schema and the metadata that every stored object has.
///
/// An expression may rely on them: a field with a default is never absent.
pub(crate) fn fill(primary: &mut Value, pattern: &Pattern, api: &Api) {
    of_version(primary, pattern, api, &api.version);
    let Value::Object(object) = primary else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(metadata) = metadata else { return };
    if api.namespaced {
        metadata.entry("namespace").or_insert_with(|| "default".into());
    }
    metadata.entry("uid").or_insert_with(|| "00000000-0000-0000-0000-000000000000".into());
    metadata.entry("generation").or_insert_with(|| json!(1));
}

/// Fills in the defaults of one version's schema, and nothing else.
pub(crate) fn of_version(object: &mut Value, pattern: &Pattern, api: &Api, version: &str) {
    if let Some(schema) = schema(pattern, api, version) {
        defaults(object, schema);
    }
}

fn schema<'a>(pattern: &'a Pattern, api: &Api, name: &str) -> Option<&'a Value> {
    let mut crds = pattern.crds.iter().chain(&pattern.foreign);
    let crd = crds.find(|crd| crd["spec"]["group"] == *api.group && crd["spec"]["names"]["kind"] == *api.kind)?;
    let version = crd["spec"]["versions"].as_array()?.iter().find(|version| version["name"] == *name)?;
    version.get("schema")?.get("openAPIV3Schema")
}

/// As the API server does it: from the outside in, so that a default object gets the defaults of its own fields.
fn defaults(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(members) => {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let nullable = field["nullable"] == true;
                if let Some(default) = field.get("default") {
                    match members.get(name) {
                        None => drop(members.insert(name.clone(), default.clone())),
                        // A null that the schema does not allow is pruned, and the default takes its place.
                        Some(Value::Null) if !nullable => drop(members.insert(name.clone(), default.clone())),
                        Some(_) => {}
                    }
                }
                if let Some(member) = members.get_mut(name) {
                    defaults(member, field);
                }
            }
            if let Some(rest) = schema.get("additionalProperties").filter(|rest| rest.is_object()) {
                let named = schema["properties"].as_object();
                for (name, member) in members.iter_mut() {
                    if named.is_none_or(|named| !named.contains_key(name)) {
                        defaults(member, rest);
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| defaults(item, &schema["items"])),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_come_from_the_outside_in() {
        let schema = json!({"properties": {
            "spec": {"default": {}, "properties": {
                "a": {"default": 1}, "b": {"default": 2}, "n": {"default": 3, "nullable": true},
                "list": {"items": {"properties": {"x": {"default": "y"}}}},
                "map": {"additionalProperties": {"properties": {"x": {"default": "y"}}}},
            }},
        }});
        let mut empty = json!({});
        defaults(&mut empty, &schema);
        assert_eq!(empty, json!({"spec": {"a": 1, "b": 2, "n": 3}}));
        let mut given = json!({"spec": {"a": 7, "b": null, "n": null, "list": [{}], "map": {"k": {}}}});
        defaults(&mut given, &schema);
        let expected = json!({"spec": {"a": 7, "b": 2, "n": null, "list": [{"x": "y"}], "map": {"k": {"x": "y"}}}});
        assert_eq!(given, expected);
    }
}
