//! Patterns that decorate what others define, and entries that select by labels: what comes with a label goes with it.

use std::path::PathBuf;

use orkestra_tests::{CONFIG_MAP, Granted, Kind, Namespace, Ork, pattern_directory, pattern_files};
use serde_json::{Value, json};

use crate::fixture::{define, together};

const NAMESPACE: Kind = Kind::new("v1", "Namespace");
const QUOTA: Kind = Kind::new("v1", "ResourceQuota");
const FINALIZER: &str = "notes.orkestra.orkspace.io/cleanup";

/// Without anything that would need a finalizer.
const QUOTAS: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: quotas, version: 1.0.0}
spec:
  crds:
    quota:
      apiTypes: {group: "", version: v1, kind: Namespace, plural: namespaces}
      selector: {matchLabels: {LABEL-quota: small}}
      operatorBox:
        onReconcile:
          resources:
            - id: quota
              manifest:
                apiVersion: v1
                kind: ResourceQuota
                metadata: {name: team}
                spec: {hard: {pods: "10"}}
"#;

/// With an order, and with work at the end.
const NOTES: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: notes, version: 1.0.0}
spec:
  crds:
    notes:
      apiTypes: {group: "", version: v1, kind: Namespace, plural: namespaces}
      selector: {matchExpressions: [{key: LABEL-notes, operator: In, values: [short, long]}]}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: first, name: first, data: {how: "{{ metadata.labels['LABEL-notes'] }}"}}
            - {id: second, name: second, data: {after: "{{ children.first.metadata.name }}"}}
        onDelete:
          configMaps:
            - {id: last, name: last, readyWhen: "{{ has(self.data.done) }}", data: {of: "{{ metadata.name }}"}}
"#;

fn patterns(ns: &Namespace) -> [PathBuf; 2] {
    [QUOTAS, NOTES]
        .map(|katalog| pattern_files(ns.cluster(), &[("katalog.yaml", &katalog.replace("LABEL", ns.name()))]))
}

/// Runs them with the rights that are derived from them, and no others.
async fn run(ns: &Namespace, patterns: &[PathBuf]) -> Ork {
    let paths: Vec<_> = patterns.iter().map(PathBuf::as_path).collect();
    let granted = Granted::give_everywhere(ns, &paths).await;
    let (own, kubeconfig) = (ns.own(), granted.kubeconfig().to_str().unwrap().to_owned());
    let mut arguments =
        vec!["--no-crds", "--system-namespace", &own, "--yes", "--listen", "127.0.0.1:0", "--kubeconfig", &kubeconfig];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    Ork::run(ns.cluster(), &arguments)
}

fn labels(ns: &Namespace, labels: &[(&str, Option<&str>)]) -> Value {
    let labels = labels.iter().map(|(key, value)| (format!("{}-{key}", ns.name()), json!(value)));
    json!({"metadata": {"labels": Value::Object(labels.collect())}})
}

