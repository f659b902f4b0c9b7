//! A checked pattern as JSON without places, to be compared.

use orkestra_pattern::model::{Node, Part, Pattern, Policy, Text};
use serde_json::{Map, Value, json};

/// The whole pattern but its CRDs. What has a name is a map by that name.
pub(crate) fn to_json(pattern: &Pattern) -> Value {
    let inputs: Map<_, _> = pattern
        .inputs
        .iter()
        .map(|input| (input.name.clone(), json!({"schema": input.schema, "default": input.default})))
        .collect();
    let mut entries = Map::new();
    for entry in &pattern.entries {
        let vars: Map<_, _> = entry.vars.iter().map(|var| (var.name.clone(), text(&var.value))).collect();
        let mut children = Map::new();
        for child in &entry.children {
            let when = child.when.as_ref().map(|when| when.source.trim().to_owned());
            let policy = match child.policy {
                Policy::Create => "onCreate",
                Policy::Apply => "onReconcile",
                Policy::Delete => "onDelete",
            };
            let object = json!({
                "apiVersion": child.api_version,
                "kind": child.kind,
                "policy": policy,
                "requires": child.requires,
                "when": when,
                "manifest": node(&child.manifest),
            });
            children.insert(child.id.clone(), object);
        }
        let status: Map<_, _> = entry
            .status
            .iter()
            .map(|field| (field.path.join("."), json!({"requires": field.requires, "value": node(&field.value)})))
            .collect();
        let object = json!({
            "api": format!("{:?}", entry.api),
            "workers": entry.workers,
            "resync": entry.resync.as_secs_f64(),
            "vars": vars,
            "children": children,
            "status": status,
        });
        entries.insert(entry.name.clone(), object);
    }
    json!({"name": pattern.name, "version": pattern.version.to_string(), "inputs": inputs, "entries": entries})
}

/// Expressions stand as they were written, with the type that their place asks for.
fn node(value: &Node) -> Value {
    match value {
        Node::Plain(value) => value.clone(),
        Node::Hole(value, target) => match text(value) {
            Value::String(text) => Value::String(format!("{text} as {target:?}")),
            other => other,
        },
        Node::Map(members) => Value::Object(members.iter().map(|(key, value)| (key.clone(), node(value))).collect()),
        Node::List(items) => Value::Array(items.iter().map(node).collect()),
    }
}

fn text(text: &Text) -> Value {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Expression(checked) => format!("{{{{ {} }}}}", checked.source.trim()),
    };
    Value::String(text.parts.iter().map(part).collect())
}

/// Paths of the leaves in which two values differ.
pub(crate) fn differences(a: &Value, b: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    compare(a, b, &mut Vec::new(), &mut found);
    found
}

fn compare(a: &Value, b: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                path.push(key.clone());
                compare(left.get(key).unwrap_or(&Value::Null), right.get(key).unwrap_or(&Value::Null), path, found);
                path.pop();
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                path.push(index.to_string());
                compare(left.get(index).unwrap_or(&Value::Null), right.get(index).unwrap_or(&Value::Null), path, found);
                path.pop();
            }
        }
        _ if a == b => {}
        _ => found.push(path.clone()),
    }
}
