//! `kill -9` between any two requests: whatever was about to happen happens after the restart, once.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use orkestra_operator::failpoint::Point;
use orkestra_tests::{
    CONFIG_MAP, Granted, Kind, LONG, Mark, Namespace, Ork, POD_DISRUPTION_BUDGET, SECRET, SERVICE, condition_of,
    eventually, pattern_directory,
};
use serde_json::{Value, json};

use crate::fixture::{CRD, SERVICE_ACCOUNT, WEB};

/// A child of every sort: from elements, with a value that is made once, pruned, deleted in order; and work at the end.
const KATALOG: &str = include_str!("kills.yaml");
const JOB: Kind = Kind::new("batch/v1", "Job");
/// The kinds that the pattern renders.
const KINDS: [Kind; 6] = [CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT, POD_DISRUPTION_BUDGET, JOB];
/// Everything that the runtime makes carries it.
const OURS: &str = "app.kubernetes.io/managed-by=orkestra";
/// SIGKILL.
const KILLED: i32 = 9;

/// What the resources are told to be.
#[derive(Default)]
struct Wanted {
    alive: BTreeMap<String, Web>,
    made: usize,
}

#[derive(Clone, Default)]
struct Web {
    text: String,
    protected: bool,
    elements: Vec<String>,
}

/// UID of every child when it was first seen, with the values of a Secret, by kind and name. No name is used again.
type Seen = BTreeMap<(&'static str, String), (Value, Value)>;

/// What was done, and held.
pub(crate) struct Proof {
    /// How often the process ended at each point.
    pub(crate) hits: Vec<(Point, usize)>,
    /// Resources that went, their work done once and before that.
    pub(crate) deletions: usize,
    /// Those of them whose children were seen to go in order.
    pub(crate) in_order: usize,
}

/// Ends the runtime at every point, `hits` times each, while resources come, change and go. Panics unless at the end
/// exactly those children are there that should be, no child was made or deleted twice, every generated value is the one
/// that was first seen, all work of deletions was waited for, and every status is right.
pub(crate) async fn kill_everywhere(ns: &Namespace, hits: usize) -> Proof {
    let directory = pattern_directory(ns.cluster(), KATALOG, CRD);
    let granted = Granted::give(ns, &[&directory]).await;
    let (kubeconfig, path) = (granted.kubeconfig().to_str(), directory.to_str());
    let system = ns.own();
    let arguments = [
        "--kubeconfig",
        kubeconfig.expect("a path in UTF-8"),
        "--no-crds",
        // A lease is not let go by who is killed, and each run would wait for it.
        "--no-leader-elect",
        "--namespace",
        ns.name(),
        "--system-namespace",
        &system,
        "--listen",
        "127.0.0.1:0",
        "--yes",
        path.expect("a path in UTF-8"),
    ];
    let node = tokio::spawn(end_pods(ns.clone()));
    let mark = ns.cluster().audit().mark().await;
    let (mut wanted, mut seen) = (Wanted::default(), Seen::new());
    let mut counted = Vec::new();
    for (index, point) in Point::ALL.into_iter().enumerate() {
        let mut count = 0;
        for hit in 0..hits {
            let armed = format!("{}={}", point.name(), 1 + (hit + index) % requests_due(point));
            let ork = Mutex::new(Ork::run_armed(ns.cluster(), &arguments, Some(&armed)));
            let status = loop {
                change(ns, &mut wanted).await;
                // What is due depends on how far the runtime came before: where it comes to an end, there is more to do.
                let what = format!("ork ends at {armed}, or has done all");
                let ended = eventually(&what, LONG, async || {
                    let ended = ork.lock().expect("no panic before").ended();
                    match ended {
                        None if !ns.list(WEB, "").await.iter().all(is_settled) => {
                            Err(ork.lock().expect("no panic before").output())
                        }
                        ended => Ok(ended),
                    }
                });
                if let Some(status) = ended.await {
                    break status;
                }
            };
            let output = ork.lock().expect("no panic before").output();
            assert_eq!(status.signal(), Some(KILLED), "{armed}: {output}");
            let said = output.lines().any(|line| line.contains("failpoint") && line.contains(point.name()));
            assert!(said, "{armed}: {output}");
            none_twice_or_anew(ns, &mut seen).await;
            count += 1;
        }
        counted.push((point, count));
    }
    let ork = Ork::run(ns.cluster(), &arguments);
    all_right(ns, &wanted).await;
    assert!(ork.stop().await.success());
    node.abort();
    // Nor does anything change afterwards.
    all_right(ns, &wanted).await;
    none_twice_or_anew(ns, &mut seen).await;
    let (deletions, in_order) = in_order_and_once(ns, mark, &wanted).await;
    Proof { hits: counted, deletions, in_order }
}

/// How many requests of its sort each change makes necessary, about: the process ends at each of them in turn.
fn requests_due(point: Point) -> usize {
    match point {
        Point::BeforeApply | Point::AfterApply | Point::BeforePrune | Point::AfterPrune => 8,
        Point::BeforeStatus | Point::AfterStatus | Point::BeforeFinalizer | Point::AfterFinalizer => 3,
    }
}

/// One resource more, a change of the one before it, and the end of one that has had time to become whole; and a change
/// of one that stays all the time. So every sort of request is due.
async fn change(ns: &Namespace, wanted: &mut Wanted) {
    const STAYS: &str = "stays";
    const LIVES: usize = 4;
    let (number, name) = (wanted.made, |number: usize| format!("k{number}"));
    wanted.made += 1;
    let staying = Web { text: format!("t{number}"), protected: true, elements: vec![format!("e{number}")] };
    make(ns, wanted, STAYS, staying).await;
    let first = Web { text: "first".to_owned(), protected: true, elements: vec!["ea".to_owned(), "eb".to_owned()] };
    make(ns, wanted, &name(number), first).await;
    if let Some(before) = number.checked_sub(1) {
        let changed = Web { text: "changed".to_owned(), protected: false, elements: vec!["eb".to_owned()] };
        make(ns, wanted, &name(before), changed).await;
    }
    if let Some(last) = number.checked_sub(LIVES) {
        ns.delete(WEB, &name(last)).await;
        wanted.alive.remove(&name(last));
    }
}

async fn make(ns: &Namespace, wanted: &mut Wanted, name: &str, web: Web) {
    let elements: Vec<Value> = web.elements.iter().map(|name| json!({"name": name})).collect();
    let spec = json!({"text": web.text, "protected": web.protected, "elements": elements});
    match wanted.alive.insert(name.to_owned(), web) {
        None => ns.create(WEB, json!({"metadata": {"name": name}, "spec": spec})).await,
        Some(_) => ns.edit(WEB, name, json!({"spec": spec})).await,
    };
}

/// Lets the pods of Jobs succeed, a moment after they came to be. What it asks may fail while a pod goes.
async fn end_pods(ns: Namespace) {
    let pods: Api<Pod> = Api::namespaced(ns.cluster().client(), ns.name());
    let jobs = ListParams::default().labels("batch.kubernetes.io/job-name");
    loop {
        let found = pods.list(&jobs).await.map(|found| found.items).unwrap_or_default();
        let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
        let open = found.iter().filter(|pod| phase(pod).as_deref() != Some("Succeeded"));
        for name in open.filter_map(|pod| pod.metadata.name.as_deref()) {
            let succeeded = Patch::Merge(json!({"status": {"phase": "Succeeded", "conditions": []}}));
            let _ = pods.patch_status(name, &PatchParams::default(), &succeeded).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn is_settled(web: &Value) -> bool {
    web["metadata"]["deletionTimestamp"].is_null()
        && condition_of(web, "Ready") == Some("True")
        && condition_of(web, "Stalled") == Some("False")
        && web["status"]["observedGeneration"] == web["metadata"]["generation"]
        && web["status"]["text"] == web["spec"]["text"]
}

/// No child is there twice, and every one is that which was first seen; a Secret with the same values.
async fn none_twice_or_anew(ns: &Namespace, seen: &mut Seen) {
    for kind in KINDS {
        let mut identities = BTreeSet::new();
        for child in ns.list(kind, OURS).await.iter().filter(|child| child["metadata"]["deletionTimestamp"].is_null()) {
            let text = |part: &str, name: &str| child["metadata"][part][name].as_str().unwrap_or_default().to_owned();
            let identity = (
                text("labels", "orkestra.orkspace.io/owner-uid"),
                text("labels", "orkestra.orkspace.io/id"),
                text("annotations", "orkestra.orkspace.io/key"),
            );
            assert!(identities.insert(identity), "a second one: {child:#}");
            let name = child["metadata"]["name"].as_str().expect("a name").to_owned();
            assert!(kind != SECRET || child["data"]["password"].is_string(), "{name} has no password");
            let values = if kind == SECRET { child["data"].clone() } else { Value::Null };
            let now = (child["metadata"]["uid"].clone(), values);
            let first = seen.entry((kind.kind, name.clone())).or_insert_with(|| now.clone());
            assert!(*first == now, "{} {name} is another one, or has another value than at first", kind.kind);
        }
    }
}

async fn all_right(ns: &Namespace, wanted: &Wanted) {
    eventually("exactly the wanted resources and children are there, and every status is right", LONG, async || {
        let webs = ns.list(WEB, "").await;
        let names: BTreeSet<&str> = webs.iter().filter_map(|web| web["metadata"]["name"].as_str()).collect();
        let expected: BTreeSet<&str> = wanted.alive.keys().map(String::as_str).collect();
        if names != expected {
            return Err(format!("resources {names:?}, not {expected:?}"));
        }
        if let Some(web) = webs.iter().find(|web| !is_settled(web)) {
            return Err(format!("{web:#}"));
        }
        for kind in KINDS {
            let mut found = ns.list(kind, OURS).await;
            // The work of those that are gone is the garbage collector's, who may take half a minute to know their kind.
            let owned = |job: &Value| {
                let owner = &job["metadata"]["ownerReferences"][0]["uid"];
                owner.is_string() && !webs.iter().any(|web| web["metadata"]["uid"] == *owner)
            };
            found.retain(|child| kind != JOB || !owned(child));
            let found: BTreeMap<&str, &Value> =
                found.iter().filter_map(|child| Some((child["metadata"]["name"].as_str()?, child))).collect();
            let expected = children(kind, wanted);
            let names: BTreeSet<String> = found.keys().map(|name| (*name).to_owned()).collect();
            if names != expected {
                return Err(format!("{}: {names:?}, not {expected:?}", kind.kind));
            }
            for (name, Web { text, .. }) in wanted.alive.iter().filter(|_| kind == CONFIG_MAP) {
                let config = found.get(&*format!("{name}-config")).map(|config| &config["data"]["text"]);
                if config != Some(&json!(text)) {
                    return Err(format!("{name}: {config:?}, not {text}"));
                }
            }
        }
        Ok(())
    })
    .await;
}

/// Waits until the garbage collector has taken the work of those that are gone.
pub(crate) async fn collected(ns: &Namespace) {
    eventually("no work is left", LONG, async || match ns.list(JOB, OURS).await.len() {
        0 => Ok(()),
        left => Err(left),
    })
    .await;
}

fn children(kind: Kind, wanted: &Wanted) -> BTreeSet<String> {
    let of = |(name, web): (&String, &Web)| match kind {
        CONFIG_MAP => {
            let elements = web.elements.iter().map(|element| format!("{name}-{element}"));
            elements.chain([format!("{name}-config"), format!("{name}-address")]).collect()
        }
        SECRET => vec![format!("{name}-auth")],
        POD_DISRUPTION_BUDGET if !web.protected => Vec::new(),
        // There only as long as its resource is being deleted.
        JOB => Vec::new(),
        _ => vec![name.clone()],
    };
    wanted.alive.iter().flat_map(of).collect()
}

/// By the API server's audit log nothing was made or deleted twice, and for each resource that is gone its work was done
/// once and before its children went, and the child that needs another one went before that. Says how many are gone, and
/// of how many the order was seen: of a request that was on its way when the process ended the log has no answer.
async fn in_order_and_once(ns: &Namespace, mark: Mark, wanted: &Wanted) -> (usize, usize) {
    let mut requests = ns.cluster().audit().requests_since(mark).await;
    requests.retain(|request| request.is_write() && request.namespace.as_deref() == Some(ns.name()));
    let (mut made, mut deleted) = (BTreeSet::new(), BTreeMap::new());
    let mut worked: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (position, request) in requests.iter().enumerate() {
        let Some(name) = request.name.as_deref() else { continue };
        match (&*request.resource, &*request.verb, request.code, request.impersonated.is_some()) {
            (resource, "delete", 200, true) => {
                let before = deleted.insert((resource, name), position);
                assert_eq!(before, None, "{resource} {name} was deleted twice");
            }
            (resource, _, 201, true) => {
                assert!(made.insert((resource, name)), "{resource} {name} was made twice");
            }
            ("pods/status", _, 200, false) if request.user_agent == "orkestra-tests" => {
                let job = name.rsplit_once('-').map_or(name, |(job, _)| job);
                worked.entry(job).or_default().entry(name).or_insert(position);
            }
            _ => {}
        }
    }
    let names = (0..wanted.made).map(|number| format!("k{number}"));
    let (mut gone, mut in_order) = (0, 0);
    for name in names.filter(|name| !wanted.alive.contains_key(name)) {
        let (config, address, job) = (format!("{name}-config"), format!("{name}-address"), format!("{name}-backup"));
        let pods = worked.get(&*job).map(|pods| pods.values().collect::<Vec<_>>()).unwrap_or_default();
        // What was never looked at before it went has nothing to be saved.
        if pods.is_empty() && !made.contains(&("configmaps", &*config)) {
            continue;
        }
        assert_eq!(pods.len(), 1, "{job} did its work so often");
        gone += 1;
        if let Some(config) = deleted.get(&("configmaps", &*config)) {
            assert!(pods[0] < config, "{name}: the work ended at {}, its child went at {config}", pods[0]);
        }
        let places = (deleted.get(&("configmaps", &*address)), deleted.get(&("services", &*name)));
        if let (Some(address), Some(service)) = places {
            assert!(address < service, "{name}: the address went at {address}, its service at {service}");
            in_order += 1;
        }
    }
    (gone, in_order)
}

/// The hits of each point as a table, and what became of the resources.
#[allow(clippy::print_stdout, reason = "figures are what a soak is for")]
pub(crate) fn print(proof: &Proof) {
    println!("{:<20} hits", "killed at");
    for (point, count) in &proof.hits {
        println!("{:<20} {count:>4}", point.name());
    }
    println!("{} deletions, the order of {} seen whole", proof.deletions, proof.in_order);
    println!("0 orphans, 0 doubled, 0 lost; every generated value the first one; every status right");
}
