//! Runs the binary in an environment that is the same everywhere, over copies of the shipped pattern.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.text(), self.stderr))
    }

    /// Fails unless the command ended so.
    #[track_caller]
    pub(crate) fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", String::from_utf8_lossy(&self.stdout), self.stderr);
        self
    }
}

/// Runs `ork` with these arguments.
pub(crate) fn ork<const N: usize>(args: [&str; N]) -> Ended {
    ork_with(args, &[])
}

/// Runs `ork` with these arguments and variables, and none that the caller of the tests happens to have.
pub(crate) fn ork_with<const N: usize>(args: [&str; N], variables: &[(&str, &str)]) -> Ended {
    ended(command(&args).envs(variables.iter().copied()).output().unwrap())
}

/// The same with as many arguments as there are.
pub(crate) fn ork_with_all(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    ended(command(args).envs(variables.iter().copied()).output().unwrap())
}

/// Runs `ork` in a directory.
pub(crate) fn ork_in(dir: &Path, args: &[&str]) -> Ended {
    ended(command(args).current_dir(dir).output().unwrap())
}

/// Runs `ork` with something on its standard input.
pub(crate) fn ork_input(args: &[&str], input: &str) -> Ended {
    ork_input_with(args, input, &[])
}

/// Runs `ork` with something on its standard input, and these variables.
pub(crate) fn ork_input_with(args: &[&str], input: &str, variables: &[(&str, &str)]) -> Ended {
    let mut command = command(args);
    command.envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that ends without reading says why itself.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    ended(child.wait_with_output().unwrap())
}

/// Starts `ork`, which writes what it prints into these files.
pub(crate) fn start(args: &[&str], stdout: std::fs::File, stderr: std::fs::File) -> std::process::Child {
    command(args).stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap()
}

/// Starts `ork`, to be spoken with.
pub(crate) fn talk(args: &[&str]) -> std::process::Child {
    command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn command(args: &[&str]) -> Command {
    let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ork"));
    command.args(args).env_clear().env("XDG_CACHE_HOME", cache);
    command
}

fn ended(output: Output) -> Ended {
    let Output { status, stdout, stderr } = output;
    let status = status.code().expect("ended by itself");
    Ended { status, stdout, stderr: String::from_utf8(stderr).unwrap() }
}

/// The shipped pattern.
pub(crate) fn postgres() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../patterns/postgres/v14").canonicalize().unwrap()
}

/// A copy of the shipped pattern.
pub(crate) struct Copy {
    dir: tempfile::TempDir,
}

impl Copy {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["crd.yaml", "katalog.yaml", "komposer.yaml", "cr.yaml", "README.md"] {
            std::fs::copy(postgres().join(name), dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    /// One that asks for `flow:metadata.name` and `flow:spec.authSecret`: whoever writes the resource chooses an account.
    pub(crate) fn asking() -> Self {
        let account = "serviceAccountName: \"{{ vars.authSecret }}\"";
        Self::new().edit("katalog.yaml", "automountServiceAccountToken: false", account)
    }

    /// The copy, with `put` in place of the first `find` of a file.
    pub(crate) fn edit(self, file: &str, find: &str, put: &str) -> Self {
        let path = self.file(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(find), "{find:?} is not in {file}");
        std::fs::write(&path, text.replacen(find, put, 1)).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
