//! A real registry for one test: TLS with its own authority, a password, and faults on command.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
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

/// A registry that runs, with what a client needs to reach it. It ends with its standard input, so also with this process.
pub(crate) struct Server {
    child: Child,
    pub(crate) host: String,
    control: String,
    dir: tempfile::TempDir,
}

impl Server {
    /// With the referrers API, and a password asked for by `Basic`.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        let (certificate, key) = (dir.path().join("ca.pem"), dir.path().join("server.key"));
        std::fs::write(&certificate, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut child = Command::new(programs().join("referrers-registry"))
            .arg("-certificate")
            .arg(&certificate)
            .arg("-key")
            .arg(&key)
            .args(options)
            .env("REGISTRY_USER", USER)
            .env("REGISTRY_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let ["listening", host, control] = words.as_slice() else { panic!("the registry said {line:?}") };
        let server = Self { child, host: (*host).to_owned(), control: (*control).to_owned(), dir };
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
        let auth = json!({"auths": {&self.host: {"auth": BASE64_STANDARD.encode(format!("{USER}:{password}"))}}});
        std::fs::write(self.dir().join("config.json"), auth.to_string()).unwrap();
    }

    /// The authority of the registry, as PEM.
    pub(crate) fn authority(&self) -> String {
        self.dir().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// Arms a fault; `referrers-registry` says which there are.
    pub(crate) fn fault(&self, fault: &Value) {
        self.control("POST", &fault.to_string());
    }

    /// Takes back what was armed.
    pub(crate) fn mend(&self) {
        self.control("DELETE", "");
    }

    fn control(&self, method: &str, body: &str) {
        let mut stream = TcpStream::connect(&self.control).unwrap();
        let head = format!(
            "{method} /fault HTTP/1.1\r\nHost: control\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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

    /// The user and password that are asked for.
    pub(crate) fn login() -> (&'static str, &'static str) {
        (USER, PASSWORD)
    }

    /// As [`Server::ork`], with further variables.
    pub(crate) fn ork_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ended {
        self.run(&mut self.ork_command(args))
    }

    /// Runs `ork` with something on its standard input.
    pub(crate) fn ork_input(&self, args: &[&str], input: &str) -> Ended {
        let mut command = self.ork_command(args);
        let command = self.prepared(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that ends without reading says why itself.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ended::of(child.wait_with_output().unwrap())
    }

    fn ork_command(&self, args: &[&str]) -> Command {
        let transport = match args[0] {
            "generate" | "logout" => vec![],
            _ => vec!["--ca-file".to_owned(), self.authority()],
        };
        let mut command = Command::new(program("ork"));
        command.args(args).args(transport);
        command
    }

    fn run(&self, command: &mut Command) -> Ended {
        Ended::of(self.prepared(command).stdin(Stdio::null()).output().unwrap())
    }

    fn prepared<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.dir())
            .env("SSL_CERT_FILE", self.authority())
            .env("DOCKER_CONFIG", self.dir())
            .env("COSIGN_PASSWORD", "test-password")
    }
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
