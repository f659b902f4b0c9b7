//! The runtime: started with its instances, stopped within a bound.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::about::Broken;
use crate::access::LONGEST_TIME;
use crate::api::Api;
use crate::cache::Store;
use crate::controller::EntryState;
use crate::count::Agreement;
use crate::election::{Election, Elector};
use crate::error::StartError;
use crate::events::Events;
use crate::fleet::Fleet;
use crate::instance::Instance;
use crate::metrics;
use crate::rights::{NeededRight, Rights};
use crate::sharder::Sharder;
use crate::shards::Shards;
use crate::standing::{Role, Standing};
use crate::start::{Assembled, Assembling, Terms, assemble, check};
use crate::view::{Seen, view};
use crate::webhook::{self, Webhook};
use crate::{count, lease, lock};

/// How long the lease may take to be let go at the end.
const RELEASED_WITHIN: Duration = Duration::from_secs(3);

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
    /// How this process takes part in the election of the one that writes; none: it writes, whatever others do.
    pub election: Option<Election>,
    /// In how many parts the primaries are divided, each of which one process works on; one: whoever leads works on all. More than one
    /// takes an election.
    pub shards: NonZeroU16,
    /// The webhook, where a pattern has conversions, mutations or rules: served by this process before the runtime starts.
    pub webhook: Option<Webhook>,
    /// Whether instances come later, by [`Handle::put`]: it is not ready before [`Handle::set_composed`].
    pub composed_later: bool,
    /// What was asked for and does not run: to be shown and counted.
    pub broken: Vec<Broken>,
    /// What the runtime and its patterns must be allowed. It is asked for before anything is reconciled, and what is missing is told.
    pub rights: Vec<NeededRight>,
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
            election: None,
            shards: NonZeroU16::MIN,
            webhook: None,
            composed_later: false,
            broken: Vec::new(),
            rights: Vec::new(),
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
    background: JoinSet<()>,
    elector: JoinSet<()>,
    resign: Vec<oneshot::Sender<()>>,
    stop_limit: Duration,
}

/// What can be asked of a running runtime.
#[derive(Clone)]
pub struct Handle {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) broken: Arc<RwLock<Vec<Broken>>>,
    rights: Arc<Rights>,
    /// Whether what is to run has been said.
    composed: Arc<AtomicBool>,
}

impl Runtime {
    /// Installs definitions, writes the inventory, and starts to watch and reconcile. Where another process leads, it only
    /// watches, and does the rest as soon as it leads itself.
    ///
    /// An instance whose definitions are refused does not run, and is tried again from time to time; the others run.
    ///
    /// # Errors
    ///
    /// Instances that cannot run together, an API server that does not answer, or why the first instance is refused
    /// where no instance is left to run.
    pub async fn start(client: kube::Client, options: Options, instances: Vec<Instance>) -> Result<Self, StartError> {
        check(&instances, &options.namespace)?;
        let api = Api::new(client, options.request_limit);
        let (standing, elector) = elect(&api, &options).await?;
        // Whoever leads in another count than was in force prepares the term only when it has been agreed on.
        let agreed = elector
            .as_ref()
            .and_then(Elector::held)
            .is_none_or(|lease| count::in_force(count::said(lease), options.shards.get()));
        let unled = api.clone();
        // Without others there is nothing to ask before a write.
        let api = if elector.is_some() { api.led_by(standing.clone()) } else { api };
        // From here on the lease is renewed, however long the rest takes.
        let (mut tasks, mut resign) = (JoinSet::new(), Vec::new());
        if let Some(elector) = elector {
            let (sender, receiver) = oneshot::channel();
            tasks.spawn(elector.run(receiver));
            resign.push(sender);
        }
        let shards = Arc::new(match (options.shards.get(), &options.election) {
            (count @ 2.., Some(_)) => Shards::split(&unled, count),
            _ => Shards::whole(api.clone(), standing.clone()),
        });
        let rights = Arc::new(Rights::new(api.clone()));
        rights.look(options.rights.clone()).await;
        let (events, send_events) = Events::new(shards.clone());
        let term = standing.term();
        let webhook = options
            .webhook
            .clone()
            .map(|webhook| webhook::State::new(webhook, options.own_namespace.clone(), options.namespace.clone()))
            .map(Arc::new);
        let asked = webhook::Asked::of(&instances);
        let all = Assembling {
            api: api.clone(),
            events,
            standing: standing.clone(),
            shards: shards.clone(),
            webhook: webhook.clone(),
        };
        let assembled = assemble(all, &options, instances).await;
        let Assembled { shared, instances, refused: _ } = match assembled {
            Ok(assembled) => assembled,
            Err(error) => {
                let_go(tasks, resign).await;
                return Err(error);
            }
        };
        if agreed {
            standing.prepared(term);
        }
        let fleet = Arc::new(Fleet::new(shared.clone(), options.clone(), asked));
        let mut background = JoinSet::new();
        background.spawn(send_events);
        if let Some(webhook) = webhook {
            background.spawn(webhook::keep(webhook, api, standing, fleet.asked()));
        }
        let mut agreement = None;
        if let Some(election) = &options.election {
            let (count, own) = (options.shards.get(), options.own_namespace.clone());
            agreement = Some(Agreement::new(shared.api.clone(), own.clone(), election, count));
            if count > 1 {
                let known = fleet.clone();
                let can_work = move || known.entries().iter().any(|entry| entry.recorded.load(Ordering::Relaxed));
                let sharder = Sharder::new(unled, own, election.clone(), shards, Box::new(can_work));
                let (sender, receiver) = oneshot::channel();
                tasks.spawn(sharder.run(receiver));
                resign.push(sender);
            }
        }
        let looked = rights.clone();
        background.spawn(async move { looked.keep().await });
        background.spawn(async move { shared.reviews.keep().await });
        background.spawn(Terms { fleet: fleet.clone(), agreement }.prepare_each());
        for (instance, entries) in instances {
            fleet.begin(instance, entries);
        }
        let composed = Arc::new(AtomicBool::new(!options.composed_later));
        let handle = Handle { fleet, broken: Arc::new(RwLock::new(options.broken)), rights, composed };
        let stop_limit = options.stop_limit;
        Ok(Self { handle, background, elector: tasks, resign, stop_limit })
    }

