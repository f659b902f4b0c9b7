//! What a real API server makes of the chart.

use std::process::Command;

use orkestra_tests::{
    DEPLOYMENT, Kind, LONG, Namespace, POD, condition_of, eventually, pattern_directory, with_namespace,
};
use serde_json::Value;

use crate::live::{CRD, KATALOG};
use crate::{of_kind, rendered, run, values_files};

const REPLICA_SET: Kind = Kind::new("apps/v1", "ReplicaSet");

/// Stand-ins for the definitions that a Prometheus operator brings, with the fields that the chart uses.
const MONITORING: &str = include_str!("monitoring.coreos.com.yaml");

fn kubectl(ns: &Namespace, arguments: &[&str], input: &str) -> Result<String, String> {
    ns.cluster().plane().kubectl(arguments, input).map_err(|error| error.to_string())
}

/// A namespace in which only restricted pods are admitted.
fn restricted(name: &str, test: impl AsyncFnOnce(Namespace)) {
    with_namespace(name, async |ns| {
        let label = "pod-security.kubernetes.io/enforce=restricted";
        kubectl(&ns, &["label", "namespace", ns.name(), label], "").expect("the namespace is labelled");
        test(ns).await;
    });
}

#[test]
fn an_api_server_takes_the_chart_with_any_values() {
    restricted("deploy-dry", async |ns| {
        kubectl(&ns, &["apply", "--server-side", "-f", "-"], MONITORING).expect("the definitions are taken");
        for name in ["servicemonitors", "prometheusrules"] {
            let definition = format!("crd/{name}.monitoring.coreos.com");
            kubectl(&ns, &["wait", "--for=condition=Established", &definition, "--timeout=30s"], "")
                .expect("established");
        }
        let apply = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
        for (name, values) in values_files() {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let stream = rendered(ns.name(), &values);
            // Discovery of new kinds takes its time.
            eventually("the API server takes the objects", LONG, async || kubectl(&ns, &apply, &stream))
                .await
                .lines()
                .for_each(|line| assert!(line.ends_with("serverside-applied (server dry run)"), "{name}: {line}"));
            let wrong = stream.replace("automountServiceAccountToken:", "automountServiceAccountTokens:");
            let refused = kubectl(&ns, &apply, &wrong).expect_err("an unknown field is refused");
            assert!(refused.contains("automountServiceAccountTokens"), "{name}: {refused}");
        }
    });
}

/// Rights first, as the README says, then the chart.
#[test]
fn its_pods_are_admitted_where_only_restricted_ones_are_and_the_deployment_is_available() {
    restricted("deploy-run", async |ns| {
        let pattern = pattern_directory(ns.cluster(), KATALOG, CRD);
        let printed = ["generate", "rbac", "--quiet", "--system-namespace", ns.name()];
        let mut ork = Command::new(orkestra_tests::program("ork"));
        let rights = run(ork.args(printed).arg(&pattern));
        kubectl(&ns, &["apply", "-f", "-"], &rights).expect("the rights are taken");
        let label = kubectl(&ns, &["get", "namespace", ns.name(), "-o", "jsonpath={.metadata.labels}"], "").unwrap();
        assert!(label.contains("restricted"), "`ork generate rbac` keeps the label: {label}");

        kubectl(&ns, &["apply", "--server-side", "-f", "-"], &rendered(ns.name(), &[])).expect("the chart is taken");
        let deployment = ns.wait_for_condition(DEPLOYMENT, "orkestra", "Available", "True").await;
        assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "orkestra");
        let pods = eventually("both pods are ready", LONG, async || {
            let pods = ns.list(POD, "app.kubernetes.io/name=orkestra").await;
            let ready = pods.iter().filter(|pod| condition_of(pod, "Ready") == Some("True")).count();
            if ready == 2 { Ok(pods) } else { Err(format!("{ready} are ready")) }
        })
        .await;
        assert_eq!(pods[0]["spec"]["containers"][0]["args"][0], "run");

        // A change of what runs replaces them, and none goes before another one is ready.
        let changed = rendered(ns.name(), &["--set", "komposer.lock=version: 1"]);
        kubectl(&ns, &["apply", "--server-side", "-f", "-"], &changed).expect("the change is taken");
        let generation = of_kind(&changed, "Deployment")["spec"]["template"]["metadata"]["annotations"].clone();
        eventually("the pods are replaced", LONG, async || {
            let pods = ns.list(POD, "app.kubernetes.io/name=orkestra").await;
            let running: Vec<&Value> =
                pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
            let new = running.iter().filter(|pod| pod["metadata"]["annotations"] == generation).count();
            if new == 2 && running.len() == 2 { Ok(()) } else { Err(format!("{new} of {} are new", running.len())) }
        })
        .await;
    });
}

/// The twin: what the label refuses, and that it is the API server which does.
#[test]
fn the_same_pods_without_what_restricts_them_are_refused() {
    restricted("deploy-bad", async |ns| {
        let manifest = rendered(ns.name(), &[]);
        let refused = [
            ("runAsNonRoot: true", "runAsNonRoot != true"),
            ("seccompProfile: {type: RuntimeDefault}", "seccompProfile"),
            ("capabilities: {drop: [ALL]}", "unrestricted capabilities"),
            ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation != false"),
        ];
        for (taken_out, said) in refused {
            assert_eq!(manifest.matches(taken_out).count(), 1, "{taken_out}");
            kubectl(&ns, &["apply", "--server-side", "--force-conflicts", "-f", "-"], &manifest.replace(taken_out, ""))
                .expect("a Deployment is taken, its pods are not");
            eventually(&format!("pods without `{taken_out}` are refused"), LONG, async || {
                let sets = ns.list(REPLICA_SET, "").await;
                let texts =
                    sets.iter().flat_map(|set| set["status"]["conditions"].as_array().cloned().unwrap_or_default());
                let texts: Vec<String> = texts.map(|condition| condition["message"].to_string()).collect();
                let found = texts.iter().any(|text| text.contains("violates PodSecurity") && text.contains(said));
                if found { Ok(()) } else { Err(format!("{texts:?}")) }
            })
            .await;
            assert!(ns.list(POD, "").await.is_empty(), "no pod is there");
            kubectl(&ns, &["delete", "deployment", "orkestra", "-n", ns.name(), "--cascade=foreground"], "")
                .expect("deleted");
        }
    });
}
