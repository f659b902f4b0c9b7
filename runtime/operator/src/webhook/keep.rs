//! While the runtime runs: certificates are renewed, and definitions and configurations go on pointing at the webhook.

use std::sync::Arc;
use std::time::Duration;

use futures::AsyncBufReadExt as _;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{Asked, State, Writes, admission, secret};
use crate::api::{Api, read_as};
use crate::error::{ApiError, StartError};
use crate::identity::Identity;
use crate::instance::Converting;
use crate::standing::Standing;

const COLLECTION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// How often certificates are looked at: a follower serves what the leader has stored at most so much later, which is far less
/// than the time that a new CA stands in the bundle before anything under it is served.
const LOOK: Duration = Duration::from_secs(5);
/// The API server ends a watch after this time.
const WATCH_SECONDS: u32 = 290;
/// Bookmarks come about once a minute.
const SILENCE: Duration = Duration::from_secs(150);
/// After a watch that broke.
const PAUSE: Duration = Duration::from_millis(500);

/// Keeps certificates served, and the definitions as they have to be that convert at the moment. Never ends by itself.
pub(crate) async fn keep(state: Arc<State>, api: Api, standing: Arc<Standing>, mut asked: watch::Receiver<Asked>) {
    loop {
        let now = asked.borrow_and_update().clone();
        tokio::select! {
            () = keep_these(&state, &api, &standing, now) => {}
            changed = asked.changed() => if changed.is_err() { return },
        }
    }
}

async fn keep_these(state: &State, api: &Api, standing: &Standing, asked: Asked) {
    let definitions: Vec<String> = asked.converting.iter().map(Converting::name).collect();
    let watches = definitions.iter().map(|name| assert_again(state, api, standing, name));
    tokio::join!(renew(state, api, standing, &asked), join_all(watches));
}

async fn renew(state: &State, api: &Api, standing: &Standing, asked: &Asked) {
    let mut told = false;
    loop {
        match renewed(state, api, standing, asked).await {
            Ok(()) => told = false,
            Err(error) if !std::mem::replace(&mut told, true) => {
                tracing::warn!(reason = error.reason(), %error, "the webhook's certificates could not be looked at; trying again");
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn renewed(state: &State, api: &Api, standing: &Standing, asked: &Asked) -> Result<(), StartError> {
    let definitions: Vec<String> = asked.converting.iter().map(Converting::name).collect();
    let writes = match standing.may_write() {
        false => Writes::Nothing,
        // A new bundle raises a definition's generation, and spoils a migration that is running.
        true if migrating(api, &definitions).await? => Writes::SameBundle,
        true => Writes::All,
    };
    state.prepare(api, writes).await?;
    let Some(pointer) = state.pointer().filter(|_| writes == Writes::All) else { return Ok(()) };
    admission::put(state, api, asked).await?;
    let mut late = false;
    for name in definitions {
        let path = format!("{COLLECTION}/{name}");
        if let Some(answer) = api.get_optional(&Identity::Process, &path).await? {
            let live: Value = read_as(&answer.body, || format!("GET {path}"))?;
            late |= pointer.put(api, &live, &path).await?;
        }
    }
    // Nothing is served under a new authority before every definition has had it for a whole grace.
    if late { secret::begin_grace_again(state, api).await } else { Ok(()) }
}

/// Whether a migration of stored objects is running for one of the definitions.
async fn migrating(api: &Api, definitions: &[String]) -> Result<bool, ApiError> {
    let path = "/apis/storagemigration.k8s.io/v1/storageversionmigrations";
    let answer = match api.get(&Identity::Process, path).await {
        Ok(answer) => answer,
        // Not served, or not to be seen: then there is none that we know of.
        Err(error) if matches!(error.code(), Some(403 | 404)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let list: Value = read_as(&answer.body, || format!("GET {path}"))?;
    let items = list.get("items").and_then(Value::as_array);
    Ok(items.into_iter().flatten().any(|migration| {
        let text = |pointer: &str| migration.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}.{}", text("/spec/resource/resource"), text("/spec/resource/group"));
        let conditions = migration.pointer("/status/conditions").and_then(Value::as_array);
        let ended = conditions.into_iter().flatten().any(|condition| {
            matches!(condition["type"].as_str(), Some("Succeeded" | "Failed")) && condition["status"] == "True"
        });
        !ended && definitions.contains(&name)
    }))
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// Follows one definition, and writes again what somebody took out of it.
async fn assert_again(state: &State, api: &Api, standing: &Standing, name: &str) {
    let (mut broken, mut refused) = (false, false);
    loop {
        match follow(state, api, standing, name, &mut refused).await {
            Ok(()) => broken = false,
            Err(error) if !std::mem::replace(&mut broken, true) => {
                tracing::warn!(crd = %name, reason = error.reason(), %error, "definition not followed; trying again");
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(state: &State, api: &Api, standing: &Standing, name: &str, refused: &mut bool) -> Result<(), ApiError> {
    let path = format!(
        "{COLLECTION}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&fieldSelector=metadata.name%3D{name}"
    );
    let mut stream = api.open(&path).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = tokio::time::timeout(SILENCE, stream.read_until(b'\n', &mut line)).await;
        match read {
            Err(_) | Ok(Ok(0)) => return Ok(()),
            Ok(Err(error)) => {
                return Err(ApiError::Unreachable { what: format!("GET {path}"), message: error.to_string() });
            }
            Ok(Ok(_)) => {}
        }
        let event: Event = read_as(&line, || format!("GET {path}"))?;
        if !matches!(event.kind.as_str(), "ADDED" | "MODIFIED") {
            if event.kind == "ERROR" {
                return Ok(());
            }
            continue;
        }
        tell(name, &event.object, refused);
        let Some(pointer) = state.pointer().filter(|_| standing.may_write()) else { continue };
        // One that has a single version is still on its way to the others.
        if pointer.put(api, &event.object, &format!("{COLLECTION}/{name}")).await? {
            tracing::info!(crd = %name, "points at the webhook again");
        }
    }
}

/// Says once that the API server does not take the bundle.
fn tell(name: &str, live: &Value, refused: &mut bool) {
    let conditions = live.pointer("/status/conditions").and_then(Value::as_array);
    let invalid = conditions.into_iter().flatten().find(|condition| condition["reason"] == "InvalidCABundle");
    match invalid {
        Some(condition) if !*refused => {
            let message = condition["message"].as_str().unwrap_or_default();
            tracing::error!(crd = %name, reason = "InvalidCABundle", "the definition is not established: {message}");
        }
        _ => {}
    }
    *refused = invalid.is_some();
}
