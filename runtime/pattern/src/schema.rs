//! Structural schemas: what custom resources, built-in kinds and inputs look like, read from OpenAPI v3 JSON.
//!
//! A schema is a tree whose parts are shared ([`Arc`]), because the kinds of Kubernetes repeat the same parts many times.

mod embedded;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::model::Target;

/// The most nodes that the schema of one CRD may have.
pub const MAX_NODES: usize = 10_000;
/// The deepest nesting of a schema.
pub const MAX_DEPTH: usize = 64;

/// What a JSON value must look like.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    /// Its type, and the schemas of its parts.
    pub shape: Shape,
    /// Whether `null` is allowed.
    pub nullable: bool,
    /// The value that the API server fills in when it is absent.
    pub default: Option<Value>,
    /// The only values allowed; empty: any.
    pub allowed: Vec<Value>,
    /// Limits on size and value.
    pub bounds: Bounds,
    /// A regular expression that a string matches somewhere.
    pub pattern: Option<String>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    /// Anything.
    #[default]
    Any,
    /// An object.
    Object(Object),
    /// A list.
    List(List),
    /// A string.
    String(Format),
    /// An integer.
    Int,
    /// A number, perhaps with a fraction.
    Number,
    /// A boolean.
    Bool,
    /// An integer or a string (`x-kubernetes-int-or-string`).
    IntOrString,
    /// An amount such as `500m` or `10Gi`: a string, or a number.
    Quantity,
}

/// What the text of a string stands for, where CEL has a type of its own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Just text.
    #[default]
    Text,
    /// RFC 3339 (`date-time`), or a day (`date`).
    Timestamp,
    /// A duration such as `1h30m`.
    Duration,
    /// Base64 (`byte`).
    Bytes,
}

/// The fields of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    /// The fields that the schema names.
    pub fields: BTreeMap<String, Field>,
    /// The fields that it does not name.
    pub rest: Rest,
    /// A whole Kubernetes object (`x-kubernetes-embedded-resource`), with the fields that every object has among its own.
    pub embedded: bool,
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What its value looks like.
    pub schema: Arc<Schema>,
    /// Whether a valid object always has it. A default counts: the API server fills it in.
    pub required: bool,
}

/// Fields that a schema does not name.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Rest {
    /// None: the API server drops them.
    #[default]
    Nothing,
    /// Anything (`x-kubernetes-preserve-unknown-fields`, `additionalProperties: true`).
    Anything,
    /// Any key with a value of this schema.
    Each(Arc<Schema>),
}

/// The items of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// What each item looks like.
    pub items: Arc<Schema>,
    /// `x-kubernetes-list-type`.
    pub kind: ListKind,
}

/// How a list is merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListKind {
    /// As a whole.
    #[default]
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map: items with equal values of these keys are the same item.
    Map(Vec<String>),
}

/// Limits on a value. What is none is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bounds {
    /// The least number.
    pub minimum: Option<f64>,
    /// The greatest number.
    pub maximum: Option<f64>,
    /// The shortest string, in code points.
    pub min_length: Option<u64>,
    /// The longest string, in code points.
    pub max_length: Option<u64>,
    /// The least number of items.
    pub min_items: Option<u64>,
    /// The greatest number of items.
    pub max_items: Option<u64>,
    /// The greatest number of fields.
    pub max_properties: Option<u64>,
}

/// Why a schema could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema at {at} {what}")]
pub struct SchemaError {
    /// The keys from the schema's root, joined by dots; `<root>` for the root.
    pub at: String,
    /// What is wrong there.
    pub what: String,
}

impl Schema {
    /// Reads OpenAPI v3 JSON, as a CRD's `openAPIV3Schema` or an input's `schema` has it.
    ///
    /// # Errors
    /// A type that is unknown, a keyword of the wrong type, more than [`MAX_NODES`] nodes or [`MAX_DEPTH`] levels.
    pub fn parse(json: &Value) -> Result<Schema, SchemaError> {
        Parser::default().schema(json, 0)
    }

    /// Reads JSON Schema whose shared parts are in `definitions`, and named by `{"$ref": "#/$defs/<name>"}`.
    /// A part that holds itself is [`Shape::Any`] from the second time on.
    pub(crate) fn parse_with(
        json: &Value,
        definitions: &serde_json::Map<String, Value>,
    ) -> Result<Schema, SchemaError> {
        Parser { definitions: Some(definitions), nodes_left: usize::MAX, ..Parser::default() }.schema(json, 0)
    }

