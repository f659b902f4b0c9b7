//! A hook at each point after the first, against a real API server.

use std::path::PathBuf;
use std::sync::OnceLock;

use orkestra_tests::{
    CONFIG_MAP, Cluster, DEPLOYMENT, Kind, Namespace, Ork, SECRET, condition_of, source_root, with_namespace,
};
use serde_json::{Value, json};

use crate::{directory, ork_in, run};

/// A running pattern of a group of its own: a definition points at one webhook.
struct Running {
    ork: Ork,
    at: PathBuf,
    site: Kind,
    old: Kind,
}

async fn running(ns: &Namespace) -> Running {
    let group = format!("{}.example.com", ns.name());
    let at = directory(ns.cluster(), &format!("points-{}", ns.name()));
    for file in ["crd.yaml", "katalog.yaml"] {
        let text = std::fs::read_to_string(source().join(file)).unwrap();
        std::fs::write(at.join(file), text.replace("points.example.com", &group)).unwrap();
    }
    std::fs::copy(component(ns.cluster()), at.join("hooks.wasm")).unwrap();
    let kind = |version: &str| Kind::new(format!("{group}/{version}").leak(), "Site");
    Running { ork: run(ns, &at, &[]).await, at, site: kind("v2"), old: kind("v1") }
}

fn source() -> PathBuf {
    source_root().join("tests/hooks/points")
}

/// The component, which is compiled once.
fn component(cluster: &Cluster) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| crate::built(&directory(cluster, "points"), &source(), &source())).clone()
}

fn site(name: &str, pages: &[&str], what: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"pages": pages, "do": what}})
}

