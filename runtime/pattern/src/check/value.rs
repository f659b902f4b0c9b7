//! Values of the source against the schema of their place: what becomes of a template's manifest, a status field, `cr.yaml`.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::flows::Hole;
use super::plain;
use super::sinks::{self, Of};
use super::strings::{Expressions, Found, Sink};
use crate::cel::{Origins, Place};
use crate::codes::{eras, expressions, keys, manifests as codes};
use crate::diagnostic::Diagnostics;
use crate::model;
use crate::schema::{Object, Rest, Schema, Shape};
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

/// A walk over one value.
pub(super) struct Values<'a, 'b> {
    /// What the value belongs to, for messages: `Deployment`.
    pub(super) of: &'a str,
    /// The names that strings may refer to; none: strings are just text.
    pub(super) expressions: Option<&'a mut Expressions<'b>>,
    pub(super) problems: &'a mut Diagnostics,
    /// The keys down to the value at hand.
    pub(super) path: Vec<String>,
    /// The value is a Secret, which keeps what is secret in its data; true: what is there already is kept.
    pub(super) keeps: Option<bool>,
    /// The value is a manifest of this kind, whose computed values are traced.
    pub(super) traces: Option<Of<'a>>,
    /// Those that were.
    pub(super) holes: Vec<Hole>,
}

impl<'a, 'b> Values<'a, 'b> {
    /// A walk over a value whose strings may hold expressions.
    pub(super) fn new(of: &'a str, expressions: &'a mut Expressions<'b>, problems: &'a mut Diagnostics) -> Self {
        Self {
            of,
            expressions: Some(expressions),
            problems,
            path: Vec::new(),
            keeps: None,
            traces: None,
            holes: Vec::new(),
        }
    }

    /// A walk over a value whose strings are just text.
    pub(super) fn plain(of: &'a str, problems: &'a mut Diagnostics) -> Self {
        Self { of, expressions: None, problems, path: Vec::new(), keeps: None, traces: None, holes: Vec::new() }
    }

    /// Checks a value and everything in it. What is wrong is reported, and null in its stead.
    pub(super) fn value(&mut self, node: &Node, schema: &Schema) -> model::Node {
        match &node.value {
            Value::String(_) => self.string(node, schema),
            Value::List(items) => match &schema.shape {
                Shape::List(list) => {
                    plain::size(node, schema, &self.path(), self.problems);
                    self.list(items, &list.items)
                }
                Shape::Any => self.list(items, &Schema::default()),
                _ => self.wrong_type(node, schema),
            },
            Value::Map(members) => match &schema.shape {
                Shape::Object(object) => {
                    plain::size(node, schema, &self.path(), self.problems);
                    self.required(members, object, node.span);
                    self.map(members, schema, object)
                }
                Shape::Any => self.map(members, &Schema::default(), &anything()),
                _ => self.wrong_type(node, schema),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                plain::check(node, schema, &self.path(), self.problems);
                model::Node::Plain(node.to_json())
            }
        }
    }

    /// One field of a map: a value without anything in it is refused at its key, because Kubernetes would drop it.
    pub(super) fn field(&mut self, key: &Key, node: &Node, schema: &Schema) -> model::Node {
        self.path.push(key.text.clone());
        let value = if node.value == Value::Null && !schema.nullable {
            self.problems.push(codes::nothing(key.span, &key.text));
            broken()
        } else {
            self.value(node, schema)
        };
        self.path.pop();
        value
    }