    /// The field of that name: one that the schema names, or one that its `additionalProperties` allows.
    pub fn field(&self, name: &str) -> Option<FieldRef<'_>> {
        let Shape::Object(object) = &self.shape else { return None };
        if let Some(field) = object.fields.get(name) {
            return Some(FieldRef { schema: &field.schema, required: field.required, named: true });
        }
        match &object.rest {
            Rest::Nothing => None,
            Rest::Anything => Some(FieldRef { schema: any(), required: false, named: false }),
            Rest::Each(schema) => Some(FieldRef { schema, required: false, named: false }),
        }
    }

    /// The schema of a list's items.
    pub fn items(&self) -> Option<&Arc<Schema>> {
        match &self.shape {
            Shape::List(list) => Some(&list.items),
            _ => None,
        }
    }

    /// The named field whose name is nearest to a mistyped one, if one is near.
    pub fn nearest_field(&self, name: &str) -> Option<&str> {
        let Shape::Object(object) = &self.shape else { return None };
        nearest(name, object.fields.keys().map(String::as_str))
    }

    /// Whether the value may be read as absent although its key is there.
    pub fn may_be_null(&self) -> bool {
        self.nullable || matches!(self.shape, Shape::Any)
    }

    /// What this place asks of an expression that is alone in it.
    pub fn target(&self) -> Target {
        match self.shape {
            Shape::Any | Shape::Object(_) | Shape::List(_) => Target::Any,
            Shape::String(_) | Shape::Quantity => Target::String,
            Shape::Int => Target::Int,
            Shape::Number => Target::Number,
            Shape::Bool => Target::Bool,
            Shape::IntOrString => Target::IntOrString,
        }
    }

    /// The type in words: `string`, `list of string`, `object`.
    pub fn describe(&self) -> String {
        match &self.shape {
            Shape::Any => "any value".to_owned(),
            Shape::Object(Object { rest: Rest::Each(schema), fields, .. }) if fields.is_empty() => {
                format!("map of {}", schema.describe())
            }
            Shape::Object(_) => "object".to_owned(),
            Shape::List(list) => format!("list of {}", list.items.describe()),
            Shape::String(Format::Text) => "string".to_owned(),
            Shape::String(Format::Timestamp) => "string (date and time)".to_owned(),
            Shape::String(Format::Duration) => "string (duration)".to_owned(),
            Shape::String(Format::Bytes) => "string (base64)".to_owned(),
            Shape::Int => "integer".to_owned(),
            Shape::Number => "number".to_owned(),
            Shape::Bool => "boolean".to_owned(),
            Shape::IntOrString => "integer or string".to_owned(),
            Shape::Quantity => "quantity".to_owned(),
        }
    }
}

/// A field as a schema allows it.
#[derive(Debug, Clone, Copy)]
pub struct FieldRef<'a> {
    /// What its value looks like.
    pub schema: &'a Arc<Schema>,
    /// Whether a valid object always has it.
    pub required: bool,
    /// Whether the schema names it; else its `additionalProperties` allow it.
    pub named: bool,
}

/// The candidate that is nearest to a mistyped name, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() {
        return None;
    }
    let allowed = (name.chars().count() / 3).max(1);
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let candidate_lower = candidate.to_lowercase();
            let mut distance = strsim::damerau_levenshtein(&lower, &candidate_lower);
            // `image` for `imageName`: as good as a typing error.
            if lower.len() >= 3 && (candidate_lower.starts_with(&lower) || lower.starts_with(&candidate_lower)) {
                distance = distance.min(allowed);
            }
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= allowed && *candidate != name)
        .min()
        .map(|(_, candidate)| candidate)
}

fn any() -> &'static Arc<Schema> {
    static ANY: std::sync::LazyLock<Arc<Schema>> = std::sync::LazyLock::new(|| Arc::new(Schema::default()));
    &ANY
}

/// The definition that Kubernetes' schemas use for amounts. It has no keyword of its own that tells it from `IntOrString`.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

struct Parser<'a> {
    definitions: Option<&'a serde_json::Map<String, Value>>,
    /// Definitions read so far. None: being read, so that its use inside itself ends there.
    known: HashMap<&'a str, Option<Arc<Schema>>>,
    path: Vec<String>,
    nodes_left: usize,
}

