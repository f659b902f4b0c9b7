//! Objects that a schema allows: edges first, then at random.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{fill, text};
use crate::schema::{Field, Format, ListKind, Object, Rest, Schema, Shape};

/// Deeper than this only what is required is made.
const DEPTH: usize = 12;
/// The most values of one object: a schema that branches must not fill the memory.
const VALUES: usize = 20_000;
/// What is not required is made as long as there are fewer: some objects are large, and most are not.
const WANTED: [usize; 2] = [2_000, 300];
/// Every so many objects one may be large.
const LARGE: usize = 50;

/// Makes objects.
pub(super) struct Generator {
    rng: fastrand::Rng,
    /// Keys of `metadata.labels` and `metadata.annotations` that the rules know.
    metadata: BTreeSet<(String, String)>,
    left: usize,
    wanted: usize,
    /// How many of ten optional fields are there.
    presence: u8,
}

impl Generator {
    pub(super) fn new(seed: u64, metadata: BTreeSet<(String, String)>) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), metadata, left: 0, wanted: 0, presence: 5 }
    }

    pub(super) fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// Whether values are left for what is not required.
    fn roomy(&self) -> bool {
        self.left > VALUES - self.wanted
    }

    /// The object of a number: the first has every field, the second only what must be there, the others are between. None where what
    /// the schema requires is too much.
    pub(super) fn object(&mut self, schema: &Schema, number: usize) -> Option<Value> {
        self.left = VALUES;
        let [large, small] = WANTED;
        self.wanted = if number.is_multiple_of(LARGE) { large } else { small };
        self.presence = match number {
            0 => 10,
            1 => 0,
            _ => [2, 5, 8, 10].get(number % 4).copied().unwrap_or(5),
        };
        let mut object = self.value(schema, 0);
        let metadata = self.metadata();
        if let Some(root) = object.as_object_mut() {
            root.insert("metadata".to_owned(), metadata);
        }
        // A default may be an object that lacks the defaults of its own fields.
        fill::defaults(schema, &mut object);
        (self.left > 0).then_some(object)
    }

    fn metadata(&mut self) -> Value {
        let mut metadata = Map::new();
        for part in ["labels", "annotations"] {
            let known: Vec<String> =
                self.metadata.iter().filter(|(of, _)| of == part).map(|(_, key)| key.clone()).collect();
            let mut map = Map::new();
            for key in known {
                if self.there() {
                    map.insert(key, self.label(part));
                }
            }
            if self.rng.u8(0..4) == 0 {
                map.insert("example.com/other".to_owned(), self.label(part));
            }
            if !map.is_empty() {
                metadata.insert(part.to_owned(), map.into());
            }
        }
        metadata.into()
    }

    fn label(&mut self, part: &str) -> Value {
        let values: &[&str] = match part {
            "labels" => &["a", "", "x.y", "7"],
            _ => &["a", "", "x: y", "{\"a\":1}", "7"],
        };
        values.get(self.rng.usize(0..values.len())).copied().unwrap_or("a").into()
    }

    fn there(&mut self) -> bool {
        self.rng.u8(0..10) < self.presence
    }

    fn value(&mut self, schema: &Schema, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Value::Null;
        }
        if schema.nullable && self.rng.u8(0..8) == 0 {
            return Value::Null;
        }
        if !schema.allowed.is_empty() {
            return schema.allowed.get(self.rng.usize(0..schema.allowed.len())).cloned().unwrap_or_default();
        }
        match &schema.shape {
            Shape::Any => self.anything(),
            Shape::Object(object) => self.fields(object, depth),
            Shape::List(list) => {
                let least = schema.bounds.min_items.unwrap_or(0).min(8) as usize;
                let most = schema.bounds.max_items.unwrap_or(3).clamp(least as u64, (least + 3) as u64) as usize;
                let count = if !self.roomy() || depth > DEPTH { least } else { self.rng.usize(least..=most) };
                let mut items: Vec<Value> = Vec::new();
                for _ in 0..count {
                    if self.left == 0 {
                        break;
                    }
                    let item = self.value(&list.items, depth + 1);
                    if !repeats(&list.kind, &items, &item) {
                        items.push(item);
                    }
                }
                items.into()
            }
            Shape::String(format) => self.string(schema, *format),
            Shape::Int => self.int(schema).into(),
            Shape::Number => self.number(schema),
            Shape::Bool => self.rng.bool().into(),
            Shape::IntOrString | Shape::Quantity => match self.rng.u8(0..4) {
                0 => json!("50%"),
                1 => json!("8080"),
                2 => json!("http"),
                _ => self.int(schema).into(),
            },
        }
    }

    fn fields(&mut self, object: &Object, depth: usize) -> Value {
        let mut made = Map::new();
        // Begun anywhere, so that where there is no room for all each has its turn.
        let start = self.rng.usize(0..object.fields.len().max(1));
        for (name, field) in object.fields.iter().cycle().skip(start).take(object.fields.len()) {
            let Field { schema, required } = field;
            let default = schema.default.as_ref();
            let wanted = *required || default.is_some();
            if !wanted && (!self.roomy() || depth > DEPTH || !self.there()) {
                continue;
            }
            let value = match default {
                Some(default) if self.rng.u8(0..3) == 0 || depth > DEPTH => default.clone(),
                _ => self.value(schema, depth + 1),
            };
            made.insert(name.clone(), value);
        }
        if depth <= DEPTH && self.roomy() {
            for key in ["a", "b.c/d", "key"] {
                match &object.rest {
                    Rest::Nothing => {}
                    Rest::Anything if self.rng.u8(0..4) == 0 && !made.contains_key(key) => {
                        let value = self.anything();
                        made.insert(key.to_owned(), value);
                    }
                    Rest::Each(schema) if self.there() && !made.contains_key(key) => {
                        let value = self.value(schema, depth + 1);
                        made.insert(key.to_owned(), value);
                    }
                    Rest::Anything | Rest::Each(_) => {}
                }
            }
        }
        made.into()
    }

    fn anything(&mut self) -> Value {
        let values =
            [json!("s"), json!(1), json!(true), json!({"a": 1}), json!([1, "b"]), json!({}), json!([]), json!(0.5)];
        values.get(self.rng.usize(0..values.len())).cloned().unwrap_or_default()
    }

    fn string(&mut self, schema: &Schema, format: Format) -> Value {
        let bounds = &schema.bounds;
        let (least, most) = (bounds.min_length.unwrap_or(0), bounds.max_length.unwrap_or(64));
        let fits = |text: &str| (least..=most).contains(&(text.chars().count() as u64));
        if let Some(pattern) = &schema.pattern {
            // A pattern that no text is found for has the plain ones.
            let found = (0..20).find_map(|_| text::matching(pattern, &mut self.rng).filter(|text| fits(text)));
            if let Some(text) = found {
                return text.into();
            }
        }
        let values: &[&str] = match format {
            Format::Timestamp => &["2026-11-28T12:00:00Z", "2026-11-28T12:00:00.5+01:00", "0001-01-01T00:00:00Z"],
            Format::Duration => &["1h30m", "0s", "90s"],
            Format::Bytes => &["YQ==", "", "AAEC"],
            Format::Text => &[
                "a",
                "",
                "b",
                "a:b",
                "a:1",
                "a:b:c",
                "x,y",
                "a/b",
                "true",
                "0",
                "007",
                "1.50",
                "9007199254740993",
                " ",
                "é\"\\",
            ],
        };
        let mut text = values.get(self.rng.usize(0..values.len())).copied().unwrap_or("a").to_owned();
        while (text.chars().count() as u64) < least.min(256) {
            text.push('a');
        }
        text.chars().take(most.min(256) as usize).collect::<String>().into()
    }

    fn int(&mut self, schema: &Schema) -> i64 {
        let least = schema.bounds.minimum.map_or(i64::MIN, |bound| bound.ceil() as i64);
        let most = schema.bounds.maximum.map_or(i64::MAX, |bound| bound.floor() as i64);
        let edges = [0, 1, -1, 2, 100, 8080, least, most, i64::from(i32::MAX), 9_007_199_254_740_993];
        let fitting: Vec<i64> = edges.into_iter().filter(|value| (least..=most).contains(value)).collect();
        fitting.get(self.rng.usize(0..fitting.len().max(1))).copied().unwrap_or(least)
    }

    fn number(&mut self, schema: &Schema) -> Value {
        let bounds = &schema.bounds;
        let fits = |value: f64| {
            bounds.minimum.is_none_or(|least| value >= least) && bounds.maximum.is_none_or(|most| value <= most)
        };
        let mut edges = vec![0.0, 1.0, 0.5, -1.25, 0.1, 3.0, 1e21];
        edges.extend(bounds.minimum);
        edges.extend(bounds.maximum);
        edges.retain(|value| fits(*value));
        let value = edges.get(self.rng.usize(0..edges.len().max(1))).copied().unwrap_or_default();
        // The API server writes whole numbers without a point.
        if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
    }
}

/// Whether a list may not have an item beside those that it has.
fn repeats(kind: &ListKind, items: &[Value], item: &Value) -> bool {
    match kind {
        ListKind::Atomic => false,
        ListKind::Set => items.contains(item),
        ListKind::Map(keys) => items.iter().any(|other| keys.iter().all(|key| other.get(key) == item.get(key))),
    }
}
