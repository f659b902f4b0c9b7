//! Entries that begin after others, and namespaces in which nothing is done.

use std::path::PathBuf;
use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, Kind, Namespace, Ork, pattern_directory};
use serde_json::json;

use crate::fixture::{define, together};

const KATALOG: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: ordered, version: 1.0.0}
spec:
  crds:
    app:
      apiTypes: {group: GROUP, version: v1, kind: App, plural: apps}
      dependsOn: {cache: healthy}
      operatorBox: {onReconcile: {configMaps: [{id: text, name: \"{{ metadata.name }}-app\", data: {a: b}}]}}
    cache:
      apiTypes: {group: GROUP, version: v1, kind: Cache, plural: caches}
      queue: {failureThreshold: 1}
      operatorBox: {onReconcile: {configMaps: [{id: text, name: \"{{ metadata.name }}-cache\", data: {a: b}}]}}
";

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: PLURAL.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: KIND, plural: PLURAL, singular: SINGULAR, listKind: KINDList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                conditions:
                  type: array
                  items: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

/// The pattern under a group of the test's own, and its two kinds, which are defined already.
fn pattern(ns: &Namespace) -> (PathBuf, Kind, Kind) {
    let group = format!("ordered.{}.example.com", ns.name());
    let crd = |kind: &str, plural: &str, singular: &str| {
        CRD.replace("GROUP", &group).replace("PLURAL", plural).replace("SINGULAR", singular).replace("KIND", kind)
    };
    let crds = format!("{}---\n{}", crd("App", "apps", "app"), crd("Cache", "caches", "cache"));
    define(ns, &crds, &["apps", "caches"].map(|plural| format!("{plural}.{group}")));
    let directory = pattern_directory(ns.cluster(), &KATALOG.replace("GROUP", &group), &crds);
    let kind = |name: &'static str| Kind::new(format!("{group}/v1").leak(), name);
    (directory, kind("App"), kind("Cache"))
}

fn run(ns: &Namespace, what: &[&str]) -> Ork {
    let own = ns.own();
    let mut arguments = vec!["--no-impersonation", "--no-crds", "-n", ns.name(), "--system-namespace", &own, "--yes"];
    arguments.extend(["--listen", "127.0.0.1:0"]);
    arguments.extend(what);
    Ork::run(ns.cluster(), &arguments)
}

#[test]
fn an_entry_begins_when_the_one_before_it_is_healthy() {
    together("ordered", async |ns| {
        let (directory, app, cache) = pattern(&ns);
        // Somebody else's object keeps the first entry from being healthy.
        ns.create(CONFIG_MAP, json!({"metadata": {"name": "a-cache"}, "data": {"theirs": "yes"}})).await;
        ns.create(cache, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        ns.create(app, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let ork = run(&ns, &[directory.to_str().unwrap()]);
        ns.wait_for_condition(cache, "a", "Ready", "False").await;
        ork.says("waits for `cache`").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(ns.find(CONFIG_MAP, "a-app").await.is_none(), "{}", ork.output());
        ns.delete(CONFIG_MAP, "a-cache").await;
        ns.wait_for_condition(cache, "a", "Ready", "True").await;
        ns.wait_for_condition(app, "a", "Ready", "True").await;
        ns.wait_for(CONFIG_MAP, "a-app").await;
        assert!(ork.stop().await.success());
    });
}

#[test]
fn a_komposer_adds_namespaces_in_which_nothing_is_done() {
    together("restricted", async |ns| {
        let (directory, app, cache) = pattern(&ns);
        let komposer = directory.with_extension("komposer.yaml");
        let stem = ns.name().split('-').next().unwrap();
        let text = format!(
            "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: platform}}\nimports:\n  files: [{}]\n\
             spec:\n  crds:\n    app: {{restrictedNamespaces: ['{stem}-*']}}\n",
            directory.display(),
        );
        std::fs::write(&komposer, text).unwrap();
        let ork = run(&ns, &["-f", komposer.to_str().unwrap()]);
        for kind in [app, cache] {
            ns.create(kind, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        }
        ns.wait_for_condition(cache, "a", "Ready", "True").await;
        let object = ns.wait_for_condition(app, "a", "Ready", "False").await;
        let text = object["status"]["conditions"].to_string();
        assert!(text.contains("RestrictedNamespace") && text.contains(&format!("{stem}-*")), "{text}");
        assert!(ns.find(CONFIG_MAP, "a-app").await.is_none());
        ns.delete(app, "a").await;
        ns.wait_until_gone(app, "a").await;
        assert!(ork.stop().await.success());
    });
}
