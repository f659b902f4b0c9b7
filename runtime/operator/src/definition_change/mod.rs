//! What a change of a CustomResourceDefinition means for objects that are stored: the one comparison, for the runtime before it
//! installs a definition, and for `ork upgrade plan`. Pure.
//!
//! The rules are those of OLM's CRD upgrade safety
//! (<https://operator-framework.github.io/operator-controller/concepts/crd-upgrade-safety>), and the names are those of
//! `crdify`, which it is made from. Two differ: a changed default needs attention and is not refused, because no stored object
//! becomes invalid by it; and a field that becomes required is safe where it has a default, which the API server fills in.

mod schema;

use std::fmt;

use serde_json::Value;

/// How much a change asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Whatever was there before is as good as it was.
    Safe,
    /// A person should know before.
    Attention,
    /// The runtime does not do it, because something that is there would not survive.
    Refused,
}

impl Verdict {
    /// In words: `safe`, `needs attention`, `refused`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Attention => "needs attention",
            Self::Refused => "refused",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionChange {
    /// What it asks for.
    pub verdict: Verdict,
    /// The name of the rule that says so.
    pub rule: &'static str,
    /// Where: `v1.spec.size`, `spec.scope`, `v1`.
    pub path: String,
    /// What changes, in words.
    pub message: String,
}

impl fmt::Display for DefinitionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

#[derive(Default)]
struct Changes(Vec<DefinitionChange>);

impl Changes {
    fn add(&mut self, verdict: Verdict, rule: &'static str, path: &str, message: String) {
        self.0.push(DefinitionChange { verdict, rule, path: path.to_owned(), message });
    }
}

/// Every change from `old` to `new`, two whole definitions, in the order of the versions. What is only for people (descriptions,
/// columns, short names) is none. Of `old`, `status.storedVersions` says in which versions objects are stored; without it, in its
/// storage version.
pub fn definition_changes(old: &Value, new: &Value) -> Vec<DefinitionChange> {
    let mut found = Changes::default();
    let text = |value: &Value, pointer: &str| value.pointer(pointer).cloned().unwrap_or(Value::Null);
    for (pointer, rule) in [
        ("/spec/group", "group"),
        ("/spec/scope", "scope"),
        ("/spec/names/kind", "names"),
        ("/spec/names/plural", "names"),
    ] {
        let (before, after) = (text(old, pointer), text(new, pointer));
        if before != after {
            let path = pointer.trim_start_matches('/').replace('/', ".");
            found.add(Verdict::Refused, rule, &path, format!("changes from {before} to {after}"));
        }
    }
    let stored = stored(old);
    for before in versions(old) {
        let name = name_of(before);
        let Some(after) = versions(new).iter().find(|version| name_of(version) == name) else {
            removed(before, &stored, &mut found);
            continue;
        };
        version(before, after, &mut found);
    }
    for version in versions(new) {
        let name = name_of(version);
        if !versions(old).iter().any(|before| name_of(before) == name) {
            let how = if is_true(version, "served") { "is new" } else { "is new, and not served" };
            found.add(Verdict::Safe, "newVersion", name, how.to_owned());
        }
    }
    let storage = |definition| versions(definition).iter().find(|version| is_true(version, "storage")).map(name_of);
    if let (Some(before), Some(after)) = (storage(old), storage(new))
        && before != after
    {
        let message = format!(
            "resources are stored in {after:?} and no longer in {before:?}; `ork storage migrate` rewrites those that are there"
        );
        found.add(Verdict::Attention, "storageVersion", after, message);
    }
    found.0
}

/// Every change of a schema below `path`, as of one version of a definition.
pub fn schema_changes(old: &Value, new: &Value, path: &str) -> Vec<DefinitionChange> {
    let mut found = Changes::default();
    schema::compare(old, new, path, &mut found);
    found.0
}

/// The changes that an object stored under the live definition `old` may not survive, in words.
pub(crate) fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let changes = definition_changes(old, new);
    changes.iter().filter(|change| change.verdict == Verdict::Refused).map(ToString::to_string).collect()
}

