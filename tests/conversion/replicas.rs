//! Two runtimes that serve conversions: one is replaced after the other, and certificates are renewed, and no request fails.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use orkestra_tests::{
    CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Granted, Kind, LONG, Namespace, Ork, eventually, with_namespace,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::live::pattern;

/// Stands for the Service: connections go to a replica that takes them.
struct Balancer {
    address: SocketAddr,
    backends: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let backends: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let shared = backends.clone();
        // It ends with the test program.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let order = shared.lock().expect("no panic").clone();
                std::thread::spawn(move || forward(&client, &order));
            }
        });
        Self { address, backends }
    }

    fn set(&self, backends: &[SocketAddr]) {
        *self.backends.lock().expect("no panic") = backends.to_vec();
    }
}

fn forward(client: &TcpStream, backends: &[SocketAddr]) {
    let Some(server) = backends.iter().find_map(|backend| TcpStream::connect(backend).ok()) else { return };
    for stream in [client, &server] {
        let _ = stream.set_nodelay(true);
    }
    std::thread::scope(|scope| {
        for (mut from, mut to) in [(client, &server), (&server, client)] {
            scope.spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    });
}

struct Replica {
    ork: Ork,
    webhook: SocketAddr,
    serves: SocketAddr,
}

/// A port that nobody listens on, and that no connection gets while the replica has yet to ask for it: one below those that
/// the kernel hands out.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 8_000).expect("below 8000");
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if let Ok(address) = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr()) {
            return address;
        }
    }
}

/// Starts a replica with the rights of the tests, and waits until it serves and is ready.
async fn replica(ns: &Namespace, directory: &str, balancer: &Balancer) -> Replica {
    replica_as(ns, directory, balancer, &["--no-impersonation"]).await
}

async fn replica_as(ns: &Namespace, directory: &str, balancer: &Balancer, more: &[&str]) -> Replica {
    let webhook = free_port();
    // Until it listens, connections go to the others.
    balancer.backends.lock().expect("no panic").push(webhook);
    let (own, url, listen) = (ns.own(), format!("https://{}/convert", balancer.address), webhook.to_string());
    let mut arguments = vec![
        "-n",
        ns.name(),
        "--system-namespace",
        &own,
        "--listen",
        "127.0.0.1:0",
        "--yes",
        "--webhook-listen",
        &listen,
        "--webhook-url",
        &url,
        directory,
    ];
    arguments.extend(more);
    let ork = Ork::run_with(ns.cluster(), &arguments, &[("ORK_CERTIFICATES_GRACE", "10")]);
    let serves = eventually("ork serves", LONG, async || {
        let output = ork.output();
        let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found = lines.filter_map(|line| line["address"].as_str()?.parse().ok()).next();
        found.ok_or(output)
    })
    .await;
    eventually("ork is ready", LONG, async || match ask(serves, "/readyz").await {
        answer if answer.contains("200 OK") => Ok(()),
        answer => Err(answer),
    })
    .await;
    Replica { ork, webhook, serves }
}

async fn ask(address: SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut text = String::new();
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return text };
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.read_to_string(&mut text).await;
    text
}

async fn converted(replicas: &[&Replica]) -> u64 {
    let mut sum = 0;
    for replica in replicas {
        let text = ask(replica.serves, "/metrics").await;
        let found =
            text.lines().find_map(|line| line.strip_prefix("orkestra_conversion_objects_total ")?.parse::<u64>().ok());
        sum += found.unwrap_or_default();
    }
    sum
}

