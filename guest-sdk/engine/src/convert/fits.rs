//! Whether a value is of a schema: types alone, because fragments lack what is required, and bounds are the API server's.

use orkestra_program::{Code, ShapeNode};

use crate::eval::Machine;
use crate::fault::Res;
use crate::json::MAX_DEPTH;
use crate::value::Value;

/// Whether a value is of a schema's type, with all its parts.
pub(super) fn fits<'a>(m: &mut Machine<'a>, schema: Code<'a>, value: Value<'a>) -> Res<'a, bool> {
    nested(m, schema, value, MAX_DEPTH)
}

fn nested<'a>(m: &mut Machine<'a>, schema: Code<'a>, value: Value<'a>, depth: u32) -> Res<'a, bool> {
    m.meter.spend(1)?;
    let Some(below) = depth.checked_sub(1) else { return Ok(false) };
    let node = m.program.schema(schema).map_err(|error| m.malformed(error))?;
    match (node.shape, value) {
        (_, Value::Null) => Ok(node.nullable || matches!(node.shape, ShapeNode::Any)),
        (ShapeNode::Any, _)
        | (ShapeNode::String | ShapeNode::IntOrString, Value::String(_))
        | (ShapeNode::Int | ShapeNode::IntOrString | ShapeNode::Number, Value::Int(_))
        | (ShapeNode::Number, Value::Double(_))
        | (ShapeNode::Bool, Value::Bool(_)) => Ok(true),
        (ShapeNode::List(_, items), Value::List(list)) => {
            for item in list.items(m.arena)? {
                if !nested(m, items, *item, below)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (ShapeNode::Object(_), Value::Map(object)) => {
            let mut at = 0;
            while let Some((key, value)) = object.entry(m.arena, at)? {
                at += 1;
                let Value::String(key) = key else { return Ok(false) };
                match field(m, schema, key)? {
                    Some(schema) if nested(m, schema, value, below)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The schema of an object's field; none: there may be no such field.
pub(super) fn field<'a>(m: &mut Machine<'a>, schema: Code<'a>, name: &str) -> Res<'a, Option<Code<'a>>> {
    let node = m.program.schema(schema).map_err(|error| m.malformed(error))?;
    match node.shape {
        ShapeNode::Any => Ok(Some(schema)),
        ShapeNode::Object(object) => {
            m.meter.spend(1)?;
            let own = m.program.field(&object, name).map_err(|error| m.malformed(error))?;
            Ok(own.or(object.others))
        }
        _ => Ok(None),
    }
}

/// The schema of a list's items and the keys that tell them apart; none: it is no list.
pub(super) fn items<'a>(m: &Machine<'a>, schema: Code<'a>) -> Res<'a, Option<(Vec<&'a str>, Code<'a>)>> {
    let node = m.program.schema(schema).map_err(|error| m.malformed(error))?;
    match node.shape {
        ShapeNode::Any => Ok(Some((Vec::new(), schema))),
        ShapeNode::List(keys, items) => Ok(Some((m.keys(keys)?, items))),
        _ => Ok(None),
    }
}
