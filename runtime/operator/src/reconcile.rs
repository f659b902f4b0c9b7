//! One reconcile: observe, evaluate, apply, prune, update the status. Each step takes what the one before it gave, so
//! that no other order can be written.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use orkestra_sandbox::{ChildRef, Failure};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::apply::{Applied as AppliedChild, Applier};
use crate::backoff::spread;
use crate::cache::Store;
use crate::claim::Claimant;
use crate::conditions::{Problem, Summary, UNSETTLED};
use crate::conflict::Contested;
use crate::controller::{Controller, PrimaryMemory};
use crate::deletion;
use crate::desired::Desired;
use crate::error::{ApiError, Error};
use crate::evaluate::{Shown, ShownChild, show, try_evaluate, versions};
use crate::finalizer;
use crate::metrics::Outcome;
use crate::object::{Object, ObjectKey};
use crate::plan::{self, Checked};
use crate::prune::{self, Propagation, Wanted};
use crate::queue::Next;
use crate::readiness;
use crate::status_write;
use crate::trace::{self, Writes};

/// How often a plan is made again because children are not any more what it was made from.
const ROUNDS: usize = 16;
/// The reason of a resource that its pattern refuses.
const INVALID: &str = "Invalid";

/// The primary, with what is remembered of it.
pub(crate) struct Observed {
    pub(crate) primary: Arc<Object>,
    pub(crate) memory: PrimaryMemory,
    /// What generated values of this reconcile are made from; none where none are generated.
    pub(crate) entropy: Option<[u8; 32]>,
}

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
    has_plan: bool,
    children: Vec<(ChildRef, Option<bool>, AppliedChild)>,
    wanted: Wanted,
    pub(crate) errors: Vec<Error>,
}

/// The same, with nothing left that the plan has dropped.
pub(crate) struct Pruned(Applied);

/// Everything that the status tells.
pub(crate) struct Finished {
    pub(crate) observed: Observed,
    pub(crate) plan: Checked,
    /// Without one nothing is known of the pattern's own status fields.
    pub(crate) has_plan: bool,
    pub(crate) summary: Summary,
    pub(crate) errors: Vec<Error>,
}

/// Reconciles the primary of this name where it is of this part, and says what comes next.
pub(crate) async fn reconcile(controller: &Controller, part: usize, key: &ObjectKey) -> (Next, Outcome) {
    let span = trace::reconcile(controller, key);
    let (next, outcome) = try_reconcile(controller, part, key).instrument(span.clone()).await;
    trace::ended(&span, outcome);
    (next, outcome)
}

async fn try_reconcile(controller: &Controller, part: usize, key: &ObjectKey) -> (Next, Outcome) {
    let Some(mut observed) = observe(controller, key) else {
        controller.forget(key);
        return (Next::Forget, Outcome::Success);
    };
    if !controller.is_of(part, &observed.primary) {
        // The one of this part is gone, and its name is another's, which waits in the queue of its own part.
        controller.remember(key, observed.memory);
        return (Next::Forget, Outcome::Success);
    }
    if let Some(left) = observed.memory.unrest.rests(&observed.primary, Instant::now()) {
        controller.remember(key, observed.memory);
        return (Next::After(left), Outcome::RequeueAfter);
    }
    if observed.primary.deleting || !controller.selects(&observed.primary) {
        return match deletion::end(controller, observed).await {
            Some(finished) => update_status(controller, finished).await,
            None => {
                controller.forget(key);
                (Next::Forget, Outcome::Success)
            }
        };
    }
    let mut applied = apply(controller, evaluate(controller, observed).await).await;
    for _ in 1..ROUNDS {
        if applied.observed.memory.unrest.found().is_some() || !applied.outdated(controller).await {
            break;
        }
        applied = apply(controller, evaluate(controller, applied.observed).await).await;
    }
    let pruned = prune(controller, applied).await;
    update_status(controller, summarize(pruned.0)).await
}

/// None: it is gone, or on its way with nothing to be done for it. Its children go with it, by their owner references.
fn observe(controller: &Controller, key: &ObjectKey) -> Option<Observed> {
    let primary = controller.primaries.get(&controller.instance.identity, key)?;
    if primary.deleting && !controller.holds(&primary) {
        return None;
    }
    let memory = controller.recall(&primary);
    let generates = controller.entry.children.iter().any(|child| child.once);
    Some(Observed { primary, memory, entropy: generates.then(draw).flatten() })
}

/// 32 bytes that nobody can guess; none where the system has none.
fn draw() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let drawn = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    (drawn == Ok(bytes.len())).then_some(bytes)
}

