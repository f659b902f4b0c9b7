//! Several runtimes, one that writes: who leads, how another one takes over, and that there are never two.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use orkestra_operator::{Election, Options};
use orkestra_tests::{
    CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Granted, Kind, LONG, Mark, Namespace, Ork, SHORTLY, eventually,
    never_within, pattern_directory,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::definitions;
use crate::fixture::{
    CRD, KATALOG, NO_RESYNC, Running, WEB, grant, installing, instance, instance_of, options, ready_web, together,
};
use crate::readyz::get;

const LEASE: Kind = Kind::new("coordination.k8s.io/v1", "Lease");
const NAME: &str = "orkestra-runtime";
/// What a lease of `ork run` holds for.
const HOLDS: Duration = Duration::from_secs(15);

/// Two runtimes of the same patterns. The audit log tells them apart, because the second one logs in as the administrator.
struct Two {
    ns: Namespace,
    arguments: Vec<String>,
    kubeconfig: String,
    start: Mark,
}

impl Two {
    async fn new(ns: &Namespace) -> Self {
        let directory = pattern_directory(ns.cluster(), KATALOG, CRD);
        // The rights that `ork generate rbac` prints are enough to be elected.
        let granted = Granted::give(ns, &[&directory]).await;
        let own = ns.own();
        let arguments = ["--no-crds", "-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0", "--yes"];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        arguments.push(directory.to_str().expect("a path in UTF-8").to_owned());
        let kubeconfig = granted.kubeconfig().to_str().expect("a path in UTF-8").to_owned();
        let start = ns.cluster().audit().mark().await;
        Self { ns: ns.clone(), arguments, kubeconfig, start }
    }

    async fn first(&self) -> Ork {
        let mut arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        arguments.extend(["--kubeconfig", &self.kubeconfig]);
        let ork = Ork::run(self.ns.cluster(), &arguments);
        ork.says("\"leading\"").await;
        ork
    }

    async fn second(&self) -> Ork {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let ork = Ork::run(self.ns.cluster(), &arguments);
        ork.says("another runtime leads").await;
        ork
    }

    /// Who wrote to the patterns' objects since `mark`, in order, one after another named once.
    async fn writers(&self, mark: Mark) -> Vec<&'static str> {
        let writes = self.ns.writes_since(mark).await;
        let ours = writes.iter().filter(|write| write.uri.contains("fieldManager=orkestra"));
        let mut writers: Vec<_> = ours
            .map(|write| if write.user.starts_with("system:serviceaccount:") { "first" } else { "second" })
            .collect();
        writers.dedup();
        writers
    }
}

/// Where it serves /readyz and /metrics.
pub(crate) async fn address(ork: &Ork) -> SocketAddr {
    eventually("ork says where it serves", SHORTLY, async || {
        let output = ork.output();
        let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found = lines.filter_map(|line| line["address"].as_str()?.parse().ok()).next();
        found.ok_or(output)
    })
    .await
}

async fn answers(ork: &Ork, path: &str, what: &str) {
    let address = address(ork).await;
    eventually(&format!("{path} has {what:?}"), SHORTLY, async || match get(address, path).await {
        answer if answer.contains(what) => Ok(()),
        answer => Err(answer),
    })
    .await;
}

