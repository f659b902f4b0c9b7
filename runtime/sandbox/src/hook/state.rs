//! The store of one call.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Trap};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::limits::HookLimits;
use crate::capability::clocks::{Monotonic, Wall};
use crate::capability::http::{Network, Outbound};
use crate::capability::{ClusterRead, Granted, HostCalls, Readable};
use crate::failure::Failure;
use crate::limits::{Ended, Sum};

/// Core instances, memories and tables of a component together.
const INSTANCES: usize = 16;
const MEMORIES: usize = 4;
const TABLES: usize = 16;

/// What the host keeps for one call.
pub(super) struct State {
    pub(super) sum: HookSum,
    pub(super) pattern: String,
    pub(super) entry: String,
    calls: HostCalls,
    pub(super) readable: Vec<Readable>,
    pub(super) cluster: Arc<dyn ClusterRead>,
    table: ResourceTable,
    /// Clocks and random numbers. What else is in it is never linked.
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl State {
    pub(super) fn new(
        limits: &HookLimits,
        granted: &Granted,
        network: Option<Network>,
        pattern: &str,
        entry: &str,
        cluster: Arc<dyn ClusterRead>,
    ) -> Self {
        let calls = HostCalls::new(limits.host_calls);
        let mut wasi = WasiCtx::builder();
        wasi.wall_clock(Wall).monotonic_clock(Monotonic(Instant::now())).max_random_size(64 << 10);
        wasi.allow_tcp(false).allow_udp(false);
        State {
            sum: HookSum(Sum::new(limits.memory)),
            pattern: pattern.to_owned(),
            entry: entry.to_owned(),
            calls: calls.clone(),
            readable: granted.cluster_read.clone(),
            cluster,
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound {
                rules: granted.http.clone().into(),
                network,
                limit: limits.output,
                patience: limits.deadline,
                calls,
            },
        }
    }

    /// Counts a host call; without any left the guest is ended.
    pub(super) fn count(&self) -> wasmtime::Result<()> {
        if self.calls.take() { Ok(()) } else { Err(Ended::HostCalls.into()) }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The sum of all memories and tables, and how many there may be.
pub(super) struct HookSum(pub(super) Sum);

impl std::ops::Deref for HookSum {
    type Target = Sum;

    fn deref(&self) -> &Sum {
        &self.0
    }
}

impl ResourceLimiter for HookSum {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.0.memory_growing(current, desired, maximum)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.0.table_growing(current, desired, maximum)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.0.memory_grow_failed(error)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.0.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }

    fn tables(&self) -> usize {
        TABLES
    }
}

/// Names an error that ended an instantiation or a call.
pub(super) fn classify(error: &wasmtime::Error, limits: &HookLimits) -> Failure {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return match ended {
            Ended::Memory => Failure::MemoryExceeded { limit: limits.memory },
            Ended::Deadline => Failure::DeadlineExceeded(limits.deadline),
            Ended::Busy => Failure::HostBusy("the call did not get its processor time"),
            Ended::HostCalls => Failure::HostCallsExceeded { limit: limits.host_calls },
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::FuelExceeded { limit: limits.fuel },
        Some(Trap::StackOverflow) => Failure::StackOverflow,
        Some(trap) => Failure::Trapped(trap.to_string()),
        None => Failure::InvalidOutput(error.root_cause().to_string()),
    }
}
