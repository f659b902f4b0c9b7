//! JSON values as YAML that every reader takes for the same values.
//!
//! `no`, `on`, `y`, `1_000` and `12:30` are strings to YAML 1.2 and booleans and numbers to YAML 1.1, which `kubectl` reads. So
//! a string is written without quotes only where both agree.

use serde_json::{Map, Value};

/// A value as a block of YAML that ends with a line break.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => map(members, 0, &mut text),
        Value::Array(items) if !items.is_empty() => list(items, 0, &mut text),
        scalar => {
            text.push_str(&inline(scalar));
            text.push('\n');
        }
    }
    text
}

/// The members of a map, of which the first begins where the text ends.
fn map(members: &Map<String, Value>, depth: usize, text: &mut String) {
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            indent(depth, text);
        }
        text.push_str(&string(key));
        text.push(':');
        match value {
            Value::Object(members) if !members.is_empty() => {
                text.push('\n');
                indent(depth + 1, text);
                map(members, depth + 1, text);
            }
            // A list stands in the column of its key, as `kubectl` prints it.
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                indent(depth, text);
                list(items, depth, text);
            }
            Value::String(value) => {
                text.push(' ');
                scalar(value, depth + 1, text);
            }
            value => {
                text.push(' ');
                text.push_str(&inline(value));
                text.push('\n');
            }
        }
    }
}

/// The items of a list, of which the first begins where the text ends.
fn list(items: &[Value], depth: usize, text: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            indent(depth, text);
        }
        text.push_str("- ");
        match item {
            Value::Object(members) if !members.is_empty() => map(members, depth + 1, text),
            Value::Array(items) if !items.is_empty() => list(items, depth + 1, text),
            Value::String(value) => scalar(value, depth + 1, text),
            item => {
                text.push_str(&inline(item));
                text.push('\n');
            }
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// A string as a value: of several lines where it has them and they need no escapes.
fn scalar(value: &str, depth: usize, text: &mut String) {
    if !is_block(value) {
        text.push_str(&string(value));
        text.push('\n');
        return;
    }
    let (lines, mark) = match value.strip_suffix('\n') {
        None => (value, "|-"),
        Some(lines) if lines.ends_with('\n') => (lines, "|+"),
        Some(lines) => (lines, "|"),
    };
    text.push_str(mark);
    text.push('\n');
    for line in lines.split('\n') {
        if !line.is_empty() {
            indent(depth, text);
            text.push_str(line);
        }
        text.push('\n');
    }
}

/// Whether a string can be written line by line. The first line says how far the lines are indented, so it begins with text.
fn is_block(value: &str) -> bool {
    value.contains('\n')
        && !value.starts_with(|first: char| first.is_whitespace())
        && value.chars().all(|letter| matches!(letter, '\n' | '\t') || is_printable(letter))
        && value.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
}

/// A value without a block form.
fn inline(value: &Value) -> String {
    match value {
        Value::String(value) => string(value),
        other => other.to_string(),
    }
}

/// A string in one line.
fn string(value: &str) -> String {
    if !value.chars().all(is_printable) {
        return escaped(value);
    }
    if is_plain(value) { value.to_owned() } else { format!("'{}'", value.replace('\'', "''")) }
}

/// JSON's form, which is YAML's as well, with escapes for all that a reader or a terminal may take for something else.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for letter in Value::from(value).to_string().chars() {
        if is_printable(letter) {
            text.push(letter);
        } else {
            text.push_str(&format!("\\u{:04x}", u32::from(letter)));
        }
    }
    text
}

/// Whether a character stands for itself in YAML and is no line break to any of its versions.
fn is_printable(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a string without quotes is that string to every reader.
fn is_plain(value: &str) -> bool {
    const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"];
    let Some(first) = value.chars().next() else { return false };
    let unsigned = value.trim_start_matches(['+', '-']).to_ascii_lowercase();
    // Numbers of every base, with underscores or colons, and dates and times.
    let numeric = |letter: char| letter.is_ascii_hexdigit() || "_.:+-oxtz ".contains(letter.to_ascii_lowercase());
    let digits = value.contains(|letter: char| letter.is_ascii_digit());
    let like_a_number = digits && (first.is_ascii_digit() || "+-.".contains(first)) && value.chars().all(numeric);
    let indicator = match first {
        '-' => !value[1..].starts_with(|next: char| next.is_ascii_alphanumeric()),
        first => ":?,[]{}#&*!|>'\"%@`=<~ ".contains(first),
    };
    !indicator
        && !like_a_number
        && !WORDS.contains(&unsigned.as_str())
        && !value.starts_with("...")
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains(" #")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_yaml_1_1_reads_as_something_else_is_quoted() {
        for value in [
            "no",
            "Yes",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "~",
            "null",
            "=",
            "<<",
            "1_000",
            "0x1F",
            "0o17",
            "017",
            "1e3",
            "+1",
            "-.inf",
            ".NaN",
            "12:30:45",
            "2020-01-01",
            "2020-01-01T00:00:00Z",
            "",
            " a",
            "a ",
            "a: b",
            "a #b",
            "a:",
            "- a",
            "---",
            "...",
            "%a",
            "@a",
            "{a",
            "?",
            "`a",
        ] {
            assert_eq!(string(value), format!("'{value}'"));
        }
        assert_eq!(text(&json!({"on": "it's"})), "'on': it's\n");
        assert_eq!(text(&json!(["'", ["no"], {}])), "- ''''\n- - 'no'\n- {}\n");
    }

    #[test]
    fn what_is_plain_to_every_reader_stays_plain() {
        for value in ["-c", "max_connections=100", "10Gi", "250m", "apps/v1", "14.20-alpine", "a:b", "{{"] {
            let quoted = value.starts_with('{');
            assert_eq!(string(value) == value, !quoted, "{value}");
        }
    }

    #[test]
    fn lines_are_a_block_and_control_characters_are_escaped() {
        let value = json!({"a": {"b": "x\n\n  y\n", "c": "x\ny", "d": "x\n\n", "e": " x\ny", "f": "\u{1b}[2J\u{85}"}});
        let expected = concat!(
            "a:\n  b: |\n    x\n\n      y\n  c: |-\n    x\n    y\n  d: |+\n    x\n\n",
            "  e: \" x\\ny\"\n  f: \"\\u001b[2J\\u0085\"\n",
        );
        assert_eq!(text(&value), expected);
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let value = json!({
            "texts": ["no", "a\nb\n", "\n", "\n\n", "a\n\n\n", "\ta\nb", "a\n ", "\u{2028}", "\"", "\\", "é", "😀"],
            "nested": {"list": [[1, [2.5, null]], {"a": [{"b": true, "c": {}}], "d": []}], "#": "x", "a: b": "- c"},
        });
        assert_eq!(crate::documents::value(&text(&value)), Some(value));
    }
}
