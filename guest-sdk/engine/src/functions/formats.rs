//! `format.…` and `validate`: the formats of names and texts that Kubernetes asks for.

use bumpalo::collections::Vec as BumpVec;
use orkestra_program::function::Function;

use super::{Called, encoders, url};
use crate::cost;
use crate::eval::Machine;
use crate::fault::join;
use crate::opaque::Opaque;
use crate::time::Timestamp;
use crate::value::{List, Value};

/// What a validation is charged for: a regular expression of this length.
const PATTERN: usize = 60;
/// Longest label, in bytes.
const LABEL: usize = 63;
/// Longest subdomain, in bytes.
const SUBDOMAIN: usize = 253;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match *arguments {
        [] if is_format(function) => Ok(Some(Value::Opaque(m.arena.alloc(Opaque::Format(function))))),
        [Value::String(name)] if function == Function::FormatNamed => {
            let named = |format: &&Function| format.name().strip_prefix("format.") == Some(name);
            Ok(Some(match Function::ALL.iter().find(|format| is_format(**format) && named(format)) {
                Some(format) => {
                    let format = Value::Opaque(m.arena.alloc(Opaque::Format(*format)));
                    Value::some(m.arena, format)
                }
                None => Value::NONE,
            }))
        }
        [Value::Opaque(Opaque::Format(format)), Value::String(text)] if function == Function::Validate => {
            m.meter.spend(cost::matching(text.len(), PATTERN))?;
            let mut problems = BumpVec::new_in(m.arena);
            check(m, *format, text, &mut |problem| problems.push(Value::String(problem)));
            if problems.is_empty() {
                return Ok(Some(Value::NONE));
            }
            let problems = Value::List(List::Built(problems.into_bump_slice()));
            Ok(Some(Value::some(m.arena, problems)))
        }
        _ => Ok(None),
    }
}

/// Whether a function gives a format.
fn is_format(function: Function) -> bool {
    (Function::FormatDns1123Label as u16..=Function::FormatDatetime as u16).contains(&(function as u16))
}

fn check<'a>(m: &Machine<'a>, format: Function, text: &'a str, problem: &mut impl FnMut(&'static str)) {
    match format {
        Function::FormatDns1123Label => dns_label(text, problem),
        Function::FormatDns1123LabelPrefix => dns_label(started(m, text), problem),
        Function::FormatDns1123Subdomain => subdomain(text, problem),
        Function::FormatDns1123SubdomainPrefix => subdomain(started(m, text), problem),
        Function::FormatDns1035Label => dns_1035(text, problem),
        Function::FormatDns1035LabelPrefix => dns_1035(started(m, text), problem),
        Function::FormatQualifiedName => qualified(text, problem),
        Function::FormatLabelValue if text.is_empty() => {}
        Function::FormatLabelValue => name(text, problem),
        _ => {
            if let Some(wrong) = other(m, format, text) {
                problem(wrong);
            }
        }
    }
}

fn other<'a>(m: &Machine<'a>, format: Function, text: &'a str) -> Option<&'static str> {
    let (fits, wrong) = match format {
        Function::FormatUri => (url::parse(text).is_some(), "must be an absolute URI or an absolute path"),
        Function::FormatUuid => (is_uuid(text), "must be a UUID"),
        Function::FormatByte => (is_base64(text), "must be base64"),
        Function::FormatDate => {
            let midnight = join(m.arena, &[text, "T00:00:00Z"]);
            (text.len() == 10 && Timestamp::parse(midnight).is_some(), "must be a date: YYYY-MM-DD")
        }
        _ => {
            let upper = m.arena.alloc_str(text);
            upper.make_ascii_uppercase();
            (Timestamp::parse(upper).is_some(), "must be a date and time of RFC 3339")
        }
    };
    (!fits).then_some(wrong)
}

/// The start of a name may end with the dash that a suffix follows.
fn started<'a>(m: &Machine<'a>, text: &'a str) -> &'a str {
    let cut = text.strip_suffix('-').and_then(|rest| rest.get(..rest.len().checked_sub(1)?));
    cut.map_or(text, |start| join(m.arena, &[start, "a"]))
}

fn is_label(text: &str) -> bool {
    let ends = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    ended(text, ends) && text.bytes().all(|byte| ends(byte) || byte == b'-')
}

