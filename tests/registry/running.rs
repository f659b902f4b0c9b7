//! `ork run` of what a registry holds, on a real API server: by the lock, without the registry, without a network.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use orkestra_tests::{Cluster, Kind, LONG, Namespace, Ork, eventually, program, relay, source_root, with_namespace};

use crate::komposers::Shop;

const POSTGRES: Kind = Kind::new("postgres.orkestra.io/v1", "Postgres");

/// What every run here is told, beside its Komposer.
fn arguments<'a>(ns: &'a Namespace, own: &'a str, komposer: &'a str, cache: &'a str) -> Vec<&'a str> {
    vec![
        "-f",
        komposer,
        "--cache",
        cache,
        "--no-impersonation",
        "--no-crds",
        "--listen",
        "127.0.0.1:0",
        "--namespace",
        ns.name(),
        "--system-namespace",
        own,
        "--log-format",
        "text",
    ]
}

/// The definition is there before anything runs: several runtimes at once would each take it for their own.
fn define(cluster: &Cluster) {
    static DEFINED: OnceLock<()> = OnceLock::new();
    DEFINED.get_or_init(|| {
        let crd = std::fs::read_to_string(source_root().join("patterns/postgres/v14/crd.yaml")).unwrap();
        let run = |arguments: &[&str], input: &str| {
            cluster.plane().kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"));
        };
        run(&["apply", "--server-side", "-f", "-"], &crd);
        run(&["wait", "--for=condition=Established", "crd/postgreses.postgres.orkestra.io", "--timeout=30s"], "");
    });
}

/// Applies the example and waits until it is ready.
async fn ready(ns: &Namespace) {
    ns.apply(&std::fs::read_to_string(source_root().join("patterns/postgres/v14/cr.yaml")).unwrap()).await;
    ns.wait_for_condition(POSTGRES, "shop", "Ready", "True").await;
}

#[test]
fn what_is_locked_starts_from_the_cache_while_the_registry_is_down() {
    with_namespace("locked", async |ns| {
        define(ns.cluster());
        let shop = Shop::open();
        shop.komposer("{url: REPO/postgres:v14}", "");
        shop.ork(&["lock"]).fine();
        // What the tag means now is of no interest.
        shop.push("postgres", "14.3.0", &[]);
        let down = shop.close();
        let path = |name: &str| down.path().join(name).to_str().unwrap().to_owned();
        let (komposer, cache, own) = (path("komposer.yaml"), path("cache"), ns.own());
        let authority = path("ca.pem");
        let mut with = arguments(&ns, &own, &komposer, &cache);
        with.extend(["--locked", "--ca-file", &authority]);
        let ork = Ork::run(ns.cluster(), &with);
        ready(&ns).await;
        assert!(ork.output().contains("14.2.0"), "{}", ork.output());
        ork.stop().await;
        // Without the cache there is nothing to start from.
        let other = path("another-cache");
        let mut with = arguments(&ns, &own, &komposer, &other);
        with.extend(["--locked", "--ca-file", &authority]);
        fails(&ns, &with, "Unreachable").await;
        // And what is not locked is never taken from it.
        std::fs::remove_file(down.path().join("komposer.lock")).unwrap();
        let mut with = arguments(&ns, &own, &komposer, &cache);
        with.extend(["--ca-file", &authority]);
        fails(&ns, &with, "Unreachable").await;
        with.push("--locked");
        fails(&ns, &with, "NotLocked").await;
    });
}

async fn fails(ns: &Namespace, arguments: &[&str], reason: &str) {
    let mut ork = Ork::run(ns.cluster(), arguments);
    let ork = std::cell::RefCell::new(&mut ork);
    let status = eventually("ork ends", LONG, async || ork.borrow_mut().ended().ok_or("it runs")).await;
    assert_eq!(status.code(), Some(1), "{}", ork.borrow().output());
    assert!(ork.borrow().output().contains(reason), "{}", ork.borrow().output());
}

