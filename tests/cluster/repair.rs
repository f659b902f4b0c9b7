//! What is edited by hand comes back: by one write, and by a watch, since no resync comes during these tests.

use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, DEPLOYMENT, EVENT, Kind, Mark, Namespace, Request, SERVICE};
use serde_json::{Value, json};

use crate::fixture::{NO_RESYNC, Running, ready_web, together};

const QUIET: Duration = Duration::from_millis(400);

/// Writes that changed something, Events aside: those are told apart by what they are for.
async fn effective(ns: &Namespace, mark: Mark) -> Vec<Request> {
    let mut writes = ns.writes_since(mark).await;
    writes.retain(|write| write.code < 300 && write.resource != "events");
    writes
}

/// After `edit`, `holds` must become true again by exactly one write to `name`.
pub(crate) async fn repaired(
    ns: &Namespace,
    kind: Kind,
    name: &str,
    what: &str,
    edit: impl AsyncFnOnce(),
    holds: impl Fn(&Value) -> bool,
) {
    let mark = ns.settled(QUIET).await;
    edit().await;
    ns.wait_until(kind, name, what, holds).await;
    ns.settled(QUIET).await;
    let writes = effective(ns, mark).await;
    let to_it: Vec<_> =
        writes.iter().filter(|write| write.name.as_deref() == Some(name) && write.verb == "patch").collect();
    assert_eq!(to_it.len(), 1, "{what}: {writes:#?}");
}

#[test]
fn each_kind_of_edit_is_repaired_by_one_write() {
    together("repair", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({"replicas": 1})).await;

        let edit = async || drop(ns.edit(CONFIG_MAP, "a-config", json!({"data": {"text": "edited"}})).await);
        let back = |config: &Value| config["data"]["text"] == "hello";
        repaired(&ns, CONFIG_MAP, "a-config", "a leaf", edit, back).await;

        let edit = async || drop(ns.edit(CONFIG_MAP, "a-config", json!({"data": {"fixed": null}})).await);
        let back = |config: &Value| config["data"]["fixed"] == "as written";
        repaired(&ns, CONFIG_MAP, "a-config", "a removed key", edit, back).await;

        let edit =
            async || drop(ns.edit(CONFIG_MAP, "a-config", json!({"metadata": {"labels": {"tier": "back"}}})).await);
        let back = |config: &Value| config["metadata"]["labels"]["tier"] == "front";
        repaired(&ns, CONFIG_MAP, "a-config", "a label", edit, back).await;

        let edit = async || drop(ns.edit_json(SERVICE, "a", json!([{"op": "remove", "path": "/spec/ports/1"}])).await);
        let back = |service: &Value| service["spec"]["ports"].as_array().is_some_and(|ports| ports.len() == 2);
        repaired(&ns, SERVICE, "a", "a removed list item", edit, back).await;

        let edit = async || {
            let change = json!([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 81},
                {"op": "replace", "path": "/spec/ports/1/name", "value": "edited"}]);
            drop(ns.edit_json(SERVICE, "a", change).await);
        };
        let back = |service: &Value| service["spec"]["ports"][1]["name"] == "metrics";
        repaired(&ns, SERVICE, "a", "a field of a list item", edit, back).await;

        let edit = async || {
            let change =
                json!([{"op": "replace", "path": "/spec/template/spec/containers/0/args/0", "value": "--edited"}]);
            drop(ns.edit_json(DEPLOYMENT, "a-deployment", change).await);
        };
        let back = |app: &Value| app["spec"]["template"]["spec"]["containers"][0]["args"] == json!(["--text=hello"]);
        repaired(&ns, DEPLOYMENT, "a-deployment", "an atomic list in a pod template", edit, back).await;

        let events = ns.list(EVENT, "").await;
        let told = events.iter().filter(|event| event["reason"] == "DriftRepaired").count();
        assert!(told >= 3, "{events:#?}");
        running.stop().await;
    });
}

#[test]
fn labels_that_ownership_hangs_on_are_repaired() {
    together("own-labels", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        for (label, value) in [
            ("orkestra.orkspace.io/id", json!("edited")),
            ("orkestra.orkspace.io/owner-uid", json!("edited")),
            ("app.kubernetes.io/managed-by", json!("edited")),
            ("app.kubernetes.io/managed-by", Value::Null),
        ] {
            let before = ns.get(CONFIG_MAP, "a-config").await["metadata"]["labels"].clone();
            let edit =
                async || drop(ns.edit(CONFIG_MAP, "a-config", json!({"metadata": {"labels": {label: value}}})).await);
            let back = |config: &Value| config["metadata"]["labels"] == before;
            repaired(&ns, CONFIG_MAP, "a-config", label, edit, back).await;
        }
        running.stop().await;
    });
}

#[test]
fn wiped_managed_fields_are_repaired() {
    together("wiped", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        let edit = async || {
            drop(
                ns.edit(
                    CONFIG_MAP,
                    "a-config",
                    json!({"metadata": {"managedFields": [{}]}, "data": {"text": "edited"}}),
                )
                .await,
            )
        };
        let back = |config: &Value| config["data"]["text"] == "hello";
        repaired(&ns, CONFIG_MAP, "a-config", "wiped managed fields", edit, back).await;
        running.stop().await;
    });
}

#[test]
fn a_deleted_child_comes_back() {
    together("comes-back", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        let before = ns.get(SERVICE, "a").await;
        let mark = ns.settled(QUIET).await;
        ns.delete(SERVICE, "a").await;
        let other = |service: &Value| service["metadata"]["uid"] != before["metadata"]["uid"];
        ns.wait_until(SERVICE, "a", "it is there again", other).await;
        ns.settled(QUIET).await;
        let writes = effective(&ns, mark).await;
        let created: Vec<_> = writes.iter().filter(|write| write.resource == "services" && write.code == 201).collect();
        assert_eq!(created.len(), 1, "{writes:#?}");
        running.stop().await;
    });
}
