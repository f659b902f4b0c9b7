//! What a process that the chart starts really exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use orkestra_tests::{Granted, Kind, LONG, Namespace, Ork, eventually, program, source_root, with_namespace};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{of_kind, rendered, run};

pub(crate) const KATALOG: &str = include_str!("pattern/katalog.yaml");
pub(crate) const CRD: &str = include_str!("pattern/crd.yaml");

const OLD: Kind = Kind::new("measured.example.com/v1", "Share");

/// The labels of each metric, and the values that were seen of each label.
#[derive(Debug, Default, Clone)]
pub(crate) struct Exported(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Exported {
    /// Reads Prometheus' text format, as far as the runtime writes it.
    pub(crate) fn read(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (series, _) = line.rsplit_once(' ').expect("a series and its value");
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.strip_suffix('}').expect("labels end")),
                None => (series, ""),
            };
            let known = found.0.entry(name.to_owned()).or_default();
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once("=\"").expect("a label and its value");
                known.entry(label.to_owned()).or_default().insert(value.trim_end_matches('"').to_owned());
            }
        }
        found
    }

    pub(crate) fn has(&self, metric: &str) -> bool {
        self.0.contains_key(metric)
    }

    pub(crate) fn labels(&self, metric: &str) -> BTreeSet<&str> {
        self.0.get(metric).into_iter().flatten().map(|(label, _)| label.as_str()).collect()
    }

    pub(crate) fn values(&self, metric: &str, label: &str) -> BTreeSet<&str> {
        let values = self.0.get(metric).and_then(|labels| labels.get(label));
        values.into_iter().flatten().map(String::as_str).collect()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// What one run exported in which everything that is counted has happened.
pub(crate) fn exported() -> &'static Exported {
    static EXPORTED: OnceLock<Exported> = OnceLock::new();
    EXPORTED.get_or_init(|| {
        let mut text = String::new();
        with_namespace("deploy-live", async |ns| text = measure(&ns).await);
        Exported::read(&text)
    })
}

