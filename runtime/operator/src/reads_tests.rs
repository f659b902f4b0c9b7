//! What a pattern reads beside its children, against a store that is filled by hand; and plans that no request may come of.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use orkestra_sandbox::{Child, ChildRef, Failure, Plan, Policy, Request, WantedRead};
use serde_json::{Value, json};

use crate::cache::Store;
use crate::controller::Controller;
use crate::identity::Identity;
use crate::instance::{ChildPolicy, DeclaredChild, DeclaredRead, Evaluate};
use crate::metrics::Outcome;
use crate::object::ObjectKey;
use crate::queue::Next;
use crate::reconcile::reconcile;
use crate::reconcile_tests::{controller_of, key, object, primary, store};
use crate::scripted::Scripted;

/// What each call was given to read: ids with the names of their objects.
type Given = Arc<Mutex<Vec<Vec<(String, Vec<String>)>>>>;

/// Answers with a plan that is written down, and remembers what it was given to read.
struct Written {
    plan: Plan,
    given: Given,
}

impl Evaluate for Written {
    fn reconcile(&self, _entry: &str, request: &Request) -> Result<Plan, Failure> {
        let name = |object: &Vec<u8>| {
            serde_json::from_slice::<Value>(object).unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
        };
        let reads = request.reads.iter().map(|read| (read.id.clone(), read.objects.iter().map(name).collect()));
        self.given.lock().unwrap().push(reads.collect());
        Ok(self.plan.clone())
    }
}

fn plan(children: Vec<Child>, reads: Vec<WantedRead>) -> Plan {
    Plan {
        children,
        status: b"{}".to_vec(),
        pending_status: Vec::new(),
        reads,
        violations: Vec::new(),
        conditions: b"[]".to_vec(),
        requeue_after: None,
        done: false,
        cost: 0,
    }
}

fn child(object: &str) -> Child {
    Child {
        child: ChildRef { id: "config".to_owned(), key: None },
        policy: Policy::Create,
        object: Some(object.as_bytes().to_vec()),
        ready: None,
        after: Vec::new(),
    }
}

fn by_name(name: &str) -> WantedRead {
    WantedRead {
        id: "plan".to_owned(),
        name: Some(name.to_owned()),
        labels: Vec::new(),
        requirements: Vec::new(),
        namespace: None,
    }
}

fn by_label(key: &str, value: &str) -> WantedRead {
    WantedRead {
        id: "plan".to_owned(),
        name: None,
        labels: vec![(key.to_owned(), value.to_owned())],
        requirements: Vec::new(),
        namespace: None,
    }
}

fn controller(server: &Scripted, plan: Plan, identity: Identity) -> (Controller, Arc<Store>, Given) {
    let given = Given::default();
    let pattern = Written { plan, given: given.clone() };
    let children = vec![DeclaredChild::new("config", "v1", "ConfigMap", ChildPolicy::Create)];
    let read = |id: &str| DeclaredRead {
        id: id.to_owned(),
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        optional: false,
        elsewhere: false,
    };
    let controller = controller_of(server, Arc::new(pattern), identity, children, vec![read("plan"), read("other")]);
    let plans = store("", "ConfigMap", "configmaps");
    controller.reads.use_store(&controller, ("v1".to_owned(), "ConfigMap".to_owned()), plans.clone());
    (controller, plans, given)
}

fn config_map(name: &str, version: &str, labels: Value) -> crate::object::Object {
    let metadata = json!({"name": name, "namespace": "n", "uid": name, "resourceVersion": version, "labels": labels});
    object(&json!({"metadata": metadata}), "v1", "ConfigMap")
}

fn status() -> (u16, Value) {
    (200, primary("7", 1, "old"))
}

