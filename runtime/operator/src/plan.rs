//! From a request to a checked plan: nothing here touches a cluster, so a pattern's author can run it alone.

use std::collections::HashSet;

use orkestra_sandbox::{ChildRef, Observed, Plan, Request};
use serde_json::Value;

use crate::conditions::{self, Condition};
use crate::desired::{self, Desired, Parent};
use crate::error::Error;
use crate::instance::{ChildPolicy, DeclaredChild};
use crate::json::{digest64, parse_strict};
use crate::object::Object;
use crate::reads::Given;

/// For entries in which nothing is generated: the interface asks for 32 bytes.
const NO_ENTROPY: [u8; 32] = [0; 32];

/// The longest key of an element, in bytes. It is stored in an annotation of its child.
const LONGEST_KEY: usize = 253;

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
    /// A digest of all that it wants.
    pub(crate) digest: u64,
    /// What it was made from beside the primary and its children.
    pub(crate) given: Given,
}

/// One child of a checked plan.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) child: ChildRef,
    /// None: it waits for others.
    pub(crate) desired: Option<Desired>,
    /// The pattern's own answer, where it has one.
    pub(crate) ready: Option<bool>,
    /// Children that come before it.
    pub(crate) after: Vec<ChildRef>,
}

/// A child in words.
pub(crate) fn shown(child: &ChildRef) -> String {
    match &child.key {
        Some(key) => format!("{}[{key:?}]", child.id),
        None => child.id.clone(),
    }
}

/// Whether `reference` means `child`. Without a key it means every child of a template.
pub(crate) fn means(reference: &ChildRef, child: &ChildRef) -> bool {
    reference.id == child.id && (reference.key.is_none() || reference.key == child.key)
}

/// The child that an object is, by its label and annotation.
pub(crate) fn identify(object: &Object) -> Option<ChildRef> {
    let id = object.id.as_deref()?.to_owned();
    Some(ChildRef { id, key: object.element.as_deref().map(str::to_owned) })
}

/// The request for a primary and its children, each a whole object.
pub(crate) fn request(primary: &Object, children: &[(ChildRef, String)], inputs: &[u8], now: i64) -> Request {
    Request {
        primary: primary.json.as_bytes().to_vec(),
        children: children
            .iter()
            .map(|(child, object)| Observed { child: child.clone(), object: object.as_bytes().to_vec(), renew: false })
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
    let mut digest = digest64(&status) ^ digest64(&conditions).rotate_left(1);
    let mut checked = Vec::with_capacity(children.len());
    let mut keys = HashSet::new();
    let mut seen = HashSet::new();
    for child in children {
        let reference = child.child;
        let invalid = |message: &str| Error::InvalidChild { id: shown(&reference), message: message.to_owned() };
        let declared = desired::declaration(parent.entry, &reference.id)?;
        check_key(declared, &reference, child.object.is_some()).map_err(invalid)?;
        if (declared.policy == ChildPolicy::Delete) != parent.primary.deleting {
            return Err(invalid(match parent.primary.deleting {
                true => "it is not under onDelete, and the resource is being deleted",
                false => "it is under onDelete, and the resource is not being deleted",
            }));
        }
        if !seen.insert(reference.clone()) {
            return Err(invalid("the plan lists it twice"));
        }
        let desired = match &child.object {
            None => None,
            Some(bytes) => {
                digest = digest.rotate_left(5) ^ digest64(bytes);
                let scope = namespaced(&declared.api_version, &declared.kind)?;
                let desired = desired::build(parent, &reference, bytes, scope)?;
                if !keys.insert(desired.kind_and_key()) {
                    return Err(invalid("another child of this resource has the same kind and name"));
                }
                Some(desired)
            }
        };
        checked.push(Planned { child: reference, desired, ready: child.ready, after: child.after });
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
        digest,
        given: Given::default(),
    })
}

/// An element has a key, and only a template of one child for each element has elements. A template whose elements are
/// not known yet is listed without.
fn check_key(declared: &DeclaredChild, child: &ChildRef, rendered: bool) -> Result<(), &'static str> {
    match &child.key {
        None if declared.keyed && rendered => Err("it stands under forEach, and this child has no key"),
        None => Ok(()),
        Some(_) if !declared.keyed => Err("it has a key, and does not stand under forEach"),
        Some(key) if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) => {
            Err("its key is empty, longer than 253 bytes or holds control characters")
        }
        Some(_) => Ok(()),
    }
}

/// The children of a plan that are not among those that exist: the ones that can be made, and the others with what each
/// waits for.
pub(crate) fn not_there<T>(planned: &[Planned], exist: &[(ChildRef, T)]) -> (Vec<String>, Vec<(String, Vec<String>)>) {
    let there = |child: &ChildRef| exist.iter().any(|(known, _)| known == child);
    let absent: Vec<&Planned> = planned.iter().filter(|planned| !there(&planned.child)).collect();
    let missing = absent.iter().filter(|planned| planned.desired.is_some()).map(|planned| shown(&planned.child));
    let pending = absent.iter().filter(|planned| planned.desired.is_none()).map(|planned| {
        // A template of many lacks as long as one of its elements does.
        let lacks = |other: &&ChildRef| {
            absent.iter().any(|absent| means(other, &absent.child))
                || !exist.iter().any(|(known, _)| means(other, known))
        };
        (shown(&planned.child), planned.after.iter().filter(lacks).map(shown).collect())
    });
    (missing.collect(), pending.collect())
}

#[cfg(test)]
mod tests {

    use orkestra_sandbox::{Child, Policy};
    use serde_json::json;

    use super::*;
    use crate::instance::Entry;

    fn entry() -> Entry {
        let child = |id: &str| DeclaredChild::new(id, "v1", "ConfigMap", ChildPolicy::Apply);
        Entry::of_webs(vec![child("a"), child("b")])
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
        let ids: Vec<(&str, bool)> = found.children.iter().map(|c| (&*c.child.id, c.desired.is_some())).collect();
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
