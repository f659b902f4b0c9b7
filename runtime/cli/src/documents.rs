//! Objects that somebody wrote or a cluster printed: YAML or JSON, several documents, Lists.

use std::path::Path;

use orkestra_pattern::diagnostic::{self, Diagnostics};
use orkestra_pattern::source::Source;
use orkestra_pattern::yaml;
use serde_json::Value;

use crate::error::Error;
use crate::output::Output;
use crate::pattern_dir::{read_up_to, shown};

/// What `kubectl get -o yaml` prints of a whole namespace fits; what does not end does not.
const BOUNDS: yaml::Bounds = yaml::Bounds { size: 16 << 20, aliases: 10_000, depth: 64 };

/// The objects of a file, those inside a `List` one by one.
pub(crate) fn read(path: &Path, output: &Output) -> Result<Vec<Value>, Error> {
    let bytes = read_up_to(path, BOUNDS.size)?;
    let source = Source::new().with(shown(path), &bytes);
    let Some(file) = source.find(&shown(path)) else { return Ok(Vec::new()) };
    let (documents, problems) = yaml::parse(&source, file, BOUNDS);
    end_on_errors(&problems, &source, output)?;
    let mut objects = Vec::new();
    for document in documents {
        match document.to_json() {
            Value::Null => {}
            Value::Object(mut object)
                if object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List")) =>
            {
                match object.remove("items") {
                    Some(Value::Array(items)) => objects.extend(items),
                    _ => objects.push(Value::Object(object)),
                }
            }
            object @ Value::Object(_) => objects.push(object),
            _ => {
                return Err(Error::Unusable {
                    problem: format!(
                        "{}: a Kubernetes object is expected, found {}",
                        source.at(document.span),
                        document.describe()
                    ),
                    hint: None,
                });
            }
        }
    }
    Ok(objects)
}

/// A value as it is typed behind `--input NAME=`: YAML, so `3` is a number and `"3"` is a string. Else why it is none.
pub(crate) fn value(text: &str) -> Result<Value, String> {
    let mut source = Source::new();
    let file = source.add("input", text.as_bytes());
    let (documents, problems) = yaml::parse(&source, file, yaml::Bounds::default());
    if let Some(problem) = problems.iter().next() {
        return Err(problem.message.clone());
    }
    match documents.as_slice() {
        [document] => Ok(document.to_json()),
        [] => Ok(Value::Null),
        _ => Err("there are several documents".to_owned()),
    }
}

/// Prints problems on stderr and ends the command if one is an error.
pub(crate) fn end_on_errors(problems: &Diagnostics, source: &Source, output: &Output) -> Result<(), Error> {
    print(problems, source, output);
    if problems.has_errors() {
        return Err(Error::problems(problems, source));
    }
    Ok(())
}

/// Prints problems on stderr.
pub(crate) fn print(problems: &Diagnostics, source: &Source, output: &Output) {
    let mut problems = problems.clone();
    problems.drop_notes();
    if !problems.is_empty() {
        let style = if output.stderr_colored() { diagnostic::Style::Ansi } else { diagnostic::Style::Plain };
        output.message(diagnostic::render_all(&problems, source, style).trim_end());
        output.message("");
    }
}
