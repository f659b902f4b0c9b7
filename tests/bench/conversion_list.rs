//! 1,000 resources listed in the version that is not stored, by a real API server whose cache is cold: it asks the webhook for one
//! resource after another. Ours and one written in Go with controller-runtime, in alternating rounds of one run.
//!
//! Run it with `cargo bench --workspace --bench conversion_list`. It starts a control plane; the Go program is built from `go-webhook`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod webhooks;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use orkestra_devcluster::Part;
use orkestra_tests::{CUSTOM_RESOURCE_DEFINITION, Kind, Namespace, with_namespace};
use serde_json::{Value, json};
use webhooks::{CRD, Process, build_go, certificates, serves};

const RESOURCES: usize = 1000;
const ROUNDS: usize = 5;
const DEFINITION: &str = "things.example.com";
const STORED: Kind = Kind::new("example.com/v2", "Thing");
const OTHER: Kind = Kind::new("example.com/v1", "Thing");

fn main() {
    if serves() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let kept = certificates(directory.path());
    let Some(go) = build_go(directory.path()) else {
        println!("not run: the baseline is built with Go, which is not here");
        return;
    };
    let both = [Process::ours(directory.path()), Process::go(&go, directory.path())];
    with_namespace("bench-list", async |ns| {
        ns.apply(CRD).await;
        let served =
            |definition: &Value| definition["status"]["conditions"].to_string().contains("InitialNamesAccepted");
        ns.wait_until(CUSTOM_RESOURCE_DEFINITION, DEFINITION, "it is served", served).await;
        point(&ns, &both[0], kept.bundle()).await;
        let items: Vec<Value> =
            (0..32).map(|n| json!({"name": format!("item-{n:04}"), "value": "some text of this item"})).collect();
        for number in 0..RESOURCES {
            let spec = json!({"instances": 3, "storage": {"size": "1Gi", "class": "fast"}, "resources": {"cpu": "1"}, "items": items});
            ns.create(STORED, json!({"metadata": {"name": format!("x{number}")}, "spec": spec})).await;
        }
        // It watches every kind, so that caches would never be cold.
        ns.cluster().plane().kill(Part::ControllerManager).expect("it runs");
        // A change of nothing would empty no cache.
        point(&ns, &both[1], kept.bundle()).await;
        let mut rounds: [Vec<Round>; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (process, rounds) in both.iter().zip(&mut rounds) {
                rounds.push(round(&ns, process, kept.bundle()).await);
            }
        }
        println!(
            "{RESOURCES} resources of about 2 kB, listed in the other version with a cold cache; medians of {ROUNDS} rounds"
        );
        let [ours, theirs] = rounds.map(|mut rounds| {
            rounds.sort_by_key(|round| round.list);
            rounds.swap_remove(ROUNDS / 2)
        });
        for (name, round) in [("orkestra", &ours), ("Go, controller-runtime", &theirs)] {
            let each = round.waited / round.calls.max(1) as f64;
            println!(
                "{name:24} {:>6.0} ms, {} calls of {:.0} µs as the API server sees them",
                round.list.as_secs_f64() * 1e3,
                round.calls,
                each * 1e6
            );
        }
        let each = |round: &Round| round.waited / round.calls.max(1) as f64;
        println!(
            "ratio: the list {:.2}, a call {:.2}",
            ours.list.as_secs_f64() / theirs.list.as_secs_f64(),
            each(&ours) / each(&theirs)
        );
    });
}

/// One list.
struct Round {
    list: Duration,
    /// Calls of the webhook meanwhile, and the seconds that the API server waited for them, by its own count.
    calls: u64,
    waited: f64,
}

async fn round(ns: &Namespace, process: &Process, bundle: &str) -> Round {
    // While a cache fills up, the API server may answer 429 and a second to wait: the client asks again at once instead.
    let mut config = ns.cluster().config().await;
    config.default_retry = false;
    let client = kube::Client::try_from(config).expect("a client");
    // A definition that changes has its storage made anew, with empty caches, by the first request that comes then.
    point(ns, process, bundle).await;
    let before = waited(ns).await;
    let start = Instant::now();
    let text = loop {
        let request = http::Request::get(format!("/apis/{}/things", OTHER.api_version)).body(Vec::new());
        match client.request_text(request.expect("a request")).await {
            Ok(text) => break text,
            Err(kube::Error::Api(status)) if status.code == 429 => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    };
    let list = start.elapsed();
    let listed: Value = serde_json::from_str(&text).expect("JSON");
    let items = listed["items"].as_array().expect("a list");
    assert_eq!((items.len(), &items[0]["spec"]["storageSize"]), (RESOURCES, &json!("1Gi")));
    // What the API server converts beside the list, for its cache, counts as calls.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = waited(ns).await;
    let calls = after.0 - before.0;
    assert!(calls >= RESOURCES as u64, "the cache was not cold: {calls} calls");
    Round { list, calls, waited: after.1 - before.1 }
}

/// Points the definition at a webhook, and waits until the API server must know it.
async fn point(ns: &Namespace, process: &Process, bundle: &str) {
    let config =
        json!({"url": format!("https://{}/convert", process.address), "caBundle": BASE64_STANDARD.encode(bundle)});
    let webhook = json!({"conversionReviewVersions": ["v1"], "clientConfig": config});
    let change = json!({"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}});
    ns.edit(CUSTOM_RESOURCE_DEFINITION, DEFINITION, change).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// How many conversions by webhooks the API server has asked for, and the seconds that they took.
async fn waited(ns: &Namespace) -> (u64, f64) {
    let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let text = ns.cluster().client().request_text(request).await.expect("metrics");
    let sum = |name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    let name = "apiserver_conversion_webhook_duration_seconds";
    (sum(&format!("{name}_count")) as u64, sum(&format!("{name}_sum")))
}
