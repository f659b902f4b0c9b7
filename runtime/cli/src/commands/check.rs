//! `ork check`: every problem of a pattern, at once.

mod cost;
mod sarif;

use serde_json::json;

use crate::args::{Check, CheckFormat};
use crate::error::Error;
use crate::fixes;
use crate::output::{Output, count, escape, role};
use crate::pattern_dir::{PatternDir, shown};
use crate::problems;
use crate::proof;

pub(crate) fn run(args: &Check, output: &Output) -> Result<(), Error> {
    if args.cost && args.format == CheckFormat::Sarif {
        return Err(Error::Unusable {
            problem: "SARIF has no place for costs, which are no problems".to_owned(),
            hint: Some("leave out --cost, or take --format json".to_owned()),
        });
    }
    let (mut errors, mut warnings, mut fixable) = (0, 0, 0);
    let mut reports = Vec::new();
    let mut findings = sarif::Problems::default();
    for dir in &args.dirs {
        let made = if args.fix { fixes::make(dir)? } else { Vec::new() };
        let files = PatternDir::read(dir)?;
        let (pattern, mut diagnostics, _) = problems::of(&files);
        if let Some(pattern) = &pattern {
            diagnostics.extend(proof::of(pattern, output)?);
        }
        if args.strict {
            diagnostics.strict();
        }
        if output.quiet() {
            diagnostics.drop_notes();
        }
        diagnostics.sort();
        let costs = match &pattern {
            Some(pattern) => pattern.entries.iter().map(orkestra_pattern::cost_of).collect(),
            None if args.cost => orkestra_pattern::costs(&files.source),
            None => Vec::new(),
        };
        errors += diagnostics.errors() + diagnostics.omitted();
        warnings += diagnostics.warnings();
        fixable += diagnostics.iter().filter(|diagnostic| !diagnostic.fix.is_empty()).count();
        match args.format {
            CheckFormat::Json => reports.push(json!({
                "dir": dir.display().to_string(),
                "fixed": made.iter().map(fixes::Made::report).collect::<Vec<_>>(),
                "name": pattern.as_ref().map(|pattern| &pattern.name),
                "version": pattern.as_ref().map(|pattern| pattern.version.to_string()),
                "errors": diagnostics.errors(),
                "warnings": diagnostics.warnings(),
                "notes": diagnostics.notes(),
                "omitted": diagnostics.omitted(),
                "cost": cost::document(&costs, args.cost),
                "diagnostics": files.report(&diagnostics),
            })),
            CheckFormat::Sarif => {
                // What was mended is no finding any more.
                told(&made, output);
                findings.extend(&diagnostics, files.as_shown(), &shown(&dir.join("katalog.yaml")));
            }
            CheckFormat::Text => {
                told(&made, output);
                if !diagnostics.is_empty() {
                    output.data(&files.render(&diagnostics, output.stdout_colored()))?;
                }
                if args.cost {
                    for (entry, summary) in &costs {
                        output.data(&cost::table(dir, entry, summary))?;
                    }
                    output.note(cost::assumed());
                }
                if let Some(pattern) = pattern.filter(|_| !diagnostics.has_errors()) {
                    let found = match (diagnostics.warnings(), diagnostics.notes()) {
                        (0, 0) => "no problems".to_owned(),
                        (0, notes) => format!("no problems, {}", count(notes, "note")),
                        (warnings, 0) => count(warnings, "warning"),
                        (warnings, notes) => format!("{}, {}", count(warnings, "warning"), count(notes, "note")),
                    };
                    let name = format!("{} {}", escape(&pattern.name), pattern.version);
                    output.done("Checked", format_args!("{b}{name}{b:#} in {}: {found}", shown(dir), b = role::NAME));
                    if !args.cost {
                        costs.iter().for_each(|(entry, summary)| output.note(cost::line(entry, summary)));
                    }
                }
            }
        }
    }
    match args.format {
        CheckFormat::Json => output.data(&format!("{:#}\n", serde_json::Value::Array(reports)))?,
        CheckFormat::Sarif => output.bytes(format!("{:#}\n", findings.log()).as_bytes())?,
        CheckFormat::Text => {}
    }
    if fixable > 0 && args.format == CheckFormat::Text {
        output.note(format_args!("`ork check --fix` mends {fixable} of these in the files"));
    }
    if errors > 0 { Err(Error::Problems { errors, warnings, first: None }) } else { Ok(()) }
}

fn told(made: &[fixes::Made], output: &Output) {
    for made in made {
        output.done("Fixed", made);
    }
}
