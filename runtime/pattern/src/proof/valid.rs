//! What the API server would refuse of an object, as far as a schema says it without expressions.

use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;

use crate::schema::{Rest, Schema, Shape};

/// A place, and why it is not valid.
type Found = Vec<(Vec<String>, String)>;

/// Regular expressions that were compiled; one that cannot be is none, and holds nothing up.
#[derive(Default)]
pub(super) struct Patterns(HashMap<String, Option<Regex>>);

impl Patterns {
    fn matches(&mut self, pattern: &str, text: &str) -> bool {
        if !self.0.contains_key(pattern) {
            let compiled = RegexBuilder::new(pattern).size_limit(SIZE).build().ok();
            self.0.insert(pattern.to_owned(), compiled);
        }
        self.0.get(pattern).and_then(Option::as_ref).is_none_or(|regex| regex.is_match(text))
    }
}

/// The most bytes of a compiled regular expression.
const SIZE: usize = 1 << 20;

/// Each place that is not valid, and why.
pub(super) fn problems(schema: &Schema, value: &Value, patterns: &mut Patterns) -> Found {
    let mut found = Vec::new();
    walk(schema, value, patterns, &mut Vec::new(), &mut found);
    found
}

fn walk(schema: &Schema, value: &Value, patterns: &mut Patterns, path: &mut Vec<String>, found: &mut Found) {
    let mut refuse = |why: String| found.push((path.clone(), why));
    if value.is_null() {
        if !schema.may_be_null() {
            refuse("null is not allowed".to_owned());
        }
        return;
    }
    if !schema.allowed.is_empty() && !schema.allowed.contains(value) {
        let allowed: Vec<String> = schema.allowed.iter().map(ToString::to_string).collect();
        refuse(format!("{value} is none of {}", allowed.join(", ")));
        return;
    }
    let bounds = &schema.bounds;
    match (&schema.shape, value) {
        (Shape::Object(object), Value::Object(members)) => {
            for (name, field) in &object.fields {
                if field.required && field.schema.default.is_none() && !members.contains_key(name) {
                    let below = [path.as_slice(), std::slice::from_ref(name)].concat();
                    found.push((below, "it is required, and absent".to_owned()));
                }
            }
            for (name, value) in members {
                let schema = match (object.fields.get(name), &object.rest) {
                    (Some(field), _) => &field.schema,
                    (None, Rest::Each(schema)) => schema,
                    (None, _) => continue,
                };
                path.push(name.clone());
                walk(schema, value, patterns, path, found);
                path.pop();
            }
        }
        (Shape::List(list), Value::Array(items)) => {
            let count = items.len() as u64;
            if bounds.max_items.is_some_and(|most| count > most) || bounds.min_items.is_some_and(|least| count < least)
            {
                refuse(format!("{count} items are not as many as are allowed"));
            }
            items.iter().for_each(|item| walk(&list.items, item, patterns, path, found));
        }
        (Shape::String(_), Value::String(text)) => {
            let length = text.chars().count() as u64;
            if bounds.max_length.is_some_and(|most| length > most) {
                refuse(format!("the text has {length} characters, more than are allowed"));
            }
            if bounds.min_length.is_some_and(|least| length < least) {
                refuse(format!("the text has {length} characters, fewer than are allowed"));
            }
            if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !patterns.matches(pattern, text)) {
                refuse(format!("{value} does not match `{pattern}`"));
            }
        }
        (Shape::Int | Shape::Number, Value::Number(number)) => {
            let number = number.as_f64().unwrap_or_default();
            if bounds.minimum.is_some_and(|least| number < least) || bounds.maximum.is_some_and(|most| number > most) {
                refuse(format!("{value} is out of bounds"));
            }
            if matches!(schema.shape, Shape::Int) && number.fract() != 0.0 {
                refuse(format!("{value} is no integer"));
            }
        }
        (Shape::Any, _)
        | (Shape::Bool, Value::Bool(_))
        | (Shape::IntOrString | Shape::Quantity, Value::String(_) | Value::Number(_)) => {}
        _ => refuse(format!("expected {}, found {value}", schema.describe())),
    }
}
