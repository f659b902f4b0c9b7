//! The compile child, from both sides.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::jail;
use super::protocol::{Kind, MAX_RESPONSE, Output, compile};
use crate::engine::compiling;
use crate::failure::LoadError;

/// Wall time for one compilation, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// How the compile child is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildProgram {
    /// The program: usually the running one.
    pub program: PathBuf,
    /// Arguments with which it calls [`compile_child_main`] and does nothing else before.
    pub args: Vec<OsString>,
}

/// Compiles in a child with no environment, in a directory that says nothing, with two pipes and nothing else open.
pub(super) fn run(program: &ChildProgram, kind: Kind, wasm: &[u8]) -> Result<Output, LoadError> {
    let failed = |what: &str, error: std::io::Error| LoadError::CompileFailed(format!("{what}: {error}"));
    let mut child = Command::new(&program.program)
        .args(&program.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&format!("{} could not be started", program.program.display()), error))?;
    let answer = exchange(&mut child, kind, wasm);
    if answer.is_none() {
        // It may have ended by itself already.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| failed("the compile child", error))?;
    let answer = answer.ok_or_else(|| LoadError::CompileFailed(format!("no code within {} s", PATIENCE.as_secs())))?;
    match Output::from_bytes(answer) {
        Some(Output::Failed(why)) => Err(LoadError::CompileFailed(format!("the compile child could not begin: {why}"))),
        Some(output) if status.success() => Ok(output),
        _ => Err(LoadError::CompileFailed(format!("the compile child ended without an answer ({status})"))),
    }
}

/// Writes the request and reads the answer at the same time; none if that takes too long.
fn exchange(child: &mut Child, kind: Kind, wasm: &[u8]) -> Option<Vec<u8>> {
    let (mut input, output) = (child.stdin.take()?, child.stdout.take()?);
    let (answered, answer) = mpsc::channel();
    thread::scope(|scope| {
        // A child that ended early closes the pipe, and its exit status tells why.
        scope.spawn(move || input.write_all(&[kind as u8]).and_then(|()| input.write_all(wasm)));
        scope.spawn(move || {
            let mut bytes = Vec::new();
            let read = output.take(MAX_RESPONSE).read_to_end(&mut bytes);
            answered.send(read.map(|_| bytes))
        });
        let bytes = answer.recv_timeout(PATIENCE).ok();
        if bytes.is_none() {
            // Ends the other two threads, whose pipes close with the child.
            let _ = child.kill();
        }
        bytes?.ok()
    })
}

/// The whole life of a compile child: confines itself, reads WebAssembly from standard input, writes native code to standard
/// output.
///
/// A program that starts itself again as its own compile child calls this first thing in `main`, before it reads
/// configuration or starts threads, and exits with the result.
pub fn compile_child_main() -> ExitCode {
    let output = child().unwrap_or_else(Output::Failed);
    let failed = matches!(output, Output::Failed(_));
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&output.to_bytes()).and_then(|()| stdout.flush());
    if failed || written.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn child() -> Result<Output, String> {
    let confinement = jail::confine()?;
    let mut request = Vec::new();
    std::io::stdin().lock().read_to_end(&mut request).map_err(|error| format!("its input: {error}"))?;
    let (kind, wasm) = request.split_first().ok_or("no input")?;
    let kind = Kind::from_byte(*kind).ok_or("no kind of WebAssembly")?;
    let engine = compiling().map_err(|error| format!("the code generator: {error:#}"))?;
    Ok(match compile(&engine, kind, wasm) {
        Ok(code) => Output::Compiled(confinement, code),
        Err(reason) => Output::Invalid(confinement, reason),
    })
}
