//! Whether a value has the form that a schema asks for.

use orkestra_pattern::schema::{Bounds, Rest, Schema, Shape};
use serde_json::Value;

/// Whether `value` fits; else what was expected and found, with the path below the value if there is one.
pub(crate) fn fits(schema: &Schema, value: &Value) -> Result<(), String> {
    at(schema, value, "")
}

fn at(schema: &Schema, value: &Value, path: &str) -> Result<(), String> {
    let place = if path.is_empty() { String::new() } else { format!("`{}` ", path.trim_start_matches('.')) };
    if value.is_null() && schema.may_be_null() {
        return Ok(());
    }
    if !has_type(&schema.shape, value) {
        return Err(format!("{place}must be of type {}, found {}", schema.describe(), describe(value)));
    }
    if !schema.allowed.is_empty() && !schema.allowed.contains(value) {
        let allowed: Vec<_> = schema.allowed.iter().map(Value::to_string).collect();
        return Err(format!("{place}must be one of {}, found {}", allowed.join(", "), describe(value)));
    }
    if let Some(limit) = beyond(&schema.bounds, value) {
        return Err(format!("{place}{limit}, found {}", describe(value)));
    }
    match (&schema.shape, value) {
        (Shape::List(list), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                at(&list.items, item, &format!("{path}[{index}]"))?;
            }
        }
        (Shape::Object(object), Value::Object(members)) => {
            for (name, field) in &object.fields {
                // A default counts as required for who reads the value, not for who writes it.
                if field.required && field.schema.default.is_none() && !members.contains_key(name) {
                    return Err(format!("{place}lacks `{name}`"));
                }
            }
            for (name, member) in members {
                let below = format!("{path}.{name}");
                match (object.fields.get(name), &object.rest) {
                    (Some(field), _) => at(&field.schema, member, &below)?,
                    (None, Rest::Each(schema)) => at(schema, member, &below)?,
                    (None, Rest::Anything) => {}
                    (None, Rest::Nothing) => return Err(format!("{place}has no field `{name}`")),
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn has_type(shape: &Shape, value: &Value) -> bool {
    let whole = || value.is_i64() || value.is_u64();
    match shape {
        Shape::Any => true,
        Shape::Object(_) => value.is_object(),
        Shape::List(_) => value.is_array(),
        Shape::String(_) => value.is_string(),
        Shape::Int => whole(),
        Shape::Number => value.is_number(),
        Shape::Bool => value.is_boolean(),
        Shape::IntOrString => whole() || value.is_string(),
        Shape::Quantity => value.is_number() || value.is_string(),
    }
}

fn beyond(bounds: &Bounds, value: &Value) -> Option<String> {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    match value {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let least = bounds.minimum.filter(|least| number < *least).map(|least| format!("must be at least {least}"));
            least.or_else(|| bounds.maximum.filter(|most| number > *most).map(|most| format!("must be at most {most}")))
        }
        Value::String(text) => {
            let most = bounds.max_length.filter(|most| count(text.chars().count()) > *most)?;
            Some(format!("must have at most {most} characters"))
        }
        Value::Array(items) => {
            let least = bounds.min_items.filter(|least| count(items.len()) < *least);
            let most = bounds.max_items.filter(|most| count(items.len()) > *most);
            least
                .map(|least| format!("must have at least {least} items"))
                .or_else(|| most.map(|most| format!("must have at most {most} items")))
        }
        Value::Object(members) => {
            let most = bounds.max_properties.filter(|most| count(members.len()) > *most)?;
            Some(format!("must have at most {most} fields"))
        }
        Value::Null | Value::Bool(_) => None,
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) if text.chars().count() > 40 => "a longer string".to_owned(),
        Value::String(text) => format!("the string \"{text}\""),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::parse(&json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 3},
                "size": {"type": "integer", "minimum": 1, "maximum": 3},
                "mode": {"type": "string", "enum": ["a", "b"]},
                "list": {"type": "array", "maxItems": 1, "items": {"type": "boolean"}},
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_fits_passes() {
        for value in [json!({"name": "x"}), json!({"name": "äöü", "size": 3, "mode": "b", "list": [true]})] {
            assert_eq!(fits(&schema(), &value), Ok(()));
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        for (value, message) in [
            (json!({}), "lacks `name`"),
            (json!({"name": 1}), "`name` must be of type string, found the number 1"),
            (json!({"name": "abcd"}), "`name` must have at most 3 characters, found the string \"abcd\""),
            (json!({"name": "x", "size": 0}), "`size` must be at least 1, found the number 0"),
            (json!({"name": "x", "size": 4}), "`size` must be at most 3, found the number 4"),
            (json!({"name": "x", "mode": "c"}), "`mode` must be one of \"a\", \"b\", found the string \"c\""),
            (json!({"name": "x", "list": [1]}), "`list[0]` must be of type boolean, found the number 1"),
            (json!({"name": "x", "list": [true, true]}), "`list` must have at most 1 items, found a list"),
            (json!({"name": "x", "other": 1}), "has no field `other`"),
        ] {
            assert_eq!(fits(&schema(), &value), Err(message.to_owned()), "{value}");
        }
    }
}
