//! Whole reconciles against an API server whose answers are written down, for moments that a real one gives only by
//! chance.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use orkestra_sandbox::{Child, ChildRef, Failure, Operator, Plan, Policy, Request, Requirement};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::access::Reviews;
use crate::cache::{Cache, Store};
use crate::controller::{Controller, EntryState, Shared};
use crate::discovery::{Discovery, Resource};
use crate::events::Events;
use crate::identity::Identity;
use crate::instance::{ChildPolicy, DeclaredChild, DeclaredRead, Entry, Evaluate, Instance};
use crate::limit::RateLimit;
use crate::metrics::Outcome;
use crate::object::{Object, ObjectKey};
use crate::queue::Next;
use crate::queues::Queues;
use crate::reconcile::reconcile;
use crate::run::Ceilings;
use crate::scripted::Scripted;
use crate::shards::Shards;
use crate::standing::Standing;

/// Renders the children that the entry declares, and shows in the status what it sees of them.
struct Echo {
    children: &'static [&'static str],
}

impl Evaluate for Echo {
    fn reconcile(&self, _entry: &str, request: &Request) -> Result<Plan, Failure> {
        let child = |id: &&str| Child {
            child: ChildRef { id: (*id).to_owned(), key: None },
            policy: Policy::Create,
            object: Some(json!({"metadata": {"name": id}, "data": {"text": "hello"}}).to_string().into_bytes()),
            ready: None,
            after: Vec::new(),
        };
        let seen = request.children.first().map(|child| serde_json::from_slice::<Value>(&child.object).unwrap());
        let text = seen.map_or(json!("nothing"), |child| child["data"]["text"].clone());
        Ok(Plan {
            children: self.children.iter().map(child).collect(),
            status: json!({"echo": text}).to_string().into_bytes(),
            pending_status: Vec::new(),
            reads: Vec::new(),
            violations: Vec::new(),
            conditions: b"[]".to_vec(),
            requeue_after: None,
            done: false,
            cost: 0,
        })
    }
}

pub(crate) fn store(group: &str, kind: &str, plural: &str) -> Arc<Store> {
    Arc::new(Store::new(Arc::new(Resource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced: true,
        has_status: !group.is_empty(),
    })))
}

pub(crate) fn primary(version: &str, generation: u32, text: &str) -> Value {
    json!({"metadata": {"name": "w", "namespace": "n", "uid": "p-1", "resourceVersion": version, "generation": generation},
        "spec": {"text": text}})
}

pub(crate) fn key() -> ObjectKey {
    ObjectKey::new("n", "w")
}

fn controller(server: &Scripted, children: &'static [&'static str]) -> Controller {
    let declared = children.iter().map(|id| DeclaredChild::new(id, "v1", "ConfigMap", ChildPolicy::Create));
    controller_of(server, Arc::new(Echo { children }), Identity::Process, declared.collect(), Vec::new())
}

/// Of a pattern whose children are ConfigMaps and that acts as somebody.
pub(crate) fn controller_of(
    server: &Scripted,
    pattern: Arc<dyn Evaluate>,
    identity: Identity,
    children: Vec<DeclaredChild>,
    reads: Vec<DeclaredRead>,
) -> Controller {
    let entry = Entry { reads, ..Entry::of_webs(children) };
    let instance = Instance {
        hook: None,
        name: "web".to_owned(),
        entries: vec![entry.clone()],
        crds: Vec::new(),
        converts: Vec::new(),
        admits: Vec::new(),
        pattern,
        inputs: b"{}".to_vec(),
        identity,
        about: Default::default(),
    };
    let api = server.api();
    let standing = Arc::new(Standing::alone());
    let shards = Arc::new(Shards::whole(api.clone(), standing.clone()));
    let shared = Shared {
        webhook: None,
        discovery: Discovery::new(api.clone()),
        cache: Cache::new(api.clone(), String::new()),
        reviews: Reviews::new(api.clone(), Duration::from_secs(60), Duration::from_secs(60), ["own".to_owned()]),
        events: Events::new(shards.clone()).0,
        api,
        shards,
        own_namespace: "own".to_owned(),
        install_crds: false,
        ceilings: Ceilings::default(),
        primaries: Vec::new().into(),
        calls: Arc::new(Semaphore::new(1)),
        standing,
    };
    let state = EntryState {
        instance: Arc::new(instance),
        entry,
        name: "web/web".to_owned(),
        manager: "orkestra:web".to_owned(),
        queue: Queues::new(1),
        metrics: Default::default(),
        limit: Arc::new(RateLimit::new(0, 0)),
        workers: 1,
        permits: Semaphore::new(1),
        recorded: true.into(),
        kinds: Mutex::default(),
        recent: Default::default(),
        refused: Mutex::default(),
        up: true.into(),
        waits_for: Mutex::default(),
        waits_for_entry: Mutex::default(),
        dismissed: tokio::sync::watch::Sender::new(false),
    };
    let primaries = store("g", "Web", "webs");
    primaries.observe(object(&primary("5", 1, "old"), "g/v1", "Web"));
    let controller = Controller::new(Arc::new(shared), Arc::new(state), primaries, None);
    controller.use_child_store("v1", "ConfigMap", store("", "ConfigMap", "configmaps"));
    controller
}

