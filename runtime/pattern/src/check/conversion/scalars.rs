//! Single values: which fit a place as they are, and tables of them.

use serde_json::Value as Json;

use crate::codes::conversion as codes;
use crate::diagnostic::Diagnostics;
use crate::schema::{Schema, Shape};
use crate::yaml::{Key, Node};

use super::tree::same_shape;

/// Whether every value of one schema has the type of another.
pub(super) fn fits(from: &Schema, to: &Schema) -> bool {
    match (&from.shape, &to.shape) {
        (_, Shape::Any)
        | (Shape::String(_) | Shape::Quantity, Shape::String(_) | Shape::IntOrString)
        | (Shape::String(_) | Shape::IntOrString, Shape::Quantity)
        | (Shape::Int, Shape::Int | Shape::Number | Shape::IntOrString)
        | (Shape::Number, Shape::Number)
        | (Shape::Bool, Shape::Bool)
        | (Shape::IntOrString, Shape::IntOrString)
        | (Shape::Quantity, Shape::Quantity) => true,
        _ => same_shape(from, to),
    }
}

/// Whether values of a schema have a text.
pub(super) fn has_text(schema: &Schema) -> bool {
    matches!(
        schema.shape,
        Shape::String(_) | Shape::Int | Shape::Number | Shape::Bool | Shape::IntOrString | Shape::Quantity
    )
}

/// A table as pairs of values; `turned`: it is read from right to left.
pub(super) fn table(
    values: &[(Key, Node)],
    turned: bool,
    from: &Schema,
    to: &Schema,
    problems: &mut Diagnostics,
) -> Option<Vec<(Json, Json)>> {
    let (left, right) = if turned { (to, from) } else { (from, to) };
    let mut pairs: Vec<(Json, Json)> = Vec::new();
    let mut whole = true;
    for (key, node) in values {
        let Some(first) = typed(&key.text, left) else {
            problems.push(codes::table_value(key.span, &format!("`{}`", key.text), &left.describe()));
            whole = false;
            continue;
        };
        let second = node.to_json();
        if !is_of(&second, right) {
            problems.push(codes::table_value(node.span, &node.describe(), &right.describe()));
            whole = false;
            continue;
        }
        if pairs.iter().any(|(a, b)| if turned { *a == second } else { *b == second }) {
            problems.push(codes::table(node.span, &node.describe()));
            whole = false;
            continue;
        }
        pairs.push(if turned { (second, first) } else { (first, second) });
    }
    whole.then_some(pairs)
}

/// The value that a key of a YAML map stands for.
fn typed(text: &str, schema: &Schema) -> Option<Json> {
    match schema.shape {
        Shape::String(_) | Shape::Quantity | Shape::Any => Some(text.into()),
        Shape::Int => text.parse::<i64>().ok().map(Json::from),
        Shape::Bool => text.parse::<bool>().ok().map(Json::from),
        Shape::IntOrString => Some(text.parse::<i64>().map_or_else(|_| text.into(), Json::from)),
        _ => None,
    }
}

fn is_of(value: &Json, schema: &Schema) -> bool {
    match schema.shape {
        Shape::String(_) | Shape::Quantity => value.is_string(),
        Shape::Int => value.is_i64(),
        Shape::Bool => value.is_boolean(),
        Shape::IntOrString => value.is_i64() || value.is_string(),
        Shape::Number => value.is_number(),
        Shape::Any => true,
        _ => false,
    }
}
