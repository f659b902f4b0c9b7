//! Comparison, `in`, `size`.

use core::cmp::Ordering;

use orkestra_program::function::Function;

use super::Called;
use crate::compare;
use crate::eval::Machine;
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match (function, arguments) {
        (Function::Equal, [a, b]) => m.equal(*a, *b).map(|equal| Some(Value::Bool(equal))),
        (Function::NotEqual, [a, b]) => m.equal(*a, *b).map(|equal| Some(Value::Bool(!equal))),
        (Function::Size, [value]) => size(m, *value),
        (Function::In, [value, container]) => is_in(m, *value, *container),
        (_, [a, b]) => order(m, function, *a, *b),
        _ => Ok(None),
    }
}

fn order<'a>(m: &mut Machine<'a>, function: Function, a: Value<'a>, b: Value<'a>) -> Called<'a> {
    if let (Value::String(a), Value::String(b)) = (a, b) {
        m.spend_traversal(a.len().min(b.len()))?;
    }
    if let (Value::Bytes(a), Value::Bytes(b)) = (a, b) {
        m.spend_traversal(a.len().min(b.len()))?;
    }
    let Some(order) = compare::order(&a, &b) else { return Ok(None) };
    // NaN is neither less nor greater nor equal.
    let holds = order.is_some_and(|order| match function {
        Function::Less => order == Ordering::Less,
        Function::LessEqual => order != Ordering::Greater,
        Function::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    });
    Ok(Some(Value::Bool(holds)))
}

fn size<'a>(m: &mut Machine<'a>, value: Value<'a>) -> Called<'a> {
    let size = match value {
        Value::String(text) => {
            m.spend_traversal(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.items(m.arena)?.len(),
        Value::Map(map) => map.len(m.arena)?,
        _ => return Ok(None),
    };
    Ok(Some(Value::Int(size as i64)))
}

fn is_in<'a>(m: &mut Machine<'a>, value: Value<'a>, container: Value<'a>) -> Called<'a> {
    let found = match container {
        Value::List(list) => {
            let mut found = false;
            for item in list.items(m.arena)? {
                m.meter.spend(1)?;
                if m.equal(value, *item)? {
                    found = true;
                    break;
                }
            }
            found
        }
        Value::Map(map) => match value.key() {
            Some(key) => map.get(m.arena, key)?.is_some(),
            None => false,
        },
        _ => return Ok(None),
    };
    Ok(Some(Value::Bool(found)))
}
