//! The removal itself.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::StreamExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::look::{Item, REQUEST_LIMIT, each, leader};
use super::{Definition, Removal, Step, Target, Uninstall, UninstallError};
use crate::api::{Api, Call, JSON, MERGE_PATCH, read_as};
use crate::discovery::Discovery;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::limit::RateLimit;
use crate::names;
use crate::survey::DEFINITIONS;

/// Resources a second.
const PER_SECOND: u32 = 100;
/// Resources at the same time.
const AT_ONCE: usize = 8;
/// For so long no resource may go before it is said that they do not.
const NONE_WENT: Duration = Duration::from_secs(120);
const EVERY: Duration = Duration::from_millis(500);

/// Removes what was looked at, and tells of each thing as soon as it is done.
///
/// # Errors
///
/// What the API server says, resources that do not go or have come meanwhile, and a runtime that leads when its own objects are to
/// go.
pub async fn carry_out(
    client: kube::Client,
    asked: &Uninstall,
    removal: &Removal,
    tell: &(dyn Fn(Step) + Sync),
) -> Result<(), UninstallError> {
    let api = Api::new(client, REQUEST_LIMIT);
    let admission = |target: &&Target| target.path.starts_with("/apis/admissionregistration.k8s.io/");
    // Without a runtime they would stand in the way of every write.
    if removal.leader.is_none() {
        remove_all(&api, removal.objects.iter().filter(admission), tell).await?;
    }
    for definition in &removal.definitions {
        resources(&api, definition, tell).await?;
    }
    let own = removal.objects.iter().any(|target| !admission(&target));
    if own && let Some(leader) = leader(&api, &asked.own_namespace).await? {
        return Err(UninstallError::RuntimeRuns { leader });
    }
    remove_all(&api, removal.objects.iter().filter(admission), tell).await?;
    for definition in &removal.definitions {
        if definition.resets_conversion && reset(&api, definition).await? {
            tell(Step::ConversionReset { definition: definition.name.clone() });
        }
    }
    for definition in removal.definitions.iter().filter(|definition| definition.goes) {
        if remove_definition(&api, definition).await? {
            tell(Step::DefinitionRemoved { definition: definition.name.clone() });
        }
    }
    if !own && !removal.inventory.is_empty() {
        forget(&api, asked, &removal.inventory).await?;
        tell(Step::Forgotten { entries: removal.inventory.clone() });
    }
    remove_all(&api, removal.objects.iter().filter(|target| !admission(target)), tell).await
}

async fn remove_all<'a>(
    api: &Api,
    targets: impl Iterator<Item = &'a Target>,
    tell: &(dyn Fn(Step) + Sync),
) -> Result<(), UninstallError> {
    for target in targets {
        if delete(api, &target.path, &target.uid).await? {
            tell(Step::Removed { what: target.what.clone() });
        }
    }
    Ok(())
}

/// Deletes exactly the object that was looked at; false: it is gone.
async fn delete(api: &Api, path: &str, uid: &str) -> Result<bool, ApiError> {
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": {"uid": uid},
    });
    match send(api, Method::DELETE, path, JSON, &options).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn send(
    api: &Api,
    method: Method,
    path: &str,
    content_type: &'static str,
    body: &Value,
) -> Result<Vec<u8>, ApiError> {
    let (identity, body) = (&Identity::Process, body.to_string().into_bytes());
    api.call(Call { identity, method, path, content_type, body }).await.map(|answer| answer.body)
}

/// Lets the resources of a definition go, or takes finalizers off those that stay.
async fn resources(api: &Api, definition: &Definition, tell: &(dyn Fn(Step) + Sync)) -> Result<(), UninstallError> {
    if !definition.releases && !definition.resources_go {
        return Ok(());
    }
    let mut all = Vec::new();
    each(api, &definition.collection, &mut |item| all.push(item)).await?;
    let limit = RateLimit::new(PER_SECOND, PER_SECOND);
    if definition.releases {
        let work = all.iter().map(|item| async {
            limit.acquire().await;
            release(api, &path_of(definition, item), item).await
        });
        let released = count(work).await?;
        if released > 0 {
            tell(Step::Released { kind: definition.kind.clone(), count: released });
        }
    }
    if definition.resources_go {
        let work = all.iter().map(|item| async {
            limit.acquire().await;
            delete(api, &path_of(definition, item), &item.metadata.uid).await
        });
        count(work).await?;
        until_gone(api, definition, tell).await?;
        let uids = all.iter().map(|item| item.metadata.uid.clone()).collect();
        until_childless(api, definition, &uids, tell).await?;
        tell(Step::Resources { kind: definition.kind.clone(), count: definition.resources });
    }
    Ok(())
}

/// How many of them did something.
async fn count<'a, F>(work: impl Iterator<Item = F> + 'a) -> Result<u64, ApiError>
where
    F: Future<Output = Result<bool, ApiError>> + 'a,
{
    let mut results = futures::stream::iter(work).buffer_unordered(AT_ONCE);
    let mut count = 0;
    while let Some(result) = results.next().await {
        count += u64::from(result?);
    }
    Ok(count)
}

fn path_of(definition: &Definition, item: &Item) -> String {
    let name = &item.metadata.name;
    match definition.collection.rsplit_once('/') {
        Some((group, plural)) if definition.namespaced => {
            format!("{group}/namespaces/{}/{plural}/{name}", item.metadata.namespace)
        }
        _ => format!("{}/{name}", definition.collection),
    }
}

