//! The API server's own migration: asked for, watched, and believed only where the definition confirms it.

use std::time::{Duration, Instant};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::judge::{self, Stage, Target};
use super::{How, MigrateError, Progress, read};
use crate::api::{Api, Call, JSON, read_as};
use crate::identity::Identity;
use crate::names;

const GROUP: &str = "/apis/storagemigration.k8s.io";
/// Its controller looks at a new one at once.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(60);
/// The definition says so right after the migration does.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_millis(500);
/// Its controller fails for good where discovery, which follows a definition at some distance, does not know the resource yet.
/// That passes, so after these pauses it is asked again.
const AGAIN_AFTER: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];

/// The version in which the API server offers it, where it does. Those before `v1beta1` had another form.
pub(crate) async fn version(api: &Api) -> Result<Option<&'static str>, MigrateError> {
    #[derive(Deserialize)]
    struct Group {
        versions: Vec<Version>,
    }
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    let Some(answer) = api.get_optional(&Identity::Process, GROUP).await? else { return Ok(None) };
    let group: Group = read_as(&answer.body, || format!("GET {GROUP}"))?;
    let has = |wanted: &&&str| group.versions.iter().any(|served| served.version == ***wanted);
    Ok(["v1", "v1beta1"].iter().find(has).copied())
}

/// Asks for the migration and waits for its end.
pub(crate) async fn migrate(
    api: &Api,
    definition: &Value,
    target: &Target,
    version: &str,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(How, Option<u64>), MigrateError> {
    if judge::is_migrated(definition, &target.storage) {
        return Ok((How::Already, None));
    }
    let collection = format!("{GROUP}/{version}/storageversionmigrations");
    // The same name for the same state of the definition: a second run finds what the first one asked for.
    let name = format!("orkestra-{}-{}", target.name, target.generation);
    let path = format!("{collection}/{name}");
    let found = match api.get_optional(&Identity::Process, &path).await? {
        Some(answer) => Some(read_as::<Value>(&answer.body, || format!("GET {path}"))?),
        None => None,
    };
    // What has ended before was for a state of the objects that is not the present one.
    match found.as_ref().map(|found| (found, judge::stage(found))) {
        Some((_, Stage::Waiting | Stage::Running)) => {}
        Some((ended, Stage::Failed(_) | Stage::Succeeded)) => {
            delete(api, &path, ended).await?;
            create(api, &collection, &name, version, target).await?;
        }
        None => create(api, &collection, &name, version, target).await?,
    }
    let mut pauses = AGAIN_AFTER.into_iter();
    let migration = loop {
        let migration = ended(api, &path, &name, target, tell).await?;
        let Stage::Failed(message) = judge::stage(&migration) else { break migration };
        let Some(pause) = pauses.next() else {
            return Err(MigrateError::Failed { definition: target.name.clone(), message });
        };
        tell(Progress::Again { definition: &target.name, message: &message, after: pause });
        tokio::time::sleep(pause).await;
        target.unchanged(&read(api, &target.name).await?)?;
        delete(api, &path, &migration).await?;
        create(api, &collection, &name, version, target).await?;
    };
    let migrated = confirmed(api, target).await;
    // Whoever looks at the cluster finds what it says in the definition.
    if migrated.is_ok() {
        delete(api, &path, &migration).await?;
    }
    migrated.map(|()| (How::Server, None))
}

async fn create(api: &Api, collection: &str, name: &str, version: &str, target: &Target) -> Result<(), MigrateError> {
    let wanted = json!({
        "apiVersion": format!("storagemigration.k8s.io/{version}"), "kind": "StorageVersionMigration",
        "metadata": {"name": name, "labels": {names::MANAGED_BY: names::MANAGED_BY_VALUE}},
        "spec": {"resource": {"group": target.group, "resource": target.plural}},
    });
    let path = format!("{collection}?fieldManager={}", names::RUNTIME_MANAGER);
    match send(api, Method::POST, &path, &wanted).await {
        // Somebody asks for the same.
        Err(error) if error.code() == Some(409) => Ok(()),
        other => Ok(other?),
    }
}

async fn delete(api: &Api, path: &str, object: &Value) -> Result<(), MigrateError> {
    let options =
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": object["metadata"]["uid"]}});
    match send(api, Method::DELETE, path, &options).await {
        Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(()),
        other => Ok(other?),
    }
}

async fn send(api: &Api, method: Method, path: &str, body: &Value) -> Result<(), crate::error::ApiError> {
    let (identity, body) = (&Identity::Process, body.to_string().into_bytes());
    api.call(Call { identity, method, path, content_type: JSON, body }).await.map(|_| ())
}

/// Waits for the end of a migration, whichever it is.
async fn ended(
    api: &Api,
    path: &str,
    name: &str,
    target: &Target,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Value, MigrateError> {
    let (start, mut told) = (Instant::now(), Instant::now());
    let mut running = false;
    loop {
        let migration: Value = api.get_as(path).await?;
        match judge::stage(&migration) {
            Stage::Succeeded | Stage::Failed(_) => return Ok(migration),
            Stage::Running => running = true,
            Stage::Waiting if !running && start.elapsed() > TAKEN_UP_WITHIN => {
                return Err(MigrateError::NotTakenUp { name: name.to_owned() });
            }
            Stage::Waiting => {}
        }
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            tell(Progress::Running { definition: &target.name, since: start.elapsed() });
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Waits until the definition says the same, at the generation that it had at the start.
async fn confirmed(api: &Api, target: &Target) -> Result<(), MigrateError> {
    let start = Instant::now();
    loop {
        let now = read(api, &target.name).await?;
        target.unchanged(&now)?;
        if judge::is_migrated(&now, &target.storage) {
            return Ok(());
        }
        if start.elapsed() > CONFIRMED_WITHIN {
            let message = judge::described(&now);
            return Err(MigrateError::Unconfirmed { definition: target.name.clone(), message });
        }
        tokio::time::sleep(EVERY).await;
    }
}
