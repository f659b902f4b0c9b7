//! The runtime: started with its instances, stopped within a bound.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::access::LONGEST_TIME;
use crate::api::Api;
use crate::backoff::Backoff;
use crate::cache::{Selector, Store};
use crate::controller::{Controller, EntryState, Shared};
use crate::definition;
use crate::discovery::{Resource, api_version};
use crate::error::StartError;
use crate::events::Events;
use crate::instance::Instance;
use crate::lock;
use crate::metrics;
use crate::reconcile::reconcile;
use crate::start::{Assembled, assemble, install};
use crate::view::{Seen, view};

/// How the runtime runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The namespace that is watched; empty: all of them.
    pub namespace: String,
    /// The runtime's own namespace, for its bookkeeping. It is made where it is missing.
    pub own_namespace: String,
    /// Whether the patterns' CustomResourceDefinitions are installed.
    pub install_crds: bool,
    /// The longest that any request may take.
    pub request_limit: Duration,
    /// The longest that [`Runtime::stop`] waits for what runs.
    pub stop_limit: Duration,
    /// Calls into the sandbox at the same time.
    pub concurrent_calls: usize,
    /// How long an answer of the API server lives on what an account may see; a minute at most.
    pub review_time: Duration,
    /// What no pattern may go beyond.
    pub ceilings: Ceilings,
    /// What was asked for and does not run, by name and reason: for the metrics.
    pub broken: Vec<(String, &'static str)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            own_namespace: "orkestra-system".to_owned(),
            install_crds: true,
            request_limit: Duration::from_secs(15),
            stop_limit: Duration::from_secs(20),
            concurrent_calls: 8,
            review_time: LONGEST_TIME,
            ceilings: Ceilings::default(),
            broken: Vec::new(),
        }
    }
}

/// What no pattern may go beyond.
#[derive(Debug, Clone)]
pub struct Ceilings {
    /// Concurrent reconciles of one entry.
    pub workers: u16,
    /// Children of one primary.
    pub children: usize,
    /// The shortest time that a plan may ask to be called again after.
    pub shortest_requeue: Duration,
    /// Writes a second of one instance, in the long run; zero: no limit.
    pub writes_per_second: u32,
    /// Writes of one instance at once, after a rest.
    pub write_burst: u32,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            workers: 16,
            children: 500,
            shortest_requeue: Duration::from_secs(1),
            writes_per_second: 20,
            write_burst: 1000,
        }
    }
}

/// The runtime at work. Dropping it ends everything at once; [`Runtime::stop`] lets what runs come to its end.
pub struct Runtime {
    handle: Handle,
    workers: Arc<Mutex<JoinSet<()>>>,
    background: JoinSet<()>,
    stop_limit: Duration,
}

/// What can be asked of a running runtime.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    entries: Arc<Vec<Arc<EntryState>>>,
    broken: Arc<Vec<(String, &'static str)>>,
}

impl Runtime {
    /// Installs definitions, writes the inventory, and starts to watch and reconcile.
    ///
    /// An instance whose definitions are refused does not run, and is tried again from time to time; the others run.
    ///
    /// # Errors
    ///
    /// Instances that cannot run together, an API server that does not answer, or why the first instance is refused
    /// where no instance is left to run.
    pub async fn start(client: kube::Client, options: Options, instances: Vec<Instance>) -> Result<Self, StartError> {
        let api = Api::new(client, options.request_limit);
        let (events, send_events) = Events::new(api.clone());
        let Assembled { shared, entries, refused } = assemble(api, events, &options, instances).await?;
        let mut background = JoinSet::new();
        background.spawn(send_events);
        let reviewed = shared.clone();
        background.spawn(async move { reviewed.reviews.keep().await });
        let workers = Arc::new(Mutex::new(JoinSet::new()));
        for state in &entries {
            let refused = refused.contains_key(&state.instance.name);
            background.spawn(bring_up(shared.clone(), state.clone(), refused, workers.clone()));
        }
        let handle = Handle { shared, entries: Arc::new(entries), broken: Arc::new(options.broken) };
        Ok(Self { handle, workers, background, stop_limit: options.stop_limit })
    }

    /// What can be asked while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Takes no new work, lets what runs come to its end, and ends. Says whether everything ended in time.
    pub async fn stop(mut self) -> bool {
        self.background.abort_all();
        for entry in self.handle.entries.iter() {
            entry.queue.close();
        }
        let mut workers = std::mem::take(&mut *lock::lock(&self.workers));
        let finished =
            tokio::time::timeout(self.stop_limit, async { while workers.join_next().await.is_some() {} }).await;
        finished.is_ok()
    }

    /// Runs until `until` ends, then stops. Says whether everything ended in time.
    pub async fn run_until(self, until: impl Future<Output = ()>) -> bool {
        until.await;
        tracing::info!("stopping");
        self.stop().await
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Who holds a handle may still ask for metrics; that must not keep watches open.
        self.handle.shared.cache.stop();
    }
}

impl Handle {
    /// Whether every entry is at work, and every watch has read its first list and is about a kind that is still served.
    pub fn is_ready(&self) -> bool {
        let up = |entry: &Arc<EntryState>| entry.up.load(Ordering::Relaxed);
        self.entries.iter().all(up) && self.stores().iter().all(|store| store.waits_for().is_none())
    }

