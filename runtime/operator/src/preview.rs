//! What a reconcile would apply, without a cluster.

use orkestra_sandbox::{ChildRef, Plan, Read, WantedRead};
use serde_json::{Value, json};

use crate::conditions::{Problem, Summary, conditions};
use crate::desired::Parent;
use crate::error::Error;
use crate::instance::{ChildPolicy, DeclaredChild, Entry, Instance};
use crate::names;
use crate::object::Object;
use crate::plan::{self, Checked, Planned};
use crate::readiness::{self, Readiness};
use crate::reads;

/// What a preview is made over, all whole objects in JSON.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The custom resource. With a deletion timestamp it is being deleted.
    pub primary: Vec<u8>,
    /// Children as they would be observed. Which child each is, its label `orkestra.orkspace.io/id` says.
    pub children: Vec<Vec<u8>>,
    /// Objects of others, among which reads find theirs.
    pub others: Vec<Vec<u8>>,
    /// What the hook gives, one object; none: nothing is known of it.
    pub hook: Option<Value>,
    /// Unix time in milliseconds.
    pub now: i64,
}

/// What a primary would get.
#[derive(Debug, Clone)]
pub struct Preview {
    /// In the order of their application.
    pub children: Vec<PreviewChild>,
    /// The whole status, conditions among it, as if the given children were all that exist.
    pub status: Value,
    /// Paths below `.status` that wait for children.
    pub pending_status: Vec<String>,
    /// Violations that would stop the reconcile.
    pub denied: Vec<String>,
    /// Cost units that the call used.
    pub cost: u64,
}

/// One child as it would be applied.
#[derive(Debug, Clone)]
pub struct PreviewChild {
    /// Its id in the pattern.
    pub id: String,
    /// The key of its element, of a child under `forEach`.
    pub key: Option<String>,
    /// What would be done if it existed.
    pub policy: ChildPolicy,
    /// None: it waits for others.
    pub object: Option<Value>,
}

/// Stands in for the UID that the API server would give.
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";

/// The most calls that one preview makes: a pattern that still wants other reads then goes in circles.
const ROUNDS: usize = 3;

