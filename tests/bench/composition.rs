//! What it costs to come from a registry: one pattern pulled, verified and compiled until it could serve, and ten from a warm cache.
//!
//! A real registry behind TLS and a password on loopback, real signatures. Native code is generated in this process; `ork run` does
//! that in a child, which adds the start of a process. Run it with `cargo bench --workspace --bench composition`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]
#![allow(dead_code, reason = "the suite `registry` uses the rest of the server")]

#[path = "../registry/server.rs"]
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use orkestra_artifact::signature::PublicKey;
use orkestra_artifact::trust::{TrustEntry, TrustPolicy};
use orkestra_artifact::{Cache, Cached, Reference, Role, Silent};
use orkestra_komposer::fetch::{Pin, Wanted, fetch};
use orkestra_pattern::Source;
use orkestra_sandbox::{Limits, Pattern, Sandbox, Settings};
use orkestra_tests::{program, source_root};
use server::Server;

const PATTERNS: usize = 10;
const SAMPLES: usize = 9;

fn main() {
    if !Path::new(&program("ork")).exists() {
        panic!("build ork first");
    }
    let server = Server::start();
    server.ork(&["generate", "key", "-o", "ours"]).fine();
    let references: Vec<Reference> = (0..PATTERNS).map(|index| push(&server, index)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let key = std::fs::read_to_string(server.dir().join("ours.pub")).unwrap();
    let trust = TrustPolicy {
        entries: vec![TrustEntry {
            pattern: format!("{}/**", server.host).parse().unwrap(),
            keys: vec![PublicKey::from_pem(&key).unwrap()],
            quorum: std::num::NonZeroUsize::MIN,
            max_age: None,
        }],
    };
    // The engine is compiled once for all patterns, with the first one.
    let running = Sandbox::new(&Settings::default()).expect("a sandbox");
    let somewhere = tempfile::tempdir().unwrap();
    let first = runtime.block_on(contents(&server, somewhere.path(), &references[1], &trust));
    let first = load(&running, &first);
    let mut rows: [(&str, Vec<Duration>); 5] = [
        ("one pattern in a running process, from its files", Vec::new()),
        ("one pattern in a running process: pull, verify, compile", Vec::new()),
        ("one pattern, at the first start on a machine", Vec::new()),
        ("ten patterns, at the first start on a machine", Vec::new()),
        ("ten patterns, from a warm cache", Vec::new()),
    ];
    for _ in 0..SAMPLES {
        let ten = tempfile::tempdir().unwrap();
        let files = runtime.block_on(contents(&server, somewhere.path(), &references[0], &trust));
        for (row, work) in rows.iter_mut().zip([
            &(|| drop(load(&running, &files))) as &dyn Fn(),
            &|| {
                let empty = tempfile::tempdir().unwrap();
                drop(load(&running, &runtime.block_on(contents(&server, empty.path(), &references[0], &trust))));
            },
            &|| {
                let empty = tempfile::tempdir().unwrap();
                let files = runtime.block_on(contents(&server, empty.path(), &references[0], &trust));
                drop(load(&sandbox(empty.path()), &files));
            },
            &|| all(&runtime, &server, ten.path(), &references, &trust),
            &|| all(&runtime, &server, ten.path(), &references, &trust),
            &|| all(&runtime, &server, ten.path(), &references, &trust),
        ]) {
            let begin = Instant::now();
            work();
            row.1.push(begin.elapsed());
        }
    }
    drop(first);
    let mut base = None;
    println!("{:<58} {:>9} {:>9} {:>9} {:>7}", "", "median", "fastest", "slowest", "ratio");
    for (name, samples) in &mut rows {
        samples.sort_unstable();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let median = milliseconds(samples[SAMPLES / 2]);
        let base = *base.get_or_insert(median);
        println!(
            "{name:<58} {median:>6.1} ms {:>6.1} ms {:>6.1} ms {:>7.2}",
            milliseconds(samples[0]),
            milliseconds(samples[SAMPLES - 1]),
            median / base
        );
    }
}

/// The shipped pattern under another name and with an entry of another cost in each, pushed and signed.
fn push(server: &Server, index: usize) -> Reference {
    let name = format!("postgres{index}");
    let directory = server.dir().join(&name);
    std::fs::create_dir(&directory).unwrap();
    for file in ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"] {
        let text = std::fs::read_to_string(source_root().join("patterns/postgres/v14").join(file)).unwrap();
        let text = match file {
            "katalog.yaml" => text
                .replace("  name: postgres\n", &format!("  name: {name}\n"))
                .replace("-auth'", &format!("-auth{index}'")),
            _ => text,
        };
        std::fs::write(directory.join(file), text).unwrap();
    }
    let reference = format!("{}/bench/{name}", server.host);
    server.ork(&["push", "--no-test", &reference, directory.to_str().unwrap()]).fine();
    let reference = format!("{reference}:v14.2.0");
    server.ork(&["sign", &reference, "--key", "ours.key"]).fine();
    reference.parse().unwrap()
}

fn sandbox(cache: &Path) -> Sandbox {
    let settings = Settings { cache: Some(cache.join("native")), ..Settings::default() };
    Sandbox::new(&settings).expect("a sandbox")
}

/// What `ork run` reads of a pattern.
type Files = [(&'static str, Vec<u8>); 2];

async fn contents(server: &Server, cache: &Path, reference: &Reference, trust: &TrustPolicy) -> Files {
    let registry = Cached::new(server.registry(), Cache::open(&cache.join("artifacts")).unwrap());
    let wanted = Wanted {
        reference,
        range: None,
        pin: Pin::Anew { before: None, allow_downgrade: false },
        trust: std::slice::from_ref(trust),
        now: 0,
    };
    let fetched = fetch(&registry, wanted, &Silent).await.unwrap();
    assert_eq!(fetched.signers.len(), 1);
    [Role::Katalog, Role::Crd].map(|role| (role.title(), fetched.contents[&role].to_vec()))
}

fn load(sandbox: &Sandbox, files: &Files) -> Pattern {
    let source = files.iter().fold(Source::new(), |source, (name, bytes)| source.with(*name, bytes));
    let pattern = orkestra_pattern::check(&source).0.expect("a pattern");
    let compiled = orkestra_compile::compile(&pattern).expect("a component");
    sandbox.load(&compiled.component, &[], Limits::default()).expect("it loads")
}

fn all(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    cache: &Path,
    references: &[Reference],
    trust: &TrustPolicy,
) {
    let each = references.iter().map(|reference| contents(server, cache, reference, trust));
    let files = runtime.block_on(futures::future::join_all(each));
    let sandbox = sandbox(cache);
    let loaded: Vec<_> = files.iter().map(|files| load(&sandbox, files)).collect();
    assert_eq!(loaded.len(), PATTERNS);
}
