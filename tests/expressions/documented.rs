//! Every function is in the table that authors read, and the table has no function that is none.

use std::collections::BTreeSet;

use orkestra_pattern::cel;
use orkestra_tests::source_root;

/// The functions that `patterns/README.md` names in the first column of its table, without their receivers.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(source_root().join("patterns/README.md")).unwrap();
    let section = text.split("\n### Functions\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let calls = rows.flat_map(|row| row.split('`')).filter_map(|part| part.split_once('(')).map(|(call, _)| call);
    // A receiver is one letter, which is the name of no library.
    calls
        .map(|call| {
            call.split_once('.').filter(|(first, _)| first.len() == 1).map_or(call, |(_, name)| name).to_owned()
        })
        .collect()
}

#[test]
fn the_table_of_functions_is_the_language() {
    let is_written = |name: &String| name.starts_with(|first: char| first.is_ascii_alphabetic());
    let known: BTreeSet<String> =
        cel::functions().into_iter().map(|function| function.name).filter(is_written).collect();
    let documented = documented();
    assert_eq!(known.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the table");
    assert_eq!(documented.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the language");
}
