//! The chart as Helm reads it.

use std::process::{Command, Stdio};

use orkestra_tests::program;
use serde_json::{Value, json};

use crate::{deploy, helm, of_kind, rendered, run, said, same, values_files};

const NAMESPACE: &str = "orkestra-system";

/// The container of the Deployment.
fn container(stream: &str) -> Value {
    of_kind(stream, "Deployment")["spec"]["template"]["spec"]["containers"][0].clone()
}

fn arguments(stream: &str) -> Vec<String> {
    serde_json::from_value(container(stream)["args"].clone()).expect("arguments are texts")
}

#[test]
fn lint_finds_nothing_with_any_values() {
    let chart = deploy("chart");
    for (name, values) in values_files() {
        let mut arguments = vec!["lint", "--strict", chart.to_str().unwrap()];
        arguments.extend(values.iter().map(String::as_str));
        let said = run(&mut helm(&arguments));
        assert!(said.contains("0 chart(s) failed"), "{name}: {said}");
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{name}: {said}");
    }
}

#[test]
fn the_manifests_are_what_the_chart_makes_without_values() {
    let head = "# What the chart in ../chart makes without values, for whoever has no Helm. A test holds the two together.\n\
                # The account `orkestra` and its rights come from `ork generate rbac`; README.md says how.\n";
    same("manifests/orkestra.yaml", &format!("{head}{}", rendered(NAMESPACE, &[])));
}

#[test]
fn the_chart_gives_no_rights_and_makes_an_account_only_where_it_is_told_to() {
    for (name, values) in values_files() {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let stream = rendered(NAMESPACE, &values);
        let kinds: Vec<String> =
            crate::objects(&stream).iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect();
        assert!(!kinds.iter().any(|kind| kind.contains("Role")), "{name}: {kinds:?}");
        assert_eq!(kinds.contains(&"ServiceAccount".to_owned()), name == "everything", "{name}: {kinds:?}");
    }
}

#[test]
fn an_image_by_digest_has_no_tag() {
    for (name, values) in values_files() {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let image = container(&rendered(NAMESPACE, &values))["image"].as_str().unwrap().to_owned();
        let pinned = matches!(name.as_str(), "digest" | "airgapped");
        assert_eq!(image.contains("@sha256:"), pinned, "{name}: {image}");
        assert_eq!(image.rsplit('/').next().unwrap().split('@').next().unwrap().contains(':'), !pinned, "{image}");
    }
    assert_eq!(container(&rendered(NAMESPACE, &[]))["image"], "ghcr.io/orkestra-sh/ork:0.1.0");
}

/// `--help` behind the arguments: they are read and nothing is done.
#[test]
fn ork_knows_every_argument() {
    for (name, values) in values_files() {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let mut arguments = arguments(&rendered(NAMESPACE, &values));
        assert_eq!(arguments[0], "run");
        let read = |arguments: &[String]| {
            let mut ork = Command::new(program("ork"));
            ork.args(arguments).arg("--help").stdin(Stdio::null()).output().expect("ork starts")
        };
        let output = read(&arguments);
        assert!(output.status.success(), "{name}: {}", said(&output));
        arguments.push("--no-such-argument".to_owned());
        assert!(!read(&arguments).status.success(), "{name}: `--help` hides what is wrong");
    }
}

#[test]
fn a_lock_makes_the_runtime_keep_to_it() {
    let locked = |more: &[&str]| arguments(&rendered(NAMESPACE, more)).contains(&"--locked".to_owned());
    assert!(locked(&["--set", "komposer.lock=version: 1"]));
    assert!(!locked(&[]));
}

#[test]
fn a_komposer_in_the_cluster_is_followed_instead_of_the_text() {
    let stream = rendered(NAMESPACE, &["--set", "komposer.resource=platform,komposer.lock=x,komposer.policy=y"]);
    let arguments = arguments(&stream);
    assert!(arguments.contains(&"--komposer=platform".to_owned()), "{arguments:?}");
    assert!(
        arguments.iter().all(|argument| !argument.starts_with("--file") && argument != "--locked"),
        "{arguments:?}"
    );
    let data = of_kind(&stream, "ConfigMap")["data"].clone();
    assert_eq!(data.as_object().expect("files").keys().collect::<Vec<_>>(), ["policy.yaml"]);
}

#[test]
fn a_change_of_what_runs_replaces_the_pods_and_nothing_else_does() {
    let sum = |more: &[&str]| {
        let deployment = of_kind(&rendered(NAMESPACE, more), "Deployment");
        let sum = &deployment["spec"]["template"]["metadata"]["annotations"]["checksum/configuration"];
        sum.as_str().expect("a sum").to_owned()
    };
    let plain = sum(&[]);
    assert_eq!(sum(&["--set", "replicas=5"]), plain);
    for change in ["komposer.yaml=kind: Komposer", "komposer.lock=x", "komposer.policy=x", "komposer.files.a=x"] {
        assert_ne!(sum(&["--set", change]), plain, "{change}");
    }
}