async fn evaluate(controller: &Controller, mut observed: Observed) -> Evaluated {
    match show(controller, &observed).await {
        Ok(shown) => {
            let plan = try_evaluate(controller, &observed.primary, &shown, observed.entropy.as_ref()).await;
            if let Ok(plan) = &plan {
                let Observed { primary, memory, entropy: _ } = &mut observed;
                memory.unrest.planned(primary, versions(&shown) ^ plan.given.digest, plan.digest, Instant::now());
            }
            Evaluated { observed, shown, plan }
        }
        Err(error) => Evaluated { observed, shown: Shown::new(), plan: Err(error) },
    }
}

async fn apply(controller: &Controller, evaluated: Evaluated) -> Applied {
    let Evaluated { mut observed, shown, plan } = evaluated;
    let mut applied = Vec::new();
    let mut wanted = Wanted::default();
    let mut errors = Vec::new();
    let has_plan = plan.is_ok();
    let mut plan = plan.unwrap_or_else(|error| {
        errors.push(error);
        Checked { status: serde_json::json!({}), ..Checked::default() }
    });
    errors.append(&mut plan.given.hidden);
    let idle = observed.primary.paused || !plan.denied.is_empty();
    if !idle && let Err(error) = finalizer::ensure(controller, &mut observed).await {
        errors.push(error);
        return Applied { observed, shown, plan, has_plan, children: applied, wanted, errors };
    }
    let mut failed: HashSet<&ChildRef> = HashSet::new();
    for planned in &plan.children {
        let child = &planned.child;
        let Some(desired) = &planned.desired else {
            wanted.pending.push(child.clone());
            continue;
        };
        wanted.rendered.insert(desired.kind_and_key());
        if idle {
            let found = as_it_is(controller, &observed, desired).await;
            applied.extend(found.map(|found| (child.clone(), planned.ready, found)));
            continue;
        }
        if planned.after.iter().any(|before| failed.iter().any(|failed| plan::means(before, failed))) {
            failed.insert(child);
            continue;
        }
        match apply_child(controller, &mut observed, desired).await {
            Ok(result) => applied.push((child.clone(), planned.ready, result)),
            Err(error) => {
                failed.insert(child);
                errors.push(error);
            }
        }
    }
    Applied { observed, shown, plan, has_plan, children: applied, wanted, errors }
}

/// Makes one child so, and tells of what a person should know.
pub(crate) async fn apply_child(
    controller: &Controller,
    observed: &mut Observed,
    desired: &Desired,
) -> Result<AppliedChild, Error> {
    let store: Arc<Store> = controller.child_store(&desired.api_version, &desired.kind).await?;
    let applier = Applier {
        api: controller.api_for(&observed.primary),
        limit: &controller.limit,
        identity: &controller.instance.identity,
        claimant: Claimant {
            owner: &observed.primary.uid,
            manager: controller.manager(),
            lives: &|uid| controller.primary_lives(uid),
        },
        writes: Writes::default(),
    };
    if desired.body.pointer("/metadata/ownerReferences").is_none() {
        controller.find_by_uid(&observed.primary);
    }
    let memory = observed.memory.children.entry(desired.kind_and_key()).or_default();
    let applied = applier.apply(&store, desired, memory).await;
    applier.writes.ended(&applied);
    let applied = applied?;
    if applied.wrote {
        let what = format!("{} {:?}", desired.kind, &*desired.key.name);
        observed.memory.unrest.wrote(&observed.primary, &what, Instant::now());
        tracing::info!(controller = %controller.name, primary = %observed.primary.key, kind = %desired.kind, name = %desired.key.name, "child applied");
    }
    let tell = |reason, message: String| controller.shared.events.tell(&observed.primary, "Normal", reason, &message);
    if applied.adopted {
        tell("Adopted", format!("{} {:?} was nobody's and is taken", desired.kind, &*desired.key.name));
    }
    if !applied.recreated.is_empty() {
        let fields = applied.recreated.join(", ");
        tell("Recreated", format!("{} {:?} was made anew to change {fields}", desired.kind, &*desired.key.name));
    }
    if !applied.drift.is_empty() {
        let fields: Vec<String> = applied.drift.iter().map(Contested::to_string).collect();
        let message =
            format!("{} {:?} was edited and is put back: {}", desired.kind, &*desired.key.name, fields.join("; "));
        tell("DriftRepaired", message);
    }
    Ok(applied)
}

/// A child of a primary whose writes are stopped.
async fn as_it_is(controller: &Controller, observed: &Observed, desired: &Desired) -> Option<AppliedChild> {
    let store = controller.child_store(&desired.api_version, &desired.kind).await.ok()?;
    let object = store.get(&controller.instance.identity, &desired.key)?;
    let ours = object.belongs_to(&observed.primary.uid, controller.manager());
    ours.then(|| AppliedChild::as_it_is(object, Vec::new()))
}

