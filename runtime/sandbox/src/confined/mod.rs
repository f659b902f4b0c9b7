//! Work on bytes that nobody has vouched for, in a child process that can compute and answer, and nothing else.
//!
//! A program starts itself again ([`run`]) and calls [`main`] there before anything else. The child has no environment and no
//! descriptor but its three standard ones, and gives up files, sockets, processes and new privileges before it reads a byte. What
//! that limits is denial of service and what a fault in a parser can reach; the answer itself is as trustworthy as the code that
//! works it out, and its reader bounds and checks it like every foreign text.
//!
//! Over the pipe: the request up to its end; back, one byte for whether the child could begin, one for its confinement, and the
//! answer, or the reason why there is none, up to its end.

mod host;
mod jail;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) use host::keep_private;
pub use host::run;
pub use jail::{Confinement, Landlock};

/// How a confined child is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildProgram {
    /// The program: usually the running one.
    pub program: PathBuf,
    /// Arguments with which it calls [`main`] and does nothing else before.
    pub args: Vec<OsString>,
}

/// What one piece of work may take. Both sides are given the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Time on the clock, for the parent to wait, on a busy machine.
    pub patience: Duration,
    /// Time of the processor, in whole seconds.
    pub processor: Duration,
    /// Bytes of address space.
    pub memory: u64,
    /// Bytes of stack for the child's only thread.
    pub stack: u64,
    /// Bytes of the answer.
    pub answer: u64,
}

/// What a child answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How well it was confined.
    pub confinement: Confinement,
    /// At most [`Bounds::answer`] bytes.
    pub bytes: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is not there, or the machine does not start another process.
    #[error("{} could not be started", program.display())]
    NotStarted {
        /// Which.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The kernel did not take away what must be taken away. Nothing was read.
    #[error("the child could not be confined: {problem}")]
    NotConfined {
        /// Which step failed.
        problem: String,
    },
    /// It was ended.
    #[error("no answer within {} s", patience.as_secs())]
    TooSlow {
        /// How long was waited.
        patience: Duration,
    },
    /// It was ended.
    #[error("an answer of more than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// It ended by itself: out of memory or processor time, or by a fault.
    #[error("the child ended without an answer ({status})")]
    NoAnswer {
        /// In the system's words.
        status: String,
    },
    /// The machine does not do what it must.
    #[error("{what}")]
    Machine {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl Error {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "NotStarted",
            Self::NotConfined { .. } => "NotConfined",
            Self::TooSlow { .. } => "TooSlow",
            Self::TooLarge { .. } => "TooLarge",
            Self::NoAnswer { .. } => "NoAnswer",
            Self::Machine { .. } => "Machine",
        }
    }
}

const DONE: u8 = 0;
const NOT_CONFINED: u8 = 1;

/// The whole life of a child: confines itself, reads the request from standard input, does the work, writes the answer to standard
/// output.
///
/// A program that starts itself again calls this first thing in `main`, before it reads configuration or starts threads, and exits
/// with the result.
pub fn main(bounds: &Bounds, work: impl FnOnce(&[u8]) -> Vec<u8>) -> ExitCode {
    let (head, body) = match jail::confine(bounds).and_then(|confinement| Ok((confinement, request()?))) {
        Ok((confinement, request)) => ([DONE, confinement.to_byte()], work(&request)),
        Err(problem) => ([NOT_CONFINED, 0], problem.into_bytes()),
    };
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&head).and_then(|()| stdout.write_all(&body)).and_then(|()| stdout.flush());
    if head[0] == DONE && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The memory of the child bounds it.
fn request() -> Result<Vec<u8>, String> {
    let mut request = Vec::new();
    std::io::stdin().lock().read_to_end(&mut request).map_err(|error| format!("its input: {error}"))?;
    Ok(request)
}
