//! A Komposer and its lock, as they lie on disk.

use std::path::{Path, PathBuf};

use orkestra_komposer::{Komposer, Lock, parse_lock};
use orkestra_pattern::source::Source;

use crate::documents::end_on_errors;
use crate::error::Error;
use crate::output::Output;
use crate::pattern_dir::{read_bounded, shown};

/// A Komposer that was read, with its lock.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) source: Source,
    pub(crate) komposer: Komposer,
    /// None where there is no such file.
    pub(crate) lock: Option<Lock>,
}

impl Opened {
    pub(crate) fn read(path: &Path, output: &Output) -> Result<Self, Error> {
        let mut source = Source::new();
        let file = source.add_as(shown(path), "komposer.yaml", &read_bounded(path)?);
        let (komposer, problems) = orkestra_komposer::parse(&source, file);
        end_on_errors(&problems, &source, output)?;
        let komposer = komposer.ok_or(Error::Silent)?;
        nothing_ignored(&komposer)?;
        let lock = lock(&lock_path(path), output)?;
        Ok(Self { path: path.to_owned(), source, komposer, lock })
    }

    /// What paths in it are relative to.
    pub(crate) fn base(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// Where its lock is.
    pub(crate) fn lock_path(&self) -> PathBuf {
        lock_path(&self.path)
    }
}

/// `komposer.lock` for `komposer.yaml`.
fn lock_path(komposer: &Path) -> PathBuf {
    komposer.with_extension("lock")
}

fn lock(path: &Path, output: &Output) -> Result<Option<Lock>, Error> {
    let bytes = match read_bounded(path) {
        Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let mut source = Source::new();
    let file = source.add_as(shown(path), "komposer.lock", &bytes);
    let (lock, problems) = parse_lock(&source, file);
    end_on_errors(&problems, &source, output)?;
    Ok(lock)
}

/// What a Komposer may say, and nothing here would carry out, ends the command: nothing is accepted and ignored.
fn nothing_ignored(komposer: &Komposer) -> Result<(), Error> {
    if komposer.imports.iter().any(|import| !import.grants.is_empty()) {
        return Err(Error::Unusable {
            problem: "the Komposer grants capabilities, and no pattern asks for one".to_owned(),
            hint: Some("a declarative pattern imports nothing but the engine: remove `grants`".to_owned()),
        });
    }
    Ok(())
}
