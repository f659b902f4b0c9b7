//! What is known of a value: its fields, its items, or its type.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::gather::Step;
use crate::cel::ast::{Expr, Type};
use crate::model::Target;
use crate::yaml::{Node, Value};

/// The type of a single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Int,
    Number,
    Bool,
    IntOrText,
}

/// A value of the resource, as far as it is used.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    fields: BTreeMap<String, Shape>,
    items: Option<Box<Shape>>,
    scalar: Option<Scalar>,
    /// It has to be there.
    needed: bool,
    /// Somewhere it is asked whether it is there, or something else is taken where it is not.
    asked: bool,
}

/// How deep a shape may be: as deep as a schema.
const DEEPEST: usize = 32;
/// How many fields a value may have.
const MOST: usize = 500;

/// The bounds of what is inferred: without any, what goes through a list would cost more than an expression may.
const MOST_ITEMS: u64 = 100;
const LONGEST: u64 = 1024;

fn text() -> Json {
    json!({"type": "string", "maxLength": LONGEST})
}

impl Scalar {
    pub(super) fn of_target(target: Target) -> Option<Self> {
        match target {
            Target::Any => None,
            Target::String => Some(Self::Text),
            Target::Int => Some(Self::Int),
            Target::Number => Some(Self::Number),
            Target::Bool => Some(Self::Bool),
            Target::IntOrString => Some(Self::IntOrText),
        }
    }

    pub(super) fn of_type(ty: &Type) -> Option<Self> {
        match ty {
            Type::String => Some(Self::Text),
            Type::Int | Type::UInt => Some(Self::Int),
            Type::Double => Some(Self::Number),
            Type::Bool => Some(Self::Bool),
            _ => None,
        }
    }

    pub(super) fn of_json(value: &Json) -> Option<Self> {
        match value {
            Json::String(_) => Some(Self::Text),
            Json::Bool(_) => Some(Self::Bool),
            Json::Number(number) if number.is_f64() => Some(Self::Number),
            Json::Number(_) => Some(Self::Int),
            _ => None,
        }
    }

    pub(super) fn of_node(node: &Node) -> Option<Self> {
        match &node.value {
            Value::String(text) if text.has_expressions() => None,
            Value::List(items) => items.first().and_then(Self::of_node),
            _ => Self::of_json(&node.to_json()),
        }
    }

    pub(super) fn of_literal(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::String(_) => Some(Self::Text),
            Expr::Int(_) | Expr::UInt(_) => Some(Self::Int),
            Expr::Float(_) => Some(Self::Number),
            Expr::Bool(_) => Some(Self::Bool),
            _ => None,
        }
    }

    fn schema(self) -> Json {
        match self {
            Self::Text => text(),
            Self::Int => json!({"type": "integer"}),
            Self::Number => json!({"type": "number"}),
            Self::Bool => json!({"type": "boolean"}),
            Self::IntOrText => json!({"x-kubernetes-int-or-string": true, "maxLength": LONGEST}),
        }
    }
}

impl Shape {
    /// The value at a path, made where it is missing. None beyond the bounds of a schema, and below `metadata`, which every
    /// resource has.
    fn at(&mut self, path: &[Step]) -> Option<&mut Shape> {
        if path.len() > DEEPEST
            || !matches!(path.first(), Some(Step::Field(root)) if root == "spec" || root == "status")
        {
            return None;
        }
        path.iter().try_fold(self, |shape, step| match step {
            Step::Item => Some(&mut **shape.items.get_or_insert_default()),
            Step::Field(key) if shape.fields.len() < MOST || shape.fields.contains_key(key) => {
                Some(shape.fields.entry(key.clone()).or_default())
            }
            Step::Field(_) => None,
        })
    }

    /// Notes that there is a value at a path.
    pub(super) fn uses(&mut self, path: &[Step]) {
        self.at(path);
    }

    /// Notes the type of a value; the first that is told is kept.
    pub(super) fn is(&mut self, path: &[Step], scalar: Scalar) {
        if let Some(shape) = self.at(path) {
            shape.scalar.get_or_insert(scalar);
        }
    }