/// A resource whose plan is refused, with why.
async fn refused(ns: &Namespace, kind: Kind, what: &str) -> (String, String) {
    ns.create(kind, site(what, &["a"], what)).await;
    let failed = |object: &Value| condition_of(object, "Ready") == Some("False");
    let object = ns.wait_until(kind, what, "its plan is refused", failed).await;
    let ready = object["status"]["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap();
    let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

#[test]
fn every_point_after_the_first_does_its_part() {
    with_namespace("hooks-points", async |ns| {
        let Running { ork, at, site: kind, old } = running(&ns).await;

        // It imports what it uses, and is called where its Katalog says so.
        let audited = ork_in(&at, &["audit", ".", "--format", "json"]);
        let audited: Value = serde_json::from_slice(&audited.stdout).expect("JSON");
        let hook = &audited["patterns"][0]["hook"];
        let imports = hook["imports"].as_array().unwrap().iter();
        let names: Vec<&str> = imports.filter_map(|import| import["name"].as_str()).collect();
        assert!(names.contains(&"orkestra:host/log@0.1.0"), "{hook}");
        assert!(names.iter().all(|name| !name.contains("cluster-read") && !name.starts_with("wasi:")), "{hook}");
        assert_eq!(hook["called"][0]["for"].as_array().map(Vec::len), Some(4), "{hook}");

        // After render: one is changed, two are added, and one of them goes with its page.
        ns.create(kind, site("blog", &["a", "b"], "image")).await;
        let config = ns.wait_for(CONFIG_MAP, "blog-config").await;
        assert_eq!(config["data"], json!({"by": "hook", "name": "blog"}));
        let web = ns.wait_for(DEPLOYMENT, "blog-web").await;
        assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example.com/web:2");
        for page in ["blog-a", "blog-b"] {
            assert_eq!(ns.wait_for(CONFIG_MAP, page).await["data"], json!({"by": "hook"}));
        }
        ns.edit(kind, "blog", json!({"spec": {"pages": ["b"], "do": "drop"}})).await;
        ns.wait_until_gone(CONFIG_MAP, "blog-a").await;
        ns.wait_until_gone(CONFIG_MAP, "blog-config").await;
        ns.wait_for(CONFIG_MAP, "blog-b").await;
        // What it is not shown is as its template made it.
        ns.wait_for(SECRET, "blog-secret").await;

        // Validate: nothing of a resource that is not valid is applied.
        ns.create(kind, site("shop", &["forbidden"], "")).await;
        let invalid = |object: &Value| object.to_string().contains("spec.pages: forbidden is no page");
        let shop = ns.wait_until(kind, "shop", "it is not valid", invalid).await;
        assert_eq!(condition_of(&shop, "Ready"), Some("False"));
        assert!(ns.find(CONFIG_MAP, "shop-config").await.is_none());
        ns.edit(kind, "shop", json!({"spec": {"pages": []}})).await;
        ns.wait_for(CONFIG_MAP, "shop-config").await;

        // Convert: the old version counts, and the stored one does not.
        let annotation = |object: &Value| object["metadata"]["annotations"]["points.example.com/pages"].clone();
        assert_eq!(annotation(&ns.get(old, "blog").await), json!("1"));
        let stored = ns.get(kind, "blog").await;
        assert_eq!(annotation(&stored), Value::Null);
        // So does the command line, with the same component.
        std::fs::write(at.join("blog.json"), stored.to_string()).unwrap();
        let converted = ork_in(&at, &["convert", "blog.json", "--to", "v1", "--format", "json"]);
        let converted: Value = serde_json::from_slice(&converted.stdout).expect("JSON");
        assert_eq!(annotation(&converted), json!("1"));

        // Finalize: the resource waits, and its children with it.
        ns.delete(kind, "blog").await;
        let waits = |object: &Value| object.to_string().contains("the pages are not saved");
        ns.wait_until(kind, "blog", "it waits for its hook", waits).await;
        assert!(ns.find(CONFIG_MAP, "blog-b").await.is_some());
        ns.edit(kind, "blog", json!({"metadata": {"annotations": {"points.example.com/saved": "1"}}})).await;
        ns.wait_until_gone(kind, "blog").await;
        ns.delete(kind, "shop").await;
        ns.edit(kind, "shop", json!({"metadata": {"annotations": {"points.example.com/saved": "1"}}})).await;
        ns.wait_until_gone(kind, "shop").await;
        assert!(ork.stop().await.success());
    });
}

#[test]
fn a_child_that_is_not_declared_and_a_field_of_rights_are_refused_before_any_request() {
    with_namespace("hooks-refused", async |ns| {
        let Running { ork, at: _, site: kind, old: _ } = running(&ns).await;
        let mark = ns.cluster().audit().mark().await;
        for (what, reason, says) in [
            ("undeclared", "UndeclaredChild", "other"),
            ("unlisted", "UndeclaredChild", "secret"),
            ("account", "InvalidChild", "spec.template.spec.serviceAccountName"),
            ("elsewhere", "InvalidChild", "kube-public"),
        ] {
            let (found, message) = refused(&ns, kind, what).await;
            assert_eq!(found, reason, "{what}: {message}");
            assert!(message.contains(says), "{what}: {message}");
        }
        // Beside the resources' own status, finalizer and Events nothing was written, also none of the children that were fine.
        let writes = ns.writes_since(mark).await;
        let own = |resource: &str| matches!(resource, "sites" | "sites/status" | "events" | "configmaps");
        let others: Vec<_> = writes.iter().filter(|request| !own(&request.resource)).collect();
        assert!(others.is_empty(), "{others:?}");
        let maps: Vec<_> = writes.iter().filter(|request| request.resource == "configmaps").collect();
        assert!(maps.iter().all(|request| request.namespace.as_deref() == Some(&ns.own())), "{maps:?}");

        // The twin, which does nothing that it must not.
        ns.create(kind, site("fine", &["a"], "")).await;
        ns.wait_for(CONFIG_MAP, "fine-a").await;
        for what in ["undeclared", "unlisted", "account", "elsewhere", "fine"] {
            ns.edit(kind, what, json!({"metadata": {"annotations": {"points.example.com/saved": "1"}}})).await;
            ns.delete(kind, what).await;
            ns.wait_until_gone(kind, what).await;
        }
        assert!(ork.stop().await.success());
    });
}
