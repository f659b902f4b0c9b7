//! Children and reads outside of the namespace of their resource, and what the runtime generates.

use std::path::PathBuf;

use orkestra_tests::{CONFIG_MAP, Kind, Namespace, Ork, SECRET, ork, pattern_directory};
use serde_json::{Value, json};

use crate::fixture::{define, together};

const PRIORITY: Kind = Kind::new("scheduling.k8s.io/v1", "PriorityClass");
const NAMESPACE: Kind = Kind::new("v1", "Namespace");

const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: spread, version: 1.0.0}
spec:
  crds:
    spread:
      operatorBox:
        onReconcile:
          configMaps:
            - {id: copy, name: "{{ metadata.name }}-copy", fromConfigMap: source, fromNamespace: PLATFORM}
            - id: copies
              name: "{{ metadata.name }}-copies"
              fromConfigMap: source
              fromNamespace: PLATFORM
              toNamespaces: "{{ spec.to }}"
          resources:
            - id: priority
              manifest:
                apiVersion: scheduling.k8s.io/v1
                kind: PriorityClass
                metadata: {name: "{{ metadata.namespace }}-{{ metadata.name }}"}
                value: 7
"#;

const GENERATED: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: spread, version: 1.0.0}
spec:
  crds:
    spread:
      operatorBox:
        onReconcile:
          secrets:
            - id: auth
              name: "{{ metadata.name }}-auth"
              once: true
              rotateAfter: 30d
              data: {password: "{{ randomAlphanumeric(24) }}", user: app}
            - id: serving
              name: "{{ metadata.name }}-tls"
              tls: {dnsNames: ["{{ metadata.name }}.{{ metadata.namespace }}.svc"], validFor: 30d}
          configMaps:
            - id: shows
              name: "{{ metadata.name }}-shows"
              data: {digest: "{{ contentDigest(children.auth) }}"}
"#;

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: spreads.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Spread, plural: spreads, singular: spread}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, default: {}, properties: {to: {type: array, default: [], maxItems: 16, items: {type: string, maxLength: 63}}}}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// The pattern under a group of the test's own, and its kind.
fn pattern(ns: &Namespace, katalog: &str) -> (PathBuf, Kind) {
    let group = format!("{}.example.com", ns.name());
    let crd = CRD.replace("GROUP", &group);
    define(ns, &crd, &[format!("spreads.{group}")]);
    let directory = pattern_directory(ns.cluster(), katalog, &crd);
    (directory, Kind::new(format!("{group}/v1").leak(), "Spread"))
}

