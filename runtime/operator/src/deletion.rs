//! The end of a primary that carries our finalizer: first the children of `onDelete`, each waited for, then the work of its hook, then
//! all other children in the opposite order of their making, each group gone before the next, and the finalizer last.
//!
//! A primary whose labels no longer fit its entry is left in the same way, and is there afterwards.
//!
//! How far it is can be seen in the cluster alone, so a restart goes on where it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Store;
use crate::conditions::{Problem, Summary};
use crate::controller::Controller;
use crate::desired;
use crate::error::{ApiError, Error};
use crate::evaluate::{permitted, show, try_evaluate};
use crate::finalizer;
use crate::hook;
use crate::instance::{ChildPolicy, Entry};
use crate::object::Object;
use crate::plan::{self, Checked, Planned};
use crate::prune::{self, Propagation};
use crate::readiness::{Readiness, completion};
use crate::reconcile::{Finished, Observed, apply_child};
use crate::status_write;

/// How often a plan is made again because its children have come to be.
const ROUNDS: usize = 16;
/// Objects that a message names.
const NAMED: usize = 5;

/// What a deletion waits for, in words.
type Waits = Vec<String>;

/// Does what can be done now for a primary that goes, or that is left. None: nothing is left to do.
pub(crate) async fn end(controller: &Controller, mut observed: Observed) -> Option<Finished> {
    let paused = observed.primary.paused;
    let leaves = !observed.primary.deleting;
    let as_it_is = observed.primary.clone();
    let outcome = match begins(controller, &observed, leaves).await {
        Ok(false) => return None,
        Ok(true) if paused && (leaves || finalizer::is_needed(&controller.entry)) => {
            Ok(Left::of(vec!["writes are paused".to_owned()]))
        }
        Ok(true) => {
            if leaves {
                // For the pattern it is one that goes.
                observed.primary = Arc::new(observed.primary.as_deleting());
            }
            go_on(controller, &mut observed, leaves).await
        }
        Err(error) => Err(error),
    };
    if leaves && observed.primary.deleting {
        observed.primary = as_it_is;
    }
    let mut summary = Summary { paused, ..Summary::default() };
    let mut errors = Vec::new();
    let mut again = None;
    match outcome {
        Ok(left) if left.waits.is_empty() => return None,
        Ok(left) => {
            summary.deleting = Some(left.waits.join("; "));
            again = left.again;
        }
        Err(error) => {
            summary.problems.push(Problem {
                reason: error.reason().to_owned(),
                message: error.to_string(),
                transient: error.transient(),
            });
            errors.push(error);
        }
    }
    Some(Finished {
        observed,
        plan: Checked {
            status: serde_json::json!({}),
            requeue_after: again.map(|again| u64::try_from(again.as_millis()).unwrap_or(u64::MAX)),
            ..Checked::default()
        },
        has_plan: false,
        summary,
        errors,
    })
}

/// Whether there is anything to do: one that is not selected may never have been.
async fn begins(controller: &Controller, observed: &Observed, leaves: bool) -> Result<bool, Error> {
    let primary = &observed.primary;
    Ok(!leaves
        || controller.holds(primary)
        || status_write::has_written(controller, primary)
        || !those_that_go(controller, observed, leaves).await?.is_empty())
}

/// What is left to do.
#[derive(Default)]
struct Left {
    waits: Waits,
    /// When to look again, where nothing in the cluster tells.
    again: Option<Duration>,
}

impl Left {
    fn of(waits: Waits) -> Self {
        Self { waits, again: None }
    }
}

