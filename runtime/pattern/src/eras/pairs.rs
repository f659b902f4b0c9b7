//! Labels and annotations as a list of `{key, value}`.

use std::ops::Range;

use crate::codes::eras as codes;
use crate::diagnostic::{Diagnostics, Edit};
use crate::source::{FileId, Source, Span};
use crate::yaml::{Key, Node, Value};

/// Makes such a list the map that it stands for. Any other list stays, for the parser to say what is wrong with it.
pub(super) fn map(source: &Source, what: &Key, node: &mut Node, problems: &mut Diagnostics) {
    let Some(pairs) = node.items().filter(|items| !items.is_empty()).and_then(all) else { return };
    let file = source.file(node.span.file).map_or("", |file| file.text());
    let first = pairs.first().and_then(|pair| pair.key.text()).unwrap_or_default();
    // Whatever else uses an anchor would change with it, or lose it.
    let shared = if node.span.start < what.span.end { Some(what.span) } else { anchored(file, node, node.span) };
    problems.push(match shared {
        Some(place) => codes::shared_pairs(place, &what.text, &short(&pairs)),
        None => {
            let edits = edits(file, what.span.start as usize, node.span, &pairs).unwrap_or_default();
            codes::pairs(node.span, &what.text, first, edits)
        }
    });
    let members = pairs.iter().map(|pair| {
        let text = pair.key.text().unwrap_or_default().to_owned();
        (Key { text, span: pair.key.span }, pair.value.clone())
    });
    node.value = Value::Map(members.collect());
}

/// One item of the list.
struct Pair<'a> {
    item: &'a Node,
    key: &'a Node,
    value: &'a Node,
    /// Where the word `value` stands.
    word: Span,
}

/// The items, if all of them have a key and a value and no two the same key.
fn all(items: &[Node]) -> Option<Vec<Pair<'_>>> {
    let mut pairs: Vec<Pair> = Vec::new();
    for item in items {
        let members = item.members().filter(|members| members.len() == 2)?;
        let find = |name: &str| members.iter().find(|(key, _)| key.text == name);
        let ((_, key), (word, value)) = (find("key")?, find("value")?);
        let text = key.text().filter(|text| !text.contains("{{"))?;
        if pairs.iter().any(|pair| pair.key.text() == Some(text)) {
            return None;
        }
        pairs.push(Pair { item, key, value, word: word.span });
    }
    Some(pairs)
}

/// The place of a node, or of one in it, that has an anchor or stands for one elsewhere.
fn anchored(file: &str, node: &Node, around: Span) -> Option<Span> {
    // An alias has the place of what it stands for.
    if node.span.start < around.start || node.span.end > around.end {
        return Some(around);
    }
    // An anchor belongs to the place of a map or list, and stands before that of a scalar.
    let (before, text) = file.split_at_checked(node.span.start as usize).unwrap_or_default();
    let before = before.trim_end().rsplit(|c: char| c.is_whitespace() || "[{,".contains(c));
    let before = before.take_while(|word| is_property(word) && !word.ends_with(':'));
    let mut properties = before.chain(text.split_whitespace().take_while(|word| is_property(word)));
    if properties.any(|word| word.starts_with('&')) {
        return Some(node.span);
    }
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| anchored(file, item, node.span)),
        Value::Map(members) => members.iter().find_map(|(_, member)| anchored(file, member, node.span)),
        _ => None,
    }
}

/// An anchor or a tag.
fn is_property(word: &str) -> bool {
    word.starts_with(['&', '!'])
}

/// The pairs as a map in one line, as far as that can be read at a glance.
fn short(pairs: &[Pair]) -> String {
    const LONGEST: usize = 100;
    let mut text = String::new();
    for pair in pairs {
        let member = format!("{}: {}", pair.key.to_json(), pair.value.to_json());
        if text.chars().count() + member.chars().count() > LONGEST {
            return text + "…";
        }
        text += &member;
        text += ", ";
    }
    text.trim_end_matches(", ").to_owned()
}

/// The edits that make the list, which stands behind the key at `at`, a map. None where the file is not written as they expect it.
fn edits(file: &str, at: usize, list: Span, pairs: &[Pair]) -> Option<Vec<Edit>> {
    let id = list.file;
    let mut edits = Vec::new();
    let flow = byte(file, list.start) == Some(b'[');
    if flow {
        if byte(file, list.end.checked_sub(1)?) != Some(b']') {
            return None;
        }
        edits.push(Edit::new(Span { end: list.start + 1, ..list }, "{"));
        edits.push(Edit::new(Span { start: list.end - 1, ..list }, "}"));
    }
    for pair in pairs {
        let braces = byte(file, pair.item.span.start) == Some(b'{');
        let start = if flow { pair.item.span.start as usize } else { dash(file, pair.item.span.start as usize)? };
        // The items of a list may begin in their key's column, the keys of a map may not.
        let indent = if !flow && column(file, start) <= column(file, at) { "  " } else { "" };
        let (key, value) = (range(pair.key.span), range(pair.value.span));
        let end = pair.item.span.end as usize;
        if !braces && key.start < value.start {
            // What stands after `value`, the colon and all, stays as it is.
            let word = range(pair.word);
            let above = comments(file, key.end..word.start, start);
            edits.push(replace(id, start..key.start, above + indent));
            edits.push(replace(id, key.end..word.end, String::new()));
        } else {
            let (name, text) = (file.get(key.clone())?, one_line(file, pair.value)?);
            let above = if braces { String::new() } else { comments(file, value.end..key.start.max(value.end), start) };
            edits.push(replace(id, start..end, format!("{above}{indent}{name}: {text}")));
        }
    }
    Some(edits)
}

fn byte(file: &str, at: u32) -> Option<u8> {
    file.as_bytes().get(at as usize).copied()
}

fn range(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

fn replace(file: FileId, range: Range<usize>, text: String) -> Edit {
    Edit::new(Span::new(file, range), text)
}

/// Where the `-` of a block list's item is, which has nothing but blanks between it and the item.
fn dash(file: &str, item: usize) -> Option<usize> {
    let before = file.get(..item)?.trim_end();
    before.ends_with('-').then(|| before.len() - 1)
}

/// How many characters stand before a place in its line.
fn column(file: &str, at: usize) -> usize {
    file.get(..at).unwrap_or_default().rsplit('\n').next().map_or(0, |line| line.chars().count())
}

/// The comments of a stretch that is going away, each on a line above what begins at `at`.
fn comments(file: &str, gone: Range<usize>, at: usize) -> String {
    let column = column(file, at);
    let lines = file.get(gone).unwrap_or_default().lines();
    let found = lines.filter_map(|line| line.get(line.find('#')?..));
    found.map(|comment| format!("{}\n{:column$}", comment.trim_end(), "")).collect()
}

/// A value as it is written, or, where it has several lines, as JSON has it.
fn one_line(file: &str, value: &Node) -> Option<String> {
    let written = file.get(range(value.span))?;
    let block = written.starts_with(['|', '>']) || written.contains('\n');
    Some(if block { value.to_json().to_string() } else { written.to_owned() })
}