    /// Notes that a value is a list.
    pub(super) fn lists(&mut self, path: &[Step]) {
        if let Some(shape) = self.at(path) {
            shape.items.get_or_insert_default();
        }
    }

    /// Notes that a value may be absent.
    pub(super) fn asks(&mut self, path: &[Step]) {
        if let Some(shape) = self.at(path) {
            shape.asked = true;
        }
    }

    /// Requires the value at a path with all that leads to it. Whether that is news.
    pub(super) fn needs(&mut self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else { return false };
        let inner = match step {
            Step::Field(key) => self.fields.get_mut(key),
            Step::Item => self.items.as_deref_mut(),
        };
        let Some(inner) = inner else { return false };
        let news = !inner.needed;
        inner.needed = true;
        inner.needs(rest) | news
    }

    /// The schema of the root: `spec`, `status` and what the runtime writes there.
    pub(super) fn object(&self, whole: bool) -> Json {
        let none = Shape::default();
        let of = |key: &str| self.fields.get(key).unwrap_or(&none);
        let mut status = of("status").schema(false, true);
        if let Some(properties) = status.get_mut("properties").and_then(Json::as_object_mut) {
            let number = json!({"type": "integer", "format": "int64"});
            properties.insert("observedGeneration".to_owned(), number.clone());
            properties.insert(
                "conditions".to_owned(),
                json!({
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": {
                        "type": "object",
                        "required": ["type", "status"],
                        "properties": {
                            "type": {"type": "string"},
                            "status": {"type": "string"},
                            "reason": {"type": "string"},
                            "message": {"type": "string"},
                            "observedGeneration": number,
                            "lastTransitionTime": {"type": "string", "format": "date-time"},
                        },
                    },
                }),
            );
        }
        let mut root = json!({
            "type": "object",
            "properties": {"spec": of("spec").schema(whole, true), "status": status},
        });
        if let Some(root) = root.as_object_mut().filter(|_| whole || of("spec").needed) {
            root.insert("required".to_owned(), json!(["spec"]));
        }
        root
    }

    /// `object`: it has fields, even if none is used.
    fn schema(&self, whole: bool, object: bool) -> Json {
        if let Some(items) = &self.items {
            return json!({"type": "array", "maxItems": MOST_ITEMS, "items": items.item(whole)});
        }
        if self.fields.is_empty() && !object {
            let unknown = match (whole, self.needed) {
                // Of no type that an expression knows, and never null, so that nothing is wrong with any use of it.
                (true, _) => json!({"x-kubernetes-int-or-string": true, "maxLength": LONGEST}),
                (false, true) => text(),
                (false, false) => json!({"x-kubernetes-preserve-unknown-fields": true}),
            };
            return self.scalar.map_or(unknown, Scalar::schema);
        }
        self.fields(|field| whole || field.needed, |field| field.schema(whole, false))
    }

    /// The schema of an item: its fields are there unless it is asked whether they are.
    fn item(&self, whole: bool) -> Json {
        if self.items.is_some() || self.fields.is_empty() {
            return match self.scalar {
                None if self.items.is_none() && !whole => text(),
                _ => self.schema(whole, false),
            };
        }
        self.fields(|field| whole || field.needed || !field.asked, |field| field.schema(whole, false))
    }

    fn fields(&self, needed: impl Fn(&Shape) -> bool, schema: impl Fn(&Shape) -> Json) -> Json {
        let required: Vec<&String> =
            self.fields.iter().filter(|(_, field)| needed(field)).map(|(key, _)| key).collect();
        let properties: Map<String, Json> =
            self.fields.iter().map(|(key, field)| (key.clone(), schema(field))).collect();
        let mut object = json!({"type": "object"});
        if let Some(object) = object.as_object_mut() {
            if !required.is_empty() {
                object.insert("required".to_owned(), json!(required));
            }
            object.insert("properties".to_owned(), Json::Object(properties));
        }
        object
    }
}
