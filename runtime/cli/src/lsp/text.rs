//! Places of texts as editors count them: lines and columns from zero, columns in units of UTF-16.

use lsp_types::{Position, Range};

/// A text with its lines.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Where each begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The byte of a place. One beyond the end of its line is there, and one beyond the last line is at the text's end.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).copied() else { return self.text.len() };
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let mut units = position.character as usize;
        let mut at = start;
        for character in self.text.get(start..end).unwrap_or_default().chars() {
            if units < character.len_utf16() {
                break;
            }
            units -= character.len_utf16();
            at += character.len_utf8();
        }
        at
    }

    /// The place of a byte; one beyond the end is the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let text = self.text.as_bytes().get(start..offset).unwrap_or_default();
        let units = String::from_utf8_lossy(text).chars().map(char::len_utf16).sum::<usize>();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: number(line), character: number(units) }
    }

    pub(super) fn range(&self, bytes: std::ops::Range<usize>) -> Range {
        Range { start: self.position(bytes.start), end: self.position(bytes.end.max(bytes.start)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_units_of_utf_16() {
        let lines = Lines::of("a: é\u{1F600}x\r\nb: c\n");
        for (offset, line, character) in
            [(0, 0, 0), (3, 0, 3), (5, 0, 4), (9, 0, 6), (10, 0, 7), (12, 1, 0), (17, 2, 0)]
        {
            assert_eq!(lines.position(offset), Position { line, character }, "{offset}");
            assert_eq!(lines.offset(Position { line, character }), offset, "{line}:{character}");
        }
        // In the middle of a pair of units, beyond a line, and beyond the text.
        assert_eq!(lines.offset(Position { line: 0, character: 5 }), 5);
        assert_eq!(lines.offset(Position { line: 1, character: 99 }), 16);
        assert_eq!(lines.offset(Position { line: 99, character: 0 }), 17);
        assert_eq!(lines.position(99), Position { line: 2, character: 0 });
    }
}
