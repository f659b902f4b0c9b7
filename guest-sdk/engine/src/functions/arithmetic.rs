//! `+ - * / %`, unary `-` and `!`. Integers do not wrap.

use bumpalo::collections::Vec;
use orkestra_program::function::Function;

use super::Called;
use crate::eval::Machine;
use crate::fault::{Res, join};
use crate::value::{List, Value};

/// Both types of integers have methods of the same names, and no trait for them.
macro_rules! integers {
    ($m:ident, $function:ident, $a:ident, $b:ident, $value:path) => {{
        let value = match $function {
            Function::Add => $a.checked_add($b),
            Function::Subtract => $a.checked_sub($b),
            Function::Multiply => $a.checked_mul($b),
            Function::Divide if $b == 0 => return $m.error("division by zero"),
            Function::Modulo if $b == 0 => return $m.error("modulus by zero"),
            Function::Divide => $a.checked_div($b),
            Function::Modulo => $a.checked_rem($b),
            _ => return Ok(None),
        };
        in_range($m, value.map($value))?
    }};
}

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let value = match *arguments {
        [Value::Bool(value)] if function == Function::Not => Value::Bool(!value),
        [Value::Int(value)] if function == Function::Negate => in_range(m, value.checked_neg().map(Value::Int))?,
        [Value::Double(value)] if function == Function::Negate => Value::Double(-value),
        [Value::Int(a), Value::Int(b)] => integers!(m, function, a, b, Value::Int),
        [Value::Uint(a), Value::Uint(b)] => integers!(m, function, a, b, Value::Uint),
        [Value::Double(a), Value::Double(b)] => match function {
            Function::Add => Value::Double(a + b),
            Function::Subtract => Value::Double(a - b),
            Function::Multiply => Value::Double(a * b),
            Function::Divide => Value::Double(a / b),
            _ => return Ok(None),
        },
        [a, b] if function == Function::Add => return add(m, a, b),
        [a, b] if function == Function::Subtract => match (a, b) {
            (Value::Timestamp(a), Value::Timestamp(b)) => in_range(m, a.since(b).map(Value::Duration))?,
            (Value::Timestamp(a), Value::Duration(b)) => in_range(m, a.minus(b).map(Value::Timestamp))?,
            (Value::Duration(a), Value::Duration(b)) => in_range(m, a.checked_sub(b).map(Value::Duration))?,
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn in_range<'a>(m: &Machine<'a>, value: Option<Value<'a>>) -> Res<'a, Value<'a>> {
    value.map_or_else(|| m.error("the result is out of range"), Ok)
}

/// `+` of what is not two numbers.
fn add<'a>(m: &mut Machine<'a>, a: Value<'a>, b: Value<'a>) -> Called<'a> {
    Ok(Some(match (a, b) {
        (Value::String(a), Value::String(b)) => {
            m.spend_traversal(a.len() + b.len())?;
            Value::String(join(m.arena, &[a, b]))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            m.spend_traversal(a.len() + b.len())?;
            let mut bytes = Vec::with_capacity_in(a.len() + b.len(), m.arena);
            bytes.extend_from_slice_copy(a);
            bytes.extend_from_slice_copy(b);
            Value::Bytes(bytes.into_bump_slice())
        }
        (Value::List(a), Value::List(b)) => {
            let (a, b) = (a.items(m.arena)?, b.items(m.arena)?);
            // Each item is copied. The model calls this constant, but then a loop could copy without end.
            m.meter.spend((a.len() + b.len()) as u64)?;
            let mut items = Vec::with_capacity_in(a.len() + b.len(), m.arena);
            items.extend_from_slice_copy(a);
            items.extend_from_slice_copy(b);
            Value::List(List::Built(items.into_bump_slice()))
        }
        (Value::Timestamp(a), Value::Duration(b)) | (Value::Duration(b), Value::Timestamp(a)) => {
            in_range(m, a.plus(b).map(Value::Timestamp))?
        }
        (Value::Duration(a), Value::Duration(b)) => in_range(m, a.checked_add(b).map(Value::Duration))?,
        _ => return Ok(None),
    }))
}
