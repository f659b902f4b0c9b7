//! The libraries of lists and sets. The order of items is that of `<`.

use core::cmp::Ordering;

use orkestra_program::function::Function;

use super::{Called, arithmetic};
use crate::compare;
use crate::eval::Machine;
use crate::fault::Res;
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match *arguments {
        [Value::List(a), Value::List(b)] if of_sets(function) => {
            let (a, b) = (a.items(m.arena)?, b.items(m.arena)?);
            let holds = match function {
                Function::SetsContains => contains(m, a, b)?,
                Function::SetsEquivalent => contains(m, a, b)? && contains(m, b, a)?,
                _ => intersects(m, a, b)?,
            };
            Ok(Some(Value::Bool(holds)))
        }
        [Value::List(list), ref rest @ ..] => {
            let items = list.items(m.arena)?;
            match (function, rest) {
                (Function::IsSorted, []) => is_sorted(m, items),
                (Function::Min | Function::Max, []) => extreme(m, function, items),
                (Function::Sum, []) => sum(m, items, Value::Int(0)),
                (Function::Sum, [zero]) => sum(m, items, *zero),
                (Function::IndexOf, [value]) => position(m, *value, items.iter().enumerate()),
                (Function::LastIndexOf, [value]) => position(m, *value, items.iter().enumerate().rev()),
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn of_sets(function: Function) -> bool {
    matches!(function, Function::SetsContains | Function::SetsEquivalent | Function::SetsIntersects)
}

/// Whether each item of `b` is one of `a`.
fn contains<'a>(m: &mut Machine<'a>, a: &[Value<'a>], b: &[Value<'a>]) -> Res<'a, bool> {
    for wanted in b {
        if !has(m, a, *wanted)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn intersects<'a>(m: &mut Machine<'a>, a: &[Value<'a>], b: &[Value<'a>]) -> Res<'a, bool> {
    for wanted in b {
        if has(m, a, *wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has<'a>(m: &mut Machine<'a>, items: &[Value<'a>], wanted: Value<'a>) -> Res<'a, bool> {
    for item in items {
        m.meter.spend(1)?;
        if m.equal(*item, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn position<'a, 'b>(
    m: &mut Machine<'a>,
    value: Value<'a>,
    items: impl Iterator<Item = (usize, &'b Value<'a>)>,
) -> Called<'a>
where
    'a: 'b,
{
    for (at, item) in items {
        m.meter.spend(1)?;
        if m.equal(*item, value)? {
            return Ok(Some(Value::Int(at as i64)));
        }
    }
    Ok(Some(Value::Int(-1)))
}

/// The order of two items: outer none if their types have none, inner none if one is NaN.
fn order<'a>(m: &mut Machine<'a>, a: &Value<'a>, b: &Value<'a>) -> Res<'a, Option<Option<Ordering>>> {
    m.meter.spend(1)?;
    match (a, b) {
        (Value::String(a), Value::String(b)) => m.spend_traversal(a.len().min(b.len()))?,
        (Value::Bytes(a), Value::Bytes(b)) => m.spend_traversal(a.len().min(b.len()))?,
        _ => {}
    }
    Ok(compare::order(a, b))
}

fn is_sorted<'a>(m: &mut Machine<'a>, items: &[Value<'a>]) -> Called<'a> {
    for pair in items.windows(2) {
        let [a, b] = pair else { break };
        match order(m, a, b)? {
            None => return Ok(None),
            Some(Some(Ordering::Greater)) => return Ok(Some(Value::Bool(false))),
            Some(_) => {}
        }
    }
    Ok(Some(Value::Bool(true)))
}

fn extreme<'a>(m: &mut Machine<'a>, function: Function, items: &[Value<'a>]) -> Called<'a> {
    let wanted = if function == Function::Min { Ordering::Less } else { Ordering::Greater };
    let Some((first, rest)) = items.split_first() else {
        return m.error("there is no least or greatest item of an empty list");
    };
    let mut found = first;
    if compare::order(first, first).is_none() {
        return Ok(None);
    }
    for item in rest {
        let Some(order) = order(m, item, found)? else { return Ok(None) };
        if order == Some(wanted) {
            found = item;
        }
    }
    Ok(Some(*found))
}

/// The sum of items that are all of one type; of none of them `zero`.
fn sum<'a>(m: &mut Machine<'a>, items: &[Value<'a>], zero: Value<'a>) -> Called<'a> {
    let Some((first, rest)) = items.split_first() else { return Ok(Some(zero)) };
    if !matches!(first, Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_)) {
        return Ok(None);
    }
    let mut sum = *first;
    for item in rest {
        m.meter.spend(1)?;
        if item.type_name() != first.type_name() {
            return Ok(None);
        }
        let Some(next) = arithmetic::call(m, Function::Add, &[sum, *item])? else { return Ok(None) };
        sum = next;
    }
    Ok(Some(sum))
}
