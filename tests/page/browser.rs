//! Chromium, driven by `look.mjs` under Node.js.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use orkestra_tests::{program, source_root};
use serde_json::Value;

/// The script at work. It is killed when dropped, and its browser with it.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Where npm installs, and where the pictures are: beside what cargo makes.
fn place() -> PathBuf {
    program("ork").ancestors().nth(2).expect("target/PROFILE/ork").join("page")
}

impl Browser {
    /// Whether all is there that it takes. Installs what comes from npm.
    pub(crate) fn is_there() -> bool {
        let missing = ["chromium", "node", "npm"].into_iter().find(|name| {
            let asked = Command::new(name).arg("--version").stdin(Stdio::null()).output();
            !asked.is_ok_and(|output| output.status.success())
        });
        if let Some(name) = missing {
            // Past the harness, which keeps back what a passing test prints.
            let _ = writeln!(std::io::stderr(), "not run: the page in a browser, as there is no {name}");
            return false;
        }
        install();
        true
    }

    /// Looks at a page until it shows that many patterns.
    pub(crate) fn start(url: &str, patterns: usize) -> Self {
        let mut command = Command::new("node");
        command.args(["look.mjs", url, &patterns.to_string()]).arg(place()).current_dir(place());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output }
    }

    /// What it has seen.
    pub(crate) fn seen(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("look.mjs says why above ({error}): {line:?}"))
    }

    /// What it sees when nobody answers any more.
    pub(crate) fn alone(&mut self) -> Value {
        self.input.write_all(b"alone\n").expect("it listens");
        self.seen()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn install() {
    let (from, place) = (source_root().join("tests/page"), place());
    std::fs::create_dir_all(&place).expect("a directory");
    for file in ["package.json", "package-lock.json", "look.mjs"] {
        std::fs::copy(from.join(file), place.join(file)).expect("a file of the tree");
    }
    let lock = std::fs::read(from.join("package-lock.json")).expect("a lock");
    if std::fs::read(place.join("installed")).ok().as_deref() == Some(&lock[..]) {
        return;
    }
    let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    let installed = Command::new("npm").args(arguments).current_dir(&place).stdin(Stdio::null()).output();
    let installed = installed.expect("npm runs");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    std::fs::write(place.join("installed"), &lock).expect("a file");
}
