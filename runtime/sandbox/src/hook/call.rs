//! One call of a hook, at each of its points.
//!
//! All calls are alike: a place among those that run, a store with its limits, one future that is dropped at the deadline, and a failure
//! that has a name.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wasmtime::Store;

use super::bindings::exports::orkestra::hook as exports;
use super::bindings::orkestra::hook::types::{Failure as Said, Request};
use super::point::{Finalized, HookChild, HookConversion, HookRequest, HookViolation};
use super::state::{State, classify};
use super::{Hook, Inner};
use crate::capability::log::Untrusted;
use crate::capability::{ClusterRead, Granted, ReadError, Readable, Reading};
use crate::failure::Failure;

/// The most violations of one resource.
const VIOLATIONS: usize = 100;

impl Hook {
    /// Values for templates: one JSON object. `cluster` answers what the hook asks about other objects.
    ///
    /// The call ends after [`HookLimits::deadline`](super::HookLimits::deadline) of wall time, whatever it waits for, and when it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Every [`Failure`] of a call with code of its own; [`Failure::HookFailed`] is the hook's own.
    pub async fn before_render(&self, request: HookRequest, cluster: Arc<dyn ClusterRead>) -> Result<Vec<u8>, Failure> {
        let inner = &*self.inner;
        let mut call = inner.begin(&request.entry, cluster, &inner.granted)?;
        let request = Request::from(request);
        let calling = async {
            let instance = inner.pre.instantiate_async(&mut call.store).await?;
            let Some(point) = &inner.exports.before_render else { return Ok(None) };
            let guest = point.load(&mut call.store, &instance)?;
            guest.call_before_render(&mut call.store, &request).await.map(Some)
        };
        let called = timeout(inner.limits.deadline, calling).await;
        inner.end(&call, called, |json| inner.text(json))
    }

    /// Children as they shall be, made of those that were rendered.
    ///
    /// # Errors
    ///
    /// As [`Hook::before_render`].
    pub async fn after_render(
        &self,
        request: HookRequest,
        children: Vec<HookChild>,
        cluster: Arc<dyn ClusterRead>,
    ) -> Result<Vec<HookChild>, Failure> {
        let inner = &*self.inner;
        let mut call = inner.begin(&request.entry, cluster, &inner.granted)?;
        let request = Request::from(request);
        let children: Vec<exports::after_render::Child> = children.into_iter().map(From::from).collect();
        let calling = async {
            let instance = inner.pre.instantiate_async(&mut call.store).await?;
            let Some(point) = &inner.exports.after_render else { return Ok(None) };
            let guest = point.load(&mut call.store, &instance)?;
            guest.call_after_render(&mut call.store, &request, &children).await.map(Some)
        };
        let called = timeout(inner.limits.deadline, calling).await;
        inner.end(&call, called, |children| {
            inner.bounded(children.iter().map(|child| child.object.len()))?;
            Ok(children.into_iter().map(From::from).collect())
        })
    }

    /// The rules that a resource breaks.
    ///
    /// # Errors
    ///
    /// As [`Hook::before_render`].
    pub async fn validate(
        &self,
        request: HookRequest,
        cluster: Arc<dyn ClusterRead>,
    ) -> Result<Vec<HookViolation>, Failure> {
        let inner = &*self.inner;
        let mut call = inner.begin(&request.entry, cluster, &inner.granted)?;
        let request = Request::from(request);
        let calling = async {
            let instance = inner.pre.instantiate_async(&mut call.store).await?;
            let Some(point) = &inner.exports.validate else { return Ok(None) };
            let guest = point.load(&mut call.store, &instance)?;
            guest.call_validate(&mut call.store, &request).await.map(Some)
        };
        let called = timeout(inner.limits.deadline, calling).await;
        inner.end(&call, called, |violations| {
            let violations = violations.into_iter().take(VIOLATIONS);
            Ok(violations
                .map(|violation| HookViolation { field: words(&violation.field), message: words(&violation.message) })
                .collect())
        })
    }

    /// Whether a resource may go.
    ///
    /// # Errors
    ///
    /// As [`Hook::before_render`].
    pub async fn finalize(&self, request: HookRequest, cluster: Arc<dyn ClusterRead>) -> Result<Finalized, Failure> {
        use exports::finalize::Outcome;
        let inner = &*self.inner;
        let mut call = inner.begin(&request.entry, cluster, &inner.granted)?;
        let request = Request::from(request);
        let calling = async {
            let instance = inner.pre.instantiate_async(&mut call.store).await?;
            let Some(point) = &inner.exports.finalize else { return Ok(None) };
            let guest = point.load(&mut call.store, &instance)?;
            guest.call_finalize(&mut call.store, &request).await.map(Some)
        };
        let called = timeout(inner.limits.deadline, calling).await;
        inner.end(&call, called, |outcome| {
            Ok(match outcome {
                Outcome::Done => Finalized::Done,
                Outcome::Wait((message, after)) => {
                    Finalized::Wait { message: words(&message), after: after.map(Duration::from_millis) }
                }
            })
        })
    }

