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
    /// The API server gave up, and is asked again.
    Again {
        /// `plural.group`
        definition: &'a str,
        /// Its words.
        message: &'a str,
        /// When.
        after: Duration,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scripted::Scripted;

    fn definition(generation: i64, stored: &[&str], migrating: Value) -> Value {
        json!({
            "metadata": {"name": "webs.g", "uid": "u", "generation": generation, "resourceVersion": "9"},
            "spec": {"group": "g", "names": {"kind": "Web", "plural": "webs"}, "versions": [
                {"name": "v1", "served": true, "storage": false}, {"name": "v2", "served": true, "storage": true}]},
            "status": {"storedVersions": stored, "conditions": [{"type": "Established", "status": "True"}, migrating]},
        })
    }

    fn before() -> Value {
        definition(3, &["v1", "v2"], json!({"type": "None"}))
    }

    fn migrated(generation: i64) -> Value {
        let said = json!({"type": "StorageMigrating", "status": "False", "reason": "MigrationSucceeded", "observedGeneration": generation});
        definition(generation, &["v2"], said)
    }

    fn page(names: &[&str], next: &str) -> (u16, Value) {
        let item = |name: &&str| json!({"metadata": {"name": name, "namespace": "n", "uid": format!("u-{name}"), "resourceVersion": "1"}});
        (200, json!({"metadata": {"continue": next}, "items": names.iter().map(item).collect::<Vec<_>>()}))
    }

    fn fine() -> (u16, Value) {
        (200, json!({}))
    }

    fn none() -> (u16, Value) {
        (404, json!({}))
    }

    async fn in_pages(answers: Vec<(u16, Value)>) -> (Result<(How, Option<u64>), MigrateError>, Vec<(String, Value)>) {
        let server = Scripted::new(answers);
        let how = Migrate { kinds: Vec::new(), own_namespace: "own".to_owned(), paged: true, per_second: 0 };
        let target = Target::of(&before()).unwrap();
        let result = paged::migrate(&server.api(), &target, &how, &|_| ()).await;
        (result, server.asked())
    }

    #[tokio::test]
    async fn a_token_that_is_too_old_is_replaced_by_the_one_that_goes_on_there() {
        let too_old = (410, json!({"kind": "Status", "reason": "Expired", "metadata": {"continue": "t2"}}));
        let answers = vec![
            none(),
            page(&["a"], "t1"),
            fine(),
            fine(),
            too_old,
            page(&["b"], ""),
            fine(),
            (200, before()),
            fine(),
            fine(),
        ];
        let (result, asked) = in_pages(answers).await;
        assert_eq!(result.unwrap(), (How::Paged, Some(2)));
        let lines: Vec<_> = asked.iter().map(|(line, _)| line.as_str()).collect();
        assert!(lines[4].ends_with("&continue=t1") && lines[5].ends_with("&continue=t2"), "{lines:?}");
        // An object is patched with what it is known by, and nothing else.
        assert_eq!(asked[2].1, json!({"metadata": {"uid": "u-a", "resourceVersion": "1"}}));
        assert!(lines[8].starts_with("PATCH ") && lines[8].contains("/webs.g/status"), "{lines:?}");
        assert_eq!(
            asked[8].1,
            json!({"metadata": {"uid": "u", "resourceVersion": "9"}, "status": {"storedVersions": ["v2"]}})
        );
    }

    #[tokio::test]
    async fn what_somebody_else_wrote_or_deleted_is_done_and_what_is_refused_is_named() {
        let conflict = (409, json!({"reason": "Conflict"}));
        let answers = vec![none(), page(&["a", "b"], ""), conflict, none(), (200, before()), fine(), fine()];
        assert_eq!(in_pages(answers).await.0.unwrap(), (How::Paged, Some(2)));

        let refusal = (422, json!({"reason": "Invalid", "message": "spec.size: too large"}));
        let (result, asked) = in_pages(vec![none(), page(&["a", "b"], ""), refusal, fine(), fine()]).await;
        let error = result.unwrap_err();
        assert_eq!(error.reason(), "ObjectsRefused");
        assert!(error.to_string().contains("n/a: spec.size: too large"), "{error}");
        // The next run begins at the beginning, and the status says what it said.
        let (line, kept) = asked.last().unwrap();
        assert!(line.contains("/configmaps/orkestra-migrations"), "{line}");
        assert!(kept["data"]["webs.g"].as_str().unwrap().contains("\"continue\":\"\""), "{kept}");
    }

    #[tokio::test]
    async fn a_definition_that_changed_meanwhile_keeps_its_stored_versions() {
        let changed = definition(4, &["v1", "v2"], json!({}));
        let (result, asked) = in_pages(vec![none(), page(&["a"], ""), fine(), (200, changed)]).await;
        assert_eq!(result.unwrap_err().reason(), "DefinitionChanged");
        assert!(asked.iter().all(|(line, _)| !line.contains("/status")), "{asked:?}");
    }

    async fn by_server(definition: Value, answers: Vec<(u16, Value)>) -> (Result<How, MigrateError>, Vec<String>) {
        let server = Scripted::new(answers);
        let target = Target::of(&definition).unwrap();
        let result = server::migrate(&server.api(), &definition, &target, "v1", &|_| ()).await;
        let verbs = server.asked().into_iter().map(|(line, _)| line.split(' ').next().unwrap_or_default().to_owned());
        (result.map(|(how, _)| how), verbs.collect())
    }

    fn stage(kind: &str) -> (u16, Value) {
        (
            200,
            json!({"metadata": {"uid": "m"}, "status": {"conditions": [{"type": kind, "status": "True", "message": "why"}]}}),
        )
    }

    #[tokio::test]
    async fn the_api_server_is_believed_when_the_definition_says_the_same() {
        assert!(matches!(by_server(migrated(3), Vec::new()).await.0, Ok(How::Already)));
        // A migration that failed before is asked for anew.
        let answers = vec![stage("Failed"), fine(), fine(), stage("Succeeded"), (200, migrated(3)), fine()];
        let (result, verbs) = by_server(before(), answers).await;
        assert_eq!(result.unwrap(), How::Server);
        assert_eq!(verbs, ["GET", "DELETE", "POST", "GET", "GET", "DELETE"]);
        // One that runs is waited for.
        let answers = vec![stage("Running"), stage("Succeeded"), (200, migrated(3)), fine()];
        assert_eq!(by_server(before(), answers).await.1, ["GET", "GET", "GET", "DELETE"]);
    }

    #[tokio::test]
    async fn a_success_over_a_definition_that_changed_meanwhile_is_none() {
        let answers = vec![none(), fine(), stage("Succeeded"), (200, migrated(4))];
        assert_eq!(by_server(before(), answers).await.0.unwrap_err().reason(), "DefinitionChanged");
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_gives_up_is_asked_again_and_at_last_believed() {
        let again = || vec![stage("Failed"), (200, before()), fine(), fine()];
        let first = || vec![none(), fine()];
        let answers = [first(), again(), vec![stage("Succeeded"), (200, migrated(3)), fine()]].concat();
        let (result, verbs) = by_server(before(), answers).await;
        assert_eq!(result.unwrap(), How::Server);
        assert_eq!(verbs, ["GET", "POST", "GET", "GET", "DELETE", "POST", "GET", "GET", "DELETE"]);
        let answers = [first(), vec![stage("Failed"), (200, migrated(4))]].concat();
        assert_eq!(by_server(before(), answers).await.0.unwrap_err().reason(), "DefinitionChanged");
        let answers = [first(), again(), again(), again(), vec![stage("Failed")]].concat();
        let error = by_server(before(), answers).await.0.unwrap_err();
        assert_eq!(error.reason(), "MigrationFailed");
        assert!(error.to_string().contains("why") && error.mend().contains("do not believe"), "{error}");
    }
}
