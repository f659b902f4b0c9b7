//! Processes that do not outlive the one that started them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// How many lines of a part's log are shown when it ends.
const TAIL: usize = 15;

/// A shell that waits for this process to be gone and then ends what was started, and removes its data.
///
/// It holds the reading end of a pipe whose writing end only this process has, so it learns of every way there is to end:
/// return, panic, signal. Destructors alone would miss most of them.
#[derive(Debug)]
pub(crate) struct Watcher {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Watcher {
    /// Starts the shell. The files and directories of `remove` are removed at the end. They must be absolute paths.
    pub(crate) fn start<'a>(remove: impl IntoIterator<Item = &'a Path>) -> Result<Self, Error> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", include_str!("../assets/stop.sh"), "devcluster-stop"])
            .args(remove)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the terminal's process group, and this shell has work to do after it.
            .process_group(0)
            .spawn()
            .map_err(|source| Error::NotStarted { program: "/bin/sh".into(), source })?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    fn tell(&mut self, word: &str, pid: u32) -> Result<(), Error> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        writeln!(pipe, "{word} {pid}").map_err(|source| Error::NotStarted { program: "/bin/sh".into(), source })
    }

    /// Ends everything now.
    pub(crate) fn stop(&mut self, parts: &mut [Process]) {
        self.pipe = None;
        // The shell waits for processes to disappear, which they do when their parent has asked how they ended.
        for part in parts {
            let _ = part.child.wait();
        }
        let _ = self.child.wait();
    }
}

/// A running program with a log.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    program: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
}

impl Process {
    /// Starts `program` and tells the watcher. What it prints is appended to `log`.
    pub(crate) fn start(
        name: &'static str,
        program: PathBuf,
        arguments: Vec<OsString>,
        log: PathBuf,
        watcher: &mut Watcher,
    ) -> Result<Self, Error> {
        let child = spawn(&program, &arguments, &log, watcher)?;
        Ok(Self { name, child, program, arguments, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of the log, if the program has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(self.ended(status)),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    fn ended(&self, status: ExitStatus) -> Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        Error::PartEnded { part: self.name, status, log: self.log.clone(), tail }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).map_err(|errno| Error::Signal {
            part: self.name,
            pid: self.pid(),
            source: errno.into(),
        })
    }

    /// Kills the program, if it still runs, and waits for its end.
    pub(crate) fn kill(&mut self, watcher: &mut Watcher) -> Result<(), Error> {
        let pid = self.pid();
        let failed = |source| Error::Signal { part: self.name, pid, source };
        self.child.kill().map_err(failed)?;
        self.child.wait().map_err(failed)?;
        watcher.tell("ended", pid)
    }

    /// Starts the program again with the same arguments. The earlier process must have been killed.
    pub(crate) fn start_again(&mut self, watcher: &mut Watcher) -> Result<(), Error> {
        self.child = spawn(&self.program, &self.arguments, &self.log, watcher)?;
        Ok(())
    }
}

fn spawn(program: &Path, arguments: &[OsString], log: &Path, watcher: &mut Watcher) -> Result<Child, Error> {
    let output = File::options().create(true).append(true).open(log).map_err(Error::file("open", log))?;
    let errors = output.try_clone().map_err(Error::file("open", log))?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // The watcher's group: it ends what is in there even when it has not been told of it yet.
        .process_group(watcher.child.id().cast_signed())
        .spawn()
        .map_err(|source| Error::NotStarted { program: program.to_owned(), source })?;
    watcher.tell("started", child.id())?;
    Ok(child)
}

/// 128 random bits in hexadecimal, from the kernel.
pub(crate) fn random_hex() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::file("read", path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
