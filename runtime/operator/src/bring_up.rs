//! One entry from its start to its end: its caches are read and kept warm, and while this process leads its workers run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::cache::Selector;
use crate::controller::{Controller, EntryState, Refused, Shared};
use crate::definition;
use crate::discovery::{Resource, api_version};
use crate::lock;
use crate::reconcile::reconcile;
use crate::standing::Role;
use crate::start::install;

/// Works until it is told to stop and what runs has come to its end.
pub(crate) async fn bring_up(shared: Arc<Shared>, state: Arc<EntryState>) {
    let standing = shared.standing.clone();
    let controller = tokio::select! {
        () = state.to_stop(&standing) => return,
        controller = warm(shared, state.clone()) => controller,
    };
    loop {
        let term = tokio::select! {
            () = state.to_stop(&standing) => return,
            term = standing.to_lead() => term,
        };
        tokio::select! {
            () = state.to_stop(&standing) => return,
            () = standing.to_follow(term) => continue,
            () = accepted(&controller.shared, &state) => state.up.store(true, Ordering::Relaxed),
        }
        if work_for(&controller, term).await == Ended::Stopped {
            return;
        }
    }
}

/// Reads all that a reconcile needs, and lets changes put keys in line. They wait there while another process leads, each at
/// most once.
async fn warm(shared: Arc<Shared>, state: Arc<EntryState>) -> Arc<Controller> {
    accepted(&shared, &state).await;
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
    while let Err(error) = install(&shared.api, &state.instance, shared.conversion.as_deref()).await {
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

async fn work_for(controller: &Arc<Controller>, term: u64) -> Ended {
    let mut workers = JoinSet::new();
    for _ in 0..controller.workers {
        workers.spawn(work(controller.clone()));
    }
    tracing::info!(controller = %controller.name, workers = controller.workers, "reconciling");
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => return Ended::Stopped,
        () = controller.shared.standing.to_follow(term) => {}
    }
    workers.shutdown().await;
    controller.metrics.active.store(0, Ordering::Relaxed);
    controller.queue.abandon();
    tracing::info!(controller = %controller.name, "no longer reconciling");
    Ended::Lost
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
