//! A checked pattern as JSON without places, to be compared.

use orkestra_pattern::cel::Checked;
use orkestra_pattern::model::{Child, Entry, Mutation, Node, Part, Pattern, Policy, Requeue, Rule, Text, Which};
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
            let policy = match child.policy {
                Policy::Create => "onCreate",
                Policy::Apply => "onReconcile",
                Policy::Delete => "onDelete",
            };
            let mut object = json!({
                "apiVersion": child.api_version,
                "kind": child.kind,
                "policy": policy,
                "requires": child.requires,
                "when": source(child.when.as_ref()),
                "manifest": node(&child.manifest),
            });
            object.as_object_mut().unwrap().extend(options(child));
            children.insert(child.id.clone(), object);
        }
        let status: Map<_, _> = entry
            .status
            .iter()
            .map(|field| {
                let mut object = json!({"requires": field.requires, "value": node(&field.value)});
                if !field.reads.is_empty() {
                    object["reads"] = json!(field.reads);
                }
                if let Some(when) = &field.when {
                    object["when"] = json!(when.source);
                }
                (field.path.join("."), object)
            })
            .collect();
        let mut object = json!({
            "api": format!("{:?}", entry.api),
            "workers": entry.workers,
            "resync": entry.resync.as_secs_f64(),
            "vars": vars,
            "children": children,
            "status": status,
        });
        let conditions: Map<_, _> = entry
            .conditions
            .iter()
            .map(|condition| {
                let reason = condition.reason.as_ref().map(text);
                let shown = json!({"requires": condition.requires, "when": condition.when.source, "reason": reason,
                    "message": text(&condition.message)});
                (condition.kind.clone(), shown)
            })
            .collect();
        if !conditions.is_empty() {
            object["conditions"] = Value::Object(conditions);
        }
        let reads: Map<_, _> = entry.reads.iter().map(|read| (read.id.clone(), self::read(read))).collect();
        if !reads.is_empty() {
            object.as_object_mut().unwrap().insert("reads".to_owned(), Value::Object(reads));
        }
        let ways = entry.conversions.iter().map(|way| {
            let key = format!("{} to {}", way.from, way.to);
            (key, json!({"derived": way.derived, "lossy": way.lossy, "rules": way.rules}))
        });
        let ways: Map<_, _> = ways.collect();
        if !ways.is_empty() {
            object.as_object_mut().unwrap().insert("conversions".to_owned(), Value::Object(ways));
        }
        object.as_object_mut().unwrap().extend(admission(entry));
        entries.insert(entry.name.clone(), object);
    }
    json!({"name": pattern.name, "version": pattern.version.to_string(), "inputs": inputs, "entries": entries})
}

/// What an entry says of its objects themselves, where it does.
fn admission(entry: &Entry) -> Map<String, Value> {
    let mutations = entry.mutations.iter().map(|mutation| {
        let Mutation { name, path, overrides, at: _, value } = mutation;
        json!({"name": name, "field": path.join("."), "overrides": overrides, "value": node(value)})
    });
    let rules = entry.rules.iter().map(|rule| {
        let Rule { name, field, deny, holds, message } = rule;
        json!({"name": name, "field": field, "deny": deny, "holds": source(Some(holds)), "message": text(message)})
    });
    let requeues = entry.requeues.iter().map(|requeue| {
        let Requeue { requires, reads, when, after } = requeue;
        json!({"requires": requires, "reads": reads, "when": source(Some(when)), "after": after.as_secs_f64()})
    });
    let all: [(&str, Vec<Value>); 3] =
        [("mutations", mutations.collect()), ("rules", rules.collect()), ("requeues", requeues.collect())];
    let found = all.into_iter().filter(|(_, list)| !list.is_empty());
    found.map(|(key, list)| (key.to_owned(), Value::Array(list))).collect()
}

fn source(checked: Option<&Checked>) -> Option<String> {
    checked.map(|checked| checked.source.trim().to_owned())
}

/// What a child has beside its manifest, where it has it.
fn options(child: &Child) -> Map<String, Value> {
    let mut found = Map::new();
    if !child.reads.is_empty() {
        found.insert("reads".to_owned(), json!(child.reads));
    }
    if let Some(for_each) = &child.for_each {
        let (range, key) = (source(Some(&for_each.range)), source(for_each.key.as_ref()));
        found.insert("forEach".to_owned(), json!({"range": range, "as": for_each.name, "key": key}));
    }
    if let Some(ready_when) = source(child.ready_when.as_ref()) {
        found.insert("readyWhen".to_owned(), json!(ready_when));
    }
    let flags = [("once", child.once), ("retain", child.retain), ("adopt", child.adopt), ("recreate", child.recreate)];
    for (name, _) in flags.into_iter().filter(|(_, given)| *given) {
        found.insert(name.to_owned(), json!(true));
    }
    if let Some(elsewhere) = &child.elsewhere {
        found.insert("elsewhere".to_owned(), json!(format!("{elsewhere:?}")));
    }
    if let Some(after) = child.rotate_after {
        found.insert("rotateAfter".to_owned(), json!(after.as_secs()));
    }
    if let Some(tls) = &child.tls {
        let names: Vec<Value> = tls.dns_names.iter().map(text).collect();
        let common = tls.common_name.as_ref().map(text);
        found.insert(
            "tls".to_owned(),
            json!({"commonName": common, "dnsNames": names, "validFor": tls.valid_for.as_secs()}),
        );
    }
    found
}

fn read(read: &orkestra_pattern::model::Read) -> Value {
    let which = match &read.which {
        Which::Name(name) => json!({"name": text(name)}),
        Which::Selected(selector) => {
            let labels: Map<_, _> = selector.labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
            let requirements = selector.requirements.iter().map(|requirement| {
                let values: Vec<Value> = requirement.values.iter().map(text).collect();
                json!({"key": requirement.key, "operator": requirement.operator.word(), "values": values})
            });
            let requirements: Vec<Value> = requirements.collect();
            match requirements.is_empty() {
                true => json!({"labels": labels}),
                false => json!({"labels": labels, "requirements": requirements}),
            }
        }
    };
    let mut found =
        json!({"apiVersion": read.api_version, "kind": read.kind, "which": which, "optional": read.optional});
    if let Some(namespace) = &read.namespace {
        found["namespace"] = text(namespace);
        found["elsewhere"] = json!(format!("{:?}", read.elsewhere));
    }
    found
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
