//! The `ork` program, run as a user runs it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::Cluster;
use crate::{LONG, SHORTLY, eventually};

/// The program `name` that was built with these tests.
///
/// Cargo tells a test where the programs of its own package are, not those of others: but all lie in one directory, and
/// `cargo test --workspace` builds them all.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let program = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps").join(name);
    assert!(
        program.is_file(),
        "{} is not built: `cargo build --workspace --bin {name} --test tidy` builds it",
        program.display()
    );
    program
}

/// What another command of `ork` printed, and how it ended.
#[must_use]
pub fn ork(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("ork"));
    command.args(arguments).env("KUBECONFIG", cluster.plane().kubeconfig()).stdin(Stdio::null());
    command.output().expect("ork runs")
}

/// A running `ork run`. It is killed when dropped.
pub struct Ork {
    child: Child,
    log: PathBuf,
}

impl Ork {
    /// Starts `ork run ARGUMENTS` against the cluster of the tests, that is, with its kubeconfig.
    #[must_use]
    pub fn run(cluster: &Cluster, arguments: &[&str]) -> Self {
        Self::run_with(cluster, arguments, &[])
    }

    /// The same, to end at a failpoint: `before-apply=2`.
    #[must_use]
    pub fn run_armed(cluster: &Cluster, arguments: &[&str], failpoint: Option<&str>) -> Self {
        let variables: Vec<_> = failpoint.map(|failpoint| ("ORK_FAILPOINT", failpoint)).into_iter().collect();
        Self::run_with(cluster, arguments, &variables)
    }

    /// The same with further variables.
    #[must_use]
    pub fn run_with(cluster: &Cluster, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program("ork"));
        command.arg("run").args(arguments).envs(variables.iter().copied());
        Self::start(cluster, command)
    }

    /// A command that becomes `ork run`, with the cluster's kubeconfig.
    #[must_use]
    pub fn start(cluster: &Cluster, mut command: Command) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let log = cluster.plane().data().join(format!("ork-{}.log", NEXT.fetch_add(1, Ordering::Relaxed)));
        let output = File::create(&log).expect("a log file");
        let child = command
            .env("KUBECONFIG", cluster.plane().kubeconfig())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log file"))
            .stderr(output)
            .spawn()
            .expect("ork starts");
        Self { child, log }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until it has printed something.
    pub async fn says(&self, what: &str) {
        eventually(&format!("ork says {what}"), LONG, async || match self.output() {
            output if output.contains(what) => Ok(()),
            output => Err(output),
        })
        .await;
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("ork is our child")
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    pub async fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("ork runs");
        let child = std::sync::Mutex::new(&mut self.child);
        eventually("ork stops on SIGTERM", SHORTLY, async || {
            child.lock().expect("no panic before").try_wait().expect("ork is our child").ok_or("it still runs")
        })
        .await
    }
}

#[allow(clippy::print_stdout, reason = "what a test that fails is told with")]
impl Drop for Ork {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("ork said:\n{}", self.output());
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
