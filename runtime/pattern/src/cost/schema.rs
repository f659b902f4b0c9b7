//! What a schema says of sizes, by the rules of Kubernetes' own estimate (`k8s.io/apiserver/pkg/cel/common/schemas.go`): a bound
//! where there is one, else what fits into a request.

use std::sync::{Arc, LazyLock};

use super::ASSUMED;
use super::extent::{Extent, Owner, REQUEST, Size, Unbounded, base64};
use crate::schema::{Field, Format, MAX_DEPTH, Object, Rest, Schema, Shape};

/// The longest date, time or duration as JSON.
const TIME: u64 = 32;
/// The longest name of an object: a DNS subdomain. Here and below from Kubernetes' documentation of names and of labels.
const NAME: u64 = 253;
/// The longest name of a namespace, and the longest value of a label: a DNS label.
const LABEL: u64 = 63;
/// The longest key of a label or annotation: a subdomain, a slash, a name.
const KEY: u64 = NAME + 1 + LABEL;
/// The length of a UID.
const UID: u64 = 36;
/// The longest resource version: the digits of a 64-bit number.
const REVISION: u64 = 20;
/// The most bytes that a Secret or a ConfigMap holds, all of its values together: `MaxSecretSize`, and what the documentation of
/// ConfigMaps says. Their number no rule bounds, because a value may be empty.
const HELD: u64 = 1024 * 1024;
/// The most bytes of all annotations of an object.
const ANNOTATIONS: u64 = 256 * 1024;

/// What Kubernetes knows of an object beside its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is a whole object.
    Whole,
    /// It is the `metadata` of one.
    Metadata,
    /// Nothing.
    Plain,
}

/// A schema, and where its value lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    schema: Arc<Schema>,
    path: Arc<str>,
    owner: Owner,
    role: Role,
}

impl Place {
    pub(crate) fn new(schema: Arc<Schema>, path: &str, owner: Owner, role: Role) -> Place {
        Place { schema, path: path.into(), owner, role }
    }

    fn below(&self, schema: &Arc<Schema>, path: String, role: Role) -> Extent {
        // What is in a metadata no schema of a pattern may bound, but for the names.
        let owner = if role == Role::Metadata { Owner::Others } else { self.owner };
        Extent::Of(Place { schema: schema.clone(), path: path.into(), owner, role })
    }

