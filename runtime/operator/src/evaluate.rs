//! What a plan is made from, and the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use orkestra_sandbox::{ChildRef, Plan, Request};

use crate::access::Look;
use crate::cache::Store;
use crate::controller::Controller;
use crate::desired::{self, Parent};
use crate::error::Error;
use crate::generated;
use crate::hook;
use crate::instance::DeclaredChild;
use crate::json::digest64;
use crate::object::{Object, ObjectKey};
use crate::plan::{self, Checked};
use crate::reads::{self, Given};
use crate::reconcile::Observed;
use crate::trace;

/// A child as it is seen.
pub(crate) type ShownChild = (ChildRef, Arc<Object>);
/// The children that a plan is made from.
pub(crate) type Shown = Vec<ShownChild>;

/// The store of a declared child. None: its kind is not served, which is told where the plan wants one; a plan that does
/// not need it is none the worse.
pub(crate) async fn store_of(controller: &Controller, declared: &DeclaredChild) -> Result<Option<Arc<Store>>, Error> {
    match controller.child_store(&declared.api_version, &declared.kind).await {
        Ok(store) => Ok(Some(store)),
        Err(Error::KindNotServed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The children as the cache has them now.
pub(crate) async fn show(controller: &Controller, observed: &Observed) -> Result<Shown, Error> {
    let primary = &observed.primary;
    let mut shown = Shown::new();
    for declared in &controller.entry.children {
        let Some(store) = store_of(controller, declared).await? else { continue };
        let own = store.children_of(&controller.instance.identity, primary).into_iter();
        let own = own.filter(|child| child.labelled_for(&primary.uid));
        let own = own.filter(|child| child.belongs_to(&primary.uid, controller.manager()));
        let kind = store.resource.group_kind();
        let mut newest: BTreeMap<Option<Box<str>>, Arc<Object>> = BTreeMap::new();
        for child in own.filter(|child| child.id.as_deref() == Some(&*declared.id)) {
            if declared.keyed && child.element.is_none() {
                continue;
            }
            // Anybody can label an object of his own so that it looks like another copy of this child: the one that was
            // rendered goes before it. Where its name has just changed there are two for a moment, and the newer one stays.
            let age = |child: &Object| {
                let rendered = observed.memory.children.contains_key(&(kind.clone(), child.key.clone()));
                (rendered, !child.deleting, child.resource_version.parse::<u128>().unwrap_or(0))
            };
            let slot = newest.entry(child.element.clone().filter(|_| declared.keyed)).or_insert_with(|| child.clone());
            if age(slot) < age(&child) {
                *slot = child;
            }
        }
        let key = |element: Option<Box<str>>| ChildRef { id: declared.id.clone(), key: element.map(String::from) };
        shown.extend(newest.into_iter().map(|(element, child)| (key(element), child)));
    }
    Ok(shown)
}

/// A digest of the states that a plan is made from.
pub(crate) fn versions(shown: &Shown) -> u64 {
    let states: String = shown.iter().map(|(_, child)| format!("{}/{}\n", child.uid, child.resource_version)).collect();
    digest64(states.as_bytes())
}

/// The children that the pattern's account may see, and why it may not see the others.
pub(crate) async fn permitted(controller: &Controller, shown: &Shown) -> Result<(Shown, Vec<Error>), Error> {
    let identity = &controller.instance.identity;
    let (mut seen, mut hidden) = (Shown::with_capacity(shown.len()), Vec::new());
    for (child, object) in shown {
        let declared = desired::declaration(&controller.entry, &child.id)?;
        let store = controller.child_store(&declared.api_version, &declared.kind).await?;
        let ObjectKey { namespace, name } = &object.key;
        match controller.shared.reviews.see(identity, Look::Get, &store.resource, namespace, name).await {
            Ok(()) => seen.push((child.clone(), object.clone())),
            Err(error @ Error::Forbidden { .. }) => hidden.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((seen, hidden))
}

/// Calls the pattern, and checks what it answers. `entropy` is what generated values are made from.
pub(crate) async fn try_evaluate(
    controller: &Controller,
    primary: &Arc<Object>,
    shown: &Shown,
    entropy: Option<&[u8; 32]>,
) -> Result<Checked, Error> {
    let (identity, reviews) = (&controller.instance.identity, &controller.shared.reviews);
    let restricted = &controller.entry.running;
    restricted.namespace(&primary.key.namespace)?;
    reviews.see(identity, Look::List, &controller.primaries.resource, &primary.key.namespace, "").await?;
    let (shown, hidden) = permitted(controller, shown).await?;
    let mut scopes = Vec::new();
    for declared in &controller.entry.children {
        let store = store_of(controller, declared).await?;
        scopes.extend(store.map(|store| (declared, store.resource.namespaced)));
    }
    let children: Vec<(ChildRef, String)> =
        shown.iter().map(|(child, object)| (child.clone(), object.json.to_string())).collect();
    let mut denied = hook::validate(controller, primary, &children).await?;
    let hooks = hook::before_render(controller, primary, &children).await?;
    let now = jiff::Timestamp::now();
    let written: Vec<(ChildRef, String)> =
        children.iter().filter(|(child, _)| !controller.entry.is_produced(&child.id)).cloned().collect();
    let mut request = plan::request(primary, &written, &controller.instance.inputs, now.as_millisecond());
    let ended = generated::ended(&controller.entry, &shown, now);
    for observed in &mut request.children {
        observed.renew = ended.contains_key(&observed.child);
    }
    if controller.entry.children.iter().any(|child| child.once) {
        request.entropy = entropy.ok_or(Error::NoEntropy)?.to_vec();
    }
    request.hooks = hooks;
    let hooks = digest64(&request.hooks);
    let (plan, mut given) = with_reads(controller, primary, request).await?;
    let (plan, made) = hook::after_render(controller, primary, &children, plan).await?;
    // What a hook gives is an input: a plan may change with it.
    given.digest ^= hooks ^ made.rotate_left(7);
    given.hidden.extend(hidden);
    let parent = Parent { instance: &controller.instance.name, entry: &controller.entry, primary };
    let mut checked = plan::check(plan, parent, controller.shared.ceilings.children, |api_version, kind| {
        let found = scopes.iter().find(|(declared, _)| declared.api_version == api_version && declared.kind == kind);
        let not_served = || Error::KindNotServed { api_version: api_version.to_owned(), kind: kind.to_owned() };
        found.map(|(_, namespaced)| *namespaced).ok_or_else(not_served)
    })?;
    for desired in checked.children.iter().filter_map(|child| child.desired.as_ref()) {
        reviews.namespace(&desired.key.namespace)?;
        restricted.namespace(&desired.key.namespace)?;
        if (&*desired.api_version, &*desired.kind) == ("v1", "Namespace") {
            reviews.namespace(&desired.key.name)?;
            restricted.namespace(&desired.key.name)?;
        }
    }
    for planned in &mut checked.children {
        if let Some(desired) = &mut planned.desired {
            desired.generated.renews = ended.get(&planned.child).cloned();
        }
    }
    let next = generated::next(&controller.entry, &shown, now);
    let next = next.map(|next| u64::try_from(next.as_millis()).unwrap_or(u64::MAX));
    checked.requeue_after = [checked.requeue_after, next].into_iter().flatten().min();
    denied.append(&mut checked.denied);
    Ok(Checked { given, denied, ..checked })
}

/// Calls the pattern until it asks for no other reads than those that it was given.
async fn with_reads(controller: &Controller, primary: &Object, request: Request) -> Result<(Plan, Given), Error> {
    let mut wants = controller.reads.last_wants(&primary.key);
    for round in 0..reads::ROUNDS {
        let (supplied, given) = match reads::supply(controller, primary, &wants).await {
            // What was wanted last time need not be what is wanted now.
            Err(Error::InvalidRead { .. }) if round == 0 => {
                wants.clear();
                (Vec::new(), Given::default())
            }
            other => other?,
        };
        let mut plan = call(controller, Request { reads: supplied, ..request.clone() }).await?;
        let asked = std::mem::take(&mut plan.reads);
        if asked == wants {
            return Ok((plan, given));
        }
        wants = asked;
    }
    Err(Error::UnsettledReads { rounds: reads::ROUNDS })
}

async fn call(controller: &Controller, request: Request) -> Result<Plan, Error> {
    let (instance, entry) = (controller.instance.clone(), controller.entry.name.clone());
    let permit =
        controller.shared.calls.clone().acquire_owned().await.map_err(|error| Error::Lost(error.to_string()))?;
    let span = trace::sandbox(request.children.len(), request.reads.len());
    // A call blocks its thread, for up to its time limit, so it must not be one that others wait on.
    let call = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        instance.pattern.reconcile(&entry, &request)
    });
    let answered = async { Ok(call.await.map_err(|error| Error::Lost(error.to_string()))??) };
    let plan: Plan = trace::within(span.clone(), |error: &Error| Some(error.reason()), answered).await?;
    trace::planned(&span, &plan);
    Ok(plan)
}