pub(crate) fn object(value: &Value, api_version: &str, kind: &str) -> Object {
    Object::parse(value.to_string().as_bytes(), api_version, kind).unwrap()
}

#[tokio::test]
async fn the_status_shows_children_as_the_same_reconcile_left_them() {
    let child = json!({"metadata": {"name": "config", "namespace": "n", "uid": "c-1", "resourceVersion": "6",
        "labels": {"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/id": "config",
            "orkestra.orkspace.io/owner-uid": "p-1"},
        "ownerReferences": [{"apiVersion": "g/v1", "kind": "Web", "name": "w", "uid": "p-1", "controller": true}]},
        "data": {"text": "hello"}});
    let absent = json!({"kind": "Status", "code": 404, "reason": "NotFound"});
    let server = Scripted::new([(404, absent), (201, child), (200, primary("7", 1, "old"))]);
    let controller = controller(&server, &["config"]);
    let (next, outcome) = reconcile(&controller, 0, &key()).await;
    assert!(matches!((next, outcome), (Next::After(_), Outcome::Success)), "{next:?}");
    let asked = server.asked();
    assert!(asked[2].0.starts_with("PATCH /apis/g/v1/namespaces/n/webs/w/status"), "{}", asked[2].0);
    assert_eq!(asked[2].1["status"]["echo"], "hello");
}

#[tokio::test]
async fn the_child_that_was_rendered_goes_before_one_that_says_it_is_the_same() {
    let server = Scripted::new([(200, primary("7", 1, "old"))]);
    let controller = controller(&server, &["config"]);
    let children = controller.child_store("v1", "ConfigMap").await.unwrap();
    for (name, version, text) in [("config", "5", "ours"), ("forged", "9", "theirs")] {
        let mut child = json!({"metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": version,
            "labels": {"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/id": "config",
                "orkestra.orkspace.io/owner-uid": "p-1"},
            "managedFields": [{"manager": "orkestra:web", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {}}]},
            "data": {"text": text}});
        if name == "config" {
            child["metadata"]["ownerReferences"] =
                json!([{"kind": "Web", "name": "w", "uid": "p-1", "controller": true}]);
        }
        children.observe(object(&child, "v1", "ConfigMap"));
    }
    reconcile(&controller, 0, &key()).await;
    assert_eq!(server.asked()[0].1["status"]["echo"], "ours");
}

#[tokio::test]
async fn children_that_are_to_stay_are_let_go_of_before_anything_is_deleted() {
    let mut leaving = primary("8", 1, "old");
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    for (finalizers, asked) in [
        (json!(["orkestra.orkspace.io/cleanup", "orphan"]), "/webs/w/status?"),
        (json!(["orkestra.orkspace.io/cleanup"]), "/webs/w?"),
    ] {
        leaving["metadata"]["finalizers"] = finalizers;
        let server = Scripted::new([(200, leaving.clone())]);
        let controller = controller(&server, &[]);
        controller.primaries.observe(object(&leaving, "g/v1", "Web"));
        reconcile(&controller, 0, &key()).await;
        assert!(server.asked()[0].0.contains(asked), "{:?}", server.asked());
    }
}

#[tokio::test]
async fn a_kind_of_an_older_version_that_may_not_be_listed_any_more_holds_nobody_up() {
    let served = json!({"resources": [{"name": "secrets", "kind": "Secret", "namespaced": true}]});
    let forbidden = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"});
    let server = Scripted::new([(200, served), (403, forbidden)]);
    let controller = controller(&server, &["config"]);
    assert!(controller.is_refused("v1", "Secret").await.unwrap());
    assert_eq!(["ConfigMap", "Web.g", "Secret"].map(|kind| controller.has(kind)), [true, true, false]);
    controller.shared.cache.stop();
}

