//! `ork dev` as a person uses it: a control plane of its own, saves that are good and bad, and an end without remains.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a test's way to fail")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use orkestra_tests::{LONG, SHORTLY, eventually, program};
use rustix::process::{Pid, Signal, kill_process};

/// A running `ork dev`. It is killed when dropped, and its control plane ends with it.
struct Dev {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Dev {
    fn start(dir: &Path, temporary: &Path) -> Self {
        let (stdout, stderr) = (temporary.join("stdout"), temporary.join("stderr"));
        let child = Command::new(program("ork"))
            .arg("dev")
            .arg(dir)
            .env("TMPDIR", temporary)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .expect("ork starts");
        Self { child, stdout, stderr }
    }

    fn said(&self) -> String {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        format!("{}{}", read(&self.stdout), read(&self.stderr))
    }

    /// Waits until it has said something `times` times.
    async fn says(&self, what: &str, times: usize) {
        let probe = async || match self.said() {
            said if said.matches(what).count() >= times => Ok(()),
            said => Err(said),
        };
        eventually(&format!("ork dev says {what:?}"), LONG, probe).await;
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn edit(path: &Path, find: &str, put: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(find), "{find:?} is not in {}", path.display());
    std::fs::write(path, text.replacen(find, put, 1)).unwrap();
}

#[test]
fn a_good_save_is_taken_over_and_a_bad_one_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("guestbook");
    let made = Command::new(program("ork")).arg("init").arg(&dir).status().unwrap();
    assert!(made.success());
    let mut dev = Dev::start(&dir, temporary.path());
    runtime.block_on(async {
        dev.says("Guestbook default/example: Ready=True", 1).await;
        dev.says("Deployment default/example-deployment: ready", 1).await;

        edit(&dir.join("katalog.yaml"), "spec.replicas", "spec.replica");
        dev.says("did you mean `replicas`?", 1).await;
        edit(&dir.join("katalog.yaml"), "spec.replica ", "spec.replicas ");
        dev.says("katalog.yaml: taken over", 1).await;

        // Another child is there as soon as the Katalog has it.
        let config = "          configMaps:\n            - {id: extra, data: {a: b}}\n        # Fields below .status.";
        edit(&dir.join("katalog.yaml"), "        # Fields below .status.", config);
        dev.says("ConfigMap default/example-config: ready", 1).await;

        // The resource is a file as well.
        edit(&dir.join("cr.yaml"), "replicas: 2", "replicas: 60");
        dev.says("cr.yaml is refused", 1).await;
        edit(&dir.join("cr.yaml"), "replicas: 60", "replicas: 3");
        dev.says("cr.yaml: taken over", 1).await;

        kill_process(Pid::from_child(&dev.child), Signal::INT).unwrap();
        let child = std::sync::Mutex::new(&mut dev.child);
        let ended = async || child.lock().unwrap().try_wait().unwrap().ok_or("it still runs");
        let status = eventually("ork dev stops on Ctrl-C", SHORTLY, ended).await;
        assert_eq!(status.code(), Some(0));
        let data = async || {
            let left = std::fs::read_dir(temporary.path()).unwrap().map(|item| item.unwrap().file_name());
            let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("orkestra-devcluster")).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        };
        eventually("nothing is left behind", SHORTLY, data).await;
    });
}
