//! The same inside of `{}` and `[]`.

use std::ops::Range;

use super::place::{At, Found, Step, left, quoted};

/// A bracket that is open.
struct Bracket {
    map: bool,
    /// The key whose value is being read.
    key: Option<String>,
    /// Keys that were read.
    keys: Vec<String>,
    index: usize,
}

/// Reads from a bracket to the one that closes it.
pub(super) struct Flow<'a> {
    text: &'a str,
    offset: usize,
    before: Vec<Step>,
    /// The column of what the brackets belong to: a line that is no deeper ends them.
    parent: usize,
    open: Vec<Bracket>,
    pub(super) found: Option<Found>,
}

impl<'a> Flow<'a> {
    pub(super) fn new(text: &'a str, offset: usize, before: Vec<Step>, parent: usize) -> Self {
        Self { text, offset, before, parent, open: Vec::new(), found: None }
    }

    /// Reads from the bracket at `at`, and answers where it ended.
    pub(super) fn run(&mut self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        // Where the key or scalar at hand begins, and its text where it is in quotation marks.
        let (mut next, mut start, mut scalar) = (at, at, None::<(Range<usize>, u8)>);
        while let Some(byte) = bytes.get(next).copied() {
            let fresh = scalar.is_none() && self.text.get(start..next).is_some_and(|text| text.trim().is_empty());
            match byte {
                b'"' | b'\'' if fresh && !self.open.is_empty() => {
                    let (inner, after) = quoted(self.text, next, byte, self.parent);
                    if (inner.start..=inner.end).contains(&self.offset) {
                        self.see(inner.clone(), Some(byte));
                        return after;
                    }
                    scalar = Some((inner, byte));
                    next = after;
                    continue;
                }
                b'{' if fresh
                    && self.text.get(next..).is_some_and(|rest| rest.starts_with("{{"))
                    && !self.open.is_empty() =>
                {
                    // Not YAML, but what is meant is clear.
                    let line = super::place::line_end(self.text, next);
                    let rest = self.text.get(next..line).unwrap_or_default();
                    let after = next + rest.find("}}").map_or(rest.len(), |length| length + 2);
                    if (next..=after).contains(&self.offset) {
                        self.see(next..after, None);
                        return after;
                    }
                    next = after.max(next + 1);
                    continue;
                }
                b'{' | b'[' if fresh => {
                    self.passed(start, next, &scalar);
                    self.open.push(Bracket { map: byte == b'{', key: None, keys: Vec::new(), index: 0 });
                    (start, scalar) = (next + 1, None);
                }
                b'}' | b']' => {
                    self.passed(start, next, &scalar);
                    self.open.pop();
                    if self.open.is_empty() || self.found.is_some() {
                        return next + 1;
                    }
                    (start, scalar) = (next + 1, None);
                }
                b',' => {
                    self.passed(start, next, &scalar);
                    if let Some(bracket) = self.open.last_mut() {
                        bracket.key = None;
                        bracket.index += 1;
                    }
                    (start, scalar) = (next + 1, None);
                }
                b':' if self.is_colon(next, scalar.is_some()) => {
                    self.passed(start, next, &scalar);
                    let name = match &scalar {
                        Some((inner, _)) => self.text.get(inner.clone()),
                        None => self.text.get(start..next).map(str::trim),
                    };
                    let name = name.unwrap_or_default().to_owned();
                    if let Some(bracket) = self.open.last_mut().filter(|bracket| bracket.map && bracket.key.is_none()) {
                        bracket.keys.push(name.clone());
                        bracket.key = Some(name);
                        (start, scalar) = (next + 1, None);
                    }
                }
                b'\n' if left(self.text, next + 1, self.parent) => {
                    self.passed(start, next, &scalar);
                    return next;
                }
                b'#' if next > 0 && bytes.get(next - 1).is_some_and(u8::is_ascii_whitespace) => {
                    next = super::place::line_end(self.text, next);
                    continue;
                }
                _ => {}
            }
            if self.found.is_some() {
                return next;
            }
            next += 1;
        }
        self.passed(start, self.text.len(), &scalar);
        self.text.len()
    }

    /// Whether the colon at a byte ends a key.
    fn is_colon(&self, at: usize, quoted: bool) -> bool {
        let behind = self.text.as_bytes().get(at + 1);
        quoted || behind.is_none_or(|byte| byte.is_ascii_whitespace() || b",{}[]\"'".contains(byte))
    }

    /// What stands between two marks was read to its end.
    fn passed(&mut self, start: usize, end: usize, scalar: &Option<(Range<usize>, u8)>) {
        if self.found.is_some() || self.open.is_empty() || !(start..=end).contains(&self.offset) {
            return;
        }
        if let Some((inner, quote)) = scalar {
            self.see(inner.clone(), Some(*quote));
            return;
        }
        let text = self.text.get(start..end).unwrap_or_default();
        let first = start + (text.len() - text.trim_start().len());
        let range = match text.trim() {
            "" => self.offset..self.offset,
            word => first.min(self.offset)..(first + word.len()).max(self.offset),
        };
        self.see(range, None);
    }

    fn see(&mut self, range: Range<usize>, quote: Option<u8>) {
        let mut path = self.before.clone();
        for bracket in &self.open {
            match (&bracket.key, bracket.map) {
                (Some(key), true) => path.push(Step::Key(key.clone())),
                (None, true) => {}
                (_, false) => path.push(Step::Item(bracket.index)),
            }
        }
        let Some(last) = self.open.last() else { return };
        let at = match (last.map, &last.key) {
            (true, None) => At::Key(range),
            (true, Some(_)) => At::Value(range),
            (false, _) => At::Either(range),
        };
        self.found = Some(Found { path, at, quote, column: None, siblings: last.keys.clone() });
    }
}
