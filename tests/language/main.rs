//! The language from the outside: files in, diagnostics or a checked pattern out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod codes;
mod golden;
mod model;
mod mutation;
#[allow(dead_code, reason = "the suite `conversion` uses the rest")]
#[path = "../conversion/subject.rs"]
mod subject;
mod thirty;

use std::path::{Path, PathBuf};

use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::{Diagnostics, Source};

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A Katalog with the CRD of these tests.
fn source(katalog: &str) -> Source {
    let crd = read(&root().join("tests/language/crd.yaml"));
    Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes())
}

fn rendered(problems: &Diagnostics, source: &Source) -> String {
    render_all(problems, source, Style::Plain)
}

/// The codes of the problems, in the order of the source.
fn codes(problems: &Diagnostics) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code.id).collect()
}

fn check(source: &Source) -> (Option<Pattern>, Diagnostics) {
    orkestra_pattern::check(source)
}
