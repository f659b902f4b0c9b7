//! Conversion beside a webhook written in Go with controller-runtime, over TLS, in alternating rounds of one run: single objects
//! over one kept connection, many over sixteen, and lists with the memory that they take.
//!
//! Run it with `cargo bench --workspace --bench conversion`. The Go program is built from `go-webhook`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod webhooks;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use webhooks::{Process, build_go, certificates, serves};

/// Requests of a round, and rounds of each.
const SINGLES: usize = 400;
const ROUNDS: usize = 10;
/// Connections at once, and for how long.
const CONNECTIONS: usize = 16;
const BUSY: Duration = Duration::from_secs(2);

fn main() {
    if serves() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let kept = certificates(directory.path());
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
    for bytes in [600, 2_000, 10_000] {
        let review = review("v2", "v1", 1, bytes);
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
        println!(
            "{CONNECTIONS} connections, {:>5} bytes: {ours:.0} and {theirs:.0} a second, ratio {:.2}",
            review.len(),
            ours / theirs
        );
    }
}

fn lists(directory: &Path, go: &Path, tls: &Arc<ClientConfig>) {
    for count in [1_500, 10_000] {
        let (single, review) = (review("v2", "v1", 1, 10_000), review("v2", "v1", count, 10_000));
        let (mut times, mut memory, mut more): ([Vec<f64>; 2], [u64; 2], [u64; 2]) = Default::default();
        for _ in 0..3 {
            // Fresh processes, because a peak of memory is remembered.
            let processes = [Process::ours(directory), Process::go(go, directory)];
            for (((process, times), memory), more) in processes.iter().zip(&mut times).zip(&mut memory).zip(&mut more) {
                let mut connection = Connection::open(process.address, tls);
                // What one object takes, programs and libraries with it, is there before.
                connection.exchange(&single);
                let before = process.peak();
                let start = Instant::now();
                let answer = connection.exchange(&review);
                times.push(start.elapsed().as_secs_f64());
                assert!(
                    answer.len() > review.len() / 2,
                    "{}",
                    String::from_utf8_lossy(&answer[..answer.len().min(500)])
                );
                *memory = (*memory).max(process.peak());
                *more = (*more).max(process.peak() - before);
            }
        }
        let [ours, theirs] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!(
            "{count} objects in a review of {} MB: {ours:.2} s and {theirs:.2} s, rate {:.1} times; peak {} MB and {} MB, ratio {:.2}, of which for the list {} MB and {} MB, ratio {:.2}",
            review.len() / 1_000_000,
            theirs / ours,
            memory[0] / 1000,
            memory[1] / 1000,
            memory[0] as f64 / memory[1] as f64,
            more[0] / 1000,
            more[1] / 1000,
            more[0] as f64 / more[1] as f64
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