/// Evaluates an entry over what is given.
///
/// A child's kind is taken to be namespaced where the primary is: only an API server could say.
///
/// # Errors
///
/// What a reconcile would fail with.
pub fn preview(instance: &Instance, entry: &Entry, given: &Given) -> Result<Preview, Error> {
    let primary = read_primary(&given.primary, entry)?;
    let (mut children, mut seen) = (Vec::new(), Vec::new());
    let mut summary = Summary::default();
    for bytes in &given.children {
        let object = Object::parse(bytes, "", "").map_err(|error| invalid("a child", &error.to_string()))?;
        let Some(child) = plan::identify(&object) else {
            return Err(invalid("a child", &format!("the label {} is missing: it says which child it is", names::ID)));
        };
        seen.push((child.clone(), object.tree()));
        children.push((child, object.json.to_string()));
    }
    let others = given.others.iter().map(|bytes| serde_json::from_slice(bytes));
    let others: Vec<Value> =
        others.collect::<Result<_, _>>().map_err(|error| invalid("an object of others", &error.to_string()))?;
    let mut request = plan::request(&primary, &children, &instance.inputs, given.now);
    if let Some(check) = entry.hook.as_ref().and_then(|hook| hook.before_render.as_ref()) {
        let given = given.hook.as_ref().ok_or(Error::HookNotGiven)?;
        check(given).map_err(|why| invalid("what the hook gives", &why))?;
        request.hooks = given.to_string().into_bytes();
    }
    let mut plan: Plan = instance.pattern.reconcile(&entry.name, &request)?;
    for _ in 1..ROUNDS {
        let reads = supply(&plan.reads, entry, &others, &primary.key.namespace);
        if reads == request.reads {
            break;
        }
        request.reads = reads;
        plan = instance.pattern.reconcile(&entry.name, &request)?;
    }
    let cost = plan.cost;
    let waiting = plan.reads.iter().filter_map(|wanted| {
        let declared = entry.reads.iter().find(|declared| declared.id == wanted.id && !declared.optional)?;
        let found = request.reads.iter().any(|read| read.id == wanted.id && !read.objects.is_empty());
        wanted.name.as_ref().filter(|_| !found).map(|name| reads::missing(declared, name))
    });
    let waiting: Vec<Problem> = waiting.collect();
    let parent = Parent { instance: &instance.name, entry, primary: &primary };
    let namespaced = !primary.key.namespace.is_empty();
    // A cluster-scoped primary may have children of both scopes; a namespace in the manifest is the better guess.
    // What is declared to lie elsewhere and names no namespace lies outside of all.
    let outside = |api_version: &str, kind: &str| {
        let of_kind = |declared: &&DeclaredChild| {
            declared.elsewhere && declared.api_version == api_version && declared.kind == kind
        };
        let has_none = |bytes: &Vec<u8>| {
            serde_json::from_slice(bytes).is_ok_and(|object: Value| object.pointer("/metadata/namespace").is_none())
        };
        entry.children.iter().filter(of_kind).any(|declared| {
            let of_id = |child: &&orkestra_sandbox::Child| child.child.id == declared.id;
            plan.children.iter().filter(of_id).any(|child| child.object.as_ref().is_some_and(has_none))
        })
    };
    let checked = match plan::check(plan.clone(), parent, usize::MAX, |version, kind| Ok(!outside(version, kind))) {
        Err(_) if !namespaced => plan::check(plan, parent, usize::MAX, |_, _| Ok(false))?,
        other => other?,
    };
    let Checked {
        children,
        mut status,
        pending_status,
        conditions: extra,
        denied,
        requeue_after: _,
        digest: _,
        given: _,
    } = checked;
    let deleting = primary.deleting.then(|| deletion(&children, &seen));
    let states = seen.into_iter().map(|(child, object)| {
        let answer = children.iter().find(|planned| planned.child == child).and_then(|planned| planned.ready);
        (child, readiness::of_child(answer, &object))
    });
    let states: Vec<_> = states.collect();
    (summary.missing, summary.pending) = plan::not_there(&children, &states);
    summary.problems.extend(denied.iter().map(|message| Problem {
        reason: "Invalid".to_owned(),
        message: message.clone(),
        transient: false,
    }));
    summary.problems.extend(waiting);
    summary.children = states.into_iter().map(|(child, state)| (plan::shown(&child), state)).collect();
    if deleting.is_some() {
        // Whether the other children are ready is of no interest any more.
        summary = Summary { deleting, problems: summary.problems, ..Summary::default() };
    }
    let rendered = children.into_iter().map(|child| {
        let policy = child.desired.as_ref().map(|desired| desired.policy);
        let ChildRef { id, key } = child.child;
        let declared = entry.children.iter().find(|declared| declared.id == id).map(|declared| declared.policy);
        PreviewChild {
            policy: policy.or(declared).unwrap_or(ChildPolicy::Apply),
            object: child.desired.map(|desired| desired.body),
            id,
            key,
        }
    });
    let rendered: Vec<PreviewChild> = rendered.collect();
    summary.extra = extra;
    let conditions: Vec<Value> = conditions(&summary)
        .into_iter()
        .map(|c| json!({"type": c.kind, "status": c.status, "reason": c.reason, "message": c.message}))
        .collect();
    status["observedGeneration"] = primary.generation.into();
    status["conditions"] = conditions.into();
    Ok(Preview { children: rendered, status, pending_status, denied, cost })
}

