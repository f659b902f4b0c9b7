//! The SDK's example: a database gets no more storage than the quota service has for its team.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use orkestra_tests::{Cluster, Kind, Namespace, SECRET, condition_of, ork, source_root, with_namespace};
use serde_json::{Value, json};

use crate::quota::{Quota, TOKEN};
use crate::{directory, fine, ork_in, run};

const DATABASE: Kind = Kind::new("examples.orkestra.io/v1", "Database");

/// The example with a component, which is compiled once, asking the service of a test.
fn example(cluster: &Cluster, name: &str, quota: &Quota) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let source = source_root().join("guest-sdk/hook/examples/database");
    let built = BUILT.get_or_init(|| {
        // A copy, so that no test writes into the tree.
        let copy = directory(cluster, "database-built");
        copy_tree(&source, &copy);
        let manifest = copy.join("hooks/Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let sdk = format!("path = {:?}", crate::sdk().display().to_string());
        assert!(text.contains("path = \"../../..\""), "{text}");
        std::fs::write(&manifest, text.replace("path = \"../../..\"", &sdk)).unwrap();
        fine(&ork_in(&copy, &["build", "--hooks", "."]));
        copy.join("hooks.wasm")
    });
    let copy = directory(cluster, name);
    for file in ["crd.yaml", "katalog.yaml"] {
        let text = std::fs::read_to_string(source.join(file)).unwrap();
        std::fs::write(copy.join(file), text.replace("https://quota.example.com", &quota.url())).unwrap();
    }
    std::fs::copy(built, copy.join("hooks.wasm")).unwrap();
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() != "target" => copy_tree(&entry.path(), &target),
            true => {}
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

async fn token(ns: &Namespace) {
    ns.create(
        SECRET,
        json!({"metadata": {"name": "quota-token"}, "stringData": {"token": TOKEN, "other": "not asked for"}}),
    )
    .await;
}

fn database(name: &str, team: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"storageGiB": 10, "team": team, "tokenSecret": "quota-token"}})
}

fn grants(quota: &Quota) -> [String; 2] {
    ["cluster-read:v1/Secret".to_owned(), format!("http:GET {}", quota.url())]
}

#[test]
fn what_is_made_is_what_the_quota_service_grants() {
    with_namespace("hooks-database", async |ns| {
        let quota = Quota::start(&[("rich", 100), ("poor", 4)]);
        let pattern = example(ns.cluster(), "database-grants", &quota);
        token(&ns).await;
        let [secret, http] = grants(&quota);

        // What is not granted does not run, and is named.
        let path = pattern.to_str().unwrap();
        let ended = ork(ns.cluster(), &["run", "--grant", &secret, path]);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            !ended.status.success() && said.contains(&format!("CapabilityDenied: `database` is not granted `{http}`")),
            "{said}"
        );

        let ork = run(&ns, &pattern, &[&secret, &http]).await;
        for (name, team) in [("orders", "rich"), ("notes", "poor"), ("lost", "unknown")] {
            ns.create(DATABASE, database(name, team)).await;
        }
        let granted = |gib: u64| move |object: &Value| object["status"]["grantedGiB"] == gib;
        ns.wait_until(DATABASE, "orders", "all is granted", granted(10)).await;
        ns.wait_until(DATABASE, "notes", "less is granted", granted(4)).await;
        let lost = ns.wait_until(DATABASE, "lost", "the hook has failed", |object| {
            condition_of(object, "Ready") == Some("False") && object.to_string().contains("has no quota")
        });
        assert!(lost.await.to_string().contains("HookFailed"));
        assert!(quota.asked().iter().any(|line| line.starts_with("GET /teams/rich ")), "{:?}", quota.asked());

        // A service that is away is asked again, and what was made stays.
        quota.set_down(true);
        ns.create(DATABASE, database("later", "rich")).await;
        ns.wait_until(DATABASE, "later", "the hook has failed", |object| object.to_string().contains("HookFailed"))
            .await;
        quota.set_down(false);
        ns.wait_until(DATABASE, "later", "all is granted", granted(10)).await;

        let said = ork.output();
        assert!(!said.contains(TOKEN), "the token is in the log");
        assert!(ork.stop().await.success());
    });
}
