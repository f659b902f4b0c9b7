//! Which key or value of a document a byte belongs to, by indentation and brackets alone: the text may be one that no YAML parser
//! takes, because it is being typed.

use std::ops::Range;

use super::flow::Flow;

/// A step from a value of a document to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of that key.
    Key(String),
    /// The item of that number, from zero.
    Item(usize),
}

impl Step {
    /// The key, where it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Step::Key(key) => Some(key),
            Step::Item(_) => None,
        }
    }
}

/// What a byte of a document belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What leads from the document to it: to the map for a key, to the value for a value.
    pub path: Vec<Step>,
    /// What it is.
    pub at: At,
    /// Keys that the map has already, as far as they are written like this one.
    pub siblings: Vec<String>,
    /// The expression around the byte, if there is one.
    pub expression: Option<Expression>,
}

/// What a byte belongs to, and the bytes of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A key.
    Key(Range<usize>),
    /// A scalar that stands for a value.
    Value(Range<usize>),
    /// A word that may become a key, or is an item of a list; nothing yet, where the range is empty.
    Either(Range<usize>),
    /// A comment, or the end of what can be made out.
    Nothing,
}

impl At {
    /// The bytes.
    pub fn range(&self) -> Option<Range<usize>> {
        match self {
            At::Key(range) | At::Value(range) | At::Either(range) => Some(range.clone()),
            At::Nothing => None,
        }
    }
}

/// An expression as it stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// Its bytes in the document, without the braces.
    pub range: Range<usize>,
    /// Its text, as long as in the document: where YAML reads `\"`, blanks and a quotation mark.
    pub text: String,
}

/// Finds what the byte `offset` of `text` belongs to.
pub fn locate(text: &str, offset: usize) -> Place {
    let offset = floor(text, offset);
    let mut scanner = Scanner { text, offset, frames: Vec::new(), found: None };
    scanner.run();
    let Found { path, at, quote, column, siblings } = scanner.found.unwrap_or_else(|| Found {
        path: Vec::new(),
        at: At::Nothing,
        quote: None,
        column: None,
        siblings: Vec::new(),
    });
    let siblings = match column {
        Some(column) => around(text, offset, column),
        None => siblings,
    };
    let expression = match &at {
        At::Value(range) | At::Either(range) => expression(text, range.clone(), offset, quote),
        At::Key(_) | At::Nothing => None,
    };
    Place { path, at, siblings, expression }
}

/// The nearest place before a byte that is none inside of a character.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A key or item that is open, and the column at which it begins.
struct Frame {
    indent: usize,
    step: Step,
}

pub(super) struct Found {
    pub(super) path: Vec<Step>,
    pub(super) at: At,
    /// The quotation marks around a value.
    pub(super) quote: Option<u8>,
    /// The column of a key in a block.
    pub(super) column: Option<usize>,
    pub(super) siblings: Vec<String>,
}

