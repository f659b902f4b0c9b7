//! Objects within a schema's bounds, as large as they allow and smaller.

use orkestra_pattern::schema::{Format, Object, Rest, Schema, Shape};
use serde_json::{Map, Value, json};

/// Numbers that look random and are the same every time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// What texts are made of: one byte, four bytes, and what JSON escapes with six.
const LETTERS: [char; 6] = ['a', '\u{1f600}', '\u{1}', 'z', '"', '-'];

/// So many objects: the first ones are full and of one letter each, the others as it comes.
pub(crate) fn objects(schema: &Schema, count: usize) -> Vec<Value> {
    let object = |number: usize| {
        let mut random = Random::new(number as u64 + 1);
        let mut fill = Fill { random: &mut random, letter: LETTERS.get(number).copied(), full: number < LETTERS.len() };
        let mut object = fill.value(schema);
        object["apiVersion"] = json!("example.com/v1");
        object["kind"] = json!("Thing");
        let name = "n".repeat(if number == 0 { 253 } else { 3 });
        object["metadata"] = json!({"name": name, "namespace": "n".repeat(63), "uid": "u".repeat(36)});
        object
    };
    (0..count).map(object).collect()
}

pub(crate) struct Fill<'a> {
    pub(crate) random: &'a mut Random,
    /// The letter of all texts.
    pub(crate) letter: Option<char>,
    /// Everything is as large as it may be.
    pub(crate) full: bool,
}

impl Fill<'_> {
    fn size(&mut self, most: Option<u64>, otherwise: usize) -> usize {
        let most = most.map_or(otherwise, |most| usize::try_from(most).unwrap().min(4_096));
        if self.full { most } else { self.random.below(most + 1) }
    }

    fn text(&mut self, most: Option<u64>) -> String {
        let length = self.size(most, 40);
        let letter = self.letter;
        (0..length).map(|_| letter.unwrap_or_else(|| LETTERS[self.random.below(LETTERS.len())])).collect()
    }

    pub(crate) fn value(&mut self, schema: &Schema) -> Value {
        if !schema.allowed.is_empty() {
            let at = self.random.below(schema.allowed.len());
            return schema.allowed[at].clone();
        }
        match &schema.shape {
            Shape::Any => json!({"a": [1, "b"]}),
            Shape::Int => json!(i64::MIN / 3),
            Shape::Number => json!(-1.234_567_890_123_456_7e-300),
            Shape::Bool => json!(self.random.below(2) == 0),
            Shape::Quantity => json!("123456789m"),
            Shape::IntOrString => Value::String(self.text(schema.bounds.max_length)),
            Shape::String(Format::Timestamp) => json!("2024-02-29T23:59:59.999999999+12:45"),
            Shape::String(Format::Duration) => json!("1234h56m7.000000001s"),
            Shape::String(Format::Bytes) => json!("YWJjZGVm"),
            Shape::String(Format::Text) => match &schema.pattern {
                // Letters of a pattern that names them, as those of the shipped patterns do.
                Some(_) => Value::String("a1".repeat(self.size(schema.bounds.max_length, 40) / 2)),
                None => Value::String(self.text(schema.bounds.max_length)),
            },
            Shape::List(list) => {
                let length = self.size(schema.bounds.max_items, 3);
                Value::Array((0..length).map(|_| self.value(&list.items)).collect())
            }
            Shape::Object(object) => Value::Object(self.object(schema, object)),
        }
    }

    fn object(&mut self, schema: &Schema, object: &Object) -> Map<String, Value> {
        let mut members = Map::new();
        for (name, field) in &object.fields {
            if field.required || self.full || self.random.below(3) > 0 {
                members.insert(name.clone(), self.value(&field.schema));
            }
        }
        if let Rest::Each(value) = &object.rest {
            for number in 0..self.size(schema.bounds.max_properties, 2) {
                let key = if number == 0 { "a".to_owned() } else { "k".repeat(20 + number) };
                members.insert(key, self.value(value));
            }
        }
        members
    }
}
