//! `ork status` against a cluster, with and without a runtime.

use std::process::Output;

use orkestra_tests::{CONFIG_MAP, Namespace, ork};
use serde_json::{Value, json};

use crate::fixture::{NO_RESYNC, Running, WEB, ready_web, together};

fn status(ns: &Namespace, arguments: &[&str]) -> (Option<i32>, String, String) {
    let arguments = [&["status", "-n", ns.name()], arguments].concat();
    let Output { status, stdout, stderr } = ork(ns.cluster(), &arguments);
    let text = |bytes| String::from_utf8(bytes).expect("ork prints UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn it_says_why_a_resource_is_not_ready() {
    together("status", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "good", json!({})).await;
        let (code, text, _) = status(&ns, &["webs"]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("good") && text.contains("True"), "{text}");

        ns.create(CONFIG_MAP, json!({"metadata": {"name": "bad-config"}})).await;
        ns.create(WEB, json!({"metadata": {"name": "bad"}, "spec": {}})).await;
        ns.wait_for_condition(WEB, "bad", "Stalled", "True").await;
        ns.settled(std::time::Duration::from_millis(300)).await;
        running.stop().await;
        // Nobody has seen this one.
        ns.create(WEB, json!({"metadata": {"name": "new"}, "spec": {}})).await;
        ns.edit(WEB, "good", json!({"spec": {"text": "later"}})).await;
        ns.edit(WEB, "good", json!({"metadata": {"annotations": {"orkestra.orkspace.io/paused": "true"}}})).await;

        let (code, text, _) = status(&ns, &["Web"]);
        assert_eq!(code, Some(1), "{text}");
        for part in ["AlreadyExists", "bad-config", "Unseen", "Outdated", "Paused", "Events"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let (code, text, _) = status(&ns, &["web.tests.orkestra.io/bad", "--format", "json"]);
        assert_eq!(code, Some(1));
        let found: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{found:#}");
        assert_eq!(found[0]["ready"], false);
        assert_eq!(found[0]["events"][0]["reason"], "AlreadyExists");
    });
}

#[test]
fn what_is_not_there_is_said() {
    together("status-none", async |ns| {
        let (code, _, problem) = status(&ns, &["Nonsense"]);
        assert!(code == Some(2) && problem.contains("Nonsense"), "{code:?} {problem}");
        let (code, _, problem) = status(&ns, &["Web/nobody"]);
        assert!(code == Some(2) && problem.contains("nobody"), "{code:?} {problem}");
        let (code, text, note) = status(&ns, &[]);
        assert_eq!((code, &*text), (Some(0), ""), "{note}");
    });
}