    /// What can be asked while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Takes no new work, lets what runs come to its end, lets go of the lease, and ends. Says whether everything ended in time.
    pub async fn stop(mut self) -> bool {
        self.background.abort_all();
        let fleet = self.handle.fleet.clone();
        fleet.shared.standing.stop();
        let in_time = fleet.stop(self.stop_limit).await;
        let_go(std::mem::take(&mut self.elector), std::mem::take(&mut self.resign)).await;
        in_time
    }

    /// Runs until `until` ends, then stops. Says whether everything ended in time.
    pub async fn run_until(self, until: impl Future<Output = ()>) -> bool {
        until.await;
        tracing::info!("stopping");
        self.stop().await
    }
}

/// Tries once to be elected, where there is an election.
async fn elect(api: &Api, options: &Options) -> Result<(Arc<Standing>, Option<Elector>), StartError> {
    let Some(election) = &options.election else { return Ok((Arc::new(Standing::alone()), None)) };
    let standing = Arc::new(Standing::follower());
    let mut elector = Elector::new(api.clone(), &options.own_namespace, election.clone(), standing.clone());
    let lease = || format!("{}/{}", options.own_namespace, lease::NAME);
    elector.begin().await.map_err(|source| StartError::Lease { lease: lease(), source })?;
    Ok((standing, Some(elector)))
}

async fn let_go(mut electors: JoinSet<()>, resign: Vec<oneshot::Sender<()>>) {
    drop(resign);
    // What is not let go runs out by itself.
    let all = async { while electors.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(RELEASED_WITHIN, all).await;
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Who holds a handle may still ask for metrics; that must not keep watches open, nor let anybody work.
        self.handle.fleet.abort();
        self.handle.fleet.shared.cache.stop();
    }
}

impl Handle {
    /// Lets an instance work, instead of the one of its name if there is one. That one goes on until the definitions of the new one are
    /// taken, and comes to the end of what it does.
    ///
    /// # Errors
    ///
    /// Why the new one does not work: then nothing has changed.
    pub async fn put(&self, instance: Instance) -> Result<(), StartError> {
        self.fleet.put(instance).await
    }

    /// Ends an instance. Its resources, what was made for them and its definitions stay. Says whether there was one.
    pub async fn remove(&self, name: &str) -> bool {
        self.fleet.remove(name).await
    }

    /// Says what was asked for and does not run, instead of what was said before.
    pub fn set_broken(&self, broken: Vec<Broken>) {
        *lock::write(&self.broken) = broken;
    }

    /// Says that all instances that were to come later are there, or are known not to come.
    pub fn set_composed(&self) {
        self.composed.store(true, Ordering::Relaxed);
    }

    /// Asks for the rights that are needed now.
    pub async fn look_for_rights(&self, needed: Vec<NeededRight>) {
        self.rights.look(needed).await;
    }

    /// Whether this process leads and reconciles.
    pub fn is_leader(&self) -> bool {
        self.fleet.shared.standing.role() == Role::Leading && self.fleet.shared.standing.may_write()
    }

