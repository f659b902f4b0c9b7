//! A real registry for one test: TLS with an authority of its own, a password, and with one of the two kinds faults on command.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use orkestra_artifact::http::PlainHttp;
use orkestra_artifact::{Credential, Credentials, HttpOptions, HttpRegistry, Secret};
use orkestra_tests::program;
use serde_json::{Value, json};

pub(crate) const USER: &str = "pusher";
pub(crate) const PASSWORD: &str = "a password: with a colon";

/// The directory of the registries' programs and of the clients, which are built where they are missing.
pub(crate) fn programs() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = base.or_else(|| Some(std::env::home_dir()?.join(".cache"))).expect("a home directory");
    orkestra_devcluster::find_or_build_registries(&cache, &|line| eprintln!("{line}"))
        .expect("the registries are built")
}

/// The password as a registry with `htpasswd` has it: bcrypt, which the Go library wrote at its lowest cost.
const HTPASSWD: &str = "pusher:$2a$04$XRHZ0pqBXRHR1UEEdtH6c.t70LWRNpbf6OyyEacIdOVOdrQ9RFyKO\n";

/// How long a registry may take until it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// The one authority of all registries of this program, so that a client may know two of them at once: certificate and key, as PEM.
fn authority() -> &'static (String, String) {
    static AUTHORITY: OnceLock<(String, String)> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let names = vec!["127.0.0.1".to_owned()];
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    })
}

/// A registry that runs, with what a client needs to reach it. It ends with its standard input, so also with this process.
pub(crate) struct Server {
    child: Child,
    pub(crate) host: String,
    /// Where faults are armed, of the registry that has some.
    control: Option<String>,
    dir: tempfile::TempDir,
}

