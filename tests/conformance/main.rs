//! CEL's conformance cases through the whole way: front end, lowering, program, component, sandbox.
//!
//! The cases are not a part of this project. They are read from `ORK_CONFORMANCE_DIR`; without that variable from
//! `shared/conformance/cel` beside the source tree. Where there are none, the suite says that it did not run.
//!
//! Each case runs twice: as it is written, and with its literals bound to variables, so that nothing passes because it was computed
//! before it was evaluated.
//!
//! `ORK_CONFORMANCE_LIST=1` prints every case that does not pass, with the reason. `ORK_CONFORMANCE_RAISE=1` keeps higher counts.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test suite with its own output")]

mod cases;
mod literals;
mod misses;
mod ratchet;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cases::{Case, Outcome};
use orkestra_component::Exports;
use orkestra_program::model::Program;
use orkestra_sandbox::{Failure, Limits, Sandbox, Settings};
use ratchet::Passed;

fn main() -> ExitCode {
    let Some(files) = files() else {
        println!("not run: CEL conformance, because there are no cases in {}", directory().display());
        return ExitCode::SUCCESS;
    };
    let sandbox = Sandbox::new(&Settings { slots: 8, ..Settings::default() }).unwrap_or_else(|error| panic!("{error}"));
    let list = std::env::var_os("ORK_CONFORMANCE_LIST").is_some();
    let (mut counts, mut all, mut with_literals) = (ratchet::Counts::new(), 0, 0);
    let mut unexplained = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let cases = cases::read(&file);
        let bound: Vec<Option<Case>> = cases.iter().map(Case::with_literals_bound).collect();
        with_literals += bound.iter().flatten().count();
        // A case without literals is its own second form.
        let bound: Vec<Case> =
            cases.iter().zip(bound).map(|(case, bound)| bound.unwrap_or_else(|| case.clone())).collect();
        let written = missed(&sandbox, &name, &cases, list);
        let literals = missed(&sandbox, &format!("{name}, literals bound"), &bound, list);
        let passed = Passed { written: cases.len() - written.len(), bound: cases.len() - literals.len() };
        unexplained.extend(misses::unexplained(&name, &written, &literals));
        println!("conformance: {name}: {} of {}, with literals bound {}", passed.written, cases.len(), passed.bound);
        all += cases.len();
        counts.insert(name, passed);
    }
    let sum = |of: fn(&Passed) -> usize| counts.values().map(of).sum::<usize>();
    println!("conformance: {} of {all} cases pass", sum(|passed| passed.written));
    println!(
        "conformance: {} of {all} cases pass with their literals bound to variables; {with_literals} cases have literals",
        sum(|passed| passed.bound)
    );

    let kept = ratchet::read();
    let mut differences = ratchet::differences(&kept, &counts);
    let misses = !unexplained.is_empty();
    differences.extend(unexplained);
    let verdict = if differences.is_empty() { "ok" } else { "FAILED" };
    if std::env::var_os("ORK_CONFORMANCE_RAISE").is_some() && !ratchet::fewer(&kept, &counts) && !misses {
        ratchet::write(&counts);
        return ExitCode::SUCCESS;
    }
    differences.iter().for_each(|difference| println!("conformance: FAILED: {difference}"));
    let as_kept = (2 * counts.len()).saturating_sub(differences.len());
    println!("test result: {verdict}. {as_kept} passed; {} failed; 0 ignored (counts of cases)", differences.len());
    if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The titles of the cases that do not pass. With `list` it prints them with their reasons.
fn missed(sandbox: &Sandbox, file: &str, cases: &[Case], list: bool) -> BTreeSet<String> {
    let verdicts = run(sandbox, cases);
    for (case, verdict) in cases.iter().zip(&verdicts) {
        if list && let Err(why) = verdict {
            println!("{file}/{}: `{}` {why}", case.title(), case.expr);
        }
    }
    cases.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_err()).map(|(case, _)| case.title()).collect()
}

fn directory() -> PathBuf {
    match std::env::var_os("ORK_CONFORMANCE_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/cel"),
    }
}

/// The files of cases, sorted by name; none if there are none.
fn files() -> Option<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory()).ok()?;
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension() == Some("json".as_ref())).collect();
    files.sort();
    (!files.is_empty()).then_some(files)
}

/// Runs the cases of one file in one component.
fn run(sandbox: &Sandbox, cases: &[Case]) -> Vec<Result<(), String>> {
    let checked: Vec<_> = cases.iter().map(Case::check).collect();
    let mut program = Program::default();
    for (index, (case, checked)) in cases.iter().zip(&checked).enumerate() {
        if let Ok(checked) = checked
            && !case.check_only
        {
            program.evaluations.push(case.evaluation(index.to_string(), checked));
        }
    }
    let component = orkestra_component::encode(&orkestra_program::encode(&program), Exports::EVALUATIONS);
    let pattern = sandbox.load(&component, &[], Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let verdict = |index: usize, case: &Case, checked: &Result<_, Vec<_>>| {
        let checked = match checked {
            Ok(checked) => checked,
            Err(problems) => return case.judge_refusal(problems),
        };
        case.type_fits(checked)?;
        if case.check_only {
            return Ok(());
        }
        let result = pattern.eval(&index.to_string(), &case.bindings_json(), orkestra_program::CALL_BUDGET);
        case.judge(&match result {
            Ok(evaluation) => match serde_json::from_slice(&evaluation.value) {
                Ok(value) => Outcome::Value(value),
                Err(error) => Outcome::Broken(format!("the value is not JSON: {error}")),
            },
            Err(Failure::Expression { message, .. }) => Outcome::Failed(message),
            Err(other) => Outcome::Broken(other.to_string()),
        })
    };
    cases.iter().zip(&checked).enumerate().map(|(index, (case, checked))| verdict(index, case, checked)).collect()
}
