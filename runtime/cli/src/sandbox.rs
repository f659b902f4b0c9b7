//! The sandbox as `ork` starts it: code is generated in a confined child of itself, and kept in the user's cache.

use std::path::Path;

use orkestra_sandbox::capability::Network;
use orkestra_sandbox::{ChildProgram, Compile, Sandbox, Settings};

use crate::cache;
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

/// Starts a sandbox. `cache` is a directory that the user named; none: the usual one, or no cache where that cannot be
/// had.
pub(crate) fn start(cache: Option<&Path>, output: &Output) -> Result<Sandbox, Error> {
    start_with(cache, None, output)
}

/// The same, with a way out for hooks.
pub(crate) fn start_with(cache: Option<&Path>, network: Option<Network>, output: &Output) -> Result<Sandbox, Error> {
    let cache = cache::directory(cache).map(|directory| directory.join("native"));
    if cache.is_none() && output.verbose() > 0 {
        output.note("compiled code is not kept: there is no place for a cache");
    }
    let compile = Compile::Child(this_program(COMPILE_CHILD)?);
    let settings = Settings { compile, cache, network, ..Settings::default() };
    Sandbox::new(&settings).map_err(|error| Error::Sandbox(error.into()))
}
