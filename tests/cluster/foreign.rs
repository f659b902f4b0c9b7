//! Objects of somebody else under a child's name: what is taken, what is left, and what nobody may see.

use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, LONG, Namespace, SECRET, SERVICE, eventually};
use serde_json::{Value, json};

use crate::fixture::{KATALOG, NO_RESYNC, Running, WEB, instance, message_of, options, ready_web, together};

const MATRIX: &str = include_str!("matrix.yaml");
const QUIET: Duration = Duration::from_millis(400);
/// Resources whose Secret somebody else creates at the same moment.
const RACES: usize = 40;

async fn start(ns: &Namespace, katalog: &str) -> Running {
    Running::start_with(ns, instance(katalog, NO_RESYNC), options(ns)).await
}

/// What a person sees of an object, without the bookkeeping.
fn content(object: &Value) -> Value {
    json!([
        object["metadata"]["uid"],
        object["metadata"]["labels"],
        object["metadata"]["ownerReferences"],
        object["metadata"]["resourceVersion"],
        object["data"],
        object["type"]
    ])
}

#[test]
fn a_foreign_secret_survives_unread_and_is_not_collected() {
    together("foreign-secret", async |ns| {
        let running = start(&ns, MATRIX).await;
        let secret = json!({"metadata": {"name": "a-secret"}, "stringData": {"text": "canary"}});
        let before = ns.create(SECRET, secret).await;
        let mark = ns.cluster().audit().mark().await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        let message = message_of(&web, "Ready");
        assert!(message.contains("AlreadyExists") && message.contains("a-secret"), "{message}");
        ns.delete(WEB, "a").await;
        ns.wait_until_gone(CONFIG_MAP, "a-config").await;
        let after = ns.get(SECRET, "a-secret").await;
        assert_eq!(content(&before), content(&after));
        let writes = ns.writes_since(mark).await;
        assert!(writes.iter().all(|write| write.resource != "secrets"), "{writes:#?}");
        running.stop().await;
    });
}

#[test]
fn a_secret_that_somebody_creates_at_the_same_moment_is_whole_and_only_ones() {
    together("secret-race", async |ns| {
        let running = start(&ns, MATRIX).await;
        let mut made = Vec::new();
        for index in 0..RACES {
            let name = format!("w{index}");
            let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("{name}-secret")},
                "stringData": {"text": "theirs", "other": "canary"}});
            let secret = serde_json::from_value(secret).expect("a secret");
            let api = kube::Api::<k8s_openapi::api::core::v1::Secret>::namespaced(ns.cluster().client(), ns.name());
            let web = ns.create(WEB, json!({"metadata": {"name": &name}, "spec": {}}));
            // Sooner or later by some milliseconds, so that it falls before, between and behind our requests.
            let foreign = async {
                tokio::time::sleep(Duration::from_millis((index % 20) as u64)).await;
                api.create(&kube::api::PostParams::default(), &secret).await
            };
            let (_, foreign) = tokio::join!(web, foreign);
            made.push((name, foreign.ok().map(|secret| serde_json::to_value(secret).expect("JSON"))));
        }
        for (name, foreign) in &made {
            let found = eventually("there is a secret", LONG, async || {
                ns.find(SECRET, &format!("{name}-secret")).await.ok_or("it is not there")
            })
            .await;
            match foreign {
                Some(foreign) => {
                    ns.wait_for_condition(WEB, name, "Stalled", "True").await;
                    assert_eq!(content(foreign), content(&ns.get(SECRET, &format!("{name}-secret")).await));
                }
                None => assert_eq!(found["metadata"]["labels"]["orkestra.orkspace.io/id"], "secret", "{found}"),
            }
        }
        running.stop().await;
    });
}

#[test]
fn what_is_nobodys_is_adopted_where_the_pattern_says_so() {
    together("adopt", async |ns| {
        let adopting =
            KATALOG.replace("            - id: config\n", "            - id: config\n              adopt: true\n");
        assert_ne!(adopting, KATALOG);
        let running = start(&ns, &adopting).await;
        let object = json!({"metadata": {"name": "a-config"}, "data": {"text": "edited", "mine": "1"}});
        let before = ns.create(CONFIG_MAP, object).await;
        ns.apply_as(
            "gitops",
            CONFIG_MAP,
            "a-config",
            json!({"metadata": {"name": "a-config"}, "data": {"fixed": "theirs"}}),
        )
        .await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let web = ns.wait_for_condition(WEB, "a", "Conflicted", "True").await;
        assert!(message_of(&web, "Conflicted").contains("gitops"), "{web}");
        let after = ns.get(CONFIG_MAP, "a-config").await;
        assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(after["data"], json!({"text": "hello", "fixed": "theirs", "mine": "1"}));
        assert_eq!(after["metadata"]["ownerReferences"][0]["uid"], web["metadata"]["uid"]);
        ns.settled(QUIET).await;
        running.stop().await;
    });
}

#[test]
fn what_cannot_be_changed_is_made_anew_where_the_pattern_says_so() {
    together("recreate", async |ns| {
        let running = start(&ns, KATALOG).await;
        ready_web(&ns, "a", json!({})).await;
        let before = ns.get(SERVICE, "a").await["metadata"]["uid"].clone();
        running.stop().await;
        let headless = KATALOG
            .replace("            - id: svc\n", "            - id: svc\n              recreate: true\n")
            .replace(
                "                  selector: {app: web}\n                  ports:",
                "                  clusterIP: None\n                  selector: {app: web}\n                  ports:",
            );
        let running = start(&ns, &headless).await;
        let after =
            ns.wait_until(SERVICE, "a", "it is another one", |service| service["metadata"]["uid"] != before).await;
        assert_eq!(after["spec"]["clusterIP"], "None");
        ns.wait_for_condition(WEB, "a", "Ready", "True").await;
        ns.settled(QUIET).await;
        running.stop().await;
    });
}