/// Whether the first and the last byte are of a kind.
fn ended(text: &str, kind: impl Fn(u8) -> bool) -> bool {
    matches!((text.as_bytes().first(), text.as_bytes().last()), (Some(first), Some(last)) if kind(*first) && kind(*last))
}

fn label_length(text: &str, problem: &mut impl FnMut(&'static str)) {
    if text.len() > LABEL {
        problem("must have at most 63 bytes");
    }
}

fn dns_label(text: &str, problem: &mut impl FnMut(&'static str)) {
    label_length(text, problem);
    if !is_label(text) {
        problem("must have only lower case letters, digits and `-`, and begin and end with a letter or digit");
    }
}

fn dns_1035(text: &str, problem: &mut impl FnMut(&'static str)) {
    label_length(text, problem);
    if !(is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())) {
        problem(
            "must have only lower case letters, digits and `-`, begin with a letter, and end with a letter or digit",
        );
    }
}

fn subdomain(text: &str, problem: &mut impl FnMut(&'static str)) {
    if text.len() > SUBDOMAIN {
        problem("must have at most 253 bytes");
    }
    if !text.split('.').all(is_label) {
        problem(
            "must have only lower case letters, digits, `-` and `.`, and each part between dots must begin and end with a letter or digit",
        );
    }
}

fn name(text: &str, problem: &mut impl FnMut(&'static str)) {
    label_length(text, problem);
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(ended(text, |byte| byte.is_ascii_alphanumeric()) && text.bytes().all(inside)) {
        problem("must have only letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit");
    }
}

fn qualified(text: &str, problem: &mut impl FnMut(&'static str)) {
    let local = match text.split_once('/') {
        None => text,
        Some((_, local)) if local.contains('/') => {
            problem("must be a name, or a DNS subdomain, `/` and a name");
            return;
        }
        Some((prefix, local)) => {
            subdomain(prefix, problem);
            local
        }
    };
    name(local, problem);
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let grouped = text.split('-').map(str::len).eq(lengths) && text.split('-').all(hex);
    grouped || (text.len() == 32 && hex(text))
}

/// Whether it is base64 with padding, without line ends.
fn is_base64(text: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(4) && !text.contains(['\r', '\n']) && encoders::decode(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(check: impl Fn(&str, &mut dyn FnMut(&'static str)), text: &str) -> usize {
        let mut count = 0;
        check(text, &mut |_| count += 1);
        count
    }

    #[test]
    fn names() {
        let long = "a".repeat(64);
        for (text, wrong) in [("my-label-name", 0), ("0a", 0), ("", 1), ("-a", 1), ("a.b", 1), ("A", 1), (&long, 1)] {
            assert_eq!(problems(|text, mut problem| dns_label(text, &mut problem), text), wrong, "{text}");
        }
        for (text, wrong) in [("my-label", 0), ("0a", 1), ("a-", 1), ("ä", 1)] {
            assert_eq!(problems(|text, mut problem| dns_1035(text, &mut problem), text), wrong, "{text}");
        }
        let far = format!("{}a", "a.".repeat(127));
        for (text, wrong) in [("apiextensions.k8s.io", 0), ("a..b", 1), ("a.", 1), ("", 1), (&far, 1)] {
            assert_eq!(problems(|text, mut problem| subdomain(text, &mut problem), text), wrong, "{text}");
        }
        for (text, wrong) in [
            ("apiextensions.k8s.io/v1beta1", 0),
            ("My_name.1", 0),
            ("", 1),
            ("/a", 1),
            ("a/", 1),
            ("a/b/c", 1),
            ("A/b", 1),
            ("_a", 1),
        ] {
            assert_eq!(problems(|text, mut problem| qualified(text, &mut problem), text), wrong, "{text}");
        }
    }

    #[test]
    fn texts() {
        assert!(is_uuid("123e4567-e89b-12d3-a456-426614174000") && is_uuid("123E4567e89b12d3a456426614174000"));
        assert!(!is_uuid("123e4567-e89b-12d3-a456-42661417400") && !is_uuid("123e4567-e89b-12d3-a456-42661417400g"));
        assert!(!is_uuid("123e4567e89b-12d3-a456-426614174000") && !is_uuid(""));
        assert!(
            is_base64("aGVsbG8=")
                && !is_base64("aGVsbG8")
                && !is_base64("")
                && !is_base64("aGVs\nbG8=")
                && !is_base64("aGV!")
        );
    }
}
