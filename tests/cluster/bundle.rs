//! What `ork generate bundle` writes, on a real API server: it is all that is applied.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use orkestra_tests::{
    CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, Granted, Kind, LONG, Namespace, Ork, POD, condition_of,
    eventually, program, source_root,
};
use serde_json::{Value, json};

use crate::fixture::together;
use crate::follow::copy;
use crate::in_cluster::{CAN_I, all_may};

const IMAGE: &str = "registry.example.com/ork@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The group of the pattern in this test: a definition is of one runtime.
fn group(ns: &Namespace) -> String {
    format!("web.{}.example.com", ns.name())
}

/// A locked Komposer with the website in a directory beside it.
fn komposer(ns: &Namespace) -> PathBuf {
    let website = copy(ns, "website/v1", "web.orkestra.io", &group(ns));
    let file = website.with_file_name(format!("{}-platform", ns.name())).join("komposer.yaml");
    let directory = file.parent().unwrap();
    std::fs::create_dir_all(directory).unwrap();
    std::fs::rename(website, directory.join("website")).unwrap();
    let text = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\nimports:\n  files: [./website]\n";
    std::fs::write(&file, text).unwrap();
    let locked = Command::new(program("ork")).args(["lock", "-f"]).arg(&file).stdin(Stdio::null()).output().unwrap();
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    file
}

