//! Why there is no control plane.

use std::path::{Path, PathBuf};

/// Why a control plane could not be found, built, started or spoken to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Programs are missing and a build was not allowed.
    #[error(
        "{} not found in {}\n\nhint: `devcluster build` builds them (ten minutes on two cores), or name a directory that holds all of them in KUBEBUILDER_ASSETS",
        .missing.join(", "), .searched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
    )]
    ProgramsMissing {
        /// The programs that are in none of the directories.
        missing: Vec<&'static str>,
        /// The directories that were looked at.
        searched: Vec<PathBuf>,
    },
    /// Programs have to be built, and there is no Go.
    #[error(
        "cannot build {}: the `go` command does not start ({source})\n\nhint: install Go 1.26 or newer, or name a directory that holds the programs in KUBEBUILDER_ASSETS",
        .missing.join(", ")
    )]
    GoMissing {
        /// The programs that would have been built.
        missing: Vec<&'static str>,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The Go tool ended with an error.
    #[error("`{command}` failed ({status}); its last lines:\n{tail}")]
    BuildFailed {
        /// The command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        tail: String,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which path.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A program did not start.
    #[error("cannot start {}: {source}", .program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No free port on loopback.
    #[error("no free port on 127.0.0.1 between {from} and {to}")]
    NoPort {
        /// The first port tried.
        from: u16,
        /// The port after the last one.
        to: u16,
    },
    /// A key or certificate could not be made.
    #[error("cannot make the control plane's certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// A part of the control plane ended while it was needed.
    #[error("{part} ended ({status}); the last lines of {}:\n{tail}", .log.display())]
    PartEnded {
        /// Which one.
        part: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of that log.
        tail: String,
    },
    /// Something did not happen in time.
    #[error("{what} is not ready after {seconds} s: {last}")]
    NotReady {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// The last answer.
        last: String,
    },
    /// A signal could not be sent.
    #[error("cannot signal {part} (process {pid}): {source}")]
    Signal {
        /// Which part.
        part: &'static str,
        /// Its process id.
        pid: u32,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// kubectl ended with an error.
    #[error("`kubectl {arguments}` failed: {stderr}")]
    Kubectl {
        /// The arguments, without those that say which cluster.
        arguments: String,
        /// What it printed.
        stderr: String,
    },
}

impl Error {
    /// One word for the kind of failure.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ProgramsMissing { .. } => "ProgramsMissing",
            Self::GoMissing { .. } => "GoMissing",
            Self::BuildFailed { .. } => "BuildFailed",
            Self::File { .. } => "FileError",
            Self::NotStarted { .. } => "NotStarted",
            Self::NoPort { .. } => "NoPort",
            Self::Certificates(_) => "CertificateError",
            Self::PartEnded { .. } => "PartEnded",
            Self::NotReady { .. } => "NotReady",
            Self::Signal { .. } => "SignalError",
            Self::Kubectl { .. } => "KubectlFailed",
        }
    }

    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