impl Applied {
    /// Whether a plan made now would be made from other children than this one. The watch does not tell of what was
    /// learned from the answers to our own writes, so a status that shows children would stay behind them.
    async fn outdated(&self, controller: &Controller) -> bool {
        if !self.errors.is_empty() {
            return false;
        }
        let Ok(now) = show(controller, &self.observed).await else { return false };
        let same = |((reference, child), (other_reference, other)): (&ShownChild, &ShownChild)| {
            reference == other_reference && child.uid == other.uid && child.resource_version == other.resource_version
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
    if safe
        && applied.errors.is_empty()
        && let Err(error) = finalizer::release_unneeded(controller, &mut applied.observed).await
    {
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
    let owner = (&*applied.observed.primary, controller.manager());
    for store in controller.child_stores().await? {
        let kind = store.resource.group_kind();
        for object in store.children_of(identity, &applied.observed.primary) {
            if !prune::is_dropped(&controller.entry, &kind, &object, owner, &applied.wanted) {
                continue;
            }
            let api = controller.api_for(&applied.observed.primary);
            let propagation = Propagation::Background;
            if prune::delete(api, &controller.limit, identity, &store, &object, propagation).await? {
                tracing::info!(controller = %controller.name, primary = %applied.observed.primary.key, kind = %store.resource.kind, name = %object.key.name, "child pruned");
            }
        }
    }
    Ok(())
}

async fn update_status(controller: &Controller, mut result: Finished) -> (Next, Outcome) {
    if let Some(why) = &result.summary.unsettled {
        controller.metrics.error(UNSETTLED);
        controller.recent.keep(&result.observed.primary.key, UNSETTLED, why);
        tracing::warn!(controller = %controller.name, primary = %result.observed.primary.key, reason = UNSETTLED, why, "left alone for a while");
    }
    controller.shared.events.tell_changes(&result.observed.primary, &result.summary);
    for error in &result.errors {
        controller.metrics.error(error.reason());
        controller.recent.keep(&result.observed.primary.key, error.reason(), &error.to_string());
        tracing::warn!(controller = %controller.name, primary = %result.observed.primary.key, reason = error.reason(), %error, "reconcile failed");
    }
    for message in &result.plan.denied {
        controller.recent.keep(&result.observed.primary.key, INVALID, message);
    }
    if let Err(error) = status_write::write(controller, &mut result).await {
        controller.metrics.error(error.reason());
        controller.recent.keep(&result.observed.primary.key, error.reason(), &error.to_string());
        tracing::warn!(controller = %controller.name, primary = %result.observed.primary.key, reason = error.reason(), %error, "status not written");
        result.errors.push(error.into());
    }
    let Finished { mut observed, plan, has_plan: _, summary: _, errors } = result;
    let rest = observed.memory.unrest.end(Instant::now());
    controller.remember(&observed.primary.key, observed.memory);
    let span = Span::current();
    if let Some(first) = errors.first().map(Error::reason).or(rest.map(|_| UNSETTLED)) {
        trace::problems(&span, errors.len().max(1), first, true);
    } else if !plan.denied.is_empty() {
        trace::problems(&span, plan.denied.len(), INVALID, false);
    }
    if let Some(rest) = rest {
        return (Next::After(rest), Outcome::Error);
    }
    if !errors.is_empty() {
        let asked = errors.iter().filter_map(|error| match error {
            Error::Api(ApiError::Refused { refusal, .. }) => refusal.retry_after,
            Error::Guest(Failure::HookFailed { retry_after, .. }) => *retry_after,
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
    let Applied { observed, shown: _, plan, has_plan, children, wanted: _, errors } = applied;
    let mut summary = Summary {
        paused: observed.primary.paused,
        extra: plan.conditions.clone(),
        unsettled: observed.memory.unrest.found().map(str::to_owned),
        ..Summary::default()
    };
    summary.problems.extend(errors.iter().map(|error| Problem {
        reason: error.reason().to_owned(),
        message: error.to_string(),
        transient: error.transient(),
    }));
    summary.problems.extend(plan.denied.iter().map(|message| Problem {
        reason: INVALID.to_owned(),
        message: message.clone(),
        transient: false,
    }));
    summary.problems.extend(plan.given.waiting.iter().cloned());
    let mut states = Vec::new();
    for (child, ready, applied) in children {
        let state = readiness::of_child(ready, &applied.object.tree());
        let conflicts = applied.conflicts.into_iter().map(|contested| (plan::shown(&child), contested));
        summary.conflicts.extend(conflicts);
        states.push((child, state));
    }
    (summary.missing, summary.pending) = plan::not_there(&plan.children, &states);
    summary.children = states.into_iter().map(|(child, state)| (plan::shown(&child), state)).collect();
    Finished { observed, plan, has_plan, summary, errors }
}
