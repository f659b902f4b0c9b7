//! The files of a pattern and places in them.

use std::ops::Range;

/// A file, counted in a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A stretch of a file, in bytes of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte; equal to `start` for a point.
    pub end: u32,
}

impl Span {
    /// A stretch of `file`; an offset beyond 4 GiB is clamped, which no file that was read can reach.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file, start: clamp(range.start), end: clamp(range.end.max(range.start)) }
    }

    /// The smallest span that covers both; `other` is ignored when it lies in another file.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A place as people count: lines and columns from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From one.
    pub line: u32,
    /// From one, in characters.
    pub column: u32,
}

/// One file.
#[derive(Debug, Clone)]
pub struct File {
    name: String,
    /// Its name in [`Source::at`], which does not depend on where the file lies.
    at: String,
    text: String,
    lines: Vec<u32>,
    size: usize,
    broken_at: Option<usize>,
}

impl File {
    fn new(name: String, at: String, bytes: &[u8]) -> Self {
        let size = bytes.len();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let broken_at = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut lines = vec![0];
        for (offset, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                lines.push(u32::try_from(offset + 1).unwrap_or(u32::MAX));
            }
        }
        Self { name, at, text, lines, size, broken_at }
    }

    /// The name it was given, for instance `katalog.yaml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text, without a byte order mark; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its size in bytes, as given.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The offset of the first byte that is no UTF-8.
    pub fn broken_at(&self) -> Option<usize> {
        self.broken_at
    }

    /// The place of a byte offset; one beyond the end is the end.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let end = (offset as usize).clamp(start, self.text.len().max(start));
        let column = self.text.get(start..end).map_or(0, |text| text.chars().count());
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }

    /// The text of a line, counted from one, without its line break.
    pub fn line(&self, line: u32) -> &str {
        let index = (line as usize).saturating_sub(1);
        let Some(start) = self.lines.get(index).copied() else { return "" };
        let end = self.lines.get(index + 1).map_or(self.text.len(), |next| *next as usize);
        self.text.get(start as usize..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }
}

/// The files that are checked together, in the order in which they were added.
#[derive(Debug, Clone, Default)]
pub struct Source {
    files: Vec<File>,
}

impl Source {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. A name that is there already hides the earlier one from [`Source::find`].
    pub fn add(&mut self, name: impl Into<String>, bytes: &[u8]) -> FileId {
        let name = name.into();
        self.add_as(name.clone(), name, bytes)
    }

    /// Adds a file that [`Source::at`] calls otherwise: `at` gets into what is compiled, which may not depend on where a pattern's
    /// directory lies.
    pub fn add_as(&mut self, name: impl Into<String>, at: impl Into<String>, bytes: &[u8]) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(File::new(name.into(), at.into(), bytes));
        id
    }

    /// As [`Source::add`], for building one in a chain.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, bytes: &[u8]) -> Self {
        self.add(name, bytes);
        self
    }

    /// The file of that name.
    pub fn find(&self, name: &str) -> Option<FileId> {
        let index = self.files.iter().rposition(|file| file.name == name)?;
        Some(FileId(u32::try_from(index).ok()?))
    }

    /// A file that was added.
    pub fn file(&self, id: FileId) -> Option<&File> {
        self.files.get(id.0 as usize)
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Where a span starts, by the file's own name: what a person is shown.
    pub fn shown(&self, span: Span) -> String {
        match self.file(span.file) {
            Some(file) => {
                let position = file.position(span.start);
                format!("{}:{}:{}", file.name, position.line, position.column)
            }
            None => "unknown".to_owned(),
        }
    }

    /// Where a span starts, as `katalog.yaml:12:8`: what is compiled.
    pub fn at(&self, span: Span) -> String {
        match self.file(span.file) {
            Some(file) => {
                let position = file.position(span.start);
                format!("{}:{}:{}", file.at, position.line, position.column)
            }
            None => "unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let source = Source::new().with("a.yaml", "é: ü\nb: c\n".as_bytes());
        let file = source.file(source.find("a.yaml").unwrap()).unwrap();
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(4), Position { line: 1, column: 4 });
        assert_eq!(file.position(7), Position { line: 2, column: 1 });
        assert_eq!(file.position(4000), Position { line: 3, column: 1 });
        assert_eq!(file.line(2), "b: c");
        assert_eq!(file.line(9), "");
    }

    #[test]
    fn a_byte_order_mark_is_not_text() {
        let source = Source::new().with("a.yaml", b"\xef\xbb\xbfa: b");
        assert_eq!(source.file(source.find("a.yaml").unwrap()).unwrap().text(), "a: b");
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        let source = Source::new().with("a.yaml", b"a: \xff");
        assert_eq!(source.file(source.find("a.yaml").unwrap()).unwrap().broken_at(), Some(3));
    }
}
