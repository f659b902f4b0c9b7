//! Semantic versions: `semver`, `isSemver`, their parts and order. What stands behind `+` does not count.

use core::cmp::Ordering;

use orkestra_program::function::Function;

use super::{Called, quantity};
use crate::eval::Machine;
use crate::opaque::Opaque;
use crate::value::Value;

/// A version, without its build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Semver<'a> {
    numbers: [i64; 3],
    /// Empty where it has none.
    prerelease: &'a str,
}

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    Ok(Some(match *arguments {
        [Value::Opaque(Opaque::Semver(version))] => {
            let [major, minor, patch] = version.numbers;
            Value::Int(match function {
                Function::Major => major,
                Function::Minor => minor,
                Function::Patch => patch,
                _ => return Ok(None),
            })
        }
        [Value::Opaque(Opaque::Semver(a)), Value::Opaque(Opaque::Semver(b))] => {
            m.spend_traversal(a.prerelease.len().min(b.prerelease.len()))?;
            return Ok(quantity::ordered(function, a.order(b)));
        }
        [Value::String(text)] => return of_text(m, function, text, false),
        [Value::String(text), Value::Bool(nearly)] => return of_text(m, function, text, nearly),
        _ => return Ok(None),
    }))
}

fn of_text<'a>(m: &mut Machine<'a>, function: Function, text: &'a str, nearly: bool) -> Called<'a> {
    m.spend_traversal(text.len())?;
    match (function, Semver::parse(text, nearly)) {
        (Function::IsSemver, found) => Ok(Some(Value::Bool(found.is_some()))),
        (Function::Semver, Some(found)) => Ok(Some(Value::Opaque(m.arena.alloc(Opaque::Semver(found))))),
        (Function::Semver, None) => m.error("the string is not a semantic version, as in `1.2.3-rc.1`"),
        _ => Ok(None),
    }
}

impl<'a> Semver<'a> {
    /// With `nearly` it may begin with `v`, its numbers with zeros, and minor and patch may be left out.
    fn parse(text: &'a str, nearly: bool) -> Option<Semver<'a>> {
        let text = text.strip_prefix('v').filter(|_| nearly).unwrap_or(text);
        let mut parts = text.splitn(3, '.');
        let (major, minor, rest) = (parts.next()?, parts.next(), parts.next());
        if !nearly && rest.is_none() {
            return None;
        }
        let (version, build) = match rest.map(|rest| rest.split_once('+')) {
            Some(Some((version, build))) => (Some(version), Some(build)),
            _ => (rest, None),
        };
        let (patch, prerelease) = match version.map(|version| version.split_once('-')) {
            Some(Some((patch, prerelease))) => (Some(patch), Some(prerelease)),
            _ => (version, None),
        };
        let number = |text: Option<&str>| number(text.unwrap_or("0"), nearly);
        let numbers = [number(Some(major))?, number(minor)?, number(patch)?];
        let well = |text: &str, numeric: bool| text.split('.').all(|identifier| identifies(identifier, numeric));
        let fits = prerelease.is_none_or(|text| well(text, true)) && build.is_none_or(|text| well(text, false));
        fits.then_some(Semver { numbers, prerelease: prerelease.unwrap_or("") })
    }

    pub(crate) fn order(&self, other: &Semver<'_>) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.prerelease, other.prerelease) {
            ("", "") => Ordering::Equal,
            // A release comes after all that precede it.
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => prereleases(a, b),
        })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, zeros: bool) -> Option<i64> {
    let fits = is_number(text) && (zeros || text.len() == 1 || !text.starts_with('0'));
    if fits { text.parse().ok() } else { None }
}

/// Whether a part between dots is well formed. Numbers that count have no zeros before them.
fn identifies(text: &str, numeric: bool) -> bool {
    let known = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    known && !(numeric && is_number(text) && text.len() > 1 && text.starts_with('0'))
}

fn prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (is_number(a), is_number(b)) {
                // Without zeros before them the longer number is the greater one.
                (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_specification() {
        let versions = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for (at, a) in versions.iter().enumerate() {
            for (other, b) in versions.iter().enumerate() {
                let (a, b) = (Semver::parse(a, false).unwrap(), Semver::parse(b, false).unwrap());
                assert_eq!(a.order(&b), at.cmp(&other));
            }
        }
        let built = |text| Semver::parse(text, false).unwrap();
        assert!(built("1.0.0+a").order(&built("1.0.0+b.01")).is_eq());
    }

    #[test]
    fn what_is_no_version() {
        for text in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            "01.0.0",
            "1.0.00",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+",
            "1.0.0-ä",
            "1.0.0.0",
            "a.b.c",
            "-1.0.0",
            "1. 0.0",
            "9223372036854775808.0.0",
        ] {
            assert!(Semver::parse(text, false).is_none(), "{text}");
        }
        for text in ["1.0.0-0", "1.0.0-00a", "1.0.0--", "1.0.0-a-b.c", "1.0.0+001", "1.0.0-a+b-c"] {
            assert!(Semver::parse(text, false).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_nearly_a_version() {
        for (text, numbers) in [
            ("v1.0", [1, 0, 0]),
            ("v1", [1, 0, 0]),
            ("01.02.03-rc.1", [1, 2, 3]),
            ("1.2", [1, 2, 0]),
            ("1.01.00", [1, 1, 0]),
        ] {
            assert_eq!(Semver::parse(text, true).unwrap().numbers, numbers, "{text}");
        }
        for text in ["", "v", "vv1", "1.2-rc", "1-rc", "1.2+b", "1.", "1..2", "200K", "Three"] {
            assert!(Semver::parse(text, true).is_none(), "{text}");
        }
    }
}
