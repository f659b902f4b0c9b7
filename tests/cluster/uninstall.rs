//! What the runtime brought leaves the cluster: nothing hangs, nothing is lost that nobody asked to lose, and no definition is
//! left without the webhook that it needs.

use std::process::Output;

use orkestra_tests::{
    CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Kind, LONG, Namespace, Ork, SECRET, eventually, ork, pattern_directory,
    with_namespace,
};
use serde_json::{Value, json};

const ADMISSION: Kind = Kind::new("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration");
const LEASE: Kind = Kind::new("coordination.k8s.io/v1", "Lease");
/// The second child reads the first, so they go in order, and resources have the finalizer.
const KATALOG: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: PATTERN, version: 1.0.0}
spec:
  crds:
    PATTERN:
      apiTypes: {group: uninstall.orkestra.io, version: v1, kind: KIND, plural: PATTERNs}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: first, name: \"{{ metadata.name }}-first\", data: {text: \"{{ spec.text }}\"}}
            - {id: second, name: \"{{ metadata.name }}-second\", data: {text: \"{{ children.first.data.text }}\"}}
";

struct Installed {
    ns: Namespace,
    kind: Kind,
    name: String,
    directory: String,
}

impl Installed {
    fn new(ns: &Namespace, kind: Kind) -> Self {
        let name = kind.kind.to_lowercase();
        let version = |version: &str, storage: bool| {
            json!({"name": version, "served": true, "storage": storage, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {
                    "spec": {"type": "object", "default": {}, "properties": {"text": {"type": "string", "default": "x"}}},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}})
        };
        let plural = format!("{name}s");
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.uninstall.orkestra.io")},
            "spec": {"group": "uninstall.orkestra.io", "scope": "Namespaced",
                "names": {"kind": kind.kind, "listKind": format!("{}List", kind.kind), "plural": plural, "singular": name},
                "versions": [version("v1", true), version("v2", false)]},
        });
        let katalog = KATALOG.replace("PATTERN", &name).replace("KIND", kind.kind);
        let directory = pattern_directory(ns.cluster(), &katalog, &crd.to_string());
        Self { ns: ns.clone(), kind, name, directory: directory.to_str().expect("a path in UTF-8").to_owned() }
    }

    fn definition(&self) -> String {
        format!("{}s.uninstall.orkestra.io", self.name)
    }

    fn run(&self) -> Ork {
        let own = self.ns.own();
        let arguments = [
            "--no-impersonation",
            "-n",
            self.ns.name(),
            "--system-namespace",
            &own,
            "--listen",
            "127.0.0.1:0",
            &self.directory,
        ];
        Ork::run(self.ns.cluster(), &arguments)
    }

    /// Runs it until there are resources, each ready, and their definition.
    async fn with_resources(&self, names: &[&str]) -> Ork {
        let running = self.run();
        let plane = self.ns.cluster().plane();
        let crd = format!("crd/{}", self.definition());
        eventually("the definition is established", LONG, async || {
            plane
                .kubectl(&["wait", "--for=condition=Established", &crd, "--timeout=1s"], "")
                .map(|_| ())
                .map_err(|error| error.to_string())
        })
        .await;
        for name in names {
            self.ns.create(self.kind, json!({"metadata": {"name": name}, "spec": {}})).await;
        }
        for name in names {
            self.ns.wait_for_condition(self.kind, name, "Ready", "True").await;
        }
        running
    }

    fn uninstall(&self, more: &[&str]) -> Output {
        let own = self.ns.own();
        let mut arguments = vec!["uninstall", "--system-namespace", &own, "--format", "json"];
        arguments.extend(more);
        if !more.contains(&"--all") {
            arguments.push(&self.directory);
        }
        ork(self.ns.cluster(), &arguments)
    }

    /// It is refused with this word, and what was done before is given.
    fn refused(&self, more: &[&str], reason: &str) -> Value {
        let output = self.uninstall(more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{said}");
        removed(&output)
    }

    fn removes(&self, more: &[&str]) -> Value {
        let output = self.uninstall(more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        removed(&output)
    }

    async fn crd(&self) -> Option<Value> {
        self.ns.find(CUSTOM_RESOURCE_DEFINITION, &self.definition()).await
    }

    async fn has_bookkeeping(&self) -> (bool, bool) {
        let own = self.ns.other(&self.ns.own());
        (
            own.find(CONFIG_MAP, "orkestra-inventory").await.is_some(),
            own.find(LEASE, "orkestra-runtime").await.is_some(),
        )
    }
}

fn removed(output: &Output) -> Value {
    serde_json::from_slice::<Value>(&output.stdout).map(|printed| printed["removed"].clone()).unwrap_or(Value::Null)
}

#[test]
fn without_a_word_resources_stay_and_with_it_they_go_in_order() {
    with_namespace("uninstall", async |ns| {
        let it = Installed::new(&ns, Kind::new("uninstall.orkestra.io/v1", "Oak"));
        let running = it.with_resources(&["a", "b"]).await;
        // Nobody is asked, and nobody said yes.
        let output = it.uninstall(&["--delete-resources"]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("2 Oak are deleted") && said.contains("--yes"), "{said}");
        // A runtime would bring back what is removed.
        assert_eq!(it.refused(&["--yes"], "RuntimeRuns"), json!([]));
        assert!(running.stop().await.success());

        let output = it.uninstall(&["--dry-run"]);
        assert!(output.status.success());
        assert_eq!(it.has_bookkeeping().await, (true, true), "a dry run removes nothing");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("2 Oak stay as they are") && said.contains("hang in their deletion"), "{said}");
        let own = ns.other(&ns.own());
        for (name, labels) in
            [("certificates", json!({"app.kubernetes.io/managed-by": "orkestra"})), ("somebody-elses", json!({}))]
        {
            own.create(SECRET, json!({"metadata": {"name": name, "labels": labels}})).await;
            // For objects that nobody has.
            let rule = json!({"apiGroups": ["nothing.orkestra.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothings"]});
            let service = json!({"name": "orkestra", "namespace": ns.own()});
            let webhook = json!({"name": "a.orkestra.io", "clientConfig": {"service": service}, "rules": [rule],
                "sideEffects": "None", "admissionReviewVersions": ["v1"]});
            let name = format!("{}-{name}", ns.name());
            ns.create(ADMISSION, json!({"metadata": {"name": name, "labels": labels}, "webhooks": [webhook]})).await;
        }
        it.removes(&["--yes"]);
        assert_eq!(it.has_bookkeeping().await, (false, false));
        for (name, there) in [("certificates", false), ("somebody-elses", true)] {
            assert_eq!(own.find(SECRET, name).await.is_some(), there, "{name}");
            assert_eq!(ns.find(ADMISSION, &format!("{}-{name}", ns.name())).await.is_some(), there, "{name}");
        }
        assert!(it.crd().await.is_some());
        for name in ["a", "b"] {
            let oak = ns.get(it.kind, name).await;
            assert!(oak["metadata"]["deletionTimestamp"].is_null(), "{oak}");
            ns.get(CONFIG_MAP, &format!("{name}-second")).await;
        }

        // Their deletion needs somebody who does the work.
        it.refused(&["--delete-resources", "--yes"], "FinalizersPending");
        let running = it.with_resources(&["c"]).await;
        let done = it.refused(&["--delete-resources", "--yes"], "RuntimeRuns");
        assert_eq!(done, json!([{"what": "resources", "kind": "Oak", "count": 3}]));
        assert!(
            ns.list(CONFIG_MAP, "app.kubernetes.io/managed-by=orkestra").await.is_empty(),
            "children went before them"
        );
        assert!(running.stop().await.success());
        let done = it.removes(&["--all", "--yes"]);
        assert_eq!(done[0], json!({"what": "definition", "definition": it.definition()}));
        assert!(it.crd().await.is_none_or(|crd| !crd["metadata"]["deletionTimestamp"].is_null()));
        assert_eq!(it.has_bookkeeping().await, (false, false));
        // There is nothing left, and that is fine.
        assert_eq!(it.removes(&["--yes"]), json!([]));
    });
}

