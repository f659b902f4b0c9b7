//! Rewrites stored objects in their definition's storage version, so that the versions before it can be dropped.
//!
//! *Flow*: where the API server migrates by itself (`storagemigration.k8s.io`, on by default from Kubernetes 1.37 on) it is asked
//! to; elsewhere every object is patched with nothing, page by page, which stores it anew.
//! *Guarantees*: `status.storedVersions` is believed, or trimmed, only after a whole pass during which the definition did not
//! change. A process that is killed goes on where it was; a second run writes nothing new.
//! *Caveats*: an API server that was not told yet of a new storage version stores in the old one; with several of them, wait a
//! minute after a change of the definition.

mod error;
mod judge;
mod paged;
mod record;
mod server;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use error::MigrateError;
pub use judge::is_migrating;
pub(crate) use judge::{generation, is_migrated};
pub(crate) use record::NAME as RECORDS;

use crate::api::Api;
use crate::survey::{DEFINITIONS, Definition};
use judge::Target;

/// The longest that one request may take. A page of large objects takes its time.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// How to migrate.
#[derive(Debug, Clone)]
pub struct Migrate {
    /// Kinds, plurals or short names, perhaps with `.group`; empty: all that patterns define.
    pub kinds: Vec<String>,
    /// Where it is kept how far a migration in pages has come.
    pub own_namespace: String,
    /// In pages even where the API server would do it.
    pub paged: bool,
    /// Objects a second, in pages; zero: no limit.
    pub per_second: u32,
}

/// How the objects of one definition were rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// They had been, since the definition changed last.
    Already,
    /// By the API server.
    Server,
    /// In pages.
    Paged,
}

/// One definition whose objects are all in its storage version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// `plural.group`
    pub definition: String,
    /// Its kind.
    pub kind: String,
    /// Its storage version.
    pub version: String,
    /// The versions that `status.storedVersions` no longer has.
    pub dropped: Vec<String>,
    /// How.
    pub how: How,
    /// How many objects there were, where they were counted.
    pub objects: Option<u64>,
}

/// What there is to tell on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The API server works on it.
    Running {
        /// `plural.group`
        definition: &'a str,
        /// Since when.
        since: Duration,
    },
    /// It goes on where an earlier run has ended.
    Resumed {
        /// `plural.group`
        definition: &'a str,
        /// So many objects were rewritten then.
        objects: u64,
    },
    /// A page is done.
    Page {
        /// `plural.group`
        definition: &'a str,
        /// So many objects are rewritten.
        objects: u64,
        /// So many are left, as far as the API server says so.
        left: Option<u64>,
    },
}

/// Rewrites the objects of all definitions that are asked for, one definition after another, and gives those that are done. The
/// first one that is not ends it.
///
/// # Errors
///
/// A kind that is not there, an API server that refuses or fails, and objects that cannot be rewritten.
pub async fn migrate(
    client: kube::Client,
    how: &Migrate,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> (Vec<Migrated>, Result<(), MigrateError>) {
    let api = Api::new(client, REQUEST_LIMIT);
    let mut done = Vec::new();
    let names = match names(&api, &how.kinds).await {
        Ok(names) => names,
        Err(error) => return (done, Err(error)),
    };
    for name in names {
        match one(&api, &name, how, tell).await {
            Ok(migrated) => done.push(migrated),
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

/// The names of the definitions that are meant.
async fn names(api: &Api, kinds: &[String]) -> Result<Vec<String>, MigrateError> {
    #[derive(Deserialize)]
    struct Definitions {
        items: Vec<Definition>,
    }
    let all: Definitions = api.get_as(DEFINITIONS).await?;
    let patterns = || all.items.iter().filter(|definition| definition.is_patterns());
    if kinds.is_empty() {
        return Ok(patterns().map(Definition::name).collect());
    }
    let mut names = Vec::new();
    for kind in kinds {
        let called: Vec<_> = all.items.iter().filter(|definition| definition.is_called(kind)).collect();
        match called.as_slice() {
            [] => {
                let known = patterns().map(|definition| definition.kind().to_owned()).collect();
                return Err(MigrateError::UnknownKind { kind: kind.clone(), known });
            }
            [one] => names.push(one.name()),
            several => {
                let found = several.iter().map(|definition| definition.name()).collect();
                return Err(MigrateError::Ambiguous { kind: kind.clone(), found });
            }
        }
    }
    names.dedup();
    Ok(names)
}

async fn one(
    api: &Api,
    name: &str,
    how: &Migrate,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Migrated, MigrateError> {
    let definition = read(api, name).await?;
    let target = Target::of(&definition)?;
    let (way, objects) = match how.paged {
        true => paged::migrate(api, &target, how, tell).await?,
        false => match server::version(api).await? {
            Some(version) => server::migrate(api, &definition, &target, version, tell).await?,
            None => paged::migrate(api, &target, how, tell).await?,
        },
    };
    let mut dropped = target.stored.clone();
    dropped.retain(|version| *version != target.storage);
    Ok(Migrated { definition: target.name, kind: target.kind, version: target.storage, dropped, how: way, objects })
}

async fn read(api: &Api, name: &str) -> Result<Value, MigrateError> {
    Ok(api.get_as(&format!("{DEFINITIONS}/{name}")).await?)
}
