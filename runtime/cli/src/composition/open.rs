//! A Komposer and its lock, as they lie on disk.

use std::path::{Path, PathBuf};

use orkestra_artifact::trust::TrustPolicy;
use orkestra_komposer::{Komposer, Lock, Policy, parse_lock};
use orkestra_pattern::source::Source;

use super::trust::trust_policy;
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
    /// What the runtime's operator allows, and where that is written.
    policy: Option<(Policy, PathBuf)>,
}

/// The texts of a Komposer and its lock.
#[derive(Debug)]
pub(crate) struct Documents {
    /// Its file, or what stands for that where it is an object of a cluster.
    pub(crate) path: PathBuf,
    pub(crate) komposer: Vec<u8>,
    /// None where there is no lock.
    pub(crate) lock: Option<Vec<u8>>,
    /// Whether they are objects of a cluster, which can say less than files.
    pub(crate) stored: bool,
}

impl Documents {
    /// Those of a file, with the lock beside it.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let lock = match read_bounded(&lock_path(path)) {
            Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
            bytes => Some(bytes?),
        };
        Ok(Self { path: path.to_owned(), komposer: read_bounded(path)?, lock, stored: false })
    }
}

impl Opened {
    /// A Komposer's file, with its lock.
    pub(crate) fn read(path: &Path, policy: Option<&Path>, output: &Output) -> Result<Self, Error> {
        Self::of(Documents::read(path)?, policy, output)
    }

    /// A Komposer's text, with its lock's.
    pub(crate) fn of(documents: Documents, policy: Option<&Path>, output: &Output) -> Result<Self, Error> {
        let Documents { path, komposer, lock, stored } = documents;
        let policy = match policy {
            Some(path) => Some((read_policy(path, output)?, path.to_owned())),
            None => None,
        };
        let variables = policy.as_ref().map(|(policy, _)| policy.variables()).unwrap_or_default();
        let mut source = Source::new();
        let file = source.add_as(shown(&path), "komposer.yaml", &komposer);
        let (komposer, problems) = orkestra_komposer::parse_with(&source, file, &variables);
        end_on_errors(&problems, &source, output)?;
        let komposer = komposer.ok_or(Error::Silent)?;
        if stored {
            end_on_errors(&komposer.as_resource(), &source, output)?;
        }
        if let Some((policy, _)) = &policy {
            end_on_errors(&policy.narrow(&komposer), &source, output)?;
        }
        let lock = match lock {
            Some(bytes) => read_lock(&lock_path(&path), &bytes, output)?,
            None => None,
        };
        Ok(Self { path, source, komposer, lock, policy })
    }

    /// What the runtime's operator allows; none: the Komposer is the policy.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref().map(|(policy, _)| policy)
    }

    /// Whom the runtime's operator trusts and whom the Komposer does: everything fetched has to fulfil both.
    pub(crate) fn trusted(&self) -> Result<Vec<TrustPolicy>, Error> {
        let mut all = Vec::new();
        if let Some((policy, path)) = &self.policy {
            all.extend(trust_policy(&policy.trust, directory(path))?);
        }
        all.extend(trust_policy(&self.komposer.trust, self.base())?);
        Ok(all)
    }

    /// What paths in it are relative to.
    pub(crate) fn base(&self) -> &Path {
        directory(&self.path)
    }

    /// Where its lock is.
    pub(crate) fn lock_path(&self) -> PathBuf {
        lock_path(&self.path)
    }
}

/// What paths in a file are relative to.
fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The policy in a file.
pub(crate) fn read_policy(path: &Path, output: &Output) -> Result<Policy, Error> {
    let mut source = Source::new();
    let file = source.add_as(shown(path), "policy.yaml", &read_bounded(path)?);
    let (policy, problems) = orkestra_komposer::policy::parse(&source, file);
    end_on_errors(&problems, &source, output)?;
    policy.ok_or(Error::Silent)
}

/// `komposer.lock` for `komposer.yaml`.
pub(crate) fn lock_path(komposer: &Path) -> PathBuf {
    komposer.with_extension("lock")
}

fn read_lock(path: &Path, bytes: &[u8], output: &Output) -> Result<Option<Lock>, Error> {
    let mut source = Source::new();
    let file = source.add_as(shown(path), "komposer.lock", bytes);
    let (lock, problems) = parse_lock(&source, file);
    end_on_errors(&problems, &source, output)?;
    Ok(lock)
}
