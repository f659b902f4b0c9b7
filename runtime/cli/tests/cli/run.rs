use crate::support::{Copy, Ended, ork, ork_with, ork_with_all, postgres};

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: production
clusters: [{name: far, cluster: {server: 'https://10.1.2.3:6443', insecure-skip-tls-verify: true}}]
users: [{name: me, user: {token: secret-token}}]
contexts: [{name: production, context: {cluster: far, user: me}}]
";

/// What [`Copy::asking`] asks for.
const GRANTS: [&str; 2] = ["flow:metadata.name", "flow:spec.authSecret"];

fn run_with_kubeconfig(text: &str) -> Ended {
    let copy = Copy::new();
    let kubeconfig = copy.file("kubeconfig");
    std::fs::write(&kubeconfig, text).unwrap();
    ork_with(["run", copy.path()], &[("KUBECONFIG", kubeconfig.to_str().unwrap())])
}

#[test]
fn a_cluster_elsewhere_is_not_touched_without_a_yes() {
    let ended = run_with_kubeconfig(KUBECONFIG).ends(2);
    let expected = "error: context `production` is not on this machine (https://10.1.2.3:6443)\n\n\
                    hint: say --yes if it is the right one, or choose with --context\n";
    assert_eq!(ended.stderr, expected);
}

#[test]
fn a_kubeconfig_that_is_not_usable_is_named() {
    let ended =
        run_with_kubeconfig(&KUBECONFIG.replace("current-context: production", "current-context: staging")).ends(2);
    assert!(ended.stderr.contains("\"staging\""), "{}", ended.stderr);
    let ended = run_with_kubeconfig("clusters: 5\n").ends(2);
    assert!(ended.stderr.contains("is not a usable kubeconfig"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret-token"));
    let good = postgres();
    let ended = ork_with(["run", good.to_str().unwrap()], &[("HOME", "/nowhere")]).ends(2);
    assert!(ended.stderr.contains("no kubeconfig is there: looked for /nowhere/.kube/config"), "{}", ended.stderr);
}

#[test]
fn what_runs_is_checked_before_a_cluster_is_looked_for() {
    let broken = Copy::new().edit("katalog.yaml", "workers: 2", "worker: 2");
    let ended = ork(["run", broken.path()]).ends(1);
    assert!(ended.stderr.contains("error[K0201]"), "{}", ended.stderr);
    assert_eq!(ended.text(), "");
}

#[test]
fn two_patterns_of_one_name_do_not_run_together() {
    let (one, two) = (Copy::new(), Copy::new());
    let ended = ork(["run", one.path(), two.path()]).ends(2);
    assert!(ended.stderr.contains("two patterns are named `postgres`"), "{}", ended.stderr);
    assert!(ended.stderr.contains(one.path()) && ended.stderr.contains(two.path()), "{}", ended.stderr);
}

#[test]
fn a_komposer_is_relative_to_its_own_directory() {
    let grants = format!("    - path: .\n      grants: [{}]\n", GRANTS.join(", "));
    let copy = Copy::new().edit("komposer.yaml", "    - path: .\n", &grants);
    let komposer = copy.file("komposer.yaml");
    // It gets as far as the cluster, so its import was found.
    let ended = ork_with(["run", "-f", komposer.to_str().unwrap()], &[("HOME", "/nowhere")]).ends(2);
    assert!(ended.stderr.contains("no kubeconfig is there"), "{}", ended.stderr);
    let copy = copy.edit("komposer.yaml", "path: .", "path: ./else");
    let ended = ork(["run", "-f", komposer.to_str().unwrap()]).ends(2);
    assert!(ended.stderr.contains(&format!("cannot read `{}/./else`", copy.path())), "{}", ended.stderr);
}

#[test]
fn a_directory_and_a_komposer_exclude_each_other() {
    ork(["run", ".", "-f", "komposer.yaml"]).ends(2);
    ork(["run"]).ends(2);
}

#[test]
fn what_would_not_be_carried_out_is_refused() {
    let copy = Copy::asking();
    let komposer = copy.file("komposer.yaml");
    let head = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\n";
    for (imports, status, part) in [
        ("{files: [{path: ., GRANTS}]}", 2, "no kubeconfig is there"),
        ("{files: [{path: ., GRANTS, limits: {memory: 32Mi, deadline: 2s}}]}", 2, "no kubeconfig is there"),
        ("{files: [.]}", 1, "CapabilityDenied: `postgres` is not granted `flow:spec.authSecret`"),
        ("{files: [{path: ., grants: [flow:metadata.name]}]}", 1, "grants: [flow:spec.authSecret]"),
        (
            "{files: [{path: ., grants: [flow:metadata.name, flow:spec.authSecret, code]}]}",
            2,
            "is granted `code`, and does not ask for it",
        ),
        ("{files: [.], trust: [{pattern: 'r.example/**', keys: [./a.pub]}]}", 2, "a.pub"),
        ("{registry: [{url: '127.0.0.1:1/a/postgres:v14', oci: true}]}", 1, "Unreachable"),
    ] {
        let imports = imports.replace("GRANTS", &format!("grants: [{}]", GRANTS.join(", ")));
        std::fs::write(&komposer, format!("{head}imports: {imports}\n")).unwrap();
        let ended = ork_with(["run", "-f", komposer.to_str().unwrap()], &[("HOME", "/nowhere")]).ends(status);
        assert!(ended.stderr.contains(part), "{imports}: {}", ended.stderr);
    }
}

#[test]
fn a_pattern_runs_with_its_grants_only() {
    let asking = Copy::asking();
    let run = |arguments: &[&str]| {
        let arguments = [&["run"], arguments, &[asking.path()]].concat();
        ork_with_all(&arguments, &[("HOME", "/nowhere")])
    };
    let [one, two] = GRANTS;
    let ended = run(&["--grant", one]).ends(1);
    assert!(
        ended.stderr.contains("CapabilityDenied: `postgres` is not granted `flow:spec.authSecret`"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("--grant 'flow:spec.authSecret'") && !ended.stderr.contains("kubeconfig"),
        "{}",
        ended.stderr
    );
    let ended = run(&["--grant", one, "--grant", two, "--grant", "flow:spec.other"]).ends(2);
    assert!(ended.stderr.contains("warning: nothing asks for `flow:spec.other`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("no kubeconfig is there"), "{}", ended.stderr);
}

#[test]
fn traces_that_cannot_be_sent_as_the_environment_says_end_the_start() {
    let pattern = postgres();
    let run = |variables: &[(&str, &str)]| ork_with(["run", pattern.to_str().unwrap()], variables);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4317");
    let expected = "error: ProtocolNotSpoken: OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`, and traces are sent as `http/protobuf` only\n\n\
                    hint: name the collector's port for OTLP over HTTP, which is 4318 by custom, and set the protocol to \
                    `http/protobuf` or unset it\n";
    assert_eq!(run(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).ends(2).stderr, expected);
    let ended = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]).ends(2);
    assert!(ended.stderr.contains("error: InvalidEndpoint: OTEL_EXPORTER_OTLP_ENDPOINT"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: write it as `http://collector.example:4318`"), "{}", ended.stderr);
    // Where no collector is named, it is another thing that is missing.
    let ended = run(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("HOME", "/nowhere")]).ends(2);
    assert!(ended.stderr.contains("no kubeconfig is there"), "{}", ended.stderr);
}
