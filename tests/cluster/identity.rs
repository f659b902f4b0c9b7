//! A pattern acts with its own account's rights, not with the runtime's, and sees no more than it may.

use std::time::Duration;

use orkestra_operator::Options;
use orkestra_tests::{CONFIG_MAP, Kind, Namespace, SERVICE, condition_of};
use serde_json::{Value, json};

use crate::fixture::{
    Composed, NO_RESYNC, Running, SERVICE_ACCOUNT, WEB, grant, grant_everywhere, installing, instance_of, message_of,
    together,
};

const ROLE: Kind = Kind::new("rbac.authorization.k8s.io/v1", "Role");
const ROLE_BINDING: Kind = Kind::new("rbac.authorization.k8s.io/v1", "RoleBinding");

/// The role of an instance, or of the runtime, with those rules that `keep` holds for.
async fn narrow(ns: &Namespace, instance: &str, keep: impl Fn(&Value) -> bool) {
    let name = format!("orkestra:{}:{instance}", ns.own());
    let role = ns.get(ROLE, &name).await;
    let rules: Vec<&Value> = role["rules"].as_array().expect("rules").iter().filter(|rule| keep(rule)).collect();
    ns.edit(ROLE, &name, json!({"rules": rules})).await;
}

/// Status, finalizer and Events are the runtime's own.
fn is_own(resource: &str) -> bool {
    ["webs", "webs/status", "events"].contains(&resource)
}

#[test]
fn what_the_account_may_not_do_is_forbidden_and_the_rest_is_done() {
    together("identity", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        let name = format!("orkestra:{}:web", ns.own());
        let whole = ns.get(ROLE, &name).await;
        narrow(&ns, "web", |rule| rule["resources"] != json!(["services"])).await;
        ns.until_may("web", "patch", "services", false).await;
        let mark = ns.cluster().audit().mark().await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        assert_eq!(condition_of(&web, "Ready"), Some("False"));
        let message = message_of(&web, "Ready");
        assert!(message.contains("Forbidden") && message.contains("services"), "{message}");
        ns.wait_for(CONFIG_MAP, "a-config").await;
        ns.wait_for(SERVICE_ACCOUNT, "a").await;
        assert!(ns.find(SERVICE, "a").await.is_none());
        let account = format!("system:serviceaccount:{}:orkestra-web", ns.own());
        for write in ns.writes_since(mark).await {
            let own = is_own(&write.resource);
            assert_eq!(write.impersonated.as_deref() == Some(&*account), !own, "{write:#?}");
            assert_eq!(write.user, format!("system:serviceaccount:{}:orkestra", ns.own()));
        }
        // With the right, it goes on by itself.
        ns.edit(ROLE, &name, json!({"rules": whole["rules"]})).await;
        ns.wait_for_condition(WEB, "a", "Ready", "True").await;
        running.stop().await;
    });
}

#[test]
fn where_impersonation_is_refused_nothing_is_done_instead() {
    together("no-impersonation", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        let own = ns.other(&ns.own());
        let name = format!("orkestra:{}:runtime", ns.own());
        let role = own.get(ROLE, &name).await;
        let rules = role["rules"].as_array().expect("rules").iter();
        let rules: Vec<_> = rules.filter(|rule| rule["verbs"] != json!(["impersonate"])).collect();
        own.edit(ROLE, &name, json!({"rules": rules})).await;
        // The API server believes an earlier decision on this for ten seconds.
        tokio::time::sleep(Duration::from_secs(11)).await;
        let mark = ns.cluster().audit().mark().await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        let message = message_of(&web, "Ready");
        assert!(message.contains("Forbidden") && message.contains("impersonate"), "{message}");
        assert!(ns.list(CONFIG_MAP, "app.kubernetes.io/managed-by=orkestra").await.is_empty());
        let writes = ns.writes_since(mark).await;
        let done = writes.iter().filter(|write| write.code < 300);
        for write in done {
            assert!(is_own(&write.resource), "{write:#?}");
        }
        running.stop().await;
    });
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
const READER_CRD: &str = "
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

/// A pattern that reads, under a name of its own.
pub(crate) fn reader(kind: &str) -> Composed {
    let named = |text: &str| text.replace("reader", &kind.to_lowercase()).replace("Reader", kind);
    let mut composed = instance_of(&named(READER), &named(READER_CRD), NO_RESYNC);
    composed.name = kind.to_lowercase();
    composed
}

