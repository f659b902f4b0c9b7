//! `ork build`: a pattern directory to its component.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::args::{Build, Emit};
use crate::error::Error;
use crate::output::{Output, escape, role, size};
use crate::pattern_dir::{PatternDir, shown};
use crate::{hooks, manifests, sandbox};

pub(crate) fn run(args: &Build, output: &Output) -> Result<(), Error> {
    let pattern = PatternDir::read(&args.dir)?.checked(output)?;
    if args.hooks {
        let sandbox = sandbox::start_with(None, Some(hooks::network()?), output)?;
        let component = hooks::build(&args.dir, &pattern, &sandbox)?;
        let target = args.dir.join(hooks::FILE);
        replace(&target, &component)?;
        output.done("Built", format_args!("{} of {}", shown(&target), size(component.len())));
    }
    let text = match args.emit {
        Emit::Manifests => manifests::of(&pattern)?,
        Emit::Program => {
            let program = orkestra_compile::lower(&pattern).map_err(|error| Error::Compile(error.into()))?;
            crate::program_text::of(&program)
        }
        Emit::Wasm => {
            let compiled = orkestra_compile::compile(&pattern).map_err(|error| Error::Compile(error.into()))?;
            let target = args.output.clone().unwrap_or_else(|| args.dir.join("pattern.wasm"));
            let place = write(&target, &compiled.component, output)?;
            let name = format!("{} {}", escape(&pattern.name), pattern.version);
            output.done("Built", format_args!("{b}{name}{b:#}{place}", b = role::NAME));
            let engine = orkestra_component::engine();
            for (what, value) in [
                (
                    "size",
                    format!("{}, {} of them the program", size(compiled.component.len()), size(compiled.program.len())),
                ),
                ("digest", format!("sha256:{}", digest(&compiled.component))),
                ("engine", format!("{} sha256:{}", engine.version, engine.digest)),
            ] {
                output.note(format_args!("  {s}{what:<6}{s:#} {value}", s = role::FAINT));
            }
            return Ok(());
        }
    };
    match &args.output {
        Some(target) => write(target, text.as_bytes(), output).map(drop),
        // On a terminal the pattern's own text is shown, not obeyed; in a pipe it is data.
        None if std::io::stdout().is_terminal() => output.data(&escape(&text)),
        None => output.bytes(text.as_bytes()),
    }
}

/// Writes a file at once, so that nobody reads half of it; gives the words for where it went.
fn write(target: &Path, bytes: &[u8], output: &Output) -> Result<String, Error> {
    if target == Path::new("-") {
        if std::io::stdout().is_terminal() && bytes.starts_with(b"\0asm") {
            return Err(Error::Unusable {
                problem: "a component is no text, and stdout is a terminal".to_owned(),
                hint: Some("pipe it somewhere, or name a file".to_owned()),
            });
        }
        output.bytes(bytes)?;
        return Ok(String::new());
    }
    replace(target, bytes)?;
    Ok(format!(" to {}", shown(target)))
}

/// Puts a whole file in the place of what is there.
pub(crate) fn replace(target: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part: PathBuf = target.with_file_name(name);
    let mode = target.metadata().map(|metadata| metadata.permissions());
    let written = std::fs::write(&part, bytes)
        // Who may read and write what is there may do so afterwards.
        .and_then(|()| mode.map_or(Ok(()), |mode| std::fs::set_permissions(&part, mode)))
        .and_then(|()| std::fs::rename(&part, target));
    if written.is_err() {
        // What failed is told; a part that is left over would be a second surprise.
        let _ = std::fs::remove_file(&part);
    }
    written.map_err(|source| Error::Write { path: target.to_owned(), source })
}

/// SHA-256, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
