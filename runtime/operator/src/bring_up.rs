//! One entry from its start to its end: its caches are read and kept warm, and while this process leads its workers run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::cache::Selector;
use crate::controller::{Controller, EntryState, Refused, Shared};
use crate::definition;
use crate::discovery::{Resource, api_version};
use crate::error::{ApiError, StartError};
use crate::inventory::Inventory;
use crate::lock;
use crate::reconcile::reconcile;
use crate::running::{Before, wait_for};
use crate::standing::Role;
use crate::start::{declared_kinds, install, inventory_key};

/// Works until it is told to stop and what runs has come to its end.
pub(crate) async fn bring_up(shared: Arc<Shared>, state: Arc<EntryState>, before: Vec<Before>) {
    let standing = shared.standing.clone();
    let controller = tokio::select! {
        () = state.to_stop(&standing) => return,
        controller = warm(shared, state.clone()) => controller,
    };
    tokio::select! {
        () = state.to_stop(&standing) => return,
        () = recorded(&controller.shared, &state) => state.recorded.store(true, Ordering::Relaxed),
    }
    let parts = 0..controller.shared.shards.count();
    join_all(parts.map(|part| work_on(controller.clone(), part, &before))).await;
}

/// Works on a part of the primaries whenever this process holds it.
async fn work_on(controller: Arc<Controller>, part: usize, before: &[Before]) {
    let (process, state) = (&controller.shared.standing, &controller.state);
    let standing = &controller.shared.shards.at(part).standing;
    loop {
        let term = tokio::select! {
            () = state.to_stop(process) => return,
            term = standing.to_lead() => term,
        };
        tokio::select! {
            () = state.to_stop(process) => return,
            () = standing.to_follow(term) => continue,
            () = accepted(&controller.shared, state) => state.up.store(true, Ordering::Relaxed),
        }
        tokio::select! {
            () = state.to_stop(process) => return,
            () = standing.to_follow(term) => continue,
            () = wait_for(before, state, part) => {}
        }
        if work_for(&controller, part, term).await == Ended::Stopped {
            return;
        }
    }
}

/// Waits until whoever leads has installed the definitions as this process has them, and has written the kinds down: where the work is
/// divided, one that does not lead works, too. Where it is not, whoever works has done so itself.
async fn recorded(shared: &Shared, state: &EntryState) {
    if shared.shards.count() == 1 {
        return;
    }
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    let mut told = false;
    loop {
        match try_recorded(shared, state).await {
            Ok(true) => return,
            Ok(false) => {}
            // Only the leader would have written.
            Err(StartError::Api(ApiError::NotLeading { .. })) => {}
            Err(error) if !told => {
                tracing::warn!(controller = %state.name, reason = error.reason(), %error, "not begun yet; trying again");
            }
            Err(_) => {}
        }
        if !std::mem::replace(&mut told, true) {
            tracing::info!(controller = %state.name, "waiting for the leader to write its definitions and kinds");
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

async fn try_recorded(shared: &Shared, state: &EntryState) -> Result<bool, StartError> {
    if shared.install_crds {
        install(&shared.api, &state.instance, shared.webhook.as_deref()).await?;
    }
    let inventory = Inventory::new(shared.api.clone(), shared.own_namespace.clone());
    let key = inventory_key(&state.instance.name, &state.entry.name);
    // Nothing is joined to what is stored.
    let stored = inventory.look(&BTreeMap::new()).await?.remove(&key).unwrap_or_default();
    let whole = declared_kinds(&state.entry).is_subset(&stored);
    if whole {
        *lock::lock(&state.kinds) = stored;
    }
    Ok(whole)
}

/// Reads all that a reconcile needs, and lets changes put keys in line. They wait there while another process leads, each at
/// most once.
async fn warm(shared: Arc<Shared>, state: Arc<EntryState>) -> Arc<Controller> {
    accepted(&shared, &state).await;
    let resource = primary_resource(&shared, &state).await;
    let status_schema = loop {
        match definition::status_schema(&shared.api, &state.entry).await {
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
    if controller.shared.standing.role() == Role::Following {
        warm_reads(&controller).await;
    }
    warm_hook(&controller).await;
    controller.wake_by_primaries();
    controller.wake_by_rights();
    state.up.store(true, Ordering::Relaxed);
    controller
}

/// Reads what the first reconciles after a change of leaders may want. Otherwise a kind is read when a plan wants it.
async fn warm_reads(controller: &Controller) {
    for read in &controller.entry.reads {
        let kind = (read.api_version.clone(), read.kind.clone());
        // What is not served is told by the reconcile that wants it.
        if let Err(error) = controller.reads.store(controller, &kind).await {
            tracing::debug!(controller = %controller.name, reason = error.reason(), %error, "reads not read yet");
        }
    }
}

/// Reads what the hook may ask for before its first call, whose time would end meanwhile.
async fn warm_hook(controller: &Controller) {
    for (api_version, kind) in controller.entry.hook.iter().flat_map(|hook| &hook.reads) {
        // What is not served, and what is not read in time, the hook is told when it asks.
        if let Err(error) = controller.synced_store(api_version, kind, Selector::All).await {
            tracing::warn!(controller = %controller.name, reason = error.reason(), %error, "not read for the hook yet");
        }
    }
}

/// Tries until the definitions of a refused instance are taken: what stood against them may be put right meanwhile.
async fn accepted(shared: &Shared, state: &EntryState) {
    if lock::lock(&state.refused).is_none() {
        return;
    }
    state.up.store(false, Ordering::Relaxed);
    let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60));
    while let Err(error) = install(&shared.api, &state.instance, shared.webhook.as_deref()).await {
        *lock::lock(&state.waits_for) = error.to_string();
        *lock::lock(&state.refused) = Some(Refused::from(&error));
        tokio::time::sleep(backoff.next()).await;
    }
    *lock::lock(&state.refused) = None;
    tracing::info!(controller = %state.name, "its definitions are no longer refused");
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

#[derive(PartialEq, Eq)]
enum Ended {
    /// The queue is closed, and everything has come to its end.
    Stopped,
    /// Another process may lead by now. What ran was dropped where it stood: none of its writes would be sent any more.
    Lost,
}

async fn work_for(controller: &Arc<Controller>, part: usize, term: u64) -> Ended {
    let mut workers = JoinSet::new();
    for _ in 0..controller.workers {
        workers.spawn(work(controller.clone(), part));
    }
    let shards = &controller.shared.shards;
    let shard = (shards.count() > 1).then_some(part);
    tracing::info!(controller = %controller.name, workers = controller.workers, shard, "reconciling");
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => return Ended::Stopped,
        () = shards.at(part).standing.to_follow(term) => {}
    }
    workers.shutdown().await;
    controller.queue.of(part).abandon();
    tracing::info!(controller = %controller.name, shard, "no longer reconciling");
    Ended::Lost
}

async fn work(controller: Arc<Controller>, part: usize) {
    let queue = controller.queue.of(part);
    while let Some(key) = queue.take().await {
        // There are as many workers as may work in each part. It is never closed.
        let _permit = controller.permits.acquire().await;
        let _active = Active::new(&controller.metrics.active);
        let start = Instant::now();
        let (next, outcome) = reconcile(&controller, part, &key).await;
        controller.metrics.count(outcome, start.elapsed());
        queue.finish(&key, next);
    }
}

/// Counts one reconcile that runs, until it ends or is dropped.
struct Active<'a>(&'a AtomicU64);

impl<'a> Active<'a> {
    fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
