//! Several processes that share the work: what a killed one did is taken over, and no object is ever written by two.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use orkestra_tests::{CONFIG_MAP, Granted, Kind, LONG, Mark, Namespace, Ork, eventually, pattern_directory};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::fixture::{CRD, WEB, together};
use crate::leader::address;
use crate::readyz::get;

const LEASE: Kind = Kind::new("coordination.k8s.io/v1", "Lease");
/// What a lease of `ork run` holds for.
const HOLDS: Duration = Duration::from_secs(15);
/// Writes a second that a process lets an instance make in the long run, after a burst.
const WRITES_A_SECOND: u64 = 20;

/// One child and a status: two writes for each change.
const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: web, version: 1.0.0}
spec:
  crds:
    web:
      apiTypes: {group: tests.orkestra.io, version: v1, kind: Web, plural: webs}
      workers: 4
      operatorBox:
        onReconcile:
          configMaps:
            - id: config
              data: {text: "{{ spec.text }}"}
"#;

/// Processes that share one system namespace, each known in the audit log by the token that it shows.
struct Shared {
    ns: Namespace,
    granted: Granted,
    directory: String,
    start: Mark,
}

/// One of them.
struct Process {
    ork: Ork,
    credential: String,
}

impl Shared {
    async fn new(ns: &Namespace) -> Self {
        let directory = pattern_directory(ns.cluster(), KATALOG, CRD);
        // The rights that `ork generate rbac --shards` prints are enough.
        let granted = Granted::give_sharded(ns, &[&directory]).await;
        let start = ns.cluster().audit().mark().await;
        Self { ns: ns.clone(), granted, directory: directory.to_str().expect("a path in UTF-8").to_owned(), start }
    }

    async fn process(&self, name: &str, shards: &str) -> Process {
        let (kubeconfig, credential) = self.granted.another(&self.ns, name).await;
        let own = self.ns.own();
        let kubeconfig = kubeconfig.to_str().expect("a path in UTF-8");
        let arguments = ["--no-crds", "-n", self.ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0"];
        let mut arguments = arguments.to_vec();
        arguments.extend(["--yes", "--shards", shards, "--kubeconfig", kubeconfig, &self.directory]);
        Process { ork: Ork::run(self.ns.cluster(), &arguments), credential }
    }

    /// Who holds the Lease of each shard; an empty text where nobody does.
    async fn holders(&self, count: usize) -> Vec<String> {
        let own = self.ns.other(&self.ns.own());
        let leases = own.list(LEASE, &format!("orkestra.orkspace.io/shards={count}")).await;
        let holder = |lease: &Value| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        leases.iter().map(holder).collect()
    }

    async fn all_held(&self, count: usize) {
        eventually("every shard is held", LONG, async || match self.holders(count).await {
            holders if holders.len() == count && holders.iter().all(|holder| !holder.is_empty()) => Ok(()),
            holders => Err(format!("{holders:?}")),
        })
        .await;
    }

    /// Makes, or changes, so many resources, a few at a time.
    async fn write(&self, count: usize, text: &'static str) {
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            let ns = self.ns.clone();
            writers.spawn(async move {
                for index in (0..count).filter(|index| index % 8 == writer) {
                    let (name, spec) = (format!("w{index}"), json!({"text": text}));
                    match text {
                        "made" => ns.create(WEB, json!({"metadata": {"name": name}, "spec": spec})).await,
                        _ => ns.edit(WEB, &name, json!({"spec": spec})).await,
                    };
                }
            });
        }
        while let Some(written) = writers.join_next().await {
            written.expect("the resources are written");
        }
    }

    async fn all_say(&self, count: usize, text: &str, within: Duration) {
        eventually(&format!("all children say {text}"), within, async || {
            let children = self.ns.list(CONFIG_MAP, "").await;
            let said = children.iter().filter(|child| child["data"]["text"] == text).count();
            if said == count { Ok(()) } else { Err(format!("{said} of {count}")) }
        })
        .await;
        eventually(&format!("all are ready with {text}"), within, async || {
            let primaries = self.ns.list(WEB, "").await;
            let current = |web: &&Value| {
                let conditions = web["status"]["conditions"].as_array();
                let ready = conditions.into_iter().flatten().find(|one| one["type"] == "Ready");
                ready.is_some_and(|one| {
                    one["status"] == "True" && one["observedGeneration"] == web["metadata"]["generation"]
                })
            };
            let ready = primaries.iter().filter(current).count();
            if ready == count { Ok(()) } else { Err(format!("{ready} of {count}")) }
        })
        .await;
    }

    /// Who wrote for each resource, in order, one after another named once.
    async fn writers(&self) -> BTreeMap<String, Vec<String>> {
        let mut writers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for write in self.ns.writes_since(self.start).await {
            let ours =
                write.uri.contains("fieldManager=orkestra") && write.namespace.as_deref() == Some(self.ns.name());
            let name = write.name.as_deref().filter(|_| ours);
            let name = match (write.resource.as_str(), name) {
                ("configmaps", Some(name)) => name.strip_suffix("-config"),
                ("webs" | "webs/status", name) => name,
                _ => None,
            };
            let Some(name) = name else { continue };
            let who = write.credential.expect("a process shows a token");
            let known = writers.entry(name.to_owned()).or_default();
            if known.last() != Some(&who) {
                known.push(who);
            }
        }
        writers
    }
}