    fn list(&mut self, items: &[Node], schema: &Schema) -> model::Node {
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            // An index belongs to the key before it: `containers[0]`.
            let last = self.path.last().cloned().unwrap_or_default();
            self.path.push(format!("{last}[{index}]"));
            if item.value == Value::Null && !schema.nullable {
                self.problems.push(codes::nothing(item.span, "-"));
            }
            found.push(self.value(item, schema));
            self.path.pop();
        }
        list_of(found)
    }

    fn map(&mut self, members: &[(Key, Node)], schema: &Schema, object: &Object) -> model::Node {
        let mut found = Vec::with_capacity(members.len());
        for (key, node) in members {
            if self.expressions.is_some() && key.text.contains("{{") {
                let problem = keys::wrong_kind(key.span, "a key", "text without expressions", "an expression");
                self.problems.push(problem.hint("make the map by one expression: \"{{ {spec.key: spec.value} }}\""));
                continue;
            }
            let field = schema.field(&key.text).map(|field| field.schema.clone());
            let value = match (field, &object.rest) {
                (Some(field), _) => self.field(key, node, &field),
                (None, Rest::Anything) => self.field(key, node, &Schema::default()),
                (None, _) => {
                    if !self.problems.is_full() {
                        // Among thousands of fields a neighbour is found by chance.
                        let few = object.fields.len() < 1_000;
                        let near = if few { schema.nearest_field(&key.text) } else { None };
                        let of = self.owner();
                        self.problems.push(codes::unknown_field(key.span, &key.text, &of, near));
                    }
                    continue;
                }
            };
            if object.fields.get(&key.text).is_some_and(|field| field.required) {
                self.always_there(key, node, &value);
            }
            found.push((key.text.clone(), value));
        }
        map_of(found)
    }

    fn required(&mut self, members: &[(Key, Node)], object: &Object, span: Span) {
        let present: HashSet<&str> = members.iter().map(|(key, _)| key.text.as_str()).collect();
        for (name, field) in &object.fields {
            let needed = field.required && field.schema.default.is_none();
            if needed && !present.contains(name.as_str()) {
                let at = members.first().map_or(span, |(key, _)| key.span);
                let of = self.owner();
                self.problems.push(codes::missing_field(at, name, &of));
            }
        }
    }

    /// A required field would be left out together with an absent value, and the API server would refuse the object.
    fn always_there(&mut self, key: &Key, node: &Node, value: &model::Node) {
        let model::Node::Hole(text, _) = value else { return };
        if let [model::Part::Expression(checked)] = text.parts.as_slice()
            && checked.path
        {
            let problem = expressions::required(node.span, &key.text, &self.owner(), checked.source.trim());
            self.problems.push(problem);
        }
    }

    fn string(&mut self, node: &Node, schema: &Schema) -> model::Node {
        let sink = match (self.keeps, self.path.first().map(String::as_str)) {
            (Some(once), Some(at @ ("data" | "stringData"))) => Sink::Kept { once: once && at == "data" },
            _ => Sink::Shown,
        };
        let found = match &mut self.expressions {
            Some(expressions) => {
                expressions.sink = sink;
                expressions.string(node, Place::Value(Some(schema)), self.problems)
            }
            None => Found::Plain,
        };
        if let Found::Lone(text) | Found::Mixed(text) = &found {
            self.trace(text, node.span, schema);
        }
        match found {
            Found::Plain => {
                let said = self.said_as_text(node, schema);
                let node = said.as_ref().unwrap_or(node);
                plain::check(node, schema, &self.path(), self.problems);
                model::Node::Plain(node.to_json())
            }
            Found::Lone(text) => model::Node::Hole(text, schema.target()),
            Found::Mixed(_) if matches!(schema.shape, Shape::Object(_) | Shape::List(_)) => {
                self.wrong_type(node, schema)
            }
            Found::Mixed(text) => model::Node::Hole(text, schema.target()),
            Found::Broken => broken(),
        }
    }

    /// A number or boolean that a Katalog writes as text, which is an older spelling.
    fn said_as_text(&mut self, node: &Node, schema: &Schema) -> Option<Node> {
        let file = self.expressions.as_ref()?.source.file(node.span.file)?;
        let text = node.text()?;
        let value = match schema.shape {
            Shape::Int | Shape::Number => {
                Value::Number(text.parse::<i64>().ok().filter(|number| number.to_string() == text)?.into())
            }
            Shape::Bool => Value::Bool(text.parse().ok()?),
            _ => return None,
        };
        let written = file.text().get(node.span.start as usize..node.span.end as usize);
        let quoted = ['"', '\''].iter().any(|quote| written == Some(&format!("{quote}{text}{quote}")));
        self.problems.push(eras::as_text(node.span, text, quoted));
        Some(Node { span: node.span, value })
    }

    /// Notes what flows into a computed value of a manifest, and what that decides.
    fn trace(&mut self, text: &model::Text, span: Span, schema: &Schema) {
        let (Some(of), Some(expressions)) = (self.traces, &self.expressions) else { return };
        let checked = text.parts.iter().filter_map(|part| match part {
            model::Part::Expression(checked) => Some(checked),
            model::Part::Literal(_) => None,
        });
        let origins: Origins = checked.flat_map(|checked| checked.origins.iter().cloned()).collect();
        if origins.is_empty() {
            return;
        }
        let path = self.keys();
        let decides = match text.parts.as_slice() {
            [model::Part::Expression(checked)] => sinks::within(of, &path, schema, &checked.ty, expressions.scope),
            _ => sinks::decides(of, &path),
        };
        let path = path.into_iter().map(str::to_owned).collect();
        self.holes.push(Hole { path, origins, decides, span });
    }

    /// The keys down to the value at hand, without places in lists.
    fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for name in &self.path {
            // `containers[0]` stands behind `containers`.
            let item = keys.last().is_some_and(|last| {
                name.strip_prefix(last).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
            });
            if !item {
                keys.push(name);
            }
        }
        keys
    }

    fn wrong_type(&mut self, node: &Node, schema: &Schema) -> model::Node {
        // Of a list or map the first line is enough to see it.
        self.problems.push(codes::wrong_type(node.span, &self.path(), &schema.describe(), &node.describe(), None));
        broken()
    }

    /// The path of the value at hand, `spec.containers[0].name`.
    fn path(&self) -> String {
        let mut path: Vec<&str> = Vec::new();
        for name in &self.path {
            // `containers[0]` stands for itself and for `containers` before it.
            if name.ends_with(']') && path.last().is_some_and(|last| name.starts_with(last)) {
                path.pop();
            }
            path.push(name);
        }
        if path.is_empty() { self.of.to_owned() } else { path.join(".") }
    }

    fn owner(&self) -> String {
        if self.path.is_empty() { self.of.to_owned() } else { format!("`{}` of {}", self.path(), self.of) }
    }
}

/// A list, plain where all of it is: `[]` and `{}` as they are written must not be taken for what is left when everything in
/// them is absent.
fn list_of(items: Vec<model::Node>) -> model::Node {
    let plain = |item: &model::Node| match item {
        model::Node::Plain(value) => Some(value.clone()),
        _ => None,
    };
    match items.iter().map(plain).collect::<Option<Vec<_>>>() {
        Some(values) => model::Node::Plain(Json::Array(values)),
        None => model::Node::List(items),
    }
}

/// A map, plain where all of it is.
fn map_of(members: Vec<(String, model::Node)>) -> model::Node {
    let plain = |(key, value): &(String, model::Node)| match value {
        model::Node::Plain(value) => Some((key.clone(), value.clone())),
        _ => None,
    };
    match members.iter().map(plain).collect::<Option<serde_json::Map<_, _>>>() {
        Some(values) => model::Node::Plain(Json::Object(values)),
        None => model::Node::Map(members),
    }
}

/// What stands for a value that was reported: there is no pattern then.
pub(super) fn broken() -> model::Node {
    model::Node::Plain(Json::Null)
}

fn anything() -> Object {
    Object { rest: Rest::Anything, ..Object::default() }
}
