//! Diagnostics as editors take them, each with the file that it belongs to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Message, Position, Range, Uri,
};
use orkestra_pattern::diagnostic::{self, Diagnostics, Severity};
use orkestra_pattern::source::{Source, Span};
use serde_json::json;

use super::files::{Open, Unit};
use super::text::Lines;
use crate::cases::Broken;

const SOURCE: &str = "ork";

/// The places of the files of a unit.
pub(super) struct Places<'a> {
    unit: &'a Unit,
    open: &'a Open,
    source: &'a Source,
    lines: BTreeMap<&'a str, Lines<'a>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(unit: &'a Unit, open: &'a Open, source: &'a Source) -> Self {
        let lines = source.files().map(|file| (file.name(), Lines::of(file.text()))).collect();
        Self { unit, open, source, lines }
    }

    /// The file and the range of a span.
    pub(super) fn of(&self, span: Span) -> Option<(PathBuf, Range)> {
        let file = self.source.file(span.file)?;
        let range = self.lines.get(file.name())?.range(span.start as usize..span.end as usize);
        Some((self.unit.path(file.name()), range))
    }

    pub(super) fn location(&self, span: Span) -> Option<Location> {
        let (path, range) = self.of(span)?;
        Some(Location { uri: Uri(self.open.uri(&path)), range })
    }

    /// All diagnostics, by the files that they belong to. What has no place is told at the top of the Katalog.
    pub(super) fn diagnostics(&self, problems: &Diagnostics) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
        let mut files: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for problem in problems {
            let place = problem.span.and_then(|span| self.of(span));
            let (path, range) = place.unwrap_or_else(|| (self.unit.path("katalog.yaml"), top()));
            files.entry(path).or_default().push(self.one(problem, range));
        }
        files
    }

    fn one(&self, problem: &diagnostic::Diagnostic, range: Range) -> Diagnostic {
        let notes = problem.notes.iter().filter_map(|note| {
            Some(DiagnosticRelatedInformation { location: self.location(note.span)?, message: note.message.clone() })
        });
        let related: Vec<_> = notes.collect();
        let mut text = problem.message.clone();
        let label = problem.label();
        for line in std::iter::once(label).filter(|label| !label.is_empty()) {
            text = format!("{text}\n{line}");
        }
        for hint in &problem.hints {
            text = format!("{text}\nhint: {hint}");
        }
        Diagnostic {
            range,
            severity: Some(match problem.severity {
                Severity::Error => DiagnosticSeverity::Error,
                Severity::Warning => DiagnosticSeverity::Warning,
                Severity::Note => DiagnosticSeverity::Information,
            }),
            code: Some(Code::String(problem.code.id.to_owned())),
            // The pages of the codes are told on hover: they have no address of their own.
            code_description: None,
            source: Some(SOURCE.to_owned()),
            message: Message::String(text),
            tags: None,
            related_information: (!related.is_empty()).then_some(related),
            // What mends it, for `textDocument/codeAction`.
            data: Some(json!({"hints": problem.hints, "edits": self.edits(problem)})),
        }
    }

    /// The edits that mend a problem, all of one file; none where some of them have no place.
    fn edits(&self, problem: &diagnostic::Diagnostic) -> Vec<serde_json::Value> {
        let edits = problem.fix.iter().map(|edit| Some(json!({"range": self.of(edit.span)?.1, "newText": edit.text})));
        edits.collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    /// What is wrong with cases.
    pub(super) fn cases(&self, broken: &[Broken]) -> Vec<Diagnostic> {
        let one = |broken: &Broken| {
            let range = broken.span.and_then(|span| self.of(span)).map_or_else(top, |(_, range)| range);
            let hint = broken.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            Diagnostic {
                range,
                severity: Some(DiagnosticSeverity::Error),
                source: Some(SOURCE.to_owned()),
                message: Message::String(format!("{}{hint}", broken.problem)),
                ..Diagnostic::default()
            }
        };
        broken.iter().map(one).collect()
    }
}

fn top() -> Range {
    let start = Position { line: 0, character: 0 };
    Range { start, end: start }
}
