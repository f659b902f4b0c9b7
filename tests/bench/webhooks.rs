//! The webhooks that the benchmarks of conversion compare: ours with a pattern in the sandbox, as `ork run` has it, and one written in
//! Go with controller-runtime. Each is a process of its own.
#![allow(dead_code, reason = "each benchmark uses a part")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use orkestra_pattern::Source;
use orkestra_sandbox::{Limits, Pattern, Sandbox, Settings};
use orkestra_webhook::certificates::{Kept, Serving, Terms};
use orkestra_webhook::{Convert, Options, Refused, Routes, Server};

const KATALOG: &str = include_str!("go-webhook/pattern/katalog.yaml");
pub(crate) const CRD: &str = include_str!("go-webhook/pattern/crd.yaml");

/// Certificates for both, in a directory.
pub(crate) fn certificates(directory: &Path) -> Kept {
    let kept = Kept::new(&["127.0.0.1".to_owned()], SystemTime::now(), &Terms::default()).expect("certificates");
    for (name, bytes) in kept.data() {
        std::fs::write(directory.join(name), bytes).expect("a file");
    }
    kept
}

/// Started by itself, a benchmark is the server: a process of its own, whose memory can be told from the client's.
pub(crate) fn serves() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "serve");
    if let Some(at) = at {
        serve(Path::new(&arguments[at + 1]));
    }
    at.is_some()
}

/// A server in a process of its own.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn ours(directory: &Path) -> Self {
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

    pub(crate) fn go(program: &Path, directory: &Path) -> Self {
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

    /// The most memory that it had until now, in kB.
    pub(crate) fn peak(&self) -> u64 {
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

/// Builds the Go program; none where there is no Go.
pub(crate) fn build_go(directory: &Path) -> Option<PathBuf> {
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
    // Native code from a cache, as a runtime that is started again has it: the memory of a compiler is no part of a webhook's.
    let settings = Settings { cache: Some(directory.join("native")), ..Settings::default() };
    let sandbox = Sandbox::new(&settings).expect("a sandbox");
    let loaded = sandbox.load(&compiled.component, &[], Limits::default()).expect("the pattern");
    let routes = Arc::new(Routes::default());
    routes.convert.set("example.com", "Thing", Some(Arc::new(Sandboxed(loaded))));
    let mut data = BTreeMap::new();
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