async fn go_on(controller: &Controller, observed: &mut Observed, leaves: bool) -> Result<Left, Error> {
    let entry = &controller.entry;
    // `kubectl delete --cascade=orphan`: what it lets go of is nobody's child when it is done, and stays.
    if finalizer::is_orphaning(&observed.primary) {
        return Ok(Left::of(vec!["the garbage collector has not let go of the children yet".to_owned()]));
    }
    // Where nothing is done, nothing is undone, and the primary goes all the same.
    let ordered = leaves || finalizer::is_needed(entry);
    if ordered && entry.running.namespace(&observed.primary.key.namespace).is_ok() {
        let makes = entry.children.iter().any(|child| child.policy == ChildPolicy::Delete);
        let finalizes = entry.hook.as_ref().is_some_and(|hook| hook.finalize);
        // Without the finalizer there was nothing yet that has an end.
        let held = controller.holds(&observed.primary);
        if (makes || finalizes) && held && !controller.has_ended(&observed.primary) {
            let waits = if makes { on_delete(controller, observed).await? } else { Waits::new() };
            if !waits.is_empty() {
                return Ok(Left::of(waits));
            }
            if let Some((message, again)) = finalize(controller, observed).await? {
                return Ok(Left { waits: vec![message], again: Some(again) });
            }
            finalizer::note_on_delete_done(controller, observed).await?;
        }
        let waits = remove_children(controller, observed, leaves).await?;
        if !waits.is_empty() {
            return Ok(Left::of(waits));
        }
    }
    if !leaves {
        finalizer::release(controller, &observed.primary, false).await?;
        tracing::info!(controller = %controller.name, primary = %observed.primary.key, "deleted in order");
        return Ok(Left::default());
    }
    if controller.carries_any(&observed.primary) {
        observed.primary = finalizer::release(controller, &observed.primary, true).await?;
    }
    status_write::withdraw(controller, &observed.primary).await?;
    tracing::info!(controller = %controller.name, primary = %observed.primary.key, "no longer selected, and left");
    Ok(Left::default())
}

/// What the entry's hook waits for, and for how long.
async fn finalize(controller: &Controller, observed: &Observed) -> Result<Option<(String, Duration)>, Error> {
    let shown = show(controller, observed).await?;
    let (shown, mut hidden) = permitted(controller, &shown).await?;
    // Work that cannot be made up for is not done from half a view.
    if let Some(error) = hidden.pop() {
        return Err(error);
    }
    let children: Vec<_> = shown.iter().map(|(child, object)| (child.clone(), object.json.to_string())).collect();
    hook::finalize(controller, &observed.primary, &children).await
}

/// Makes the children of `onDelete` and says which of them have not come to their end.
async fn on_delete(controller: &Controller, observed: &mut Observed) -> Result<Waits, Error> {
    for _ in 0..ROUNDS {
        let shown = show(controller, observed).await?;
        let mut plan = try_evaluate(controller, &observed.primary, &shown, observed.entropy.as_ref()).await?;
        // Work that cannot be made up for is not done from half a view.
        if let Some(error) = plan.given.hidden.pop() {
            return Err(error);
        }
        let mut waits = Waits::new();
        let mut wrote = false;
        for planned in &plan.children {
            let step = one_on_delete(controller, observed, planned, &shown).await?;
            wrote |= step.wrote;
            waits.extend(step.waits);
        }
        if !waits.is_empty() {
            waits.extend(plan.given.waiting.iter().map(|problem| problem.message.clone()));
        }
        // What was made may be what another one waits for, and whether it is ready is not known before it is seen.
        if !wrote {
            return Ok(waits);
        }
    }
    Ok(vec!["the children of onDelete change faster than they can be applied".to_owned()])
}

#[derive(Default)]
struct Step {
    wrote: bool,
    waits: Option<String>,
}

async fn one_on_delete(
    controller: &Controller,
    observed: &mut Observed,
    planned: &Planned,
    shown: &[(orkestra_sandbox::ChildRef, Arc<Object>)],
) -> Result<Step, Error> {
    let name = plan::shown(&planned.child);
    let Some(desired) = &planned.desired else {
        let lacks = planned.after.iter().filter(|other| !shown.iter().any(|(child, _)| plan::means(other, child)));
        let lacks: Vec<_> = lacks.collect();
        // Only the children of onDelete are made from now on: what is missing of the others stays missing.
        let never = lacks.iter().find(|other| {
            desired::declaration(&controller.entry, &other.id).is_ok_and(|child| child.policy != ChildPolicy::Delete)
        });
        if let Some(never) = never {
            let message = format!("{name} is left out: it needs {}, which does not exist", plan::shown(never));
            controller.shared.events.tell(&observed.primary, "Warning", "OnDeleteSkipped", &message);
            return Ok(Step::default());
        }
        let others: Vec<String> = lacks.into_iter().map(plan::shown).collect();
        let others = if others.is_empty() { "what it reads".to_owned() } else { others.join(" and ") };
        return Ok(Step { wrote: false, waits: Some(format!("{name}: waits for {others}")) });
    };
    let applied = match apply_child(controller, observed, desired).await {
        Ok(applied) => applied,
        Err(Error::Api(error)) if namespace_ends(&error) => {
            let message =
                format!("{name} is left out: its namespace is being deleted, and nothing can be created there");
            controller.shared.events.tell(&observed.primary, "Warning", "OnDeleteSkipped", &message);
            return Ok(Step::default());
        }
        Err(error) => return Err(error),
    };
    if applied.wrote {
        let message = format!("{} {:?} was made; the deletion waits for it", desired.kind, &*desired.key.name);
        controller.shared.events.tell(&observed.primary, "Normal", "OnDelete", &message);
    }
    let state = match planned.ready {
        Some(true) => Readiness::Ready,
        Some(false) => Readiness::Progressing("its readyWhen does not hold yet".to_owned()),
        None => completion(&applied.object.tree()),
    };
    let waits = match state {
        Readiness::Ready => None,
        Readiness::Progressing(why) => Some(format!("{name}: {why}")),
        Readiness::Failed(message) => {
            return Err(Error::OnDeleteFailed {
                kind: desired.kind.clone(),
                name: desired.key.name.to_string(),
                message,
            });
        }
    };
    Ok(Step { wrote: applied.wrote, waits })
}

