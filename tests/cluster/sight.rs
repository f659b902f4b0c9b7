//! Two patterns that read ConfigMaps: what one may not see it is not shown, and what it may not see any more neither.

use std::time::{Duration, Instant};

use orkestra_operator::Options;
use orkestra_tests::{CONFIG_MAP, Kind, LONG, Namespace, condition_of, eventually};
use serde_json::{Value, json};

use crate::fixture::{Composed, NO_RESYNC, Running, grant, instance_of, message_of};

const ROLE: Kind = Kind::new("rbac.authorization.k8s.io/v1", "Role");
const ROLE_BINDING: Kind = Kind::new("rbac.authorization.k8s.io/v1", "RoleBinding");

/// The role of an instance, or of the runtime, with those rules that `keep` holds for.
pub(crate) async fn narrow(ns: &Namespace, instance: &str, keep: impl Fn(&Value) -> bool) {
    let name = format!("orkestra:{}:{instance}", ns.own());
    let role = ns.get(ROLE, &name).await;
    let rules: Vec<&Value> = role["rules"].as_array().expect("rules").iter().filter(|rule| keep(rule)).collect();
    ns.edit(ROLE, &name, json!({"rules": rules})).await;
}

const READER: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: reader, version: 1.0.0}
spec:
  crds:
    reader:
      operatorBox:
        reads:
          - {id: plan, apiVersion: v1, kind: ConfigMap, name: "{{ spec.plan }}"}
          - {id: all, apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {plans: "yes"}}}
        status:
          fields:
            - {path: size, value: "{{ reads.plan.data.size }}"}
            - {path: count, value: "{{ size(reads.all) }}"}
"#;
pub(crate) const READER_CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: readers.tests.orkestra.io}
spec:
  group: tests.orkestra.io
  scope: Namespaced
  names: {kind: Reader, plural: readers}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec: {type: object, required: [plan], properties: {plan: {type: string}}}
            status:
              type: object
              properties:
                size: {type: string}
                count: {type: integer}
                observedGeneration: {type: integer}
                conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// One of the texts, for another kind.
pub(crate) fn named(text: &str, kind: &str) -> String {
    text.replace("reader", &kind.to_lowercase()).replace("Reader", kind)
}

/// A pattern that reads, under a name of its own.
pub(crate) fn reader(kind: &str) -> Composed {
    let mut composed = instance_of(&named(READER, kind), &named(READER_CRD, kind), NO_RESYNC);
    composed.name = kind.to_lowercase();
    composed
}

/// Shows it, and says how long after its RoleBinding was deleted the granted one had lost sight.
pub(crate) async fn lost(ns: &Namespace, options: Options) -> Duration {
    const GRANTED: Kind = Kind::new("tests.orkestra.io/v1", "Granted");
    const DENIED: Kind = Kind::new("tests.orkestra.io/v1", "Denied");
    let plan = json!({"metadata": {"name": "large", "labels": {"plans": "yes"}}, "data": {"size": "10Gi"}});
    ns.create(CONFIG_MAP, plan).await;
    let (client, instances) = grant(ns, vec![reader("Granted"), reader("Denied")]).await;
    narrow(ns, "denied", |rule| rule["resources"] != json!(["configmaps"])).await;
    ns.until_may("denied", "get", "configmaps", false).await;
    let running = Running::start_granted(client, instances, options).await;
    for kind in [GRANTED, DENIED] {
        ns.create(kind, json!({"metadata": {"name": "a"}, "spec": {"plan": "large"}})).await;
    }
    ns.wait_until(GRANTED, "a", "it sees", |object| object["status"]["size"] == "10Gi").await;
    let object = ns.wait_for_condition(DENIED, "a", "Stalled", "True").await;
    assert!(object["status"].get("size").is_none(), "{object:#}");
    let message = message_of(&object, "Ready");
    let account = format!("{}/orkestra-denied", ns.own());
    for part in ["Forbidden", "get", "configmaps", ns.name(), &account, "ork generate rbac"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // Whether the object is there is not told either.
    ns.create(DENIED, json!({"metadata": {"name": "b"}, "spec": {"plan": "nowhere"}})).await;
    let other = ns.wait_for_condition(DENIED, "b", "Stalled", "True").await;
    assert_eq!(message_of(&other, "Ready"), message);

    ns.delete(ROLE_BINDING, &format!("orkestra:{}:granted", ns.own())).await;
    let start = Instant::now();
    eventually("it has lost sight and says so", LONG, async || {
        let object = ns.get(GRANTED, "a").await;
        let says = condition_of(&object, "Stalled") == Some("True");
        // Each answer on what it may see has its own time. With this one nothing is shown, whatever the others still say.
        let blind = message_of(&object, "Ready").contains("may not list granteds");
        if says && blind { Ok(()) } else { Err(format!("{object:#}")) }
    })
    .await;
    let took = start.elapsed();
    // What it saw before is not shown any newer.
    ns.edit(CONFIG_MAP, "large", json!({"data": {"size": "20Gi"}})).await;
    ns.settled(Duration::from_secs(1)).await;
    let object = ns.get(GRANTED, "a").await;
    assert_ne!(object["status"]["size"], "20Gi", "{object:#}");
    running.stop().await;
    took
}
