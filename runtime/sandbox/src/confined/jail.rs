//! What a confined child gives up before it reads a byte of its request.

use std::collections::BTreeMap;
use std::fmt;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seccompiler::{SeccompAction, SeccompFilter};

use super::Bounds;

/// How well a child was confined. Resource limits, the loss of new privileges and the filter of system calls are there always: a
/// child that does not get them does no work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// No file can be opened by a path, no TCP port be reached.
    pub landlock: Landlock,
}

/// What the kernel gave of Landlock. The filter of system calls forbids the same things where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landlock {
    /// All that was asked for.
    Full,
    /// What an older kernel knows of it.
    Partial,
    /// Nothing: the kernel is too old, or was started without it.
    Missing,
}

impl Confinement {
    pub(super) fn to_byte(self) -> u8 {
        match self.landlock {
            Landlock::Full => 0,
            Landlock::Partial => 1,
            Landlock::Missing => 2,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let landlock = match byte {
            0 => Landlock::Full,
            1 => Landlock::Partial,
            2 => Landlock::Missing,
            _ => return None,
        };
        Some(Confinement { landlock })
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.landlock {
            Landlock::Full => "resource limits, seccomp, Landlock",
            Landlock::Partial => "resource limits, seccomp, part of Landlock",
            Landlock::Missing => "resource limits, seccomp; this kernel has no Landlock",
        })
    }
}

/// Confines the calling process, which has one thread, for the rest of its life. The error says which step failed.
pub(super) fn confine(bounds: &Bounds) -> Result<Confinement, String> {
    rustix::thread::set_no_new_privs(true).map_err(|error| format!("no new privileges: {error}"))?;
    let landlock = landlock().map_err(|error| format!("Landlock: {error}"))?;
    limit_resources(bounds).map_err(|error| format!("resource limits: {error}"))?;
    filter_system_calls()?;
    Ok(Confinement { landlock })
}

fn limit_resources(bounds: &Bounds) -> rustix::io::Result<()> {
    let limit = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    limit(Resource::Cpu, bounds.processor.as_secs())?;
    limit(Resource::As, bounds.memory)?;
    // The first thread's stack grows up to what is set here, whatever was set when the process began.
    let most = getrlimit(Resource::Stack).maximum.unwrap_or(bounds.stack);
    limit(Resource::Stack, bounds.stack.min(most))?;
    limit(Resource::Core, 0)?;
    // Not a byte into any file; the output is a pipe.
    limit(Resource::Fsize, 0)?;
    // No descriptor beyond the three that are there.
    limit(Resource::Nofile, 3)
}

/// Handles every right and grants none.
fn landlock() -> Result<Landlock, landlock::RulesetError> {
    let abi = ABI::V6;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::Missing,
    })
}

/// What a program needs that computes, allocates, and reads and writes what is open. No sockets, no paths, no processes, no
/// threads; everything else answers `EPERM`.
const ALLOWED: [libc::c_long; 29] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_fcntl,
    libc::SYS_getcwd,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
];

fn filter_system_calls() -> Result<(), String> {
    let failed = |error: &dyn fmt::Display| format!("filter of system calls: {error}");
    let arch = std::env::consts::ARCH.try_into().map_err(|error| failed(&format!("{error:?}")))?;
    let rules: BTreeMap<i64, Vec<_>> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    let deny = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, deny, SeccompAction::Allow, arch).map_err(|error| failed(&error))?;
    let program: seccompiler::BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| failed(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::*;

    /// Filter and Landlock bind the thread that asks for them, so a thread of its own shows what they forbid. Each thing is
    /// possible before.
    #[test]
    fn nothing_is_left_but_what_is_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let attempts = move || {
            [
                ("a file", File::open("/proc/self/status").map(drop)),
                ("a new file", File::create(std::env::temp_dir().join("orkestra-jail")).map(drop)),
                ("a connection", TcpStream::connect(address).map(drop)),
                ("a datagram socket", UdpSocket::bind("127.0.0.1:0").map(drop)),
                ("a pair of sockets", UnixStream::pair().map(drop)),
                ("a process", Command::new("/bin/true").status().map(drop)),
                ("a directory", std::fs::read_dir("/").map(drop)),
                ("a removed file", std::fs::remove_file(std::env::temp_dir().join("orkestra-jail"))),
            ]
        };
        for (what, result) in attempts() {
            result.unwrap_or_else(|error| panic!("{what}, before: {error}"));
        }
        let confined = std::thread::spawn(move || {
            rustix::thread::set_no_new_privs(true).unwrap();
            filter_system_calls().unwrap();
            attempts().map(|(what, result)| (what, result.map_err(|error| error.kind())))
        });
        for (what, result) in confined.join().unwrap() {
            assert_eq!(result, Err(ErrorKind::PermissionDenied), "{what}");
        }
    }

    #[allow(clippy::print_stderr, reason = "a test that did not run says so")]
    #[test]
    fn landlock_alone_forbids_files_and_connections_where_the_kernel_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let confined = std::thread::spawn(move || {
            let status = landlock().unwrap();
            (status, File::open("/proc/self/status").map(drop), TcpStream::connect(address).map(drop))
        });
        let (status, file, connection) = confined.join().unwrap();
        let denied = |result: std::io::Result<()>| result.err().map(|error| error.kind());
        match status {
            Landlock::Full => {
                assert_eq!(denied(file), Some(ErrorKind::PermissionDenied));
                assert_eq!(denied(connection), Some(ErrorKind::PermissionDenied));
            }
            Landlock::Partial => assert_eq!(denied(file), Some(ErrorKind::PermissionDenied)),
            Landlock::Missing => {
                // Says so instead of passing in silence: nothing was confined, so nothing was tested.
                eprintln!("NOT RUN: this kernel has no Landlock");
                assert!(file.is_ok() && connection.is_ok());
            }
        }
    }
}
