//! As the Deployment runs it: a service account's projected token and CA instead of a kubeconfig, only the rights that
//! `ork generate rbac` prints, and two replicas.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::Kubeconfig;
use orkestra_tests::{DEPLOYMENT, Granted, Kind, Namespace, Ork, program, source_root};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::fixture::together;

const WEBSITE: Kind = Kind::new("web.orkestra.io/v1", "Website");
const ROLE: Kind = Kind::new("rbac.authorization.k8s.io/v1", "Role");
/// What is expected of [`all_may`].
pub(crate) const CAN_I: &str = "tests/cluster/can-i.txt";
/// Where a kubelet mounts what a pod's account is known by.
const MOUNT: &str = "/run/secrets/kubernetes.io/serviceaccount";

fn website() -> PathBuf {
    source_root().join("patterns/website/v1")
}

/// What a kubelet projects for the runtime's account.
fn project(ns: &Namespace, granted: &Granted) -> PathBuf {
    let directory = ns.cluster().plane().data().join(format!("{}-pod", ns.own()));
    std::fs::create_dir_all(&directory).unwrap();
    let kubeconfig = serde_json::to_value(Kubeconfig::read_from(granted.kubeconfig()).unwrap()).unwrap();
    let text = |pointer: &str| kubeconfig.pointer(pointer).and_then(Value::as_str);
    let authority = match text("/clusters/0/cluster/certificate-authority-data") {
        Some(data) => STANDARD.decode(data).unwrap(),
        None => std::fs::read(text("/clusters/0/cluster/certificate-authority").unwrap()).unwrap(),
    };
    std::fs::write(directory.join("token"), text("/users/0/user/token").unwrap()).unwrap();
    std::fs::write(directory.join("ca.crt"), authority).unwrap();
    std::fs::write(directory.join("namespace"), ns.own()).unwrap();
    directory
}

/// `ork run` as a container runs it: no kubeconfig, no home, and the account where a kubelet mounts it.
fn in_pod(ns: &Namespace, account: &Path, arguments: &[&str]) -> Ork {
    let (host, port) = ns.cluster().plane().server().trim_start_matches("https://").rsplit_once(':').unwrap();
    let mut command = Command::new("unshare");
    let script = format!("mount -t tmpfs none /run && mkdir -p {MOUNT} && mount --bind \"$0\" {MOUNT} && exec \"$@\"");
    command.args(["--map-root-user", "--mount", "--", "sh", "-c", &script]).arg(account);
    // The harness sets KUBECONFIG, which a container does not have.
    command.args(["env", "-u", "KUBECONFIG", "-u", "HOME"]).arg(program("ork")).arg("run").args(arguments);
    command.env("KUBERNETES_SERVICE_HOST", host).env("KUBERNETES_SERVICE_PORT", port);
    Ork::start(ns.cluster(), command)
}

#[test]
fn two_replicas_run_with_a_pods_account_and_its_rights_alone() {
    let mut unshared = Command::new("unshare");
    unshared.args(["--map-root-user", "--mount", "--", "mount", "-t", "tmpfs", "none", "/run"]).stderr(Stdio::null());
    if !unshared.status().is_ok_and(|status| status.success()) {
        let _ = std::io::stderr()
            .write_all(b"\nnot run: no mount namespace (`unshare --mount`, and the right to use it)\n");
        return;
    }
    together("pod", async |ns| {
        let pattern = website();
        let granted = Granted::give(&ns, &[&pattern]).await;
        let account = project(&ns, &granted);
        let own = ns.own();
        let cache = ns.cluster().plane().data().join(format!("{own}-cache"));
        let mut arguments = vec!["-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0"];
        arguments.extend(["--cache", cache.to_str().unwrap(), pattern.to_str().unwrap()]);

        let first = in_pod(&ns, &account, &arguments);
        first.says("\"leading\"").await;
        let second = in_pod(&ns, &account, &arguments);
        second.says("another runtime leads").await;
        assert!(!first.output().contains("MissingRight"), "{}", first.output());
        let site = json!({"metadata": {"name": "a"}, "spec": {"replicas": 1, "content": {"index.html": "<h1>a</h1>"}}});
        ns.create(WEBSITE, site).await;
        ns.wait_for_condition(WEBSITE, "a", "Ready", "True").await;

        // The leader is gone without a word, and the other one goes on.
        kill_process(Pid::from_raw(first.pid() as i32).unwrap(), Signal::KILL).unwrap();
        ns.edit(WEBSITE, "a", json!({"spec": {"replicas": 3}})).await;
        let scaled = |object: &Value| object["spec"]["replicas"] == 3;
        ns.wait_until(DEPLOYMENT, "a-deployment", "the other replica goes on", scaled).await;
        assert!(second.stop().await.success());
    });
}

