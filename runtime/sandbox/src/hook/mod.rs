//! Hooks: code beside a Katalog, in the same process and with less than the process can do.
//!
//! A [`Hook`] is a component that brings its own code. It runs in an engine of its own kind: fuel counts what it does, host calls are
//! awaited and not blocked in, and whatever it waits for is given up at the deadline, because the whole call is one future. Each call has
//! a fresh instance, and is linked with what was granted at load and with nothing else.
//!
//! It is called at [points](Point), each an interface that its component exports.

mod bindings;
mod call;
mod engine;
mod host;
mod imports;
mod limits;
mod point;
mod state;

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::{Component, InstancePre};

use crate::capability::Granted;
use crate::capability::http::Network;
use crate::failure::LoadError;
use crate::metrics::{Counters, Metrics};
use point::Exports;
use state::State;

pub(crate) use engine::{Engines, code_config};
pub use limits::HookLimits;
pub use point::{Finalized, HookChild, HookConversion, HookRequest, HookViolation, Point};

/// A loaded hook. A clone is the same one.
#[derive(Clone)]
pub struct Hook {
    inner: Arc<Inner>,
}

struct Inner {
    engines: Arc<Engines>,
    pre: InstancePre<State>,
    exports: Exports,
    pattern: String,
    granted: Granted,
    network: Option<Network>,
    limits: HookLimits,
    running: Semaphore,
    counters: Counters,
}

/// What a hook is loaded with.
#[derive(Debug, Clone, Default)]
pub struct HookSettings {
    /// The name that its log lines have.
    pub pattern: String,
    /// The points at which it is called.
    pub points: Vec<Point>,
    /// What it may do.
    pub granted: Granted,
    /// What each call may use.
    pub limits: HookLimits,
}

impl Hook {
    /// Links a compiled component with what is granted.
    pub(crate) fn new(
        engines: Arc<Engines>,
        component: &Component,
        settings: HookSettings,
        network: Option<Network>,
    ) -> Result<Self, LoadError> {
        let HookSettings { pattern, points, granted, limits } = settings;
        imports::check(&engines.hooks, component, &granted)?;
        let linker = host::linker(&engines.hooks, &granted)?;
        let invalid = |error: wasmtime::Error| LoadError::InvalidComponent(error.root_cause().to_string());
        let pre = linker.instantiate_pre(component).map_err(invalid)?;
        let exports = Exports::find(component, &pre, &points)?;
        let running = Semaphore::new(limits.concurrency.max(1));
        let counters = Counters::default();
        Ok(Hook {
            inner: Arc::new(Inner { engines, pre, exports, pattern, granted, network, limits, running, counters }),
        })
    }

    /// What it was granted.
    pub fn granted(&self) -> &Granted {
        &self.inner.granted
    }

    /// The counters since it was loaded.
    pub fn metrics(&self) -> Metrics {
        self.inner.counters.read()
    }
}
