//! A Katalog with more than thirty mistakes, no two of one kind: each is found at its line, none hides another, and each says
//! how to mend it. The lines that have one end in a comment with its code. What is shown, with columns, is in
//! `fail/thirty.result`.

use std::collections::BTreeSet;

use orkestra_pattern::{Diagnostic, Source};

use crate::{check, read, rendered, root};

const FILES: [&str; 3] = ["katalog.yaml", "crd.yaml", "cr.yaml"];

/// A file, a line from one, a code.
type Place = (&'static str, u32, String);

fn texts() -> [(&'static str, String); 3] {
    FILES.map(|name| (name, read(&root().join("tests/language/fail/thirty").join(name))))
}

fn source(texts: &[(&'static str, String)]) -> Source {
    let mut source = Source::new();
    for (name, text) in texts {
        source.add(*name, text.as_bytes());
    }
    source
}

/// The codes that the lines end in.
fn planted(texts: &[(&'static str, String)]) -> BTreeSet<Place> {
    let mut planted = BTreeSet::new();
    for (name, text) in texts {
        for (line, at) in text.lines().zip(1..) {
            let (_, codes) = line.rsplit_once(" # ").unwrap_or_default();
            planted
                .extend(codes.split(' ').filter(|word| word.starts_with('K')).map(|code| (*name, at, code.to_owned())));
        }
    }
    planted
}

fn place(problem: &Diagnostic, source: &Source) -> Option<Place> {
    let span = problem.span?;
    let file = source.file(span.file)?;
    let name = FILES.into_iter().find(|name| *name == file.name())?;
    Some((name, file.position(span.start).line, problem.code.id.to_owned()))
}

#[test]
fn each_mistake_is_found_at_its_line_with_a_way_to_mend_it() {
    let texts = texts();
    let (source, planted) = (source(&texts), planted(&texts));
    let kinds: BTreeSet<&String> = planted.iter().map(|(_, _, code)| code).collect();
    assert!(kinds.len() >= 30 && kinds.len() == planted.len(), "{} mistakes of {} kinds", planted.len(), kinds.len());

    let (pattern, problems) = check(&source);
    assert!(pattern.is_none());
    let found: Vec<Place> = problems.iter().filter_map(|problem| place(problem, &source)).collect();
    let shown = rendered(&problems, &source);
    assert_eq!(found.len(), problems.iter().count(), "each has a place:\n{shown}");
    let lines: BTreeSet<Place> = found.iter().cloned().collect();
    let (missing, beyond): (Vec<_>, Vec<_>) =
        (planted.difference(&lines).collect(), lines.difference(&planted).collect());
    assert!(missing.is_empty() && beyond.is_empty(), "not found: {missing:#?}\nnot planted: {beyond:#?}\n{shown}");
    assert_eq!(found.len(), planted.len(), "one is shown twice:\n{shown}");

    let without = problems.iter().filter(|problem| problem.hints.is_empty() && problem.expected.is_none());
    let without: Vec<_> = without.map(|problem| (problem.code.id, &problem.message)).collect();
    assert!(without.is_empty(), "nothing says how to mend {without:#?}");
}
