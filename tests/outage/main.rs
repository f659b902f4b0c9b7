//! An API server that stops answering or starts again loses nothing, nor does a runtime that is killed.
//!
//! A suite of its own, with a control plane of its own: the simulated node does not outlive such treatment, and other
//! tests count on it.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

use std::time::Duration;

use orkestra_devcluster::Part;
use orkestra_operator::failpoint::Point;
use orkestra_tests::{CONFIG_MAP, LONG, SERVICE, condition_of, eventually};
use serde_json::json;

#[allow(dead_code, reason = "the suite `cluster` uses the rest")]
#[path = "../cluster/fixture.rs"]
mod fixture;

#[allow(dead_code, reason = "the suite `soak` prints a table")]
#[path = "../soak/kills.rs"]
mod kills;

use fixture::{KATALOG, NO_RESYNC, Running, WEB, alone, instance, options, ready_web};

#[test]
fn an_api_server_that_hangs_loses_nothing() {
    alone("hangs", async |ns| {
        let mut options = options(&ns);
        // Shorter than the outage, so that requests do run out of time in it.
        options.request_limit = Duration::from_secs(2);
        let running = Running::start_with(&ns, instance(KATALOG, NO_RESYNC), options).await;
        ready_web(&ns, "a", json!({})).await;
        let mark = ns.settled(Duration::from_millis(300)).await;
        ns.edit(CONFIG_MAP, "a-config", json!({"data": {"text": "edited"}})).await;
        ns.create(WEB, json!({"metadata": {"name": "b"}, "spec": {}})).await;
        ns.cluster().plane().pause(Part::ApiServer).expect("it stops");
        tokio::time::sleep(Duration::from_secs(8)).await;
        ns.cluster().plane().resume(Part::ApiServer).expect("it goes on");
        ns.wait_until(CONFIG_MAP, "a-config", "the edit is repaired", |c| c["data"]["text"] == "hello").await;
        ns.wait_for_condition(WEB, "b", "Ready", "True").await;
        ns.settled(Duration::from_secs(1)).await;
        // What ran out of time may have been done all the same; it must not be done to somebody else's object.
        let writes = ns.writes_since(mark).await;
        assert!(writes.iter().all(|write| write.code < 500 || write.code == 504), "{writes:#?}");
        running.stop().await;
    });
}

#[test]
fn an_api_server_that_starts_again_loses_nothing() {
    alone("restarts", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        let plane = ns.cluster().plane();
        plane.kill(Part::ApiServer).expect("it is killed");
        tokio::time::sleep(Duration::from_secs(2)).await;
        plane.start_again(Part::ApiServer).expect("it starts again");
        eventually("the API server answers", LONG, async || plane.check().map_err(|error| error.to_string())).await;
        ns.delete(SERVICE, "a").await;
        ns.edit(WEB, "a", json!({"spec": {"text": "after"}})).await;
        let status =
            |web: &serde_json::Value| web["status"]["text"] == "after" && condition_of(web, "Ready") == Some("True");
        eventually("the resource follows", LONG, async || match ns.find(WEB, "a").await {
            Some(web) if status(&web) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        ns.wait_for(SERVICE, "a").await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await["data"]["text"], "after");
        running.stop().await;
    });
}

#[test]
fn a_runtime_that_is_killed_at_any_point_loses_nothing() {
    alone("kills", async |ns| {
        let proof = kills::kill_everywhere(&ns, 2).await;
        assert!(proof.hits.len() == Point::ALL.len() && proof.hits.iter().all(|(_, hits)| *hits == 2));
        assert!(proof.deletions > 0 && proof.in_order > 0);
    });
}
