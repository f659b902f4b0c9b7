//! Edits that mend a source, and how they are made: by bytes, so that comments and layout stay.

use super::{Diagnostic, Diagnostics};
use crate::source::{FileId, Source, Span};

/// What to write in the place of a stretch of a file. An empty stretch is a place to write at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// What is written instead.
    pub text: String,
}

impl Edit {
    /// Writes `text` in the place of `span`.
    pub fn new(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }
}

/// A file with edits made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The whole text, without a byte order mark, as [`File::text`](crate::source::File::text).
    pub text: String,
    /// What was changed, in the file's order; at least one.
    pub changes: Vec<Change>,
}

/// What the edits of one diagnostic changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The place of the diagnostic.
    pub span: Span,
    /// Its code: `K1802`.
    pub code: &'static str,
    /// What stood there, in one line.
    pub before: String,
    /// What stands there now, in one line.
    pub after: String,
}

/// Makes the edits of all diagnostics of a file. None where there are none.
///
/// The edits of a diagnostic are made together or not at all: one that overlaps an earlier one has to wait for the next round, in
/// which the text is checked anew.
pub fn fix(source: &Source, file: FileId, diagnostics: &Diagnostics) -> Option<Fixed> {
    let text = source.file(file)?.text();
    let mut edits: Vec<&Edit> = Vec::new();
    let mut changes = Vec::new();
    for diagnostic in diagnostics {
        let own = &diagnostic.fix;
        let fits = |edit: &Edit| {
            edit.span.file == file
                && text.get(edit.span.start as usize..edit.span.end as usize).is_some()
                && !edits.iter().any(|other| overlap(other.span, edit.span))
        };
        if own.is_empty() || !own.iter().all(fits) {
            continue;
        }
        edits.extend(own);
        changes.extend(change(text, diagnostic));
    }
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    changes.sort_by_key(|change| change.span);
    (!changes.is_empty()).then(|| Fixed { text: edited(text, 0..text.len(), &edits), changes })
}

/// Two edits of one place are one too many, also where both only add.
fn overlap(a: Span, b: Span) -> bool {
    a.start == b.start || (a.start < b.end && b.start < a.end)
}

/// A range of the text with sorted edits made.
fn edited(text: &str, range: std::ops::Range<usize>, edits: &[&Edit]) -> String {
    let mut result = String::new();
    let mut at = range.start;
    for edit in edits {
        result.push_str(text.get(at..edit.span.start as usize).unwrap_or_default());
        result.push_str(&edit.text);
        at = edit.span.end as usize;
    }
    result.push_str(text.get(at..range.end).unwrap_or_default());
    result
}

fn change(text: &str, diagnostic: &Diagnostic) -> Option<Change> {
    let mut edits: Vec<&Edit> = diagnostic.fix.iter().collect();
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let range = edits.first()?.span.start as usize..edits.last()?.span.end as usize;
    let span = diagnostic.span.unwrap_or(edits.first()?.span);
    let before = text.get(range.clone()).unwrap_or_default();
    Some(Change { span, code: diagnostic.code.id, before: line(before), after: line(&edited(text, range, &edits)) })
}

/// In one line that can be read at a glance.
fn line(text: &str) -> String {
    const LONGEST: usize = 80;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
