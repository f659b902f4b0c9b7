//! Nothing is written where nothing changes, although everything is looked at.

use std::time::Duration;

use orkestra_tests::{LONG, Namespace, eventually};
use serde_json::json;

use crate::fixture::{Running, ready_web, together};

const RESYNC: Duration = Duration::from_secs(1);
const RESOURCES: usize = 10;
const WATCHED: Duration = Duration::from_secs(5);

/// Watches a runtime that has nothing to do: many reconciles, no writes.
async fn silent(ns: &Namespace, running: &Running) {
    let mark = ns.cluster().audit().mark().await;
    let before = running.reconciles();
    tokio::time::sleep(WATCHED).await;
    // Everything is looked at more than once, however long a busy machine takes for it.
    let expected = before + 3 * RESOURCES as u64;
    eventually("three rounds of reconciles", LONG, async || match running.reconciles() {
        reconciles if reconciles >= expected => Ok(()),
        reconciles => Err(format!("{reconciles} of {expected}")),
    })
    .await;
    let writes = ns.writes_since(mark).await;
    assert!(writes.is_empty(), "{} writes in silence: {writes:#?}", writes.len());
}

#[test]
fn a_settled_cluster_is_silent_also_after_a_restart() {
    together("silence", async |ns| {
        let running = Running::start(&ns, RESYNC).await;
        for index in 0..RESOURCES {
            ready_web(&ns, &format!("w{index}"), json!({"protected": index % 2 == 0, "replicas": index % 3})).await;
        }
        ns.settled(Duration::from_secs(1)).await;
        silent(&ns, &running).await;
        running.stop().await;

        let mark = ns.cluster().audit().mark().await;
        let running = Running::start(&ns, RESYNC).await;
        silent(&ns, &running).await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.is_empty(), "writes after a restart: {writes:#?}");
        running.stop().await;
    });
}
