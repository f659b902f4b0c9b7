//! What a person is told by Events, and how a resource that never settles is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, EVENT, Namespace, SHORTLY, condition_of, eventually};
use serde_json::{Value, json};

use crate::fixture::{NO_RESYNC, Running, WEB, ready_web, together};

/// The Events of the runtime about a resource with this reason.
async fn told(ns: &Namespace, name: &str, reason: &str) -> Vec<Value> {
    let mut events = ns.list(EVENT, "").await;
    events.retain(|event| event["involvedObject"]["name"] == name && event["source"]["component"] == "orkestra");
    events.retain(|event| reason.is_empty() || event["reason"] == reason);
    events
}

async fn wait_told(ns: &Namespace, name: &str, reason: &str) -> Value {
    eventually(&format!("an Event {reason} about {name}"), SHORTLY, async || {
        told(ns, name, reason).await.pop().ok_or("there is none")
    })
    .await
}

#[test]
fn a_repair_is_told_once_and_a_creation_not_at_all() {
    together("events-drift", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        assert_eq!(told(&ns, "a", "").await, Vec::<Value>::new());
        for _ in 0..3 {
            ns.edit(CONFIG_MAP, "a-config", json!({"data": {"text": "edited"}})).await;
            ns.wait_until(CONFIG_MAP, "a-config", "it is repaired", |config| config["data"]["text"] == "hello").await;
        }
        let event = wait_told(&ns, "a", "DriftRepaired").await;
        let message = event["message"].as_str().unwrap_or_default();
        assert!(message.contains(".data.text") && message.contains("kubectl-edit"), "{event:#}");
        ns.settled(Duration::from_millis(500)).await;
        assert_eq!(told(&ns, "a", "").await.len(), 1);
        running.stop().await;
    });
}

#[test]
fn what_stands_in_the_way_is_told_once_and_not_again_after_a_restart() {
    together("events-foreign", async |ns| {
        let running = Running::start(&ns, Duration::from_secs(1)).await;
        ns.create(CONFIG_MAP, json!({"metadata": {"name": "a-config"}, "data": {"mine": "1"}})).await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let event = wait_told(&ns, "a", "AlreadyExists").await;
        assert_eq!(event["type"], "Warning");
        let seen = running.problems("AlreadyExists");
        eventually("it is met a few times more", SHORTLY, async || match running.problems("AlreadyExists") {
            now if now >= seen + 3 => Ok(()),
            now => Err(now),
        })
        .await;
        running.stop().await;
        let running = Running::start(&ns, Duration::from_secs(1)).await;
        eventually("it is met after the restart", SHORTLY, async || match running.problems("AlreadyExists") {
            0 | 1 => Err("not yet"),
            _ => Ok(()),
        })
        .await;
        assert_eq!(told(&ns, "a", "AlreadyExists").await.len(), 1);
        running.stop().await;
    });
}

#[test]
fn a_writer_that_changes_everything_back_is_not_fought_for_ever() {
    together("events-unsettled", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        ready_web(&ns, "b", json!({})).await;
        let mark = ns.settled(Duration::from_millis(300)).await;
        let stop = Arc::new(AtomicBool::new(false));
        let fighter = tokio::spawn({
            let (ns, stop) = (ns.clone(), stop.clone());
            async move {
                while !stop.load(Ordering::Relaxed) {
                    ns.edit(CONFIG_MAP, "a-config", json!({"data": {"text": "mine"}})).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let web = ns.wait_for_condition(WEB, "a", "Unsettled", "True").await;
        let conditions = web["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let unsettled = conditions.iter().find(|condition| condition["type"] == "Unsettled").cloned();
        let message = unsettled.map(|unsettled| unsettled["message"].to_string()).unwrap_or_default();
        assert!(message.contains("a-config"), "{message}");
        wait_told(&ns, "a", "Unsettled").await;
        // It is left alone now, although it is changed on and on; others are not.
        ns.edit(CONFIG_MAP, "b-config", json!({"data": {"text": "edited"}})).await;
        ns.wait_until(CONFIG_MAP, "b-config", "it is repaired", |config| config["data"]["text"] == "hello").await;
        let writes = ns.writes_since(mark).await;
        let writes =
            writes.iter().filter(|write| write.name.as_deref() == Some("a-config") && write.code == 200).count();
        assert!(writes <= 25, "{writes} writes");
        assert_eq!(running.problems("Unsettled"), 1);
        stop.store(true, Ordering::Relaxed);
        fighter.await.expect("the other writer does not panic");
        // A change of the resource ends the rest at once.
        ns.edit(WEB, "a", json!({"spec": {"text": "new"}})).await;
        ns.wait_until(CONFIG_MAP, "a-config", "it follows", |config| config["data"]["text"] == "new").await;
        let web = ns.wait_for_condition(WEB, "a", "Unsettled", "False").await;
        assert_eq!(condition_of(&web, "Ready"), Some("True"));
        running.stop().await;
    });
}