fn stored(definition: &Value) -> Vec<String> {
    let said = definition.pointer("/status/storedVersions").and_then(Value::as_array);
    match said {
        Some(said) => said.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => versions(definition)
            .iter()
            .filter(|version| is_true(version, "storage"))
            .map(name_of)
            .map(str::to_owned)
            .collect(),
    }
}

fn removed(version: &Value, stored: &[String], found: &mut Changes) {
    let name = name_of(version);
    if stored.iter().any(|stored| stored == name) {
        let message = "goes, and objects are stored in it".to_owned();
        found.add(Verdict::Refused, "storedVersionRemoval", name, message);
    } else if is_true(version, "served") {
        found.add(Verdict::Refused, "servedVersionRemoval", name, "goes, and it is served".to_owned());
    } else {
        found.add(Verdict::Safe, "versionRemoval", name, "goes; it was neither served nor stored".to_owned());
    }
}

fn version(before: &Value, after: &Value, found: &mut Changes) {
    let name = name_of(before);
    match (is_true(before, "served"), is_true(after, "served")) {
        (true, false) => {
            found.add(Verdict::Refused, "servedVersionRemoval", name, "is no longer served".to_owned());
        }
        (false, true) => found.add(Verdict::Safe, "newVersion", name, "is served".to_owned()),
        _ => {}
    }
    if !is_true(before, "deprecated") && is_true(after, "deprecated") {
        found.add(
            Verdict::Attention,
            "deprecated",
            name,
            "is deprecated, and the API server warns who uses it".to_owned(),
        );
    }
    for subresource in ["status", "scale"] {
        let has = |version: &Value| version.pointer(&format!("/subresources/{subresource}")).is_some();
        let path = format!("{name}/{subresource}");
        match (has(before), has(after)) {
            (true, false) => found.add(Verdict::Attention, "subresources", &path, "the subresource goes".to_owned()),
            (false, true) => found.add(
                Verdict::Attention,
                "subresources",
                &path,
                "the subresource comes, and the field is no longer written with the rest".to_owned(),
            ),
            _ => {}
        }
    }
    let schema = |version: &Value| version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or(Value::Null);
    schema::compare(&schema(before), &schema(after), name, found);
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
            ("/spec/scope", json!("Cluster"), "spec.scope: changes"),
            ("/spec/names/kind", json!("Page"), "spec.names.kind: changes"),
            ("/spec/versions/0/name", json!("v2"), "v1: goes, and objects are stored in it"),
            ("/spec/versions/0/served", json!(false), "v1: is no longer served"),
        ] {
            let mut new = old.clone();
            *new.pointer_mut(pointer).unwrap() = value;
            let found = breaking(&old, &new);
            assert!(found[0].starts_with(expected), "{found:?}");
        }
    }

    /// Verdict and rule of each change of one field.
    fn judged(before: Value, after: Value) -> Vec<(Verdict, &'static str)> {
        let of = |field: Value| spec(json!({"type": "object", "properties": {"a": field}}));
        definition_changes(&of(before), &of(after)).iter().map(|change| (change.verdict, change.rule)).collect()
    }

    #[test]
    fn each_rule_of_the_upgrade_safety_has_a_change_that_it_stops_and_one_that_it_lets_pass() {
        use Verdict::{Attention, Refused, Safe};
        let string = |more: Value| {
            let mut schema = json!({"type": "string"});
            schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            schema
        };
        let plain = || json!({"type": "string"});
        for (before, after, verdict, rule) in [
            (plain(), json!({"type": "integer"}), Refused, "type"),
            (json!({"type": "integer"}), json!({"type": "number"}), Safe, "type"),
            (json!({"type": "integer"}), json!({"x-kubernetes-int-or-string": true}), Safe, "type"),
            (json!({}), plain(), Refused, "type"),
            (plain(), json!({}), Safe, "type"),
            (string(json!({"nullable": true})), plain(), Refused, "nullable"),
            (plain(), string(json!({"nullable": true})), Safe, "nullable"),
            (plain(), string(json!({"maxLength": 3})), Refused, "maxLength"),
            (string(json!({"maxLength": 3})), plain(), Safe, "maxLength"),
            (string(json!({"minLength": 3})), string(json!({"minLength": 4})), Refused, "minLength"),
            (string(json!({"minLength": 3})), string(json!({"minLength": 2})), Safe, "minLength"),
            (plain(), string(json!({"enum": ["x"]})), Refused, "enum"),
            (string(json!({"enum": ["x"]})), string(json!({"enum": ["x", "y"]})), Safe, "enum"),
            (string(json!({"enum": ["x"]})), plain(), Safe, "enum"),
            (plain(), string(json!({"pattern": "^x"})), Refused, "pattern"),
            (string(json!({"pattern": "^x"})), plain(), Safe, "pattern"),
            (plain(), string(json!({"default": "x"})), Attention, "default"),
            (string(json!({"default": "x"})), string(json!({"default": "y"})), Attention, "default"),
            (string(json!({"default": "x"})), plain(), Attention, "default"),
            (plain(), string(json!({"x-kubernetes-validations": [{"rule": "self != 'x'"}]})), Attention, "validations"),
            (string(json!({"x-kubernetes-validations": [{"rule": "self != 'x'"}]})), plain(), Safe, "validations"),
            (
                json!({"type": "array", "items": {}}),
                json!({"type": "array", "items": {}, "x-kubernetes-list-type": "set"}),
                Attention,
                "merging",
            ),
            (
                json!({"type": "number", "maximum": 3}),
                json!({"type": "number", "maximum": 3, "exclusiveMaximum": true}),
                Refused,
                "maximum",
            ),
            (
                json!({"type": "object", "properties": {"b": {}}}),
                json!({"type": "object"}),
                Refused,
                "existingFieldRemoval",
            ),
            (json!({"type": "object"}), json!({"type": "object", "properties": {"b": {}}}), Safe, "newField"),
            (
                json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
                json!({"type": "object"}),
                Refused,
                "unknownFields",
            ),
        ] {
            assert_eq!(judged(before.clone(), after.clone()), [(verdict, rule)], "{before} {after}");
        }
        assert_eq!(judged(string(json!({"description": "x"})), string(json!({"description": "y"}))), []);
    }

    #[test]
    fn versions_that_come_and_change_their_part_are_told() {
        let version = |name: &str, served: bool, storage: bool| json!({"name": name, "served": served, "storage": storage, "schema": {}});
        let with = |versions: Value| {
            let mut definition = spec(base());
            definition["spec"]["versions"] = versions;
            definition["status"] = Value::Null;
            definition
        };
        let judged = |old: Value, new: Value| -> Vec<(Verdict, &'static str, String)> {
            definition_changes(&with(old), &with(new))
                .into_iter()
                .map(|change| (change.verdict, change.rule, change.path))
                .collect()
        };
        let one = || json!([version("v1", true, true)]);
        let both = json!([version("v1", true, false), version("v2", true, true)]);
        assert_eq!(
            judged(one(), both.clone()),
            [(Verdict::Safe, "newVersion", "v2".to_owned()), (Verdict::Attention, "storageVersion", "v2".to_owned())]
        );
        // Not stored, as far as is known, and served.
        assert_eq!(
            judged(both, json!([version("v2", true, true)])),
            [(Verdict::Refused, "servedVersionRemoval", "v1".to_owned())]
        );
        let unserved = json!([version("v1", false, false), version("v2", true, true)]);
        assert_eq!(
            judged(unserved, json!([version("v2", true, true)])),
            [(Verdict::Safe, "versionRemoval", "v1".to_owned())]
        );
        assert_eq!(judged(one(), json!([version("v2", true, true)]))[0].1, "storedVersionRemoval");
    }

    #[test]
    fn a_required_field_with_a_default_is_there_in_whatever_is_stored() {
        let mut new = base();
        new["properties"]["b"] = json!({"type": "string", "default": "q"});
        new["required"] = json!(["a", "b"]);
        let changes = schema_changes(&base(), &new, "v1.spec");
        assert!(changes.iter().all(|change| change.verdict == Verdict::Safe), "{changes:?}");
        assert!(changes.iter().any(|change| change.rule == "required"));
    }
}
