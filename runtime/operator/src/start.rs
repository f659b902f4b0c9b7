//! From descriptions of instances to entries that can be brought up: checked, defined, and written into the inventory.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::access::Reviews;
use crate::api::Api;
use crate::backoff::Backoff;
use crate::cache::Cache;
use crate::controller::{EntryState, Refused, Shared};
use crate::count::Agreement;
use crate::definition;
use crate::discovery::Discovery;
use crate::error::StartError;
use crate::events::Events;
use crate::fleet::Fleet;
use crate::identity::Identity;
use crate::instance::{Entry, Instance};
use crate::inventory::{Inventory, Kind};
use crate::limit::RateLimit;
use crate::lock;
use crate::metrics::ControllerMetrics;
use crate::names;
use crate::queues::Queues;
use crate::recent::Recent;
use crate::run::Options;
use crate::shards::Shards;
use crate::standing::Standing;
use crate::webhook;

/// Entries that nobody works on yet.
pub(crate) struct Assembled {
    pub(crate) shared: Arc<Shared>,
    /// All instances, each with its entries.
    pub(crate) instances: Vec<(Arc<Instance>, Vec<Arc<EntryState>>)>,
    /// Instances whose definitions are refused, by name.
    pub(crate) refused: BTreeMap<String, StartError>,
}

/// What all instances share from the start on.
pub(crate) struct Assembling {
    pub(crate) api: Api,
    pub(crate) events: Events,
    pub(crate) standing: Arc<Standing>,
    pub(crate) shards: Arc<Shards>,
    pub(crate) webhook: Option<Arc<webhook::State>>,
}

/// Installs the definitions of the instances and writes their kinds into the inventory, where this process leads. The instances
/// are checked already.
///
/// # Errors
///
/// Instances that cannot run together, an API server that does not answer, or why the first instance is refused where no
/// instance is left to run.
pub(crate) async fn assemble(
    all: Assembling,
    options: &Options,
    instances: Vec<Instance>,
) -> Result<Assembled, StartError> {
    let Assembling { api, events, standing, shards, webhook } = all;
    let instances: Vec<Arc<Instance>> = instances.into_iter().map(Arc::new).collect();
    let leads = standing.may_write();
    let mut refused = match options.install_crds && leads {
        true => install_all(&api, &instances, &options.own_namespace, webhook.as_deref()).await?,
        false => BTreeMap::new(),
    };
    if refused.len() == instances.len()
        && let Some(error) = instances.first().and_then(|first| refused.remove(&first.name))
    {
        return Err(error);
    }
    let inventory = Inventory::new(api.clone(), options.own_namespace.clone());
    let inventory = match leads {
        true => inventory.record(&declared(&instances)).await?,
        false => inventory.look(&declared(&instances)).await?,
    };
    let entries = instances.iter().flat_map(|instance| &instance.entries);
    let shared = Arc::new(Shared {
        primaries: entries.map(|entry| (entry.api.group.clone(), entry.api.kind.clone())).collect::<Vec<_>>().into(),
        reviews: reviews(&api, options, &instances),
        discovery: Discovery::new(api.clone()),
        cache: Cache::new(api.clone(), options.namespace.clone()),
        api,
        events,
        ceilings: options.ceilings.clone(),
        calls: Arc::new(Semaphore::new(options.concurrent_calls.max(1))),
        standing,
        shards,
        own_namespace: options.own_namespace.clone(),
        install_crds: options.install_crds,
        webhook,
    });
    let each = instances.into_iter().map(|instance| {
        let entries = entries_of(&instance, options, &inventory, refused.get(&instance.name));
        (instance, entries)
    });
    let instances = each.collect();
    Ok(Assembled { shared, instances, refused })
}

