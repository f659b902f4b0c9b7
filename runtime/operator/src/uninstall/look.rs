//! What there is of the runtime in a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::judge::{Fate, fate};
use super::{Definition, Removal, Target, Uninstall, UninstallError};
use crate::api::{Api, read_as};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::inventory::Kind;
use crate::survey::DEFINITIONS;
use crate::{inventory, lease, migrate, names, webhook};

/// The longest that one request may take.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at the Lease: a leader renews it more often, and who waits for the time at which it must is told nothing new.
const RENEWED_WITHIN: Duration = Duration::from_secs(4);
/// Objects of a page.
const PAGE: u32 = 500;
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// Part of an object.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    pub(crate) metadata: Metadata,
}

/// Part of its metadata.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    #[serde(default)]
    pub(crate) finalizers: Vec<String>,
    #[serde(default)]
    pub(crate) owner_references: Vec<Owner>,
}

/// Part of an owner reference.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Owner {
    pub(crate) uid: String,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMetadata,
    items: Vec<T>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// Says what there is and what would become of it. Only reads.
///
/// # Errors
///
/// What the API server says, and everything that stands against it.
pub async fn look(client: kube::Client, asked: &Uninstall) -> Result<Removal, UninstallError> {
    let api = Api::new(client, REQUEST_LIMIT);
    let own = &asked.own_namespace;
    let leader = leader(&api, own).await?;
    let mut removal = Removal { leader: leader.clone(), ..Removal::default() };
    let mut stored = stored_inventory(&api, own).await?;
    // Which definitions are this runtime's is told by its inventory: there may be another runtime in another namespace.
    let instances = asked.instances.clone().unwrap_or_else(|| stored.keys().map(|entry| instance_of(entry)).collect());
    let meant = |instance: &String| instances.contains(instance);
    let selector = format!("{DEFINITIONS}?labelSelector={}%3D{}", names::MANAGED_BY, names::MANAGED_BY_VALUE);
    let all: Page<Value> = api.get_as(&selector).await?;
    for definition in &all.items {
        let instance = label(definition, names::PATTERN);
        if meant(&instance) {
            let kinds = stored.iter().filter(|(entry, _)| instance_of(entry) == instance).flat_map(|(_, kinds)| kinds);
            let children = kinds.cloned().collect();
            let found = of_definition(&api, definition, instance, asked, leader.is_some()).await?;
            removal.definitions.push(Definition { children, ..found });
        }
    }
    removal.inventory = stored.extract_if(.., |entry, _| meant(&instance_of(entry))).map(|(entry, _)| entry).collect();
    // With the last instance the runtime's own objects go: nobody needs them any more.
    let last = stored.is_empty();
    for kind in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
        let selector = format!("{ADMISSION}/{kind}?labelSelector={}%3D{}", names::MANAGED_BY, names::MANAGED_BY_VALUE);
        let found: Page<Value> = api.get_as(&selector).await?;
        let name = webhook::configurations(own);
        let goes = |item: &&Value| {
            meant(&label(item, names::PATTERN))
                || (last && (item["metadata"]["name"] == *name || is_served_from(item, own)))
        };
        let ours = found.items.iter().filter(goes);
        removal.objects.extend(ours.map(|item| target(item, kind, &format!("{ADMISSION}/{kind}"))));
    }
    if last {
        removal.objects.extend(of_runtime(&api, own).await?);
    }
    match &removal.leader {
        // While resources go it has its work; afterwards it is looked for once more.
        Some(leader) if last && !removal.definitions.iter().any(|definition| definition.resources_go) => {
            Err(UninstallError::RuntimeRuns { leader: leader.clone() })
        }
        _ => Ok(removal),
    }
}

/// Whether a webhook configuration leads to a service in the runtime's own namespace.
fn is_served_from(configuration: &Value, own: &str) -> bool {
    let webhooks = configuration["webhooks"].as_array().map(Vec::as_slice).unwrap_or_default();
    webhooks
        .iter()
        .any(|webhook| webhook.pointer("/clientConfig/service/namespace").and_then(Value::as_str) == Some(own))
}

fn label(object: &Value, name: &str) -> String {
    let labels = object.pointer("/metadata/labels");
    labels.and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn target(object: &Value, kind: &str, collection: &str) -> Target {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    let name = text("name");
    Target { what: format!("{kind} {name}"), path: format!("{collection}/{name}"), uid: text("uid") }
}

/// The holder of the Lease, where it renews it.
pub(crate) async fn leader(api: &Api, own: &str) -> Result<Option<String>, ApiError> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{own}/leases/{}", lease::NAME);
    let look = async || -> Result<Option<(String, Value)>, ApiError> {
        let Some(answer) = api.get_optional(&Identity::Process, &path).await? else { return Ok(None) };
        let lease: Value = read_as(&answer.body, || format!("GET {path}"))?;
        Ok(lease::holder(&lease).map(|holder| (holder.to_owned(), lease["spec"].clone())))
    };
    let Some(first) = look().await? else { return Ok(None) };
    tokio::time::sleep(RENEWED_WITHIN).await;
    Ok(look().await?.filter(|second| *second != first).map(|(holder, _)| holder))
}

