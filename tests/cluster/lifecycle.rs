//! The end of a resource: work that is waited for, an order, and what stays.

use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, Kind, LONG, Namespace, POD, SECRET, eventually};
use serde_json::{Value, json};

use crate::fixture::{KATALOG, NO_RESYNC, Running, WEB, grant, instance, message_of, options, ready_web, together};

const LIFECYCLE: &str = include_str!("lifecycle.yaml");
const JOB: Kind = Kind::new("batch/v1", "Job");
const FINALIZER: &str = "orkestra.orkspace.io/cleanup";
const QUIET: Duration = Duration::from_millis(400);

async fn start(ns: &Namespace) -> Running {
    Running::start_with(ns, instance(LIFECYCLE, NO_RESYNC), options(ns)).await
}

fn is_finalized(web: &Value) -> bool {
    web["metadata"]["finalizers"].as_array().is_some_and(|names| names.iter().any(|name| name == FINALIZER))
}

/// Ends the pods of the job, as a kubelet would: the simulated one is told to hold them back.
async fn end_pods(ns: &Namespace, phase: &str) {
    let pods = eventually("the job has a pod", LONG, async || {
        let pods = ns.list(POD, "batch.kubernetes.io/job-name").await;
        let ended = |pod: &Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let open: Vec<Value> = pods.into_iter().filter(|pod| !ended(pod)).collect();
        if open.is_empty() { Err("there is none") } else { Ok(open) }
    })
    .await;
    for pod in pods {
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        let status = json!({"status": {"phase": phase, "conditions": []}}).to_string();
        let arguments = ["patch", "pod", &name, "-n", ns.name(), "--subresource=status", "--type=merge", "-p", &status];
        ns.cluster().plane().kubectl(&arguments, "").expect("the pod's phase is set");
    }
}

#[test]
fn a_deletion_waits_for_its_job_and_then_goes_backwards() {
    together("deletion", async |ns| {
        let running = start(&ns).await;
        let mark = ns.cluster().audit().mark().await;
        let web = ready_web(&ns, "a", json!({})).await;
        assert!(is_finalized(&web), "{web}");
        let writes = ns.writes_since(mark).await;
        assert_eq!(writes[0].resource, "webs", "the finalizer is the first write: {writes:#?}");
        ns.settled(QUIET).await;

        let mark = ns.cluster().audit().mark().await;
        ns.delete(WEB, "a").await;
        ns.wait_for(JOB, "a-backup").await;
        let web = ns
            .wait_until(WEB, "a", "it says what it waits for", |web| message_of(web, "Ready").contains("backup"))
            .await;
        assert!(message_of(&web, "Ready").contains("Deleting"), "{web}");
        let writes = ns.writes_since(mark).await;
        assert!(writes.iter().all(|write| write.verb != "delete"), "{writes:#?}");

        end_pods(&ns, "Succeeded").await;
        ns.wait_until_gone(WEB, "a").await;
        let writes = ns.writes_since(mark).await;
        let ours = writes
            .iter()
            .filter(|write| write.verb == "delete" && write.resource == "configmaps" && write.impersonated.is_some());
        let order: Vec<&str> = ours.filter_map(|write| write.name.as_deref()).collect();
        assert_eq!(order, ["a-third", "a-second", "a-base"]);
        let finalizer: Vec<_> = writes.iter().filter(|write| write.resource == "webs").collect();
        assert_eq!(finalizer.len(), 2, "that the work is done, and the finalizer: {finalizer:#?}");
        let kept = ns.get(CONFIG_MAP, "a-kept").await;
        assert!(
            kept["metadata"]["ownerReferences"].is_null() && kept["metadata"]["deletionTimestamp"].is_null(),
            "{kept}"
        );
        ns.wait_until_gone(SECRET, "a-auth").await;
        running.stop().await;
    });
}

#[test]
fn orphans_stay_and_the_work_of_the_deletion_is_done() {
    together("orphans", async |ns| {
        let running = start(&ns).await;
        ready_web(&ns, "a", json!({})).await;
        let arguments = ["delete", "webs", "a", "-n", ns.name(), "--cascade=orphan", "--wait=false"];
        ns.cluster().plane().kubectl(&arguments, "").expect("the deletion is begun");
        ns.wait_for(JOB, "a-backup").await;
        end_pods(&ns, "Succeeded").await;
        ns.wait_until_gone(WEB, "a").await;
        for name in ["a-base", "a-second", "a-third"] {
            let child = ns.get(CONFIG_MAP, name).await;
            assert!(
                child["metadata"]["ownerReferences"].is_null() && child["metadata"]["deletionTimestamp"].is_null(),
                "{child}"
            );
        }
        running.stop().await;
    });
}

#[test]
fn a_failed_job_stalls_the_deletion_until_it_is_made_again() {
    together("job-fails", async |ns| {
        let running = start(&ns).await;
        ready_web(&ns, "a", json!({})).await;
        ns.delete(WEB, "a").await;
        ns.wait_for(JOB, "a-backup").await;
        end_pods(&ns, "Failed").await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        assert!(message_of(&web, "Ready").contains("JobFailed") && is_finalized(&web), "{web}");
        ns.get(CONFIG_MAP, "a-base").await;

        let before = ns.get(JOB, "a-backup").await["metadata"]["uid"].clone();
        ns.delete(JOB, "a-backup").await;
        ns.wait_until(JOB, "a-backup", "it is another one", |job| job["metadata"]["uid"] != before).await;
        end_pods(&ns, "Succeeded").await;
        ns.wait_until_gone(WEB, "a").await;
        running.stop().await;
    });
}