fn bundle(ns: &Namespace, komposer: &Path, more: &[&str]) -> String {
    let own = ns.own();
    let fixed = ["generate", "bundle", "--quiet", "--image", IMAGE, "--system-namespace", &own, "-n", ns.name(), "-f"];
    let mut ork = Command::new(program("ork"));
    let made = ork.args(fixed).arg(komposer).args(more).stdin(Stdio::null()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(String::from_utf8_lossy(&made.stderr), "");
    String::from_utf8(made.stdout).unwrap()
}

fn kubectl(ns: &Namespace, arguments: &[&str], input: &str) -> String {
    ns.cluster().plane().kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"))
}

fn apply(ns: &Namespace, text: &str) -> String {
    kubectl(ns, &["apply", "--server-side", "--validate=strict", "-f", "-"], text)
}

/// Generation and fields of every object of the bundle, as they are in the cluster; what controllers write is left out.
fn as_applied(ns: &Namespace, text: &str) -> Vec<Value> {
    let list = kubectl(ns, &["get", "--show-managed-fields", "-o", "json", "-f", "-"], text);
    let list: Value = serde_json::from_str(&list).expect("kubectl prints JSON");
    let of_kubectl = |entry: &&Value| entry["manager"] == "kubectl";
    let items = list["items"].as_array().expect("a list").iter().map(|item| {
        let managed = item["metadata"]["managedFields"].as_array().expect("managed fields").iter();
        let managed: Vec<&Value> = managed.filter(of_kubectl).collect();
        json!([item["kind"], item["metadata"]["name"], item["metadata"]["generation"], managed])
    });
    items.collect()
}

/// `ork run` as the container of the bundle's Deployment would start it, with its volume and its account.
async fn start(ns: &Namespace, directory: &Path) -> Ork {
    let config_map = ns.other(&ns.own()).get(CONFIG_MAP, "orkestra").await;
    let deployment = ns.other(&ns.own()).get(DEPLOYMENT, "orkestra").await;
    let spec = &deployment["spec"]["template"]["spec"];
    for item in spec["volumes"][0]["configMap"]["items"].as_array().expect("one of the files lies in a directory") {
        let path = directory.join(item["path"].as_str().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, config_map["data"][item["key"].as_str().unwrap()].as_str().unwrap()).unwrap();
    }
    let place = directory.to_str().unwrap();
    let moved = |argument: &Value| {
        let argument = argument.as_str().unwrap().replace("/etc/orkestra", place).replace("/var/cache/orkestra", place);
        argument.replace("0.0.0.0:8080", "127.0.0.1:0").replace("0.0.0.0:8443", "127.0.0.1:0")
    };
    let mut ork = Command::new(program("ork"));
    ork.args(spec["containers"][0]["args"].as_array().unwrap().iter().map(moved));
    // Only this process is no pod: it is told where the account's token is.
    ork.args(["--yes", "--kubeconfig"]).arg(Granted::given(ns).await.kubeconfig());
    Ork::start(ns.cluster(), ork)
}

#[test]
fn it_is_all_that_is_applied_and_again_changes_nothing() {
    together("bundle", async |ns| {
        let komposer = komposer(&ns);
        let text = bundle(&ns, &komposer, &[]);
        let said = apply(&ns, &text);
        assert!(said.lines().all(|line| line.ends_with("serverside-applied")), "{said}");
        let own = ns.other(&ns.own());
        let namespace = kubectl(&ns, &["get", "namespace", own.name(), "-o", "jsonpath={.metadata.labels}"], "");
        assert!(namespace.contains("\"pod-security.kubernetes.io/enforce\":\"restricted\""), "{namespace}");

        // Its pods are admitted there.
        own.wait_for_condition(DEPLOYMENT, "orkestra", "Available", "True").await;
        let pods = eventually("both pods are ready", LONG, async || {
            let pods = own.list(POD, "app.kubernetes.io/name=orkestra").await;
            let ready = pods.iter().filter(|pod| condition_of(pod, "Ready") == Some("True")).count();
            if ready == 2 { Ok(pods) } else { Err(format!("{ready} are ready")) }
        })
        .await;
        assert_eq!(pods[0]["spec"]["containers"][0]["image"], IMAGE);

        let golden = std::fs::read_to_string(source_root().join(CAN_I)).unwrap();
        eventually("accounts may what the golden file says", LONG, async || {
            match all_may(&ns).replace(&group(&ns), "web.orkestra.io") {
                text if text == golden => Ok(()),
                text => Err(text),
            }
        })
        .await;

        let before = as_applied(&ns, &text);
        assert!(before.len() > 10, "{before:#?}");
        apply(&ns, &bundle(&ns, &komposer, &[]));
        assert_eq!(as_applied(&ns, &text), before);

        // And it is enough to run.
        let directory = ns.cluster().plane().data().join(format!("{}-mounted", ns.name()));
        let ork = start(&ns, &directory).await;
        ork.says("\"reconciling\"").await;
        assert!(!ork.output().contains("MissingRight"), "{}", ork.output());
        let website = Kind::new(format!("{}/v1", group(&ns)).leak(), "Website");
        let site = json!({"metadata": {"name": "a"}, "spec": {"replicas": 1, "content": {"index.html": "<h1>a</h1>"}}});
        ns.create(website, site).await;
        ns.wait_for_condition(website, "a", "Ready", "True").await;
        assert!(ork.stop().await.success());
    });
}

#[test]
fn definitions_in_the_bundle_are_no_business_of_the_runtime() {
    together("bundle-crds", async |ns| {
        let text = bundle(&ns, &komposer(&ns), &["--crds", "--replicas", "1"]);
        apply(&ns, &text);
        let definition = format!("websites.{}", group(&ns));
        ns.wait_for_condition(CUSTOM_RESOURCE_DEFINITION, &definition, "Established", "True").await;
        let user = format!("--as=system:serviceaccount:{}:orkestra", ns.own());
        let named = format!("customresourcedefinitions/{definition}");
        // It ends with status 1 where the answer is no.
        let may = |verb: &str| ns.cluster().plane().kubectl(&["auth", "can-i", verb, &named, &user], "").is_ok();
        eventually("the runtime may read the definition", LONG, async || may("get").then_some(()).ok_or("no")).await;
        assert!(!may("create") && !may("patch"));
        let directory = ns.cluster().plane().data().join(format!("{}-mounted", ns.name()));
        let ork = start(&ns, &directory).await;
        ork.says("\"reconciling\"").await;
        assert!(!ork.output().contains("MissingRight"), "{}", ork.output());
        assert!(ork.stop().await.success());
    });
}