/// The entries of an instance, with the kinds that each ever rendered.
pub(crate) fn entries_of(
    instance: &Arc<Instance>,
    options: &Options,
    inventory: &BTreeMap<String, BTreeSet<Kind>>,
    refused: Option<&StartError>,
) -> Vec<Arc<EntryState>> {
    let ceilings = &options.ceilings;
    let limit = Arc::new(RateLimit::new(ceilings.writes_per_second, ceilings.write_burst));
    let state = |entry: &Entry| {
        let kinds = inventory.get(&inventory_key(&instance.name, &entry.name)).cloned().unwrap_or_default();
        let workers = entry.workers.clamp(1, ceilings.workers.max(1));
        Arc::new(EntryState {
            name: format!("{}/{}", instance.name, entry.name),
            manager: names::field_manager(&instance.name),
            instance: instance.clone(),
            entry: entry.clone(),
            queue: Queues::new(usize::from(options.shards.get())),
            metrics: ControllerMetrics::default(),
            recent: Recent::default(),
            limit: limit.clone(),
            workers,
            permits: Semaphore::new(workers.into()),
            recorded: false.into(),
            kinds: Mutex::new(kinds),
            refused: Mutex::new(refused.map(Refused::from)),
            up: false.into(),
            waits_for: Mutex::new("the start".to_owned()),
            waits_for_entry: Mutex::default(),
            dismissed: watch::Sender::new(false),
        })
    };
    instance.entries.iter().map(state).collect()
}

/// What the instances' accounts may see. The namespaces of the runtime and of the accounts are nobody's.
fn reviews(api: &Api, options: &Options, instances: &[Arc<Instance>]) -> Reviews {
    let accounts = instances.iter().filter_map(|instance| match &instance.identity {
        Identity::Process => None,
        Identity::ServiceAccount { namespace, name: _ } => Some(namespace.clone()),
    });
    let entries = instances.iter().flat_map(|instance| &instance.entries);
    let resync = entries.map(|entry| entry.resync).max().unwrap_or_default();
    let forbidden = accounts.chain([options.own_namespace.clone()]);
    Reviews::new(api.clone(), options.review_time, resync, forbidden)
}

