//! What `ork run` is asked to run: pattern directories, or a Komposer.
//!
//! `open → gather → compose`: a Komposer is read with its lock, its imports are fetched from where they are, and it is laid over
//! them. What cannot be had or does not hold is [`Broken`], so that whoever runs can go on without it and whoever locks does not.

mod compose;
mod gather;
pub(crate) mod grants;
mod locking;
mod open;
mod store;
mod trust;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orkestra_komposer::{InputError, Instance, Lock, conflicts};
use serde_json::Map;

use crate::args::Sources;
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::{PatternDir, shown};

pub(crate) use compose::{Composed, compose};
pub(crate) use gather::{Anew, Asking, Broken, Had, gather, prove};
pub(crate) use locking::{build, lock_of, stale};
pub(crate) use open::{Documents, Opened, lock_path, read_policy};
pub(crate) use store::Store;

/// Patterns by themselves, each with its own defaults.
pub(crate) fn of_dirs(dirs: &[PathBuf], output: &Output) -> Result<Vec<Instance>, Error> {
    let mut instances = Vec::new();
    for dir in dirs {
        let files = PatternDir::read(dir)?;
        let pattern = files.checked(output)?;
        let mut instance = Instance::new(&shown(dir), pattern, Map::new()).map_err(|errors| inputs(&errors))?;
        instance.hook = files.hook().map(Arc::from);
        instances.push(instance);
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

/// What runs of a Komposer, and whether nothing runs but what its lock names: because that was said, or by the policy.
pub(crate) fn to_run(
    documents: Documents,
    sources: &Sources,
    locked: bool,
    output: &Output,
) -> Result<(Composed, bool), Error> {
    // Nobody saw what a cluster's object was resolved to, unless it is locked.
    let (stored, opened) = (documents.stored, Opened::of(documents, sources.policy.as_deref(), output)?);
    let locked =
        locked || stored && opened.policy().is_none() || opened.policy().is_some_and(|policy| !policy.allow_unlocked);
    Ok((by_lock(opened, sources, locked, output)?, locked))
}

/// As [`to_run`], to look at.
pub(crate) fn of_komposer(path: &Path, sources: &Sources, output: &Output) -> Result<Composed, Error> {
    by_lock(Opened::read(path, sources.policy.as_deref(), output)?, sources, false, output)
}

/// A Komposer by its lock where it has one. With `locked` that has to fit, and what is not in it does not run; without, what is not
/// locked is looked up now, and that is said.
fn by_lock(opened: Opened, sources: &Sources, locked: bool, output: &Output) -> Result<Composed, Error> {
    if locked {
        fitting_lock(&opened)?;
    } else if let Some(lock) = &opened.lock {
        lock.check_identities(&opened.komposer).map_err(Error::IdentityReused)?;
    }
    let unlocked = opened.komposer.imports.iter().filter(|import| {
        import.path().is_none() && opened.lock.as_ref().is_none_or(|lock| lock.fitting(import).is_none())
    });
    for import in unlocked {
        let name = orkestra_komposer::lock::name_of(import).unwrap_or_default();
        output
            .warning(format_args!("NotLocked: `{}` is looked up now; `ork lock` writes down what it is", escape(name)));
    }
    let store = Store::open(sources, &opened)?;
    let trust = opened.trusted()?;
    let lock = opened.lock.as_ref();
    let asking = Asking { lock, anew: Anew::Missing, allow_downgrade: false, check_tags: false, trust: &trust };
    let gathered = gather(&opened.komposer, opened.base(), &store, asking)?;
    compose(opened, gathered, output)
}

/// The lock of a Komposer, which fits it.
pub(crate) fn fitting_lock(opened: &Opened) -> Result<&Lock, Error> {
    let lock = opened.lock.as_ref().ok_or(Error::NotLocked { problems: Vec::new() })?;
    match lock.stale(&opened.komposer) {
        problems if problems.is_empty() => Ok(lock),
        problems => Err(Error::NotLocked { problems }),
    }
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
