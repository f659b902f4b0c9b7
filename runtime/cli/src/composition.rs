//! What `ork run` is asked to run: pattern directories, or a Komposer.

use std::path::{Path, PathBuf};

use orkestra_komposer::{Imported, InputError, Instance, Komposer, conflicts};
use orkestra_pattern::source::Source;
use serde_json::Map;

use crate::documents::end_on_errors;
use crate::error::Error;
use crate::output::Output;
use crate::pattern_dir::{PatternDir, read_bounded, shown};

/// Patterns by themselves, each with its own defaults.
pub(crate) fn of_dirs(dirs: &[PathBuf], output: &Output) -> Result<Vec<Instance>, Error> {
    let mut instances = Vec::new();
    for dir in dirs {
        let pattern = PatternDir::read(dir)?.checked(output)?;
        instances.push(Instance::new(&shown(dir), pattern, Map::new()).map_err(|errors| inputs(&errors))?);
    }
    if let Some(conflict) = conflicts(&instances).first() {
        let path = |index: usize| instances.get(index).map_or("", |instance| instance.path.as_str());
        return Err(Error::Unusable {
            problem: format!("{}: `{}` and `{}`", conflict.shared, path(conflict.first), path(conflict.second)),
            hint: Some("run them in two processes, or drop an entry with a Komposer".to_owned()),
        });
    }
    Ok(instances)
}

/// The patterns that a Komposer names, as it wants them.
pub(crate) fn of_komposer(path: &Path, output: &Output) -> Result<Vec<Instance>, Error> {
    let mut source = Source::new();
    let file = source.add_as(shown(path), "komposer.yaml", &read_bounded(path)?);
    let (komposer, problems) = orkestra_komposer::parse(&source, file);
    end_on_errors(&problems, &source, output)?;
    let komposer = komposer.ok_or(Error::Silent)?;
    nothing_ignored(&komposer)?;
    let base = path.parent().unwrap_or(Path::new("."));
    let mut imported = Vec::new();
    for import in &komposer.imports {
        let Some(path) = import.path() else {
            return Err(Error::Unusable {
                problem: "the Komposer imports from a registry".to_owned(),
                hint: Some("import a directory under `imports.files`: this command reads directories only".to_owned()),
            });
        };
        let dir = base.join(path);
        let prefix = format!("{}/", shown(&dir));
        PatternDir::read(&dir)?.add_to(&mut source, &prefix);
        imported.push(Imported::directory(prefix, shown(&dir)));
    }
    let (composition, problems) = orkestra_komposer::resolve(&source, &komposer, &imported);
    end_on_errors(&problems, &source, output)?;
    Ok(composition.ok_or(Error::Silent)?.instances)
}

/// What a Komposer may say, and this command would not carry out, ends it: nothing is accepted and ignored.
fn nothing_ignored(komposer: &Komposer) -> Result<(), Error> {
    let unusable =
        |problem: &str, hint: &str| Err(Error::Unusable { problem: problem.to_owned(), hint: Some(hint.to_owned()) });
    if !komposer.trust.is_empty() {
        let hint = "directories have no signatures: remove it, and verify what you pull with `ork verify`";
        return unusable("the Komposer says whose signatures it trusts, and this command asks for none", hint);
    }
    if komposer.imports.iter().any(|import| !import.grants.is_empty()) {
        let hint = "a declarative pattern imports nothing but the engine: remove `grants`";
        return unusable("the Komposer grants capabilities, and no pattern asks for one", hint);
    }
    Ok(())
}

/// Inputs that do not fit, as one error.
pub(crate) fn inputs(errors: &[InputError]) -> Error {
    match errors.first() {
        Some(first) => Error::Unusable {
            problem: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            hint: first.hint(),
        },
        None => Error::Silent,
    }
}