/// Installs the definitions of all instances, and gives those that were refused, each with why.
async fn install_all(
    api: &Api,
    instances: &[Arc<Instance>],
    own_namespace: &str,
    webhook: Option<&webhook::State>,
) -> Result<BTreeMap<String, StartError>, StartError> {
    match webhook {
        // What converts is there before a definition points at it.
        Some(webhook) => webhook.prepare(api, webhook::Writes::All).await?,
        None => webhook::clear(api, own_namespace).await?,
    }
    let mut refused = BTreeMap::new();
    for instance in instances {
        match install(api, instance, webhook).await {
            Ok(()) => {}
            Err(error) if error.concerns_one() => {
                tracing::error!(instance = %instance.name, reason = error.reason(), %error, "not run; the others are");
                refused.insert(instance.name.clone(), error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// What is written at the beginning of each term after the first one.
pub(crate) struct Terms {
    pub(crate) fleet: Arc<Fleet>,
    /// How it is agreed in how many parts the primaries are worked on; none where there is no election.
    pub(crate) agreement: Option<Agreement>,
}

impl Terms {
    /// Installs the definitions and writes the inventory whenever this process has been elected, and then lets it reconcile.
    pub(crate) async fn prepare_each(mut self) {
        let standing = self.fleet.shared.standing.clone();
        loop {
            let term = standing.to_be_elected().await;
            tokio::select! {
                () = standing.to_follow(term) => continue,
                () = self.prepare() => standing.prepared(term),
            }
            standing.to_follow(term).await;
        }
    }

    async fn prepare(&mut self) {
        self.agree().await;
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        while let Err(error) = self.try_prepare().await {
            tracing::error!(reason = error.reason(), %error, "elected, and cannot begin; trying again");
            self.fleet.shared.standing.hindered(format!("this process leads and cannot begin: {error}"));
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Waits until the primaries are divided as this process divides them, or not at all where it does not.
    async fn agree(&mut self) {
        let Some(agreement) = &mut self.agreement else { return };
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        loop {
            match agreement.step().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(reason = error.reason(), %error, "elected, and the number of shards is not agreed on; trying again");
                    let what = "this process leads, and the number of shards is not agreed on";
                    self.fleet.shared.standing.hindered(format!("{what}: {error}"));
                }
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    async fn try_prepare(&self) -> Result<(), StartError> {
        let _alone = self.fleet.changing.lock().await;
        let Fleet { shared, options, .. } = &*self.fleet;
        let instances = self.fleet.instances();
        let refused = match options.install_crds {
            true => install_all(&shared.api, &instances, &options.own_namespace, shared.webhook.as_deref()).await?,
            false => BTreeMap::new(),
        };
        // Written by whoever led before, perhaps in another version.
        let inventory = Inventory::new(shared.api.clone(), options.own_namespace.clone());
        let all = inventory.record(&declared(&instances)).await?;
        for entry in self.fleet.entries() {
            *lock::lock(&entry.refused) = refused.get(&entry.instance.name).map(Refused::from);
            if let Some(kinds) = all.get(&inventory_key(&entry.instance.name, &entry.entry.name)) {
                lock::lock(&entry.kinds).clone_from(kinds);
            }
        }
        Ok(())
    }
}

/// The kinds that each entry declares.
pub(crate) fn declared(instances: &[Arc<Instance>]) -> BTreeMap<String, BTreeSet<Kind>> {
    let declared = instances.iter().flat_map(|instance| {
        instance.entries.iter().map(|entry| (inventory_key(&instance.name, &entry.name), declared_kinds(entry)))
    });
    declared.collect()
}

/// Installs the definitions of one instance.
pub(crate) async fn install(
    api: &Api,
    instance: &Instance,
    webhook: Option<&webhook::State>,
) -> Result<(), StartError> {
    if let Some(admitting) = instance.admits.first().filter(|_| webhook.is_none()) {
        return Err(StartError::NoWebhook { name: format!("{}.{}", admitting.plural, admitting.group) });
    }
    for crd in &instance.crds {
        let name = crd.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let pointer = match instance.converts.iter().any(|converting| converting.name() == name) {
            true => Some(
                webhook
                    .and_then(webhook::State::pointer)
                    .ok_or_else(|| StartError::NoWebhook { name: name.to_owned() })?,
            ),
            false => None,
        };
        definition::install(api, &instance.name, crd, pointer.as_ref()).await?;
    }
    Ok(())
}

/// Under what the inventory has an entry's kinds.
pub(crate) fn inventory_key(instance: &str, entry: &str) -> String {
    format!("{instance}.{entry}")
}

/// The kinds that an entry declares.
pub(crate) fn declared_kinds(entry: &Entry) -> BTreeSet<Kind> {
    entry.children.iter().map(|child| (child.api_version.clone(), child.kind.clone())).collect()
}

/// The first child or read of an entry that may lie outside of the namespace of its resource.
fn elsewhere(entry: &Entry) -> Option<&str> {
    let children = entry.children.iter().filter(|child| child.elsewhere).map(|child| &child.id);
    let reads = entry.reads.iter().filter(|read| read.elsewhere).map(|read| &read.id);
    children.chain(reads).map(String::as_str).next()
}

/// Whether the instances can run together.
pub(crate) fn check<'a>(instances: impl IntoIterator<Item = &'a Instance>, watched: &str) -> Result<(), StartError> {
    let mut names = HashSet::new();
    for instance in instances {
        let invalid = |message: String| StartError::Invalid { instance: instance.name.clone(), message };
        let label = |text: &str| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !text.is_empty()
                && text.len() <= 63
                && text.chars().all(inner)
                && !text.starts_with('-')
                && !text.ends_with('-')
        };
        if !label(&instance.name) {
            return Err(invalid(
                "the name is no DNS label (lower-case letters, digits and '-', at most 63)".to_owned(),
            ));
        }
        if names::field_manager(&instance.name).len() > names::MAX_MANAGER {
            return Err(invalid("the name is too long for a field manager".to_owned()));
        }
        if !names.insert(&instance.name) {
            return Err(invalid("two instances have this name; give one of them another".to_owned()));
        }
        let mut entries = HashSet::new();
        for entry in &instance.entries {
            if !entries.insert(&entry.name) {
                return Err(invalid(format!("two entries have the name {:?}", entry.name)));
            }
            if let (Some(id), false) = (elsewhere(entry), watched.is_empty()) {
                return Err(invalid(format!(
                    "entry {:?}: {id:?} lies outside of the namespace {watched:?}, which is all that is watched; watch all namespaces",
                    entry.name
                )));
            }
            let mut ids = HashSet::new();
            if let Some(child) = entry.children.iter().find(|child| !ids.insert(&child.id)) {
                return Err(invalid(format!("entry {:?}: two children have the id {:?}", entry.name, child.id)));
            }
        }
    }
    Ok(())
}
