//! One reconcile: observe, evaluate, apply, prune, update the status. Each step takes what the one before it gave, so
//! that no other order can be written.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::apply::{Applied as AppliedChild, Applier};
use crate::backoff::spread;
use crate::cache::Store;
use crate::conditions::{Problem, Summary};
use crate::conflict::Contested;
use crate::controller::{Controller, PrimaryMemory};
use crate::desired::{Desired, Parent};
use crate::error::{ApiError, Error};
use crate::instance::DeclaredChild;
use crate::metrics::Outcome;
use crate::object::{Object, ObjectKey};
use crate::plan::{self, Checked};
use crate::prune::{self, Wanted};
use crate::queue::Next;
use crate::readiness::{Readiness, readiness};
use crate::status_write;

/// How often a plan is made again because children are not any more what it was made from.
const ROUNDS: usize = 16;

/// The primary, with what is remembered of it.
pub(crate) struct Observed {
    pub(crate) primary: Arc<Object>,
    pub(crate) memory: PrimaryMemory,
}

/// A child as it is seen, with its id.
type ShownChild = (String, Arc<Object>);
/// The children that a plan is made from.
type Shown = Vec<ShownChild>;

/// A plan, or why there is none.
pub(crate) struct Evaluated {
    observed: Observed,
    shown: Shown,
    plan: Result<Checked, Error>,
}

/// What became of the plan's children.
pub(crate) struct Applied {
    observed: Observed,
    shown: Shown,
    plan: Checked,
    children: Vec<(String, Option<bool>, AppliedChild)>,
    wanted: Wanted,
    pub(crate) errors: Vec<Error>,
}

/// The same, with nothing left that the plan has dropped.
pub(crate) struct Pruned(Applied);

/// Everything that the status tells.
pub(crate) struct Finished {
    pub(crate) observed: Observed,
    pub(crate) plan: Checked,
    pub(crate) summary: Summary,
    pub(crate) errors: Vec<Error>,
}

/// Reconciles the primary of this name, and says what comes next.
pub(crate) async fn reconcile(controller: &Controller, key: &ObjectKey) -> (Next, Outcome) {
    let Some(observed) = observe(controller, key) else {
        controller.forget(key);
        return (Next::Forget, Outcome::Success);
    };
    let mut applied = apply(controller, evaluate(controller, observed).await).await;
    for _ in 1..ROUNDS {
        if !applied.outdated(controller).await {
            break;
        }
        applied = apply(controller, evaluate(controller, applied.observed).await).await;
    }
    let pruned = prune(controller, applied).await;
    update_status(controller, pruned).await
}

/// None: it is gone, or on its way. Its children go with it, by their owner references.
fn observe(controller: &Controller, key: &ObjectKey) -> Option<Observed> {
    let primary = controller.primaries.get(&controller.instance.identity, key)?;
    if primary.deleting {
        return None;
    }
    let memory = controller.recall(&primary);
    Some(Observed { primary, memory })
}

async fn evaluate(controller: &Controller, observed: Observed) -> Evaluated {
    match show(controller, &observed.primary).await {
        Ok(shown) => {
            let plan = try_evaluate(controller, &observed.primary, &shown).await;
            Evaluated { observed, shown, plan }
        }
        Err(error) => Evaluated { observed, shown: Shown::new(), plan: Err(error) },
    }
}