    /// The targets as they shall be, one for each object. At this point nothing of the cluster or of other hosts can be asked.
    ///
    /// # Errors
    ///
    /// As [`Hook::before_render`].
    pub async fn convert(
        &self,
        entry: &str,
        version: &str,
        objects: Vec<HookConversion>,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let inner = &*self.inner;
        // Clocks and random numbers were linked at load; what could be asked of others is not granted to this call.
        let mut call = inner.begin(entry, Arc::new(Nothing), &Granted::default())?;
        let objects: Vec<exports::convert::Conversion> = objects.into_iter().map(From::from).collect();
        let calling = async {
            let instance = inner.pre.instantiate_async(&mut call.store).await?;
            let Some(point) = &inner.exports.convert else { return Ok(None) };
            let guest = point.load(&mut call.store, &instance)?;
            guest.call_convert(&mut call.store, entry, version, &objects).await.map(Some)
        };
        let called = timeout(inner.limits.deadline, calling).await;
        inner.end(&call, called, |targets| {
            inner.bounded(targets.iter().map(Vec::len))?;
            match targets.len() == objects.len() {
                true => Ok(targets),
                false => Err(Failure::InvalidOutput(format!(
                    "{} objects were given to convert, and {} came back",
                    objects.len(),
                    targets.len()
                ))),
            }
        })
    }
}

/// A call that runs.
struct Call<'a> {
    store: Store<State>,
    _place: SemaphorePermit<'a>,
}

/// How a call ended: a trap, no such point, the hook's own failure or its answer, or not in time.
type Called<T> = Result<wasmtime::Result<Option<Result<T, Said>>>, Elapsed>;

impl Inner {
    fn begin(&self, entry: &str, cluster: Arc<dyn ClusterRead>, granted: &Granted) -> Result<Call<'_>, Failure> {
        let begun = self.running.try_acquire().map_err(|_| {
            // A semaphore that is never closed has no other error.
            Failure::HostBusy("the hook has as many calls running as it may have")
        });
        let begun = begun.and_then(|place| Ok(Call { store: self.store(entry, cluster, granted)?, _place: place }));
        match begun {
            Ok(call) => {
                self.counters.instantiated();
                Ok(call)
            }
            Err(failure) => {
                self.counters.failed(&failure);
                Err(failure)
            }
        }
    }

    fn store(&self, entry: &str, cluster: Arc<dyn ClusterRead>, granted: &Granted) -> Result<Store<State>, Failure> {
        let state = State::new(&self.limits, granted, self.network.clone(), &self.pattern, entry, cluster);
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

    /// The answer of a call, or its failure by name.
    fn end<T, U>(
        &self,
        call: &Call<'_>,
        called: Called<T>,
        read: impl FnOnce(T) -> Result<U, Failure>,
    ) -> Result<U, Failure> {
        self.counters.used(call.store.data().sum.used);
        let answer = match called {
            Err(_) => Err(Failure::DeadlineExceeded(self.limits.deadline)),
            Ok(Err(error)) => Err(classify(&error, &self.limits)),
            Ok(Ok(None)) => Err(Failure::Internal("the hook does not have this point".to_owned())),
            Ok(Ok(Some(Err(said)))) => Err(failed(said)),
            Ok(Ok(Some(Ok(answer)))) => read(answer),
        };
        answer.inspect_err(|failure| self.counters.failed(failure))
    }

    fn bounded(&self, sizes: impl Iterator<Item = usize>) -> Result<(), Failure> {
        match sizes.sum::<usize>() <= self.limits.output {
            true => Ok(()),
            false => Err(Failure::OutputTooLarge { limit: self.limits.output }),
        }
    }

    fn text(&self, json: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.bounded(std::iter::once(json.len()))?;
        match std::str::from_utf8(&json) {
            Ok(_) => Ok(json),
            Err(error) => Err(Failure::InvalidOutput(format!("JSON text is not UTF-8: {error}"))),
        }
    }
}

fn failed(said: Said) -> Failure {
    match said {
        Said::Failed(message) => Failure::HookFailed { message: words(&message), retry_after: None },
        Said::Unavailable((message, after)) => Failure::HookFailed {
            message: words(&message),
            retry_after: Some(Duration::from_millis(after.unwrap_or_default())),
        },
    }
}

/// A guest's text, as it may be shown.
fn words(text: &str) -> String {
    Untrusted(text).to_string()
}

/// A cluster that cannot be asked.
struct Nothing;

impl Nothing {
    fn denied<T: Send + 'static>() -> Reading<T> {
        Box::pin(async { Err(ReadError::AccessDenied("nothing can be read at this point".to_owned())) })
    }
}

impl ClusterRead for Nothing {
    fn get(&self, _: &Readable, _: Option<String>, _: String, _: Vec<String>) -> Reading<Vec<u8>> {
        Self::denied()
    }

    fn list(&self, _: &Readable, _: Option<String>, _: Vec<(String, String)>, _: Vec<String>) -> Reading<Vec<Vec<u8>>> {
        Self::denied()
    }
}
