//! Conversion beside a webhook written in Go with controller-runtime, over TLS, in alternating rounds of one run: single objects
//! over one kept connection, many over sixteen, and lists with the memory that they take.
//!
//! Run it with `cargo bench --workspace --bench conversion`. The Go program is built from `go-webhook`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use orkestra_pattern::Source;
use orkestra_sandbox::{Limits, Pattern, Sandbox, Settings};
use orkestra_webhook::certificates::{Kept, Serving, Terms};
use orkestra_webhook::{Convert, Options, Refused, Routes, Server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

const KATALOG: &str = include_str!("go-webhook/pattern/katalog.yaml");
const CRD: &str = include_str!("go-webhook/pattern/crd.yaml");

/// Requests of a round, and rounds of each.
const SINGLES: usize = 400;
const ROUNDS: usize = 10;
/// Connections at once, and for how long.
const CONNECTIONS: usize = 16;
const BUSY: Duration = Duration::from_secs(2);

fn main() {
    // Started by itself, it is the server: a process of its own, whose memory can be told from the client's.
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "serve") {
        return serve(Path::new(&arguments[at + 1]));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let kept = Kept::new(&["127.0.0.1".to_owned()], SystemTime::now(), &Terms::default()).expect("certificates");
    for (name, bytes) in kept.data() {
        std::fs::write(directory.path().join(name), bytes).expect("a file");
    }
    let Some(go) = build_go(directory.path()) else {
        println!("not run: the baseline is built with Go, which is not here");
        return;
    };
    let tls = Arc::new(client(kept.bundle()));
    let ours = Process::ours(directory.path());
    let theirs = Process::go(&go, directory.path());
    let both = [("orkestra", &ours), ("Go, controller-runtime", &theirs)];
    for (name, process) in both {
        let answer = Connection::open(process.address, &tls).send(&review("v1", "v2", 1, 600));
        let spec = &answer["response"]["convertedObjects"][0]["spec"];
        assert_eq!((&spec["instances"], &spec["storage"]["size"]), (&json!(3), &json!("1Gi")), "{name}: {answer}");
    }
    println!(
        "{} cores; both servers beside the client on one machine\n",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    singles(&both, &tls);
    rate(&both, &tls);
    lists(directory.path(), &go, &tls);
}

fn singles(both: &[(&str, &Process); 2], tls: &Arc<ClientConfig>) {
    for (from, to, bytes) in [("v1", "v2", 600), ("v2", "v1", 600), ("v2", "v1", 2_000), ("v2", "v1", 10_000)] {
        let review = review(from, to, 1, bytes);
        let mut times: [Vec<Duration>; 2] = Default::default();
        let mut connections = both.map(|(_, process)| Connection::open(process.address, tls));
        for _ in 0..ROUNDS {
            for (connection, times) in connections.iter_mut().zip(&mut times) {
                for _ in 0..SINGLES {
                    let start = Instant::now();
                    connection.exchange(&review);
                    times.push(start.elapsed());
                }
            }
        }
        let [ours, theirs] = times.map(|mut times| {
            times.sort_unstable();
            [times[times.len() / 2], times[times.len() * 99 / 100]].map(|time| time.as_secs_f64() * 1e6)
        });
        println!(
            "one object of {:>5} bytes, {from} to {to}: p50 {:>6.0} µs and {:>6.0} µs, ratio {:.2}; p99 {:>6.0} µs and {:>6.0} µs, ratio {:.2}",
            review.len(),
            ours[0],
            theirs[0],
            ours[0] / theirs[0],
            ours[1],
            theirs[1],
            ours[1] / theirs[1]
        );
    }
}

fn rate(both: &[(&str, &Process); 2], tls: &Arc<ClientConfig>) {
    let review = review("v2", "v1", 1, 2_000);
    let mut counts = [0_u64; 2];
    for _ in 0..3 {
        for ((_, process), count) in both.iter().zip(&mut counts) {
            let workers: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let (mut connection, review) = (Connection::open(process.address, tls), review.clone());
                    std::thread::spawn(move || {
                        let (start, mut count) = (Instant::now(), 0_u64);
                        while start.elapsed() < BUSY {
                            connection.exchange(&review);
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            *count += workers.into_iter().map(|worker| worker.join().expect("a worker")).sum::<u64>();
        }
    }
    let [ours, theirs] = counts.map(|count| count as f64 / (3.0 * BUSY.as_secs_f64()));
    println!("{CONNECTIONS} connections: {ours:.0} and {theirs:.0} a second, ratio {:.2}", ours / theirs);
}

fn lists(directory: &Path, go: &Path, tls: &Arc<ClientConfig>) {
    for count in [1_500, 10_000] {
        let review = review("v2", "v1", count, 10_000);
        let (mut times, mut memory): ([Vec<f64>; 2], [u64; 2]) = Default::default();
        for _ in 0..3 {
            // Fresh processes, because a peak of memory is remembered.
            let processes = [Process::ours(directory), Process::go(go, directory)];
            for ((process, times), memory) in processes.iter().zip(&mut times).zip(&mut memory) {
                let mut connection = Connection::open(process.address, tls);
                let start = Instant::now();
                let answer = connection.exchange(&review);
                times.push(start.elapsed().as_secs_f64());
                assert!(
                    answer.len() > review.len() / 2,
                    "{}",
                    String::from_utf8_lossy(&answer[..answer.len().min(500)])
                );
                *memory = (*memory).max(process.peak());
            }
        }
        let [ours, theirs] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!(
            "{count} objects in a review of {} MB: {ours:.2} s and {theirs:.2} s, rate {:.1} times; peak {} MB and {} MB, ratio {:.2}",
            review.len() / 1_000_000,
            theirs / ours,
            memory[0] / 1000,
            memory[1] / 1000,
            memory[0] as f64 / memory[1] as f64
        );
    }
}

/// A review of so many objects, each of about so many bytes.
fn review(from: &str, to: &str, count: usize, bytes: usize) -> Vec<u8> {
    let objects: Vec<Value> = (0..count).map(|number| object(from, number, bytes)).collect();
    let review = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
        "request": {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "desiredAPIVersion": format!("example.com/{to}"), "objects": objects}});
    review.to_string().into_bytes()
}

fn object(version: &str, number: usize, bytes: usize) -> Value {
    let item = |n: usize| json!({"name": format!("item-{n:04}"), "value": "some text of this item"});
    let items: Vec<Value> = (0..bytes / 60).map(item).collect();
    let spec = match version {
        "v1" => {
            json!({"replicas": 3, "storageSize": "1Gi", "storageClass": "fast", "cpu": "1", "memory": "1Gi", "items": items})
        }
        _ => {
            json!({"instances": 3, "storage": {"size": "1Gi", "class": "fast"}, "resources": {"cpu": "1", "memory": "1Gi"}, "items": items})
        }
    };
    json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing",
        "metadata": {"name": format!("x{number}"), "namespace": "default", "uid": format!("u{number}"), "labels": {"a": "b"}},
        "spec": spec, "status": {"observedGeneration": 1}})
}

/// A server in a process of its own.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn ours(directory: &Path) -> Self {
        let program = std::env::current_exe().expect("a bench knows where it is");
        let mut child = Command::new(program)
            .args(["serve".as_ref(), directory.as_os_str()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("an address");
        Self { child, address: line.trim().parse().expect("an address") }
    }

    fn go(program: &Path, directory: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let (certificate, key) = (directory.join("tls.crt"), directory.join("tls.key"));
        let child = Command::new(program)
            .arg("-listen")
            .arg(address.to_string())
            .arg("-cert")
            .arg(certificate)
            .arg("-key")
            .arg(key)
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the Go webhook does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address }
    }

    /// The most memory that it had, in kB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that is kept.
struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    fn open(address: SocketAddr, tls: &Arc<ClientConfig>) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        let name = ServerName::IpAddress(address.ip().into());
        Self(StreamOwned::new(ClientConnection::new(tls.clone(), name).expect("a client"), stream))
    }

    fn send(&mut self, review: &[u8]) -> Value {
        serde_json::from_slice(&self.exchange(review)).expect("an answer")
    }

    /// Sends a review and gives the body of the answer.
    fn exchange(&mut self, review: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST /convert HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            review.len()
        );
        let request = [head.as_bytes(), review].concat();
        self.0.write_all(&request).expect("it is sent");
        self.0.flush().expect("it is sent");
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 256 << 10]);
        let body = loop {
            let read = self.0.read(&mut buffer).expect("an answer");
            assert!(read > 0, "the connection ended");
            bytes.extend_from_slice(&buffer[..read]);
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..body]).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        if let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
            let length: usize = length.parse().expect("a length");
            while bytes.len() < body + length {
                let read = self.0.read(&mut buffer).expect("an answer");
                assert!(read > 0, "the connection ended");
                bytes.extend_from_slice(&buffer[..read]);
            }
            return bytes.split_off(body);
        }
        // In chunks: the whole of it is there when the last one, of no length, is.
        while !bytes.ends_with(b"\r\n0\r\n\r\n") {
            let read = self.0.read(&mut buffer).expect("an answer");
            assert!(read > 0, "the connection ended");
            bytes.extend_from_slice(&buffer[..read]);
        }
        let (mut rest, mut whole) = (&bytes[body..], Vec::new());
        while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
            let length = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).expect("a chunk");
            whole.extend_from_slice(&rest[end + 2..end + 2 + length]);
            rest = &rest[end + 2 + length + 2..];
            if length == 0 {
                break;
            }
        }
        whole
    }
}

