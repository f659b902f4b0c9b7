//! A pattern acts with its own account's rights, not with the runtime's, and sees no more than it may.

use std::time::Duration;

use orkestra_operator::Options;
use orkestra_tests::{CONFIG_MAP, Kind, SERVICE, condition_of};
use serde_json::{Value, json};

use crate::fixture::{NO_RESYNC, Running, SERVICE_ACCOUNT, WEB, grant_everywhere, installing, message_of, together};
use crate::sight::{self, narrow, reader};

const ROLE: Kind = Kind::new("rbac.authorization.k8s.io/v1", "Role");

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
        let name = format!("orkestra:{}", ns.own());
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
    together("sight", async |ns| {
        let options = Options { review_time: Duration::from_secs(4), ..installing(&ns) };
        sight::lost(&ns, options).await;
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