#[test]
fn namespaces_are_decorated_while_their_labels_fit_by_any_number_of_patterns() {
    together("decorated", async |ns| {
        let place = format!("{}-team", ns.name());
        let team = ns.other(&place);
        ns.create(NAMESPACE, json!({"metadata": {"name": place}})).await;
        let patterns = patterns(&ns);
        let ork = run(&ns, &patterns).await;
        ork.says("reconciling").await;
        ns.edit(NAMESPACE, &place, labels(&ns, &[("quota", Some("small")), ("notes", Some("short"))])).await;
        team.wait_for(QUOTA, "team").await;
        team.wait_for(CONFIG_MAP, "second").await;
        let namespace = ns.get(NAMESPACE, &place).await;
        // The one that has work at the end has its finalizer there, and neither has anything else.
        assert_eq!(namespace["metadata"]["finalizers"], json!([FINALIZER]));
        let managers = namespace["metadata"]["managedFields"].as_array().unwrap().iter();
        let fields = |manager: &str| {
            managers.clone().find(|entry| entry["manager"] == manager).map(|entry| entry["fieldsV1"].clone())
        };
        assert_eq!(fields("orkestra:quotas"), None);
        let finalizers = json!({"f:metadata": {"f:finalizers": {".": {}, format!("v:\"{FINALIZER}\""): {}}}});
        assert_eq!(fields("orkestra:notes"), Some(finalizers));

        // A change that fits still is followed.
        ns.edit(NAMESPACE, &place, labels(&ns, &[("notes", Some("long"))])).await;
        team.wait_until(CONFIG_MAP, "first", "it follows", |object| object["data"]["how"] == "long").await;

        // What one pattern leaves, the other one keeps.
        ns.edit(NAMESPACE, &place, labels(&ns, &[("quota", None)])).await;
        team.wait_until_gone(QUOTA, "team").await;
        assert!(team.find(CONFIG_MAP, "second").await.is_some());

        // Leaving is an end: its work is waited for, the rest goes, and the Namespace is as it was.
        ns.edit(NAMESPACE, &place, labels(&ns, &[("notes", None)])).await;
        team.wait_for(CONFIG_MAP, "last").await;
        assert!(team.find(CONFIG_MAP, "second").await.is_some());
        team.edit(CONFIG_MAP, "last", json!({"data": {"done": "yes"}})).await;
        for name in ["second", "first", "last"] {
            team.wait_until_gone(CONFIG_MAP, name).await;
        }
        let left = ns
            .wait_until(NAMESPACE, &place, "nothing is left", |object| object["metadata"]["finalizers"].is_null())
            .await;
        assert_eq!(left["metadata"]["annotations"], Value::Null, "{left}");

        // Selected again, it has its end before it again.
        ns.edit(NAMESPACE, &place, labels(&ns, &[("notes", Some("short"))])).await;
        team.wait_for(CONFIG_MAP, "second").await;

        // What is left while nobody looks is seen at the next start.
        ns.edit(NAMESPACE, &place, labels(&ns, &[("quota", Some("small"))])).await;
        team.wait_for(QUOTA, "team").await;
        assert!(ork.stop().await.success());
        ns.edit(NAMESPACE, &place, labels(&ns, &[("quota", None)])).await;
        let ork = run(&ns, &patterns).await;
        team.wait_until_gone(QUOTA, "team").await;
        assert!(team.find(CONFIG_MAP, "second").await.is_some());
        assert!(ork.stop().await.success());
    });
}

#[test]
fn a_selector_of_a_komposer_that_fits_nothing_lets_go_of_everything() {
    together("let-go", async |ns| {
        let place = format!("{}-team", ns.name());
        let team = ns.other(&place);
        let labelled = labels(&ns, &[("notes", Some("short"))]);
        ns.create(NAMESPACE, json!({"metadata": {"name": place, "labels": labelled["metadata"]["labels"]}})).await;
        let katalog = NOTES.replace("LABEL", ns.name()).replace("name: notes", "name: leaving");
        let katalog = katalog.replace(", readyWhen: \"{{ has(self.data.done) }}\"", "");
        let directory = pattern_files(ns.cluster(), &[("katalog.yaml", &katalog)]);
        let komposer = directory.with_extension("komposer.yaml");
        let write = |selector: &str| {
            let text = format!(
                "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: platform}}\nimports:\n  files: [{}]\n\
                 spec:\n  crds:\n    notes: {{selector: {selector}}}\n",
                directory.display(),
            );
            let next = komposer.with_extension("next");
            std::fs::write(&next, text).unwrap();
            std::fs::rename(next, &komposer).unwrap();
        };
        write("{}");
        let own = ns.own();
        let arguments =
            ["--no-impersonation", "--no-crds", "--system-namespace", &own, "--yes", "--listen", "127.0.0.1:0"];
        let ork = Ork::run(ns.cluster(), &[&arguments[..], &["-f", komposer.to_str().unwrap()]].concat());
        team.wait_for(CONFIG_MAP, "second").await;
        write("{matchExpressions: null, matchLabels: {nobody: none}}");
        for name in ["second", "first", "last"] {
            team.wait_until_gone(CONFIG_MAP, name).await;
        }
        ns.wait_until(NAMESPACE, &place, "nothing is left", |object| object["metadata"]["finalizers"].is_null()).await;
        assert!(ork.stop().await.success());
    });
}

