//! CEL's conformance cases through the whole way: front end, lowering, program, component, sandbox.
//!
//! The cases are not a part of this project. They are read from `ORK_CONFORMANCE_DIR`; without that variable from
//! `shared/conformance/cel` beside the source tree. Where there are none, the suite says that it did not run.
//!
//! `ORK_CONFORMANCE_LIST=1` prints every case that does not pass, with the reason. `ORK_CONFORMANCE_RAISE=1` keeps higher counts.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test suite with its own output")]

mod cases;
mod ratchet;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cases::{Case, Outcome};
use orkestra_component::Exports;
use orkestra_program::model::Program;
use orkestra_sandbox::{Failure, Limits, Sandbox, Settings};

fn main() -> ExitCode {
    let Some(files) = files() else {
        println!("not run: CEL conformance, because there are no cases in {}", directory().display());
        return ExitCode::SUCCESS;
    };
    let sandbox = Sandbox::new(&Settings { slots: 8, ..Settings::default() }).unwrap_or_else(|error| panic!("{error}"));
    let list = std::env::var_os("ORK_CONFORMANCE_LIST").is_some();
    let (mut counts, mut all) = (ratchet::Counts::new(), 0);
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let cases = cases::read(&file);
        let verdicts = run(&sandbox, &cases);
        if list {
            for (case, verdict) in cases.iter().zip(&verdicts) {
                if let Err(why) = verdict {
                    println!("{name}/{}: `{}` {why}", case.title(), case.expr);
                }
            }
        }
        let passed = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
        println!("conformance: {name}: {passed} of {}", cases.len());
        all += cases.len();
        counts.insert(name, passed);
    }
    println!("conformance: {} of {all} cases pass", counts.values().sum::<usize>());

    let kept = ratchet::read();
    let differences = ratchet::differences(&kept, &counts);
    let verdict = if differences.is_empty() { "ok" } else { "FAILED" };
    let fewer = counts.iter().any(|(file, count)| kept.get(file).is_some_and(|before| count < before));
    if std::env::var_os("ORK_CONFORMANCE_RAISE").is_some() && !fewer {
        ratchet::write(&counts);
        return ExitCode::SUCCESS;
    }
    differences.iter().for_each(|difference| println!("conformance: FAILED: {difference}"));
    let as_kept = counts.len() - differences.len().min(counts.len());
    println!("test result: {verdict}. {as_kept} passed; {} failed; 0 ignored (files of cases)", differences.len());
    if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    let verdict = |index: usize, case: &Case, checked: &Result<_, String>| {
        let checked = checked.as_ref().map_err(|why| format!("does not compile: {why}"))?;
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