#[test]
fn a_right_that_is_missing_is_named_before_the_first_reconcile() {
    together("missing-right", async |ns| {
        let pattern = website();
        let granted = Granted::give(&ns, &[&pattern]).await;
        let name = format!("orkestra:{}:website", ns.own());
        let role = ns.get(ROLE, &name).await;
        let mut rules = role["rules"].clone();
        for rule in rules.as_array_mut().unwrap() {
            if rule["resources"] == json!(["services"]) {
                rule["verbs"] = json!(["get", "patch", "delete"]);
            }
        }
        ns.edit(ROLE, &name, json!({"rules": rules})).await;
        ns.until_may("website", "create", "services", false).await;
        let own = ns.own();
        let kubeconfig = granted.kubeconfig().to_str().unwrap().to_owned();
        let mut arguments = vec!["-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0", "--yes"];
        arguments.extend(["--kubeconfig", &kubeconfig, pattern.to_str().unwrap()]);
        let ork = Ork::run(ns.cluster(), &arguments);
        ork.says("\"reconciling\"").await;
        let output = ork.output();
        let missing: Vec<&str> = output.lines().filter(|line| line.contains("MissingRight")).collect();
        assert_eq!(missing.len(), 1, "{output}");
        let wanted = format!("{own}/orkestra-website may not create services in namespace {}", ns.name());
        assert!(missing[0].contains(&wanted) && missing[0].contains("child `"), "{}", missing[0]);
        let order = |what: &str| output.find(what).unwrap();
        assert!(order("MissingRight") < order("\"reconciling\""), "{output}");
        assert!(ork.stop().await.success());
    });
}

/// What `kubectl auth can-i --list` says of an account, sorted, without what everybody may.
fn may(ns: &Namespace, account: &str, namespace: &str) -> String {
    let user = format!("--as=system:serviceaccount:{}:{account}", ns.own());
    let arguments = ["auth", "can-i", "--list", "--no-headers", "-n", namespace, &user];
    let listed = ns.cluster().plane().kubectl(&arguments, "").expect("kubectl answers");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let everybodys = |line: &String| line.starts_with("[/") || line.starts_with("selfsubject");
    let mut lines: Vec<String> = listed.lines().map(words).filter(|line| !everybodys(line)).collect();
    lines.sort();
    lines.join("\n").replace(&ns.own(), "OWN") + "\n"
}

/// The same of the runtime's account and the website's, in each of three namespaces.
pub(crate) fn all_may(ns: &Namespace) -> String {
    let mut text = String::new();
    for account in ["orkestra", "orkestra-website"] {
        for (namespace, shown) in
            [(ns.name(), "the watched namespace"), (&ns.own(), "the runtime's own"), ("default", "another")]
        {
            text.push_str(&format!("# {account} in {shown}\n{}\n", may(ns, account, namespace)));
        }
    }
    text
}

#[test]
fn what_accounts_may_is_what_the_golden_file_says() {
    together("can-i", async |ns| {
        Granted::give(&ns, &[&website()]).await;
        let text = all_may(&ns);
        let golden = source_root().join(CAN_I);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default(), "UPDATE=1 writes it anew");
    });
}
