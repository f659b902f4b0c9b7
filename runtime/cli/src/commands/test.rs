//! `ork test`: the cases of a pattern.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::args::{Test, TextOrJson};
use crate::cases::{self, Broken, Came, Case, CaseFile, Coverage, Difference, Runner, Share};
use crate::error::Error;
use crate::output::{Output, count, escape, role};
use crate::pattern_dir::{PatternDir, shown};
use crate::{diff, instances, sandbox};

/// How a case ended.
enum Ended {
    Passed,
    Failed(Vec<Difference>),
    /// It failed, and the file now says what came out.
    Accepted,
    Broken(Broken),
}

/// What is told of a case.
struct Report {
    place: String,
    name: String,
    ended: Ended,
}

pub(crate) fn run(args: &Test, output: &Output) -> Result<(), Error> {
    let sandbox = sandbox::start(None, output)?;
    let (mut reports, mut covered, mut share) = (Vec::new(), Vec::new(), Share::default());
    for dir in &args.dirs {
        let files = PatternDir::read(dir)?;
        let pattern = files.checked(output)?;
        let cases = cases::read(dir, output)?;
        let loaded = instances::load(&pattern, &sandbox)?;
        let counting = if args.coverage { cases::counting(&pattern) } else { None };
        let counting = counting.map(|pattern| instances::load(&pattern, &sandbox)).transpose()?;
        let runner = Runner { dir, files: &files, pattern: &pattern, loaded, counting };
        let mut coverage = Coverage::of(&pattern);
        for file in &cases {
            let run = run_file(args, &runner, file, &mut coverage, output)?;
            if args.format == TextOrJson::Text {
                run.iter().try_for_each(|report| output.data(&text_of(report)?))?;
            }
            reports.extend(run);
        }
        if args.coverage {
            share = share.and(coverage.templates()).and(coverage.branches());
            match args.format {
                TextOrJson::Text => output.data(&text_of_coverage(dir, &coverage))?,
                TextOrJson::Json => covered.push(coverage.json(dir)),
            }
        }
    }
    if args.format == TextOrJson::Json {
        let all = reports.iter().map(json_of).collect();
        let all =
            if args.coverage { json!({"cases": Value::Array(all), "coverage": covered}) } else { Value::Array(all) };
        output.data(&format!("{all:#}\n"))?;
    }
    conclude(args, &reports, output)?;
    match args.min {
        Some(min) if share.percent() < usize::from(min) => Err(Error::Uncovered { percent: share.percent(), min }),
        _ => Ok(()),
    }
}

/// How much is covered, and what no case reaches, each with its place.
fn text_of_coverage(dir: &Path, coverage: &Coverage<'_>) -> String {
    let (templates, branches) = (coverage.templates(), coverage.branches());
    let mut text =
        format!("{s}covered{s:#}  {} of {}", templates.reached, count(templates.all, "template"), s = role::NAME);
    if branches.all > 0 {
        let _ = write!(text, ", {} of {} of `when`", branches.reached, count(branches.all, "outcome"));
    }
    let _ = writeln!(text, " {s}({}){s:#}", escape(&shown(dir)), s = role::FAINT);
    for unreached in coverage.unreached() {
        let place = shown(&dir.join(&unreached.at));
        let _ = writeln!(text, "  {}: {}", escape(&place), escape(&unreached.said()));
    }
    text
}

/// Runs every case of a pattern before something else: how many passed. Those that did not are told on stderr.
pub(super) fn all_pass(
    dir: &Path,
    files: &PatternDir,
    pattern: &orkestra_pattern::model::Pattern,
    output: &Output,
) -> Result<usize, Error> {
    let cases = cases::read(dir, output)?;
    let loaded = instances::load(pattern, &sandbox::start(None, output)?)?;
    let runner = Runner { dir, files, pattern, loaded, counting: None };
    let args =
        Test { dirs: Vec::new(), filter: None, accept: false, coverage: false, min: None, format: TextOrJson::Text };
    let (mut reports, mut coverage) = (Vec::new(), Coverage::of(pattern));
    for file in &cases {
        reports.extend(run_file(&args, &runner, file, &mut coverage, output)?);
    }
    let failed: Vec<_> = reports.iter().filter(|report| !matches!(report.ended, Ended::Passed)).collect();
    for report in &failed {
        output.message(text_of(report)?.trim_end());
    }
    match failed.len() {
        0 => Ok(reports.len()),
        failed => Err(Error::Cases { failed, all: reports.len(), differs: false }),
    }
}

