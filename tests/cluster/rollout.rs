//! From a new custom resource to its children and status, and what that costs.

use orkestra_tests::{CONFIG_MAP, DEPLOYMENT, Request, SERVICE, condition_of};
use serde_json::json;

use crate::fixture::{
    KATALOG, NO_RESYNC, Running, SERVICE_ACCOUNT, WEB, grant, instance, options, ready_web, together,
};

#[test]
fn a_new_resource_costs_one_write_per_child_and_one_each_for_finalizer_and_status() {
    together("new", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        let mark = ns.cluster().audit().mark().await;
        let web = ready_web(&ns, "a", json!({"text": "one"})).await;

        assert_eq!(web["status"]["endpoint"], "a:80");
        assert_eq!(web["status"]["text"], "one");
        assert_eq!(web["status"]["observedGeneration"], 1);
        assert_eq!(condition_of(&web, "Reconciling"), Some("False"));
        assert_eq!(condition_of(&web, "Stalled"), Some("False"));
        let config = ns.get(CONFIG_MAP, "a-config").await;
        assert_eq!(config["data"]["text"], "one");
        let labels = &config["metadata"]["labels"];
        assert_eq!(labels["tier"], "front");
        assert_eq!(labels["app.kubernetes.io/managed-by"], "orkestra");
        assert_eq!(labels["orkestra.orkspace.io/pattern"], "web");
        assert_eq!(labels["orkestra.orkspace.io/id"], "config");
        assert_eq!(labels["orkestra.orkspace.io/owner-uid"], web["metadata"]["uid"]);
        let owner = &config["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["uid"], &owner["controller"]), (&web["metadata"]["uid"], &json!(true)));
        // A child that reads another one is there as well, in the same round.
        let service = ns.get(SERVICE, "a").await;
        let address = ns.get(CONFIG_MAP, "a-address").await;
        assert_eq!(address["data"]["address"], service["spec"]["clusterIP"]);

        ns.settled(std::time::Duration::from_millis(500)).await;
        // The finalizer is there because the order of deletion is not left to chance: one child reads another.
        let mut resources: Vec<String> = ns.writes_since(mark).await.into_iter().map(|write| write.resource).collect();
        resources.sort();
        assert_eq!(resources, ["configmaps", "configmaps", "serviceaccounts", "services", "webs", "webs/status"]);
        running.stop().await;
    });
}

#[test]
fn a_changed_spec_changes_what_depends_on_it_and_nothing_else() {
    together("changed", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({"text": "one"})).await;
        let mark = ns.settled(std::time::Duration::from_millis(300)).await;
        ns.edit(WEB, "a", json!({"spec": {"text": "two"}})).await;
        ns.wait_until(WEB, "a", "the status follows", |web| web["status"]["text"] == "two").await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await["data"]["text"], "two");
        ns.settled(std::time::Duration::from_millis(500)).await;
        let writes: Vec<Request> = ns.writes_since(mark).await;
        let mut resources: Vec<&str> = writes.iter().map(|write| &*write.resource).collect();
        resources.sort_unstable();
        assert_eq!(resources, ["configmaps", "webs/status"]);
        running.stop().await;
    });
}

#[test]
fn a_deployment_makes_its_resource_wait_until_it_is_available() {
    together("workload", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        let web = ready_web(&ns, "a", json!({"replicas": 2})).await;
        let app = ns.get(DEPLOYMENT, "a-deployment").await;
        assert_eq!(app["status"]["availableReplicas"], 2, "{app}");
        let ready = web["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap();
        assert_eq!(ready["message"], "all 5 children are ready");
        running.stop().await;
    });
}

#[test]
fn a_child_whose_condition_turns_false_is_pruned() {
    together("prune", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({"protected": true})).await;
        let budget = orkestra_tests::POD_DISRUPTION_BUDGET;
        ns.get(budget, "a").await;
        let mark = ns.settled(std::time::Duration::from_millis(300)).await;
        ns.edit(WEB, "a", json!({"spec": {"protected": false}})).await;
        ns.wait_until_gone(budget, "a").await;
        ns.settled(std::time::Duration::from_millis(500)).await;
        let writes = ns.writes_since(mark).await;
        let ours: Vec<_> = writes.iter().filter(|write| write.verb == "delete").collect();
        assert_eq!(ours.len(), 1, "{writes:?}");
        assert_eq!(ours[0].resource, "poddisruptionbudgets");
        ns.get(SERVICE_ACCOUNT, "a").await;
        running.stop().await;
    });
}

#[test]
fn a_deleted_resource_takes_its_children_along() {
    together("deleted", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        ns.delete(WEB, "a").await;
        ns.wait_until_gone(WEB, "a").await;
        // The garbage collector of a young control plane takes its time to find a new kind.
        ns.wait_until_gone(SERVICE_ACCOUNT, "a").await;
        ns.wait_until_gone(CONFIG_MAP, "a-config").await;
        running.stop().await;
    });
}

#[test]
fn a_kind_that_the_pattern_no_longer_has_is_pruned_by_the_inventory() {
    together("inventory", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        ns.get(SERVICE_ACCOUNT, "a").await;
        running.stop().await;
        let (before, rest) = KATALOG.split_once("            - id: account\n").unwrap();
        let (_, after) = rest.split_once("            - id: budget\n").unwrap();
        let without = format!("{before}            - id: budget\n{after}");
        // The rights are still those of the version before.
        let (_, without) = grant(&ns, vec![instance(&without, NO_RESYNC)]).await;
        let (client, _) = grant(&ns, vec![instance(KATALOG, NO_RESYNC)]).await;
        let running = Running::start_granted(client, without, options(&ns)).await;
        ns.wait_until_gone(SERVICE_ACCOUNT, "a").await;
        ns.get(CONFIG_MAP, "a-config").await;
        // What was there before and is nobody's child stays.
        ns.get(SERVICE_ACCOUNT, "default").await;
        running.stop().await;
    });
}

#[test]
fn a_paused_resource_is_not_written_to_and_catches_up() {
    together("paused", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        ns.edit(WEB, "a", json!({"metadata": {"annotations": {"orkestra.orkspace.io/paused": "true"}}})).await;
        let mark = ns.settled(std::time::Duration::from_millis(300)).await;
        ns.edit(WEB, "a", json!({"spec": {"text": "later"}})).await;
        ns.wait_until(WEB, "a", "its status goes on", |web| web["status"]["observedGeneration"] == 2).await;
        ns.settled(std::time::Duration::from_millis(300)).await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.iter().all(|write| write.resource == "webs/status"), "{writes:#?}");
        ns.edit(WEB, "a", json!({"metadata": {"annotations": {"orkestra.orkspace.io/paused": null}}})).await;
        ns.wait_until(CONFIG_MAP, "a-config", "it catches up", |config| config["data"]["text"] == "later").await;
        running.stop().await;
    });
}

#[test]
fn health_and_metrics_are_served() {
    together("serve", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(orkestra_operator::serve(listener, running.handle(), std::future::pending()));
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        let metrics = get(address, "/metrics").await;
        for name in [
            "controller_runtime_reconcile_total{controller=\"web/web\",result=\"success\"}",
            "workqueue_depth{name=\"web/web\"} 0",
            "orkestra_sandbox_instantiations_total{pattern=\"web\"}",
            "orkestra_cached_objects{resource=\"webs.tests.orkestra.io\"} 1",
        ] {
            assert!(metrics.contains(name), "{name} is not in\n{metrics}");
        }
        assert!(get(address, "/nothing").await.starts_with("HTTP/1.1 404"));
        server.abort();
        running.stop().await;
    });
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: tests\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}
