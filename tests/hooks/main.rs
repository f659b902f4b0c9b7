//! Hooks at work: crates that `ork build --hooks` compiles, run by `ork run` against a real API server.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

mod database;
mod first;
mod languages;
mod points;
mod quota;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use orkestra_tests::{Cluster, Namespace, Ork, program, source_root};

/// Runs `ork` in a directory, with a place for what cargo makes that all tests share.
fn ork_in(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("ork"));
    command.args(arguments).current_dir(directory).env("CARGO_TARGET_DIR", target()).stdin(Stdio::null());
    command.output().expect("ork runs")
}

/// Where cargo puts what hooks are made of: beside what the tests are made of.
fn target() -> PathBuf {
    program("ork").ancestors().nth(2).expect("target/PROFILE/ork").join("hooks")
}

fn fine(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The SDK.
fn sdk() -> PathBuf {
    source_root().join("guest-sdk/hook")
}

/// The component of a pattern whose hook is the crate in `source`, made in `at` so that no test writes into the tree.
fn built(at: &Path, pattern: &Path, source: &Path) -> PathBuf {
    std::fs::create_dir_all(at.join("hooks/src")).expect("a directory");
    for (from, to) in [
        (pattern.join("crd.yaml"), "crd.yaml"),
        (pattern.join("katalog.yaml"), "katalog.yaml"),
        (source.join("src/lib.rs"), "hooks/src/lib.rs"),
    ] {
        std::fs::copy(from, at.join(to)).expect("it can be copied");
    }
    let manifest = std::fs::read_to_string(source.join("Cargo.toml")).expect("a manifest");
    let here = "../../../guest-sdk/hook";
    assert!(manifest.contains(here), "{manifest}");
    let manifest = manifest.replace(here, &sdk().display().to_string());
    std::fs::write(at.join("hooks/Cargo.toml"), manifest).expect("a manifest");
    fine(&ork_in(at, &["build", "--hooks", "."]));
    at.join("hooks.wasm")
}

/// A new directory below the control plane's own, which goes with it.
fn directory(cluster: &Cluster, name: &str) -> PathBuf {
    let directory = cluster.plane().data().join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Runs a pattern in the namespace of a test, with these grants.
async fn run(ns: &Namespace, directory: &Path, grants: &[&str]) -> Ork {
    let own = ns.own();
    let mut arguments =
        vec!["--no-impersonation", "-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0", "--yes"];
    arguments.extend(["--webhook-listen", "127.0.0.1:0"]);
    arguments.extend(grants.iter().flat_map(|grant| ["--grant", grant]));
    arguments.push(directory.to_str().expect("a path in UTF-8"));
    let ork = Ork::run(ns.cluster(), &arguments);
    ork.says("\"reconciling\"").await;
    ork
}