    /// The stores that are waited for: not those of kinds that no pattern has any more and that the runtime may not list.
    fn stores(&self) -> Vec<Arc<Store>> {
        let mut stores = self.shared.cache.stores();
        let has = |store: &Store| self.entries.iter().any(|entry| entry.has(&store.resource.group_kind()));
        stores.retain(|store| !store.is_refused() || has(store));
        stores
    }

    /// What keeps it from being ready: one line for each entry that is not at work and each watch without its list.
    pub fn waits_for(&self) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| !entry.up.load(Ordering::Relaxed));
        let entries = entries.map(|entry| format!("{} waits: {}", entry.name, lock::lock(&entry.waits_for)));
        let stores = self.stores();
        let mut all: Vec<String> = entries.collect();
        all.extend(stores.iter().filter_map(|store| store.waits_for()).map(|what| format!("waits: {what}")));
        all
    }

    /// Every primary with its children, as the watches have seen them.
    pub fn seen(&self) -> Vec<Seen> {
        let stores = self.shared.cache.stores();
        let seen = self.entries.iter().flat_map(|state| {
            let primaries = self.shared.cache.whole(&state.entry.api.group, &state.entry.api.kind);
            primaries.map(|primaries| view(&primaries, &stores)).unwrap_or_default()
        });
        seen.collect()
    }

    /// The metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let rows = self.entries.iter().map(|entry| metrics::Row {
            controller: &entry.name,
            metrics: &entry.metrics,
            depth: entry.queue.depth(),
            adds: entry.queue.adds(),
            workers: entry.workers.into(),
        });
        let rows: Vec<_> = rows.collect();
        let stores = self.shared.cache.stores();
        let cached =
            stores.iter().map(|store| (format!("{}.{}", store.resource.plural, store.resource.group), store.len()));
        let cached: BTreeMap<String, usize> = cached.fold(BTreeMap::new(), |mut sums, (resource, count)| {
            *sums.entry(resource.trim_end_matches('.').to_owned()).or_default() += count;
            sums
        });
        let mut seen = HashSet::new();
        let patterns = self.entries.iter().filter(|entry| seen.insert(&entry.instance.name));
        let sandbox =
            patterns.filter_map(|entry| Some((entry.instance.name.as_str(), entry.instance.pattern.metrics()?)));
        metrics::text(&rows, &cached.into_iter().collect::<Vec<_>>(), &sandbox.collect::<Vec<_>>(), &self.broken)
    }
}

/// Tries until the definitions of a refused instance are taken: what stood against them may be put right meanwhile.
async fn install_later(shared: &Shared, state: &EntryState) {
    let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60));
    while let Err(error) = install(&shared.api, &state.instance).await {
        *lock::lock(&state.waits_for) = error.to_string();
        tokio::time::sleep(backoff.next()).await;
    }
    tracing::info!(controller = %state.name, "its definitions are no longer refused");
}

/// Starts the workers of one entry as soon as its primary's kind is served.
async fn bring_up(shared: Arc<Shared>, state: Arc<EntryState>, refused: bool, workers: Arc<Mutex<JoinSet<()>>>) {
    if refused {
        install_later(&shared, &state).await;
    }
    let resource = primary_resource(&shared, &state).await;
    let api = &state.entry.api;
    let status_schema = loop {
        match definition::status_schema(&shared.api, &api.group, &api.plural, &api.version).await {
            Ok(schema) => break schema,
            Err(error) => {
                tracing::warn!(controller = %state.name, reason = error.reason(), %error, "schema not read; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    };
    let primaries = shared.cache.store(&resource, Selector::All);
    *lock::lock(&state.waits_for) = "its watches have not read their first lists".to_owned();
    primaries.wait_synced().await;
    let controller = Arc::new(Controller::new(shared, state.clone(), primaries, status_schema));
    // Children are read before the first reconcile, so that it does not ask the API server for each of them.
    if let Err(error) = controller.child_stores().await {
        tracing::warn!(controller = %state.name, reason = error.reason(), %error, "children not read yet");
    }
    controller.wake_by_primaries();
    controller.wake_by_rights();
    {
        let mut workers = lock::lock(&workers);
        for _ in 0..state.workers {
            workers.spawn(work(controller.clone()));
        }
    }
    state.up.store(true, Ordering::Relaxed);
    tracing::info!(controller = %state.name, workers = state.workers, "reconciling");
}

async fn primary_resource(shared: &Shared, state: &EntryState) -> Arc<Resource> {
    let api = &state.entry.api;
    let api_version = api_version(&api.group, &api.version);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
    let mut told = false;
    loop {
        let problem = match shared.discovery.find(&api_version, &api.kind).await {
            Ok(Some(resource)) => return resource,
            Ok(None) => {
                shared.discovery.forget().await;
                format!("the API server serves no {} in {api_version}", api.kind)
            }
            Err(error) => error.to_string(),
        };
        lock::lock(&state.waits_for).clone_from(&problem);
        if !told {
            tracing::warn!(controller = %state.name, "waiting: {problem}");
            told = true;
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

async fn work(controller: Arc<Controller>) {
    while let Some(key) = controller.queue.take().await {
        let active = &controller.metrics.active;
        active.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let (next, outcome) = reconcile(&controller, &key).await;
        controller.metrics.count(outcome, start.elapsed());
        active.fetch_sub(1, Ordering::Relaxed);
        controller.queue.finish(&key, next);
    }
}
