//! `ork run --dry-run` says what a run would do, and does none of it.

use std::process::Output;

use orkestra_tests::{CONFIG_MAP, Granted, Namespace, SERVICE, ork, pattern_directory};
use serde_json::{Value, json};

use crate::fixture::{CRD, KATALOG, NO_RESYNC, Running, WEB, ready_web, together};

/// Runs it for one namespace, with the rights that a run has and no others.
async fn dry_run(ns: &Namespace, katalog: &str, crd: &str, more: &[&str]) -> (String, String) {
    let directory = pattern_directory(ns.cluster(), katalog, crd);
    let granted = Granted::give(ns, &[&directory]).await;
    let (kubeconfig, system) = (granted.kubeconfig().to_str().expect("a path in UTF-8"), ns.own());
    let path = directory.to_str().expect("a path in UTF-8");
    let fixed =
        ["run", "--dry-run", "-y", "--kubeconfig", kubeconfig, "-n", ns.name(), "--system-namespace", &system, path];
    let Output { status, stdout, stderr } = ork(ns.cluster(), &[&fixed, more].concat());
    let text = |bytes| String::from_utf8(bytes).expect("ork prints UTF-8");
    let (out, log) = (text(stdout), text(stderr));
    assert_eq!(status.code(), Some(0), "{out}\n{log}");
    (out, log)
}

#[test]
fn it_prints_every_change_and_makes_none() {
    together("dry-run", async |ns| {
        let running = Running::start(&ns, NO_RESYNC).await;
        ready_web(&ns, "old", json!({"protected": true})).await;
        running.stop().await;
        ns.create(WEB, json!({"metadata": {"name": "new"}, "spec": {}})).await;
        ns.edit(WEB, "old", json!({"spec": {"text": "later", "protected": false}})).await;
        ns.delete(SERVICE, "old").await;
        let mark = ns.cluster().audit().mark().await;
        let before = [ns.list(WEB, "").await, ns.list(CONFIG_MAP, "").await];

        let (text, log) = dry_run(&ns, KATALOG, CRD, &["--no-crds"]).await;
        for part in [
            "create ConfigMap new-config",
            "create Service new",
            "update ConfigMap old-config",
            ".data.text: \"hello\" → \"later\"",
            "create Service old",
            "delete PodDisruptionBudget old",
            "nothing was changed",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}\n{log}");
        }

        let (text, _) = dry_run(&ns, KATALOG, CRD, &["--no-crds", "--format", "json"]).await;
        let found: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(found["resources"].as_array().map(Vec::len), Some(2), "{found:#}");

        let asked = ns.cluster().audit().requests_since(mark).await;
        let ours = asked.iter().filter(|request| {
            request.user_agent != "orkestra-tests" && request.uri.contains(ns.name()) && request.is_write()
        });
        assert_eq!(ours.collect::<Vec<_>>(), Vec::<&orkestra_tests::Request>::new());
        assert_eq!([ns.list(WEB, "").await, ns.list(CONFIG_MAP, "").await], before);
    });
}

#[test]
fn a_definition_that_is_not_there_would_be_made() {
    together("dry-run-crd", async |ns| {
        let rename =
            |text: &str| text.replace("webs", "drys").replace("Web", "Dry").replace("singular: web", "singular: dry");
        let (text, log) = dry_run(&ns, &rename(KATALOG), &rename(CRD), &[]).await;
        assert!(text.contains("create CustomResourceDefinition drys.tests.orkestra.io"), "{text}\n{log}");
        assert!(text.contains("not looked at") && text.contains("Dry"), "{text}");
    });
}