fn client(bundle: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
    config.with_root_certificates(roots).with_no_client_auth()
}

fn build_go(directory: &Path) -> Option<PathBuf> {
    let program = directory.join("go-webhook");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/go-webhook");
    let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source).status();
    built.is_ok_and(|status| status.success()).then_some(program)
}

/// The sandbox behind the webhook's own server, as `ork run` has it.
fn serve(directory: &Path) {
    let source = Source::new().with("katalog.yaml", KATALOG.as_bytes()).with("crd.yaml", CRD.as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    let pattern = pattern.unwrap_or_else(|| panic!("{problems:#?}"));
    let compiled = orkestra_compile::compile(&pattern).unwrap();
    let sandbox = Sandbox::new(&Settings::default()).expect("a sandbox");
    let loaded = sandbox.load(&compiled.component, &[], Limits::default()).expect("the pattern");
    let routes = Arc::new(Routes::default());
    routes.set("example.com", "Thing", Arc::new(Sandboxed(loaded)));
    let mut data = std::collections::BTreeMap::new();
    for name in ["tls.crt", "tls.key", "ca.crt", "ca.key", "state.json"] {
        data.insert(name.to_owned(), std::fs::read(directory.join(name)).expect("a file"));
    }
    let serving = Arc::new(Serving::default());
    serving.put(Kept::read(&data).expect("certificates").certified().expect("a key"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = Server::start(listener, Options::default(), routes, serving).expect("a server");
    println!("{}", server.address());
    std::io::stdout().flush().expect("a pipe");
    loop {
        std::thread::park();
    }
}

struct Sandboxed(Pattern);

impl Convert for Sandboxed {
    fn convert(&self, version: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
        let refused =
            |failure: orkestra_sandbox::Failure| Refused { reason: failure.reason(), message: failure.to_string() };
        let results = self.0.convert("thing", version, objects).map_err(refused)?;
        Ok(results.into_iter().map(|result| result.map(|made| made.object).map_err(refused)).collect())
    }
}
