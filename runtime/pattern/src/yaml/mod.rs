//! YAML with places: a tree in which every value and every key knows where it was written.

pub(crate) mod guess;
mod parse;
mod scalar;

pub use parse::{Bounds, parse, single};

use serde_json::{Map, Number, Value as Json};

use crate::source::Span;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands; for a map or list from its first to its last item.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is: the values of JSON, with maps in the source's order.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that JSON can hold.
    Number(Number),
    /// Any other scalar.
    String(Text),
    /// In order.
    List(Vec<Node>),
    /// In the source's order, every key once.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Without quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A string, and how its bytes map to bytes of the file: escapes, folding and indentation lie between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As YAML reads it.
    pub text: String,
    /// Sorted: from this offset of `text` on, bytes stand in the file from that offset on.
    places: Vec<(u32, u32)>,
    /// It is text only: braces in it are no expressions.
    literal: bool,
}

impl Text {
    /// The span in the file of a byte range of the text.
    ///
    /// Text that no file holds, because a short form's rewriting made it, is at the whole of `node`.
    pub fn span(&self, node: Span, range: std::ops::Range<usize>) -> Span {
        if self.places.is_empty() {
            return node;
        }
        let at = |offset: usize| {
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            let index = self.places.partition_point(|(text, _)| *text <= offset).saturating_sub(1);
            self.places.get(index).map_or(node.start, |(text, file)| file + offset.saturating_sub(*text))
        };
        let start = at(range.start).min(node.end);
        // The end is taken from the last byte inside, so that a range that ends at a fold does not run on.
        let end = if range.end > range.start { at(range.end - 1) + 1 } else { start };
        Span { file: node.file, start, end: end.clamp(start, node.end.max(start)) }
    }
}

impl Text {
    /// A part of the text, which keeps its places. Outside of the text, or inside of a character, it is empty.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Text {
        let text = self.text.get(range.clone()).unwrap_or_default().to_owned();
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (start, end) = (offset(range.start), offset(range.end));
        let first = self.places.partition_point(|(text, _)| *text <= start).saturating_sub(1);
        let places = self.places.iter().skip(first).take_while(|(text, _)| *text < end);
        let places = places.map(|(text, file)| (text.saturating_sub(start), file + start.saturating_sub(*text)));
        Text { text, places: places.collect(), literal: self.literal }
    }

    /// Texts of one file, and such that no file holds, one after another. Each byte of the latter is where the last byte
    /// before it stands, so that what is wrong with it is shown there.
    pub(crate) fn concat(parts: impl IntoIterator<Item = Text>) -> Text {
        let mut whole = Text::from("");
        let mut last = None;
        for part in parts {
            let offset = |at: usize| u32::try_from(whole.text.len() + at).unwrap_or(u32::MAX);
            match (part.places.last(), last) {
                (Some((text, file)), _) => {
                    let length = u32::try_from(part.text.len()).unwrap_or(u32::MAX);
                    last = Some(file + length.saturating_sub(text + 1));
                    whole
                        .places
                        .extend(part.places.iter().map(|(text, file)| (offset(0).saturating_add(*text), *file)));
                }
                (None, Some(last)) => whole.places.extend((0..part.text.len()).map(|at| (offset(at), last))),
                (None, None) => {}
            }
            whole.text.push_str(&part.text);
            whole.literal |= part.literal;
        }
        whole
    }

    /// The bytes of `file` that a part of the text is written with, escapes and folds included. None for text that no file holds,
    /// and for a part that is empty.
    pub(crate) fn written(
        &self,
        node: Span,
        part: std::ops::Range<usize>,
        file: &str,
    ) -> Option<std::ops::Range<usize>> {
        let at = |offset: usize| {
            let offset = u32::try_from(offset).ok()?;
            let index = self.places.partition_point(|(text, _)| *text <= offset).checked_sub(1)?;
            let (text, place) = self.places.get(index)?;
            Some((place + (offset - text)) as usize)
        };
        let last = self.text.get(part.clone())?.char_indices().next_back()?.0;
        let (start, last) = (at(part.start)?, at(part.start + last)?);
        let quote = file.as_bytes().get(node.start as usize).copied();
        let rest = file.get(last..)?;
        let length = match (quote, rest.as_bytes()) {
            (Some(b'"'), [b'\\', escape, ..]) => match escape {
                b'x' => 4,
                b'u' => 6,
                b'U' => 10,
                _ => 2,
            },
            (Some(b'\''), [b'\'', b'\'', ..]) => 2,
            _ => rest.chars().next()?.len_utf8(),
        };
        Some(start..last + length)
    }

    /// The same, text only: braces in it are no expressions.
    pub(crate) fn literal(&self) -> Text {
        Text { literal: true, ..self.clone() }
    }

    /// Whether it holds expressions, or what looks like one.
    pub fn has_expressions(&self) -> bool {
        !self.literal && self.text.contains("{{")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), places: Vec::new(), literal: false }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, places: Vec::new(), literal: false }
    }
}

impl Node {
    /// A string that stands in no file, made on behalf of what stands at `span`.
    pub fn string(span: Span, text: impl Into<Text>) -> Self {
        Self { span, value: Value::String(text.into()) }
    }

    /// A map made on behalf of what stands at `span`.
    pub fn map<K: Into<String>>(span: Span, members: impl IntoIterator<Item = (K, Node)>) -> Self {
        let members =
            members.into_iter().map(|(key, node)| (Key { text: key.into(), span: node.span }, node)).collect();
        Self { span, value: Value::Map(members) }
    }

    /// A list made on behalf of what stands at `span`.
    pub fn list(span: Span, items: Vec<Node>) -> Self {
        Self { span, value: Value::List(items) }
    }

    /// The member of that name, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members()?.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// The members, where this is a map.
    pub fn members(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The items, where this is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(&text.text),
            _ => None,
        }
    }

    /// What it is, for a message: `a list`, `the string "a"`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("the boolean {value}"),
            Value::Number(value) => format!("the number {value}"),
            Value::String(text) => format!("the string {}", quote(&text.text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// A scalar's JSON, where the source writes it so: none for `14.20` and `0x10`, which are 14.2 and 16 to JSON.
    pub(crate) fn as_written(&self) -> Option<String> {
        let json = self.to_json().to_string();
        (u32::try_from(json.len()) == Ok(self.span.end - self.span.start)).then_some(json)
    }

    /// The same value without places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(value) => Json::Number(value.clone()),
            Value::String(text) => Json::String(text.text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(members) => Json::Object(
                members.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }
}

/// Text in quotation marks, shortened to what a line can bear.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() > LONGEST {
        let short: String = text.chars().take(LONGEST).collect();
        return format!("\"{short}…\"");
    }
    format!("\"{text}\"")
}
