//! How many cases of each file pass, in both forms. The numbers of a file may only grow.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Passed cases of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passed {
    /// As they are written.
    pub(crate) written: usize,
    /// With their literals bound to variables. A case without literals has one form.
    pub(crate) bound: usize,
}

/// Passed cases by file name.
pub(crate) type Counts = BTreeMap<String, Passed>;

/// Where the counts are kept.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/ratchet.json")
}

/// The counts that were reached so far.
pub(crate) fn read() -> Counts {
    let text = std::fs::read_to_string(path()).unwrap_or_else(|error| panic!("{}: {error}", path().display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path().display()))
}

/// Keeps new counts.
pub(crate) fn write(counts: &Counts) {
    let mut text = serde_json::to_string_pretty(counts).unwrap_or_default();
    text.push('\n');
    std::fs::write(path(), text).unwrap_or_else(|error| panic!("{}: {error}", path().display()));
}

/// Every count that is not the kept one, and what that means.
pub(crate) fn differences(kept: &Counts, now: &Counts) -> Vec<String> {
    let files: std::collections::BTreeSet<_> = kept.keys().chain(now.keys()).collect();
    let count = |counts: &Counts, file: &String| counts.get(file).copied().unwrap_or_default();
    let both = |file: &String| {
        let (before, after) = (count(kept, file), count(now, file));
        [("as written", before.written, after.written), ("with literals bound", before.bound, after.bound)]
            .map(|(form, before, after)| difference(file, form, before, after))
    };
    files.into_iter().flat_map(both).flatten().collect()
}

fn difference(file: &str, form: &str, before: usize, after: usize) -> Option<String> {
    match after.cmp(&before) {
        Ordering::Less => Some(format!("{file}, {form}: {after} cases pass, {before} passed before")),
        Ordering::Equal => None,
        Ordering::Greater => Some(format!(
            "{file}, {form}: {after} cases pass, {before} are kept: raise the ratchet with ORK_CONFORMANCE_RAISE=1"
        )),
    }
}

/// Whether any count is below the kept one.
pub(crate) fn fewer(kept: &Counts, now: &Counts) -> bool {
    kept.iter().any(|(file, before)| {
        let after = now.get(file).copied().unwrap_or_default();
        after.written < before.written || after.bound < before.bound
    })
}
