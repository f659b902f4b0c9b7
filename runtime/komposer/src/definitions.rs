//! The definitions by which a cluster stores Komposers and their locks. They are made of the same tables as the parser's keys.
//!
//! Types are enforced by the API server. Keys that nobody knows are stored nevertheless, so that the runtime can say what they should
//! have been: pruned, they would be gone without a word.

use orkestra_pattern::table::{Need, Row, Table, Takes};
use serde_json::{Map, Value, json};

use crate::tables::{IMPORTS, LOCK_SPEC, SPEC};

/// The API group of both.
pub const GROUP: &str = "orkestra.orkspace.io";
/// The only version.
pub const VERSION: &str = "v1";

/// One of the two, as discovery has it. Both have no namespace: whoever may write them decides over rights in the whole cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// The kind.
    pub kind: &'static str,
    /// The plural, which paths and roles have.
    pub plural: &'static str,
}

impl Resource {
    /// Which patterns run, with the status that the runtime writes.
    pub const KOMPOSER: Self = Self { kind: "Komposer", plural: "komposers" };
    /// What each of them is, to the byte.
    pub const LOCK: Self = Self { kind: "KomposerLock", plural: "komposerlocks" };
}

/// The CustomResourceDefinitions of both, Komposers first.
pub fn definitions() -> [Value; 2] {
    let top = |key: &str, table: &'static Table| (key.to_owned(), object(table));
    let mut komposer = Map::from_iter([top("imports", &IMPORTS), top("spec", &SPEC)]);
    komposer.insert("status".to_owned(), status());
    let column = |name: &str, kind: &str, path: &str| json!({"name": name, "type": kind, "jsonPath": path});
    let ready = |what: &str| format!(".status.conditions[?(@.type=='Ready')].{what}");
    let columns = json!([
        column("Ready", "string", &ready("status")),
        column("Reason", "string", &ready("reason")),
        column("Patterns", "string", ".status.ready"),
        column("Age", "date", ".metadata.creationTimestamp"),
    ]);
    let lock = Map::from_iter([top("spec", &LOCK_SPEC)]);
    let locked = json!([column("Age", "date", ".metadata.creationTimestamp")]);
    let what = "Which patterns run, under which names, with which inputs and overrides.";
    let of_lock = "What a Komposer was resolved to. `ork lock` writes it.";
    let mut all =
        [definition(Resource::KOMPOSER, what, komposer, &columns), definition(Resource::LOCK, of_lock, lock, &locked)];
    all[0]["spec"]["versions"][0]["subresources"] = json!({"status": {}});
    all
}

fn definition(resource: Resource, what: &str, properties: Map<String, Value>, columns: &Value) -> Value {
    let Resource { kind, plural } = resource;
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_ascii_lowercase()},
            "scope": "Cluster",
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "description": what,
                    "properties": properties,
                    "x-kubernetes-preserve-unknown-fields": true,
                }},
                "additionalPrinterColumns": columns,
            }],
        },
    })
}