/// Takes our finalizer off, from exactly the state that was read.
async fn release(api: &Api, path: &str, item: &Item) -> Result<bool, ApiError> {
    let mut item = item.clone();
    loop {
        let before = item.metadata.finalizers.len();
        item.metadata.finalizers.retain(|name| name != names::FINALIZER);
        if item.metadata.finalizers.len() == before {
            return Ok(false);
        }
        let body = json!({"metadata": {
            "uid": item.metadata.uid, "resourceVersion": item.metadata.resource_version, "finalizers": item.metadata.finalizers,
        }});
        let path_with = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
        match send(api, Method::PATCH, &path_with, MERGE_PATCH, &body).await {
            Ok(_) => return Ok(true),
            Err(error) if error.code() == Some(404) => return Ok(false),
            Err(error) if error.code() == Some(409) => {}
            Err(error) => return Err(error),
        }
        let Some(answer) = api.get_optional(&Identity::Process, path).await? else { return Ok(false) };
        item = read_as(&answer.body, || format!("GET {path}"))?;
    }
}

async fn until_gone(api: &Api, definition: &Definition, tell: &(dyn Fn(Step) + Sync)) -> Result<(), UninstallError> {
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let (mut left, mut one) = (0, None);
        each(api, &definition.collection, &mut |item| {
            left += 1;
            one.get_or_insert(item);
        })
        .await?;
        let Some(one) = one else { return Ok(()) };
        if left < least {
            (least, since) = (left, Instant::now());
            tell(Step::Waiting { what: definition.kind.clone(), left });
        } else if since.elapsed() > NONE_WENT {
            let Item { metadata } = one;
            let name = [metadata.namespace, metadata.name].join("/");
            let waits =
                format!("{} has the finalizers {}", name.trim_start_matches('/'), metadata.finalizers.join(", "));
            return Err(UninstallError::StillThere { kind: definition.kind.clone(), count: left, waits });
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The garbage collector finds the owners of children only while their kind is served: a definition that goes too early leaves
/// children behind for ever.
async fn until_childless(
    api: &Api,
    definition: &Definition,
    owners: &HashSet<String>,
    tell: &(dyn Fn(Step) + Sync),
) -> Result<(), UninstallError> {
    let discovery = Discovery::new(api.clone());
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let (mut left, mut one) = (0, None);
        for (api_version, kind) in &definition.children {
            let Some(resource) = discovery.find(api_version, kind).await? else { continue };
            let (label, instance) = (names::PATTERN, &definition.instance);
            let path = format!(
                "{}?labelSelector={},{label}%3D{instance}",
                resource.collection(""),
                names::CHILD_SELECTOR.replace('=', "%3D")
            );
            let mut visit = |item: Item| {
                // One that is retained has no owner.
                if item.metadata.owner_references.iter().any(|owner| owners.contains(&owner.uid)) {
                    left += 1;
                    one.get_or_insert_with(|| (kind.clone(), item));
                }
            };
            match each(api, &path, &mut visit).await {
                // Who may not look waits for nothing.
                Err(error) if error.code() == Some(403) => {}
                other => other?,
            }
        }
        let Some((kind, item)) = one else { return Ok(()) };
        if left < least {
            (least, since) = (left, Instant::now());
            tell(Step::Waiting { what: format!("children of {}", definition.kind), left });
        } else if since.elapsed() > NONE_WENT {
            let place = [item.metadata.namespace, item.metadata.name].join("/");
            let waits = format!(
                "{kind} {} has the finalizers {}",
                place.trim_start_matches('/'),
                item.metadata.finalizers.join(", ")
            );
            return Err(UninstallError::StillThere {
                kind: format!("children of {}", definition.kind),
                count: left,
                waits,
            });
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Lets the API server convert by itself. It was judged that this changes nothing of what is stored; where the definition is
/// another one by now, that is not known any more, and the look has to be taken again.
async fn reset(api: &Api, definition: &Definition) -> Result<bool, UninstallError> {
    let path = format!("{DEFINITIONS}/{}", definition.name);
    let Some(answer) = api.get_optional(&Identity::Process, &path).await? else { return Ok(false) };
    let live: Value = read_as(&answer.body, || format!("GET {path}"))?;
    if crate::migrate::generation(&live) != definition.generation {
        return Err(UninstallError::Changed { definition: definition.name.clone() });
    }
    let body = json!({
        "metadata": {"uid": definition.uid, "resourceVersion": live["metadata"]["resourceVersion"]},
        "spec": {"conversion": {"strategy": "None", "webhook": null}},
    });
    let path = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
    send(api, Method::PATCH, &path, MERGE_PATCH, &body).await?;
    Ok(true)
}

/// With a definition go all its resources, so it is looked once more whether there are none.
async fn remove_definition(api: &Api, definition: &Definition) -> Result<bool, UninstallError> {
    let mut empty = true;
    each(api, &definition.collection, &mut |_| empty = false).await?;
    if !empty {
        return Err(UninstallError::NotEmpty { definition: definition.name.clone() });
    }
    Ok(delete(api, &format!("{DEFINITIONS}/{}", definition.name), &definition.uid).await?)
}

/// Takes entries out of the inventory.
async fn forget(api: &Api, asked: &Uninstall, entries: &[String]) -> Result<(), ApiError> {
    let gone: Map<String, Value> = entries.iter().map(|entry| (entry.clone(), Value::Null)).collect();
    let inventory = crate::inventory::NAME;
    let path = format!(
        "/api/v1/namespaces/{}/configmaps/{inventory}?fieldManager={}",
        asked.own_namespace,
        names::RUNTIME_MANAGER
    );
    match send(api, Method::PATCH, &path, MERGE_PATCH, &json!({"data": gone})).await {
        Err(error) if error.code() != Some(404) => Err(error),
        _ => Ok(()),
    }
}