/// How many shards it says that it works on.
async fn held(process: &Process) -> usize {
    let answer = get(address(&process.ork).await, "/metrics").await;
    let line = answer.lines().find_map(|line| line.strip_prefix("orkestra_shards_held "));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}

#[allow(clippy::print_stdout, reason = "what the long form is run for")]
#[test]
fn a_killed_process_is_followed_by_those_that_share_the_work_and_no_object_has_two_writers() {
    // `make soak` asks for more.
    let soak = std::env::var("ORK_SOAK_OBJECTS").ok().map(|count| count.parse().expect("ORK_SOAK_OBJECTS is a number"));
    let count: usize = soak.unwrap_or(300);
    // If one process had to write all.
    let writes = Duration::from_secs(2 * count as u64 / WRITES_A_SECOND);
    together("shards-killed", async |ns| {
        let shared = Shared::new(&ns).await;
        let mut processes = Vec::new();
        for name in ["a", "b", "c"] {
            processes.push(shared.process(name, "3").await);
        }
        shared.all_held(3).await;
        let began = Instant::now();
        shared.write(count, "made").await;
        shared.all_say(count, "made", LONG + writes).await;
        let made = began.elapsed();
        let writers = shared.writers().await;
        assert_eq!(writers.len(), count);
        assert!(writers.values().all(|writers| writers.len() == 1), "{writers:?}");

        let mut holds = Vec::new();
        for process in &processes {
            holds.push(held(process).await);
        }
        assert_eq!(holds.iter().sum::<usize>(), 3, "{holds:?}");
        let index = holds.iter().position(|held| *held > 0).expect("one holds a shard");
        let Process { ork, credential: killed } = processes.remove(index);
        let its = writers.values().filter(|writers| writers[0] == killed).count();
        assert!(its > 0 && (its < count || holds[index] == 3), "{its} of {count}, {holds:?}");
        drop(ork);
        let began = Instant::now();
        shared.write(count, "changed").await;
        // A renewal may have been sent just before; a busy machine is slow besides.
        shared.all_say(count, "changed", HOLDS + Duration::from_secs(30) + writes).await;
        let took = began.elapsed();
        shared.all_held(3).await;

        let writers = shared.writers().await;
        for (name, writers) in &writers {
            // The killed one's have exactly one other writer after it; all others have the one that they had.
            let expected = if writers[0] == killed { 2 } else { 1 };
            assert_eq!(writers.len(), expected, "{name}: {writers:?}, killed {killed}");
        }
        for process in processes {
            assert!(process.ork.stop().await.success());
        }
        assert!(shared.holders(3).await.iter().all(String::is_empty), "who ends lets its shards go");
        println!(
            "{count} resources, shards held {holds:?}: made and ready after {:.1} s; one process killed that had {its}: all changed and ready {:.1} s later; no object had two writers at a time",
            made.as_secs_f64(),
            took.as_secs_f64()
        );
    });
}

#[test]
fn the_number_of_shards_changes_while_processes_are_replaced_and_no_object_has_two_writers() {
    const COUNT: usize = 40;
    together("shards-number", async |ns| {
        let shared = Shared::new(&ns).await;
        let mut old = Vec::new();
        for name in ["a", "b"] {
            old.push(shared.process(name, "3").await);
        }
        shared.all_held(3).await;
        shared.write(COUNT, "made").await;
        shared.all_say(COUNT, "made", LONG).await;
        let mut new = Vec::new();
        for name in ["c", "d"] {
            let process = shared.process(name, "4").await;
            process.ork.says("another runtime leads").await;
            new.push(process);
        }
        // While the old ones are there, the new ones do nothing.
        shared.write(COUNT, "changed").await;
        shared.all_say(COUNT, "changed", LONG).await;
        for process in old {
            assert!(process.ork.stop().await.success());
            for process in &new {
                assert!(get(address(&process.ork).await, "/readyz").await.contains("HTTP/1.1 200"));
            }
        }
        shared.all_held(4).await;
        shared.write(COUNT, "again").await;
        shared.all_say(COUNT, "again", LONG).await;
        let lease = ns.other(&ns.own()).get(LEASE, "orkestra-runtime").await;
        assert_eq!(lease["metadata"]["annotations"]["orkestra.orkspace.io/shards"], "4");
        assert!(shared.holders(3).await.iter().all(String::is_empty));

        let fresh: Vec<&String> = new.iter().map(|process| &process.credential).collect();
        for (name, writers) in shared.writers().await {
            let mut once = writers.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), writers.len(), "{name} went back: {writers:?}");
            assert!(fresh.contains(&&writers[writers.len() - 1]), "{name}: {writers:?}");
        }
        for process in new {
            assert!(process.ork.stop().await.success());
        }
    });
}
