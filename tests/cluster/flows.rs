//! A tenant's value that decides over rights: refused without its grant, whatever the resource says.

use orkestra_tests::{Kind, LONG, Namespace, Ork, eventually, pattern_directory};
use serde_json::json;

use crate::fixture::{CRD, KATALOG, WEB, together};

const CHOOSER: Kind = Kind::new("tests.orkestra.io/v1", "Chooser");
const POD_TEMPLATE: Kind = Kind::new("v1", "PodTemplate");

const HOSTILE: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: chooser, version: 1.0.0}
spec:
  crds:
    chooser:
      operatorBox:
        vars: {account: "{{ spec.account }}"}
        onReconcile:
          resources:
            - id: pods
              manifest:
                apiVersion: v1
                kind: PodTemplate
                metadata: {name: "{{ metadata.name }}"}
                template:
                  spec:
                    serviceAccountName: "{{ vars.account }}"
                    containers: [{name: main, image: example.org/main:1}]
"#;
const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: choosers.tests.orkestra.io}
spec:
  group: tests.orkestra.io
  scope: Namespaced
  names: {kind: Chooser, plural: choosers}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec: {type: object, required: [account], properties: {account: {type: string}}}
            status:
              type: object
              properties:
                observedGeneration: {type: integer}
                conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Runs the hostile pattern and an honest one in one process.
async fn run(ns: &Namespace, grants: &str) -> Ork {
    let hostile = pattern_directory(ns.cluster(), HOSTILE, DEFINITION);
    let honest = pattern_directory(ns.cluster(), KATALOG, CRD);
    let (hostile_path, honest_path) = (hostile.display(), honest.display());
    let komposer = hostile.with_extension("komposer.yaml");
    let text = format!(
        "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: both}}\nimports:\n  files:\n    \
         - {{path: {hostile_path}, grants: [{grants}]}}\n    - {honest_path}\n"
    );
    std::fs::write(&komposer, text).expect("a file");
    let own = ns.own();
    let arguments = [
        "--no-impersonation",
        // The fixture has applied the one definition, and the test the other.
        "--no-crds",
        "-n",
        ns.name(),
        "--system-namespace",
        &own,
        "--listen",
        "127.0.0.1:0",
        "-f",
        komposer.to_str().expect("a path in UTF-8"),
    ];
    let ork = Ork::run(ns.cluster(), &arguments);
    eventually("ork reconciles", LONG, async || match ork.output() {
        output if output.contains("\"reconciling\"") => Ok(()),
        output => Err(output),
    })
    .await;
    ork
}

#[test]
fn a_tenant_chooses_no_account_without_a_grant() {
    together("flows", async |ns| {
        let plane = ns.cluster().plane();
        let kubectl =
            |arguments: &[&str], input| plane.kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"));
        kubectl(&["apply", "--server-side", "-f", "-"], DEFINITION);
        kubectl(&["wait", "--for=condition=Established", "crd/choosers.tests.orkestra.io", "--timeout=30s"], "");
        ns.create(CHOOSER, json!({"metadata": {"name": "evil"}, "spec": {"account": "cluster-admin"}})).await;

        let ork = run(&ns, "").await;
        ns.create(WEB, json!({"metadata": {"name": "honest"}, "spec": {}})).await;
        ns.wait_for_condition(WEB, "honest", "Ready", "True").await;
        let said = ork.output();
        assert!(said.contains("CapabilityDenied") && said.contains("flow:spec.account"), "{said}");
        assert!(ns.list(POD_TEMPLATE, "").await.is_empty(), "the tenant has chosen an account");
        assert!(ork.stop().await.success());

        // Its twin: whoever composes has allowed it.
        let ork = run(&ns, "flow:spec.account").await;
        let made = ns
            .wait_until(POD_TEMPLATE, "evil", "it is made", |pods| {
                pods["template"]["spec"]["serviceAccountName"] == "cluster-admin"
            })
            .await;
        assert_eq!(made["metadata"]["labels"]["app.kubernetes.io/managed-by"], "orkestra");
        assert!(ork.stop().await.success());
    });
}
