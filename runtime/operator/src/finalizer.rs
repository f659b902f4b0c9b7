//! The finalizer of a primary: there only where its deletion needs work, before anything else is written for it, and
//! taken off last.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::api::{Call, MERGE_PATCH};
use crate::controller::Controller;
use crate::error::{ApiError, Error};
use crate::failpoint::{self, Point};
use crate::identity::Identity;
use crate::instance::{ChildPolicy, DeclaredChild, Entry};
use crate::names;
use crate::object::Object;
use crate::reconcile::Observed;
use crate::trace;

/// Whether the garbage collector alone would not do: there is work at the end, an order in which children go, or a child that it
/// cannot tie to the primary.
pub(crate) fn is_needed(entry: &Entry) -> bool {
    let finalizes = entry.hook.as_ref().is_some_and(|hook| hook.finalize);
    // What lies elsewhere has no owner that the garbage collector could look for.
    let ordered = |child: &DeclaredChild| {
        child.policy == ChildPolicy::Delete || !child.requires.is_empty() || child.elsewhere && !child.retain
    };
    finalizes || entry.children.iter().any(ordered)
}

/// Puts the finalizer on a primary that needs it.
pub(crate) async fn ensure(controller: &Controller, observed: &mut Observed) -> Result<(), Error> {
    let (carried, ended) = (controller.carries(&observed.primary), controller.has_ended(&observed.primary));
    if carried && !ended || !is_needed(&controller.entry) {
        return Ok(());
    }
    let mut finalizers = others(controller, &observed.primary);
    finalizers.push((*controller.finalizer()).into());
    let mut metadata = json!({"finalizers": finalizers});
    // It was left and is selected again: at its end there is new work.
    if ended {
        metadata["annotations"] = json!({&*controller.on_delete(): null});
    }
    observed.primary = patch(controller, &observed.primary, metadata).await?;
    Ok(())
}

/// Takes the finalizer off a primary that needs it no more, because its pattern has changed.
pub(crate) async fn release_unneeded(controller: &Controller, observed: &mut Observed) -> Result<(), Error> {
    if controller.holds(&observed.primary) && !is_needed(&controller.entry) {
        observed.primary = release(controller, &observed.primary, true).await?;
    }
    Ok(())
}

/// Takes the finalizer off, and from a primary that stays the note of what was done, too.
pub(crate) async fn release(controller: &Controller, primary: &Arc<Object>, stays: bool) -> Result<Arc<Object>, Error> {
    let mut metadata = json!({"finalizers": others(controller, primary)});
    if stays && controller.has_ended(primary) {
        metadata["annotations"] = json!({&*controller.on_delete(): null});
    }
    patch(controller, primary, metadata).await
}

/// Notes on the primary that its `onDelete` work is done: what was waited for may be gone at the next look.
pub(crate) async fn note_on_delete_done(controller: &Controller, observed: &mut Observed) -> Result<(), Error> {
    let annotations = json!({"annotations": {&*controller.on_delete(): &*observed.primary.uid}});
    observed.primary = patch(controller, &observed.primary, annotations).await?;
    Ok(())
}

/// Whether its children are to stay when it goes, and the garbage collector is at work on that.
pub(crate) fn is_orphaning(primary: &Object) -> bool {
    all(primary).iter().any(|name| name == names::ORPHAN)
}

/// The finalizers of others.
fn others(controller: &Controller, primary: &Object) -> Vec<Value> {
    let (ours, former) = (controller.finalizer(), controller.former_finalizer());
    let is_ours = |name: &Value| *name == *ours || former.as_deref().is_some_and(|former| *name == *former);
    all(primary).into_iter().filter(|name| !is_ours(name)).collect()
}

fn all(primary: &Object) -> Vec<Value> {
    primary.tree().pointer("/metadata/finalizers").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Changes the metadata of exactly the primary that was looked at, in the state that it had: a list of finalizers is
/// written whole. The runtime does it with its own rights.
async fn patch(controller: &Controller, primary: &Arc<Object>, mut metadata: Value) -> Result<Arc<Object>, Error> {
    let resource = &controller.primaries.resource;
    metadata["uid"] = (&*primary.uid).into();
    metadata["resourceVersion"] = (&*primary.resource_version).into();
    let object = resource.object(&primary.key.namespace, &primary.key.name);
    let path = format!("{object}?fieldManager={}", controller.manager.replace(':', "%3A"));
    controller.limit.acquire().await;
    let call = Call {
        identity: &Identity::Process,
        method: Method::PATCH,
        path: &path,
        content_type: MERGE_PATCH,
        body: json!({"metadata": metadata}).to_string().into_bytes(),
    };
    failpoint::pass(Point::BeforeFinalizer);
    let call = controller.api_for(primary).call(call);
    let answer = trace::within(trace::finalizer(), trace::unless(&[404]), call).await;
    failpoint::pass(Point::AfterFinalizer);
    let answer = match answer {
        Ok(answer) => answer,
        // It is gone: the watch is about to tell.
        Err(error) if error.code() == Some(404) => return Ok(primary.clone()),
        Err(error) => return Err(error.into()),
    };
    let object = Object::parse(&answer.body, &resource.api_version(), &resource.kind)
        .map_err(|error| ApiError::Unreadable { what: format!("PATCH {path}"), message: error.to_string() })?;
    Ok(controller.primaries.learn(object))
}