#[tokio::test]
async fn who_is_not_known_yet_may_live() {
    for (primaries, lives) in [(Vec::new(), false), (vec![("g".to_owned(), "Other".to_owned())], true)] {
        let mut controller = controller(&Scripted::default(), &[]);
        Arc::get_mut(&mut controller.shared).unwrap().primaries = primaries.into();
        assert!(controller.primary_lives("p-1"));
        assert_eq!(controller.primary_lives("p-2"), lives);
    }
}

#[tokio::test]
async fn a_change_of_the_spec_that_a_status_write_brings_to_light_is_not_lost() {
    for (after, queued) in [(primary("9", 2, "new"), 1), (primary("9", 1, "old"), 0)] {
        let server = Scripted::new([(200, after.clone())]);
        let controller = controller(&server, &[]);
        reconcile(&controller, 0, &key()).await;
        // The watch brings what was learned already, so it wakes nobody.
        controller.primaries.observe(object(&after, "g/v1", "Web"));
        assert_eq!(controller.queue.depth(&[]), queued, "{:?}", server.asked());
    }
}

#[tokio::test]
async fn an_error_about_a_secret_is_kept_without_its_values() {
    let refused =
        |code, reason| (code, json!({"kind": "Status", "code": code, "reason": reason, "message": "it says hunter2"}));
    let server = Scripted::new([refused(404, "NotFound"), refused(422, "Invalid"), (200, primary("7", 1, "old"))]);
    let declared = vec![DeclaredChild::new("config", "v1", "Secret", ChildPolicy::Create)];
    let pattern = Arc::new(Echo { children: &["config"] });
    let controller = controller_of(&server, pattern, Identity::Process, declared, Vec::new());
    controller.use_child_store("v1", "Secret", store("", "Secret", "secrets"));
    reconcile(&controller, 0, &key()).await;
    let kept = controller.recent.all();
    assert_eq!((kept.len(), &*kept[0].reason, &kept[0].key), (1, "Invalid", &key()));
    assert!(!kept[0].message.as_str().contains("hunter2"), "{kept:?}");
}

#[tokio::test]
async fn a_finalizer_of_before_there_was_a_selector_is_still_its_own_where_it_selects() {
    const OWN: &str = "web.orkestra.orkspace.io/cleanup";
    const FORMER: &str = "orkestra.orkspace.io/cleanup";
    let gold = Requirement { key: "tier".to_owned(), operator: Operator::In, values: vec!["gold".to_owned()] };
    for (selector, tier, finalizers, holds, written) in [
        // Selected: it has its own name from now on.
        (true, "gold", json!([FORMER, "x"]), true, Some(json!(["x", OWN]))),
        (true, "gold", json!([OWN]), true, None),
        // Not selected: its own goes, and the other one may be another instance's.
        (true, "tin", json!([OWN, "x"]), true, Some(json!(["x"]))),
        (true, "tin", json!([FORMER]), false, None),
        // The selector is gone.
        (false, "tin", json!([OWN]), true, Some(json!([FORMER]))),
        (false, "tin", json!([FORMER]), true, None),
    ] {
        let mut web = primary("8", 1, "old");
        web["metadata"]["finalizers"] = finalizers;
        web["metadata"]["labels"]["tier"] = tier.into();
        // The status is written of what is selected.
        let selected = !selector || tier == "gold";
        let answers = usize::from(written.is_some()) + usize::from(selected);
        let server = Scripted::new(vec![(200, web.clone()); answers]);
        let ordered = DeclaredChild::new("config", "v1", "ConfigMap", ChildPolicy::Apply);
        let ordered = DeclaredChild { requires: vec!["other".to_owned()], ..ordered };
        let pattern = Arc::new(Echo { children: &[] });
        let mut controller = controller_of(&server, pattern, Identity::Process, vec![ordered], Vec::new());
        if selector {
            Arc::get_mut(&mut controller.state).unwrap().entry.selector = Some(vec![gold.clone()]);
        }
        let web = object(&web, "g/v1", "Web");
        assert_eq!(controller.holds(&web), holds, "{tier} {:?}", web.finalizers);
        controller.primaries.observe(web);
        reconcile(&controller, 0, &key()).await;
        let asked = server.asked();
        let of_metadata = asked.iter().find(|(path, _)| path.contains("/webs/w?"));
        assert_eq!(of_metadata.map(|(_, body)| body["metadata"]["finalizers"].clone()), written, "{asked:?}");
    }
}