impl Server {
    /// With the referrers API, and a password asked for by `Basic`.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        let dir = directory();
        let mut command = Command::new(programs().join("referrers-registry"));
        command.arg("-certificate").arg(dir.path().join("ca.pem")).arg("-key").arg(dir.path().join("server.key"));
        command.args(options).env("REGISTRY_USER", USER).env("REGISTRY_PASSWORD", PASSWORD);
        let log = File::create(dir.path().join("log")).unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let ["listening", host, control] = words.as_slice() else { panic!("the registry said {line:?}") };
        Self::ready(child, (*host).to_owned(), Some((*control).to_owned()), dir)
    }

    /// CNCF's distribution, as many run it: files in a directory, `htpasswd`, and no referrers API.
    pub(crate) fn distribution() -> Self {
        let dir = directory();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let config = json!({
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": path("storage")}},
            "http": {"addr": "127.0.0.1:0", "tls": {"certificate": path("ca.pem"), "key": path("server.key")}},
            "auth": {"htpasswd": {"realm": "distribution", "path": path("htpasswd")}},
        });
        std::fs::write(path("config.yml"), config.to_string()).unwrap();
        // It does not watch its standard input; the shell that starts it does.
        let watch = "\"$@\" & registry=$!; cat; kill $registry; wait";
        let mut command = Command::new("sh");
        command.args(["-c", watch, "sh"]).arg(programs().join("registry")).args(["serve", &path("config.yml")]);
        let log = File::create(path("log")).unwrap();
        let child = command
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let begin = Instant::now();
        let host = loop {
            let log = std::fs::read_to_string(path("log")).unwrap();
            let said = log.split_once("listening on ").and_then(|(_, rest)| rest.split_once(','));
            if let Some((host, _)) = said {
                break host.to_owned();
            }
            assert!(begin.elapsed() < STARTS_WITHIN, "the registry said {log}");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self::ready(child, host, None, dir)
    }

    fn ready(child: Child, host: String, control: Option<String>, dir: tempfile::TempDir) -> Self {
        let server = Self { child, host, control, dir };
        server.log_in(PASSWORD);
        server
    }

    /// Ends it, and keeps the directory.
    pub(crate) fn close(mut self) -> tempfile::TempDir {
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// A directory of the test.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Docker's configuration with this password.
    pub(crate) fn log_in(&self, password: &str) {
        self.log_in_at(&[&self.host], password);
    }

    /// Whoever knows this registry logs in to another one, too.
    pub(crate) fn log_in_also(&self, other: &Self) {
        self.log_in_at(&[&self.host, &other.host], PASSWORD);
    }

    fn log_in_at(&self, hosts: &[&str], password: &str) {
        let auth = json!({"auth": BASE64_STANDARD.encode(format!("{USER}:{password}"))});
        let auths: serde_json::Map<_, _> = hosts.iter().map(|host| ((*host).to_owned(), auth.clone())).collect();
        std::fs::write(self.dir().join("config.json"), json!({"auths": auths}).to_string()).unwrap();
    }

    /// The authority of the registry, as PEM.
    pub(crate) fn authority(&self) -> String {
        self.dir().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// A client of our own that logged in.
    pub(crate) fn registry(&self) -> HttpRegistry {
        let basic = Credential::Basic { username: USER.to_owned(), password: Secret::new(PASSWORD) };
        let registry = HttpRegistry::new(HttpOptions {
            plain_http: PlainHttp::Nowhere,
            ca_pems: vec![std::fs::read(self.authority()).unwrap()],
            credentials: Credentials::default().with(&self.host, basic),
            ..HttpOptions::default()
        });
        registry.unwrap()
    }

    /// Arms a fault; `referrers-registry` says which there are.
    pub(crate) fn fault(&self, fault: &Value) {
        self.control("POST /fault", &fault.to_string());
    }

    /// Takes back what was armed.
    pub(crate) fn mend(&self) {
        self.control("DELETE /fault", "");
    }

    /// The requests since this was last asked, each as `METHOD PATH`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.control("GET /requests", "").lines().map(str::to_owned).collect()
    }

    fn control(&self, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.control.as_ref().expect("a registry that has faults")).unwrap();
        let length = body.len();
        let head =
            format!("{request} HTTP/1.0\r\nHost: control\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.contains(" 200 "), "{answer}");
        body.to_owned()
    }

    /// Runs a client as a person would who logged in.
    pub(crate) fn client(&self, name: &str, args: &[&str]) -> Ended {
        self.run(Command::new(programs().join(name)).args(args))
    }

    /// Forgets who logged in.
    pub(crate) fn log_out(&self) {
        std::fs::remove_file(self.dir().join("config.json")).unwrap();
    }

    /// Runs `ork` as a person would who logged in.
    pub(crate) fn ork(&self, args: &[&str]) -> Ended {
        self.ork_with(args, &[])
    }

    /// As [`Server::ork`], with further variables.
    pub(crate) fn ork_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ended {
        self.run(self.ork_command(args).envs(variables.iter().copied()))
    }

    /// Runs `ork` with something on its standard input.
    pub(crate) fn ork_input(&self, args: &[&str], input: &str) -> Ended {
        let mut child = self.begin(&mut self.ork_command(args), Stdio::piped());
        // One that ends without reading says why itself.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ended::of(child.wait_with_output().unwrap())
    }

    /// Runs a command of `ork` that needs no registry.
    pub(crate) fn ork_alone(&self, args: &[&str]) -> Ended {
        self.run(Command::new(program("ork")).args(args))
    }

    /// Starts `ork` as a person would who logged in.
    pub(crate) fn spawn_ork(&self, args: &[&str]) -> Child {
        self.begin(&mut self.ork_command(args), Stdio::null())
    }

    /// Runs a program as a person would who logged in.
    pub(crate) fn run(&self, command: &mut Command) -> Ended {
        Ended::of(self.begin(command, Stdio::null()).wait_with_output().unwrap())
    }

    fn ork_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("ork"));
        command.args(args);
        if !matches!(args[0], "generate" | "logout") {
            command.args(["--ca-file", &self.authority()]);
        }
        command
    }

    fn begin(&self, command: &mut Command, input: Stdio) -> Child {
        command
            .current_dir(self.dir())
            .env("SSL_CERT_FILE", self.authority())
            .env("DOCKER_CONFIG", self.dir())
            .env("COSIGN_PASSWORD", "test-password")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// A directory with what a registry needs to speak TLS.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = authority();
    std::fs::write(dir.path().join("ca.pem"), certificate).unwrap();
    std::fs::write(dir.path().join("server.key"), key).unwrap();
    dir
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input anyway; waiting leaves nothing behind.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Fails unless it ended with success.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    /// Fails unless it ended with a problem of this reason.
    #[track_caller]
    pub(crate) fn refused(self, reason: &str) -> Self {
        assert_eq!(self.status, Some(1), "{self:#?}");
        assert!(self.stderr.contains(reason), "expected {reason}: {self:#?}");
        self
    }

    /// Fails unless it ended with this status.
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    /// Fails unless another program refused.
    #[track_caller]
    pub(crate) fn fails(self) -> Self {
        assert!(self.status.is_some_and(|status| status != 0), "{self:#?}");
        self
    }
}
