//! A first hook, by the guide: from `ork init --hook rust` to a reconciled resource.

use std::process::{Command, Stdio};

use orkestra_tests::{CONFIG_MAP, Kind, with_namespace};
use serde_json::json;

use crate::{directory, fine, ork_in, run, sdk, target};

const GUESTBOOK: Kind = Kind::new("guestbook.example.com/v1", "Guestbook");
const DEPLOYMENT: Kind = Kind::new("apps/v1", "Deployment");

#[test]
fn a_first_hook_is_made_tested_and_reconciled_by_the_guide_alone() {
    with_namespace("hooks-first", async |ns| {
        let parent = directory(ns.cluster(), "first-hook");
        let sdk = sdk();
        let init = ["init", "guestbook", "--hook", "rust", "--sdk", sdk.to_str().unwrap()];
        let offered = fine(&ork_in(&parent, &init));
        let commands: Vec<Vec<&str>> = offered
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("ork "))
            .map(|line| line.split("  ").next().unwrap_or_default().split(' ').collect())
            .collect();
        let names: Vec<&str> = commands.iter().map(|command| command[0]).collect();
        assert_eq!(names, ["check", "build", "render", "test", "explain", "dev"]);
        for command in commands.iter().filter(|command| command[0] != "dev") {
            fine(&ork_in(&parent, command));
        }
        // Its own tests need neither WebAssembly nor a cluster.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut tests = Command::new(cargo);
        tests.arg("test").current_dir(parent.join("guestbook/hooks")).env("CARGO_TARGET_DIR", target());
        fine(&tests.stdin(Stdio::null()).output().expect("cargo runs"));

        ns.create(CONFIG_MAP, json!({"metadata": {"name": "limits"}, "data": {"replicas": "3"}})).await;
        let ork = run(&ns, &parent.join("guestbook"), &["cluster-read:v1/ConfigMap"]).await;
        ns.create(GUESTBOOK, json!({"metadata": {"name": "a"}, "spec": {"image": "nginx:1.29", "replicas": 5}})).await;
        let made =
            ns.wait_until(DEPLOYMENT, "a-deployment", "it is limited", |object| object["spec"]["replicas"] == 3).await;
        assert_eq!(made["metadata"]["labels"]["app.kubernetes.io/managed-by"], "orkestra");
        ns.create(GUESTBOOK, json!({"metadata": {"name": "b"}, "spec": {"image": "nginx:1.29", "replicas": 2}})).await;
        ns.wait_until(DEPLOYMENT, "b-deployment", "it is as asked for", |object| object["spec"]["replicas"] == 2).await;
        assert!(ork.stop().await.success());
    });
}
