//! What is wrong with a source: where, what was found, what was expected, and how to mend it.

mod fix;
mod json;
mod render;

pub use fix::{Change, Edit, Fixed, fix};
pub use json::Report;
pub use render::{Style, escape, render, render_all};

use crate::codes::Code;
use crate::source::{FileId, Source, Span};

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// There is no pattern until it is mended.
    Error,
    /// The pattern works, but not as well as it could.
    Warning,
    /// Nothing is wrong with the pattern, and whoever runs it has to know.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// The kind of problem.
    pub code: &'static Code,
    /// The code's own, unless the caller was asked to be strict.
    pub severity: Severity,
    /// Where; none for a problem with a file that is not there.
    pub span: Option<Span>,
    /// The problem in one line.
    pub message: String,
    /// What stands there.
    pub found: Option<String>,
    /// What should stand there.
    pub expected: Option<String>,
    /// What to do, most likely first; each a line.
    pub hints: Vec<String>,
    /// Other places that belong to it.
    pub notes: Vec<Note>,
    /// What stands in its line may be a secret, and is not shown.
    pub withheld: bool,
    /// The edits that mend it without a change of meaning, all together; empty where a person has to decide.
    pub fix: Vec<Edit>,
}

/// Another place that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// Where.
    pub span: Span,
    /// What is there.
    pub message: String,
}

impl Diagnostic {
    /// A problem at a place.
    pub fn new(code: &'static Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            span: span.into(),
            message: message.into(),
            found: None,
            expected: None,
            hints: Vec::new(),
            notes: Vec::new(),
            withheld: false,
            fix: Vec::new(),
        }
    }

    /// Keeps its line, which may hold a secret, from being shown: here and by every other problem of that line.
    #[must_use]
    pub fn withheld(mut self) -> Self {
        self.withheld = true;
        self
    }

    /// Says what stands there.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Says what should stand there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Asks whether `nearest` was meant, where there is one.
    #[must_use]
    pub fn did_you_mean(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(nearest) => self.hint(format!("did you mean `{nearest}`?")),
            None => self,
        }
    }

    /// Says which edits mend it.
    #[must_use]
    pub fn fix(mut self, edits: impl IntoIterator<Item = Edit>) -> Self {
        self.fix.extend(edits);
        self
    }

    /// Points to another place.
    #[must_use]
    pub fn note(mut self, span: Span, message: impl Into<String>) -> Self {
        self.notes.push(Note { span, message: message.into() });
        self
    }

    /// The words beside the carets: what was expected and found, as far as it is known.
    pub fn label(&self) -> String {
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => format!("expected {expected}, found {found}"),
            (Some(expected), None) => format!("expected {expected}"),
            (None, Some(found)) => format!("found {found}"),
            (None, None) => String::new(),
        }
    }
}

/// The problems of a source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    omitted: usize,
}

impl Diagnostics {
    /// How many are kept: nobody reads more, and a hostile file must not fill the memory with them.
    pub const MOST: usize = 1_000;

    /// Adds a problem; beyond [`Diagnostics::MOST`] it is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < Self::MOST {
            self.list.push(diagnostic);
        } else {
            self.omitted += 1;
        }
    }

    /// Adds a problem, if there is one.
    pub(crate) fn extend_one(&mut self, diagnostic: Option<Diagnostic>) {
        diagnostic.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Whether further problems would only be counted, so that looking for more of the same kind is in vain.
    pub fn is_full(&self) -> bool {
        self.list.len() >= Self::MOST
    }

    /// Adds all problems of another list.
    pub fn extend(&mut self, other: Diagnostics) {
        self.omitted += other.omitted;
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// How many errors there are, of those that are kept.
    pub fn errors(&self) -> usize {
        self.number_of(Severity::Error)
    }

    /// How many warnings there are, of those that are kept.
    pub fn warnings(&self) -> usize {
        self.number_of(Severity::Warning)
    }

    /// How many notes there are, of those that are kept.
    pub fn notes(&self) -> usize {
        self.number_of(Severity::Note)
    }

    fn number_of(&self, severity: Severity) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Leaves out the notes, which `ork check` shows and nobody has to see again.
    pub fn drop_notes(&mut self) {
        self.list.retain(|diagnostic| diagnostic.severity != Severity::Note);
    }

    /// How many problems were found but not kept.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order in which they were pushed, or in the source's after [`Diagnostics::sort`].
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Makes every warning an error. Notes are no fault, and stay.
    pub fn strict(&mut self) {
        for diagnostic in self.list.iter_mut().filter(|diagnostic| diagnostic.severity == Severity::Warning) {
            diagnostic.severity = Severity::Error;
        }
    }

    /// Drops what only follows from YAML that was refused at the same place: whatever stood in for it has the wrong type.
    fn drop_followers(&mut self) {
        let yaml: Vec<Span> = self
            .list
            .iter()
            .filter(|problem| problem.code.id.starts_with("K00"))
            .filter_map(|problem| problem.span)
            .collect();
        self.list.retain(|problem| {
            let follows = |span: Span| {
                // A brace or bracket may stand around what was refused.
                yaml.iter().any(|refused| {
                    span.file == refused.file
                        && (span.start..=span.start + 1).contains(&refused.start)
                        && (span.end.saturating_sub(1)..=span.end).contains(&refused.end)
                })
            };
            problem.code.id.starts_with("K00") || !problem.span.is_some_and(follows)
        });
    }

    /// Whether there is a problem in that file.
    pub fn touch(&self, file: FileId) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.span.is_some_and(|span| span.file == file))
    }

    /// Puts them in the source's order and drops what was said twice of one place.
    pub fn sort(&mut self) {
        let key = |diagnostic: &Diagnostic| (diagnostic.span, diagnostic.code.id);
        self.list.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message)));
        self.drop_followers();
        self.list.dedup_by(|b, a| a.code == b.code && a.span == b.span && a.message == b.message);
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// Where a diagnostic is, as `katalog.yaml:12:8`; empty where it has no place.
pub fn place(diagnostic: &Diagnostic, source: &Source) -> String {
    diagnostic.span.map(|span| source.shown(span)).unwrap_or_default()
}
