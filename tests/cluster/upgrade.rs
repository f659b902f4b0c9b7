//! `ork upgrade plan` over the resources of a cluster, which it only reads.

use orkestra_tests::{CUSTOM_RESOURCE_DEFINITION, Kind, Namespace, ork, pattern_directory, with_namespace};
use serde_json::{Value, json};

const PAGE: Kind = Kind::new("upgrade.orkestra.io/v1", "Leaf");
const KATALOG: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: leaf, version: VERSION}
spec:
  crds:
    leaf:
      apiTypes: {group: upgrade.orkestra.io, version: v1, kind: Leaf, plural: leaves}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: config, data: {text: \"{{ spec.text }}\"}}
";

fn crd(fields: &Value, required: &[&str]) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "leaves.upgrade.orkestra.io"},
        "spec": {"group": "upgrade.orkestra.io", "scope": "Namespaced",
            "names": {"kind": "Leaf", "listKind": "LeafList", "plural": "leaves", "singular": "leaf"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "required": required, "properties": fields},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]},
    })
}

fn pattern(ns: &Namespace, version: &str, crd: &Value) -> String {
    let directory = pattern_directory(ns.cluster(), &KATALOG.replace("VERSION", version), &crd.to_string());
    directory.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn resources_that_the_new_schema_refuses_or_cuts_are_named_and_nothing_is_written() {
    with_namespace("upgrade", async |ns| {
        let text = json!({"type": "string", "default": "x", "maxLength": 20});
        let old = crd(&json!({"text": text, "size": {"type": "integer"}, "old": {"type": "string"}}), &[]);
        let new = crd(
            &json!({"text": {"type": "string", "default": "x", "maxLength": 5}, "size": {"type": "integer"}}),
            &["size"],
        );
        ns.apply(&old.to_string()).await;
        let plane = ns.cluster().plane();
        plane
            .kubectl(&["wait", "--for=condition=Established", "crd/leaves.upgrade.orkestra.io", "--timeout=30s"], "")
            .expect("it is established");
        // More than a page.
        let many: String = (0..230)
            .map(|number| format!("---\napiVersion: upgrade.orkestra.io/v1\nkind: Leaf\nmetadata: {{name: f{number:03}}}\nspec: {{size: 1}}\n"))
            .collect();
        ns.apply(&many).await;
        for (name, spec) in [
            ("long", json!({"text": "far too long", "size": 1})),
            ("none", json!({"text": "y"})),
            ("cut", json!({"old": "value", "size": 1})),
        ] {
            ns.create(PAGE, json!({"metadata": {"name": name}, "spec": spec})).await;
        }
        let before = ns.get(CUSTOM_RESOURCE_DEFINITION, "leaves.upgrade.orkestra.io").await;
        let mark = ns.cluster().audit().mark().await;
        let (old, new) = (pattern(&ns, "1.0.0", &old), pattern(&ns, "2.0.0", &new));
        let output = ork(ns.cluster(), &["upgrade", "plan", "--live", "--format", "json", &old, &new]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let plan: Value = serde_json::from_slice(&output.stdout).expect("ork prints JSON");
        let live = &plan["live"][0];
        assert_eq!(
            (&live["resources"], &live["refused"], &live["loses"]),
            (&json!(233), &json!(2), &json!(1)),
            "{live}"
        );
        let named = |name: &str| {
            let all = live["named"].as_array().expect("a list");
            all.iter().find(|one| one["resource"] == format!("{}/{name}", ns.name())).cloned().unwrap_or_default()
        };
        assert!(named("long")["refused"][0].as_str().is_some_and(|why| why.starts_with(".spec.text")), "{live}");
        assert!(named("none")["refused"][0].as_str().is_some_and(|why| why.starts_with(".spec.size")), "{live}");
        assert_eq!(named("cut")["loses"], json!([".spec.old"]));
        let writes = ns.cluster().audit().requests_since(mark).await;
        assert!(writes.iter().all(|request| !request.is_write() || request.user_agent != "ork"), "{writes:?}");
        let after = ns.get(CUSTOM_RESOURCE_DEFINITION, "leaves.upgrade.orkestra.io").await;
        assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);

        // What the API server itself says, once the definition is so.
        plane
            .kubectl(
                &["apply", "--server-side", "--force-conflicts", "-f", "-"],
                &std::fs::read_to_string(format!("{new}/crd.yaml")).expect("a file"),
            )
            .expect("it is applied");
        let shorter = json!({"metadata": {"name": "again"}, "spec": {"text": "far too long", "size": 1}});
        orkestra_tests::eventually("the new schema holds", orkestra_tests::LONG, async || {
            let body = json!({"apiVersion": "upgrade.orkestra.io/v1", "kind": "Leaf", "metadata": shorter["metadata"], "spec": shorter["spec"]});
            match plane.kubectl(&["create", "--dry-run=server", "-n", ns.name(), "-f", "-"], &body.to_string()) {
                Err(error) if error.to_string().contains("spec.text") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    });
}
