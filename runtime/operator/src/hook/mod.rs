//! Hooks: code beside a Katalog is called at points of a reconcile.
//!
//! The hook proposes, and what it gives is checked here: values against their schemas, children against what the entry lists.

mod cluster;
mod merge;

use std::sync::Arc;
use std::time::Duration;

use orkestra_sandbox::{Child, ChildRef, Failure, Finalized, Hook, HookChild, HookRequest, HookViolation, Plan};
use serde_json::Value;

use crate::controller::Controller;
use crate::error::Error;
use crate::instance::DeclaredHook;
use crate::json::digest64;
use crate::object::Object;
use crate::trace;
use cluster::Cluster;
use merge::merge;

/// How long a primary waits for its hook that does not say when it is to be asked again.
const FINALIZE_AGAIN: Duration = Duration::from_secs(10);

/// The hook of a controller's entry, for one primary.
struct Caller<'a> {
    declared: &'a DeclaredHook,
    hook: &'a Hook,
    controller: &'a Controller,
    primary: &'a Object,
    children: &'a [(ChildRef, String)],
}

/// None: the entry has no hook.
fn caller<'a>(
    controller: &'a Controller,
    primary: &'a Object,
    children: &'a [(ChildRef, String)],
) -> Result<Option<Caller<'a>>, Error> {
    let Some(declared) = &controller.entry.hook else { return Ok(None) };
    let hook = controller.instance.hook.as_ref().ok_or_else(|| Error::Lost("the hook is not loaded".to_owned()))?;
    Ok(Some(Caller { declared, hook, controller, primary, children }))
}

impl Caller<'_> {
    fn request(&self) -> HookRequest {
        let child = |(child, object): &(ChildRef, String)| hook_child(child, object.clone().into_bytes());
        HookRequest {
            entry: self.controller.entry.name.clone(),
            primary: self.primary.json.as_bytes().to_vec(),
            inputs: self.controller.instance.inputs.clone(),
            children: self.children.iter().map(child).collect(),
            deleting: self.primary.deleting,
        }
    }

    fn cluster(&self) -> Arc<Cluster> {
        Arc::new(Cluster {
            shared: self.controller.shared.clone(),
            identity: self.controller.instance.identity.clone(),
            namespace: self.primary.key.namespace.clone(),
        })
    }
}

/// Waits for an answer of a hook.
async fn called<T>(point: &'static str, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    trace::within(trace::hook(point), |failure: &Failure| Some(failure.reason()), call).await
}

fn hook_child(child: &ChildRef, object: Vec<u8>) -> HookChild {
    HookChild { id: child.id.clone(), key: child.key.clone(), object }
}

/// The values that the hook of an entry gives for a primary, one JSON object; empty where it gives none.
pub(crate) async fn before_render(
    controller: &Controller,
    primary: &Object,
    children: &[(ChildRef, String)],
) -> Result<Vec<u8>, Error> {
    let Some(caller) = caller(controller, primary, children)? else { return Ok(b"{}".to_vec()) };
    let Some(check) = &caller.declared.before_render else { return Ok(b"{}".to_vec()) };
    let given = called("beforeRender", caller.hook.before_render(caller.request(), caller.cluster())).await?;
    let invalid = |why: String| Error::Guest(Failure::InvalidOutput(format!("what the hook gave: {why}")));
    let value: Value = crate::json::parse_strict(&given).map_err(|error| invalid(error.to_string()))?;
    check(&value).map_err(invalid)?;
    Ok(given)
}

/// What the hook of an entry says is wrong with a primary, a line for each violation.
pub(crate) async fn validate(
    controller: &Controller,
    primary: &Object,
    children: &[(ChildRef, String)],
) -> Result<Vec<String>, Error> {
    let Some(caller) = caller(controller, primary, children)?.filter(|caller| caller.declared.validate) else {
        return Ok(Vec::new());
    };
    if primary.deleting {
        return Ok(Vec::new());
    }
    let violations = called("validate", caller.hook.validate(caller.request(), caller.cluster())).await?;
    Ok(violations.into_iter().map(|HookViolation { field, message }| format!("{field}: {message}")).collect())
}

/// Why a primary cannot go yet, and when to ask again; none: it can, as far as the hook of its entry is concerned.
pub(crate) async fn finalize(
    controller: &Controller,
    primary: &Object,
    children: &[(ChildRef, String)],
) -> Result<Option<(String, Duration)>, Error> {
    let Some(caller) = caller(controller, primary, children)?.filter(|caller| caller.declared.finalize) else {
        return Ok(None);
    };
    match called("finalize", caller.hook.finalize(caller.request(), caller.cluster())).await? {
        Finalized::Done => Ok(None),
        Finalized::Wait { message, after } => Ok(Some((message, after.unwrap_or(FINALIZE_AGAIN)))),
    }
}

/// The plan with its children as the hook of an entry wants them, and a digest of what it made.
pub(crate) async fn after_render(
    controller: &Controller,
    primary: &Object,
    children: &[(ChildRef, String)],
    mut plan: Plan,
) -> Result<(Plan, u64), Error> {
    let Some(caller) = caller(controller, primary, children)? else { return Ok((plan, 0)) };
    let Some(after) = &caller.declared.after_render else { return Ok((plan, 0)) };
    let listed = |child: &Child| child.object.is_some() && after.children.contains(&child.child.id);
    let shown: Vec<HookChild> = plan.children.iter().filter(|child| listed(child)).filter_map(rendered).collect();
    // When the primary goes nothing is added any more.
    if shown.is_empty() && (primary.deleting || after.produces.is_empty()) {
        return Ok((plan, 0));
    }
    let given = called("afterRender", caller.hook.after_render(caller.request(), shown, caller.cluster())).await?;
    let digest = given.iter().fold(1_u64, |digest, child| digest.rotate_left(5) ^ digest64(&child.object));
    plan.children = merge(&controller.entry, after, plan.children, given)?;
    Ok((plan, digest))
}

fn rendered(child: &Child) -> Option<HookChild> {
    Some(hook_child(&child.child, child.object.clone()?))
}