fn run_file(
    args: &Test,
    runner: &Runner<'_>,
    file: &CaseFile,
    coverage: &mut Coverage<'_>,
    output: &Output,
) -> Result<Vec<Report>, Error> {
    let wanted = |name: &str| args.filter.as_deref().is_none_or(|filter| name.contains(filter));
    let path = shown(&file.path);
    let mut reports = Vec::new();
    let mut accepted: Vec<(&Case, Map<String, Value>)> = Vec::new();
    for case in &file.cases {
        let case = match case {
            Ok(case) if wanted(&case.name) => case,
            Ok(_) => continue,
            Err(broken) => {
                let Broken { at, span, name, problem, hint } = broken;
                let (name, problem, hint) = (name.clone(), problem.clone(), hint.clone());
                let broken = Broken { at: at.clone(), span: *span, name: name.clone(), problem, hint };
                reports.push(Report { place: at.clone(), name, ended: Ended::Broken(broken) });
                continue;
            }
        };
        let place = format!("{path}:{}", case.line);
        let broken = |problem: String, hint: Option<String>| {
            Ended::Broken(Broken { at: place.clone(), span: None, name: case.name.clone(), problem, hint })
        };
        let ended = match runner.run(case, output) {
            Err(error @ (Error::Unusable { .. } | Error::Read { .. } | Error::Problems { .. })) => {
                broken(error.message().unwrap_or_default(), error.hint())
            }
            Err(error) => return Err(error),
            Ok(_) if case.expect.parts.is_empty() && !args.accept => broken(
                "the case expects nothing, so it could not fail".to_owned(),
                Some("write `expect:`, or let `ork test --accept` do it".to_owned()),
            ),
            Ok(Came { found, reached }) => {
                reached.iter().for_each(|reached| coverage.note(reached));
                let differences = cases::differences(&case.expect, &found);
                if args.accept && (!differences.is_empty() || case.expect.parts.is_empty()) {
                    accepted.push((case, found));
                    Ended::Accepted
                } else if differences.is_empty() {
                    Ended::Passed
                } else {
                    Ended::Failed(differences)
                }
            }
        };
        reports.push(Report { place, name: case.name.clone(), ended });
    }
    if !accepted.is_empty() {
        let accepted: Vec<_> = accepted.iter().map(|(case, found)| (*case, found)).collect();
        write(&file.path, &cases::accept(&file.text, &accepted)?)?;
    }
    Ok(reports)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    super::build::replace(path, text.as_bytes())
}

fn text_of(report: &Report) -> Result<String, Error> {
    let (word, style) = match &report.ended {
        Ended::Passed => ("ok", role::DONE),
        Ended::Failed(_) => ("FAILED", role::ERROR),
        Ended::Accepted => ("accepted", role::WARNING),
        Ended::Broken(_) => ("BROKEN", role::ERROR),
    };
    let (place, name) = (escape(&report.place), escape(&report.name));
    let mut text = format!("{style}{word:<8}{style:#} {name} {s}({place}){s:#}\n", s = role::FAINT);
    match &report.ended {
        Ended::Passed | Ended::Accepted => {}
        Ended::Failed(differences) => {
            for difference in differences {
                let state = match (&difference.expected, &difference.found) {
                    (Some(_), None) => ": expected, and not there",
                    (None, _) => ": not expected, and there",
                    _ => "",
                };
                let _ = writeln!(text, "  {b}{}{b:#}{state}", escape(&difference.what), b = role::NAME);
                for line in diff::lines(difference.expected.as_ref(), difference.found.as_ref())?.lines() {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        Ended::Broken(Broken { problem, hint, .. }) => {
            let _ = writeln!(text, "  {}", escape(problem));
            if let Some(hint) = hint {
                let _ = writeln!(text, "  {s}hint{s:#}: {}", escape(hint), s = role::HINT);
            }
        }
    }
    Ok(text)
}

fn json_of(report: &Report) -> Value {
    let Report { place, name, ended } = report;
    let difference = |difference: &Difference| {
        let Difference { what, expected, found } = difference;
        json!({"what": what, "expected": expected, "found": found})
    };
    match ended {
        Ended::Passed => json!({"case": name, "place": place, "outcome": "passed"}),
        Ended::Accepted => json!({"case": name, "place": place, "outcome": "accepted"}),
        Ended::Failed(differences) => {
            let differences: Vec<Value> = differences.iter().map(difference).collect();
            json!({"case": name, "place": place, "outcome": "failed", "differences": differences})
        }
        Ended::Broken(broken) => {
            json!({"case": name, "place": place, "outcome": "broken", "problem": broken.problem, "hint": broken.hint})
        }
    }
}

fn conclude(args: &Test, reports: &[Report], output: &Output) -> Result<(), Error> {
    if reports.is_empty() {
        let (problem, hint) = match &args.filter {
            Some(filter) => (format!("no case has `{filter}` in its name"), None),
            None => {
                let dirs: Vec<String> =
                    args.dirs.iter().map(|dir| format!("`{}`", shown(&dir.join("tests")))).collect();
                let hint = "a case is a document of tests/*.yaml; see `ork test --help`".to_owned();
                (format!("there are no cases in {}", dirs.join(", ")), Some(hint))
            }
        };
        return Err(Error::Unusable { problem, hint });
    }
    let failed = reports.iter().filter(|report| matches!(report.ended, Ended::Failed(_) | Ended::Broken(_))).count();
    if failed > 0 {
        let differs = reports.iter().any(|report| matches!(report.ended, Ended::Failed(_)));
        return Err(Error::Cases { failed, all: reports.len(), differs });
    }
    let accepted = reports.iter().filter(|report| matches!(report.ended, Ended::Accepted)).count();
    let cases = count(reports.len(), "case");
    match accepted {
        0 => output.done("Passed", cases),
        _ => {
            output.done("Accepted", format_args!("{accepted} of {cases}: look at the difference before you commit it"))
        }
    }
    Ok(())
}