fn data(object: &Value, key: &str) -> String {
    object["data"][key].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_lies_elsewhere_follows_its_source_and_goes_with_its_resource() {
    together("elsewhere", async |ns| {
        let places = ["platform", "a", "b"].map(|end| format!("{}-{end}", ns.name()));
        for name in &places {
            ns.create(NAMESPACE, json!({"metadata": {"name": name}})).await;
        }
        let [platform, a, b] = places.clone().map(|name| ns.other(&name));
        platform.create(CONFIG_MAP, json!({"metadata": {"name": "source"}, "data": {"k": "one"}})).await;
        let (directory, kind) = pattern(&ns, &KATALOG.replace("PLATFORM", platform.name()));
        let (own, path) = (ns.own(), directory.to_str().unwrap());
        let with = |rest: &[&'static str]| {
            let mut all = vec!["--no-impersonation", "--no-crds", "--system-namespace", &own, "--yes"];
            all.extend(["--listen", "127.0.0.1:0"]);
            all.extend(rest.iter().flat_map(|grant| ["--grant", grant]));
            [all, vec![path]].concat()
        };
        // Each place is asked for by itself, and one that is not granted stops the whole pattern.
        let grants = [
            "flow:elsewhere.copy",
            "flow:elsewhere.copies",
            "flow:elsewhere.copySource",
            "flow:elsewhere.copiesSource",
            "flow:elsewhere.priority",
            "flow:spec.to",
        ];
        let arguments = with(&grants[..5]);
        let refused = ork(ns.cluster(), &[vec!["run"], arguments].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("flow:spec.to"), "{said}");
        let mut narrowed = with(&grants);
        narrowed.extend(["-n", ns.name()]);
        let refused = ork(ns.cluster(), &[vec!["run"], narrowed].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("outside of the namespace"), "{said}");

        let ork = Ork::run(ns.cluster(), &with(&grants));
        let spec = json!({"to": [a.name(), b.name()]});
        ns.create(kind, json!({"metadata": {"name": "s"}, "spec": spec})).await;
        ns.wait_for_condition(kind, "s", "Ready", "True").await;
        let made = ns.get(CONFIG_MAP, "s-copy").await;
        assert_eq!(
            (data(&made, "k"), made["metadata"]["ownerReferences"][0]["kind"].as_str()),
            ("one".to_owned(), Some("Spread"))
        );
        for place in [&a, &b] {
            let copy = place.get(CONFIG_MAP, "s-copies").await;
            assert_eq!(data(&copy, "k"), "one");
            assert_eq!(copy["metadata"]["ownerReferences"], Value::Null);
            assert_eq!(copy["metadata"]["labels"]["orkestra.orkspace.io/owner-namespace"], ns.name());
        }
        let priority = format!("{}-s", ns.name());
        assert_eq!(ns.get(PRIORITY, &priority).await["value"], 7);

        platform.edit(CONFIG_MAP, "source", json!({"data": {"k": "two"}})).await;
        for (place, name) in [(&ns, "s-copy"), (&a, "s-copies"), (&b, "s-copies")] {
            place.wait_until(CONFIG_MAP, name, "it follows", |object| data(object, "k") == "two").await;
        }
        // What is edited there is put back, what is deleted is made again.
        a.edit(CONFIG_MAP, "s-copies", json!({"data": {"k": "mine"}})).await;
        a.wait_until(CONFIG_MAP, "s-copies", "it is put back", |object| data(object, "k") == "two").await;
        b.delete(CONFIG_MAP, "s-copies").await;
        b.wait_for(CONFIG_MAP, "s-copies").await;
        // A namespace that is no more in the list loses its copy, and no other does.
        ns.edit(kind, "s", json!({"spec": {"to": [b.name()]}})).await;
        a.wait_until_gone(CONFIG_MAP, "s-copies").await;
        b.get(CONFIG_MAP, "s-copies").await;
        // Somebody else's object of the name stays his.
        a.create(CONFIG_MAP, json!({"metadata": {"name": "s-copies"}, "data": {"k": "theirs"}})).await;
        ns.edit(kind, "s", json!({"spec": {"to": [a.name(), b.name()]}})).await;
        let object = ns.wait_for_condition(kind, "s", "Ready", "False").await;
        assert!(object["status"]["conditions"].to_string().contains("AlreadyExists"), "{object:#}");
        ns.edit(kind, "s", json!({"spec": {"to": [b.name()]}})).await;
        ns.wait_for_condition(kind, "s", "Ready", "True").await;

        ns.delete(kind, "s").await;
        ns.wait_until_gone(kind, "s").await;
        for (place, of, name) in [(&b, CONFIG_MAP, "s-copies"), (&ns, PRIORITY, &*priority)] {
            assert!(place.find(of, name).await.is_none(), "{name} is left in {}", place.name());
        }
        assert_eq!(data(&a.get(CONFIG_MAP, "s-copies").await, "k"), "theirs");
        assert!(ork.stop().await.success());
        for name in &places {
            ns.delete(NAMESPACE, name).await;
        }
    });
}

#[test]
fn what_is_generated_is_made_anew_when_its_time_is_over_and_not_before() {
    together("generated", async |ns| {
        let (directory, kind) = pattern(&ns, GENERATED);
        let own = ns.own();
        let arguments = ["--no-impersonation", "--no-crds", "-n", ns.name(), "--system-namespace", &own, "--yes"];
        let arguments = [&arguments[..], &["--listen", "127.0.0.1:0", directory.to_str().unwrap()]].concat();
        let ork = Ork::run(ns.cluster(), &arguments);
        ns.create(kind, json!({"metadata": {"name": "s"}})).await;
        ns.wait_for_condition(kind, "s", "Ready", "True").await;
        let (auth, tls) = (ns.get(SECRET, "s-auth").await, ns.get(SECRET, "s-tls").await);
        let shown = ns.get(CONFIG_MAP, "s-shows").await;
        assert_eq!(tls["type"], "kubernetes.io/tls");
        assert!(["tls.crt", "tls.key", "ca.crt"].iter().all(|key| !data(&tls, key).is_empty()), "{tls:#}");
        // A settled resource is left alone, also by a process that has just begun.
        assert!(ork.stop().await.success());
        let ork = Ork::run(ns.cluster(), &arguments);
        ork.says("\"reconciling\"").await;
        let mark = ns.settled(std::time::Duration::from_secs(1)).await;
        assert!(ns.writes_since(mark).await.is_empty());
        assert_eq!(data(&ns.get(SECRET, "s-auth").await, "password"), data(&auth, "password"));
        assert_eq!(data(&ns.get(SECRET, "s-tls").await, "tls.key"), data(&tls, "tls.key"));

        // As if it had been made long ago.
        let long_ago = json!({"metadata": {"annotations": {"orkestra.orkspace.io/made": "2020-01-01T00:00:00Z"}}});
        ns.edit(SECRET, "s-auth", long_ago.clone()).await;
        let new = |object: &Value| data(object, "password") != data(&auth, "password");
        let renewed = ns.wait_until(SECRET, "s-auth", "it has another password", new).await;
        assert_eq!(data(&renewed, "password.previous"), data(&auth, "password"));
        assert_eq!((data(&renewed, "user"), data(&renewed, "user.previous")), (data(&auth, "user"), String::new()));
        ns.wait_until(CONFIG_MAP, "s-shows", "who shows it follows", |object| {
            data(object, "digest") != data(&shown, "digest")
        })
        .await;
        ns.edit(SECRET, "s-tls", long_ago).await;
        ns.wait_until(SECRET, "s-tls", "it has another key", |object| data(object, "tls.key") != data(&tls, "tls.key"))
            .await;
        ns.wait_for_condition(kind, "s", "Ready", "True").await;
        let mark = ns.settled(std::time::Duration::from_secs(1)).await;
        assert_eq!(data(&ns.get(SECRET, "s-auth").await, "password"), data(&renewed, "password"));
        assert!(ns.writes_since(mark).await.is_empty());
        assert!(ork.stop().await.success());
    });
}
