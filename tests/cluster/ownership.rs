//! What is not ours stays as it is, and the status says whose it is.

use std::time::Duration;

use orkestra_operator::StartError;
use orkestra_tests::{CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, SERVICE, condition_of};
use serde_json::json;

use crate::fixture::{KATALOG, NO_RESYNC, Running, WEB, grant, instance, message_of, options, ready_web, together};

const QUIET: Duration = Duration::from_millis(400);

#[test]
fn an_object_of_a_childs_name_is_not_touched() {
    together("foreign", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        let foreign = ns.create(CONFIG_MAP, json!({"metadata": {"name": "a-config"}, "data": {"mine": "1"}})).await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        assert_eq!(condition_of(&web, "Ready"), Some("False"));
        let message = message_of(&web, "Ready");
        assert!(message.contains("AlreadyExists") && message.contains("a-config"), "{message}");
        // The other children are there all the same.
        ns.wait_for(SERVICE, "a").await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await, foreign);
        assert!(running.problems("AlreadyExists") > 0);
        // When it goes, its place is taken.
        ns.delete(CONFIG_MAP, "a-config").await;
        ns.wait_for_condition(WEB, "a", "Ready", "True").await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await["data"]["text"], "hello");
        running.stop().await;
    });
}

#[test]
fn a_field_that_another_applier_holds_is_left_to_it() {
    together("theirs", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        ns.apply_as(
            "gitops",
            CONFIG_MAP,
            "a-config",
            json!({"metadata": {"name": "a-config"}, "data": {"text": "theirs"}}),
        )
        .await;
        let web = ns.wait_for_condition(WEB, "a", "Conflicted", "True").await;
        let message = message_of(&web, "Conflicted");
        assert!(message.contains(".data.text") && message.contains("gitops"), "{message}");
        let mark = ns.settled(QUIET).await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await["data"]["text"], "theirs");

        // The rest of the object is still ours.
        ns.edit(CONFIG_MAP, "a-config", json!({"data": {"fixed": "edited"}})).await;
        ns.wait_until(CONFIG_MAP, "a-config", "our field is back", |c| c["data"]["fixed"] == "as written").await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await["data"]["text"], "theirs");
        ns.settled(QUIET).await;
        let writes = ns.writes_since(mark).await;
        assert_eq!(writes.iter().filter(|w| w.code == 200 && w.resource == "configmaps").count(), 1, "{writes:#?}");

        // When the other one lets go, the field is ours again.
        ns.apply_as("gitops", CONFIG_MAP, "a-config", json!({"metadata": {"name": "a-config"}})).await;
        ns.wait_for_condition(WEB, "a", "Conflicted", "False").await;
        assert_eq!(ns.get(CONFIG_MAP, "a-config").await["data"]["text"], "hello");
        running.stop().await;
    });
}

#[test]
fn a_scaled_deployment_is_left_to_its_scaler() {
    together("scaled", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({"replicas": 1})).await;
        let plane = ns.cluster().plane();
        plane
            .kubectl(&["scale", "deployment/a-deployment", "--replicas=2", "-n", ns.name()], "")
            .expect("it is scaled");
        let web = ns.wait_for_condition(WEB, "a", "Conflicted", "True").await;
        let message = message_of(&web, "Conflicted");
        assert!(message.contains(".spec.replicas") && message.contains("scale"), "{message}");
        ns.settled(QUIET).await;
        assert_eq!(ns.get(DEPLOYMENT, "a-deployment").await["spec"]["replicas"], 2);
        running.stop().await;
    });
}

#[test]
fn an_immutable_field_is_named() {
    together("immutable", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({"replicas": 1})).await;
        running.stop().await;
        // The next version of the pattern wants the service without an address, and one that has an address keeps it.
        let changed = KATALOG.replace(
            "                  selector: {app: web}\n                  ports:",
            "                  clusterIP: None\n                  selector: {app: web}\n                  ports:",
        );
        assert_ne!(changed, KATALOG);
        let running = Running::start_with(&ns, instance(&changed, NO_RESYNC), options(&ns)).await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        let message = message_of(&web, "Ready");
        assert!(message.contains("ImmutableField") && message.contains("spec.clusterIP"), "{message}");
        running.stop().await;
    });
}

#[test]
fn a_definition_that_is_not_ours_is_not_touched() {
    together("crd", async |ns| {
        let mut options = options(&ns);
        options.install_crds = true;
        let (client, instances) = grant(&ns, vec![instance(KATALOG, NO_RESYNC)]).await;
        let version = async || ns.get(CUSTOM_RESOURCE_DEFINITION, "webs.tests.orkestra.io").await["metadata"].clone();
        let before = version().await;
        let result = orkestra_operator::Runtime::start(client, options, instances).await;
        let Err(error) = result else { panic!("it started") };
        assert!(matches!(error, StartError::CrdNotOurs { .. }), "{error}");
        assert_eq!(version().await, before);
    });
}

#[test]
fn the_children_of_one_resource_outlive_another() {
    together("two", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "a", json!({})).await;
        ready_web(&ns, "b", json!({})).await;
        let mark = ns.settled(QUIET).await;
        ns.delete(WEB, "b").await;
        ns.wait_until_gone(CONFIG_MAP, "b-config").await;
        ns.get(CONFIG_MAP, "a-config").await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.iter().all(|write| write.name.as_deref() != Some("a-config")), "{writes:#?}");
        running.stop().await;
    });
}
