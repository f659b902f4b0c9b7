//! A pattern's version is raised under live objects.

use orkestra_tests::{
    CUSTOM_RESOURCE_DEFINITION, Kind, Namespace, Ork, STATEFUL_SET, ork, source_root, with_namespace,
};
use serde_json::json;

const V1: Kind = Kind::new("postgres.orkestra.io/v1", "Postgres");
const V2: Kind = Kind::new("postgres.orkestra.io/v2", "Postgres");
const DEFINITION: &str = "postgreses.postgres.orkestra.io";

async fn run(ns: &Namespace, version: &str) -> Ork {
    let directory = source_root().join("patterns/postgres").join(version);
    let directory = directory.to_str().expect("a path in UTF-8").to_owned();
    let own = ns.own();
    let arguments = ["--no-impersonation", "-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0"];
    let mut arguments: Vec<&str> = arguments.to_vec();
    arguments.extend(["--webhook-listen", "127.0.0.1:0", "--yes", &directory]);
    let ork = Ork::run(ns.cluster(), &arguments);
    ork.says("\"reconciling\"").await;
    ork
}

#[test]
fn postgres_goes_from_one_api_to_the_next_and_keeps_its_children_and_its_stored_objects_are_rewritten() {
    with_namespace("conv-upgrade", async |ns| {
        let before = run(&ns, "v14").await;
        let spec = json!({"version": "14.19", "replicas": 2, "database": "shop", "storage": "20Gi", "cpu": "500m"});
        ns.create(V1, json!({"metadata": {"name": "shop"}, "spec": spec})).await;
        ns.wait_for_condition(V1, "shop", "Ready", "True").await;
        let made = ns.get(STATEFUL_SET, "shop").await;
        assert!(before.stop().await.success());

        let after = run(&ns, "v15").await;
        let read = ns.get(V2, "shop").await;
        assert_eq!(
            read["spec"],
            json!({"auth": {"key": "password"}, "database": "shop", "engine": {"major": "14", "minor": "19"}, "instances": 2,
                "maxConnections": 100, "resources": {"cpu": "500m", "memory": "512Mi"}, "storage": {"size": "20Gi"}})
        );
        // What only the new version has is set there, and an old client goes on.
        ns.edit(V2, "shop", json!({"spec": {"priorityClass": "high"}})).await;
        ns.edit(V1, "shop", json!({"spec": {"replicas": 3}})).await;
        let wanted = |object: &serde_json::Value| {
            object["spec"]["replicas"] == 3 && object["spec"]["template"]["spec"]["priorityClassName"] == "high"
        };
        let set = ns.wait_until(STATEFUL_SET, "shop", "both edits", wanted).await;
        assert_eq!(set["metadata"]["uid"], made["metadata"]["uid"], "it was not made anew");
        ns.wait_until(V1, "shop", "the status in the old version", |object| object["status"]["endpoint"].is_string())
            .await;

        // The old version can be dropped when nothing is stored in it any more.
        let stored = ns.get(CUSTOM_RESOURCE_DEFINITION, DEFINITION).await["status"]["storedVersions"].clone();
        assert_eq!(stored, json!(["v1", "v2"]));
        let migrated = ork(ns.cluster(), &["storage", "migrate", "Postgres", "--system-namespace", &ns.own(), "--yes"]);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let stored = ns.get(CUSTOM_RESOURCE_DEFINITION, DEFINITION).await["status"]["storedVersions"].clone();
        assert_eq!(stored, json!(["v2"]));
        assert_eq!(ns.get(V1, "shop").await["spec"]["replicas"], 3);
        assert!(after.stop().await.success());
    });
}
