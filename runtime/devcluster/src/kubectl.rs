//! Speaking to the API server, through the kubectl that was built with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// A kubectl for one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) cache: PathBuf,
}

impl Kubectl {
    /// Runs it with `input` on its standard input and gives what it prints.
    ///
    /// Every request has a time limit: an API server that lost its etcd takes connections and never answers.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        let not_started = |source| Error::NotStarted { program: self.program.clone(), source };
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let mut child = Command::new(&self.program)
            .arg(option("kubeconfig", &self.kubeconfig))
            .arg(option("cache-dir", &self.cache))
            .arg("--request-timeout=5s")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A kubectl that ends without reading says why itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(not_started)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Kubectl { arguments: arguments.join(" "), stderr })
    }
}