/// Fills in what the API server would: a file has no UID yet, and often no namespace.
fn read_primary(bytes: &[u8], entry: &Entry) -> Result<Object, Error> {
    let unreadable = |error: serde_json::Error| invalid("the resource", &error.to_string());
    let mut value: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err(invalid("the resource", "metadata is missing"));
    };
    metadata.entry("uid").or_insert_with(|| NO_UID.into());
    metadata.entry("generation").or_insert_with(|| 1.into());
    if entry.api.namespaced {
        metadata.entry("namespace").or_insert_with(|| "default".into());
    }
    let api_version = crate::discovery::api_version(&entry.api.group, &entry.api.version);
    Object::parse(value.to_string().as_bytes(), &api_version, &entry.api.kind).map_err(unreadable)
}

/// What a deletion waits for: the children of `onDelete`, which are all that the plan lists, and then the others.
fn deletion(planned: &[Planned], seen: &[(ChildRef, Value)]) -> String {
    let waits = planned.iter().filter_map(|planned| {
        let object = seen.iter().find(|(child, _)| *child == planned.child).map(|(_, object)| object);
        let state = match (object, planned.ready) {
            (None, _) => Readiness::Progressing("it does not exist yet".to_owned()),
            (Some(object), Some(answer)) => readiness::of_child(Some(answer), object),
            (Some(object), None) => readiness::completion(object),
        };
        let why = match state {
            Readiness::Ready => return None,
            Readiness::Progressing(why) | Readiness::Failed(why) => why,
        };
        Some(format!("{}: {why}", plan::shown(&planned.child)))
    });
    let waits: Vec<String> = waits.collect();
    if waits.is_empty() { "its children go, each before those that it uses".to_owned() } else { waits.join("; ") }
}

/// What reads find among `others`: objects of the declared kind, in the primary's namespace where they are in one. A read
/// that finds nothing has no objects.
fn supply(wanted: &[WantedRead], entry: &Entry, others: &[Value], namespace: &str) -> Vec<Read> {
    let found = wanted.iter().filter_map(|wanted| {
        let declared = entry.reads.iter().find(|declared| declared.id == wanted.id)?;
        let text =
            |object: &'_ Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let fits = |object: &&Value| {
            let place = text(object, "/metadata/namespace");
            let label = |key: &str| object["metadata"]["labels"].get(key).and_then(Value::as_str);
            let labelled = |(key, value): &(String, String)| label(key) == Some(value);
            let namespace = wanted.namespace.as_deref().unwrap_or(namespace);
            text(object, "/apiVersion").as_deref() == Some(&declared.api_version)
                && text(object, "/kind").as_deref() == Some(&declared.kind)
                && (namespace.is_empty() || place.is_none_or(|place| place == namespace))
                && wanted.name.as_ref().is_none_or(|name| text(object, "/metadata/name").as_ref() == Some(name))
                && wanted.labels.iter().all(labelled)
                && wanted.requirements.iter().all(|required| required.is_met_by(label(&required.key)))
        };
        let mut objects: Vec<&Value> = others.iter().filter(fits).collect();
        objects.sort_by_key(|object| text(object, "/metadata/name"));
        let objects: Vec<Vec<u8>> = objects.into_iter().map(|object| object.to_string().into_bytes()).collect();
        Some(Read { id: wanted.id.clone(), objects })
    });
    found.collect()
}