#[test]
fn where_no_runtime_will_ever_run_again_finalizers_are_taken_off_when_that_is_said() {
    with_namespace("uninstall-released", async |ns| {
        let it = Installed::new(&ns, Kind::new("uninstall.orkestra.io/v1", "Elm"));
        let running = it.with_resources(&["a"]).await;
        assert!(running.stop().await.success());
        it.refused(&["--delete-resources", "--yes"], "FinalizersPending");
        assert!(it.crd().await.is_some());
        let done = it.removes(&["--delete-resources", "--release-finalizers", "--yes"]);
        let what: Vec<_> =
            done.as_array().expect("a list").iter().map(|one| one["what"].as_str().unwrap_or_default()).collect();
        assert_eq!(what, ["finalizers", "resources", "definition", "object", "object"]);
        // The garbage collector does what is left.
        ns.wait_until_gone(CONFIG_MAP, "a-first").await;
    });
}

#[test]
fn a_definition_that_stays_is_converted_by_a_webhook_only_where_that_can_end() {
    with_namespace("uninstall-webhook", async |ns| {
        let it = Installed::new(&ns, Kind::new("uninstall.orkestra.io/v1", "Ash"));
        let running = it.with_resources(&["a"]).await;
        assert!(running.stop().await.success());
        let plane = ns.cluster().plane();
        let patch = |patch: Value| {
            let definition = it.definition();
            plane
                .kubectl(&["patch", "crd", &definition, "--type=json", "-p", &patch.to_string()], "")
                .unwrap_or_else(|error| panic!("{error}"));
        };
        // Nobody answers there, as after the end of a runtime.
        let webhook = json!({"strategy": "Webhook", "webhook": {
            "clientConfig": {"url": "https://127.0.0.1:1/convert"}, "conversionReviewVersions": ["v1"]}});
        patch(json!([{"op": "replace", "path": "/spec/conversion", "value": webhook}]));
        it.refused(&["--yes"], "ConversionInUse");
        assert_eq!(it.has_bookkeeping().await, (true, true), "nothing was done");
        patch(json!([{"op": "replace", "path": "/spec/versions/1/served", "value": false}]));
        // It is served in the version that is stored, and nothing says yet that everything is stored in it.
        it.refused(&["--yes"], "ConversionInUse");
        let own = ns.own();
        let migrated = ork(ns.cluster(), &["storage", "migrate", "--yes", "--system-namespace", &own, it.kind.kind]);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let done = it.removes(&["--yes"]);
        assert_eq!(done[0], json!({"what": "conversion", "definition": it.definition()}));
        let crd = it.crd().await.expect("it stays");
        assert_eq!(crd["spec"]["conversion"], json!({"strategy": "None"}));
        assert_eq!(ns.get(it.kind, "a").await["spec"]["text"], "x");
    });
}
