//! What is given to a resource, and refused of it, before the API server stores it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use kube::core::Status;
use orkestra_tests::{CONFIG_MAP, Kind, LONG, Namespace, Ork, eventually};
use serde_json::{Value, json};

use crate::fixture::together;

pub(crate) const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: shop, version: 1.0.0}
spec:
  inputs:
    - {name: most, schema: {type: integer}, default: 5}
  crds:
    shop:
      operatorBox:
        mutation:
          - {field: spec.storage, default: "{{ spec.replicas }}Gi"}
          - {field: spec.tier.name, override: web}
        validation:
          - {rule: "{{ spec.replicas <= inputs.most }}", message: "at most {{ inputs.most }}", field: spec.replicas}
          - {rule: "{{ spec.image.contains(':') }}", message: a tag is missing, field: spec.image}
          - {rule: "{{ spec.replicas != 2 }}", message: two is unusual, action: warn}
        onReconcile:
          configMaps:
            - {id: config, data: {storage: "{{ spec.storage }}", tier: "{{ spec.tier.name }}"}}
"#;

pub(crate) fn crd(group: &str) -> Value {
    let properties = json!({"replicas": {"type": "integer"}, "image": {"type": "string"}, "storage": {"type": "string"},
        "tier": {"type": "object", "properties": {"name": {"type": "string"}}}});
    let spec = json!({"type": "object", "required": ["replicas", "image"], "properties": properties});
    let condition = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let status = json!({"type": "object", "properties": {"observedGeneration": {"type": "integer", "format": "int64"},
        "conditions": {"type": "array", "items": condition}}});
    let schema = json!({"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": status}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("shops.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Shop", "plural": "shops"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema}}]},
    })
}

/// The pattern in a directory, and a Komposer that imports it or nothing.
pub(crate) struct Shop {
    pub(crate) group: String,
    pub(crate) pattern: PathBuf,
    pub(crate) komposer: PathBuf,
}

impl Shop {
    pub(crate) fn write(ns: &Namespace) -> Self {
        Self::with(ns, KATALOG, crd)
    }

    /// Another pattern of the same kind.
    pub(crate) fn with(ns: &Namespace, katalog: &str, crd: impl FnOnce(&str) -> Value) -> Self {
        let group = format!("{}.example.com", ns.name());
        let data = ns.cluster().plane().data();
        let pattern = data.join(format!("{}-shop", ns.name()));
        std::fs::create_dir_all(&pattern).unwrap();
        std::fs::write(pattern.join("katalog.yaml"), katalog).unwrap();
        std::fs::write(pattern.join("crd.yaml"), crd(&group).to_string()).unwrap();
        let shop = Self { group, pattern, komposer: data.join(format!("{}-shop.yaml", ns.name())) };
        shop.compose(true);
        shop
    }