#[test]
fn the_pod_is_restricted_and_writes_to_two_volumes_only() {
    for (name, values) in values_files() {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let stream = rendered(NAMESPACE, &values);
        let container = container(&stream);
        let context = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
        assert_eq!(container["securityContext"], context, "{name}");
        let writable = container["volumeMounts"].as_array().unwrap().iter().filter(|mount| mount["readOnly"] != true);
        let writable: Vec<&Value> = writable.map(|mount| &mount["mountPath"]).collect();
        assert_eq!(writable, ["/var/cache/orkestra", "/tmp"], "{name}");
        let cache = arguments(&stream).iter().any(|argument| argument == "--cache=/var/cache/orkestra");
        assert!(cache, "{name}: the cache is where the volume is");
    }
}

#[test]
fn a_collector_of_traces_is_named_to_the_container_and_reached_through_the_policy() {
    let ports = |stream: &str| of_kind(stream, "NetworkPolicy")["spec"]["egress"].to_string();
    let traced = ["--set", "traces.endpoint=http://collector.observability:4318"];
    let (plain, traced) = (rendered(NAMESPACE, &[]), rendered(NAMESPACE, &traced));
    assert!(container(&plain).get("env").is_none() && !ports(&plain).contains("4318"));
    let variable = json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.observability:4318"});
    assert_eq!(container(&traced)["env"], json!([variable]));
    assert!(ports(&traced).contains("4318"), "{}", ports(&traced));
}

/// What the values may not be, and a word of what is said about it. Each has a twin that is accepted.
const REFUSED: [(&str, &str, &str); 17] = [
    ("replica=3", "additional properties 'replica' not allowed", "replicas=3"),
    ("image.name=x", "additional properties 'name' not allowed", "image.repository=x"),
    ("replicas=two", "want integer", "replicas=2"),
    ("replicas=-1", "minimum", "replicas=0"),
    ("image.digest=sha256:12", "/image/digest", "image.digest="),
    ("image.pullPolicy=Sometimes", "must be one of", "image.pullPolicy=Never"),
    ("komposer.yaml=", "/komposer/yaml", "komposer.yaml=kind: Komposer"),
    ("komposer.files.komposer\\.lock=x", "written from another value", "komposer.files.other\\.lock=x"),
    ("watchNamespace=Team", "/watchNamespace", "watchNamespace=team"),
    ("log.format=xml", "must be one of", "log.format=text"),
    ("networkPolicy.apiServer.ports={70000}", "maximum", "networkPolicy.apiServer.ports={7000}"),
    ("networkPolicy.apiServer.cidrs={everywhere}", "/cidrs/0", "networkPolicy.apiServer.cidrs={10.0.0.0/8}"),
    ("artifacts.volume.hostPath.path=/", "/artifacts/volume", "artifacts.volume.persistentVolumeClaim.claimName=x"),
    ("terminationGracePeriodSeconds=50", "takes up to 46 seconds", "terminationGracePeriodSeconds=51"),
    ("traces.endpoint=collector:4318", "/traces/endpoint", "traces.endpoint=http://collector:4318"),
    ("cache.sizeLimit=much", "/cache/sizeLimit", "cache.sizeLimit=10Gi"),
    ("serviceMonitor.interval=often", "/serviceMonitor/interval", "serviceMonitor.interval=1m30s"),
];

#[test]
fn wrong_values_are_refused_and_their_twins_are_not() {
    let chart = deploy("chart");
    for (wrong, said_of_it, right) in REFUSED {
        let template = |value: &str| {
            let arguments = ["template", "orkestra", chart.to_str().unwrap(), "--set", value];
            helm(&arguments).stdin(Stdio::null()).output().expect("helm starts")
        };
        let output = template(wrong);
        assert!(!output.status.success(), "{wrong} is taken");
        assert!(said(&output).contains(said_of_it), "{wrong}: {}", said(&output));
        let output = template(right);
        assert!(output.status.success(), "{right}: {}", said(&output));
    }
}

#[test]
fn registries_and_carried_artifacts_exclude_each_other() {
    let chart = deploy("chart");
    let volume = "artifacts.volume.persistentVolumeClaim.claimName=x";
    let arguments = [
        "template",
        "orkestra",
        chart.to_str().unwrap(),
        "--set",
        volume,
        "--set",
        "registries.realms={auth.example.com}",
    ];
    let output = helm(&arguments).output().expect("helm starts");
    assert!(!output.status.success() && said(&output).contains("no registry is asked then"), "{}", said(&output));
}

/// Notes are shown by an installation, here one without a cluster.
#[test]
fn the_notes_say_where_rights_come_from_and_what_is_not_locked() {
    let chart = deploy("chart");
    let notes = |more: &[&str]| {
        let mut arguments = vec!["install", "orkestra", chart.to_str().unwrap(), "--namespace", "platform"];
        arguments.push("--dry-run=client");
        arguments.extend(more);
        run(&mut helm(&arguments))
    };
    let text = notes(&[]);
    assert!(
        text.contains("ork generate rbac -f komposer.yaml --system-namespace platform | kubectl apply -f -"),
        "{text}"
    );
    assert!(text.contains("WARNING: komposer.lock is empty"), "{text}");
    assert!(!notes(&["--set", "komposer.lock=x"]).contains("WARNING"));
    let text = notes(&["--set", "komposer.resource=team"]);
    assert!(
        text.contains("kubectl get komposer team") && text.contains("--resource --system-namespace platform"),
        "{text}"
    );
}