    fn step(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn unbounded(&self, keyword: &'static str) -> Option<Arc<Unbounded>> {
        // A path of the metadata is bounded by nobody.
        let owner = if self.path.starts_with("metadata") { Owner::Others } else { self.owner };
        Some(Arc::new(Unbounded { path: self.path.to_string(), keyword, owner }))
    }

    fn text(&self) -> Extent {
        let bounds = &self.schema.bounds;
        let enumerated = self.schema.allowed.iter().filter_map(|value| value.as_str());
        let longest = enumerated.fold((0, 2), |(bytes, json), text| {
            (bytes.max(text.len() as u64), json.max(serde_json::Value::from(text).to_string().len() as u64))
        });
        match (bounds.max_length, self.schema.allowed.is_empty()) {
            (_, false) => Extent::Text { bytes: Size::known(longest.0), json: longest.1, binary: false },
            // The bound counts code points, of which one has up to four bytes, and up to six as JSON.
            (Some(most), _) if most < REQUEST / 6 => {
                Extent::Text { bytes: Size::known(most * 4), json: most * 6 + 2, binary: false }
            }
            _ => {
                let bytes = Size { most: REQUEST - 2, because: self.unbounded("maxLength") };
                Extent::Text { bytes, json: REQUEST, binary: false }
            }
        }
    }

    /// The value's form; none: it is an object with fields.
    pub(crate) fn shape(&self) -> Option<Extent> {
        Some(match &self.schema.shape {
            Shape::Any => Extent::Any(self.unbounded("type")),
            Shape::Int | Shape::Number | Shape::Bool => Extent::Scalar,
            Shape::String(Format::Timestamp | Format::Duration) => Extent::plain(TIME),
            Shape::String(Format::Bytes) => match self.text() {
                Extent::Text { bytes, json, .. } => Extent::Text { bytes, json, binary: true },
                other => other,
            },
            Shape::String(Format::Text) => self.text(),
            Shape::IntOrString | Shape::Quantity => Extent::one_of([self.text(), Extent::Scalar]),
            Shape::List(list) => {
                let most = self.schema.bounds.max_items;
                let fit = (REQUEST - 2) / (smallest(&list.items, 0) + 1);
                Extent::List {
                    len: self.count(most, fit, "maxItems"),
                    item: Arc::new(self.below(&list.items, format!("{}[]", self.path), Role::Plain)),
                    // It lies in one object.
                    total: Some(REQUEST),
                }
            }
            Shape::Object(object) if !object.fields.is_empty() || self.role != Role::Plain || object.embedded => {
                return None;
            }
            Shape::Object(object) => match &object.rest {
                Rest::Nothing => {
                    let nothing = || Arc::new(Extent::Scalar);
                    Extent::Map { len: Size::default(), key: nothing(), value: nothing(), total: None }
                }
                rest => {
                    let len = self.count(self.schema.bounds.max_properties, entries(rest), "maxProperties");
                    Extent::Map {
                        key: Arc::new(self.any_name(&len)),
                        len,
                        value: Arc::new(self.rest(rest)),
                        total: None,
                    }
                }
            },
        })
    }

    fn count(&self, bound: Option<u64>, fit: u64, keyword: &'static str) -> Size {
        match bound {
            Some(most) if most <= fit => Size::known(most),
            // Nobody who writes a pattern could bound it.
            _ if self.owner == Owner::Others => Size::known(fit.min(ASSUMED)),
            _ => Size { most: fit, because: self.unbounded(keyword) },
        }
    }

    /// A key that no schema names. There is no bound for one, but all of a map together fit into a request: each is taken to be its
    /// share, so that what is done with all of them costs what it may.
    fn any_name(&self, len: &Size) -> Extent {
        let bytes = Size { most: REQUEST.div_ceil(len.most.max(1)), because: len.because.clone() };
        let json = bytes.most.saturating_add(2);
        Extent::Text { bytes, json, binary: false }
    }

    fn rest(&self, rest: &Rest) -> Extent {
        match rest {
            Rest::Nothing => Extent::Scalar,
            Rest::Anything => Extent::Any(self.unbounded("type")),
            Rest::Each(schema) => self.below(schema, self.step("*"), Role::Plain),
        }
    }

    /// Whether it is an object of Kubernetes, by itself or in a field.
    fn is_whole(&self) -> bool {
        self.role == Role::Whole || self.object().embedded
    }

    fn object(&self) -> &Object {
        static NONE: LazyLock<Object> = LazyLock::new(Object::default);
        match &self.schema.shape {
            Shape::Object(object) => object,
            _ => &NONE,
        }
    }

    /// How many fields an object has.
    pub(crate) fn fields(&self) -> Size {
        let object = self.object();
        let named = Size::known(object.fields.len() as u64 + 3);
        match &object.rest {
            Rest::Nothing => named,
            rest => named.and(&self.count(self.schema.bounds.max_properties, entries(rest), "maxProperties")),
        }
    }

    /// A field of an object.
    pub(crate) fn field(&self, name: &str) -> Extent {
        let object = self.object();
        let role = if self.is_whole() && name == "metadata" { Role::Metadata } else { Role::Plain };
        if let Some(known) = self.known(name) {
            return known;
        }
        match (object.fields.get(name), &object.rest) {
            (Some(Field { schema, .. }), _) => self.below(schema, self.step(name), role),
            (None, rest) => self.rest(rest),
        }
    }

    /// A field that Kubernetes bounds itself.
    fn known(&self, name: &str) -> Option<Extent> {
        let map = |key: u64, value: Extent, total: Option<u64>| Extent::Map {
            len: Size::known(ASSUMED),
            key: Arc::new(Extent::plain(key)),
            value: Arc::new(value),
            total,
        };
        let labels = |value: u64, total: Option<u64>| map(KEY, Extent::text_of(Size::known(value)), total);
        // What is held is bounded as a whole.
        let held = || map(NAME, Extent::text_of(Size::known(HELD)), Some(HELD));
        let encoded = || {
            let bytes = Size::known(base64(HELD));
            let value = Extent::Text { bytes, json: base64(HELD) + 2, binary: true };
            // Each value is filled up to four characters.
            map(NAME, value, Some(base64(HELD) + 4 * ASSUMED))
        };
        let fields = &self.object().fields;
        // What a schema says of a name, which it may at an embedded object, is said of just this one.
        if fields
            .get(name)
            .is_some_and(|field| !field.schema.allowed.is_empty() || field.schema.bounds.max_length.is_some())
        {
            return None;
        }
        let holds = self.role == Role::Whole && self.owner == Owner::Others && fields.contains_key("immutable");
        let role = if self.is_whole() { Role::Whole } else { self.role };
        match (role, name) {
            // A Secret's and a ConfigMap's.
            (_, "data") if holds && fields.contains_key("stringData") => Some(encoded()),
            (_, "data") if holds && fields.contains_key("binaryData") => Some(held()),
            (_, "stringData") if holds => Some(held()),
            (_, "binaryData") if holds => Some(encoded()),
            (Role::Whole, "apiVersion") => Some(Extent::plain(KEY)),
            (Role::Whole, "kind") => Some(Extent::plain(LABEL)),
            (Role::Metadata, "name" | "generateName") => Some(Extent::plain(NAME)),
            (Role::Metadata, "namespace") => Some(Extent::plain(LABEL)),
            (Role::Metadata, "uid") => Some(Extent::plain(UID)),
            (Role::Metadata, "resourceVersion") => Some(Extent::plain(REVISION)),
            (Role::Metadata, "labels") => Some(labels(LABEL, None)),
            (Role::Metadata, "annotations") => Some(labels(ANNOTATIONS, Some(ANNOTATIONS))),
            _ => None,
        }
    }

    /// The value of any field.
    pub(crate) fn any_field(&self) -> Extent {
        let object = self.object();
        let named = object.fields.keys().map(|name| self.field(name));
        Extent::one_of(named.chain([self.rest(&object.rest)]))
    }

    /// The name of any field.
    pub(crate) fn any_key(&self) -> Extent {
        let object = self.object();
        let longest = object.fields.keys().map(String::len).max().unwrap_or(0) as u64;
        match &object.rest {
            Rest::Nothing => Extent::text_of(Size::known(longest)),
            _ => self.any_name(&self.fields()),
        }
    }

    /// Bytes of the value's JSON.
    pub(crate) fn json(&self) -> Size {
        self.sum(&|extent| extent.json(), &|name, json| json.saturating_add(name.len() as u64 + 4), 2)
    }

    /// Units of comparing it.
    pub(crate) fn weight(&self) -> Size {
        self.sum(&|extent| extent.weight(), &|_, weight| weight.saturating_add(1), 0)
    }

    fn sum(&self, of: &dyn Fn(&Extent) -> Size, field: &dyn Fn(&str, u64) -> u64, base: u64) -> Size {
        let limit = Size { most: REQUEST, because: self.unbounded("type") };
        if let Some(shape) = self.shape() {
            let size = of(&shape);
            return if size.most < REQUEST { size } else { Size { most: REQUEST, ..size } };
        }
        let object = self.object();
        let mut all = Size::known(base);
        for name in object.fields.keys() {
            let size = of(&self.field(name)).map(|size| field(name, size));
            all = all.and(&size);
            if all.most >= REQUEST {
                return Size { most: REQUEST, because: all.because.or(limit.because) };
            }
        }
        match object.rest {
            Rest::Nothing => all,
            _ => limit,
        }
    }
}

/// How many entries of that kind fit into a request: two bytes of braces, and for each quotes, colon, comma and a value.
fn entries(rest: &Rest) -> u64 {
    let value = match rest {
        Rest::Each(schema) => smallest(schema, 0),
        Rest::Nothing | Rest::Anything => 1,
    };
    (REQUEST - 2) / (value + 6)
}

/// The bytes of the smallest JSON that fits a schema.
fn smallest(schema: &Schema, depth: usize) -> u64 {
    if depth > MAX_DEPTH {
        return 1;
    }
    match &schema.shape {
        // `null`
        _ if schema.nullable => smallest(&Schema { nullable: false, ..schema.clone() }, depth + 1).min(4),
        Shape::Any | Shape::Int | Shape::Number | Shape::IntOrString | Shape::Quantity => 1,
        Shape::Bool => 4,
        Shape::String(_) | Shape::List(_) => 2,
        Shape::Object(object) => {
            // A default is filled in by the API server, and so takes no part of the request.
            let required = object.fields.iter().filter(|(_, field)| field.required && field.schema.default.is_none());
            required.fold(2, |sum, (name, field)| sum + name.len() as u64 + smallest(&field.schema, depth + 1) + 4)
        }
    }
}
