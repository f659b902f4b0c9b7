//! What a plain scalar means, and where the bytes of a decoded scalar stand in the file.

use saphyr_parser::ScalarStyle;
use serde_json::Number;

use super::Value;

/// What a plain scalar says.
pub(super) enum Plain {
    Value(Value),
    /// Readers of YAML disagree about it, or JSON has no form for it: why, and how to write it instead.
    Ambiguous(String, String),
}

/// Resolves a plain scalar by YAML 1.2's core schema.
///
/// Where the YAML 1.1 of Kubernetes' own tools reads a *number* otherwise, the scalar is refused instead of silently being
/// one of the two: `0644` is 420 there and 644 here.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Value(Value::Null),
        "true" | "True" | "TRUE" => return Plain::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Plain::Value(Value::Bool(false)),
        _ => {}
    }
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            return match i64::from_str_radix(digits, radix) {
                Ok(value) => Plain::Value(Value::Number(Number::from(if negative { -value } else { value }))),
                Err(_) => too_large(text),
            };
        }
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            let octal = i64::from_str_radix(digits, 8);
            let mend = match octal {
                Ok(value) => format!("write `{value}` for the octal number, or quote it: \"{text}\""),
                Err(_) => format!("drop the leading zero, or quote it: \"{text}\""),
            };
            return Plain::Ambiguous(
                "a number with a leading zero is octal to some readers and decimal to others".into(),
                mend,
            );
        }
        return match text.parse::<i64>() {
            Ok(value) => Plain::Value(Value::Number(Number::from(value))),
            Err(_) => too_large(text),
        };
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::Ambiguous("JSON has no such number".into(), format!("quote it if it is text: \"{text}\""));
    }
    if looks_like_a_fraction(digits)
        && let Ok(value) = text.parse::<f64>()
    {
        return match Number::from_f64(value) {
            Some(number) => Plain::Value(Value::Number(number)),
            None => too_large(text),
        };
    }
    Plain::Value(Value::String(super::Text::from(text)))
}

fn too_large(text: &str) -> Plain {
    Plain::Ambiguous("the number is too large for 64 bits".into(), format!("quote it if it is text: \"{text}\""))
}

/// `1.5`, `.5`, `1.`, `1e3`: what the core schema calls a float, given without its sign.
fn looks_like_a_fraction(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let dots = mantissa.bytes().filter(|byte| *byte == b'.').count();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    digits > 0 && dots <= 1 && digits + dots == mantissa.len() && exponent_fits
}

/// How many bytes a quoted scalar has with its quotes. None for one of another style, and for one that does not end.
pub(super) fn quoted_length(style: ScalarStyle, raw: &str) -> Option<usize> {
    let (quote, escaped) = match style {
        ScalarStyle::SingleQuoted => (b'\'', b'\''),
        ScalarStyle::DoubleQuoted => (b'"', b'\\'),
        _ => return None,
    };
    let bytes = raw.as_bytes();
    let mut at = 1;
    loop {
        let byte = *bytes.get(at)?;
        if byte == escaped && (escaped == b'\\' || bytes.get(at + 1) == Some(&quote)) {
            at += 2;
        } else if byte == quote {
            return Some(at + 1);
        } else {
            at += 1;
        }
    }
}

/// Walks a decoded scalar beside its source and notes each offset at which the distance between them changes.
///
/// `raw` is the scalar in the file, which starts at `base`; `indent` is what each line of a block scalar loses.
pub(super) fn places(style: ScalarStyle, decoded: &str, raw: &str, base: usize, indent: usize) -> Vec<(u32, u32)> {
    let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let bytes = raw.as_bytes();
    let mut at = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
    let mut found: Vec<(u32, u32)> = Vec::new();
    let mut note = |text: usize, file: usize| {
        let (text, file) = (u32::try_from(text).unwrap_or(u32::MAX), u32::try_from(base + file).unwrap_or(u32::MAX));
        let straight = found.last().is_some_and(|(last, place)| place.wrapping_sub(*last) == file.wrapping_sub(text));
        if !straight {
            found.push((text, file));
        }
    };
    let skip_indent = |mut at: usize| {
        let mut left = if block { indent } else { usize::MAX };
        while left > 0 && matches!(bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
            left -= 1;
        }
        at
    };
    for (offset, character) in decoded.char_indices() {
        // What stands in the file but not in the text: folds, indentation, escaped line breaks.
        loop {
            match bytes.get(at) {
                Some(b'\\')
                    if style == ScalarStyle::DoubleQuoted && matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) =>
                {
                    at += if bytes.get(at + 1) == Some(&b'\r') { 3 } else { 2 };
                    at = skip_indent(at);
                }
                Some(b' ' | b'\t' | b'\n' | b'\r') if !character.is_whitespace() => {
                    let line_break = bytes[at] == b'\n';
                    at += 1;
                    if line_break {
                        at = skip_indent(at);
                    }
                }
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => at += 1,
                _ => break,
            }
        }
        note(offset, at);
        match bytes.get(at) {
            Some(b'\\') if style == ScalarStyle::DoubleQuoted => {
                at += match bytes.get(at + 1) {
                    Some(b'x') => 4,
                    Some(b'u') => 6,
                    Some(b'U') => 10,
                    _ => 2,
                };
            }
            Some(b'\'') if style == ScalarStyle::SingleQuoted => at += 2,
            Some(b'\n') => at = skip_indent(at + 1),
            // A line break that the file has before the scalar's first character, as in a block that starts with blanks.
            Some(_) if character == '\n' => {}
            Some(_) => at += character.len_utf8(),
            None => {}
        }
    }
    note(decoded.len(), at);
    found
}