/// Runs the chart's own command line, with its directories and ports on this machine, until each failure has been counted.
async fn measure(ns: &Namespace) -> String {
    let directory = ns.cluster().plane().data().join("deploy-live");
    let pattern = directory.join("measured");
    make_pattern(&pattern);
    let granted = Granted::give(ns, &[&pattern]).await;
    let komposer = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: live}\n\
                    imports: {files: [./measured, ./nothing]}\n";
    let values = directory.join("values.yaml");
    std::fs::write(&values, json!({"komposer": {"yaml": komposer}, "watchNamespace": ns.name()}).to_string()).unwrap();
    let stream = rendered(&ns.own(), &["--values", values.to_str().unwrap()]);
    let arguments = command_line(&stream, &directory);
    let mut ork = Command::new(program("ork"));
    ork.args(arguments).arg("--yes").arg("--kubeconfig").arg(granted.kubeconfig());
    let ork = Ork::start(ns.cluster(), ork);
    let address = eventually("ork serves its metrics", LONG, async || {
        let output = ork.output();
        let line = output.lines().find(|line| line.contains("/readyz and /metrics")).map(str::to_owned);
        line.filter(|_| output.contains("\"reconciling\"")).ok_or(output)
    })
    .await;
    let line: Value = serde_json::from_str(&address).expect("a line of the log is JSON");
    let address = line["address"].as_str().or(line["fields"]["address"].as_str()).expect("it says where").to_owned();

    // One that works, one that cannot be computed, and one that the hook fails for: written in the version that is converted.
    for (name, divisor) in [("sound", 4), ("none", 0), ("unlucky", 13)] {
        ns.create(OLD, json!({"metadata": {"name": name}, "spec": {"divisor": divisor}})).await;
    }
    ns.wait_for_condition(OLD, "sound", "Ready", "True").await;
    eventually("what breaks a rule is refused", LONG, async || {
        let many = json!({"apiVersion": OLD.api_version, "kind": OLD.kind, "metadata": {"generateName": "many-"},
            "spec": {"divisor": 1000}});
        let path = format!("/apis/{}/namespaces/{}/shares", OLD.api_version, ns.name());
        let request = http::Request::post(path).header("content-type", "application/json");
        let request = request.body(many.to_string().into_bytes()).expect("a request");
        match ns.cluster().client().request::<Value>(request).await {
            Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let text = eventually("each failure is counted", LONG, async || {
        assert!(get(&address, "/readyz").await.starts_with("HTTP/1.1 200 "));
        let answer = get(&address, "/metrics").await;
        let (_, text) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let counted = [
            "orkestra_sandbox_failures_total{",
            "orkestra_hook_failures_total{",
            "orkestra_reconcile_problems_total{",
            "orkestra_broken_imports{",
            "orkestra_admission_requests_total{operation=\"validate\",result=\"Allowed\"}",
            "orkestra_admission_requests_total{operation=\"validate\",result=\"Invalid\"}",
        ];
        match counted.iter().find(|series| !text.contains(*series)) {
            Some(series) => Err(format!("{series} is missing\n{text}")),
            None => Ok(text.to_owned()),
        }
    })
    .await;
    assert!(ork.stop().await.success(), "it stops in time when it is told to");
    text
}

/// The arguments of the container, with what is mounted in a pod replaced by what is here.
fn command_line(stream: &str, directory: &Path) -> Vec<String> {
    let data = of_kind(stream, "ConfigMap")["data"].clone();
    for (name, text) in data.as_object().expect("a ConfigMap has data") {
        std::fs::write(directory.join(name), text.as_str().expect("a text")).expect("a file");
    }
    let place = directory.to_str().expect("a path in UTF-8");
    let container = &of_kind(stream, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let arguments = container["args"].as_array().expect("arguments").iter();
    let mut arguments: Vec<String> = arguments.map(|one| one.as_str().expect("a text").to_owned()).collect();
    // The API server of the tests resolves no Services: it is told a URL instead.
    arguments.retain(|argument| !argument.starts_with("--webhook-service="));
    for argument in &mut arguments {
        *argument = argument.replace("/etc/orkestra", place).replace("/var/cache/orkestra", &format!("{place}/cache"));
        *argument = argument.replace("0.0.0.0:8080", "127.0.0.1:0").replace("0.0.0.0:8443", "127.0.0.1:0");
    }
    arguments
}

/// The pattern with its hook, which is compiled beside those of other tests.
fn make_pattern(at: &Path) {
    let source = source_root().join("tests/deploy/pattern");
    std::fs::create_dir_all(at.join("hooks/src")).expect("a directory");
    std::fs::write(at.join("katalog.yaml"), KATALOG).expect("a file");
    std::fs::write(at.join("crd.yaml"), CRD).expect("a file");
    std::fs::copy(source.join("src/lib.rs"), at.join("hooks/src/lib.rs")).expect("a file");
    let manifest = std::fs::read_to_string(source.join("Cargo.toml")).expect("a manifest");
    let sdk = source_root().join("guest-sdk/hook").display().to_string();
    std::fs::write(at.join("hooks/Cargo.toml"), manifest.replace("../../../guest-sdk/hook", &sdk)).expect("a file");
    let target: PathBuf = program("ork").ancestors().nth(2).expect("target/PROFILE/ork").join("hooks");
    let mut ork = Command::new(program("ork"));
    ork.args(["build", "--hooks"]).arg(at).env("CARGO_TARGET_DIR", target).stdin(Stdio::null());
    run(&mut ork);
}

/// The whole answer to a GET.
async fn get(address: &str, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("somebody listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the answer is UTF-8");
    answer
}

#[test]
fn the_text_is_read() {
    let text = "# HELP a x\na 1\nb{c=\"1\",d=\"x, y\"} 2\nb{c=\"2\",d=\"\"} 3\n";
    let exported = Exported::read(text);
    assert_eq!(exported.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(exported.labels("b"), BTreeSet::from(["c", "d"]));
    assert_eq!(exported.values("b", "c"), BTreeSet::from(["1", "2"]));
    assert!(exported.has("a") && exported.labels("a").is_empty() && !exported.has("c"));
}
