//! The problems in SARIF, for code-scanning services.

use orkestra_pattern::codes::{self, Code};
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics, Edit};
use orkestra_pattern::source::{Source, Span};
use serde_json::{Map, Value, json};

use crate::output::count;
use crate::sarif;

/// The problems of all directories that are checked.
#[derive(Default)]
pub(super) struct Problems {
    results: Vec<Value>,
    omitted: usize,
}

impl Problems {
    /// Adds those of one directory. Its files are named in `source` as the user knows them, and `katalog` is its Katalog.
    pub(super) fn extend(&mut self, diagnostics: &Diagnostics, source: &Source, katalog: &str) {
        self.omitted += diagnostics.omitted();
        self.results.extend(diagnostics.iter().map(|diagnostic| result(diagnostic, source, katalog)));
    }

    /// The log of one run, with every code as a rule, so that a service knows what was looked for.
    pub(super) fn log(self) -> Value {
        let rules: Vec<Value> = codes()
            .into_iter()
            .map(|code| sarif::rule(code.id, code.title, Some(code.page), code.severity.name()))
            .collect();
        let mut log = sarif::log(&rules, self.results);
        if self.omitted > 0 {
            let words = format!("{} not shown: mend some of the others first", count(self.omitted, "problem"));
            let notification = json!({"level": "warning", "message": sarif::message(&words)});
            let run = log.pointer_mut("/runs/0").and_then(Value::as_object_mut);
            let invocations = json!([{"executionSuccessful": true, "toolExecutionNotifications": [notification]}]);
            run.and_then(|run| run.insert("invocations".to_owned(), invocations));
        }
        log
    }
}

/// Those of Katalogs and of the Komposers beside them, in order.
fn codes() -> Vec<&'static Code> {
    let mut codes: Vec<_> = codes::all().chain(orkestra_komposer::codes::CODES.iter().copied()).collect();
    codes.sort_by_key(|code| code.id);
    codes
}

fn result(diagnostic: &Diagnostic, source: &Source, katalog: &str) -> Value {
    let index = codes().iter().position(|code| code.id == diagnostic.code.id);
    // A problem with a file that is not there is one of the whole pattern: services show nothing that has no place.
    let place = diagnostic.span.and_then(|span| place(span, source));
    let place = place.unwrap_or_else(|| json!({"artifactLocation": sarif::artifact(katalog)}));
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), diagnostic.code.id.into());
    result.extend(index.map(|index| ("ruleIndex".to_owned(), index.into())));
    result.insert("level".to_owned(), diagnostic.severity.name().into());
    result.insert("message".to_owned(), sarif::message(&in_words(diagnostic)));
    result.insert("locations".to_owned(), json!([{"physicalLocation": place}]));
    let related: Vec<Value> = diagnostic
        .notes
        .iter()
        .filter_map(|note| {
            Some(json!({"physicalLocation": self::place(note.span, source)?, "message": sarif::message(&note.message)}))
        })
        .collect();
    if !related.is_empty() {
        result.insert("relatedLocations".to_owned(), related.into());
    }
    if let Some(fix) = fix(diagnostic, source) {
        result.insert("fixes".to_owned(), json!([fix]));
    }
    Value::Object(result)
}

/// What is wrong, what was found and expected, and how to mend it.
fn in_words(diagnostic: &Diagnostic) -> String {
    let label = Some(diagnostic.label()).filter(|label| !label.is_empty());
    let beside = label.map_or(String::new(), |label| format!(": {label}"));
    let hints = diagnostic.hints.iter().map(|hint| format!("\nhint: {hint}"));
    format!("{}{beside}{}", diagnostic.message, hints.collect::<String>())
}

/// A stretch of a file. Its end is one past the last character, here as there.
fn place(span: Span, source: &Source) -> Option<Value> {
    let file = source.file(span.file)?;
    let (start, end) = (file.position(span.start), file.position(span.end));
    Some(json!({
        "artifactLocation": sarif::artifact(file.name()),
        "region": {
            "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
        },
    }))
}

/// The edits that `ork check --fix` would make. None where the text may hold a secret, which a service would keep.
fn fix(diagnostic: &Diagnostic, source: &Source) -> Option<Value> {
    let first = diagnostic.fix.first().filter(|_| !diagnostic.withheld)?;
    let file = source.file(first.span.file)?;
    let replacement = |edit: &Edit| {
        let place = place(edit.span, source).filter(|_| edit.span.file == first.span.file)?;
        Some(json!({"deletedRegion": place["region"], "insertedContent": {"text": edit.text}}))
    };
    // All of them or none: a part of the edits is no mend.
    let replacements: Vec<Value> = diagnostic.fix.iter().map(replacement).collect::<Option<_>>()?;
    let words = diagnostic.hints.first().map_or("what `ork check --fix` writes", String::as_str);
    Some(json!({
        "description": sarif::message(words),
        "artifactChanges": [{"artifactLocation": sarif::artifact(file.name()), "replacements": replacements}],
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_says_stays_text() {
        let source = Source::new().with("a b/katalog.yaml", "ü: \"x\"\ny: 1\n".as_bytes());
        let span = |range| Span::new(source.find("a b/katalog.yaml").unwrap(), range);
        let problem =
            Diagnostic::new(&codes::keys::UNKNOWN, span(4..7), "unknown key `\"}],[a](javascript:b){0}\u{202e}`")
                .found("a\nb")
                .hint("leave it out")
                .note(span(8..9), "here")
                .fix([Edit::new(span(4..7), "\"\u{1b}\"")]);
        let mut problems = Problems::default();
        let mut all = Diagnostics::default();
        all.push(problem.clone());
        all.push(Diagnostic::new(&codes::yaml::SYNTAX, None, "missing").withheld().fix(problem.fix.clone()));
        problems.extend(&all, &source, "a b/katalog.yaml");
        problems.omitted = 2;
        let text = problems.log().to_string();
        let log: Value = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        let result = &run["results"][0];
        let words = "unknown key `\"}}\\],\\[a\\](javascript:b){{0}}\\u{{202e}}`: found a\nb\nhint: leave it out";
        assert_eq!(result["message"]["text"], words);
        let region = json!({"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 7});
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!((&place["artifactLocation"]["uri"], &place["region"]), (&json!("a%20b/katalog.yaml"), &region));
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "here");
        let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(replacement, &json!({"deletedRegion": region, "insertedContent": {"text": "\"\u{1b}\""}}));
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        let other = &run["results"][1];
        assert_eq!(
            other["locations"][0]["physicalLocation"],
            json!({"artifactLocation": {"uri": "a%20b/katalog.yaml"}})
        );
        assert_eq!(other["fixes"], Value::Null);
        let notification = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert!(notification.as_str().unwrap().starts_with("2 problems not shown"), "{notification}");
    }
}