/// Writes and reads in both versions for so long, while replicas are replaced and certificates renewed. Prints what was done.
#[allow(clippy::print_stdout, reason = "figures are what a soak is for")]
fn under_load(name: &'static str, time: Duration) {
    with_namespace(name, async |ns| {
        let group = format!("{name}.example.com");
        let kind = |version: &str| Kind::new(format!("{group}/{version}").leak(), "Thing");
        let (v1, v2) = (kind("v1"), kind("v2"));
        let (old, new) = (pattern(&ns, &group, ""), pattern(&ns, &group, "            lossy: [spec.legacy]\n"));
        let balancer = Balancer::start();
        let mut first = replica(&ns, &old, &balancer).await;
        let mut second = replica(&ns, &old, &balancer).await;
        for index in 0..8 {
            ns.create(
                v1,
                json!({"metadata": {"name": format!("t{index}")}, "spec": {"replicas": 0, "storageSize": "1Gi"}}),
            )
            .await;
        }
        let (stop, requests) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let writers = (0..8).map(|index| {
            let (ns, stop, requests) = (ns.clone(), stop.clone(), requests.clone());
            tokio::spawn(async move {
                let name = format!("t{index}");
                let mut count = 0_u64;
                // Every one of these panics where a request fails.
                while !stop.load(Ordering::Relaxed) {
                    count += 1;
                    let (kind, change) = match count.is_multiple_of(2) {
                        true => (v1, json!({"spec": {"replicas": count}})),
                        false => (v2, json!({"spec": {"instances": count, "pooling": true}})),
                    };
                    ns.edit(kind, &name, change).await;
                    let read = ns.get(v1, &name).await;
                    assert_eq!(read["spec"]["replicas"], count);
                    requests.fetch_add(2, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let start = Instant::now();
        let (mut objects, mut restarts, mut bundles) = (0, 0, std::collections::BTreeSet::new());
        while start.elapsed() < time {
            let definition = ns.get(CUSTOM_RESOURCE_DEFINITION, &format!("things.{group}")).await;
            bundles.insert(definition["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"].to_string());
            tokio::time::sleep(Duration::from_secs(4)).await;
            if restarts > 0 && time > Duration::from_secs(60) && restarts * 30 > start.elapsed().as_secs() {
                continue;
            }
            // The next one comes first, with another rule each time; then the oldest goes.
            let directory = if restarts % 2 == 0 { &new } else { &old };
            let next = replica(&ns, directory, &balancer).await;
            balancer.set(&[second.webhook, next.webhook]);
            objects += converted(&[&first]).await;
            assert!(first.ork.stop().await.success());
            (first, second) = (second, next);
            restarts += 1;
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("no request failed");
        }
        objects += converted(&[&first, &second]).await;
        let (seconds, requests) = (start.elapsed().as_secs_f64(), requests.load(Ordering::Relaxed));
        println!(
            "{seconds:.0} s: {requests} requests, {objects} conversions ({:.0} a second), {restarts} replicas replaced, {} bundles of certificates, 0 failed",
            objects as f64 / seconds,
            bundles.len()
        );
        assert!(restarts > 0 && objects > requests);
        assert!(time < Duration::from_secs(120) || bundles.len() > 1, "no authority was renewed");
        drop((first, second));
    });
}

/// In seconds; `make soak` says ten minutes, in which authorities are renewed as well.
const LENGTH: &str = "ORK_SOAK_SECONDS";

#[test]
fn replicas_are_replaced_and_rules_and_certificates_change_without_a_failed_request() {
    let seconds = std::env::var(LENGTH).map_or(25, |text| text.parse().expect("ORK_SOAK_SECONDS is a number"));
    under_load("conv-replicas", Duration::from_secs(seconds));
}

/// The user that the first of two replicas logs in as; the other one is the administrator.
fn account(ns: &Namespace) -> String {
    format!("system:serviceaccount:{}:orkestra", ns.own())
}

async fn read(ns: &Namespace, path: &str) -> Result<Value, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).expect("a request");
    ns.cluster().client().request(request).await
}

async fn leads(replica: &Replica) -> bool {
    ask(replica.serves, "/metrics").await.contains("\norkestra_leader 1\n")
}

/// Kills the one of two replicas that leads, again and again. Prints what was done.
#[allow(clippy::print_stdout, reason = "figures are what a soak is for")]
fn kill_leaders(name: &'static str, rounds: usize) {
    with_namespace(name, async |ns| {
        let group = format!("{name}.example.com");
        let kind = |version: &str| Kind::new(format!("{group}/{version}").leak(), "Thing");
        let (v1, v2) = (kind("v1"), kind("v2"));
        let directory = pattern(&ns, &group, "");
        let granted = Granted::give(&ns, &[Path::new(&directory)]).await;
        let kubeconfig = granted.kubeconfig().to_str().expect("a path in UTF-8").to_owned();
        // The audit log tells them apart by who logged in.
        let credentials: [Vec<&str>; 2] = [vec!["--kubeconfig", &kubeconfig], Vec::new()];
        let balancer = Balancer::start();
        let mut replicas = [
            replica_as(&ns, &directory, &balancer, &credentials[0]).await,
            replica_as(&ns, &directory, &balancer, &credentials[1]).await,
        ];
        for index in 0..4 {
            ns.create(
                v1,
                json!({"metadata": {"name": format!("t{index}")}, "spec": {"replicas": 0, "storageSize": "1Gi"}}),
            )
            .await;
        }
        let (stop, requests, again) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let readers = (0..4).map(|index| {
            let (ns, stop, requests, again) = (ns.clone(), stop.clone(), requests.clone(), again.clone());
            let path = format!("/apis/{group}/v1/namespaces/{}/things/t{index}", ns.name());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    // A review that was on its way to the one that is killed fails. The next one must not.
                    if let Err(failed) = read(&ns, &path).await {
                        again.fetch_add(1, Ordering::Relaxed);
                        let once_more = read(&ns, &path).await;
                        assert!(once_more.is_ok(), "the webhook did not answer twice: {failed}, {once_more:?}");
                    }
                    requests.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        let mut longest = Duration::ZERO;
        for round in 0..rounds {
            let leader = if leads(&replicas[0]).await { 0 } else { 1 };
            let other = 1 - leader;
            assert!(leads(&replicas[leader]).await && !leads(&replicas[other]).await, "one leads");
            let mark = ns.cluster().audit().mark().await;
            let name = format!("r{round}");
            // Something is under way when it ends.
            ns.create(
                v2,
                json!({"metadata": {"name": format!("{name}-before")}, "spec": {"storage": {"size": "1Gi"}}}),
            )
            .await;
            let killed = Instant::now();
            let pid = i32::try_from(replicas[leader].ork.pid()).ok().and_then(Pid::from_raw).expect("a process id");
            kill_process(pid, Signal::KILL).expect("it runs");
            balancer.set(&[replicas[other].webhook]);
            ns.create(v2, json!({"metadata": {"name": &name}, "spec": {"storage": {"size": "2Gi"}}})).await;
            for name in [format!("{name}-before"), name.clone()] {
                ns.wait_for(CONFIG_MAP, &format!("{name}-config")).await;
            }
            longest = longest.max(killed.elapsed());
            // Whoever was killed wrote nothing after the other one had begun, and no child was made twice.
            let writes = ns.writes_since(mark).await;
            let ours = writes.iter().filter(|write| write.uri.contains("fieldManager=orkestra"));
            let mut writers: Vec<usize> = ours.clone().map(|write| usize::from(write.user != account(&ns))).collect();
            writers.dedup();
            assert!(writers == [leader, other] || writers == [other], "{writers:?} in round {round}");
            let made = ours.filter(|write| write.resource == "configmaps" && write.code == 201);
            let mut made: Vec<_> = made.filter_map(|write| write.name.clone()).collect();
            made.sort();
            let count = made.len();
            made.dedup();
            assert_eq!(made.len(), count, "{made:?}");
            for name in [format!("{name}-before"), name] {
                ns.delete(v2, &name).await;
            }
            replicas[leader] = replica_as(&ns, &directory, &balancer, &credentials[leader]).await;
        }
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.await.expect("the webhook answered");
        }
        println!(
            "{rounds} leaders killed: the other one had done its work after {:.1} s at most; {} reads in the old version, {} of them asked again once",
            longest.as_secs_f64(),
            requests.load(Ordering::Relaxed),
            again.load(Ordering::Relaxed)
        );
        // A lease of fifteen seconds, and a busy machine.
        assert!(longest < Duration::from_secs(30), "{longest:?}");
    });
}

/// How many; `make soak` says a hundred.
const ROUNDS: &str = "ORK_SOAK_ROUNDS";

#[test]
fn a_leader_that_is_killed_is_followed_and_the_webhook_answers_throughout() {
    let rounds = std::env::var(ROUNDS).map_or(1, |text| text.parse().expect("ORK_SOAK_ROUNDS is a number"));
    kill_leaders("conv-kills", rounds);
}
