//! From a request to a checked plan: nothing here touches a cluster, so a pattern's author can run it alone.

use std::collections::HashSet;

use orkestra_sandbox::{ChildRef, Observed, Plan, Request};
use serde_json::Value;

use crate::conditions::{self, Condition};
use crate::desired::{self, Desired, Parent};
use crate::error::Error;
use crate::json::parse_strict;
use crate::object::Object;

/// No function of this version draws randomness, and the interface asks for 32 bytes.
const NO_ENTROPY: [u8; 32] = [0; 32];

/// A plan whose children have been checked and completed.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// In the order of their application; none: pending.
    pub(crate) children: Vec<Planned>,
    /// The desired fields below `.status`.
    pub(crate) status: Value,
    pub(crate) pending_status: Vec<String>,
    pub(crate) conditions: Vec<Condition>,
    /// Violations that deny.
    pub(crate) denied: Vec<String>,
    pub(crate) requeue_after: Option<u64>,
}

/// One child of a checked plan.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) id: String,
    /// None: it waits for others.
    pub(crate) desired: Option<Desired>,
    /// The pattern's own answer, where it has one.
    pub(crate) ready: Option<bool>,
    /// Ids that come before it.
    pub(crate) after: Vec<String>,
}

/// The request for a primary and its children, each an id and a whole object.
pub(crate) fn request(primary: &Object, children: &[(String, String)], inputs: &[u8], now: i64) -> Request {
    Request {
        primary: primary.json.as_bytes().to_vec(),
        children: children
            .iter()
            .map(|(id, object)| Observed {
                child: ChildRef { id: id.clone(), key: None },
                object: object.as_bytes().to_vec(),
            })
            .collect(),
        reads: Vec::new(),
        inputs: inputs.to_vec(),
        hooks: b"{}".to_vec(),
        now,
        entropy: NO_ENTROPY.to_vec(),
        deleting: primary.deleting,
        // The sandbox lowers it to the pattern's limit.
        budget: u64::MAX,
    }
}

/// Checks a plan before anything of it is sent. `namespaced` says where objects of a declared kind live.
///
/// # Errors
///
/// The first thing that is wrong: then nothing of the plan is applied.
pub(crate) fn check(
    plan: Plan,
    parent: Parent<'_>,
    most_children: usize,
    namespaced: impl Fn(&str, &str) -> Result<bool, Error>,
) -> Result<Checked, Error> {
    let Plan { children, status, pending_status, violations, conditions, requeue_after, done: _, cost: _ } = plan;
    if children.len() > most_children {
        return Err(Error::TooManyChildren { found: children.len(), allowed: most_children });
    }
    let mut checked = Vec::with_capacity(children.len());
    let mut keys = HashSet::new();
    let mut ids = HashSet::new();
    for child in children {
        let id = child.child.id;
        let invalid = |message: &str| Error::InvalidChild { id: id.clone(), message: message.to_owned() };
        let declared = desired::declaration(parent.entry, &id)?;
        if child.child.key.is_some() {
            return Err(invalid("it has a key, and this runtime knows no children by key"));
        }
        if !ids.insert(id.clone()) {
            return Err(invalid("the plan lists it twice"));
        }
        let desired = match &child.object {
            None => None,
            Some(bytes) => {
                let scope = namespaced(&declared.api_version, &declared.kind)?;
                let desired = desired::build(parent, &id, bytes, scope)?;
                if !keys.insert((desired.api_version.clone(), desired.kind.clone(), desired.key.clone())) {
                    return Err(invalid("another child of this resource has the same kind and name"));
                }
                Some(desired)
            }
        };
        let after = child.after.into_iter().map(|other| other.id).collect();
        checked.push(Planned { id, desired, ready: child.ready, after });
    }
    let invalid_status = |message: String| Error::InvalidChild { id: "status".to_owned(), message };
    let status = parse_strict(&status).map_err(|error| invalid_status(error.to_string()))?;
    if !status.is_object() {
        return Err(invalid_status("a JSON object was expected".to_owned()));
    }
    let denied = violations.into_iter().filter(|violation| violation.deny);
    Ok(Checked {
        children: checked,
        status,
        pending_status,
        conditions: conditions::read_extra(&conditions),
        denied: denied.map(|violation| format!("{}: {}", violation.field, violation.message)).collect(),
        requeue_after,
    })
}
