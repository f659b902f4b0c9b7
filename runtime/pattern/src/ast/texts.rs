//! Expressions that are made of what an author wrote, with the places of its parts.

use crate::cel::{self, Piece};
use crate::yaml::{Node, Text, Value};

/// The expression that is alone in a text.
pub(crate) fn lone(text: &Text) -> Option<Text> {
    if !text.has_expressions() {
        return None;
    }
    match cel::split(&text.text).ok()?.as_slice() {
        [Piece::Expression { range, .. }] => Some(inside(text, range.clone())),
        _ => None,
    }
}

/// An expression as it was written, without blanks around it. What ends with a comment ends with its line.
pub(crate) fn inside(text: &Text, range: std::ops::Range<usize>) -> Text {
    let source = text.text.get(range.clone()).unwrap_or_default();
    let start = range.start + (source.len() - source.trim_start().len());
    let part = text.slice(start..(start + source.trim().len()));
    if part.text.contains("//") { Text::concat([part, Text::from("\n")]) } else { part }
}

/// The text of an expression, made of parts.
pub(crate) fn expression(node: &Node, mut parts: Vec<Text>) -> Node {
    parts.insert(0, Text::from("{{ "));
    parts.push(Text::from(" }}"));
    Node { span: node.span, value: Value::String(Text::concat(parts)) }
}

/// A text as CEL writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('\'');
    quoted
}
