//! Where the Komposer that is followed lies: in a file, or in the cluster.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orkestra_artifact::Digest;
use orkestra_operator::Handle;
use orkestra_operator::komposer::{self, Outcome, Stored, StoredKomposer, Unmet};
use serde_json::Value;
use tokio::sync::watch;

use crate::composition::{self, Documents};
use crate::error::Error;
use crate::output::escape;
use crate::yaml;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where the Komposer lies.
pub(super) enum Origin<'a> {
    /// With its lock beside it. What a kubelet swaps in a mounted ConfigMap is seen, too.
    File(&'a Path),
    /// An object of this name.
    Resource { name: &'a str, stored: watch::Receiver<Option<Stored>>, outcome: watch::Sender<Outcome> },
}

/// What is there at a time.
pub(super) enum Found<'a> {
    /// A file, to be read.
    File(&'a Path),
    /// An object, as the cluster has it.
    Resource { name: &'a str, stored: Box<Stored> },
}

impl Found<'_> {
    /// The texts; none where the cluster has no such Komposer: then nothing is to run. A file that is not there is an error instead.
    pub(super) fn documents(&self) -> Result<Option<Documents>, Error> {
        match self {
            Self::File(path) => Documents::read(path).map(Some),
            Self::Resource { name, stored } => {
                let Stored { komposer, lock, problem: _ } = &**stored;
                komposer.as_ref().map(|komposer| documents(name, &komposer.document, lock.as_ref())).transpose()
            }
        }
    }
}

impl<'a> Origin<'a> {
    /// Waits until something is there that is not what was `read` last. `policy` is followed along with it.
    pub(super) async fn changed(&mut self, read: Option<Digest>, policy: Option<&Path>) -> Digest {
        let mut told = false;
        loop {
            let now = match self {
                Self::File(path) => Some(files(path, policy)),
                Self::Resource { stored, .. } => match &*stored.borrow_and_update() {
                    Some(Stored { problem: Some(problem), .. }) => {
                        if !told {
                            tracing::warn!(
                                reason = "NotWatched",
                                "the Komposer cannot be read, and what ran goes on: {}",
                                escape(problem)
                            );
                        }
                        told = true;
                        None
                    }
                    Some(stored) => Some(digest_of(stored, policy)),
                    None => None,
                },
            };
            if let Some(now) = now.filter(|now| Some(*now) != read) {
                return now;
            }
            match self {
                Self::File(_) => tokio::time::sleep(LOOK).await,
                Self::Resource { stored, .. } => {
                    let _ = tokio::time::timeout(LOOK, stored.changed()).await;
                }
            }
        }
    }

    /// The Komposer as it is now.
    pub(super) fn read(&self) -> Found<'a> {
        match self {
            Self::File(path) => Found::File(path),
            Self::Resource { name, stored, .. } => {
                Found::Resource { name, stored: Box::new(stored.borrow().clone().unwrap_or_default()) }
            }
        }
    }

    /// What people call it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Resource { name, .. } => format!("Komposer/{name}"),
        }
    }

    /// Keeps the status of a resource, of a file nothing. Never ends by itself.
    pub(super) fn report(&self, handle: Handle) -> impl Future<Output = ()> + use<'a> {
        let resource = match self {
            Self::File(_) => None,
            Self::Resource { name, stored, outcome } => Some((*name, stored.clone(), outcome.subscribe())),
        };
        async move {
            match resource {
                Some((name, stored, outcome)) => komposer::report(handle, name, stored, outcome).await,
                None => pending().await,
            }
        }
    }

    /// Tells what became of what was found.
    pub(super) fn tell(&self, found: &Found<'_>, error: Option<&Error>) {
        let (Self::Resource { outcome, .. }, Found::Resource { stored, .. }) = (self, found) else { return };
        let unmet = error.map(|error| Unmet { reason: reason(error), message: message(error) });
        let generation = stored.komposer.as_ref().map(StoredKomposer::generation).unwrap_or_default();
        outcome.send_replace(Outcome { generation, unmet });
    }
}

/// Where an object is, in words of a path, so that problems in it have a place.
fn documents(name: &str, komposer: &Value, lock: Option<&Value>) -> Result<Documents, Error> {
    let lock = lock.map(yaml::text).transpose()?;
    Ok(Documents {
        path: PathBuf::from(format!("Komposer/{name}")),
        komposer: yaml::text(komposer)?.into_bytes(),
        lock: lock.map(String::into_bytes),
        stored: true,
    })
}

/// The word for a Komposer that is not carried out at all.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::NotLocked { .. } => "NotLocked",
        Error::Problems { .. } => "InvalidKomposer",
        error => error.reason(),
    }
}

fn message(error: &Error) -> String {
    let said = match error {
        Error::Problems { first: Some(first), .. } => first.clone(),
        error => error.chain(),
    };
    match error.hint() {
        Some(hint) => format!("{}; {}", escape(&said), escape(&hint)),
        None => escape(&said).into_owned(),
    }
}

/// A digest of all that is read; a file that is not there is as one that is empty.
fn files(komposer: &Path, policy: Option<&Path>) -> Digest {
    let lock = composition::lock_path(komposer);
    let paths = [Some(komposer), Some(&*lock), policy];
    digest(paths.into_iter().flatten().map(|path| std::fs::read(path).unwrap_or_default()))
}

fn digest_of(stored: &Stored, policy: Option<&Path>) -> Digest {
    // The generation is told in the status, and grows with each change.
    let generation = stored.komposer.as_ref().map(|komposer| komposer.generation());
    let komposer = stored.komposer.as_ref().map(|komposer| komposer.document.to_string());
    let lock = stored.lock.as_ref().map(Value::to_string);
    let policy = policy.map(|path| std::fs::read(path).unwrap_or_default());
    let texts = [komposer, lock, generation.map(|generation| generation.to_string())];
    digest(texts.into_iter().map(|text| text.unwrap_or_default().into_bytes()).chain(policy))
}

fn digest(parts: impl Iterator<Item = Vec<u8>>) -> Digest {
    let mut all = Vec::new();
    for bytes in parts {
        all.extend_from_slice(&bytes.len().to_le_bytes());
        all.extend_from_slice(&bytes);
    }
    Digest::of(&all)
}
