//! `kill -9` between any two requests: whatever was about to happen happens after the restart, once.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;

use orkestra_operator::failpoint::Point;
use orkestra_tests::{
    CONFIG_MAP, Kind, LONG, Namespace, Ork, POD_DISRUPTION_BUDGET, SERVICE, condition_of, eventually, pattern_directory,
};
use serde_json::{Value, json};

use crate::fixture::{CRD, KATALOG, SERVICE_ACCOUNT, WEB};

/// The signal of `abort`, which is how a failpoint ends the process.
const ABORTED: i32 = 6;
/// The kinds that the pattern renders.
const KINDS: [Kind; 4] = [CONFIG_MAP, SERVICE, SERVICE_ACCOUNT, POD_DISRUPTION_BUDGET];
/// Everything that the runtime makes carries it.
const OURS: &str = "app.kubernetes.io/managed-by=orkestra";

/// What the resources are told to be.
#[derive(Default)]
struct Wanted {
    /// Text and protection by name.
    alive: BTreeMap<String, (String, bool)>,
    made: usize,
}

/// Ends the runtime at every point, `hits` times each, while resources come, change and go; and gives the hits of each
/// point. Panics unless at the end exactly those children are there that should be, and every status is right.
pub(crate) async fn kill_everywhere(ns: &Namespace, hits: usize) -> Vec<(Point, usize)> {
    let directory = pattern_directory(ns.cluster(), KATALOG, CRD);
    let path = directory.to_str().expect("a path in UTF-8");
    let system = ns.own();
    let arguments = [
        "--no-impersonation",
        "--no-crds",
        "--namespace",
        ns.name(),
        "--system-namespace",
        &system,
        "--listen",
        "127.0.0.1:0",
        "--yes",
        path,
    ];
    let mut wanted = Wanted::default();
    let mut counted = Vec::new();
    for point in Point::ALL {
        let mut count = 0;
        for hit in 0..hits {
            // Sometimes the first request of its sort, sometimes a later one, where more than one is due each time.
            let many =
                matches!(point, Point::BeforeApply | Point::AfterApply | Point::BeforeStatus | Point::AfterStatus);
            let armed = format!("{}={}", point.name(), 1 + if many { hit % 2 } else { 0 });
            let ork = Mutex::new(Ork::run_armed(ns.cluster(), &arguments, Some(&armed)));
            let status = loop {
                change(ns, &mut wanted).await;
                // What is due depends on how far the runtime came before: where it comes to an end, there is more to do.
                let newest = format!("k{}", wanted.made - 1);
                let what = format!("ork ends at {armed}, or has done all");
                let ended = eventually(&what, LONG, async || {
                    let ended = ork.lock().expect("no panic before").ended();
                    let done = async || condition_of(&ns.get(WEB, &newest).await, "Ready") == Some("True");
                    match ended {
                        None if !done().await => Err(ork.lock().expect("no panic before").output()),
                        ended => Ok(ended),
                    }
                });
                if let Some(status) = ended.await {
                    break status;
                }
            };
            assert_eq!(status.signal(), Some(ABORTED), "{armed}: {}", ork.lock().expect("no panic before").output());
            none_twice(ns).await;
            count += 1;
        }
        counted.push((point, count));
    }
    let ork = Ork::run(ns.cluster(), &arguments);
    all_right(ns, &wanted).await;
    assert!(ork.stop().await.success());
    // Nor does anything change afterwards.
    all_right(ns, &wanted).await;
    counted
}

/// One resource more, a change of the one before it, and the end of the one before that: so every sort of request is due.
async fn change(ns: &Namespace, wanted: &mut Wanted) {
    let (number, name) = (wanted.made, |number: usize| format!("k{number}"));
    wanted.made += 1;
    ns.create(WEB, json!({"metadata": {"name": name(number)}, "spec": {"text": "first", "protected": true}})).await;
    wanted.alive.insert(name(number), ("first".to_owned(), true));
    if let Some(before) = number.checked_sub(1) {
        ns.edit(WEB, &name(before), json!({"spec": {"text": "changed", "protected": false}})).await;
        wanted.alive.insert(name(before), ("changed".to_owned(), false));
    }
    if let Some(last) = number.checked_sub(2) {
        ns.delete(WEB, &name(last)).await;
        wanted.alive.remove(&name(last));
    }
}

async fn none_twice(ns: &Namespace) {
    for kind in KINDS {
        let mut seen = BTreeSet::new();
        for child in ns.list(kind, OURS).await.iter().filter(|child| child["metadata"]["deletionTimestamp"].is_null()) {
            let label = |name: &str| child["metadata"]["labels"][name].as_str().unwrap_or_default().to_owned();
            let identity = (label("orkestra.orkspace.io/owner-uid"), label("orkestra.orkspace.io/id"));
            assert!(seen.insert(identity), "a second one: {child:#}");
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
        for web in &webs {
            let status = &web["status"];
            let right = condition_of(web, "Ready") == Some("True")
                && status["observedGeneration"] == web["metadata"]["generation"]
                && status["text"] == web["spec"]["text"]
                && condition_of(web, "Stalled") == Some("False");
            if !right {
                return Err(format!("{web:#}"));
            }
        }
        for kind in KINDS {
            let found = ns.list(kind, OURS).await;
            let found: BTreeMap<&str, &Value> =
                found.iter().filter_map(|child| Some((child["metadata"]["name"].as_str()?, child))).collect();
            let expected = children(kind, wanted);
            let names: BTreeSet<String> = found.keys().map(|name| (*name).to_owned()).collect();
            if names != expected {
                return Err(format!("{}: {names:?}, not {expected:?}", kind.kind));
            }
            for (name, (text, _)) in wanted.alive.iter().filter(|_| kind == CONFIG_MAP) {
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

fn children(kind: Kind, wanted: &Wanted) -> BTreeSet<String> {
    let of = |name: &String, protected: bool| match kind {
        CONFIG_MAP => vec![format!("{name}-config"), format!("{name}-address")],
        POD_DISRUPTION_BUDGET if !protected => Vec::new(),
        _ => vec![name.clone()],
    };
    wanted.alive.iter().flat_map(|(name, (_, protected))| of(name, *protected)).collect()
}

/// The hits of each point as a table.
#[allow(clippy::print_stdout, reason = "figures are what a soak is for")]
pub(crate) fn print(counted: &[(Point, usize)]) {
    println!("{:<20} hits", "killed at");
    for (point, count) in counted {
        println!("{:<20} {count:>4}", point.name());
    }
    println!("0 orphans, 0 doubled, 0 lost; every status right");
}