#[test]
fn a_pause_holds_a_deletion_and_a_restart_goes_on_with_it() {
    together("deletion-held", async |ns| {
        let running = start(&ns).await;
        ready_web(&ns, "a", json!({})).await;
        let paused = |value: Value| json!({"metadata": {"annotations": {"orkestra.orkspace.io/paused": value}}});
        ns.edit(WEB, "a", paused(json!("true"))).await;
        ns.delete(WEB, "a").await;
        ns.wait_until(WEB, "a", "it says that it is paused", |web| message_of(web, "Ready").contains("paused")).await;
        ns.settled(QUIET).await;
        assert!(ns.find(JOB, "a-backup").await.is_none());
        running.stop().await;

        let running = start(&ns).await;
        ns.edit(WEB, "a", paused(Value::Null)).await;
        ns.wait_for(JOB, "a-backup").await;
        end_pods(&ns, "Succeeded").await;
        ns.wait_until_gone(WEB, "a").await;
        running.stop().await;
    });
}

#[test]
fn a_finalizer_is_there_only_as_long_as_it_is_needed() {
    together("finalizer", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        assert!(is_finalized(&ready_web(&ns, "a", json!({})).await));
        running.stop().await;
        let (before, _) = KATALOG.split_once("            # Rendered only when the service has been seen.").unwrap();
        // The rights are still those of the version before.
        let (_, without) = grant(&ns, vec![instance(before, NO_RESYNC)]).await;
        let (client, _) = grant(&ns, vec![instance(KATALOG, NO_RESYNC)]).await;
        let running = Running::start_granted(client, without, options(&ns)).await;
        ns.wait_until(WEB, "a", "nothing needs the finalizer any more", |web| !is_finalized(web)).await;
        assert!(!is_finalized(&ready_web(&ns, "b", json!({})).await));
        ns.settled(QUIET).await;
        running.stop().await;
    });
}

#[test]
fn what_exists_is_retained_where_a_new_version_says_so_and_is_found_without_its_labels() {
    together("retained-later", async |ns| {
        let running = start(&ns).await;
        ready_web(&ns, "a", json!({})).await;
        let first = ns.get(SECRET, "a-auth").await;
        assert!(first["metadata"]["ownerReferences"].is_array(), "{first}");
        running.stop().await;

        ns.edit(SECRET, "a-auth", json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}})).await;
        let retaining = LIFECYCLE.replace("once: true", "once: true\n              deletionPolicy: retain");
        assert_ne!(retaining, LIFECYCLE);
        let running = Running::start_with(&ns, instance(&retaining, NO_RESYNC), options(&ns)).await;
        let let_go = |secret: &Value| secret["metadata"]["ownerReferences"].is_null();
        let second = ns.wait_until(SECRET, "a-auth", "nobody owns it", let_go).await;
        assert_eq!(second["data"], first["data"]);
        assert_eq!(second["metadata"]["labels"], first["metadata"]["labels"]);
        ns.settled(QUIET).await;
        running.stop().await;
    });
}

#[test]
fn what_is_generated_once_stays_until_it_is_gone() {
    together("once", async |ns| {
        let running = start(&ns).await;
        ready_web(&ns, "a", json!({"text": "one"})).await;
        let first = ns.get(SECRET, "a-auth").await;
        let password = |secret: &Value| secret["data"]["password"].clone();
        assert_eq!(password(&first).as_str().map(str::len), Some(32), "24 characters in base64");

        let mark = ns.settled(QUIET).await;
        ns.edit(WEB, "a", json!({"spec": {"text": "two"}})).await;
        ns.wait_until(CONFIG_MAP, "a-base", "the change has arrived", |config| config["data"]["text"] == "two").await;
        // A reconcile that is under way has seen the value, and would put it back.
        ns.settled(QUIET).await;
        ns.edit(SECRET, "a-auth", json!({"data": {"user": null}})).await;
        let with_user = |secret: &Value| secret["data"]["user"] == "dHdv";
        let second = ns.wait_until(SECRET, "a-auth", "the key that was lost is made again", with_user).await;
        assert_eq!(password(&first), password(&second));
        ns.settled(QUIET).await;
        let writes = ns.writes_since(mark).await;
        assert_eq!(writes.iter().filter(|write| write.resource == "secrets").count(), 1, "{writes:#?}");

        ns.delete(SECRET, "a-auth").await;
        let another = |secret: &Value| secret["metadata"]["uid"] != first["metadata"]["uid"];
        ns.wait_until(SECRET, "a-auth", "it is made again", another).await;
        // It is created first, so that nobody else's is taken, and applied after that.
        ns.settled(QUIET).await;
        let third = ns.get(SECRET, "a-auth").await;
        assert_ne!(password(&first), password(&third));
        // What created it holds nothing that a later apply could not take out.
        let operations: Vec<&Value> =
            third["metadata"]["managedFields"].as_array().unwrap().iter().map(|entry| &entry["operation"]).collect();
        assert_eq!(operations, ["Apply"]);
        running.stop().await;
    });
}
