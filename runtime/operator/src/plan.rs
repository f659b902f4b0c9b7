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
    let Plan { children, status, pending_status, reads: _, violations, conditions, requeue_after, done: _, cost: _ } =
        plan;
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

/// The children of a plan that are not among those that exist: the ids of the ones that can be made, and the others with
/// the ids of what each waits for.
pub(crate) fn not_there<T>(planned: &[Planned], exist: &[(String, T)]) -> (Vec<String>, Vec<(String, Vec<String>)>) {
    let there = |id: &str| exist.iter().any(|(known, _)| known == id);
    let absent: Vec<&Planned> = planned.iter().filter(|child| !there(&child.id)).collect();
    let missing = absent.iter().filter(|child| child.desired.is_some()).map(|child| child.id.clone());
    let pending = absent.iter().filter(|child| child.desired.is_none()).map(|child| {
        let others = child.after.iter().filter(|id| !there(id)).cloned().collect();
        (child.id.clone(), others)
    });
    (missing.collect(), pending.collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orkestra_sandbox::{Child, Policy};
    use serde_json::json;

    use super::*;
    use crate::instance::{Api, ChildPolicy, DeclaredChild, Entry};

    fn entry() -> Entry {
        let child = |id: &str| DeclaredChild::new(id, "v1", "ConfigMap", ChildPolicy::Apply);
        Entry {
            name: "web".to_owned(),
            api: Api {
                group: "g".to_owned(),
                version: "v1".to_owned(),
                kind: "Web".to_owned(),
                plural: "webs".to_owned(),
                namespaced: true,
            },
            workers: 1,
            resync: Duration::from_secs(1),
            children: vec![child("a"), child("b")],
            reads: Vec::new(),
        }
    }

    fn child(id: &str, name: Option<&str>) -> Child {
        Child {
            child: ChildRef { id: id.to_owned(), key: None },
            policy: Policy::Apply,
            object: name.map(|name| json!({"metadata": {"name": name}}).to_string().into_bytes()),
            ready: None,
            after: Vec::new(),
        }
    }

    fn plan(children: Vec<Child>) -> Plan {
        Plan {
            children,
            status: b"{}".to_vec(),
            pending_status: Vec::new(),
            reads: Vec::new(),
            violations: Vec::new(),
            conditions: b"[]".to_vec(),
            requeue_after: None,
            done: false,
            cost: 0,
        }
    }

    fn checked(plan: Plan) -> Result<Checked, Error> {
        let primary = json!({"metadata": {"name": "w", "namespace": "n", "uid": "p-1"}}).to_string();
        let primary = Object::parse(primary.as_bytes(), "g/v1", "Web").unwrap();
        let parent = Parent { instance: "web", entry: &entry(), primary: &primary };
        check(plan, parent, 2, |_, _| Ok(true))
    }

    #[test]
    fn a_good_plan_keeps_order_and_pending_children() {
        let found = checked(plan(vec![child("b", Some("x")), child("a", None)])).unwrap();
        let ids: Vec<(&str, bool)> = found.children.iter().map(|c| (&*c.id, c.desired.is_some())).collect();
        assert_eq!(ids, [("b", true), ("a", false)]);
    }

    #[test]
    fn a_plan_that_goes_beyond_its_declaration_is_refused_whole() {
        let keyed = Child { child: ChildRef { id: "a".to_owned(), key: Some("k".to_owned()) }, ..child("a", None) };
        let no_status = Plan { status: b"[]".to_vec(), ..plan(Vec::new()) };
        let twice = Plan { status: br#"{"a":1,"a":2}"#.to_vec(), ..plan(Vec::new()) };
        for (plan, reason) in [
            (plan(vec![child("a", Some("x")), child("other", Some("y"))]), "UndeclaredChild"),
            (plan(vec![child("other", None)]), "UndeclaredChild"),
            (plan(vec![child("a", Some("x")), child("b", Some("x"))]), "InvalidChild"),
            (plan(vec![child("a", Some("x")), child("a", Some("y"))]), "InvalidChild"),
            (plan(vec![child("a", None), child("b", None), child("c", None)]), "TooManyChildren"),
            (plan(vec![keyed]), "InvalidChild"),
            (no_status, "InvalidChild"),
            (twice, "InvalidChild"),
        ] {
            assert_eq!(checked(plan).unwrap_err().reason(), reason);
        }
    }
}
