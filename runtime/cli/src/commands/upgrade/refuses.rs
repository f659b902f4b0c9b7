//! Whether a resource that is there fits a schema: what the API server would say of it, as far as that is plain from the schema.
//!
//! A server-side dry run cannot say it, because the API server goes by the definition that it has. `pattern`, `format` and
//! rules of CEL are not judged here; a change of one is told among the changes of the definition.

use serde_json::{Map, Value};

/// What is wrong, and what would be dropped: paths, each with words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) refused: Vec<String>,
    pub(super) lost: Vec<String>,
}

/// Of a whole resource; what every resource has is left out.
pub(super) fn resource(resource: &Value, schema: &Value) -> Findings {
    let mut findings = Findings::default();
    let mut own = resource.clone();
    if let Some(members) = own.as_object_mut() {
        for name in ["apiVersion", "kind", "metadata"] {
            members.shift_remove(name);
        }
    }
    value(&own, schema, "", &mut findings);
    findings
}

fn value(found: &Value, schema: &Value, path: &str, findings: &mut Findings) {
    let is_true = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    if found.is_null() {
        // Without `nullable` the API server drops it, and fills a default in.
        return;
    }
    let shown = if path.is_empty() { "." } else { path };
    let mut refuse = |why: String| findings.refused.push(format!("{shown}: {why}"));
    let kind = schema.get("type").and_then(Value::as_str);
    let fits = match kind {
        _ if is_true("x-kubernetes-int-or-string") => found.is_string() || found.is_i64() || found.is_u64(),
        Some("object") => found.is_object(),
        Some("array") => found.is_array(),
        Some("string") => found.is_string(),
        Some("boolean") => found.is_boolean(),
        Some("number") => found.is_number(),
        Some("integer") => found.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    if !fits {
        return refuse(format!("it is no {}", kind.unwrap_or("integer or string")));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(found)
    {
        refuse(format!("{found} is none of {}", Value::from(allowed.clone())));
    }
    if let Some((least, most, size, of)) = sizes(found) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let beside = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        if bound(least).is_some_and(|least| size < least)
            || (size_is(size, bound(least)) && beside("exclusiveMinimum") && of == "value")
        {
            refuse(format!("its {of} is below {least}"));
        }
        if bound(most).is_some_and(|most| size > most)
            || (size_is(size, bound(most)) && beside("exclusiveMaximum") && of == "value")
        {
            refuse(format!("its {of} is above {most}"));
        }
    }
    match found {
        Value::Object(members) => object(members, schema, path, findings),
        Value::Array(items) => {
            if let Some(each) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    value(item, each, &format!("{path}[{index}]"), findings);
                }
            }
        }
        _ => {}
    }
}

fn size_is(size: f64, bound: Option<f64>) -> bool {
    bound == Some(size)
}

fn sizes(found: &Value) -> Option<(&'static str, &'static str, f64, &'static str)> {
    match found {
        Value::Number(number) => Some(("minimum", "maximum", number.as_f64()?, "value")),
        Value::String(text) => Some(("minLength", "maxLength", text.chars().count() as f64, "length")),
        Value::Array(items) => Some(("minItems", "maxItems", items.len() as f64, "number of items")),
        Value::Object(members) => Some(("minProperties", "maxProperties", members.len() as f64, "number of fields")),
        Value::Null | Value::Bool(_) => None,
    }
}

fn object(members: &Map<String, Value>, schema: &Value, path: &str, findings: &mut Findings) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |name: &str| properties.and_then(|properties| properties.get(name));
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let given = members.get(name).is_some_and(|value| !value.is_null());
        // What every resource has is not looked at.
        let always = path.is_empty() && matches!(name, "apiVersion" | "kind" | "metadata");
        if !given && !always && field(name).is_none_or(|field| field.get("default").is_none()) {
            findings.refused.push(format!("{path}.{name}: it is required, and not there"));
        }
    }
    let keeps = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    for (name, found) in members {
        let path = format!("{path}.{name}");
        match (field(name), schema.get("additionalProperties")) {
            (Some(schema), _) => value(found, schema, &path, findings),
            (None, Some(rest @ Value::Object(_))) => value(found, rest, &path, findings),
            (None, Some(Value::Bool(true))) => {}
            (None, _) if keeps => {}
            (None, _) => findings.lost.push(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "required": ["spec"], "properties": {"spec": {"type": "object", "required": ["size", "tier"], "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "tier": {"type": "string", "default": "small"},
            "text": {"type": "string", "maxLength": 3, "enum": ["a", "bbb", "cccc"]},
            "port": {"x-kubernetes-int-or-string": true},
            "list": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }}}})
    }

    fn found(spec: Value) -> Findings {
        resource(&json!({"apiVersion": "g/v1", "kind": "Web", "metadata": {"name": "a"}, "spec": spec}), &schema())
    }

    #[test]
    fn what_fits_is_fine_and_a_default_is_as_good_as_a_value() {
        let spec = json!({"size": 9, "text": "bbb", "port": "http", "list": ["x"], "labels": {"a": "b"}, "free": {"x": [1]}, "tier": null});
        assert_eq!(found(spec), Findings::default());
        assert_eq!(found(json!({"size": 1.0, "port": 80})), Findings::default());
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_path() {
        for (spec, path) in [
            (json!({}), ".spec.size: it is required"),
            (json!({"size": 0}), ".spec.size: its value is below minimum"),
            (json!({"size": 10}), ".spec.size: its value is above maximum"),
            (json!({"size": "1"}), ".spec.size: it is no integer"),
            (json!({"size": 1.5}), ".spec.size: it is no integer"),
            (json!({"size": 1, "text": "x"}), ".spec.text: \"x\" is none of"),
            (json!({"size": 1, "text": "cccc"}), ".spec.text: its length is above maxLength"),
            (json!({"size": 1, "port": 1.5}), ".spec.port: it is no integer or string"),
            (json!({"size": 1, "list": ["a", "b", "c"]}), ".spec.list: its number of items is above maxItems"),
            (json!({"size": 1, "list": [1]}), ".spec.list[0]: it is no string"),
            (json!({"size": 1, "labels": {"a": 1}}), ".spec.labels.a: it is no string"),
        ] {
            let findings = found(spec.clone());
            assert_eq!(findings.refused.len(), 1, "{spec}: {findings:?}");
            assert!(findings.refused[0].starts_with(path), "{spec}: {findings:?}");
        }
        assert_eq!(resource(&json!({"metadata": {}}), &schema()).refused, [".spec: it is required, and not there"]);
    }

    #[test]
    fn a_field_that_the_schema_does_not_have_is_lost() {
        let findings = found(json!({"size": 1, "gone": {"x": 1}}));
        assert_eq!((findings.refused.len(), findings.lost), (0, vec![".spec.gone".to_owned()]));
    }
}
