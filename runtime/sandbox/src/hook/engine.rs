//! The second engine: for code that its author wrote.

use wasmtime::{Config, Engine};

use crate::engine::{STACK, Ticker};
use crate::failure::LoadError;

/// Bytes of the stack that a call runs on: the guest's part and the host's.
const ASYNC_STACK: usize = STACK + (512 << 10);

/// The engine of all hooks, and the thread that makes their calls give back theirs.
pub(crate) struct Engines {
    pub(crate) hooks: Engine,
    _ticker: Ticker,
}

impl Engines {
    pub(crate) fn start() -> Result<Self, LoadError> {
        let mut config = code_config();
        // Memory is mapped for each call: there are few hooks, and their memories are large.
        config.async_stack_size(ASYNC_STACK);
        let hooks = Engine::new(&config).map_err(|error| LoadError::Internal(format!("{error:#}")))?;
        let ticker = Ticker::start(&hooks).map_err(|error| LoadError::Internal(error.to_string()))?;
        Ok(Engines { hooks, _ticker: ticker })
    }
}

/// What decides about generated code for hooks: as for patterns, but that fuel is counted.
pub(crate) fn code_config() -> Config {
    let mut config = crate::engine::code_config();
    config.consume_fuel(true);
    // A component of several components passes values between their memories, and the code for that has both.
    config.wasm_multi_memory(true);
    config
}
