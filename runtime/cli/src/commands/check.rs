//! `ork check`: every problem of a pattern, at once.

use orkestra_pattern::diagnostic::{Diagnostics, Severity};
use orkestra_pattern::model::Pattern;
use serde_json::json;

use crate::args::{Check, TextOrJson};
use crate::error::Error;
use crate::output::{Output, count, escape, role};
use crate::pattern_dir::{PatternDir, shown};

pub(crate) fn run(args: &Check, output: &Output) -> Result<(), Error> {
    let (mut errors, mut warnings) = (0, 0);
    let mut reports = Vec::new();
    for dir in &args.dirs {
        let files = PatternDir::read(dir)?;
        let (pattern, mut diagnostics) = orkestra_pattern::check(&files.source);
        diagnostics.extend(orkestra_pattern::required_files(&files.source));
        diagnostics.extend(komposer(&files, pattern.as_ref()));
        if args.strict {
            diagnostics.strict();
        }
        diagnostics.sort();
        errors += diagnostics.errors() + diagnostics.omitted();
        warnings += diagnostics.warnings();
        match args.format {
            TextOrJson::Json => reports.push(json!({
                "dir": dir.display().to_string(),
                "name": pattern.as_ref().map(|pattern| &pattern.name),
                "version": pattern.as_ref().map(|pattern| pattern.version.to_string()),
                "errors": diagnostics.errors(),
                "warnings": diagnostics.warnings(),
                "omitted": diagnostics.omitted(),
                "diagnostics": files.report(&diagnostics),
            })),
            TextOrJson::Text => {
                if !diagnostics.is_empty() {
                    output.data(&files.render(&diagnostics, output.stdout_colored()))?;
                }
                if let Some(pattern) = pattern.filter(|_| !diagnostics.has_errors()) {
                    let found = match diagnostics.warnings() {
                        0 => "no problems".to_owned(),
                        number => count(number, "warning"),
                    };
                    let name = format!("{} {}", escape(&pattern.name), pattern.version);
                    output.done("Checked", format_args!("{b}{name}{b:#} in {}: {found}", shown(dir), b = role::NAME));
                }
            }
        }
    }
    if args.format == TextOrJson::Json {
        output.data(&format!("{:#}\n", serde_json::Value::Array(reports)))?;
    }
    if errors > 0 { Err(Error::Problems { errors, warnings }) } else { Ok(()) }
}

/// The problems of the pattern's own Komposer. It is laid over the pattern where it imports nothing else.
fn komposer(files: &PatternDir, pattern: Option<&Pattern>) -> Diagnostics {
    // That the file is missing or empty was said already.
    let file = files
        .source
        .find("komposer.yaml")
        .filter(|file| files.source.file(*file).is_some_and(|file| !file.text().trim().is_empty()));
    let Some(file) = file else { return Diagnostics::default() };
    let (komposer, mut problems) = orkestra_komposer::parse(&files.source, file);
    let own = |path: &str| matches!(path, "." | "./");
    // Of a pattern with errors everything was said already.
    if let (Some(komposer), true) = (komposer, pattern.is_some())
        && komposer.imports.iter().all(|import| import.path().is_some_and(own))
    {
        let own = orkestra_komposer::Imported::directory("", ".");
        let imported = vec![Some(own); komposer.imports.len()];
        let (composition, mut found) = orkestra_komposer::resolve(&files.source, &komposer, &imported);
        composition.and_then(|composition| composition.whole(&mut found));
        // What the pattern alone was warned of was said with it.
        for problem in found
            .iter()
            .filter(|problem| problem.severity == Severity::Error || problem.span.is_some_and(|span| span.file == file))
        {
            problems.push(problem.clone());
        }
    }
    problems
}