struct Scanner<'a> {
    text: &'a str,
    offset: usize,
    frames: Vec<Frame>,
    found: Option<Found>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at <= self.text.len() && self.found.is_none() && at <= self.offset {
            let end = line_end(self.text, at);
            at = self.line(at, end).max(end + 1);
        }
    }

    fn path(&self) -> Vec<Step> {
        self.frames.iter().map(|frame| frame.step.clone()).collect()
    }

    fn find(&mut self, at: At, quote: Option<u8>, column: Option<usize>) {
        self.found = Some(Found { path: self.path(), at, quote, column, siblings: Vec::new() });
    }

    /// Closes what does not hold a key at that column.
    fn close(&mut self, column: usize) {
        while self.frames.last().is_some_and(|frame| frame.indent >= column) {
            self.frames.pop();
        }
    }

    /// Opens the next item of the list whose dashes are at that column.
    fn item(&mut self, column: usize) {
        while self.frames.last().is_some_and(|frame| frame.indent > column) {
            self.frames.pop();
        }
        match self.frames.last_mut() {
            Some(Frame { indent, step: Step::Item(index) }) if *indent == column => *index += 1,
            _ => self.frames.push(Frame { indent: column, step: Step::Item(0) }),
        }
    }

    /// Reads a line that begins outside of any scalar, and answers where the next one does.
    fn line(&mut self, start: usize, end: usize) -> usize {
        let text = self.text;
        let line = text.get(start..end).unwrap_or_default();
        let indent = line.bytes().take_while(|byte| *byte == b' ').count();
        let body = line.get(indent..).unwrap_or_default().trim_end();
        let here = (start..=end).contains(&self.offset);
        let column = self.offset.saturating_sub(start);
        if body.starts_with('#') && here && column > indent {
            self.find(At::Nothing, None, None);
            return end + 1;
        }
        if here && (body.is_empty() || body.starts_with('#') || column < indent) {
            self.close(column);
            self.find(At::Either(self.offset..self.offset), None, Some(column));
            return end + 1;
        }
        if body.is_empty() || body.starts_with('#') {
            return end + 1;
        }
        if ["---", "..."].contains(&line.trim_end()) || line.starts_with("--- ") {
            self.frames.clear();
            return end + 1;
        }
        let (mut at, mut column) = (start + indent, indent);
        loop {
            let rest = text.get(at..end).unwrap_or_default();
            if rest.trim_end() != "-" && !rest.starts_with("- ") {
                break;
            }
            self.item(column);
            let blanks = rest.bytes().skip(1).take_while(|byte| *byte == b' ').count();
            (at, column) = (at + 1 + blanks, column + 1 + blanks);
            if here && self.offset <= at && text.get(at..end).unwrap_or_default().trim_end().is_empty() {
                self.find(At::Either(self.offset..self.offset), None, Some(column));
                return end + 1;
            }
        }
        match key(text, at, end) {
            Some((name, range, value)) => {
                self.close(column);
                if here && self.offset <= range.end {
                    self.find(At::Key(range), None, Some(column));
                    return end + 1;
                }
                self.frames.push(Frame { indent: column, step: Step::Key(name) });
                self.value(value, end, column)
            }
            None => {
                self.close(column);
                let rest = text.get(at..end).unwrap_or_default();
                if rest.starts_with(['"', '\'', '{', '[', '|', '>', '&', '!']) {
                    return self.value(at, end, column.saturating_sub(1));
                }
                if here {
                    let range = at..at + rest.split(" #").next().unwrap_or_default().trim_end().len();
                    let range = range.start..range.end.max(self.offset.min(end)).max(range.start);
                    self.find(At::Either(range), None, Some(column));
                }
                end + 1
            }
        }
    }

    /// Reads a value that begins on this line at `at`, below a key or item at the column `parent`.
    fn value(&mut self, mut at: usize, end: usize, parent: usize) -> usize {
        let text = self.text;
        loop {
            let rest = text.get(at..end).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            let word = rest.trim_start_matches([' ', '\t']);
            if blanks == 0 && !word.starts_with(['&', '!']) {
                break;
            }
            at += blanks;
            if word.starts_with(['&', '!']) {
                at += word.find(' ').unwrap_or(word.len());
            }
        }
        let rest = text.get(at..end).unwrap_or_default();
        match rest.bytes().next() {
            Some(b'|' | b'>') => self.block(end, parent),
            Some(quote @ (b'"' | b'\'')) => {
                let (inner, after) = quoted(text, at, quote, parent);
                if (inner.start..=inner.end).contains(&self.offset) {
                    self.find(At::Value(inner), Some(quote), None);
                }
                line_end(text, after) + 1
            }
            Some(b'{' | b'[') if !rest.starts_with("{{") => {
                let mut flow = Flow::new(text, self.offset, self.path(), parent);
                let after = flow.run(at);
                self.found = flow.found;
                line_end(text, after) + 1
            }
            first => {
                let length = if first == Some(b'#') { 0 } else { rest.find(" #").unwrap_or(rest.len()) };
                let value = at..at + rest.get(..length).unwrap_or_default().trim_end().len();
                if self.offset <= at + length {
                    let range = match self.offset < value.start || value.is_empty() {
                        true => self.offset..self.offset,
                        false => value.start..value.end.max(self.offset),
                    };
                    self.find(At::Value(range), None, None);
                } else if self.offset <= end {
                    self.find(At::Nothing, None, None);
                }
                end + 1
            }
        }
    }

    /// Reads the lines of a block scalar, whose header ends at `end`.
    fn block(&mut self, end: usize, parent: usize) -> usize {
        let text = self.text;
        let first = end + 1;
        let mut at = first;
        while at <= text.len() {
            let end = line_end(text, at);
            let line = text.get(at..end).unwrap_or_default();
            let indent = line.bytes().take_while(|byte| *byte == b' ').count();
            if indent <= parent && !line.trim().is_empty() {
                break;
            }
            if (at..=end).contains(&self.offset) && self.offset > parent + at {
                self.find(At::Value(at + indent.min(self.offset - at)..end), None, None);
            }
            at = end + 1;
        }
        at
    }
}

/// Where the line ends that a byte is in.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len().max(at), |length| at + length)
}