/// The reason that the status was given.
fn reason(server: &Scripted) -> String {
    let asked = server.asked();
    let (line, body) = asked.last().unwrap();
    assert!(line.starts_with("PATCH /apis/g/v1/namespaces/n/webs/w/status"), "{line}");
    body["status"]["conditions"][0]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_wanted_is_given_and_what_is_missing_is_waited_for() {
    let server = Scripted::new([status()]);
    let (controller, plans, given) = controller(&server, plan(Vec::new(), vec![by_name("large")]), Identity::Process);
    plans.observe(config_map("small", "3", json!({})));
    reconcile(&controller, 0, &key()).await;
    assert_eq!(reason(&server), "WaitingForRead");
    let nothing = |names: &[&str]| vec![("plan".to_owned(), names.iter().map(|&name| name.to_owned()).collect())];
    assert_eq!(*given.lock().unwrap(), [vec![], nothing(&[])]);

    // It comes, and wakes who waits; what was wanted is given at once now.
    plans.observe(config_map("large", "4", json!({})));
    assert_eq!(controller.queue.depth(&[]), 1);
    let server = Scripted::new([status()]);
    let (controller, plans, given) =
        self::controller(&server, plan(Vec::new(), vec![by_name("large")]), Identity::Process);
    plans.observe(config_map("large", "4", json!({})));
    reconcile(&controller, 0, &key()).await;
    reconcile(&controller, 0, &key()).await;
    assert_eq!(*given.lock().unwrap(), [vec![], nothing(&["large"]), nothing(&["large"])]);
}

#[tokio::test]
async fn a_change_wakes_who_wants_it_and_nobody_else() {
    let server = Scripted::new([status()]);
    let (controller, plans, given) =
        controller(&server, plan(Vec::new(), vec![by_label("tier", "web")]), Identity::Process);
    plans.observe(config_map("b", "1", json!({"tier": "web"})));
    plans.observe(config_map("a", "2", json!({"tier": "web"})));
    plans.observe(config_map("c", "3", json!({"tier": "db"})));
    reconcile(&controller, 0, &key()).await;
    assert_eq!(given.lock().unwrap()[1], [("plan".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
    for (name, version, tier, wakes) in
        [("c", "5", "queue", false), ("c", "6", "web", true), ("c", "7", "db", true), ("d", "8", "db", false)]
    {
        let before = controller.queue.adds();
        plans.observe(config_map(name, version, json!({"tier": tier})));
        // Whoever is woken is taken out of the queue, so that the next one counts.
        if wakes {
            let taken = controller.queue.of(0).take().await.unwrap();
            controller.queue.of(0).finish(&taken, crate::queue::Next::Forget);
        }
        assert_eq!(controller.queue.adds() - before, u64::from(wakes), "{name} {version}");
        assert_eq!(controller.queue.depth(&[]), 0);
    }
    controller.forget(&key());
    plans.observe(config_map("a", "9", json!({"tier": "web"})));
    assert_eq!(controller.queue.depth(&[]), 0);
}

/// Wants one object, and shows in the status what it was given, or how often it was asked.
struct Shows {
    counts: bool,
    asked: AtomicUsize,
}

impl Evaluate for Shows {
    fn reconcile(&self, _entry: &str, request: &Request) -> Result<Plan, Failure> {
        let version =
            |object: &Vec<u8>| serde_json::from_slice::<Value>(object).unwrap()["metadata"]["resourceVersion"].clone();
        let given = request.reads.iter().flat_map(|read| &read.objects).map(version).next();
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let shown = if self.counts { json!(asked) } else { json!(given) };
        let status = json!({"shown": shown}).to_string().into_bytes();
        Ok(Plan { status, ..plan(Vec::new(), vec![by_name("large")]) })
    }
}

/// What is read is one of the things that a plan is made from: only a plan that changes without them is unsettled.
#[tokio::test(start_paused = true)]
async fn a_plan_that_follows_what_it_reads_is_settled_however_often_that_changes() {
    const TIMES: usize = 50;
    for (counts, changes) in [(false, true), (true, false)] {
        let server = Scripted::new(std::iter::repeat_n(status(), TIMES));
        let shows = Arc::new(Shows { counts, asked: AtomicUsize::new(0) });
        let read = DeclaredRead {
            id: "plan".to_owned(),
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            optional: false,
            elsewhere: false,
        };
        let controller = controller_of(&server, shows, Identity::Process, Vec::new(), vec![read]);
        let plans = store("", "ConfigMap", "configmaps");
        controller.reads.use_store(&controller, ("v1".to_owned(), "ConfigMap".to_owned()), plans.clone());
        plans.observe(config_map("large", "100", json!({})));
        let mut rests = 0;
        for version in 0..TIMES {
            if changes {
                plans.observe(config_map("large", &(101 + version).to_string(), json!({})));
            }
            let (next, outcome) = reconcile(&controller, 0, &key()).await;
            rests += usize::from(outcome == Outcome::Error);
            assert!(!matches!(next, Next::Retry { .. }), "{next:?}");
            if rests > 0 {
                break;
            }
        }
        assert_eq!(rests > 0, counts, "the plan follows what it reads: {changes}");
    }
}

#[tokio::test]
async fn what_an_account_may_not_see_is_not_given_and_not_told_of() {
    let answer = |allowed: bool| (201, json!({"status": {"allowed": allowed}}));
    for there in [true, false] {
        // The primary may be seen; the ConfigMap in none of the three ways that allow it.
        let server = Scripted::new([answer(true), answer(false), answer(false), answer(false), status()]);
        let account = Identity::ServiceAccount { namespace: "own".to_owned(), name: "orkestra-web".to_owned() };
        let (controller, plans, given) = controller(&server, plan(Vec::new(), vec![by_name("large")]), account);
        if there {
            plans.observe(config_map("large", "4", json!({})));
        }
        reconcile(&controller, 0, &key()).await;
        assert_eq!(reason(&server), "Forbidden");
        assert_eq!(given.lock().unwrap()[1], [("plan".to_owned(), Vec::<String>::new())]);
    }
}

#[tokio::test]
async fn a_primary_that_the_account_may_not_see_reaches_no_pattern() {
    let answer = || (201, json!({"status": {"allowed": false}}));
    let server = Scripted::new([answer(), answer(), status()]);
    let account = Identity::ServiceAccount { namespace: "own".to_owned(), name: "orkestra-web".to_owned() };
    let (controller, _, given) = controller(&server, plan(Vec::new(), Vec::new()), account);
    reconcile(&controller, 0, &key()).await;
    assert_eq!(reason(&server), "Forbidden");
    assert!(given.lock().unwrap().is_empty());
}

/// Every plan here is refused before a request leaves: only the status is written.
#[tokio::test]
async fn no_request_comes_of_a_hostile_plan() {
    let named = |name: &str| plan(vec![child(&json!({"metadata": {"name": name}}).to_string())], Vec::new());
    let in_namespace = |namespace: &str| {
        plan(vec![child(&json!({"metadata": {"name": "a", "namespace": namespace}}).to_string())], Vec::new())
    };
    let raw = |text: &str| plan(vec![child(text)], Vec::new());
    let wants = |want: WantedRead| plan(Vec::new(), vec![want]);
    let other = |id: &str| WantedRead { id: id.to_owned(), ..by_name("a") };
    let hostile = [
        named(""),
        named("."),
        named(".."),
        named("../../secrets/x"),
        named("a/status"),
        named("a%2Fstatus"),
        named("a?dryRun=All"),
        named("a#b"),
        named("a\nb"),
        named("a\u{202e}b"),
        in_namespace("kube-system"),
        in_namespace("own"),
        in_namespace("n/../m"),
        in_namespace("n%2Fpods"),
        raw(r#"{"metadata":{"name":"a","name":"b"}}"#),
        raw(r#"{"metadata":{"name":"a"},"data":{"x":"1","x":"2"}}"#),
        raw(r#"{"metadata":{"name":"a"},"kind":"Secret"}"#),
        raw(r#"{"metadata":{"name":"a"}} {}"#),
        plan(vec![child(r#"{"metadata":{"name":"a"}}"#), child(r#"{"metadata":{"name":"b"}}"#)], Vec::new()),
        wants(by_name("../secrets/x")),
        wants(by_name("a%2Fb")),
        wants(by_name("a?watch=true")),
        wants(by_name("..")),
        wants(by_label("a=b,c", "d")),
        wants(by_label("a", "b,c!=d")),
        wants(other("nobody")),
        plan(Vec::new(), vec![other("other"), other("other")]),
    ];
    let known = ["InvalidChild", "InvalidRead", "UndeclaredRead"];
    for plan in hostile {
        let server = Scripted::new([status()]);
        let (controller, _, _) = controller(&server, plan.clone(), Identity::Process);
        reconcile(&controller, 0, &key()).await;
        assert_eq!(server.asked().len(), 1, "{plan:?}");
        assert!(known.contains(&&*reason(&server)), "{plan:?}");
    }
    // The accepted twin: within bounds each of them leads to its requests.
    let absent = json!({"kind": "Status", "code": 404, "reason": "NotFound"});
    let made = json!({"metadata": {"name": "a", "namespace": "n", "uid": "c-1", "resourceVersion": "6",
        "labels": {"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/id": "config",
            "orkestra.orkspace.io/owner-uid": "p-1"},
        "ownerReferences": [{"apiVersion": "g/v1", "kind": "Web", "name": "w", "uid": "p-1", "controller": true}]}});
    let server = Scripted::new([(404, absent), (201, made), status()]);
    let good = plan(vec![child(r#"{"metadata":{"name":"a","namespace":"n"}}"#)], vec![by_label("a.io/b", "c")]);
    let (controller, plans, _) = controller(&server, good, Identity::Process);
    plans.observe(config_map("x", "2", json!({"a.io/b": "c"})));
    reconcile(&controller, 0, &key()).await;
    assert!(server.asked()[1].0.starts_with("PATCH /api/v1/namespaces/n/configmaps/a?"), "{:?}", server.asked());
}

#[tokio::test]
async fn a_resource_in_a_namespace_that_is_nobodys_reaches_no_pattern() {
    let mut foreign = primary("5", 1, "old");
    foreign["metadata"]["namespace"] = "kube-system".into();
    let server = Scripted::new([(200, foreign.clone())]);
    let (controller, _, given) = controller(&server, plan(Vec::new(), Vec::new()), Identity::Process);
    controller.primaries.observe(object(&foreign, "g/v1", "Web"));
    reconcile(&controller, 0, &ObjectKey::new("kube-system", "w")).await;
    let asked = server.asked();
    assert_eq!(asked[0].1["status"]["conditions"][0]["reason"], "ForbiddenNamespace");
    assert!(given.lock().unwrap().is_empty());
}