#[test]
fn one_broken_import_does_not_keep_the_others_from_running() {
    with_namespace("broken", async |ns| {
        define(ns.cluster());
        let shop = Shop::open();
        // `no` is not there, and what is in `bad` has an override that does not fit its types.
        shop.komposer(
            "{url: REPO/postgres:v14}\n    - {url: REPO/no:v14}\n    - {url: REPO/postgres:v14, as: bad}",
            "spec: {crds: {bad/postgres: {operatorBox: {vars: {authKey: '{{ spec.nothing }}'}}}}}\n",
        );
        let path = |name: &str| shop.server.dir().join(name).to_str().unwrap().to_owned();
        let (komposer, cache, own, authority) = (path("komposer.yaml"), path("cache"), ns.own(), path("ca.pem"));
        let mut with = arguments(&ns, &own, &komposer, &cache);
        with.extend(["--ca-file", &authority]);
        let docker = shop.server.dir().to_str().unwrap().to_owned();
        let ork = Ork::run_with(ns.cluster(), &with, &[("DOCKER_CONFIG", &docker)]);
        ready(&ns).await;
        let said = ork.output();
        for part in ["does not run", "NotFound", "InvalidPattern", "NotLocked"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let metrics = metrics(&said);
        for (name, reason) in [("no", "NotFound"), ("bad", "InvalidPattern")] {
            let line = format!("orkestra_broken_imports{{pattern=\"{name}\",reason=\"{reason}\"}} 1");
            assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
        }
        ork.stop().await;
    });
}

/// The metrics of a runtime that said where it serves them.
fn metrics(said: &str) -> String {
    let address = said.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ork\r\nConnection: close\r\n\r\n").unwrap();
    io::read_to_string(stream).unwrap()
}

#[test]
fn what_is_vendored_runs_in_a_network_without_routes_but_the_api_servers() {
    let mut unshared = Command::new("unshare");
    unshared.args(["--net", "--", "ip", "link", "set", "lo", "up"]).stderr(Stdio::null());
    if !unshared.status().is_ok_and(|status| status.success()) {
        // Not by `eprintln!`, which the test harness keeps back; at the start of a line, where `test.sh` looks for it.
        let _ = io::stderr()
            .write_all(b"\nnot run: no network namespace (`unshare --net`, `ip`, and the right to use them)\n");
        return;
    }
    with_namespace("airgap", async |ns| {
        define(ns.cluster());
        let shop = Shop::open();
        shop.komposer("{url: REPO/postgres:v14}", "");
        shop.ork(&["lock"]).fine();
        shop.ork(&["vendor", "-o", "carried"]).fine();
        let path = |name: &str| shop.server.dir().join(name).to_str().unwrap().to_owned();
        let socket = path("api-server");
        let server = lead_out(ns.cluster(), &socket);
        let inside = |arguments: &[&str]| {
            // An earlier way out says nothing about this one.
            let _ = std::fs::remove_file(format!("{socket}.ready"));
            let mut command = Command::new("unshare");
            command
                .args(["--net", "--", "sh", "-c"])
                .arg("ip link set lo up; \"$0\" \"$1\" \"$2\" >/dev/null 2>&1 & until [ -e \"$2.ready\" ]; do sleep 0.05; done; shift 2; exec \"$@\"");
            command.arg(program("forward")).args([&server, &socket]).arg(program("ork")).args(arguments);
            command
        };
        let (komposer, artifacts, cache) = (path("carried/komposer.yaml"), path("carried/artifacts"), path("gap"));
        // The registry runs, and from in here it cannot be reached.
        let mut asking = inside(&["lock", "--check", "-f", &komposer, "--cache", &cache, "--ca-file", &path("ca.pem")]);
        let said = asking.env("DOCKER_CONFIG", shop.server.dir()).output().unwrap();
        assert!(String::from_utf8_lossy(&said.stderr).contains("Unreachable"), "{said:?}");
        let own = ns.own();
        let mut with = vec!["run"];
        with.extend(arguments(&ns, &own, &komposer, &cache));
        with.extend(["--locked", "--artifacts", &artifacts]);
        let ork = Ork::start(ns.cluster(), inside(&with));
        ready(&ns).await;
        ork.stop().await;
    });
}

/// A socket in the file system that leads to the API server, whose address it gives.
fn lead_out(cluster: &Cluster, socket: &str) -> String {
    let address = cluster.plane().server().trim_start_matches("https://").to_owned();
    let listener = UnixListener::bind(socket).unwrap();
    let to = address.clone();
    // It ends with this program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), Ok(out)) = (stream, TcpStream::connect(&to)) else { continue };
            thread::spawn(move || relay(&out, &stream));
        }
    });
    address
}