#[test]
fn two_patterns_do_not_take_each_others_children_of_one_object() {
    together("rivals", async |ns| {
        let place = format!("{}-team", ns.name());
        let team = ns.other(&place);
        ns.create(NAMESPACE, json!({"metadata": {"name": place, "labels": {format!("{}-quota", ns.name()): "small"}}}))
            .await;
        // Their names are no other test's: an instance of one name is one, wherever it runs.
        let [first, second] = [("first", "10"), ("second", "20")].map(|(name, pods)| {
            let katalog = QUOTAS.replace("LABEL", ns.name()).replace("name: quotas", &format!("name: {name}"));
            let katalog =
                katalog.replace("    quota:\n", &format!("    {name}:\n")).replace("\"10\"", &format!("\"{pods}\""));
            pattern_files(ns.cluster(), &[("katalog.yaml", &katalog)])
        });
        let ork = run(&ns, std::slice::from_ref(&first)).await;
        team.wait_for(QUOTA, "team").await;
        assert!(ork.stop().await.success());
        let ork = run(&ns, &[first, second]).await;
        ork.says("another instance makes it for the same resource").await;
        assert_eq!(team.get(QUOTA, "team").await["spec"]["hard"]["pods"], "10");
        assert!(ork.stop().await.success());
    });
}

const SELECTED: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: gold, version: 1.0.0}
spec:
  crds:
    shop:
      selector: {matchLabels: {tier: gold}}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: shows, name: "{{ metadata.name }}-shows", data: {a: b}}
        status:
          fields:
            - {path: made, value: "{{ children.shows.metadata.name }}"}
"#;

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Shop, plural: shops, singular: shop}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, default: {}}
            status:
              type: object
              properties:
                made: {type: string}
                theirs: {type: string}
                observedGeneration: {type: integer, format: int64}
                conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

#[test]
fn resources_of_an_own_kind_are_reconciled_while_their_labels_fit() {
    together("selected", async |ns| {
        let group = format!("{}.example.com", ns.name());
        let crd = CRD.replace("GROUP", &group);
        define(&ns, &crd, &[format!("shops.{group}")]);
        let directory = pattern_directory(ns.cluster(), SELECTED, &crd);
        let shop = Kind::new(format!("{group}/v1").leak(), "Shop");
        for (name, labels) in [("plain", json!({})), ("gold", json!({"tier": "gold"}))] {
            ns.create(shop, json!({"metadata": {"name": name, "labels": labels}, "spec": {}})).await;
        }
        let ork = run(&ns, &[directory]).await;
        let gold = ns.wait_for_condition(shop, "gold", "Ready", "True").await;
        assert_eq!(gold["status"]["made"], "gold-shows");
        let plain = ns.get(shop, "plain").await;
        assert_eq!((ns.find(CONFIG_MAP, "plain-shows").await, &plain["status"]), (None, &Value::Null));
        ns.edit(shop, "plain", json!({"metadata": {"labels": {"tier": "gold"}}})).await;
        ns.wait_for_condition(shop, "plain", "Ready", "True").await;

        // What was said of one that is left goes; what others have said stays.
        let theirs = json!({"status": {"theirs": "stays", "conditions": [{"type": "Seen", "status": "True"}]}});
        let path = format!("/apis/{group}/v1/namespaces/{}/shops/gold/status", ns.name());
        let request = http::Request::patch(path).header("content-type", "application/merge-patch+json");
        let _: Value =
            ns.cluster().client().request(request.body(theirs.to_string().into_bytes()).unwrap()).await.unwrap();
        ns.wait_for_condition(shop, "gold", "Ready", "True").await;
        ns.edit(shop, "gold", json!({"metadata": {"labels": {"tier": null}}})).await;
        ns.wait_until_gone(CONFIG_MAP, "gold-shows").await;
        let is_left = |object: &Value| {
            object["status"] == json!({"theirs": "stays", "conditions": [{"type": "Seen", "status": "True"}]})
        };
        ns.wait_until(shop, "gold", "nothing is said of it", is_left).await;
        assert!(ork.stop().await.success());
    });
}
