//! `math.*`: greatest and least, rounding, signs, kinds of doubles, bits.

use core::cmp::Ordering;

use orkestra_program::function::Function;

use super::Called;
use crate::compare;
use crate::eval::Machine;
use crate::fault::Res;
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    Ok(match (function, arguments) {
        (Function::Greatest | Function::Least, arguments) => return extreme(m, function, arguments),
        (Function::Abs, [Value::Int(value)]) => match value.checked_abs() {
            Some(value) => Some(Value::Int(value)),
            None => return m.error("the result is out of range"),
        },
        (Function::Sqrt, [value]) => as_double(*value).map(|value| Value::Double(value.sqrt())),
        (Function::BitShiftLeft | Function::BitShiftRight, [value, Value::Int(bits)]) => {
            return shift(m, function, *value, *bits);
        }
        (_, [Value::Double(value)]) => of_double(function, *value),
        (_, [Value::Int(value)]) => match function {
            Function::Sign => Some(Value::Int(value.signum())),
            Function::BitNot => Some(Value::Int(!value)),
            _ => None,
        },
        (_, [Value::Uint(value)]) => match function {
            Function::Abs => Some(Value::Uint(*value)),
            Function::Sign => Some(Value::Uint((*value).min(1))),
            Function::BitNot => Some(Value::Uint(!value)),
            _ => None,
        },
        (_, [Value::Int(a), Value::Int(b)]) => bits(function, *a as u64, *b as u64).map(|bits| Value::Int(bits as i64)),
        (_, [Value::Uint(a), Value::Uint(b)]) => bits(function, *a, *b).map(Value::Uint),
        _ => None,
    })
}

fn as_double(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(value as f64),
        Value::Uint(value) => Some(value as f64),
        Value::Double(value) => Some(value),
        _ => None,
    }
}

fn of_double<'a>(function: Function, value: f64) -> Option<Value<'a>> {
    Some(match function {
        Function::Ceil => Value::Double(value.ceil()),
        Function::Floor => Value::Double(value.floor()),
        Function::Round => Value::Double(value.round()),
        Function::Trunc => Value::Double(value.trunc()),
        Function::Abs => Value::Double(value.abs()),
        // Rust's own sign of zero is 1.
        Function::Sign => Value::Double(if value == 0.0 { 0.0 } else { value.signum() }),
        Function::IsInf => Value::Bool(value.is_infinite()),
        Function::IsNan => Value::Bool(value.is_nan()),
        Function::IsFinite => Value::Bool(value.is_finite()),
        _ => return None,
    })
}

fn bits(function: Function, a: u64, b: u64) -> Option<u64> {
    match function {
        Function::BitAnd => Some(a & b),
        Function::BitOr => Some(a | b),
        Function::BitXor => Some(a ^ b),
        _ => None,
    }
}

fn shift<'a>(m: &Machine<'a>, function: Function, value: Value<'a>, by: i64) -> Called<'a> {
    let before = match value {
        Value::Int(value) => value as u64,
        Value::Uint(value) => value,
        _ => return Ok(None),
    };
    let after = match u32::try_from(by) {
        Err(_) if by < 0 => return m.error("bits cannot be shifted by a negative number"),
        Ok(by) if function == Function::BitShiftLeft => before.checked_shl(by),
        Ok(by) => before.checked_shr(by),
        Err(_) => None,
    };
    // All bits are shifted out.
    let after = after.unwrap_or(0);
    Ok(Some(if matches!(value, Value::Int(_)) { Value::Int(after as i64) } else { Value::Uint(after) }))
}

/// The greatest or least of some numbers, in its own type; of equal ones the first.
fn extreme<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let numbers = match *arguments {
        [Value::List(list)] => list.items(m.arena)?,
        _ => arguments,
    };
    m.meter.spend((numbers.len() as u64).saturating_sub(1))?;
    let wanted = if function == Function::Greatest { Ordering::Greater } else { Ordering::Less };
    let Some((first, rest)) = numbers.split_first() else {
        return m.error("there is no greatest or least of no numbers");
    };
    if as_double(*first).is_none() {
        return Ok(None);
    }
    let mut found = *first;
    for number in rest {
        let Some(order) = compare::numbers(number, &found) else { return Ok(None) };
        if ordered(m, order)? == wanted {
            found = *number;
        }
    }
    Ok(Some(found))
}

fn ordered<'a>(m: &Machine<'a>, order: Option<Ordering>) -> Res<'a, Ordering> {
    order.map_or_else(|| m.error("NaN is neither greater nor less than other numbers"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(function: Function, value: f64) -> f64 {
        match of_double(function, value) {
            Some(Value::Double(value)) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (value, rounded) in [(0.5, 1.0), (-0.5, -1.0), (2.5, 3.0), (-2.4, -2.0), (1e300, 1e300)] {
            assert_eq!(double(Function::Round, value), rounded, "{value}");
        }
        assert!(double(Function::Round, f64::NAN).is_nan());
    }

    #[test]
    fn the_sign_of_zero_is_zero() {
        assert_eq!(double(Function::Sign, -0.0), 0.0);
        assert_eq!(double(Function::Sign, -7.5), -1.0);
        assert!(double(Function::Sign, f64::NAN).is_nan());
    }

    #[test]
    fn functions_of_bits_know_no_sign() {
        assert_eq!(bits(Function::BitAnd, 1, -1_i64 as u64), Some(1));
        assert_eq!(bits(Function::BitXor, 4, -2_i64 as u64).map(|bits| bits as i64), Some(-6));
        assert_eq!(bits(Function::Ceil, 1, 1), None);
    }
}
