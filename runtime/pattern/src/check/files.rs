//! The files that a pattern directory must hold.

use crate::codes::{bounds, yaml as codes};
use crate::diagnostic::Diagnostics;
use crate::source::{Source, Span};
use crate::yaml::Bounds;

/// The files of a pattern directory.
pub const REQUIRED_FILES: [&str; 5] = ["crd.yaml", "katalog.yaml", "komposer.yaml", "cr.yaml", "README.md"];

/// CRDs of kinds that others define, for their types. It may be there.
pub const FOREIGN: &str = "foreign.yaml";

/// Reports each of [`REQUIRED_FILES`] that is missing or empty, and a README that is too large: of the others who parses them says so.
///
/// Apart from [`super::check`], which needs only some of them: an editor has a pattern before it has a README.
pub fn required_files(source: &Source) -> Diagnostics {
    let mut problems = Diagnostics::default();
    for name in REQUIRED_FILES {
        let found = source.find(name).and_then(|id| Some((id, source.file(id)?)));
        match found {
            // Whether there must be one is for the Katalog to say.
            None if name == "crd.yaml" => {}
            None => problems.push(codes::missing_file(name)),
            Some((id, file)) if file.text().trim().is_empty() => {
                problems.push(codes::empty_file(Span::new(id, 0..0), name))
            }
            Some((id, file)) if name == "README.md" && file.size() > Bounds::default().size => {
                problems.push(bounds::file_size(Span::new(id, 0..0), file.size(), Bounds::default().size));
            }
            Some(_) => {}
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_empty_files_are_named() {
        let source = Source::new()
            .with("crd.yaml", b"a")
            .with("katalog.yaml", b"a")
            .with("cr.yaml", b"a")
            .with("README.md", b" \n");
        let found: Vec<_> = required_files(&source).iter().map(|problem| problem.message.clone()).collect();
        assert_eq!(found, ["`komposer.yaml` is missing", "`README.md` is empty"]);
    }
}