impl Default for Parser<'_> {
    fn default() -> Self {
        Parser { definitions: None, known: HashMap::new(), path: Vec::new(), nodes_left: MAX_NODES }
    }
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, what: impl Into<String>) -> Result<T, SchemaError> {
        let at = if self.path.is_empty() { "<root>".to_owned() } else { self.path.join(".") };
        Err(SchemaError { at, what: what.into() })
    }

    fn child(&mut self, key: &str, json: &'a Value, depth: usize) -> Result<Arc<Schema>, SchemaError> {
        self.path.push(key.to_owned());
        let schema = self.shared(json, depth + 1);
        self.path.pop();
        schema
    }

    fn shared(&mut self, json: &'a Value, depth: usize) -> Result<Arc<Schema>, SchemaError> {
        let Some(name) = json.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/$defs/")) else {
            return self.schema(json, depth).map(Arc::new);
        };
        let Some(definitions) = self.definitions else {
            return self.fail("uses `$ref`, which a structural schema may not");
        };
        let Some((name, definition)) = definitions.get_key_value(name) else {
            return self.fail(format!("refers to `{name}`, which is not defined"));
        };
        match self.known.get(name.as_str()) {
            Some(Some(schema)) => Ok(schema.clone()),
            Some(None) => Ok(any().clone()),
            None if name == QUANTITY => Ok(Arc::new(Schema { shape: Shape::Quantity, ..Schema::default() })),
            None => {
                self.known.insert(name, None);
                let schema = Arc::new(self.schema(definition, depth)?);
                self.known.insert(name, Some(schema.clone()));
                Ok(schema)
            }
        }
    }

    fn schema(&mut self, json: &'a Value, depth: usize) -> Result<Schema, SchemaError> {
        if depth > MAX_DEPTH {
            return self.fail(format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        match self.nodes_left.checked_sub(1) {
            Some(left) => self.nodes_left = left,
            None => {
                return self
                    .fail(format!("is the one after {MAX_NODES} nodes, which is the most that a schema may have"));
            }
        }
        let Some(keywords) = json.as_object() else { return self.fail("is not an object") };
        let flag = |key: &str| keywords.get(key).and_then(Value::as_bool).unwrap_or(false);
        let kind = match keywords.get("type") {
            None => None,
            Some(Value::String(kind)) => Some(kind.as_str()),
            Some(other) => return self.fail(format!("has the type `{other}`; expected the name of one type")),
        };
        let shape = match kind {
            _ if flag("x-kubernetes-int-or-string") => Shape::IntOrString,
            Some("object") => Shape::Object(self.object(keywords, depth)?),
            Some("array") => Shape::List(self.list(keywords, depth)?),
            Some("string") => Shape::String(format(keywords)),
            Some("integer") => Shape::Int,
            Some("number") => Shape::Number,
            Some("boolean") => Shape::Bool,
            None if keywords.contains_key("properties") => Shape::Object(self.object(keywords, depth)?),
            None => Shape::Any,
            Some(other) => {
                let types = ["object", "array", "string", "integer", "number", "boolean"];
                let near = nearest(other, types).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                return self.fail(format!("has the unknown type `{other}`{near}"));
            }
        };
        let count = |key: &str| keywords.get(key).and_then(Value::as_u64);
        // Kubernetes refuses what its own fields of 32 bits cannot hold; of a custom resource's it lets any integer pass.
        let own = self.definitions.is_some() && keywords.get("format").and_then(Value::as_str) == Some("int32");
        let limit = |key: &str| match key {
            "minimum" => f64::from(i32::MIN),
            _ => f64::from(i32::MAX),
        };
        let number = |key: &str| keywords.get(key).and_then(Value::as_f64).or_else(|| own.then(|| limit(key)));
        Ok(Schema {
            shape,
            nullable: flag("nullable"),
            default: keywords.get("default").cloned(),
            allowed: keywords.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            bounds: Bounds {
                minimum: number("minimum"),
                maximum: number("maximum"),
                min_length: count("minLength"),
                max_length: count("maxLength"),
                min_items: count("minItems"),
                max_items: count("maxItems"),
                max_properties: count("maxProperties"),
            },
            pattern: keywords.get("pattern").and_then(Value::as_str).map(str::to_owned),
        })
    }

    fn object(&mut self, keywords: &'a serde_json::Map<String, Value>, depth: usize) -> Result<Object, SchemaError> {
        let required: Vec<&str> = match keywords.get("required") {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(_) => return self.fail("has a `required` that is not a list of names"),
        };
        let mut fields = BTreeMap::new();
        match keywords.get("properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, json) in properties {
                    let schema = self.child(name, json, depth)?;
                    let required = required.contains(&name.as_str()) || schema.default.is_some();
                    fields.insert(name.clone(), Field { schema, required });
                }
            }
            Some(_) => return self.fail("has `properties` that are not an object"),
        }
        let flag = |key: &str| keywords.get(key).and_then(Value::as_bool).unwrap_or(false);
        let preserve = flag("x-kubernetes-preserve-unknown-fields");
        let rest = match keywords.get("additionalProperties") {
            Some(json @ Value::Object(_)) => Rest::Each(self.child("*", json, depth)?),
            Some(Value::Bool(true)) => Rest::Anything,
            // Kubernetes' own types say only `type: object` where they hold any JSON.
            _ if preserve || (self.definitions.is_some() && fields.is_empty()) => Rest::Anything,
            _ => Rest::Nothing,
        };
        let embedded = flag("x-kubernetes-embedded-resource");
        if embedded {
            embedded::complete(&mut fields);
        }
        Ok(Object { fields, rest, embedded })
    }

    fn list(&mut self, keywords: &'a serde_json::Map<String, Value>, depth: usize) -> Result<List, SchemaError> {
        let items = match keywords.get("items") {
            Some(json) => self.child("[]", json, depth)?,
            None => any().clone(),
        };
        let kind = match keywords.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => ListKind::Set,
            Some("map") => {
                let keys = keywords.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                ListKind::Map(keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => ListKind::Atomic,
        };
        Ok(List { items, kind })
    }
}

