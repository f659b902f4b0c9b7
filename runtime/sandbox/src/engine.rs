//! The one wasmtime engine: its settings, and the thread that ends what runs too long.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy};

use crate::limits::Limits;

/// How often running code is asked whether its time is over.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Bytes of stack that WebAssembly code may use of the calling thread's.
pub(crate) const STACK: usize = 512 << 10;
/// Bytes of a memory or table that stay resident in a free slot, to be reset by copying instead of by page faults. As much as the
/// engine begins with, so that most calls change no mapping.
const KEEP_RESIDENT: usize = 512 << 10;
/// Core instances of one component: the engine's and the program's.
const CORE_INSTANCES: u32 = 2;
/// Memories and tables of one component: the engine's. Code in the engine's place has no more.
const MEMORIES: u32 = 1;
/// The elements of the largest table. The engine's is far smaller; a larger one is refused when it is instantiated.
const TABLE_ELEMENTS: usize = 4096;

/// What decides about generated code: the same for the process that compiles and the one that runs.
pub(crate) fn code_config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // The same request gives the same plan on every machine, bit for bit.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .memory_init_cow(true)
        // Addresses of instructions are for backtraces, which nobody reads here.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false);
    config
}

/// An engine that only compiles.
pub(crate) fn compiling(config: Config) -> wasmtime::Result<Engine> {
    Engine::new(&config)
}

/// An engine that runs at most `slots` instances of declarative components at the same time.
pub(crate) fn running(slots: u32, ceiling: &Limits) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots)
        .total_tables(slots)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(MEMORIES)
        .max_memory_size(ceiling.memory)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    let mut config = code_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// Advances an engine's epoch every [`TICK`] until it is dropped.
pub(crate) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let engine = engine.weak();
        let thread = std::thread::Builder::new().name("sandbox-ticker".to_owned()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                let Some(engine) = engine.upgrade() else { break };
                engine.increment_epoch();
            }
        })?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; were it to, there is nothing left to stop.
            let _ = thread.join();
        }
    }
}
