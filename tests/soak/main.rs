//! The long forms of what the suite `cluster` shows in seconds, and the figures of a thousand resources.
//!
//! `make soak` runs them, one after another; `cargo test` alone does not.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "figures are what a soak is for")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use orkestra_devcluster::Part;
use orkestra_operator::failpoint::Point;
use orkestra_tests::{CONFIG_MAP, Kind, LONG, Namespace, Request, SERVICE, condition_of, eventually};
use serde_json::{Value, json};

#[allow(dead_code, reason = "the suite `cluster` uses the rest")]
#[path = "../cluster/fixture.rs"]
mod fixture;
#[allow(dead_code, reason = "the suite `cluster` uses the rest")]
#[path = "../cluster/sight.rs"]
mod sight;

mod kills;

use fixture::{KATALOG, NO_RESYNC, Running, WEB, alone, installing, instance, options, ready_web};

#[test]
fn fifty_settled_resources_are_reconciled_and_never_written_for_a_minute() {
    alone("soak-silence", async |ns| {
        let resync = Duration::from_secs(5);
        let mut running = Running::start(&ns, resync).await;
        for index in 0..50 {
            ns.create(WEB, web(index)).await;
        }
        all_ready(&ns, 50).await;
        ns.settled(Duration::from_secs(2)).await;
        for restart in 0..3 {
            let mark = ns.cluster().audit().mark().await;
            if restart > 0 {
                running.stop().await;
                running = Running::start(&ns, resync).await;
            }
            let before = running.reconciles();
            tokio::time::sleep(Duration::from_secs(60)).await;
            let reconciles = running.reconciles() - before;
            let writes = ns.writes_since(mark).await;
            println!("after {restart} restarts: {reconciles} reconciles and {} writes in 60 s", writes.len());
            assert!(writes.is_empty(), "{writes:#?}");
            assert!(reconciles >= 500, "{reconciles}");
        }
        running.stop().await;
    });
}

#[test]
fn every_edit_is_repaired_within_a_second_by_one_write() {
    alone("soak-repair", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        let edits: [(&str, Kind, &str, Value); 4] = [
            ("leaf", CONFIG_MAP, "-config", json!([{"op": "replace", "path": "/data/text", "value": "edited"}])),
            ("list item", SERVICE, "", json!([{"op": "remove", "path": "/spec/ports/1"}])),
            ("removed key", CONFIG_MAP, "-config", json!([{"op": "remove", "path": "/data/fixed"}])),
            (
                "label",
                CONFIG_MAP,
                "-config",
                json!([{"op": "replace", "path": "/metadata/labels/tier", "value": "back"}]),
            ),
        ];
        for (index, (what, kind, suffix, edit)) in edits.into_iter().enumerate() {
            // One for each sort, and fewer edits of it than are taken for a quarrel that is better left alone.
            let web = format!("w{index}");
            ready_web(&ns, &web, json!({})).await;
            let name = &*format!("{web}{suffix}");
            let (mut took, mut statuses) = (Vec::new(), 0);
            for _ in 0..18 {
                let wanted = content(&ns.get(kind, name).await);
                let mark = ns.cluster().audit().mark().await;
                let edited = ns.edit_json(kind, name, edit.clone()).await;
                assert_ne!(content(&edited), wanted);
                let start = Instant::now();
                ns.wait_until(kind, name, what, |object| content(object) == wanted).await;
                took.push(start.elapsed());
                ns.settled(Duration::from_millis(200)).await;
                let writes = ns.writes_since(mark).await;
                let to_child =
                    |write: &&Request| !write.resource.contains("webs") && write.name.as_deref() == Some(name);
                let done = writes.iter().filter(|write| write.code == 200).filter(to_child);
                assert_eq!(done.count(), 1, "{what}: {writes:#?}");
                statuses += writes.iter().filter(|write| write.resource == "webs/status").count();
            }
            took.sort();
            println!(
                "{what}: repaired after {:?} (median of {}), {:?} at most; {statuses} writes of a status",
                took[took.len() / 2],
                took.len(),
                took[took.len() - 1]
            );
            assert!(took[took.len() - 1] < Duration::from_secs(1), "{what}: {took:?}");
        }
        running.stop().await;
    });
}