async fn of_definition(
    api: &Api,
    definition: &Value,
    instance: String,
    asked: &Uninstall,
    leads: bool,
) -> Result<Definition, UninstallError> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let served = || versions.iter().filter(|version| version["served"] == true);
    // In the version that is stored nothing has to be converted.
    let version = served().find(|version| version["storage"] == true).or(served().next());
    let version = version.and_then(|version| version["name"].as_str()).unwrap_or_default();
    let collection = format!("/apis/{}/{version}/{}", text("/spec/group"), text("/spec/names/plural"));
    let (mut resources, mut finalized) = (0, 0);
    each(api, &collection, &mut |item| {
        resources += 1;
        finalized += u64::from(item.metadata.finalizers.iter().any(|name| name == names::FINALIZER));
    })
    .await?;
    let Fate { goes, resources_go, releases, resets_conversion } =
        fate(definition, resources, finalized, asked, leads)?;
    Ok(Definition {
        name: text("/metadata/name"),
        kind: text("/spec/names/kind"),
        uid: text("/metadata/uid"),
        generation: migrate::generation(definition),
        namespaced: text("/spec/scope") == "Namespaced",
        instance,
        resources,
        finalized,
        goes,
        resources_go,
        releases,
        resets_conversion,
        collection,
        children: Vec::new(),
    })
}

/// Gives each object of a collection, in pages. A kind that is served no longer has none.
pub(crate) async fn each(api: &Api, collection: &str, visit: &mut (dyn FnMut(Item) + Send)) -> Result<(), ApiError> {
    let mut next = String::new();
    loop {
        let follow = if next.is_empty() { String::new() } else { format!("&continue={next}") };
        let begin = if collection.contains('?') { '&' } else { '?' };
        let path = format!("{collection}{begin}limit={PAGE}{follow}");
        let Some(answer) = api.get_optional(&Identity::Process, &path).await? else { return Ok(()) };
        let page: Page<Item> = read_as(&answer.body, || format!("GET {path}"))?;
        page.items.into_iter().for_each(&mut *visit);
        next = page.metadata.next;
        if next.is_empty() {
            return Ok(());
        }
    }
}

/// The inventory's entries, `instance.entry`, each with its kinds.
async fn stored_inventory(api: &Api, own: &str) -> Result<BTreeMap<String, BTreeSet<Kind>>, ApiError> {
    let path = format!("/api/v1/namespaces/{own}/configmaps/{}", crate::inventory::NAME);
    let Some(answer) = api.get_optional(&Identity::Process, &path).await? else { return Ok(BTreeMap::new()) };
    let map: Value = read_as(&answer.body, || format!("GET {path}"))?;
    let entries = map["data"].as_object().into_iter().flatten();
    Ok(entries.map(|(entry, text)| (entry.clone(), inventory::read(text.as_str().unwrap_or_default()))).collect())
}

fn instance_of(entry: &str) -> String {
    entry.split_once('.').map_or(entry, |(instance, _)| instance).to_owned()
}

/// What the runtime keeps for itself. The Lease is the last: while it is there, it can be seen whether somebody leads.
async fn of_runtime(api: &Api, own: &str) -> Result<Vec<Target>, ApiError> {
    let mut found = Vec::new();
    let core = format!("/api/v1/namespaces/{own}");
    let selector = format!("{core}/secrets?labelSelector={}%3D{}", names::MANAGED_BY, names::MANAGED_BY_VALUE);
    let secrets: Page<Value> = api.get_as(&selector).await?;
    // Nothing of a pattern is ever in this namespace, so these are the runtime's certificates.
    found.extend(secrets.items.iter().map(|item| target(item, "Secret", &format!("{core}/secrets"))));
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{own}/leases");
    for (kind, collection, name) in [
        ("ConfigMap", format!("{core}/configmaps"), crate::inventory::NAME),
        ("ConfigMap", format!("{core}/configmaps"), migrate::RECORDS),
        ("Lease", leases, lease::NAME),
    ] {
        let path = format!("{collection}/{name}");
        if let Some(answer) = api.get_optional(&Identity::Process, &path).await? {
            let object: Value = read_as(&answer.body, || format!("GET {path}"))?;
            found.push(target(&object, kind, &collection));
        }
    }
    Ok(found)
}