/// The bytes between the quotation marks that open at `at`, and where the text behind goes on. A line that is no deeper than
/// `parent` ends a string that was not closed.
pub(super) fn quoted(text: &str, at: usize, quote: u8, parent: usize) -> (Range<usize>, usize) {
    let bytes = text.as_bytes();
    let mut next = at + 1;
    while let Some(byte) = bytes.get(next).copied() {
        match byte {
            b'\\' if quote == b'"' => next += 1,
            b'\n' if left(text, next + 1, parent) => return (at + 1..next, next),
            _ if byte == quote && quote == b'\'' && bytes.get(next + 1) == Some(&quote) => next += 1,
            _ if byte == quote => return (at + 1..next, next + 1),
            _ => {}
        }
        next += 1;
    }
    // One that never ends is the one that is being typed, and what follows is not its.
    let end = line_end(text, at).max(at + 1);
    (at + 1..end, end)
}

/// Whether the line that begins at a byte belongs to what is above `parent`.
pub(super) fn left(text: &str, start: usize, parent: usize) -> bool {
    let line = text.get(start..line_end(text, start)).unwrap_or_default();
    let indent = line.bytes().take_while(|byte| *byte == b' ').count();
    indent <= parent && !line.trim().is_empty() && !line.trim_start().starts_with(['}', ']'])
}

/// A key on a line, its bytes, and where its value begins.
pub(super) fn key(text: &str, at: usize, end: usize) -> Option<(String, Range<usize>, usize)> {
    let rest = text.get(at..end)?;
    let first = rest.bytes().next()?;
    if matches!(first, b'"' | b'\'') {
        let length = rest.get(1..)?.find(char::from(first))?;
        let behind = rest.get(length + 2..)?;
        let colon = behind.len() - behind.trim_start().len();
        let after = behind.trim_start().strip_prefix(':')?;
        let name = rest.get(1..=length)?.to_owned();
        let value = at + length + 2 + colon + 1;
        return (after.is_empty() || after.starts_with([' ', '\t', '\r'])).then_some((
            name,
            at..at + length + 2,
            value,
        ));
    }
    if matches!(first, b'{' | b'[' | b'&' | b'*' | b'!' | b'|' | b'>' | b'#' | b'@' | b'`' | b'%') {
        return None;
    }
    let mut from = 0;
    loop {
        let colon = from + rest.get(from..)?.find(':')?;
        let behind = rest.get(colon + 1..)?;
        if behind.trim_end().is_empty() || behind.starts_with([' ', '\t']) {
            let name = rest.get(..colon)?;
            if name.contains(" #") || name.contains("{{") {
                return None;
            }
            let name = name.trim_end();
            return Some((name.to_owned(), at..at + name.len(), at + colon + 1));
        }
        from = colon + 1;
    }
}

/// The keys of the block around a byte that begin at a column.
fn around(text: &str, offset: usize, column: usize) -> Vec<String> {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let mut keys = Vec::new();
    let before = text.get(..start).unwrap_or_default().lines().rev();
    let after = text.get(line_end(text, offset)..).unwrap_or_default().lines().skip(1);
    // The first key of an item stands behind its dash, where a block begins.
    let own = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    if !own.trim_start().starts_with("- ") {
        gather(before, column, true, &mut keys);
    }
    gather(after, column, false, &mut keys);
    keys
}

fn gather<'a>(lines: impl Iterator<Item = &'a str>, column: usize, backwards: bool, keys: &mut Vec<String>) {
    for line in lines.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let item = line.get(indent..).and_then(|body| body.strip_prefix('-'));
        let inner = item.map(|body| indent + 1 + body.len() - body.trim_start().len());
        if indent == column && item.is_none() {
            keys.extend(key(line, indent, line.len()).map(|(name, ..)| name));
        } else if indent < column {
            if backwards && inner == Some(column) {
                keys.extend(key(line, column, line.len()).map(|(name, ..)| name));
            }
            return;
        }
    }
}

/// The expression around a byte of a scalar.
fn expression(text: &str, scalar: Range<usize>, offset: usize, quote: Option<u8>) -> Option<Expression> {
    let before = text.get(scalar.start..offset)?;
    let open = before.rfind("{{")?;
    // A brace before them belongs to a map, as in `{{{'a': 1}}}`.
    let start = scalar.start + open + 2;
    if text.get(start..offset)?.contains("}}") {
        return None;
    }
    let behind = text.get(offset..scalar.end.max(offset))?;
    let end = behind.find("}}").map_or(scalar.end.max(offset), |length| offset + length);
    let written = text.get(start..end)?;
    let shown = match quote {
        Some(b'"') => written.replace("\\\"", " \"").replace("\\\\", " \\"),
        Some(b'\'') => written.replace("''", " '"),
        _ => written.to_owned(),
    };
    Some(Expression { range: start..end, text: shown })
}
