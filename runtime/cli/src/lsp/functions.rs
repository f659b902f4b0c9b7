//! What is said of functions: the table that authors read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../../patterns/README.md");

/// A row of the table.
pub(super) struct Row {
    /// The calls that it is about: "`s.find(pattern)`".
    pub(super) calls: &'static str,
    pub(super) gives: &'static str,
    pub(super) fails: &'static str,
}

static ROWS: LazyLock<BTreeMap<&'static str, Vec<Row>>> = LazyLock::new(rows);

/// The rows about a function, by its name without a receiver.
pub(super) fn about(name: &str) -> &'static [Row] {
    ROWS.get(name).map(Vec::as_slice).unwrap_or_default()
}

fn rows() -> BTreeMap<&'static str, Vec<Row>> {
    let section = PAGE.split("\n### Functions\n").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_end_matches('|').trim());
        let (Some(calls), Some(gives)) = (cells.next(), cells.next()) else { continue };
        let fails = cells.next().unwrap_or_default();
        for call in calls.split('`').filter_map(|part| part.split_once('(')).map(|(call, _)| call) {
            // A receiver is one letter, which is the name of no library.
            let name = match call.split_once('.') {
                Some((receiver, name)) if receiver.len() == 1 => name,
                _ => call,
            };
            rows.entry(name).or_default().push(Row { calls, gives, fails });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::about;

    #[test]
    fn the_table_of_the_page_is_found() {
        let find: Vec<_> = about("find").iter().map(|row| (row.calls, row.fails)).collect();
        assert_eq!(find, [("`s.find(pattern)`", "it is no pattern")]);
        assert!(about("find").iter().all(|row| row.gives.starts_with("the first match")));
        assert_eq!(about("indexOf").len(), 2);
        assert_eq!(about("math.sqrt").len(), 1);
        assert!(about("nothing").is_empty());
    }

    #[test]
    fn every_function_has_a_row() {
        let functions = orkestra_pattern::cel::functions();
        let written = functions.iter().filter(|function| function.name.starts_with(|c: char| c.is_ascii_alphabetic()));
        let missing: Vec<_> = written.filter(|function| about(&function.name).is_empty()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
