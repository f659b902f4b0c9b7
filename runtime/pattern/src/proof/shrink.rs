//! The smallest object that still shows what a larger one does.

use serde_json::Value;

use crate::schema::{Rest, Schema, Shape};

/// How often an object is tried.
const TRIES: usize = 2_000;

/// Takes fields and items out and makes values simple, as long as `shows` holds.
pub(super) fn smallest(schema: &Schema, object: Value, shows: &mut dyn FnMut(&Value) -> bool) -> Value {
    let mut object = object;
    let mut left = TRIES;
    loop {
        let mut places = Vec::new();
        walk(Some(schema), &object, &mut Vec::new(), &mut places);
        let mut smaller = None;
        for place in places {
            if left == 0 {
                return object;
            }
            left -= 1;
            let mut candidate = object.clone();
            if place.edit(&mut candidate) && shows(&candidate) {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(candidate) => object = candidate,
            None => return object,
        }
    }
}

/// A step into a value.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Item(usize),
}

/// An edit of a value.
struct Edit {
    at: Vec<Step>,
    /// What is put there; none: it is taken out.
    put: Option<Value>,
}

impl Edit {
    fn edit(&self, value: &mut Value) -> bool {
        let Some((last, parents)) = self.at.split_last() else { return false };
        let mut inner = value;
        for step in parents {
            let next = match step {
                Step::Key(key) => inner.get_mut(key),
                Step::Item(index) => inner.get_mut(*index),
            };
            match next {
                Some(next) => inner = next,
                None => return false,
            }
        }
        match (last, inner, &self.put) {
            (Step::Key(key), Value::Object(members), None) => members.shift_remove(key).is_some(),
            (Step::Item(index), Value::Array(items), None) if *index < items.len() => {
                items.remove(*index);
                true
            }
            (Step::Key(key), Value::Object(members), Some(put)) => members.insert(key.clone(), put.clone()).is_some(),
            (Step::Item(index), Value::Array(items), Some(put)) => match items.get_mut(*index) {
                Some(item) => {
                    *item = put.clone();
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}

/// Edits that keep an object valid, the larger ones first.
fn walk(schema: Option<&Schema>, value: &Value, at: &mut Vec<Step>, edits: &mut Vec<Edit>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                // The head of an object stays.
                if at.is_empty() && ["apiVersion", "kind"].contains(&key.as_str()) {
                    continue;
                }
                let identity = matches!(at.as_slice(), [Step::Key(first)] if first == "metadata")
                    && ["name", "uid"].contains(&key.as_str());
                if identity {
                    continue;
                }
                let (below, needed) = match schema.map(|schema| &schema.shape) {
                    Some(Shape::Object(object)) => match (object.fields.get(key), &object.rest) {
                        (Some(field), _) => (Some(&*field.schema), field.required),
                        (None, Rest::Each(schema)) => (Some(&**schema), false),
                        (None, _) => (None, false),
                    },
                    _ => (None, false),
                };
                at.push(Step::Key(key.clone()));
                if !needed {
                    edits.push(Edit { at: at.clone(), put: None });
                }
                inside(below, member, at, edits);
                at.pop();
            }
        }
        Value::Array(items) => {
            let least = schema.and_then(|schema| schema.bounds.min_items).unwrap_or(0) as usize;
            let below = schema.and_then(Schema::items).map(|schema| &**schema);
            for (index, item) in items.iter().enumerate() {
                at.push(Step::Item(index));
                if items.len() > least {
                    edits.push(Edit { at: at.clone(), put: None });
                }
                inside(below, item, at, edits);
                at.pop();
            }
        }
        _ => {}
    }
}

fn inside(schema: Option<&Schema>, value: &Value, at: &mut Vec<Step>, edits: &mut Vec<Edit>) {
    walk(schema, value, at, edits);
    let plain = schema.is_none_or(|schema| {
        schema.allowed.is_empty() && schema.pattern.is_none() && schema.bounds == crate::schema::Bounds::default()
    });
    let simple = match value {
        Value::String(text) if plain && text.len() > 1 => Some(Value::from("a")),
        Value::Number(number) if plain && number.as_f64() != Some(0.0) => Some(Value::from(0)),
        _ => None,
    };
    edits.extend(simple.map(|put| Edit { at: at.clone(), put: Some(put) }));
}
