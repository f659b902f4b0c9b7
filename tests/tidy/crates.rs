//! Which crate may know which. Read from `cargo metadata`, so it holds for what is really built.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use orkestra_tests::source_root;
use serde_json::Value;

/// The crates of the workspace, without the prefix `orkestra-`, and those that each may depend on outside of tests.
/// `tests` is not in here: it may see everything.
const ARROWS: [(&str, &[&str]); 13] = [
    ("program", &[]),
    ("engine", &["program"]),
    // Strangers build it into their components: it knows the contract in `wit/` and nothing of ours.
    ("hook", &[]),
    ("pattern", &[]),
    // The engine reaches it as bytes, built by its build script for another target.
    ("component", &[]),
    ("compile", &["component", "pattern", "program"]),
    ("artifact", &[]),
    // The registry's trait and its digests, not the client: what is imported is given to it.
    ("komposer", &["artifact", "pattern"]),
    ("sandbox", &["component"]),
    // What it serves is given to it.
    ("webhook", &[]),
    // The webhook's certificates are made there, and kept in the cluster here.
    ("operator", &["sandbox", "webhook"]),
    ("devcluster", &[]),
    // The only one that wires the author's side to the cluster's.
    (
        "cli",
        &[
            "artifact",
            "compile",
            "component",
            "devcluster",
            "komposer",
            "operator",
            "pattern",
            "program",
            "sandbox",
            "webhook",
        ],
    ),
];

/// Crates that may not be anywhere below a crate, not even through others. `cel*` stands for every CEL crate.
const NEVER_BELOW: [(&str, &[&str]); 12] = [
    ("program", &["cel*", "tokio", "kube-client", "wasmtime", "hyper", "saphyr-parser"]),
    ("engine", &["cel*", "tokio", "kube-client", "wasmtime", "hyper", "saphyr-parser"]),
    ("hook", &["cel*", "tokio", "kube-client", "wasmtime", "hyper", "saphyr-parser", "k8s-openapi"]),
    ("pattern", &["tokio", "kube-client", "wasmtime", "hyper"]),
    ("compile", &["tokio", "kube-client", "wasmtime", "hyper"]),
    ("artifact", &["cel*", "kube-client", "wasmtime", "saphyr-parser", "k8s-openapi"]),
    ("komposer", &["kube-client", "wasmtime"]),
    ("component", &["cel*", "tokio", "kube-client", "wasmtime", "hyper", "saphyr-parser", "k8s-openapi"]),
    ("sandbox", &["cel*", "kube-client", "saphyr-parser", "k8s-openapi"]),
    ("webhook", &["cel*", "kube-client", "wasmtime", "saphyr-parser", "k8s-openapi"]),
    ("operator", &["cel*", "saphyr-parser"]),
    ("devcluster", &["cel*", "tokio", "kube-client", "wasmtime", "hyper"]),
];

/// Crates that only some of ours may name in their manifest. `tests` may name all of them but CEL.
const ONLY_BY: [(&str, &[&str]); 4] = [
    ("wasmtime", &["sandbox", "tests"]),
    ("kube", &["operator", "tests"]),
    ("cel-core", &["pattern"]),
    // Rules of a policy over an audit: the operator's own text.
    ("cel", &["cli"]),
];

const PREFIX: &str = "orkestra-";

/// Who depends on whom, by package name, without dependencies of tests.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn metadata() -> Value {
    let cargo = env!("CARGO");
    let version = Command::new(cargo).arg("-vV").output().expect("cargo runs");
    let version = String::from_utf8(version.stdout).expect("cargo prints UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    // Without the platform, cargo would want the sources of packages that only other systems need.
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(source_root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().expect("a list of cargo metadata")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text of cargo metadata")
}

fn graph(metadata: &Value) -> Graph {
    let names: BTreeMap<_, _> =
        list(metadata, "packages").iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let of_tests = |dependency: &Value| list(dependency, "dep_kinds").iter().all(|kind| kind["kind"] == "dev");
    let mut graph = Graph::new();
    for node in list(&metadata["resolve"], "nodes") {
        let below = list(node, "deps").iter().filter(|dependency| !of_tests(dependency));
        // Two versions of a package are one here: the rules are about names.
        let below = below.map(|dependency| names[text(dependency, "pkg")].to_owned());
        graph.entry(names[text(node, "id")].to_owned()).or_default().extend(below);
    }
    graph
}

fn matches(rule: &str, name: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(stem) => name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        None => rule == name,
    }
}

