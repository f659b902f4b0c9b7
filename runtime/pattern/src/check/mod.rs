//! From files to a checked pattern: every problem at once, and a pattern if none of them is an error.

mod children;
mod conditions;
mod cr;
mod crd;
mod entry;
mod files;
mod for_each;
mod inputs;
mod kind;
mod manifest;
mod options;
mod order;
mod plain;
mod reads;
mod status;
mod strings;
mod value;
mod vars;

pub use files::{REQUIRED_FILES, required_files};

use crate::ast;
use crate::cel::Scope;
use crate::codes::yaml as codes;
use crate::diagnostic::Diagnostics;
use crate::model::Pattern;
use crate::source::{FileId, Source};
use crate::yaml::{self, Bounds, Node};

/// Checks the files of a pattern: `katalog.yaml` and `crd.yaml`, and `cr.yaml` where it is given.
///
/// # Errors
/// None: problems are the second result, in the order of the source. There is a pattern exactly if none of them is an error.
pub fn check(source: &Source) -> (Option<Pattern>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let pattern = pattern(source, &mut problems);
    problems.sort();
    let pattern = pattern.filter(|_| !problems.has_errors());
    (pattern.map(|(pattern, _)| pattern), problems)
}

/// The names that the expressions of an entry may use, for expressions that do not stand in the Katalog. None where the
/// pattern has errors or no such entry.
pub fn scope(source: &Source, entry: &str) -> Option<Scope> {
    let mut problems = Diagnostics::default();
    let (pattern, scopes) = pattern(source, &mut problems).filter(|_| !problems.has_errors())?;
    let at = pattern.entries.iter().position(|checked| checked.name == entry)?;
    scopes.into_iter().nth(at)
}

/// The pattern, with the scope of each entry.
fn pattern(source: &Source, problems: &mut Diagnostics) -> Option<(Pattern, Vec<Scope>)> {
    let crds = match source.find("crd.yaml") {
        Some(file) => crd::read(&documents(source, file, problems), source, problems),
        None => {
            problems.push(codes::missing_file("crd.yaml"));
            Vec::new()
        }
    };
    // A broken `crd.yaml` would make every expression of the Katalog an unknown field.
    let crds_known = !problems.has_errors();
    let cr = source.find("cr.yaml").and_then(|file| document(source, file, problems));
    let Some(file) = source.find("katalog.yaml") else {
        problems.push(codes::missing_file("katalog.yaml"));
        return None;
    };
    let root = document(source, file, problems)?;
    let katalog = ast::parse(&root, problems);
    let inputs = inputs::check(&katalog.inputs, source, problems);
    let (mut entries, mut scopes) = (Vec::new(), Vec::new());
    if crds_known {
        for entry in &katalog.entries {
            let (checked, scope) = entry::check(entry, &crds, &inputs, source, problems).unzip();
            entries.extend(checked);
            scopes.extend(scope);
        }
        entry::one_per_kind(&katalog.entries, &entries, problems);
        if let Some(cr) = &cr {
            cr::check(cr, &crds, source, problems);
        }
    }
    let pattern = Pattern {
        name: katalog.name?,
        version: katalog.version?,
        about: katalog.about,
        inputs: inputs.into_iter().map(|input| input.model).collect(),
        crds: crds.into_iter().map(|crd| crd.json).collect(),
        entries,
    };
    Some((pattern, scopes))
}

/// All documents of a file that are not empty.
fn documents(source: &Source, file: FileId, problems: &mut Diagnostics) -> Vec<Node> {
    let (documents, found) = yaml::parse(source, file, Bounds::default());
    problems.extend(found);
    documents.into_iter().filter(|document| document.value != yaml::Value::Null).collect()
}

/// The only document of a file.
fn document(source: &Source, file: FileId, problems: &mut Diagnostics) -> Option<Node> {
    let (documents, mut found) = yaml::parse(source, file, Bounds::default());
    let document = yaml::single(documents, &mut found, file);
    problems.extend(found);
    document
}
