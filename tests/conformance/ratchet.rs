//! How many cases of each file pass. The number of a file may only grow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Passed cases by file name.
pub(crate) type Counts = BTreeMap<String, usize>;

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

/// Every file whose count is not the kept one, and what that means.
pub(crate) fn differences(kept: &Counts, now: &Counts) -> Vec<String> {
    let files: std::collections::BTreeSet<_> = kept.keys().chain(now.keys()).collect();
    let count = |counts: &Counts, file: &String| counts.get(file).copied().unwrap_or(0);
    files
        .into_iter()
        .filter_map(|file| match (count(kept, file), count(now, file)) {
            (before, after) if after < before => Some(format!("{file}: {after} cases pass, {before} passed before")),
            (before, after) if after > before => Some(format!(
                "{file}: {after} cases pass, {before} are kept: raise the ratchet with ORK_CONFORMANCE_RAISE=1"
            )),
            _ => None,
        })
        .collect()
}
