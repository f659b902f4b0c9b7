//! Quantities of resources: `1500m`, `2Gi`, `1e3`. They are kept in billionths, and what is finer is rounded up, as in Kubernetes.

use core::cmp::Ordering;

use orkestra_program::function::Function;

use super::{Called, semver};
use crate::eval::Machine;
use crate::opaque::Opaque;
use crate::value::Value;

/// A quantity, in billionths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(i128);

const ONE: i128 = 1_000_000_000;
/// What is greater is this: far more than any resource, and far less than what the sum of two needs to overflow.
const LIMIT: u128 = 10_u128.pow(36);

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    if let [Value::String(text)] = *arguments {
        m.spend_traversal(text.len())?;
        let found = Quantity::parse(text);
        return match (function, found) {
            (Function::IsQuantity, found) => Ok(Some(Value::Bool(found.is_some()))),
            (Function::Quantity, Some(found)) => Ok(Some(opaque(m, found))),
            (Function::Quantity, None) => m.error("the string is not a quantity, as in `1500m` or `2Gi`"),
            _ => Ok(None),
        };
    }
    let [Value::Opaque(&Opaque::Quantity(first)), ref rest @ ..] = *arguments else { return Ok(None) };
    Ok(Some(match (function, rest) {
        (Function::IsInteger, []) => Value::Bool(first.integer().is_some()),
        (Function::AsInteger, []) => match first.integer() {
            Some(value) => Value::Int(value),
            None => return m.error("the quantity is not an integer, or is out of the range of one"),
        },
        (Function::AsApproximateFloat, []) => Value::Double(first.double()),
        (Function::SignOf, []) => Value::Int(first.0.signum() as i64),
        (Function::AddTo | Function::SubtractFrom, [other]) => {
            let other = match *other {
                Value::Opaque(&Opaque::Quantity(other)) => other,
                Value::Int(value) => Quantity(i128::from(value) * ONE),
                _ => return Ok(None),
            };
            let sign = if function == Function::AddTo { 1 } else { -1 };
            opaque(m, Quantity(first.0 + sign * other.0).limited())
        }
        (_, [Value::Opaque(Opaque::Quantity(other))]) => return Ok(ordered(function, first.cmp(other))),
        _ => return Ok(None),
    }))
}

/// `isLessThan`, `isGreaterThan` and `compareTo`, which quantities and versions have.
pub(super) fn compared<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match arguments {
        [Value::Opaque(Opaque::Semver(_)), _] => semver::call(m, function, arguments),
        _ => call(m, function, arguments),
    }
}

/// What the functions of order say of an order.
pub(super) fn ordered<'a>(function: Function, order: Ordering) -> Option<Value<'a>> {
    Some(match function {
        Function::IsLessThan => Value::Bool(order.is_lt()),
        Function::IsGreaterThan => Value::Bool(order.is_gt()),
        Function::CompareTo => Value::Int(order as i64),
        _ => return None,
    })
}

fn opaque<'a>(m: &Machine<'a>, quantity: Quantity) -> Value<'a> {
    Value::Opaque(m.arena.alloc(Opaque::Quantity(quantity)))
}

/// The powers of ten and of two that a suffix stands for.
fn suffix(text: &str) -> Option<(i64, u32)> {
    Some(match text {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        // Rust's numbers have the same signs and digits. Beyond 32 bits there are no quantities any more.
        _ => (i64::from(text.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?), 0),
    })
}

impl Quantity {
    fn parse(text: &str) -> Option<Quantity> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let length = unsigned.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (digits, rest) = unsigned.split_at_checked(length)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (ten, two) = suffix(rest)?;
        let mut number = Number { digits: 0, ten: ten + 9, rest: false };
        whole.bytes().for_each(|digit| number.push(digit, false));
        fraction.bytes().for_each(|digit| number.push(digit, true));
        let billionths = number.times_two_to(two).rounded_up();
        let billionths = i128::try_from(billionths.min(LIMIT)).ok()?;
        Some(Quantity(if negative { -billionths } else { billionths }))
    }

    /// The same within the limit.
    fn limited(self) -> Quantity {
        let limit = LIMIT as i128;
        Quantity(self.0.clamp(-limit, limit))
    }

    fn integer(self) -> Option<i64> {
        if self.0 % ONE == 0 { i64::try_from(self.0 / ONE).ok() } else { None }
    }

    fn double(self) -> f64 {
        if self.0 % ONE == 0 { (self.0 / ONE) as f64 } else { self.0 as f64 / ONE as f64 }
    }
}