/// The store of a declared child. None: its kind is not served, which is told where the plan wants one; a plan that does
/// not need it is none the worse.
async fn store_of(controller: &Controller, declared: &DeclaredChild) -> Result<Option<Arc<Store>>, Error> {
    match controller.child_store(&declared.api_version, &declared.kind).await {
        Ok(store) => Ok(Some(store)),
        Err(Error::KindNotServed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The children as the cache has them now.
async fn show(controller: &Controller, primary: &Object) -> Result<Shown, Error> {
    let mut shown = Shown::new();
    for declared in &controller.entry.children {
        let Some(store) = store_of(controller, declared).await? else { continue };
        let identity = &controller.instance.identity;
        let own = store.controlled_by(identity, &primary.uid).into_iter();
        let own = own.filter(|child| child.managed && child.owner_uid.as_deref() == Some(&*primary.uid));
        let own = own.filter(|child| child.id.as_deref() == Some(&*declared.id));
        // Where a name has just changed there are two for a moment: the one that stays, the newer one, is shown.
        let newest = own.max_by_key(|child| (!child.deleting, child.resource_version.parse::<u128>().unwrap_or(0)));
        shown.extend(newest.map(|child| (declared.id.clone(), child)));
    }
    Ok(shown)
}

async fn try_evaluate(controller: &Controller, primary: &Arc<Object>, shown: &Shown) -> Result<Checked, Error> {
    let mut scopes = Vec::new();
    for declared in &controller.entry.children {
        let store = store_of(controller, declared).await?;
        scopes.extend(store.map(|store| (declared, store.resource.namespaced)));
    }
    let children: Vec<(String, String)> =
        shown.iter().map(|(id, child)| (id.clone(), child.json.to_string())).collect();
    let now = jiff::Timestamp::now().as_millisecond();
    let request = plan::request(primary, &children, &controller.instance.inputs, now);
    let (instance, entry) = (controller.instance.clone(), controller.entry.name.clone());
    let permit =
        controller.shared.calls.clone().acquire_owned().await.map_err(|error| Error::Lost(error.to_string()))?;
    // A call blocks its thread, for up to its time limit, so it must not be one that others wait on.
    let call = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        instance.pattern.reconcile(&entry, &request)
    });
    let plan = call.await.map_err(|error| Error::Lost(error.to_string()))??;
    let parent = Parent { instance: &controller.instance.name, entry: &controller.entry, primary };
    plan::check(plan, parent, controller.shared.ceilings.children, |api_version, kind| {
        let found = scopes.iter().find(|(declared, _)| declared.api_version == api_version && declared.kind == kind);
        let not_served = || Error::KindNotServed { api_version: api_version.to_owned(), kind: kind.to_owned() };
        found.map(|(_, namespaced)| *namespaced).ok_or_else(not_served)
    })
}

async fn apply(controller: &Controller, evaluated: Evaluated) -> Applied {
    let Evaluated { mut observed, shown, plan } = evaluated;
    let mut applied = Vec::new();
    let mut wanted = Wanted::default();
    let mut errors = Vec::new();
    let plan = plan.unwrap_or_else(|error| {
        errors.push(error);
        Checked { status: serde_json::json!({}), ..Checked::default() }
    });
    let idle = observed.primary.paused || !plan.denied.is_empty();
    let mut failed: HashSet<&str> = HashSet::new();
    for child in &plan.children {
        let Some(desired) = &child.desired else {
            wanted.pending.insert(child.id.clone());
            continue;
        };
        wanted.rendered.insert((desired.kind.clone(), desired.key.clone()));
        if idle {
            applied.extend(
                as_it_is(controller, &observed, desired).await.map(|found| (child.id.clone(), child.ready, found)),
            );
            continue;
        }
        if child.after.iter().any(|id| failed.contains(&**id)) {
            failed.insert(&child.id);
            continue;
        }
        match apply_child(controller, &mut observed, desired).await {
            Ok(result) => applied.push((child.id.clone(), child.ready, result)),
            Err(error) => {
                failed.insert(&child.id);
                errors.push(error);
            }
        }
    }
    Applied { observed, shown, plan, children: applied, wanted, errors }
}

async fn apply_child(
    controller: &Controller,
    observed: &mut Observed,
    desired: &Desired,
) -> Result<AppliedChild, Error> {
    let store: Arc<Store> = controller.child_store(&desired.api_version, &desired.kind).await?;
    let applier = Applier {
        api: &controller.shared.api,
        limit: &controller.limit,
        identity: &controller.instance.identity,
        manager: &controller.manager,
        owner: &observed.primary.uid,
    };
    let memory = observed.memory.children.entry((desired.kind.clone(), desired.key.clone())).or_default();
    let applied = applier.apply(&store, desired, memory).await?;
    if applied.wrote {
        tracing::info!(controller = %controller.name, primary = %observed.primary.key, kind = %desired.kind, name = %desired.key.name, "child applied");
    }
    if !applied.drift.is_empty() {
        let fields: Vec<String> = applied.drift.iter().map(Contested::to_string).collect();
        let message =
            format!("{} {:?} was edited and is put back: {}", desired.kind, &*desired.key.name, fields.join("; "));
        controller.shared.events.tell(&observed.primary, "Normal", "DriftRepaired", &message);
    }
    Ok(applied)
}

/// A child of a primary whose writes are stopped.
async fn as_it_is(controller: &Controller, observed: &Observed, desired: &Desired) -> Option<AppliedChild> {
    let store = controller.child_store(&desired.api_version, &desired.kind).await.ok()?;
    let object = store.get(&controller.instance.identity, &desired.key)?;
    let ours = object.controlled_by(&observed.primary.uid);
    ours.then(|| AppliedChild { object, wrote: false, drift: Vec::new(), conflicts: Vec::new() })
}

impl Applied {
    /// Whether a plan made now would be made from other children than this one. The watch does not tell of what was
    /// learned from the answers to our own writes, so a status that shows children would stay behind them.
    async fn outdated(&self, controller: &Controller) -> bool {
        if !self.errors.is_empty() {
            return false;
        }
        let Ok(now) = show(controller, &self.observed.primary).await else { return false };
        let same = |((id, child), (other_id, other)): (&ShownChild, &ShownChild)| {
            id == other_id && child.uid == other.uid && child.resource_version == other.resource_version
        };
        now.len() != self.shown.len() || !now.iter().zip(&self.shown).all(same)
    }
}

async fn prune(controller: &Controller, mut applied: Applied) -> Pruned {
    // While a child could not be applied it is not known what is safe to lose.
    let safe = applied.errors.is_empty() && applied.plan.denied.is_empty() && !applied.observed.primary.paused;
    if safe && let Err(error) = try_prune(controller, &applied).await {
        applied.errors.push(error);
    }
    if applied.errors.is_empty() {
        let rendered = &applied.wanted.rendered;
        applied.observed.memory.children.retain(|key, _| rendered.contains(key));
    }
    Pruned(applied)
}

async fn try_prune(controller: &Controller, applied: &Applied) -> Result<(), Error> {
    let identity = &controller.instance.identity;
    let owner = &applied.observed.primary.uid;
    for store in controller.child_stores().await? {
        for object in store.controlled_by(identity, owner) {
            if !prune::is_dropped(&controller.entry, &store.resource.kind, &object, owner, &applied.wanted) {
                continue;
            }
            let shared = &controller.shared;
            if prune::delete(&shared.api, &controller.limit, identity, &store, &object).await? {
                tracing::info!(controller = %controller.name, primary = %applied.observed.primary.key, kind = %store.resource.kind, name = %object.key.name, "child pruned");
            }
        }
    }
    Ok(())
}

async fn update_status(controller: &Controller, pruned: Pruned) -> (Next, Outcome) {
    let mut result = summarize(pruned.0);
    for error in &result.errors {
        controller.metrics.error(error.reason());
        tracing::warn!(controller = %controller.name, primary = %result.observed.primary.key, reason = error.reason(), %error, "reconcile failed");
    }
    if let Err(error) = status_write::write(controller, &mut result).await {
        controller.metrics.error(error.reason());
        tracing::warn!(controller = %controller.name, primary = %result.observed.primary.key, reason = error.reason(), %error, "status not written");
        result.errors.push(error.into());
    }
    let Finished { observed, plan, summary: _, errors } = result;
    controller.remember(&observed.primary.key, observed.memory);
    if !errors.is_empty() {
        let asked = errors.iter().filter_map(|error| match error {
            Error::Api(ApiError::Refused { refusal, .. }) => refusal.retry_after,
            _ => None,
        });
        return (Next::Retry { at_least: asked.max().unwrap_or_default() }, Outcome::Error);
    }
    // Shortened at random, so that objects that were made together are not looked at together for ever.
    let resync = spread(controller.entry.resync, 0.1);
    match plan.requeue_after.map(Duration::from_millis) {
        Some(asked) => {
            (Next::After(asked.max(controller.shared.ceilings.shortest_requeue).min(resync)), Outcome::RequeueAfter)
        }
        None => (Next::After(resync), Outcome::Success),
    }
}

fn summarize(applied: Applied) -> Finished {
    let Applied { observed, shown: _, plan, children, wanted: _, errors } = applied;
    let mut summary = Summary { paused: observed.primary.paused, extra: plan.conditions.clone(), ..Summary::default() };
    summary.problems.extend(errors.iter().map(|error| Problem {
        reason: error.reason().to_owned(),
        message: error.to_string(),
        transient: error.transient(),
    }));
    summary.problems.extend(plan.denied.iter().map(|message| Problem {
        reason: "Invalid".to_owned(),
        message: message.clone(),
        transient: false,
    }));
    for (id, ready, child) in children {
        let state = match ready {
            Some(true) => Readiness::Ready,
            Some(false) => Readiness::Progressing("its readyWhen does not hold yet".to_owned()),
            None => readiness(&child.object.tree()),
        };
        summary.children.push((id.clone(), state));
        summary.conflicts.extend(child.conflicts.into_iter().map(|contested| (id.clone(), contested)));
    }
    (summary.missing, summary.pending) = plan::not_there(&plan.children, &summary.children);
    Finished { observed, plan, summary, errors }
}