    fn compose(&self, import: bool) {
        let imports = if import { format!("[{}]", self.pattern.display()) } else { "[]".to_owned() };
        let text = format!(
            "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: live}}\nimports: {{files: {imports}}}\n"
        );
        let next = self.komposer.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, &self.komposer).unwrap();
    }

    pub(crate) fn kind(&self) -> Kind {
        Kind::new(format!("{}/v1", self.group).leak(), "Shop")
    }

    fn run(&self, ns: &Namespace, more: &[&str]) -> Ork {
        self.run_with(ns, more, &[])
    }

    pub(crate) fn run_with(&self, ns: &Namespace, more: &[&str], variables: &[(&str, &str)]) -> Ork {
        let system = ns.own();
        let mut arguments = vec!["--no-impersonation", "-n", ns.name(), "--system-namespace", &system, "--yes"];
        arguments.extend(["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0"]);
        arguments.extend(more);
        Ork::run_with(ns.cluster(), &arguments, variables)
    }

    /// Stores a resource, or says why it is not stored.
    pub(crate) async fn store(&self, ns: &Namespace, name: &str, spec: Value) -> Result<Value, Box<Status>> {
        let object = json!({"apiVersion": format!("{}/v1", self.group), "kind": "Shop",
            "metadata": {"name": name, "namespace": ns.name()}, "spec": spec});
        let path =
            format!("/apis/{}/v1/namespaces/{}/shops/{name}?fieldManager=tests&force=true", self.group, ns.name());
        let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        match ns.cluster().client().request(request.body(object.to_string().into_bytes()).unwrap()).await {
            Ok(stored) => Ok(stored),
            Err(kube::Error::Api(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A name that no resource has yet: what was stored before a rule is not refused again for the same.
pub(crate) fn unused() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("new-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn resources_get_their_values_and_all_that_is_broken_is_told_before_they_are_stored() {
    together("admit", async |ns| {
        let shop = Shop::write(&ns);
        let kind = shop.kind();
        // Something that breaks a rule is there before anybody knew the rule.
        ns.apply(&crd(&shop.group).to_string()).await;
        eventually("the kind is served", LONG, async || {
            shop.store(&ns, "old", json!({"replicas": 9, "image": "old"}))
                .await
                .map(drop)
                .map_err(|status| status.message)
        })
        .await;
        let ork = shop.run(&ns, &["--no-crds", "-f", path(&shop.komposer)]);
        let refused = eventually("the rules are asked for", LONG, async || {
            match shop.store(&ns, &unused(), json!({"replicas": 7, "image": "web"})).await {
                Err(status) => Ok(status),
                Ok(_) => Err("it was stored"),
            }
        })
        .await;
        assert!(
            refused.message.ends_with("denied the request: spec.replicas: at most 5; spec.image: a tag is missing"),
            "{refused:?}"
        );
        assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
        let causes = refused.details.unwrap().causes;
        let fields: Vec<&str> = causes.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(fields, ["spec.replicas", "spec.image"]);

        // What is right is stored with its values, and its children are made of them.
        let stored = shop.store(&ns, "right", json!({"replicas": 3, "image": "web:1"})).await.unwrap();
        assert_eq!(stored["spec"], json!({"replicas": 3, "image": "web:1", "storage": "3Gi", "tier": {"name": "web"}}));
        let config = ns.wait_for(CONFIG_MAP, "right-config").await;
        assert_eq!(config["data"], json!({"storage": "3Gi", "tier": "web"}));
        assert_eq!(shop.store(&ns, "right", json!({"replicas": 6, "image": "web:1"})).await.unwrap_err().code, 422);

        // What was there before is not reconciled, says why, and can be deleted.
        let old = ns.wait_for_condition(kind, "old", "Ready", "False").await;
        let ready = old["status"]["conditions"].as_array().unwrap().iter().find(|it| it["type"] == "Ready").unwrap();
        assert_eq!(ready["reason"], "Invalid", "{ready}");
        assert!(ready["message"].as_str().unwrap().contains("spec.replicas: at most 5"), "{ready}");
        assert!(ns.find(CONFIG_MAP, "old-config").await.is_none());
        ns.edit(kind, "old", json!({"metadata": {"labels": {"a": "b"}, "finalizers": ["example.com/held"]}})).await;
        ns.delete(kind, "old").await;
        ns.edit(kind, "old", json!({"metadata": {"finalizers": null}})).await;
        ns.wait_until_gone(kind, "old").await;

        // With its pattern the rules go.
        shop.compose(false);
        ork.says("runs no longer").await;
        eventually("nobody is asked", LONG, async || {
            shop.store(&ns, "free", json!({"replicas": 9, "image": "web"}))
                .await
                .map(drop)
                .map_err(|status| status.message)
        })
        .await;
        assert!(ork.stop().await.success());
    });
}

#[test]
fn rules_are_for_what_is_selected_by_the_webhook_and_by_policies() {
    together("chosen", async |ns| {
        let katalog = KATALOG.replace(
            "    shop:\n",
            "    shop:\n      selector: {matchLabels: {tier: gold}, matchExpressions: [{key: stage, operator: NotIn, values: [test]}, {key: off, operator: DoesNotExist}]}\n",
        );
        let shop = Shop::with(&ns, &katalog, crd);
        ns.apply(&crd(&shop.group).to_string()).await;
        let store = async |labels: Value| {
            let spec = json!({"replicas": 7, "image": "web:1"});
            let object = json!({"apiVersion": format!("{}/v1", shop.group), "kind": "Shop",
                "metadata": {"name": unused(), "namespace": ns.name(), "labels": labels}, "spec": spec});
            let path = format!("/apis/{}/v1/namespaces/{}/shops", shop.group, ns.name());
            let request = http::Request::post(path).header("content-type", "application/json");
            match ns.cluster().client().request::<Value>(request.body(object.to_string().into_bytes()).unwrap()).await {
                Ok(stored) => Ok(stored["spec"].clone()),
                Err(kube::Error::Api(status)) => Err(status.message),
                Err(error) => panic!("{error}"),
            }
        };
        let others = [
            json!({}),
            json!({"tier": "tin"}),
            json!({"tier": "gold", "stage": "test"}),
            json!({"tier": "gold", "off": ""}),
        ];
        let kept = async |how: &str| {
            eventually(how, LONG, async || match store(json!({"tier": "gold"})).await {
                Err(message) if message.contains("at most 5") => Ok(()),
                other => Err(format!("{other:?}")),
            })
            .await;
            for labels in &others {
                // Neither refused nor given values.
                assert_eq!(
                    store(labels.clone()).await,
                    Ok(json!({"replicas": 7, "image": "web:1"})),
                    "{how}: {labels}"
                );
            }
        };
        let ork = shop.run(&ns, &["--no-crds", "-f", path(&shop.komposer)]);
        kept("the webhook is asked").await;
        let made = orkestra_tests::ork(ns.cluster(), &["generate", "policies", path(&shop.pattern), "-n", ns.name()]);
        assert!(made.status.success(), "{made:?}");
        shop.compose(false);
        ork.says("runs no longer").await;
        eventually("nobody is asked", LONG, async || store(json!({"tier": "gold"})).await).await;
        ns.apply(&String::from_utf8(made.stdout).unwrap()).await;
        kept("policies keep them").await;
        assert!(ork.stop().await.success());
    });
}

#[test]
fn without_the_webhook_nothing_is_stored_and_a_process_without_rules_clears_what_was_asked() {
    together("unasked", async |ns| {
        let shop = Shop::write(&ns);
        let mut ork = shop.run(&ns, &["-f", path(&shop.komposer)]);
        ork.says("\"reconciling\"").await;
        eventually("the rules are asked for", LONG, async || {
            match shop.store(&ns, &unused(), json!({"replicas": 7, "image": "web"})).await {
                Err(status) if status.code == 422 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let kind = shop.kind();
        shop.store(&ns, "held", json!({"replicas": 1, "image": "web:1"})).await.unwrap();
        ns.edit(kind, "held", json!({"metadata": {"finalizers": ["example.com/held"]}})).await;
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(ork.pid().try_into().unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        while ork.ended().is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let refused = shop.store(&ns, "fine", json!({"replicas": 1, "image": "web:1"})).await.unwrap_err();
        assert_eq!(refused.code, 500, "{refused:?}");
        // What goes does not need it.
        ns.delete(kind, "held").await;
        ns.edit(kind, "held", json!({"metadata": {"finalizers": null}})).await;
        ns.wait_until_gone(kind, "held").await;

        // The same pattern without its rules.
        let katalog = shop.pattern.join("katalog.yaml");
        let text = std::fs::read_to_string(&katalog).unwrap();
        let (before, rest) = text.split_once("        mutation:").unwrap();
        let (_, after) = rest.split_once("        onReconcile:").unwrap();
        let text = format!("{before}        onReconcile:{after}").replace(
            "{storage: \"{{ spec.storage }}\", tier: \"{{ spec.tier.name }}\"}",
            "{image: \"{{ spec.image }}\"}",
        );
        std::fs::write(&katalog, text).unwrap();
        let ork = shop.run(&ns, &["--no-leader-elect", path(&shop.pattern)]);
        ork.says("\"reconciling\"").await;
        shop.store(&ns, "fine", json!({"replicas": 9, "image": "web"})).await.unwrap();
        ns.wait_for(CONFIG_MAP, "fine-config").await;
        assert!(ork.stop().await.success());
    });
}
