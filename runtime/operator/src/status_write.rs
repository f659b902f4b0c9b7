//! Writes a primary's status, and only where it differs.

use http::Method;
use serde_json::{Value, json};

use crate::api::{Call, MERGE_PATCH};
use crate::conditions::{OWN, conditions, merge};
use crate::controller::Controller;
use crate::error::ApiError;
use crate::events::timestamp;
use crate::failpoint::{self, Point};
use crate::identity::Identity;
use crate::json::digest64;
use crate::managed_fields::Entry;
use crate::object::Object;
use crate::reconcile::Finished;
use crate::status::{Wanted, hold, patch};
use crate::trace;

/// Brings the status up to date. The runtime writes it with its own rights: a pattern's account needs none on it.
pub(crate) async fn write(controller: &Controller, result: &mut Finished) -> Result<(), ApiError> {
    let primary = &result.observed.primary;
    // The status of a kind of others is theirs; and one that is being left is told nothing more.
    if controller.entry.foreign || !controller.selects(primary) && !primary.deleting {
        return Ok(());
    }
    let resource = &controller.primaries.resource;
    let live = primary.tree().get("status").cloned().unwrap_or_else(|| json!({}));
    let mut fields = result.plan.status.clone();
    let now = timestamp(jiff::Timestamp::now());
    let before = live.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    // Without the subresource a write of the status is a change like any other and counts the generation up: to write
    // the generation down would never end.
    let generation = resource.has_status.then_some(primary.generation);
    if let Some(generation) = generation {
        fields["observedGeneration"] = generation.into();
    }
    fields["conditions"] = merge(&before, &conditions(&result.summary), generation, &now).into();
    if let Some(schema) = &controller.status_schema {
        fields = hold(&fields, schema);
    }
    let written = written(controller, primary);
    let wanted = Wanted { fields, pending: result.plan.pending_status.clone() };
    // Without a plan nothing is known of the pattern's own fields: they stay.
    let Some(change) = patch(&live, &wanted, written.filter(|_| result.has_plan)) else {
        result.observed.memory.refused_status = None;
        return Ok(());
    };
    let without_times = digest64(strip_times(&change).to_string().as_bytes());
    if result.observed.memory.refused_status == Some(without_times) {
        return Ok(());
    }
    // A list is written whole, so a condition that somebody else adds meanwhile must not be lost.
    let pinned = before.iter().any(is_foreign);
    let Some(object) = send(controller, primary, &change, pinned).await? else { return Ok(()) };
    let after = object.tree().get("status").cloned().unwrap_or_else(|| json!({}));
    let kept = patch(&after, &wanted, None).is_none();
    result.observed.memory.refused_status = (!kept).then_some(without_times);
    // Its spec may have changed since it was read. What is learned is not told again by the watch, so the change would
    // go unseen until the next resync.
    if beside_status(&object) != beside_status(primary) {
        controller.queue.add(&primary.uid, &primary.key);
    }
    controller.primaries.learn(object);
    Ok(())
}

/// Takes back what was written into the status of a primary that is left: what it says is kept up by nobody any more.
pub(crate) async fn withdraw(controller: &Controller, primary: &Object) -> Result<(), ApiError> {
    let Some(written) = written(controller, primary) else { return Ok(()) };
    let live = primary.tree().get("status").cloned().unwrap_or_else(|| json!({}));
    let conditions = live.get("conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let others: Vec<&Value> = conditions.iter().filter(|condition| is_foreign(condition)).collect();
    let mut fields = json!({});
    if others.len() < conditions.len() {
        fields["conditions"] = json!(others);
    }
    let Some(change) = patch(&live, &Wanted { fields, pending: Vec::new() }, Some(written)) else { return Ok(()) };
    if let Some(object) = send(controller, primary, &change, true).await? {
        controller.primaries.learn(object);
    }
    Ok(())
}

/// Whether anything was written into the status of a primary.
pub(crate) fn has_written(controller: &Controller, primary: &Object) -> bool {
    written(controller, primary).is_some()
}

/// What was written into a status before.
fn written<'a>(controller: &Controller, primary: &'a Object) -> Option<&'a Entry> {
    if controller.entry.foreign {
        return None;
    }
    let subresource = if controller.primaries.resource.has_status { "status" } else { "" };
    primary.ours.iter().find(|entry| {
        entry.manager == controller.manager && entry.operation == "Update" && entry.subresource == subresource
    })
}

/// Sends a change of the status; `pinned`: only if nobody has written since. None: the primary is gone, and there is no status to
/// write.
async fn send(
    controller: &Controller,
    primary: &Object,
    change: &Value,
    pinned: bool,
) -> Result<Option<Object>, ApiError> {
    let resource = &controller.primaries.resource;
    let mut path = resource.object(&primary.key.namespace, &primary.key.name);
    if resource.has_status {
        path.push_str("/status");
    }
    path.push_str(&format!("?fieldManager={}", controller.manager.replace(':', "%3A")));
    let mut body = json!({"metadata": {"uid": &*primary.uid}, "status": change});
    if pinned {
        body["metadata"]["resourceVersion"] = (&*primary.resource_version).into();
    }
    controller.limit.acquire().await;
    let call = Call {
        identity: &Identity::Process,
        method: Method::PATCH,
        path: &path,
        content_type: MERGE_PATCH,
        body: body.to_string().into_bytes(),
    };
    failpoint::pass(Point::BeforeStatus);
    let call = controller.api_for(primary).call(call);
    let answer = trace::within(trace::status(), trace::unless(&[404]), call).await;
    failpoint::pass(Point::AfterStatus);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.code() == Some(404) => return Ok(None),
        Err(error) => return Err(error),
    };
    Object::parse(&answer.body, &resource.api_version(), &resource.kind)
        .map(Some)
        .map_err(|error| ApiError::Unreadable { what: format!("PATCH {path}"), message: error.to_string() })
}

/// What a status write leaves as it is.
fn beside_status(object: &Object) -> Value {
    let mut tree = object.tree();
    if let Some(members) = tree.as_object_mut() {
        members.shift_remove("status");
        if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("resourceVersion");
            // Without the subresource a write of the status counts it up, and a change of the spec shows by itself.
            metadata.shift_remove("generation");
        }
    }
    tree
}

fn is_foreign(condition: &Value) -> bool {
    let kind = condition.get("type").and_then(Value::as_str).unwrap_or_default();
    !OWN.contains(&kind)
}

/// A change without the times in it, which differ at every try.
fn strip_times(change: &Value) -> Value {
    let mut stripped = change.clone();
    for condition in stripped.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(members) = condition.as_object_mut() {
            members.shift_remove("lastTransitionTime");
        }
    }
    stripped
}
