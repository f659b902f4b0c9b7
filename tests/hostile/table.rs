//! The table: classes, rows, and what each row must show.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::{
    artifacts, code, components, conversions, layouts, lists, plans, programs, request, signatures, texts, yaml,
};

/// What became of an attempt: accepted, or refused by this name. The name is a type's own word for itself, never a part of a message.
pub(crate) type Verdict = Result<(), &'static str>;

/// Something hostile, and the same thing within the rules.
pub(crate) struct Row {
    name: &'static str,
    does: &'static str,
    meets: &'static str,
    hostile: fn() -> Verdict,
    twin: &'static str,
    accepted: fn() -> Verdict,
}

/// A row, in the order in which it is read: `name` does `does` and meets `meets`, where `twin` is accepted.
pub(crate) fn row(
    name: &'static str,
    does: &'static str,
    meets: &'static str,
    hostile: fn() -> Verdict,
    twin: &'static str,
    accepted: fn() -> Verdict,
) -> Row {
    Row { name, does, meets, hostile, twin, accepted }
}

/// Rows of one kind.
struct Class {
    name: &'static str,
    rows: fn() -> Vec<Row>,
}

const CLASSES: [Class; 16] = [
    Class { name: "loops", rows: code::loops },
    Class { name: "memory", rows: code::memory },
    Class { name: "stack and traps", rows: code::traps },
    Class { name: "work at instantiation", rows: code::starts },
    Class { name: "lying lists", rows: lists::rows },
    Class { name: "texts that are none", rows: texts::rows },
    Class { name: "programs", rows: programs::rows },
    Class { name: "imports and swapped components", rows: components::imports },
    Class { name: "numbers of things and features", rows: components::features },
    Class { name: "owners and identities", rows: plans::rows },
    Class { name: "conversions", rows: conversions::rows },
    Class { name: "manifests and layers", rows: artifacts::rows },
    Class { name: "signatures", rows: signatures::rows },
    Class { name: "path escapes", rows: layouts::rows },
    Class { name: "YAML", rows: yaml::katalogs },
    Class { name: "definitions", rows: yaml::definitions },
];

/// All attempts must have the same end, which is the answer.
pub(crate) fn all(attempts: impl IntoIterator<Item = (String, Verdict)>) -> Verdict {
    let mut attempts = attempts.into_iter();
    let (first, verdict) = attempts.next().expect("an attempt");
    for (other, found) in attempts {
        assert_eq!(found, verdict, "{other:?} ends otherwise than {first:?}");
    }
    verdict
}

/// The classes whose rows call the sandbox, which is where one pattern could touch another.
const CALLING: [&str; 7] =
    ["loops", "memory", "stack and traps", "work at instantiation", "lying lists", "texts that are none", "programs"];

/// Runs the rows of all classes, or of those that call the sandbox, and gives what did not go as the table says.
pub(crate) fn run(all: bool) -> Vec<String> {
    let classes = CLASSES.iter().filter(|class| all || CALLING.contains(&class.name));
    classes.flat_map(|class| wrong(class.name)).collect()
}

/// Fails with all rows of a class that did not go as the table says.
#[track_caller]
fn contained(class: &str) {
    let wrong = wrong(class);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wrong(class: &str) -> Vec<String> {
    let rows = (CLASSES.iter().find(|found| found.name == class).expect("a class").rows)();
    let honest = programs::honest();
    // Where the process has a fifth of a processor, a call that does not get its processor time in time says so.
    let throttled = std::env::var_os("ORK_HOSTILE_THROTTLED").is_some();
    let mut wrong = Vec::new();
    for row in rows {
        let hostile = (row.hostile)();
        if hostile != Err(row.meets) && !(throttled && hostile == Err("HostBusy")) {
            wrong.push(format!("{}: {} meets {hostile:?}, expected {}", row.name, row.does, row.meets));
        }
        // The same thing within the rules, in the same process.
        if let Err(refused) = (row.accepted)() {
            wrong.push(format!("{}: its twin, {}, is refused: {refused}", row.name, row.twin));
        }
        if let Err(failure) = honest.reconcile("any", &request()) {
            wrong.push(format!("{}: afterwards an honest pattern fails: {failure}", row.name));
        }
    }
    wrong
}

macro_rules! classes {
    ($($test:ident => $class:literal,)*) => {
        $(#[test]
        fn $test() {
            contained($class);
        })*

        /// A class without a test would be a list and nothing more.
        #[test]
        fn every_class_is_run() {
            let run = [$($class),*];
            assert_eq!(CLASSES.map(|class| class.name), run);
        }
    };
}

classes! {
    loops_end => "loops",
    memory_ends => "memory",
    stack_and_traps_are_contained => "stack and traps",
    work_at_instantiation_is_limited => "work at instantiation",
    lists_do_not_lie => "lying lists",
    texts_are_utf8 => "texts that are none",
    programs_are_bounded => "programs",
    imports_and_swaps_are_refused => "imports and swapped components",
    numbers_and_features_are_refused => "numbers of things and features",
    identity_is_the_hosts => "owners and identities",
    conversions_are_checked => "conversions",
    manifests_and_layers_are_checked => "manifests and layers",
    signatures_are_checked => "signatures",
    paths_do_not_escape => "path escapes",
    yaml_is_plain => "YAML",
    definitions_are_plain => "definitions",
}

#[test]
fn the_table_is_large_enough_and_says_each_thing_once() {
    let rows: Vec<_> = CLASSES.iter().map(|class| (class.name, (class.rows)())).collect();
    for (class, rows) in &rows {
        assert!(rows.len() >= 2, "{class} has fewer than two rows");
    }
    let all: Vec<&Row> = rows.iter().flat_map(|(_, rows)| rows).collect();
    assert!(all.len() >= 50, "{} rows", all.len());
    let names: BTreeSet<_> = all.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), all.len(), "two rows have one name");
}

/// What `TABLE.md` shows is what is run. `UPDATE=1` writes it anew.
#[test]
fn the_table_that_is_read_is_the_one_that_is_run() {
    let path = orkestra_tests::source_root().join("tests/hostile/TABLE.md");
    let rendered = rendered();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == rendered,
        "tests/hostile/TABLE.md is another table than the suite runs; UPDATE=1 writes it anew"
    );
}

fn rendered() -> String {
    let mut rows = 0;
    let mut tables = String::new();
    for class in &CLASSES {
        let _ = write!(
            tables,
            "\n## {}\n\n| name | what it does | meets | accepted beside it |\n|---|---|---|---|\n",
            class.name
        );
        for row in (class.rows)() {
            rows += 1;
            let _ = writeln!(tables, "| `{}` | {} | `{}` | {} |", row.name, row.does, row.meets, row.twin);
        }
    }
    format!(
        "# Hostile things\n\nWritten by `UPDATE=1 cargo test --workspace --test hostile the_table`.\nThe suite runs these {rows} rows: what is hostile meets its name, what stands beside it is accepted, and the process goes on.\nThe name is the reason of a typed error, or the code of a diagnostic.\n{tables}"
    )
}
