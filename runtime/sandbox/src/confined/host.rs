//! The side of the parent.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::jail::Confinement;
use super::{Answer, Bounds, ChildProgram, DONE, Error, NOT_CONFINED};

/// How much of a reason is kept.
const MAX_REASON: usize = 4096;
/// The two bytes before the answer.
const HEAD: u64 = 2;

/// Gives a request, in parts, to a child with no environment, in a directory that says nothing, with two pipes and nothing else
/// open; and waits for its answer. From here on this process cannot be read by others: no debugger and no core dump.
///
/// # Errors
/// All of [`Error`].
pub fn run(program: &ChildProgram, request: &[&[u8]], bounds: &Bounds) -> Result<Answer, Error> {
    keep_private()?;
    let mut child = Command::new(&program.program)
        .args(&program.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| Error::NotStarted { program: program.program.clone(), source })?;
    let answer = exchange(&mut child, request, bounds);
    let too_large = answer.as_ref().is_some_and(|bytes| bytes.len() as u64 > bounds.answer + HEAD);
    if answer.is_none() || too_large {
        // It may have ended by itself already.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|source| Error::Machine { what: "waiting for the child", source })?;
    let bytes = answer.ok_or(Error::TooSlow { patience: bounds.patience })?;
    if too_large {
        return Err(Error::TooLarge { limit: bounds.answer });
    }
    let no_answer = || Error::NoAnswer { status: status.to_string() };
    match read(bytes).ok_or_else(no_answer)? {
        Ok(answer) if status.success() => Ok(answer),
        Ok(_) => Err(no_answer()),
        Err(problem) => Err(Error::NotConfined { problem }),
    }
}

/// A child that breaks out of its work must not read this process's memory.
pub(crate) fn keep_private() -> Result<(), Error> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| Error::Machine {
        what: "keeping this process from being read by others",
        source: error.into(),
    })
}

/// Writes the request and reads the answer at the same time; none if that takes too long.
fn exchange(child: &mut Child, request: &[&[u8]], bounds: &Bounds) -> Option<Vec<u8>> {
    let (mut input, output) = (child.stdin.take()?, child.stdout.take()?);
    let (answered, answer) = mpsc::channel();
    thread::scope(|scope| {
        // A child that ended early closes the pipe, and its exit status tells why.
        scope.spawn(move || request.iter().try_for_each(|part| input.write_all(part)));
        scope.spawn(move || {
            let mut bytes = Vec::new();
            let read: io::Result<_> = output.take(bounds.answer + HEAD + 1).read_to_end(&mut bytes);
            answered.send(read.map(|_| bytes))
        });
        let bytes = answer.recv_timeout(bounds.patience).ok();
        if bytes.is_none() {
            // Ends the other two threads, whose pipes close with the child.
            let _ = child.kill();
        }
        bytes?.ok()
    })
}

/// The answer, or why the child could not begin; none if these are not the bytes of a child.
fn read(mut bytes: Vec<u8>) -> Option<Result<Answer, String>> {
    let &[outcome, confinement, ..] = bytes.as_slice() else { return None };
    bytes.drain(..2);
    match outcome {
        DONE => Some(Ok(Answer { confinement: Confinement::from_byte(confinement)?, bytes })),
        NOT_CONFINED => Some(Err(String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_REASON)]).into_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::jail::Landlock;
    use super::*;

    #[test]
    fn answers_come_back() {
        for landlock in [Landlock::Full, Landlock::Partial, Landlock::Missing] {
            let answer = Answer { confinement: Confinement { landlock }, bytes: vec![1, 2, 3] };
            let sent = [&[DONE, answer.confinement.to_byte()], answer.bytes.as_slice()].concat();
            assert_eq!(read(sent), Some(Ok(answer)));
        }
        assert_eq!(read(b"\x01\0why".to_vec()), Some(Err("why".to_owned())));
    }

    const BOUNDS: Bounds = Bounds {
        patience: Duration::from_secs(20),
        processor: Duration::from_secs(1),
        memory: 1 << 30,
        stack: 8 << 20,
        answer: 100,
    };

    fn shell(script: &str, bounds: &Bounds) -> Result<Answer, Error> {
        let program = ChildProgram { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] };
        run(&program, &[b"a request, ", b"in parts"], bounds)
    }

    #[test]
    fn a_child_has_its_request_and_nothing_of_this_process() {
        let said = |script: &str| String::from_utf8(shell(script, &BOUNDS).unwrap().bytes).unwrap();
        assert_eq!(said(r"printf '\0\0'; exec cat"), "a request, in parts");
        assert!(std::env::vars_os().next().is_some(), "there is something to be inherited");
        assert_eq!(said(r"printf '\0\0'; cat /proc/$$/environ; :"), "");
        assert_eq!(said(r"printf '\0\0'; exec pwd"), "/\n");
    }

    #[test]
    fn every_end_without_an_answer_has_its_name() {
        let reason = |script: &str| shell(script, &BOUNDS).unwrap_err().reason();
        assert_eq!(reason("exit 0"), "NoAnswer");
        assert_eq!(reason(r"printf '\0\0half of it'; exit 1"), "NoAnswer");
        assert_eq!(reason(r"printf '\0\0half of it'; kill -9 $$"), "NoAnswer");
        assert_eq!(reason(r"printf '\1\0why'; exit 1"), "NotConfined");
        assert_eq!(reason("exec yes"), "TooLarge");
        let hasty = Bounds { patience: Duration::from_millis(50), ..BOUNDS };
        assert_eq!(shell("exec sleep 60", &hasty).unwrap_err().reason(), "TooSlow");
        let nowhere = ChildProgram { program: "/nowhere".into(), args: vec![] };
        assert_eq!(run(&nowhere, &[], &BOUNDS).unwrap_err().reason(), "NotStarted");
    }

    #[test]
    fn other_bytes_are_no_answer() {
        for bytes in [&b""[..], b"\0", b"\x03\0abc", b"\0\x09abc", b"Segmentation fault"] {
            assert!(read(bytes.to_vec()).is_none(), "{bytes:?}");
        }
    }
}
