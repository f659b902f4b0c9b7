//! Diagnostics for machines.

use serde_json::{Map, Value, json};

use super::{Diagnostic, Diagnostics};
use crate::source::{Source, Span};

/// The diagnostics of one source as JSON.
///
/// ```json
/// {"code": "K0201", "severity": "error", "message": "…", "place": {"file": "katalog.yaml",
///  "start": {"line": 3, "column": 5}, "end": {"line": 3, "column": 9}}, "found": "…", "expected": "…",
///  "hints": ["…"], "notes": [{"message": "…", "place": {…}}], "fix": [{"place": {…}, "text": "…"}]}
/// ```
///
/// `place`, `found` and `expected` are absent where they are unknown, and `fix` where there is none: it lists the edits that mend
/// the problem, each a place and the text to write there instead. Lines and columns count from one, columns in
/// characters; `end` is one past the last character.
#[derive(Debug)]
pub struct Report;

impl Report {
    /// One object per diagnostic, in their order.
    pub fn of(diagnostics: &Diagnostics, source: &Source) -> Value {
        Value::Array(diagnostics.iter().map(|diagnostic| Self::one(diagnostic, source)).collect())
    }

    /// One diagnostic.
    pub fn one(diagnostic: &Diagnostic, source: &Source) -> Value {
        let mut object = Map::new();
        object.insert("code".into(), diagnostic.code.id.into());
        object.insert("severity".into(), diagnostic.severity.name().into());
        object.insert("message".into(), diagnostic.message.clone().into());
        if let Some(place) = diagnostic.span.and_then(|span| place(span, source)) {
            object.insert("place".into(), place);
        }
        for (key, value) in [("found", &diagnostic.found), ("expected", &diagnostic.expected)] {
            if let Some(value) = value {
                object.insert(key.into(), value.clone().into());
            }
        }
        object.insert("hints".into(), diagnostic.hints.clone().into());
        let notes = diagnostic.notes.iter();
        let notes = notes.map(|note| json!({"message": note.message, "place": place(note.span, source)})).collect();
        object.insert("notes".into(), Value::Array(notes));
        if !diagnostic.fix.is_empty() {
            let edits = diagnostic.fix.iter();
            let edits = edits.map(|edit| json!({"place": place(edit.span, source), "text": edit.text})).collect();
            object.insert("fix".into(), Value::Array(edits));
        }
        Value::Object(object)
    }
}

fn place(span: Span, source: &Source) -> Option<Value> {
    let file = source.file(span.file)?;
    let (start, end) = (file.position(span.start), file.position(span.end));
    Some(json!({
        "file": file.name(),
        "start": {"line": start.line, "column": start.column},
        "end": {"line": end.line, "column": end.column},
    }))
}
