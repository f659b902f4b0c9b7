//! One child for each element of a list.

use std::time::Duration;

use orkestra_tests::CONFIG_MAP;
use serde_json::{Value, json};

use crate::fixture::{NO_RESYNC, Running, WEB, instance, message_of, options, ready_web, together};

const ELEMENTS: &str = include_str!("elements.yaml");
const QUIET: Duration = Duration::from_millis(500);
const MANY: usize = 100;

fn elements(names: impl Iterator<Item = usize>) -> Value {
    names.map(|index| json!({"name": format!("e{index:03}")})).collect()
}

#[test]
fn the_child_of_a_removed_element_is_deleted_and_no_other_is_touched() {
    together("elements", async |ns| {
        let running = Running::start_with(&ns, instance(ELEMENTS, NO_RESYNC), options(&ns)).await;
        let web = ready_web(&ns, "a", json!({"elements": elements(0..MANY)})).await;
        assert!(message_of(&web, "Ready").contains("100 children"), "{web}");
        let child = ns.get(CONFIG_MAP, "a-e042").await;
        assert_eq!(child["metadata"]["annotations"]["orkestra.orkspace.io/key"], "e042");

        let mark = ns.settled(QUIET).await;
        ns.edit(WEB, "a", json!({"spec": {"elements": elements((0..MANY).filter(|index| *index != 42))}})).await;
        ns.wait_until_gone(CONFIG_MAP, "a-e042").await;
        ns.settled(QUIET).await;
        let writes = ns.writes_since(mark).await;
        let to_children: Vec<_> = writes.iter().filter(|write| write.resource == "configmaps").collect();
        assert_eq!(to_children.len(), 1, "{to_children:#?}");
        assert_eq!((&*to_children[0].verb, to_children[0].name.as_deref()), ("delete", Some("a-e042")));
        let web = ns.get(WEB, "a").await;
        assert_eq!(web["status"]["text"].as_str().unwrap().split(',').count(), MANY - 1);
        running.stop().await;
    });
}

#[test]
fn two_elements_with_one_key_are_refused_and_nothing_is_lost() {
    together("same-key", async |ns| {
        let running = Running::start_with(&ns, instance(ELEMENTS, NO_RESYNC), options(&ns)).await;
        ready_web(&ns, "a", json!({"elements": elements(0..2)})).await;
        let mark = ns.settled(QUIET).await;
        ns.edit(WEB, "a", json!({"spec": {"elements": [{"name": "e000"}, {"name": "e000"}]}})).await;
        ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.iter().all(|write| write.resource != "configmaps"), "{writes:#?}");
        ns.get(CONFIG_MAP, "a-e001").await;
        running.stop().await;
    });
}