/// Whether the API server refuses because the namespace is on its way out.
fn namespace_ends(error: &ApiError) -> bool {
    let ApiError::Refused { refusal, .. } = error else { return false };
    refusal.code == 403 && refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// The children that go before the primary does, or that go because it is left.
async fn those_that_go(
    controller: &Controller,
    observed: &Observed,
    leaves: bool,
) -> Result<Vec<(Arc<Store>, Arc<Object>)>, Error> {
    let identity = &controller.instance.identity;
    let mut there = Vec::new();
    for store in controller.child_stores().await? {
        let own = store.children_of(identity, &observed.primary).into_iter();
        let own = own.filter(|child| child.goes_with(&observed.primary, controller.manager()));
        there.extend(own.filter(|child| goes(&controller.entry, child, leaves)).map(|child| (store.clone(), child)));
    }
    Ok(there)
}

/// Deletes the children that no other one needs any more, and says which are still there.
async fn remove_children(controller: &Controller, observed: &Observed, leaves: bool) -> Result<Waits, Error> {
    let identity = &controller.instance.identity;
    let there = those_that_go(controller, observed, leaves).await?;
    let needs = needs(&controller.entry);
    let ids: HashSet<&str> = there.iter().filter_map(|(_, child)| child.id.as_deref()).collect();
    let is_needed = |id: &str| ids.iter().any(|other| needs.get(other).is_some_and(|needs| needs.contains(id)));
    let mut waits = Waits::new();
    for (store, child) in &there {
        let id = child.id.as_deref().unwrap_or_default();
        if !child.deleting && !is_needed(id) {
            // What others wait for is gone only when its own dependents are: a Deployment with its pods.
            let awaited = needs.get(id).is_some_and(|needs| !needs.is_empty());
            let propagation = if awaited { Propagation::Foreground } else { Propagation::Background };
            let api = controller.api_for(&observed.primary);
            if prune::delete(api, &controller.limit, identity, store, child, propagation).await? {
                tracing::info!(controller = %controller.name, primary = %observed.primary.key, kind = %store.resource.kind, name = %child.key.name, "child deleted");
            }
        }
        waits.push(format!("{} {:?}", store.resource.kind, &*child.key.name));
    }
    waits.sort();
    if waits.len() > NAMED {
        let more = waits.len() - NAMED;
        waits.truncate(NAMED);
        waits.push(format!("{more} more"));
    }
    Ok(match waits.is_empty() {
        true => waits,
        false => vec![format!("waits until these are gone: {}", waits.join(", "))],
    })
}

/// Whether a child goes before the primary does. The garbage collector takes those of `onDelete`, where the primary goes.
fn goes(entry: &Entry, child: &Object, leaves: bool) -> bool {
    let declared = entry.children.iter().find(|declared| Some(&*declared.id) == child.id.as_deref());
    declared.is_none_or(|declared| (leaves || declared.policy != ChildPolicy::Delete) && !declared.retain)
}

/// For each child's id the ids of all that it needs, directly or through others.
fn needs(entry: &Entry) -> HashMap<&str, HashSet<&str>> {
    let mut needs: HashMap<&str, HashSet<&str>> = HashMap::new();
    // Each child comes after those that it requires.
    for child in &entry.children {
        let direct = child.requires.iter().map(String::as_str);
        let through: HashSet<&str> = direct.clone().filter_map(|id| needs.get(id)).flatten().copied().collect();
        needs.insert(&child.id, direct.chain(through).collect());
    }
    needs
}
