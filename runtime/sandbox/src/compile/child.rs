//! The compile child, from both sides.

use std::process::ExitCode;
use std::time::Duration;

use super::protocol::{Kind, MAX_CODE, Output, compile};
use crate::confined::{self, Bounds, ChildProgram, Confinement};
use crate::engine::{code_config, compiling};
use crate::failure::LoadError;
use crate::hook;

/// For one compilation. A component takes a second or two of the processor and some hundred MiB; a hook that carries a JavaScript
/// engine, of 12 MB, takes twenty, which a slow machine does three times as long.
const BOUNDS: Bounds = Bounds {
    patience: Duration::from_secs(360),
    processor: Duration::from_secs(180),
    memory: 4 << 30,
    stack: 8 << 20,
    answer: 1 + MAX_CODE,
};

/// Compiles in a child.
pub(super) fn run(program: &ChildProgram, kind: Kind, wasm: &[u8]) -> Result<(Confinement, Output), LoadError> {
    let answer = confined::run(program, &[&[kind as u8], wasm], &BOUNDS).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        LoadError::CompileFailed(format!("{error}{cause}"))
    })?;
    match Output::from_bytes(answer.bytes) {
        Some(Output::Failed(why)) => Err(LoadError::CompileFailed(format!("the compile child could not begin: {why}"))),
        Some(output) => Ok((answer.confinement, output)),
        None => Err(LoadError::CompileFailed("the compile child answered with something else".to_owned())),
    }
}

/// The whole life of a compile child: [`confined::main`] with the code generator as its work.
pub fn compile_child_main() -> ExitCode {
    confined::main(&BOUNDS, |request| child(request).unwrap_or_else(Output::Failed).to_bytes())
}

fn child(request: &[u8]) -> Result<Output, String> {
    let (kind, wasm) = request.split_first().ok_or("no input")?;
    let kind = Kind::from_byte(*kind).ok_or("no kind of WebAssembly")?;
    let engine = match kind {
        Kind::Module | Kind::Component => compiling(code_config()),
        Kind::Hook => compiling(hook::code_config()),
    };
    let engine = engine.map_err(|error| format!("the code generator: {error:#}"))?;
    Ok(match compile(&engine, kind, wasm) {
        Ok(code) => Output::Compiled(code),
        Err(reason) => Output::Invalid(reason),
    })
}