#[test]
fn an_api_server_that_hangs_for_a_minute_loses_nothing() {
    alone("soak-hangs", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        for index in 0..20 {
            ns.create(WEB, web(index)).await;
        }
        all_ready(&ns, 20).await;
        ns.settled(Duration::from_secs(1)).await;
        for index in 20..40 {
            ns.create(WEB, web(index)).await;
        }
        ns.edit(CONFIG_MAP, "w0-config", json!({"data": {"text": "edited"}})).await;
        ns.cluster().plane().pause(Part::ApiServer).expect("it stops");
        tokio::time::sleep(Duration::from_secs(60)).await;
        ns.cluster().plane().resume(Part::ApiServer).expect("it goes on");
        let start = Instant::now();
        all_ready(&ns, 40).await;
        ns.wait_until(CONFIG_MAP, "w0-config", "the edit is repaired", |config| config["data"]["text"] == "hello")
            .await;
        println!("all well {:?} after the API server went on", start.elapsed());
        running.stop().await;
    });
}

#[test]
fn the_runtime_is_killed_at_every_point_twenty_times_and_nothing_is_lost() {
    alone("soak-kills", async |ns| {
        let proof = kills::kill_everywhere(&ns, 20).await;
        kills::collected(&ns).await;
        kills::print(&proof);
        assert!(proof.hits.len() == Point::ALL.len() && proof.hits.iter().all(|(_, hits)| *hits >= 20));
        assert!(proof.deletions >= 50 && proof.in_order >= 10, "{} and {}", proof.deletions, proof.in_order);
    });
}

#[test]
fn who_is_not_granted_any_more_loses_sight_within_a_minute() {
    alone("soak-sight", async |ns| {
        let took = sight::lost(&ns, installing(&ns)).await;
        println!("lost sight {:.1} s after the RoleBinding was deleted", took.as_secs_f64());
        assert!(took <= Duration::from_secs(60), "{took:?}");
    });
}

#[test]
fn a_thousand_resources() {
    const COUNT: usize = 1000;
    alone("soak-thousand", async |ns| {
        let mut instance = instance(KATALOG, NO_RESYNC);
        instance.entries[0].workers = 16;
        let mut options = options(&ns);
        // The figures are of the runtime, not of its limits.
        options.ceilings.writes_per_second = 0;
        let running = Running::start_with(&ns, instance, options).await;
        let mark = ns.cluster().audit().mark().await;
        let (start, cpu) = (Instant::now(), cpu_seconds());
        for index in 0..COUNT {
            ns.create(WEB, json!({"metadata": {"name": format!("w{index}")}, "spec": {}})).await;
        }
        let created = start.elapsed();
        all_ready(&ns, COUNT).await;
        let took = start.elapsed();
        let writes = ns.writes_since(mark).await;
        let done = writes.iter().filter(|write| write.code < 300).count();
        println!(
            "{COUNT} resources: created in {created:.1?}, all ready after {took:.1?}; {:.2} writes each (4 children, 1 finalizer, 1 status), {} refused; \
             {:.1} s of processor time, {} MiB resident, both with the test itself",
            done as f64 / COUNT as f64,
            writes.len() - done,
            cpu_seconds() - cpu,
            resident_mib(),
        );
        let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
        for write in &writes {
            *kinds.entry((&*write.verb, &*write.resource, write.code)).or_default() += 1;
        }
        // One of the children reads another one, so their deletion has an order, and that needs the finalizer.
        assert_eq!(done, COUNT * 6, "{kinds:#?}");
        running.stop().await;
    });
}

fn web(index: usize) -> Value {
    json!({"metadata": {"name": format!("w{index}")}, "spec": {"protected": index.is_multiple_of(2)}})
}

async fn all_ready(ns: &Namespace, count: usize) {
    eventually("all are ready", LONG, async || {
        let webs = ns.list(WEB, "").await;
        let ready = webs.iter().filter(|web| condition_of(web, "Ready") == Some("True")).count();
        if ready == count { Ok(()) } else { Err(format!("{ready} of {count}")) }
    })
    .await;
}

/// What a person would call the same object: without versions and times.
fn content(object: &Value) -> Value {
    json!([object["data"], object["spec"], object["metadata"]["labels"]])
}

/// Processor time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has /proc");
    let after_name = stat.rsplit(')').next().expect("the name is in parentheses");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a count of ticks");
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel counts pages");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number of kB") / 1024
}
