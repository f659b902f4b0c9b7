//! The sandbox as `ork` starts it: code is generated in a confined child of itself, and kept in the user's cache.

use std::path::{Path, PathBuf};

use orkestra_sandbox::{ChildProgram, Compile, Sandbox, Settings};

use crate::error::Error;
use crate::output::Output;

/// The hidden subcommand that the compile child is started with.
pub(crate) const COMPILE_CHILD: &str = "internal-compile";

/// This program, to be started once more as a confined child.
pub(crate) fn this_program(subcommand: &str) -> Result<ChildProgram, Error> {
    let program =
        std::env::current_exe().map_err(|source| Error::Machine { what: "to say where ork itself is", source })?;
    Ok(ChildProgram { program, args: vec![subcommand.into()] })
}

/// Starts a sandbox. `cache` is a directory that the user named; none: the usual one, or no cache where that cannot be had.
pub(crate) fn start(cache: Option<&Path>, output: &Output) -> Result<Sandbox, Error> {
    let cache = match cache {
        Some(dir) => Some(dir.to_owned()),
        None => usual_cache(output),
    };
    let compile = Compile::Child(this_program(COMPILE_CHILD)?);
    let settings = Settings { compile, cache, ..Settings::default() };
    Sandbox::new(&settings).map_err(|error| Error::Sandbox(error.into()))
}

/// `ork/native` in the user's cache directory. A pod's read-only file system has none, and then every start compiles.
fn usual_cache(output: &Output) -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")))?;
    let dir = base.join("ork");
    if let Err(error) = std::fs::create_dir_all(&dir) {
        if output.verbose() > 0 {
            output.note(format_args!("compiled code is not kept: {}: {error}", dir.display()));
        }
        return None;
    }
    Some(dir.join("native"))
}
