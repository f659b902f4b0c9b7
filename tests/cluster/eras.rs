//! Published Katalogs of two eras on a real API server: the same children, but for what their texts say differently.
//!
//! The Katalogs are not a part of this project. They are read from `shared/conformance/orkestra` beside the source tree; where there
//! are none, the test says that it did not run.

use std::time::Duration;

use orkestra_tests::{DEPLOYMENT, Kind, Namespace, SERVICE, source_root};
use serde_json::{Value, json};

use crate::fixture::{Running, installing, instance_of, together};

/// The shipped pattern `postgres` has the published group, whose definition the tests beside this one use at the same time.
const GROUP: [&str; 2] = ["postgres.orkestra.io", "eras.tests.orkestra.io"];
const POSTGRES: Kind = Kind::new("eras.tests.orkestra.io/v1", "Postgres");

/// Files of the publication, with a group of their own.
fn published(name: &str) -> Option<String> {
    let path = source_root().join("../shared/conformance/orkestra").join(name);
    Some(std::fs::read_to_string(path).ok()?.replace(GROUP[0], GROUP[1]))
}

/// What the cluster has for one custom resource.
#[derive(Debug, PartialEq)]
struct Found {
    deployment: Value,
    service: Option<Value>,
    status: Value,
}

/// An object without what is its own in any cluster: names of the API server, times, counters and addresses.
fn said(mut object: Value) -> Value {
    let spec = object["spec"].as_object_mut().unwrap();
    for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        spec.remove(key);
    }
    let mut labels = object["metadata"]["labels"].take();
    labels.as_object_mut().unwrap().remove("orkestra.orkspace.io/owner-uid");
    json!({"kind": object["kind"], "name": object["metadata"]["name"], "labels": labels, "spec": object["spec"]})
}

/// Runs a Katalog until each resource is ready, and takes down what became of it; then everything goes.
async fn run(ns: &Namespace, katalog: &str, crd: &str, resources: &[(&str, Value)]) -> Vec<Found> {
    let mut instance = instance_of(katalog, crd, Duration::from_secs(60));
    "postgres".clone_into(&mut instance.name);
    let running = Running::start_with(ns, instance, installing(ns)).await;
    let mut found = Vec::new();
    for (name, spec) in resources {
        ns.create(POSTGRES, json!({"metadata": {"name": name}, "spec": spec})).await;
    }
    for (name, _) in resources {
        ns.wait_for_condition(POSTGRES, name, "Ready", "True").await;
        // `readyReplicas` is observed after the Deployment is.
        let object = ns.get(POSTGRES, name).await;
        let deployment = ns.get(DEPLOYMENT, name).await;
        let service = ns.find(SERVICE, &format!("{name}-svc")).await.map(said);
        let mut status = object["status"].clone();
        status.as_object_mut().unwrap().remove("conditions");
        found.push(Found { deployment: said(deployment), service, status });
    }
    for (name, _) in resources {
        ns.delete(POSTGRES, name).await;
        ns.wait_until_gone(POSTGRES, name).await;
        ns.wait_until_gone(DEPLOYMENT, name).await;
        ns.wait_until_gone(SERVICE, &format!("{name}-svc")).await;
    }
    assert_eq!(running.problems("Forbidden"), 0);
    running.stop().await;
    found
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that cannot run says so")]
fn katalogs_of_both_eras_make_the_same_children() {
    let files = ["march/katalog.yaml", "current/katalog.yaml", "crd.yaml"].map(published);
    let [Some(march), Some(current), Some(crd)] = files else {
        println!("not run: Katalogs of both eras, because they are not beside the source tree");
        return;
    };
    together("eras", async |ns| {
        let resources = [
            ("plain", json!({})),
            ("given", json!({"version": "16", "replicas": 3, "expose": "true"})),
            ("hidden", json!({"replicas": 2, "expose": "false"})),
        ];
        let before = run(&ns, &march, &crd, &resources).await;
        let now = run(&ns, &current, &crd, &resources).await;
        for (((name, spec), before), now) in resources.iter().zip(&before).zip(now) {
            let (before_status, mut now_status) = (before.status.clone(), now.status.clone());
            let mut expected = before.deployment.clone();

            // 1. March: one replica, as text. Today: as many as the resource asks for, or one.
            assert_eq!(expected["spec"]["replicas"], 1, "{name}");
            let replicas = spec.get("replicas").cloned().unwrap_or(json!(1));
            expected["spec"]["replicas"] = replicas.clone();

            // 2. March: the Service is always there. Today: unless `expose` is "false", which an absent field is not.
            assert!(before.service.is_some(), "{name}");
            let service = before.service.as_ref().filter(|_| spec.get("expose") != Some(&json!("false")));

            // 3. The version's default is written `.spec.version | default "14"` in March and `default "14" .spec.version` today:
            //    the same image.
            let version = spec.get("version").and_then(Value::as_str).unwrap_or("14");
            let image = &now.deployment["spec"]["template"]["spec"]["containers"][0]["image"];
            assert_eq!(image, &json!(format!("postgres:{version}")), "{name}");

            // 4. The label is the resource's name, today in lower case, which these names are in already.
            assert_eq!(now.deployment["labels"]["app"], **name);

            // 5. Only today there is `status.ready`: how many replicas are ready.
            assert_eq!(before_status.get("ready"), None, "{name}");
            assert_eq!(now_status.as_object_mut().unwrap().remove("ready"), Some(replicas), "{name}");

            // Everything else is the same.
            assert_eq!(now.deployment, expected, "{name}");
            assert_eq!(now.service.as_ref(), service, "{name}");
            assert_eq!(now_status, before_status, "{name}");
            assert_eq!(now_status["endpoint"], format!("{name}-svc:5432"));
        }
    });
}
