//! Names, versions and durations.

use std::time::Duration;

use super::Spanned;
use super::fields::string;
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::Node;

/// Words that CEL keeps for itself, or that its grammar could not tell from its own.
const RESERVED: [&str; 22] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "self",
    "true",
    "var",
    "void",
    "while",
];

/// Whether a text is a DNS label (RFC 1123).
pub(super) fn is_dns_label(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 63
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Why a text cannot be a name in expressions: none if it can, true for a reserved word, false for its form.
pub(crate) fn identifier_problem(text: &str) -> Option<bool> {
    if RESERVED.contains(&text) {
        return Some(true);
    }
    let fits = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (!fits).then_some(false)
}

/// A DNS label.
pub fn label(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Spanned<String>> {
    let text = string(node, what, problems)?;
    check_label(text, node.span, what, problems).then(|| Spanned { value: text.to_owned(), span: node.span })
}

/// Whether a text is a DNS label; else a diagnostic with the label that may be meant.
pub(super) fn check_label(text: &str, span: Span, what: &str, problems: &mut Diagnostics) -> bool {
    if is_dns_label(text) {
        return true;
    }
    let mended: String = text
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(63)
        .collect();
    let mended = mended.trim_matches('-');
    problems.push(keys::name(span, what, text, is_dns_label(mended).then_some(mended)));
    false
}

/// A name that expressions use.
pub(super) fn identifier(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Spanned<String>> {
    let text = string(node, what, problems)?;
    match identifier_problem(text) {
        None => Some(Spanned { value: text.to_owned(), span: node.span }),
        Some(reserved) => {
            problems.push(keys::identifier(node.span, what, text, reserved));
            None
        }
    }
}

/// A semantic version.
pub(super) fn version(node: &Node, problems: &mut Diagnostics) -> Option<semver::Version> {
    let text = string(node, "`version`", problems)?;
    match semver::Version::parse(text) {
        Ok(version) => Some(version),
        Err(error) => {
            problems.push(keys::version(node.span, text, &error.to_string()));
            None
        }
    }
}

/// A whole number between two bounds.
pub fn number(node: &Node, what: &str, least: u16, most: u16, problems: &mut Diagnostics) -> Option<u16> {
    let found = match &node.value {
        crate::yaml::Value::Number(number) => number.as_i64(),
        _ => None,
    };
    let Some(found) = found else {
        problems.push(keys::wrong_kind(node.span, what, "a whole number", &node.describe()));
        return None;
    };
    match u16::try_from(found) {
        Ok(value) if (least..=most).contains(&value) => Some(value),
        _ => {
            problems.push(keys::range(node.span, what, &format!("{least} to {most}"), &found.to_string()));
            None
        }
    }
}

/// A positive duration such as `1h30m`: numbers with the units `ms`, `s`, `m`, `h` or `d`, largest first.
pub fn duration(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Duration> {
    // Shorter ones are a busy loop, and longer ones most likely a slip.
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(30 * 86_400));
    duration_within(node, what, (least, most), "1s to 30d", problems)
}

/// A duration between two bounds, which `expected` has in words.
pub(super) fn duration_within(
    node: &Node,
    what: &str,
    (least, most): (Duration, Duration),
    expected: &str,
    problems: &mut Diagnostics,
) -> Option<Duration> {
    let Some(text) = node.text() else {
        problems.push(keys::duration(node.span, &node.describe()));
        return None;
    };
    let Some(found) = parse_duration(text) else {
        problems.push(keys::duration(node.span, &node.describe()));
        return None;
    };
    if found < least || found > most {
        problems.push(keys::range(node.span, what, expected, text));
        return None;
    }
    Some(found)
}

fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = text;
    let mut next = 0;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let index = UNITS.iter().position(|(unit, _)| *unit == &rest[..letters])?;
        if index < next {
            return None;
        }
        next = index + 1;
        total = total.checked_add(number.checked_mul(UNITS[index].1)?)?;
        rest = &rest[letters..];
    }
    (next > 0).then(|| Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "10", "m", "1m1m", "1m1h", "1.5s", "-1s", "1 s", "99999999999999999999d", "1é"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn labels_and_identifiers() {
        assert!(is_dns_label("a-1") && is_dns_label("0"));
        for text in ["", "-a", "a-", "A", "a.b", "é", &"a".repeat(64)] {
            assert!(!is_dns_label(text), "{text}");
        }
        assert_eq!(identifier_problem("webServer_1"), None);
        assert_eq!(identifier_problem("package"), Some(true));
        assert_eq!(identifier_problem("Web"), Some(false));
        assert_eq!(identifier_problem("a-b"), Some(false));
    }
}