/// `digits × 10^ten`, and whether something more was left out.
struct Number {
    digits: u128,
    ten: i64,
    rest: bool,
}

impl Number {
    fn push(&mut self, digit: u8, behind_the_point: bool) {
        let digit = u128::from(digit - b'0');
        let more = self.digits.checked_mul(10).and_then(|digits| digits.checked_add(digit));
        match more {
            Some(more) => {
                self.digits = more;
                self.ten -= i64::from(behind_the_point);
            }
            None => {
                self.rest |= digit != 0;
                self.ten += i64::from(!behind_the_point);
            }
        }
    }

    fn shorten(&mut self) {
        self.rest |= !self.digits.is_multiple_of(10);
        self.digits /= 10;
        self.ten += 1;
    }

    fn times_two_to(mut self, two: u32) -> Number {
        while self.digits.leading_zeros() < two {
            self.shorten();
        }
        self.digits <<= two;
        self
    }

    fn rounded_up(mut self) -> u128 {
        while self.ten < 0 && self.digits > 0 {
            self.shorten();
        }
        while self.ten > 0 && self.digits > 0 && self.digits < LIMIT {
            self.digits = self.digits.saturating_mul(10);
            self.ten -= 1;
        }
        self.digits.saturating_add(u128::from(self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_ways_to_write_one_quantity() {
        for (a, b) in [
            ("1", "1000m"),
            ("1.5G", "1500M"),
            ("1e3", "1k"),
            ("1E3", "1k"),
            ("1e+3", "1000."),
            ("12e-1", "1.2"),
            (".5", "+500m"),
            ("1Ki", "1024"),
            ("0.5Ei", "576460752303423488"),
            ("-1Mi", "-1048576"),
            ("-0", "0"),
            ("1E", "1000P"),
            ("000000000000000000000000000000000000000000000000000001", "1"),
            ("1.00000000000000000000000000000000000000000000000000000", "1"),
        ] {
            assert_eq!(quantity(a), quantity(b), "{a} {b}");
        }
        assert_eq!(quantity("9223372036854775807.123456789").0, 9_223_372_036_854_775_807_123_456_789);
    }

    #[test]
    fn what_is_finer_than_a_billionth_is_rounded_up() {
        assert_eq!(quantity("0.1n"), quantity("1n"));
        assert_eq!(quantity("-0.1n"), quantity("-1n"));
        assert_eq!(quantity("1.0000000001"), quantity("1000000001n"));
        assert_eq!(quantity("1e-2147483648"), quantity("1n"));
        assert_eq!(quantity("0e-2147483648"), quantity("0"));
    }

    #[test]
    fn what_is_too_great_is_no_integer() {
        let great = quantity("9999999999999999999999999999999999999G");
        assert_eq!((great.integer(), great), (None, quantity("1e2147483647")));
        assert_eq!(quantity("9223372036854775807").integer(), Some(i64::MAX));
        assert_eq!(quantity("9223372036854775808").integer(), None);
        assert_eq!(quantity("-9223372036854775808").integer(), Some(i64::MIN));
        assert_eq!(quantity("50000000G").integer(), Some(50_000_000_000_000_000));
        assert_eq!(quantity("1.5").integer(), None);
        assert_eq!(quantity("1.5k").integer(), Some(1500));
    }

    #[test]
    fn what_is_no_quantity() {
        for text in [
            "",
            ".",
            "+",
            "-",
            "1,3G",
            "200K",
            "Three",
            "Mi",
            "1i",
            ".5i",
            "1.1.M",
            "1+1.0M",
            "0.1mi",
            "0.1am",
            "-3.01e-",
            "1e",
            "1e1.5",
            "1 ",
            " 1",
            "1ki",
            "1e3k",
            "--1",
            "1e99999999999",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn doubles() {
        assert_eq!(quantity("100m").double(), 0.1);
        assert_eq!(quantity("50k").double(), 50_000.0);
        assert_eq!(quantity("-1.5").double(), -1.5);
    }
}
