//! What a cluster is given: the chart, the manifests, dashboard and alerts, read by the programs that others read them with.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

mod admitted;
mod chart;
mod image;
mod live;
mod monitoring;
mod queries;
mod values;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use orkestra_tests::source_root;
use serde_json::Value;

/// `helm` or `promtool`, which are built where they are missing.
fn reader(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let report = |line: &str| {
            use std::io::Write;
            // Not by `eprintln!`: the harness keeps that back, and a first build takes minutes.
            let _ = writeln!(std::io::stderr(), "deploy: {line}");
        };
        orkestra_devcluster::find_or_build_deployment(&orkestra_tests::options().cache, &report)
            .expect("they are built")
    };
    DIRECTORY.get_or_init(find).join(name)
}

fn deploy(file: &str) -> PathBuf {
    source_root().join("deploy").join(file)
}

fn read(file: &str) -> String {
    let path = deploy(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is generated is held against what is committed; `UPDATE=1` writes it instead.
fn same(file: &str, generated: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(deploy(file), generated).expect("a file of the tree is writable");
        return;
    }
    assert!(
        read(file) == generated,
        "deploy/{file} is not what is generated: run the test with UPDATE=1 and look at the change"
    );
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Runs a program that must succeed and gives what it prints.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Helm at a place where no configuration of a user has a say.
fn helm(arguments: &[&str]) -> Command {
    let mut helm = Command::new(reader("helm"));
    let none = std::env::temp_dir().join("orkestra-no-helm-configuration");
    for variable in ["HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_CACHE_HOME"] {
        helm.env(variable, &none);
    }
    helm.env_remove("KUBECONFIG").args(arguments);
    helm
}

/// The chart with further arguments, rendered for a namespace.
fn rendered(namespace: &str, more: &[&str]) -> String {
    let chart = deploy("chart");
    let mut arguments =
        vec!["template", "orkestra", chart.to_str().expect("a path in UTF-8"), "--namespace", namespace];
    arguments.extend(more);
    run(&mut helm(&arguments))
}

/// The objects of a YAML stream.
fn objects(stream: &str) -> Vec<Value> {
    let documents = stream.split("\n---").map(|document| document.trim_start_matches("---"));
    let documents =
        documents.filter(|document| document.lines().any(|line| !line.is_empty() && !line.starts_with('#')));
    documents
        .map(|document| serde_yaml::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}")))
        .collect()
}

fn of_kind(stream: &str, kind: &str) -> Value {
    let found = objects(stream).into_iter().find(|object| object["kind"] == kind);
    found.unwrap_or_else(|| panic!("there is no {kind} in\n{stream}"))
}

/// The sets of values that everything is tried with: none, and the files beside the tests.
fn values_files() -> Vec<(String, Vec<String>)> {
    let mut sets = vec![("default".to_owned(), Vec::new())];
    for name in ["everything", "digest", "airgapped"] {
        let file = source_root().join(format!("tests/deploy/values/{name}.yaml"));
        sets.push((name.to_owned(), vec!["--values".to_owned(), file.to_str().expect("a path in UTF-8").to_owned()]));
    }
    sets
}