    /// In how many parts the primaries are divided, and the numbers of those that this process works on. Without a division it is one
    /// part, which the leader has.
    pub fn shards(&self) -> (usize, Vec<usize>) {
        let shards = &self.fleet.shared.shards;
        (shards.count(), shards.held())
    }

    /// The name of the process that leads, where it is another one and has been seen.
    pub fn leader(&self) -> Option<String> {
        self.fleet.shared.standing.leader()
    }

    /// Whether every entry is at work or ready to take over, and every watch has read its first list and is about a kind that
    /// is still served.
    pub fn is_ready(&self) -> bool {
        let up = |entry: &Arc<EntryState>| entry.up.load(Ordering::Relaxed);
        self.fleet.shared.standing.problem().is_none()
            && self.composed.load(Ordering::Relaxed)
            && self.fleet.shared.webhook.as_ref().is_none_or(|state| state.webhook.served.is_ready())
            && self.fleet.entries().iter().all(up)
            && self.stores().iter().all(|store| store.waits_for().is_none())
    }

    /// The stores that are waited for: not those of kinds that no pattern has any more and that the runtime may not list.
    pub(crate) fn stores(&self) -> Vec<Arc<Store>> {
        let mut stores = self.fleet.shared.cache.stores();
        let entries = self.fleet.entries();
        let has = |store: &Store| entries.iter().any(|entry| entry.has(&store.resource.group_kind()));
        stores.retain(|store| !store.is_refused() || has(store));
        stores
    }

    /// What keeps it from being ready: one line for each entry that is not at work and each watch without its list.
    pub fn waits_for(&self) -> Vec<String> {
        let entries = self.fleet.entries();
        let entries = entries.iter().filter(|entry| !entry.up.load(Ordering::Relaxed));
        let entries = entries.map(|entry| format!("{} waits: {}", entry.name, lock::lock(&entry.waits_for)));
        let stores = self.stores();
        let mut all: Vec<String> = entries.collect();
        all.extend(self.fleet.shared.standing.problem());
        if !self.composed.load(Ordering::Relaxed) {
            all.push("the patterns wait: their Komposer has not been carried out yet".to_owned());
        }
        if self.fleet.shared.webhook.as_ref().is_some_and(|state| !state.webhook.served.is_ready()) {
            all.push("the webhook waits: it has no certificate yet".to_owned());
        }
        all.extend(stores.iter().filter_map(|store| store.waits_for()).map(|what| format!("waits: {what}")));
        all
    }

    /// Every primary with its children, as the watches have seen them.
    pub fn seen(&self) -> Vec<Seen> {
        let stores = self.fleet.shared.cache.stores();
        let entries = self.fleet.entries();
        let seen = entries.iter().flat_map(|state| {
            let primaries = self.fleet.shared.cache.whole(&state.entry.api.group, &state.entry.api.kind);
            primaries.map(|primaries| view(&primaries, &stores)).unwrap_or_default()
        });
        seen.collect()
    }

    /// The metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let entries = self.fleet.entries();
        let (count, held) = self.shards();
        let rows = entries.iter().map(|entry| metrics::Row {
            controller: &entry.name,
            metrics: &entry.metrics,
            depth: entry.queue.depth(&held),
            adds: entry.queue.adds(),
            workers: entry.workers.into(),
        });
        let rows: Vec<_> = rows.collect();
        let stores = self.fleet.shared.cache.stores();
        let cached =
            stores.iter().map(|store| (format!("{}.{}", store.resource.plural, store.resource.group), store.len()));
        let cached: BTreeMap<String, usize> = cached.fold(BTreeMap::new(), |mut sums, (resource, count)| {
            *sums.entry(resource.trim_end_matches('.').to_owned()).or_default() += count;
            sums
        });
        let instances = self.fleet.instances();
        let sandbox = instances.iter().filter_map(|one| Some((one.name.as_str(), one.pattern.metrics()?)));
        let hooks = instances.iter().filter_map(|one| Some((one.name.as_str(), one.hook.as_ref()?.metrics())));
        let cached: Vec<_> = cached.into_iter().collect();
        let (sandbox, hooks): (Vec<_>, Vec<_>) = (sandbox.collect(), hooks.collect());
        let mut text = metrics::text(&rows, &cached, &sandbox, &hooks, &lock::read(&self.broken), self.is_leader());
        text.push_str(&metrics::shards(count, held.len()));
        text.push_str(&metrics::missing_rights(&self.rights.missing()));
        if let Some(state) = &self.fleet.shared.webhook {
            text.push_str(&state.webhook.served.metrics().snapshot().text());
        }
        text
    }
}
