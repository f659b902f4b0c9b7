//! Plain values against a schema.

use crate::codes::manifests as codes;
use crate::diagnostic::Diagnostics;
use crate::schema::{Schema, Shape};
use crate::yaml::{Node, Value};

/// Reports what a scalar has that its schema rules out. `path` is the field, for messages.
pub(super) fn check(node: &Node, schema: &Schema, path: &str, problems: &mut Diagnostics) {
    let fits = match (&schema.shape, &node.value) {
        (Shape::Any, _) => true,
        (Shape::String(_), Value::String(_)) | (Shape::Bool, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => {
            true
        }
        (Shape::Int, Value::Number(number)) => number.is_i64(),
        (Shape::IntOrString, Value::Number(number)) => number.is_i64(),
        (Shape::IntOrString, Value::String(_)) => true,
        (Shape::Quantity, Value::Number(_)) => true,
        (Shape::Quantity, Value::String(text)) => {
            if !is_quantity(&text.text) {
                let expected = "a quantity such as `500m`, `2` or `10Gi`";
                problems.push(codes::not_allowed(node.span, path, expected, &node.describe()));
            }
            true
        }
        (_, Value::Null) => schema.nullable,
        _ => false,
    };
    if !fits {
        problems.push(codes::wrong_type(node.span, path, &schema.describe(), &node.describe(), hint(node, schema)));
        return;
    }
    limits(node, schema, path, problems);
}

fn hint(node: &Node, schema: &Schema) -> Option<String> {
    match (&schema.shape, &node.value) {
        (Shape::Int | Shape::Number, Value::String(text)) if text.text.parse::<f64>().is_ok() => {
            Some(format!("drop the quotes: {}", text.text))
        }
        (Shape::Bool, Value::String(text)) => match text.text.to_lowercase().as_str() {
            "true" | "yes" | "on" => Some("write `true`, without quotes".to_owned()),
            "false" | "no" | "off" => Some("write `false`, without quotes".to_owned()),
            _ => None,
        },
        (Shape::String(_), Value::Number(_) | Value::Bool(_)) => Some(match node.as_written() {
            Some(text) => format!("quote it: \"{text}\""),
            None => "quote it, to keep it as it is written".to_owned(),
        }),
        _ => None,
    }
}

fn limits(node: &Node, schema: &Schema, path: &str, problems: &mut Diagnostics) {
    let mut refuse = |expected: String| problems.push(codes::not_allowed(node.span, path, &expected, &node.describe()));
    let bounds = &schema.bounds;
    if !schema.allowed.is_empty() && !schema.allowed.contains(&node.to_json()) {
        let allowed: Vec<String> = schema.allowed.iter().map(ToString::to_string).collect();
        refuse(format!("one of {}", allowed.join(", ")));
    }
    match &node.value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            if let Some(minimum) = bounds.minimum.filter(|minimum| number < *minimum) {
                refuse(format!("at least {minimum}"));
            }
            if let Some(maximum) = bounds.maximum.filter(|maximum| number > *maximum) {
                refuse(format!("at most {maximum}"));
            }
        }
        Value::String(text) => {
            let length = text.text.chars().count() as u64;
            if let Some(most) = bounds.max_length.filter(|most| length > *most) {
                refuse(format!("at most {most} characters"));
            }
        }
        Value::List(items) => {
            if let Some(least) = bounds.min_items.filter(|least| (items.len() as u64) < *least) {
                refuse(format!("at least {least} items"));
            }
            if let Some(most) = bounds.max_items.filter(|most| items.len() as u64 > *most) {
                refuse(format!("at most {most} items"));
            }
        }
        Value::Map(members) => {
            if let Some(most) = bounds.max_properties.filter(|most| members.len() as u64 > *most) {
                refuse(format!("at most {most} keys"));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// The limits on the size of a list or map, whose own type is known to fit.
pub(super) fn size(node: &Node, schema: &Schema, path: &str, problems: &mut Diagnostics) {
    limits(node, schema, path, problems);
}

/// Whether a text is an amount as Kubernetes reads it.
fn is_quantity(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, suffix) = rest.split_at(length);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || number.len() - digits > 1 {
        return false;
    }
    if let Some(exponent) = suffix.strip_prefix(['e', 'E'])
        && !exponent.is_empty()
    {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        return !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit());
    }
    matches!(suffix, "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei")
}

#[cfg(test)]
mod tests {
    use super::is_quantity;

    #[test]
    fn quantities() {
        for text in ["1", "500m", "1.5", ".5", "10Gi", "1e3", "1E", "-2Ki", "+3"] {
            assert!(is_quantity(text), "{text}");
        }
        for text in ["", "Gi", "1 Gi", "1GB", "1gi", "1.2.3", "1e", "1e+", "--1", "1K"] {
            assert!(!is_quantity(text), "{text}");
        }
    }
}
