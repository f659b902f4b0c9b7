//! The control plane that all other suites stand on.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orkestra_devcluster::{ControlPlane, Part};
use orkestra_tests::{
    CONFIG_MAP, DEPLOYMENT, Kind, LONG, POD, STATEFUL_SET, condition_of, options, program, with_namespace,
};
use serde_json::json;

const WORKLOADS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: first, image: example.org/first:1}]
      containers: [{name: web, image: example.org/web:1}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: 'example.org/db:1'}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: once, image: 'example.org/once:1'}]}
";

const JOB: Kind = Kind::new("batch/v1", "Job");

#[test]
fn workloads_become_ready_under_the_simulated_kubelet() {
    with_namespace("workloads", async |ns| {
        ns.apply(WORKLOADS).await;
        ns.wait_until(DEPLOYMENT, "web", "two are ready", |web| web["status"]["readyReplicas"] == 2).await;
        // Only with claims that are bound.
        ns.wait_until(STATEFUL_SET, "db", "two are ready", |db| db["status"]["readyReplicas"] == 2).await;
        ns.wait_for_condition(JOB, "once", "Complete", "True").await;
        let pod = ns.get(POD, "db-0").await;
        assert_eq!(pod["status"]["containerStatuses"][0]["image"], "example.org/db:1");
    });
}

#[test]
fn a_pod_that_is_held_is_not_ready() {
    with_namespace("held", async |ns| {
        let metadata = json!({"name": "held", "annotations": {"devcluster.orkestra.orkspace.io/hold": "true"}});
        let spec = json!({"containers": [{"name": "a", "image": "example.org/a:1"}]});
        ns.create(POD, json!({"metadata": metadata, "spec": spec})).await;
        ns.create(POD, json!({"metadata": {"name": "free"}, "spec": spec})).await;
        ns.wait_for_condition(POD, "free", "Ready", "True").await;
        assert_ne!(condition_of(&ns.get(POD, "held").await, "Ready"), Some("True"));
    });
}

#[test]
fn the_audit_log_counts_writes_by_others_than_the_tests() {
    with_namespace("audit", async |ns| {
        let mark = ns.cluster().audit().mark().await;
        ns.create(CONFIG_MAP, json!({"metadata": {"name": "mine"}})).await;
        let all = ns.cluster().audit().requests_since(mark).await;
        let mine = all.iter().filter(|each| each.is_write() && each.namespace.as_deref() == Some(ns.name()));
        assert_eq!(mine.map(|each| each.resource.as_str()).collect::<Vec<_>>(), ["configmaps"]);
        assert_eq!(ns.writes_since(mark).await, []);

        let other = kube::Client::try_from(ns.cluster().config().await).unwrap();
        let path = format!("/api/v1/namespaces/{}/configmaps/mine", ns.name());
        let request = http::Request::delete(path).body(Vec::new()).unwrap();
        other.request_text(request).await.unwrap();
        let writes = ns.writes_since(mark).await;
        assert_eq!(writes.len(), 1, "{writes:?}");
        assert_eq!((writes[0].verb.as_str(), writes[0].name.as_deref(), writes[0].code), ("delete", Some("mine"), 200));
    });
}

#[test]
fn an_api_server_that_was_stopped_or_killed_comes_back_with_its_data() {
    // Not the shared one: others would notice.
    let plane = ControlPlane::start(&options(), &|_| ()).unwrap();
    plane.kubectl(&["create", "configmap", "kept"], "").unwrap();
    let first = plane.pid(Part::ApiServer);

    plane.pause(Part::ApiServer).unwrap();
    plane.kubectl(&["get", "configmap", "kept", "--request-timeout=1s"], "").unwrap_err();
    plane.resume(Part::ApiServer).unwrap();
    plane.kubectl(&["get", "configmap", "kept"], "").unwrap();

    plane.kill(Part::ApiServer).unwrap();
    plane.kubectl(&["get", "configmap", "kept"], "").unwrap_err();
    assert_eq!(plane.check().unwrap_err().reason(), "PartEnded");
    plane.start_again(Part::ApiServer).unwrap();
    assert_ne!(plane.pid(Part::ApiServer), first);
    plane.kubectl(&["get", "configmap", "kept"], "").unwrap();

    let (data, pids) = (plane.data().to_owned(), Part::ALL.map(|part| plane.pid(part)));
    plane.stop();
    assert!(!data.exists());
    assert!(!pids.into_iter().any(runs));
}

/// `devcluster up` as a process of its own, with a data directory of its own.
struct Up {
    child: Child,
    lines: Vec<String>,
}

impl Up {
    fn start(temporary: &Path) -> Self {
        let child = Command::new(program("devcluster"))
            .arg("up")
            .arg("--kubeconfig")
            .arg(temporary.join("kubeconfig"))
            .env("TMPDIR", temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = Self { child, lines: Vec::new() };
        let stderr = BufReader::new(up.child.stderr.take().unwrap());
        for line in stderr.lines().map(Result::unwrap) {
            let last = line == "stops with Ctrl-C";
            up.lines.push(line);
            if last {
                return up;
            }
        }
        panic!("devcluster up ended:\n{}", up.lines.join("\n"));
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The processes that it says it started.
    fn pids(&self) -> Vec<u32> {
        self.lines.iter().filter_map(|line| line.split_once(" process ")?.1.parse().ok()).collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Also when an assertion failed: nothing may be left running. It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LONG, "not within {} s: {what}", LONG.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process exists and is no mere entry that its parent has not asked for yet.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

#[test]
fn nothing_is_left_of_a_control_plane_whose_process_was_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let mut up = Up::start(temporary.path());
    let pids = up.pids();
    assert_eq!(pids.len(), 5, "{:?}", up.lines);
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    // A stopped process does not act on any other signal than the one that cannot be caught.
    let api_server = rustix::process::Pid::from_raw(pids[1].cast_signed()).unwrap();
    rustix::process::kill_process(api_server, rustix::process::Signal::STOP).unwrap();

    up.kill();
    wait_until("all processes are gone", || !pids.iter().any(|pid| runs(*pid)));
    wait_until("all files are gone", || std::fs::read_dir(temporary.path()).unwrap().next().is_none());
}

#[test]
fn the_output_says_that_the_kubelet_is_simulated() {
    let help = Command::new(program("devcluster")).arg("help").output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("simulated kubelet"));
    assert!(help.status.success());
}

#[test]
fn a_wrong_argument_is_a_mistake_of_usage() {
    let ended = Command::new(program("devcluster")).arg("down").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8(ended.stderr).unwrap().contains("no such command: down"));
}
