//! The `komposer.yaml` of a pattern directory: the example that its users copy.

use orkestra_komposer::{Imported, documentation, parse, resolve};
use orkestra_pattern::diagnostic::{Diagnostics, Severity};
use orkestra_pattern::model::Pattern;

use crate::pattern_dir::PatternDir;

/// Its problems. It is laid over the pattern where it imports nothing else.
pub(crate) fn problems(files: &PatternDir, pattern: Option<&Pattern>) -> Diagnostics {
    // That the file is missing or empty was said already.
    let file = files
        .source
        .find("komposer.yaml")
        .filter(|file| files.source.file(*file).is_some_and(|file| !file.text().trim().is_empty()));
    let Some(file) = file else { return Diagnostics::default() };
    let (komposer, mut problems) = parse(&files.source, file);
    problems.extend(documentation(&files.source, file));
    let own = |path: &str| matches!(path, "." | "./");
    // Of a pattern with errors everything was said already.
    if let (Some(komposer), true) = (komposer, pattern.is_some())
        && komposer.imports.iter().all(|import| import.path().is_some_and(own))
    {
        let imported = vec![Some(Imported::directory("", ".")); komposer.imports.len()];
        let (composition, mut found) = resolve(&files.source, &komposer, &imported);
        composition.and_then(|composition| composition.whole(&mut found));
        // What the pattern alone was warned of was said with it.
        for problem in found
            .iter()
            .filter(|problem| problem.severity == Severity::Error || problem.span.is_some_and(|span| span.file == file))
        {
            problems.push(problem.clone());
        }
    }
    problems
}