async fn holder(ns: &Namespace) -> String {
    let lease = ns.other(&ns.own()).find(LEASE, NAME).await.unwrap_or_default();
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

async fn another_holds(ns: &Namespace, before: &str) -> String {
    eventually("another one holds the lease", LONG, async || match holder(ns).await {
        holder if !holder.is_empty() && holder != before => Ok(holder),
        holder => Err(holder),
    })
    .await
}

async fn create(ns: &Namespace, name: &str) {
    ns.create(WEB, json!({"metadata": {"name": name}, "spec": {"text": name}})).await;
}

#[test]
fn a_killed_leader_is_followed_by_the_other_within_the_lease() {
    together("leader-killed", async |ns| {
        let two = Two::new(&ns).await;
        let first = two.first().await;
        let second = two.second().await;
        ready_web(&ns, "a", json!({})).await;
        answers(&first, "/metrics", "\norkestra_leader 1\n").await;
        // The one that follows is ready, too: its caches are warm, and others may be served from it.
        answers(&second, "/readyz", "HTTP/1.1 200").await;
        answers(&second, "/metrics", "\norkestra_leader 0\n").await;
        answers(&second, "/metrics", "\norkestra_cached_objects{resource=\"configmaps\"} 2\n").await;
        assert_eq!(two.writers(two.start).await, ["first"]);

        let before = holder(&ns).await;
        let killed = Instant::now();
        drop(first);
        create(&ns, "b").await;
        ns.wait_for_condition(WEB, "b", "Ready", "True").await;
        let took = killed.elapsed();
        // A renewal may have been sent just before; a busy machine is slow besides.
        assert!(took < HOLDS + Duration::from_secs(12), "{took:?}");
        assert_ne!(another_holds(&ns, &before).await, before);
        answers(&second, "/metrics", "\norkestra_leader 1\n").await;
        assert_eq!(two.writers(two.start).await, ["first", "second"]);

        assert!(second.stop().await.success());
        assert_eq!(holder(&ns).await, "", "who ends lets the lease go");
    });
}

#[test]
fn a_leader_that_is_told_to_stop_hands_over_at_once() {
    together("leader-stopped", async |ns| {
        let two = Two::new(&ns).await;
        let first = two.first().await;
        let second = two.second().await;
        ready_web(&ns, "a", json!({})).await;
        answers(&second, "/readyz", "HTTP/1.1 200").await;
        for name in ["b", "c", "d", "e", "f"] {
            create(&ns, name).await;
        }
        let before = holder(&ns).await;
        assert!(first.stop().await.success());
        let ended = Instant::now();
        another_holds(&ns, &before).await;
        let took = ended.elapsed();
        assert!(took < HOLDS / 3, "{took:?}");
        // What was left undone is done.
        for name in ["b", "c", "d", "e", "f"] {
            ns.wait_for_condition(WEB, name, "Ready", "True").await;
        }
        assert_eq!(two.writers(two.start).await, ["first", "second"]);
        assert!(second.stop().await.success());
    });
}

#[test]
fn a_leader_that_slept_longer_than_its_lease_writes_nothing_any_more() {
    together("leader-frozen", async |ns| {
        let two = Two::new(&ns).await;
        let first = two.first().await;
        let second = two.second().await;
        ready_web(&ns, "a", json!({})).await;
        let before = holder(&ns).await;
        let pid = Pid::from_raw(i32::try_from(first.pid()).expect("a process id")).expect("a process id");
        kill_process(pid, Signal::STOP).expect("ork runs");
        // It has work waiting when it wakes up.
        let names: Vec<String> = (0..20).map(|number| format!("w{number}")).collect();
        for name in &names {
            create(&ns, name).await;
        }
        another_holds(&ns, &before).await;
        let woken = ns.cluster().audit().mark().await;
        kill_process(pid, Signal::CONT).expect("ork is there");
        first.says("no longer leading").await;
        for name in &names {
            ns.wait_for_condition(WEB, name, "Ready", "True").await;
            ns.edit(WEB, name, json!({"spec": {"text": "again"}})).await;
            ns.wait_until(CONFIG_MAP, &format!("{name}-config"), "as edited", |map| map["data"]["text"] == "again")
                .await;
        }
        answers(&first, "/metrics", "\norkestra_leader 0\n").await;
        assert_eq!(two.writers(woken).await, ["second"]);
        assert_eq!(two.writers(two.start).await, ["first", "second"]);
        // It follows now, and takes over in its turn.
        assert!(second.stop().await.success());
        create(&ns, "z").await;
        ns.wait_for_condition(WEB, "z", "Ready", "True").await;
        assert_eq!(two.writers(two.start).await, ["first", "second", "first"]);
        assert!(first.stop().await.success());
    });
}

#[test]
fn who_loses_the_lease_stops_at_once_and_works_again_when_it_is_free() {
    together("leader-lost", async |ns| {
        let (client, instances) = grant(&ns, vec![instance(KATALOG, NO_RESYNC)]).await;
        let election = Some(Election::of("test").lasting(Duration::from_secs(3)));
        let running = Running::start_granted(client, instances, Options { election, ..options(&ns) }).await;
        let own = ns.other(&ns.own());
        ready_web(&ns, "a", json!({})).await;
        assert!(running.handle().is_leader());

        own.edit(LEASE, NAME, json!({"spec": {"holderIdentity": "somebody"}})).await;
        let handle = Mutex::new(running.handle());
        let leads = || handle.lock().expect("no panic before").is_leader();
        eventually("it leads no longer", SHORTLY, async || if leads() { Err("it does") } else { Ok(()) }).await;
        assert!(running.handle().is_ready());
        // Its lease is renewed by a hand that never leads.
        let mark = ns.cluster().audit().mark().await;
        create(&ns, "b").await;
        for turn in 0..5 {
            own.edit(
                LEASE,
                NAME,
                json!({"metadata": {"labels": {"turn": turn.to_string()}}, "spec": {"leaseTransitions": 10 + turn}}),
            )
            .await;
            never_within("nobody reconciles", Duration::from_secs(1), async || {
                ns.find(CONFIG_MAP, "b-config").await.map_or(Ok(()), |found| Err(found.to_string()))
            })
            .await;
        }
        let writes = ns.writes_since(mark).await;
        assert!(writes.is_empty(), "{writes:?}");
        // Nobody renews it any more.
        ns.wait_for_condition(WEB, "b", "Ready", "True").await;
        assert!(running.handle().is_leader());
        running.stop().await;
        assert_eq!(holder(&ns).await, "");
    });
}

#[test]
fn who_finds_its_lease_deleted_stops_at_once_and_makes_it_anew_when_no_other_can_lead() {
    together("leader-deleted", async |ns| {
        let (client, instances) = grant(&ns, vec![instance(KATALOG, NO_RESYNC)]).await;
        let lasts = Duration::from_secs(6);
        let election = Some(Election::of("test").lasting(lasts));
        let running = Running::start_granted(client, instances, Options { election, ..options(&ns) }).await;
        let own = ns.other(&ns.own());
        ready_web(&ns, "a", json!({})).await;
        let handle = Mutex::new(running.handle());
        let leads = || handle.lock().expect("no panic before").is_leader();
        own.delete(LEASE, NAME).await;
        eventually("it leads no longer", SHORTLY, async || if leads() { Err("it does") } else { Ok(()) }).await;
        let ended = Instant::now();
        create(&ns, "b").await;
        ns.wait_for_condition(WEB, "b", "Ready", "True").await;
        // Less than the whole lease: what passed before the end was seen counts.
        assert!(ended.elapsed() > lasts / 2, "{:?}", ended.elapsed());
        assert!(leads());
        running.stop().await;
    });
}

/// The pattern `plain` of the tests of definitions under another name, with texts of this length.
async fn plain(ns: &Namespace, kind: &str, longest: u32) -> (kube::Client, Vec<orkestra_operator::Instance>) {
    let named = |text: &str| text.replace("plain", &kind.to_lowercase()).replace("Plain", kind);
    let crd = named(definitions::CRD).replace("maxLength: 50", &format!("maxLength: {longest}"));
    let mut instance = instance_of(&named(definitions::KATALOG), &crd, NO_RESYNC);
    instance.name = kind.to_lowercase();
    grant(ns, vec![instance]).await
}

async fn longest(ns: &Namespace, definition: &str) -> Value {
    let crd = ns.get(CUSTOM_RESOURCE_DEFINITION, definition).await;
    crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/text/maxLength")
        .cloned()
        .unwrap_or_default()
}

#[test]
fn definitions_are_the_leaders_and_are_installed_by_whoever_leads_next() {
    together("leader-definitions", async |ns| {
        let election = || Some(Election::of("test").lasting(Duration::from_secs(3)));
        let start = async |longest| {
            let (client, instances) = plain(&ns, "Handed", longest).await;
            Running::start_granted(client, instances, Options { election: election(), ..installing(&ns) }).await
        };
        const DEFINITION: &str = "handeds.tests.orkestra.io";
        let first = start(50).await;
        let wider = start(60).await;
        assert!(first.handle().is_leader() && !wider.handle().is_leader());
        assert!(wider.handle().leader().is_some_and(|leader| leader.starts_with("test_")));
        assert_eq!(longest(&ns, DEFINITION).await, json!(50));
        first.stop().await;
        eventually("the next leader installs its definition", SHORTLY, async || match longest(&ns, DEFINITION).await {
            found if found == 60 => Ok(()),
            found => Err(found.to_string()),
        })
        .await;
        // One that would break what is stored stands still when it leads, and says so.
        let narrower = start(5).await;
        assert!(!narrower.handle().is_leader() && narrower.handle().is_ready());
        wider.stop().await;
        let handle = Mutex::new(narrower.handle());
        let waits = || handle.lock().expect("no panic before").waits_for();
        eventually("it says why it stands still", SHORTLY, async || match waits() {
            waits if waits.iter().any(|line| line.contains("would break stored objects")) => Ok(()),
            waits => Err(format!("{waits:?}")),
        })
        .await;
        assert!(narrower.handle().is_leader() && !narrower.handle().is_ready());
        assert_eq!(longest(&ns, DEFINITION).await, json!(60));
        narrower.stop().await;
    });
}
