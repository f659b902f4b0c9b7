//! The patterns of a Komposer's imports, each from where it is.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use orkestra_artifact::trust::TrustPolicy;
use orkestra_artifact::{Digest, Registry, Silent};
use orkestra_komposer::fetch::{Pin, Wanted, still_tagged};
use orkestra_komposer::lock::name_of;
use orkestra_komposer::{Fetched, Import, Komposer, Located, Lock, fetch};

use super::Store;
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::{PatternDir, shown};
use crate::rebuild::{self, Rebuilt};
use crate::transport;

/// A pattern that was had.
#[derive(Debug)]
pub(crate) enum Had {
    /// From a directory, with its path as the user sees it.
    Directory(Box<PatternDir>, String),
    /// From a registry or a layout.
    Artifact(Box<Fetched>),
}

impl Had {
    /// The artifact, where it is one.
    pub(crate) fn manifest(&self) -> Option<Digest> {
        match self {
            Self::Directory(..) => None,
            Self::Artifact(fetched) => Some(fetched.manifest),
        }
    }
}

/// Compiles what came from registries again. Per import: whether its component is its YAML, byte for byte; where another release of
/// `ork` built it, it is not, and what runs is this one's own build. A component that is something else breaks its import.
pub(crate) fn prove(gathered: &mut [Result<Had, Broken>]) -> Vec<bool> {
    let mut rebuilt = Vec::new();
    for found in gathered {
        let proof = match found {
            Ok(Had::Artifact(fetched)) => rebuild::compare(&fetched.config, &fetched.contents)
                .map(|proof| proof == Rebuilt::Same)
                .map_err(|error| (fetched.reference.repository.name().to_owned(), error)),
            _ => Ok(false),
        };
        rebuilt.push(*proof.as_ref().unwrap_or(&false));
        if let Err((name, error)) = proof {
            *found = Err(Broken { error: error.of_import(&name), name });
        }
    }
    rebuilt
}

/// An import that does not run, and why.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The instance, or what was asked for where even its name is not known.
    pub(crate) name: String,
    /// Why.
    pub(crate) error: Error,
}

impl Broken {
    /// The first one's error, to end with; the others are printed.
    pub(crate) fn first(all: Vec<Self>, output: &Output) -> Error {
        let mut all = all.into_iter().map(|broken| broken.error);
        let first = all.next().unwrap_or(Error::Silent);
        for other in all.filter(|error| error.message().is_some()) {
            output.problem(&escape(&other.chain()), other.hint().as_deref());
        }
        first
    }
}

/// How imports are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// What was locked before.
    pub(crate) lock: Option<&'a Lock>,
    /// The instances that are looked up anew whatever the lock says; none: those that the lock does not fit.
    pub(crate) anew: Anew<'a>,
    /// Whether a version below the locked one is meant.
    pub(crate) allow_downgrade: bool,
    /// Whether the tags of locked versions have to name what is locked still.
    pub(crate) check_tags: bool,
    /// What has to be fulfilled.
    pub(crate) trust: &'a [TrustPolicy],
}

/// Which instances move.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anew<'a> {
    /// Those that the lock has no answer for.
    Missing,
    /// Those of these names, and what is missing; without a name all.
    Named(&'a [String]),
}

impl Asking<'_> {
    fn pin(&self, import: &Import) -> Pin<'_> {
        let before = name_of(import).and_then(|name| self.lock?.get(name));
        let moves = match self.anew {
            Anew::Missing => false,
            Anew::Named([]) => true,
            Anew::Named(names) => name_of(import).is_some_and(|name| names.iter().any(|other| other == name)),
        };
        match self.lock.and_then(|lock| lock.fitting(import)?.artifact.as_ref()) {
            Some(locked) if !moves => Pin::Locked(locked),
            _ => Pin::Anew { before, allow_downgrade: self.allow_downgrade },
        }
    }
}

/// Fetches everything, several imports at once. What a store has is had in the order of the imports.
pub(crate) fn gather(
    komposer: &Komposer,
    base: &Path,
    store: &Store,
    asking: Asking,
) -> Result<Vec<Result<Had, Broken>>, Error> {
    transport::run(async {
        Ok(match store {
            Store::Cached(registry) => gather_from(komposer, base, &**registry, asking).await,
            Store::Remote(registry) => gather_from(komposer, base, &**registry, asking).await,
            Store::Vendored(layout) => gather_from(komposer, base, layout, asking).await,
        })
    })
}

async fn gather_from(
    komposer: &Komposer,
    base: &Path,
    registry: &impl Registry,
    asking: Asking<'_>,
) -> Vec<Result<Had, Broken>> {
    join_all(komposer.imports.iter().map(|import| one(import, base, registry, asking))).await
}

async fn one(import: &Import, base: &Path, registry: &impl Registry, asking: Asking<'_>) -> Result<Had, Broken> {
    match &import.located {
        Located::File { path } => {
            let dir = base.join(path);
            match PatternDir::read(&dir) {
                Ok(files) => Ok(Had::Directory(Box::new(files), shown(&dir))),
                Err(error) => Err(Broken { name: path.clone(), error }),
            }
        }
        Located::Registry { reference, version, .. } => {
            let pin = asking.pin(import);
            let wanted = Wanted { reference, range: version.as_ref(), pin, trust: asking.trust, now: now() };
            let fetched = async {
                if asking.check_tags
                    && let Some(locked) = asking.lock.and_then(|lock| lock.fitting(import))
                {
                    still_tagged(registry, reference, locked).await?;
                }
                fetch(registry, wanted, &Silent).await
            };
            fetched.await.map(|fetched| Had::Artifact(Box::new(fetched))).map_err(|source| {
                let name = name_of(import).unwrap_or_default().to_owned();
                let locked = matches!(pin, Pin::Locked(_));
                Broken { error: Error::Import { name: name.clone(), locked, source: Box::new(source) }, name }
            })
        }
    }
}

/// In seconds since 1970. Before that no signature was made, and an age is then too large rather than too small.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}