fn invalid(what: &str, message: &str) -> Error {
    Error::InvalidChild { id: what.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use orkestra_sandbox::{Child, ChildRef, Failure, Policy, Request};

    use super::*;
    use crate::identity::Identity;
    use crate::instance::{Api, Evaluate};

    /// A pattern that renders a ConfigMap, and another one as soon as the first is observed.
    struct TwoMaps;

    impl Evaluate for TwoMaps {
        fn reconcile(&self, _entry: &str, request: &Request) -> Result<Plan, Failure> {
            let child = |id: &str, there: bool| Child {
                child: ChildRef { id: id.to_owned(), key: None },
                policy: Policy::Apply,
                object: there.then(|| json!({"metadata": {"name": id}}).to_string().into_bytes()),
                ready: None,
                after: if id == "second" { vec![ChildRef { id: "first".to_owned(), key: None }] } else { Vec::new() },
            };
            Ok(Plan {
                children: vec![child("first", true), child("second", !request.children.is_empty())],
                status: br#"{"field":1}"#.to_vec(),
                pending_status: Vec::new(),
                reads: Vec::new(),
                violations: Vec::new(),
                conditions: b"[]".to_vec(),
                requeue_after: None,
                done: false,
                cost: 7,
            })
        }
    }

    fn instance() -> Instance {
        let child = |id: &str| DeclaredChild::new(id, "v1", "ConfigMap", ChildPolicy::Apply);
        let api = Api {
            group: "g".to_owned(),
            version: "v1".to_owned(),
            kind: "Web".to_owned(),
            plural: "webs".to_owned(),
            namespaced: true,
        };
        let entry = Entry {
            hook: None,
            foreign: false,
            selector: None,
            name: "web".to_owned(),
            api,
            workers: 1,
            resync: Duration::from_secs(1),
            running: crate::running::Running::default(),
            children: vec![child("first"), child("second")],
            reads: Vec::new(),
        };
        Instance {
            hook: None,
            name: "web".to_owned(),
            entries: vec![entry],
            crds: Vec::new(),
            converts: Vec::new(),
            admits: Vec::new(),
            pattern: Arc::new(TwoMaps),
            inputs: b"{}".to_vec(),
            identity: Identity::Process,
            about: Default::default(),
        }
    }

    fn previewed(observed: &[Vec<u8>]) -> Result<Preview, Error> {
        let instance = instance();
        let given = Given {
            hook: None,
            primary: br#"{"metadata":{"name":"w"}}"#.to_vec(),
            children: observed.to_vec(),
            others: Vec::new(),
            now: 0,
        };
        preview(&instance, &instance.entries[0], &given)
    }

    #[test]
    fn children_are_shown_as_they_would_be_applied() {
        let found = previewed(&[]).unwrap();
        let first = found.children[0].object.as_ref().unwrap();
        assert_eq!(first["metadata"]["namespace"], "default");
        assert_eq!(first["metadata"]["labels"]["orkestra.orkspace.io/id"], "first");
        assert_eq!(first["metadata"]["ownerReferences"][0]["uid"], NO_UID);
        assert!(found.children[1].object.is_none());
        assert_eq!(found.status["field"], 1);
        assert_eq!(found.status["conditions"][0]["status"], "False");
        let message = "first: it does not exist yet; second: waits for first";
        assert_eq!(found.status["conditions"][0]["message"], message);
        assert_eq!(found.cost, 7);
    }

    #[test]
    fn given_children_are_observed() {
        let child = |id: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": id, "labels": {names::ID: id}}});
        let both = [child("first"), child("second")].map(|child| child.to_string().into_bytes());
        let found = previewed(&both).unwrap();
        assert!(found.children[1].object.is_some());
        assert_eq!(found.status["conditions"][0]["status"], "True");
        let unlabelled = br#"{"metadata":{"name":"x"}}"#.to_vec();
        let error = previewed(&[unlabelled]).unwrap_err().to_string();
        assert!(error.contains("orkestra.orkspace.io/id"), "{error}");
    }

    #[test]
    fn a_resource_that_is_being_deleted_says_so() {
        let mut instance = instance();
        instance.entries[0].children.iter_mut().for_each(|child| child.policy = ChildPolicy::Delete);
        let primary = br#"{"metadata":{"name":"w","deletionTimestamp":"2026-01-01T00:00:00Z"}}"#.to_vec();
        let given = Given { primary, ..Given::default() };
        let found = preview(&instance, &instance.entries[0], &given).unwrap();
        let ready = &found.status["conditions"][0];
        assert_eq!(ready["reason"], "Deleting");
        assert_eq!(ready["message"], "first: it does not exist yet; second: it does not exist yet");
    }
}