/// The way from `from` to a package that `rule` matches, if there is one.
fn way<'a>(graph: &'a Graph, from: &'a str, rule: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![vec![from]];
    while let Some(path) = open.pop() {
        for next in path.last().and_then(|last| graph.get(*last)).into_iter().flatten() {
            if seen.insert(next) {
                let path = [path.as_slice(), &[next.as_str()]].concat();
                if matches(rule, next) {
                    return Some(path);
                }
                open.push(path);
            }
        }
    }
    None
}

fn problems(graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, below) in graph {
        let Some(ours) = name.strip_prefix(PREFIX) else { continue };
        for (rule, allowed) in ONLY_BY {
            for found in below.iter().filter(|found| matches(rule, found)) {
                if !allowed.contains(&ours) {
                    problems.push(format!("{name} depends on {found}, which only {allowed:?} may"));
                }
            }
        }
        if ours == "tests" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == ours) else {
            problems.push(format!("{name} has no line in ARROWS"));
            continue;
        };
        for found in below.iter().filter_map(|found| found.strip_prefix(PREFIX)) {
            if !allowed.contains(&found) {
                problems.push(format!("{name} depends on {PREFIX}{found}, which it must not know"));
            }
        }
    }
    for (ours, rules) in NEVER_BELOW {
        let name = format!("{PREFIX}{ours}");
        for rule in rules {
            if let Some(way) = way(graph, &name, rule) {
                problems.push(format!("{rule} is below {name}: {}", way.join(" → ")));
            }
        }
    }
    problems
}

#[test]
fn crates_know_only_what_they_may() {
    let metadata = metadata();
    let graph = graph(&metadata);
    for (ours, _) in ARROWS {
        assert!(graph.contains_key(&format!("{PREFIX}{ours}")), "{ours} is in ARROWS and not in the workspace");
    }
    let problems = problems(&graph);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn versions_and_lints_are_set_at_the_root_only() {
    let metadata = metadata();
    let members = list(&metadata, "workspace_members");
    let packages = list(&metadata, "packages").iter().filter(|package| members.contains(&package["id"]));
    for manifest in packages.map(|package| text(package, "manifest_path")) {
        let toml = std::fs::read_to_string(manifest).expect("a manifest");
        assert!(toml.contains("[lints]\nworkspace = true"), "{manifest} does not take the lints of the workspace");
        let mut section = "";
        for line in toml.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.contains("dependencies") && line.contains('=') {
                assert!(line.contains("workspace = true"), "{manifest} has a version of its own: {line}");
            }
        }
    }
}

#[test]
fn every_suite_is_declared() {
    let metadata = metadata();
    let tests = list(&metadata, "packages").iter().find(|package| package["name"] == "orkestra-tests");
    let declared: BTreeSet<_> =
        list(tests.expect("the tests package"), "targets").iter().map(|target| text(target, "src_path")).collect();
    for directory in std::fs::read_dir(source_root().join("tests")).expect("the tests directory") {
        let main = directory.expect("an entry").path().join("main.rs");
        if main.exists() {
            let main = main.to_str().expect("a path in UTF-8");
            assert!(declared.contains(main), "{main} is not declared in tests/Cargo.toml: it would never run");
        }
    }
}

fn made_up(edges: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
    }
    graph
}

#[test]
fn a_forbidden_arrow_is_found() {
    let found = problems(&made_up(&[("orkestra-operator", "orkestra-pattern")]));
    assert_eq!(found, ["orkestra-operator depends on orkestra-pattern, which it must not know"]);
}

#[test]
fn a_forbidden_package_is_found_behind_another() {
    let found = problems(&made_up(&[("orkestra-sandbox", "harmless"), ("harmless", "cel-interpreter")]));
    assert_eq!(found, ["cel* is below orkestra-sandbox: orkestra-sandbox → harmless → cel-interpreter"]);
}

#[test]
fn a_package_named_by_the_wrong_crate_is_found() {
    let found = problems(&made_up(&[("orkestra-cli", "wasmtime")]));
    assert_eq!(found, [r#"orkestra-cli depends on wasmtime, which only ["sandbox", "tests"] may"#]);
}
