//! A Komposer that lies in the cluster: followed, and told what became of it.

mod status;

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use http::Method;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::{APPLY, Call};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::names;
use crate::page::gather;
use crate::run::Handle;

pub use status::{Outcome, Unmet};

/// The group of Komposers and their locks.
pub(crate) const GROUP: &str = "orkestra.orkspace.io";
const VERSION: &str = "v1";

/// How often it is looked whether the status is still so.
const LOOK: Duration = Duration::from_secs(2);
/// How long a write may take until the watch has it.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// A Komposer and its lock as the cluster has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    /// None: there is none of that name.
    pub komposer: Option<StoredKomposer>,
    /// The document `kind: KomposerLock` of the same name; none: there is none.
    pub lock: Option<Value>,
    /// Why one of them cannot be read at the moment; then both are as they were seen last.
    pub problem: Option<String>,
}

/// A Komposer as the cluster has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredKomposer {
    /// The document, without what an API server adds.
    pub document: Value,
    uid: String,
    generation: i64,
    status: Value,
}

impl StoredKomposer {
    /// Counts the changes of the document.
    pub fn generation(&self) -> i64 {
        self.generation
    }
}

/// Follows the Komposer and the lock of a name. The first value is there when both have been looked at; the task that is given along
/// never ends by itself.
pub fn follow(
    client: &kube::Client,
    name: &str,
) -> (watch::Receiver<Option<Stored>>, impl Future<Output = ()> + use<>) {
    let (sender, receiver) = watch::channel(None);
    let (komposer, lock) = (changes(client, "Komposer", name), changes(client, "KomposerLock", name));
    let task = async move {
        let (mut komposer, mut lock) = (pin!(komposer), pin!(lock));
        let (mut stored, mut seen) = (Stored::default(), [false; 2]);
        let mut problems: [Option<String>; 2] = [None, None];
        loop {
            tokio::select! {
                Some(change) = komposer.next() => {
                    seen[0] = true;
                    problems[0] = change.map(|object| stored.komposer = object.map(|object| of_object(&object))).err();
                }
                Some(change) = lock.next() => {
                    seen[1] = true;
                    problems[1] = change.map(|object| stored.lock = object.map(|object| document(&object))).err();
                }
                else => return,
            }
            stored.problem = problems.iter().flatten().next().cloned();
            if seen == [true; 2] {
                sender.send_if_modified(|known| {
                    let changed = known.as_ref() != Some(&stored);
                    known.replace(stored.clone());
                    changed
                });
            }
        }
    };
    (receiver, task)
}

/// One object, whenever it changes; an error as text whenever the watch breaks, which it then tries to mend.
fn changes(client: &kube::Client, kind: &str, name: &str) -> impl Stream<Item = Result<Option<Value>, String>> + use<> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind));
    let api: kube::Api<DynamicObject> = kube::Api::all_with(client.clone(), &resource);
    let kind = kind.to_owned();
    watch_object(api, name).default_backoff().map(move |change| match change {
        Ok(object) => Ok(object.and_then(|object| serde_json::to_value(object).ok())),
        Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404 => {
            Err(format!("the cluster has no definition of {kind}: apply what `ork generate definitions` prints"))
        }
        Err(error) => Err(format!("{kind}: {error}")),
    })
}

fn of_object(object: &Value) -> StoredKomposer {
    StoredKomposer {
        document: document(object),
        uid: object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default(),
        status: object.get("status").cloned().unwrap_or(Value::Null),
    }
}

/// What somebody wrote: without what the API server and those who apply add.
fn document(object: &Value) -> Value {
    let mut document = Map::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "status" => {}
            "metadata" => {
                document.insert(key.clone(), json!({"name": value.get("name").cloned().unwrap_or_default()}));
            }
            _ => {
                document.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(document)
}

/// Keeps the status of a Komposer for as long as the process lives: what became of it, and how its patterns are. Whoever leads writes
/// it, and only where it differs.
pub async fn report(
    handle: Handle,
    name: &str,
    mut stored: watch::Receiver<Option<Stored>>,
    mut outcome: watch::Receiver<Outcome>,
) {
    let mut written: Option<(Value, Instant)> = None;
    let mut broken = false;
    loop {
        let komposer = stored.borrow_and_update().as_ref().and_then(|stored| stored.komposer.clone());
        let said = outcome.borrow_and_update().clone();
        // Before anything became of it there is nothing to say.
        if let Some(komposer) = komposer.filter(|_| handle.is_leader() && said.generation > 0) {
            let status = status::status(&said, &gather(&handle).patterns, &komposer.status, jiff::Timestamp::now());
            let just = written.as_ref().is_some_and(|(last, at)| *last == status && at.elapsed() < SEEN_WITHIN);
            if status != komposer.status && !just {
                match write(&handle, name, &komposer.uid, &status).await {
                    Ok(()) => {
                        written = Some((status, Instant::now()));
                        broken = false;
                    }
                    // It was deleted meanwhile, or another process leads.
                    Err(error) if error.code() == Some(404) || matches!(error, ApiError::NotLeading { .. }) => {}
                    Err(error) => {
                        if !broken {
                            tracing::warn!(reason = error.reason(), %error, "the Komposer's status is not written; trying again");
                        }
                        broken = true;
                    }
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = outcome.changed() => if changed.is_err() { return },
        }
    }
}

async fn write(handle: &Handle, name: &str, uid: &str, status: &Value) -> Result<(), ApiError> {
    let body = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "Komposer",
        "metadata": {"name": name, "uid": uid},
        "status": status,
    });
    let path =
        format!("/apis/{GROUP}/{VERSION}/komposers/{name}/status?fieldManager={}&force=true", names::RUNTIME_MANAGER);
    let call = Call {
        identity: &Identity::Process,
        method: Method::PATCH,
        path: &path,
        content_type: APPLY,
        body: body.to_string().into_bytes(),
    };
    handle.fleet.shared.api.call(call).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_what_somebody_wrote() {
        let object = json!({
            "apiVersion": "orkestra.orkspace.io/v1", "kind": "Komposer",
            "metadata": {"name": "platform", "uid": "u", "generation": 3, "resourceVersion": "7", "managedFields": [],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "imports": {"registry": []}, "mistake": 1, "status": {"patterns": []},
        });
        let stored = of_object(&object);
        assert_eq!(
            stored.document,
            json!({"apiVersion": "orkestra.orkspace.io/v1", "kind": "Komposer", "metadata": {"name": "platform"},
                "imports": {"registry": []}, "mistake": 1})
        );
        assert_eq!((stored.generation(), stored.uid.as_str()), (3, "u"));
        assert_eq!(stored.status, json!({"patterns": []}));
    }
}
