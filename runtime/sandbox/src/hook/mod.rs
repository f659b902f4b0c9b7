//! Hooks: code beside a Katalog, in the same process and with less than the process can do.
//!
//! A [`Hook`] is a component that brings its own code. It runs in an engine of its own kind: fuel counts what it does, host calls are
//! awaited and not blocked in, and whatever it waits for is given up at the deadline, because the whole call is one future. Each call has
//! a fresh instance, and is linked with what was granted at load and with nothing else.

mod bindings;
mod engine;
mod host;
mod imports;
mod limits;
mod state;

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::capability::http::Network;
use crate::capability::{ClusterRead, Granted};
use crate::failure::{Failure, LoadError};
use crate::metrics::{Counters, Metrics};
use bindings::orkestra::hook::types::{Failure as Said, Observed, Request};
use bindings::{Hook as Bound, HookPre};
use state::{State, classify};

pub(crate) use engine::{Engines, code_config};
pub use limits::HookLimits;

/// What a hook is told. All of it is JSON but the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// The entry of the Katalog.
    pub entry: String,
    /// The resource.
    pub primary: Vec<u8>,
    /// The inputs, one object.
    pub inputs: Vec<u8>,
    /// The children, as last seen: id, the element's key under `forEach`, and the object.
    pub children: Vec<(String, Option<String>, Vec<u8>)>,
    /// The resource has a deletion timestamp.
    pub deleting: bool,
}

/// A loaded hook. A clone is the same one.
#[derive(Clone)]
pub struct Hook {
    inner: Arc<Inner>,
}

struct Inner {
    engines: Arc<Engines>,
    pre: HookPre<State>,
    pattern: String,
    granted: Granted,
    network: Option<Network>,
    limits: HookLimits,
    running: Semaphore,
    counters: Counters,
}

impl Hook {
    /// Links a compiled component with what is granted.
    pub(crate) fn new(
        engines: Arc<Engines>,
        component: &Component,
        pattern: &str,
        granted: Granted,
        network: Option<Network>,
        limits: HookLimits,
    ) -> Result<Self, LoadError> {
        imports::check(&engines.hooks, component, &granted)?;
        let linker = host::linker(&engines.hooks, &granted)?;
        let pre = instance_pre(&linker, component)?;
        let pre = HookPre::new(pre).map_err(|error| LoadError::InvalidComponent(error.root_cause().to_string()))?;
        let running = Semaphore::new(limits.concurrency.max(1));
        let (pattern, counters) = (pattern.to_owned(), Counters::default());
        Ok(Hook { inner: Arc::new(Inner { engines, pre, pattern, granted, network, limits, running, counters }) })
    }

    /// Values for templates: one JSON object. `cluster` answers what the hook asks about other objects.
    ///
    /// The call ends after [`HookLimits::deadline`] of wall time, whatever it waits for, and when it is dropped.
    ///
    /// # Errors
    ///
    /// Every [`Failure`] of a call with code of its own; [`Failure::HookFailed`] is the hook's own.
    pub async fn before_render(&self, request: HookRequest, cluster: Arc<dyn ClusterRead>) -> Result<Vec<u8>, Failure> {
        let inner = &self.inner;
        let result = inner.call(request, cluster).await;
        result.inspect_err(|failure| inner.counters.failed(failure))
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

impl Inner {
    async fn call(&self, request: HookRequest, cluster: Arc<dyn ClusterRead>) -> Result<Vec<u8>, Failure> {
        let deadline = self.limits.deadline;
        let Ok(_place) = self.running.try_acquire() else {
            return Err(Failure::HostBusy("the hook has as many calls running as it may have"));
        };
        let mut store = self.store(&request.entry, cluster)?;
        self.counters.instantiated();
        let request = Request {
            entry: request.entry,
            primary: request.primary,
            inputs: request.inputs,
            children: request.children.into_iter().map(|(id, key, object)| Observed { id, key, object }).collect(),
            deleting: request.deleting,
        };
        let calling = async {
            let hook: Bound = self.pre.instantiate_async(&mut store).await?;
            hook.orkestra_hook_before_render().call_before_render(&mut store, &request).await
        };
        // The future is dropped at the deadline, and with it whatever the hook waits for.
        let called = tokio::time::timeout(deadline, calling).await;
        self.counters.used(store.data().sum.used);
        match called {
            Err(_) => Err(Failure::DeadlineExceeded(deadline)),
            Ok(Err(error)) => Err(classify(&error, &self.limits)),
            Ok(Ok(Err(said))) => Err(failed(said)),
            Ok(Ok(Ok(json))) => self.checked(json),
        }
    }

    fn store(&self, entry: &str, cluster: Arc<dyn ClusterRead>) -> Result<Store<State>, Failure> {
        let state = State::new(&self.limits, &self.granted, self.network.clone(), &self.pattern, entry, cluster);
        let mut store = Store::new(&self.engines.hooks, state);
        store.limiter(|state| &mut state.sum);
        // All that one function copies into the host. Wasmtime's error for it has no type of its own, so that what is a little too
        // large gets its name below, and what is far too large is `InvalidOutput` with wasmtime's words.
        store.set_hostcall_fuel(self.limits.output.saturating_mul(4));
        store.set_fuel(self.limits.fuel).map_err(|error| Failure::Internal(error.to_string()))?;
        // At each tick the thread is given back for a moment, so that a deadline is noticed also while the guest computes.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        Ok(store)
    }

    fn checked(&self, json: Vec<u8>) -> Result<Vec<u8>, Failure> {
        if json.len() > self.limits.output {
            return Err(Failure::OutputTooLarge { limit: self.limits.output });
        }
        match std::str::from_utf8(&json) {
            Ok(_) => Ok(json),
            Err(error) => Err(Failure::InvalidOutput(format!("JSON text is not UTF-8: {error}"))),
        }
    }
}

fn failed(said: Said) -> Failure {
    use crate::capability::log::Untrusted;
    match said {
        Said::Failed(message) => Failure::HookFailed { message: Untrusted(&message).to_string(), retry_after: None },
        Said::Unavailable((message, after)) => Failure::HookFailed {
            message: Untrusted(&message).to_string(),
            retry_after: Some(std::time::Duration::from_millis(after.unwrap_or_default())),
        },
    }
}

fn instance_pre(linker: &Linker<State>, component: &Component) -> Result<InstancePre<State>, LoadError> {
    linker.instantiate_pre(component).map_err(|error| LoadError::InvalidComponent(error.root_cause().to_string()))
}
