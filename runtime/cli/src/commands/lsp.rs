//! `ork lsp`: the language server.

use std::io;

use orkestra_pattern::cel::{DEEP_STACK, on_this_stack};

use crate::error::Error;
use crate::lsp;

/// What the server itself needs of its stack, beside what expressions do.
const OWN_STACK: usize = 16 << 20;

pub(crate) fn run() -> Result<(), Error> {
    let failed = |source: io::Error| Error::Machine { what: "a thread for the editor", source };
    // One stack for all expressions: a thread for each would take longer than the expression.
    let thread = std::thread::Builder::new().name("editor".to_owned()).stack_size(DEEP_STACK + OWN_STACK);
    let server = thread.spawn(|| on_this_stack(lsp::serve)).map_err(failed)?;
    match server.join() {
        Ok(ended) => Ok(ended?),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
