//! What is wrong with a pattern directory, as far as its text alone says it: what `ork check` prints and what editors show.

use orkestra_pattern::Diagnostics;
use orkestra_pattern::model::Pattern;
use orkestra_pattern::query::Facts;

use crate::example_komposer;
use crate::pattern_dir::PatternDir;

/// The pattern, its problems, and what the check came to know. Nothing is executed: proofs, which do that, are the caller's.
pub(crate) fn of(files: &PatternDir) -> (Option<Pattern>, Diagnostics, Facts) {
    let (pattern, mut problems, facts) = orkestra_pattern::check_keeping(&files.source);
    problems.extend(orkestra_pattern::required_files(&files.source));
    problems.extend(example_komposer::problems(files, pattern.as_ref()));
    (pattern, problems, facts)
}
