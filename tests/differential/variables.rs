//! What expressions are over: free variables, or the fields of an object with a schema.

use serde_json::{Value as Json, json};

use crate::operations::Ty;
use crate::operations::Ty::{Bool, Bytes, Double, Int, Ints, Map, Opt, Span, Text, Texts, Time, Uint};

/// Where an expression's variables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Bindings of a lone expression.
    Variables,
    /// An object that its schema gives types to, as in a pattern.
    Object,
}

/// Free variables with their types.
pub(crate) const VARIABLES: &[(&str, Ty)] = &[("i", Int), ("d", Double), ("s", Text), ("l", Ints), ("m", Map)];

/// What may be read of the object without proof that it is there.
const FIELDS: &[(&str, Ty)] = &[
    ("spec.count", Int),
    ("spec.port", Int),
    ("spec.nested.level", Int),
    ("size(spec.users)", Int),
    ("('a' in spec.counts ? spec.counts['a'] : 0)", Int),
    ("spec.numbers[?1].orValue(0)", Int),
    ("(has(spec.limit) ? spec.limit : 1)", Int),
    ("spec.?missing.orValue(2)", Int),
    ("uint(spec.port)", Uint),
    ("spec.ratio", Double),
    ("spec.share", Double),
    ("spec.?factor.orValue(0.5)", Double),
    ("spec.title", Text),
    ("metadata.name", Text),
    ("(has(spec.note) ? spec.note : 'none')", Text),
    ("spec.users[?1].?name.orValue('nobody')", Text),
    ("spec.enabled", Bool),
    ("has(spec.missing)", Bool),
    ("spec.users.exists(u, u.age > 40)", Bool),
    ("bytes(spec.title)", Bytes),
    ("spec.at", Time),
    ("spec.days[?0].orValue(spec.at)", Time),
    ("spec.timeout", Span),
    ("spec.numbers", Ints),
    ("spec.users.map(u, u.age)", Ints),
    ("spec.tags", Texts),
    ("spec.users.filter(u, u.age > 20).map(u, u.name)", Texts),
    ("spec.counts", Map),
    ("spec.?limit", Opt),
    ("spec.?missing", Opt),
    ("spec.counts[?'a']", Opt),
];

impl Over {
    /// What an expression may begin with, and its type.
    pub(crate) fn leaves(self) -> &'static [(&'static str, Ty)] {
        match self {
            Over::Variables => VARIABLES,
            Over::Object => FIELDS,
        }
    }

    /// Whether an expression is over what it should be: one over the object reads a field.
    pub(crate) fn suits(self, expression: &str) -> bool {
        self == Over::Variables || ["spec.", "metadata."].iter().any(|root| expression.contains(root))
    }

    /// An operation's text with its variables.
    pub(crate) fn named(self, text: &str) -> String {
        let (int, string) = match self {
            Over::Variables => ("i", "s"),
            Over::Object => ("spec.count", "spec.title"),
        };
        text.replace("{i}", int).replace("{s}", string)
    }
}

/// The object's schema, as a CRD has it.
pub(crate) fn schema() -> Json {
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": [
                    "count", "port", "nested", "ratio", "share", "title", "enabled", "at", "days", "timeout", "numbers", "tags",
                    "counts", "users",
                ],
                "properties": {
                    "count": {"type": "integer"},
                    "port": {"type": "integer", "format": "int32"},
                    "limit": {"type": "integer"},
                    "missing": {"type": "integer"},
                    "nested": {"type": "object", "required": ["level"], "properties": {"level": {"type": "integer"}}},
                    "ratio": {"type": "number"},
                    "share": {"type": "number"},
                    "factor": {"type": "number"},
                    "title": {"type": "string"},
                    "note": {"type": "string"},
                    "enabled": {"type": "boolean"},
                    "at": {"type": "string", "format": "date-time"},
                    "days": {"type": "array", "items": {"type": "string", "format": "date-time"}},
                    "timeout": {"type": "string", "format": "duration"},
                    "numbers": {"type": "array", "items": {"type": "integer"}},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "users": {"type": "array", "items": {
                        "type": "object",
                        "required": ["name", "age"],
                        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                    }},
                },
            },
        },
    })
}

/// The object. Doubles that are whole numbers look like integers in it.
pub(crate) fn object() -> Json {
    json!({
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "shop-ä", "namespace": "default", "uid": "7d1c3c1e"},
        "spec": {
            "count": 7,
            "port": 8080,
            "limit": 5,
            "nested": {"level": -3},
            "ratio": 2.5,
            "share": 4,
            "title": "a,b Hello",
            "note": "two\n\"lines\"",
            "enabled": true,
            "at": "2024-02-29T12:34:56.789Z",
            "days": ["1999-12-31T23:59:59Z"],
            "timeout": "1h2m3.004s",
            "numbers": [3, 0, 2, 3],
            "tags": ["b", "a", "ä"],
            "counts": {"a": 1, "z": 26},
            "users": [{"name": "ada", "age": 36}, {"name": "alan", "age": 41}, {"name": "kay", "age": 12}],
        },
    })
}