/// A map by a table, as a structural schema.
fn object(table: &Table) -> Value {
    let written = |row: &&Row| !matches!(row.need, Need::Replaced(_) | Need::Refused);
    let properties: Map<String, Value> =
        table.rows().filter(written).map(|row| (row.key.to_owned(), described(row))).collect();
    json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

fn described(row: &Row) -> Value {
    let mut schema = value(&row.takes);
    schema["description"] = row.doc.into();
    schema
}

/// What every alternative agrees on, where there are several: a structural schema has one type.
fn value(takes: &Takes) -> Value {
    match takes {
        Takes::Text | Takes::Like(_) => json!({"type": "string"}),
        Takes::Words(words) => json!({"type": "string", "enum": words}),
        Takes::Flag => json!({"type": "boolean"}),
        Takes::Number { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Takes::List(item) => json!({"type": "array", "items": value(item)}),
        Takes::Map(inner) => json!({"type": "object", "additionalProperties": value(inner)}),
        Takes::Table(table) => object(table),
        Takes::Either([only, Takes::Null]) => {
            let mut schema = value(only);
            schema["nullable"] = true.into();
            schema
        }
        Takes::Either(several) if several.iter().all(|one| matches!(one, Takes::Table(_))) => {
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
        }
        Takes::Any | Takes::Nothing | Takes::Null | Takes::Either(_) => {
            json!({"x-kubernetes-preserve-unknown-fields": true})
        }
    }
}

/// What the runtime says of a Komposer.
fn status() -> Value {
    let text = |doc: &str| json!({"type": "string", "description": doc});
    let number = |doc: &str| json!({"type": "integer", "format": "int64", "description": doc});
    json!({
        "type": "object",
        "description": "What the runtime says of it.",
        "properties": {
            "observedGeneration": number("The generation of the Komposer that this is said of."),
            "conditions": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "description": "`Ready`: what the Komposer says runs, all of it.",
                "items": {
                    "type": "object",
                    "required": ["type", "status", "lastTransitionTime", "reason", "message"],
                    "properties": {
                        "type": text("`Ready`."),
                        "status": {"type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it is so."},
                        "observedGeneration": number("The generation that this is said of."),
                        "lastTransitionTime": {"type": "string", "format": "date-time", "description": "Since when `status` is what it is."},
                        "reason": text("One PascalCase word."),
                        "message": text("For people."),
                    },
                },
            },
            "ready": text("How many instances do what the Komposer says, of how many: `1/2`."),
            "patterns": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "description": "One item for each instance, by name.",
                "items": {
                    "type": "object",
                    "required": ["name", "phase", "reason"],
                    "properties": {
                        "name": text("The instance."),
                        "phase": {
                            "type": "string",
                            "enum": ["Ready", "Degraded", "Waiting", "Refused", "Broken"],
                            "description": "`Ready`; `Degraded`: it works, and a resource needs help; `Waiting`: not at work yet; `Refused`: another version is asked for and does not run, and the one before goes on; `Broken`: it does not run.",
                        },
                        "reason": text("Why, as one PascalCase word: `Ready`, `NotLocked`, `CapabilityDenied`, …"),
                        "message": text("For people; not there where there is nothing to say."),
                        "version": text("The version of the pattern that runs."),
                        "from": text("The reference that it came from."),
                        "manifest": text("The digest of the artifact's manifest."),
                        "component": text("The digest of the component that runs."),
                        "hook": text("The digest of the component with its hook."),
                        "refusedGrants": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "The capabilities that it asks for and is not granted.",
                        },
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks over every schema below one.
    fn walk(schema: &Value, path: &str, look: &mut dyn FnMut(&Value, &str)) {
        look(schema, path);
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            walk(inner, &format!("{path}.{name}"), look);
        }
        for key in ["items", "additionalProperties"] {
            if schema[key].is_object() {
                walk(&schema[key], &format!("{path}.{key}"), look);
            }
        }
    }

    #[test]
    fn every_schema_is_structural_and_says_what_it_is_for() {
        for definition in definitions() {
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            let mut seen = 0;
            walk(schema, "", &mut |schema, path| {
                seen += 1;
                let free = schema["x-kubernetes-preserve-unknown-fields"] == true;
                assert!(schema["type"].is_string() || free, "{path} has no type");
                assert!(schema.get("anyOf").is_none() && schema.get("$ref").is_none(), "{path}");
                let inner = path.ends_with(".items") || path.ends_with(".additionalProperties");
                assert!(inner || schema["description"].is_string(), "{path} has no description");
            });
            assert!(seen > 5, "{seen}");
        }
    }

    #[test]
    fn what_a_komposer_can_say_has_a_place_in_its_definition() {
        let [komposer, lock] = definitions();
        let schema =
            |definition: &Value| definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].clone();
        let keys = |schema: &Value| schema.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&schema(&komposer)), ["imports", "spec", "status"]);
        let import = &schema(&komposer)["imports"]["properties"]["registry"]["items"];
        assert_eq!(import["properties"]["with"]["additionalProperties"]["x-kubernetes-preserve-unknown-fields"], true);
        assert!(keys(&schema(&lock)["spec"]["properties"]).contains(&"instances".to_owned()));
        assert_eq!(komposer["metadata"]["name"], "komposers.orkestra.orkspace.io");
        assert_eq!(lock["spec"]["versions"][0].get("subresources"), None);
    }
}