#[test]
fn what_is_read_is_waited_for_and_followed() {
    const FOLLOWER: Kind = Kind::new("tests.orkestra.io/v1", "Follower");
    together("reads", async |ns| {
        let running = Running::start_all(&ns, vec![reader("Follower")], installing(&ns)).await;
        ns.create(FOLLOWER, json!({"metadata": {"name": "a"}, "spec": {"plan": "large"}})).await;
        let waits = |object: &Value| message_of(object, "Ready").contains("WaitingForRead");
        let object = ns.wait_until(FOLLOWER, "a", "it waits", waits).await;
        let message = message_of(&object, "Ready");
        assert!(message.contains("large") && message.contains("does not exist"), "{message}");
        let plan = json!({"metadata": {"name": "large", "labels": {"plans": "yes"}}, "data": {"size": "10Gi"}});
        ns.create(CONFIG_MAP, plan).await;
        let shows = |size: &'static str, count: i64| {
            move |object: &Value| object["status"]["size"] == size && object["status"]["count"] == count
        };
        ns.wait_until(FOLLOWER, "a", "it is seen", shows("10Gi", 1)).await;
        ns.wait_for_condition(FOLLOWER, "a", "Ready", "True").await;
        ns.edit(CONFIG_MAP, "large", json!({"data": {"size": "20Gi"}})).await;
        ns.wait_until(FOLLOWER, "a", "the change is seen", shows("20Gi", 1)).await;
        let other = json!({"metadata": {"name": "other", "labels": {"plans": "yes"}}, "data": {"size": "1Gi"}});
        ns.create(CONFIG_MAP, other).await;
        ns.wait_until(FOLLOWER, "a", "another one with the labels is seen", shows("20Gi", 2)).await;
        ns.edit(FOLLOWER, "a", json!({"spec": {"plan": "other"}})).await;
        ns.wait_until(FOLLOWER, "a", "the name it reads is another", shows("1Gi", 2)).await;
        ns.delete(CONFIG_MAP, "other").await;
        ns.wait_until(FOLLOWER, "a", "it waits again", waits).await;
        // What is read is not written.
        let mark = ns.settled(Duration::from_millis(400)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.is_empty(), "{writes:#?}");
        running.stop().await;
    });
}

#[test]
fn who_is_not_granted_sees_nothing_and_who_is_not_any_more_loses_sight() {
    const GRANTED: Kind = Kind::new("tests.orkestra.io/v1", "Granted");
    const DENIED: Kind = Kind::new("tests.orkestra.io/v1", "Denied");
    together("sight", async |ns| {
        let plan = json!({"metadata": {"name": "large", "labels": {"plans": "yes"}}, "data": {"size": "10Gi"}});
        ns.create(CONFIG_MAP, plan).await;
        let options = Options { review_time: Duration::from_secs(4), ..installing(&ns) };
        let instances = vec![reader("Granted"), reader("Denied")];
        let (client, instances) = grant(&ns, instances).await;
        narrow(&ns, "denied", |rule| rule["resources"] != json!(["configmaps"])).await;
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
        ns.wait_for_condition(GRANTED, "a", "Stalled", "True").await;
        // What it saw before is not shown any newer.
        ns.edit(CONFIG_MAP, "large", json!({"data": {"size": "20Gi"}})).await;
        ns.settled(Duration::from_secs(1)).await;
        let object = ns.get(GRANTED, "a").await;
        assert_ne!(object["status"]["size"], "20Gi", "{object:#}");
        running.stop().await;
    });
}

#[test]
fn namespaces_of_the_cluster_are_nobodys() {
    const NOBODY: Kind = Kind::new("tests.orkestra.io/v1", "Nobody");
    together("nobodys", async |ns| {
        let all = Options { namespace: String::new(), ..installing(&ns) };
        let system = ns.other("kube-system");
        let (client, instances) = grant_everywhere(&ns, vec![reader("Nobody")]).await;
        let running = Running::start_granted(client, instances, all).await;
        let name = ns.name().to_owned();
        let mark = ns.cluster().audit().mark().await;
        system.create(NOBODY, json!({"metadata": {"name": name}, "spec": {"plan": "large"}})).await;
        let object = system.wait_for_condition(NOBODY, &name, "Stalled", "True").await;
        assert!(message_of(&object, "Ready").contains("ForbiddenNamespace"), "{object:#}");
        let writes = ns.cluster().audit().writes_since(mark, "kube-system").await;
        for write in writes.iter().filter(|write| write.name.as_deref() == Some(&*name)) {
            assert_eq!(write.resource, "nobodys/status", "{write:#?}");
        }
        system.delete(NOBODY, &name).await;
        running.stop().await;
    });
}