fn format(keywords: &serde_json::Map<String, Value>) -> Format {
    match keywords.get("format").and_then(Value::as_str) {
        Some("date-time" | "date") => Format::Timestamp,
        Some("duration") => Format::Duration,
        Some("byte") => Format::Bytes,
        _ => Format::Text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> Schema {
        Schema::parse(&json!({
            "type": "object",
            "required": ["version"],
            "properties": {
                "version": {"type": "string"},
                "replicas": {"type": "integer", "default": 1, "minimum": 0},
                "ratio": {"type": "number"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "ports": {
                    "type": "array", "minItems": 1, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "target": {"x-kubernetes-int-or-string": true},
                "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "at": {"type": "string", "format": "date-time"},
            },
        }))
        .unwrap()
    }

    #[test]
    fn fields_know_whether_they_are_always_there() {
        let spec = spec();
        assert!(spec.field("version").unwrap().required);
        assert!(spec.field("replicas").unwrap().required, "the API server fills a default in");
        assert!(!spec.field("ratio").unwrap().required);
        assert!(spec.field("other").is_none());
        assert!(!spec.field("labels").unwrap().schema.field("a").unwrap().named);
        assert!(spec.field("extra").unwrap().schema.field("a").is_some());
        let ports = spec.field("ports").unwrap().schema.clone();
        assert_eq!(ports.bounds.min_items, Some(1));
        assert!(matches!(&ports.shape, Shape::List(List { kind: ListKind::Map(keys), .. }) if keys == &["name"]));
        assert!(ports.items().unwrap().field("name").is_some());
    }

    #[test]
    fn targets_follow_the_type() {
        let spec = spec();
        let target = |name: &str| spec.field(name).unwrap().schema.target();
        assert_eq!(target("version"), Target::String);
        assert_eq!(target("replicas"), Target::Int);
        assert_eq!(target("ratio"), Target::Number);
        assert_eq!(target("target"), Target::IntOrString);
        assert_eq!(target("ports"), Target::Any);
    }

    #[test]
    fn a_mistyped_field_finds_its_neighbour() {
        let spec = spec();
        assert_eq!(spec.nearest_field("replica"), Some("replicas"));
        assert_eq!(spec.nearest_field("verison"), Some("version"));
        assert_eq!(spec.nearest_field("storage"), None);
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place() {
        let error = Schema::parse(&json!({"type": "object", "properties": {"a": {"type": "strng"}}})).unwrap_err();
        assert_eq!(error.to_string(), "the schema at a has the unknown type `strng`; did you mean `string`?");
    }

    #[test]
    fn a_schema_is_bounded() {
        let mut deep = json!({"type": "string"});
        for _ in 0..=MAX_DEPTH {
            deep = json!({"type": "array", "items": deep});
        }
        assert!(Schema::parse(&deep).unwrap_err().what.contains("deeper"));
        let many: serde_json::Map<_, _> =
            (0..MAX_NODES).map(|i| (format!("f{i}"), json!({"type": "string"}))).collect();
        assert!(Schema::parse(&json!({"type": "object", "properties": many})).unwrap_err().what.contains("nodes"));
    }
}
