//! Finalize: work before a resource goes.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Incoming, Point};
#[cfg(target_family = "wasm")]
pub use crate::wasm::bindings::finalize as bindings;
use crate::{Call, Error};

/// Work before a resource goes.
///
/// ```
/// use orkestra_hook::{Call, Error, Finalize, Outcome};
/// use serde::Deserialize;
///
/// struct Cleanup;
///
/// #[derive(Deserialize)]
/// struct Database {
///     metadata: Metadata,
/// }
///
/// #[derive(Deserialize)]
/// struct Metadata {
///     uid: String,
/// }
///
/// #[derive(Deserialize)]
/// struct Inputs {
///     registry: String,
/// }
///
/// impl Finalize for Cleanup {
///     type Resource = Database;
///     type Inputs = Inputs;
///
///     fn finalize(call: &Call<Database, Inputs>) -> Result<Outcome, Error> {
///         let url = format!("{}/databases/{}", call.inputs().registry, call.resource().metadata.uid);
///         let answer = call.http().delete(url).send()?;
///         match answer.status() {
///             202 => Ok(Outcome::wait("the registry is taking the database out").after(answer.retry_after())),
///             404 => Ok(Outcome::Done),
///             _ => answer.successful().map(|_| Outcome::Done).map_err(Error::from),
///         }
///     }
/// }
///
/// orkestra_hook::export!(finalize = Cleanup);
/// ```
pub trait Finalize {
    /// The resource, with its deletion timestamp.
    type Resource: DeserializeOwned;

    /// The inputs of the Katalog.
    type Inputs: DeserializeOwned;

    /// Does what has to be done, or a part of it. It is called when the children of `onDelete` have come to their end and before any
    /// other child is deleted; again and again until it is done. It may be called once more after that, so what is gone already is no
    /// failure.
    ///
    /// # Errors
    ///
    /// [`Error::failed`] and [`Error::unavailable`]. The resource stays then, the message is shown on it, and it is called again.
    fn finalize(call: &Call<Self::Resource, Self::Inputs>) -> Result<Outcome, Error>;
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is done.
    Done,
    /// It goes on.
    Wait {
        /// What is waited for. It is shown on the resource: no secrets.
        message: String,
        /// When to call again; the runtime's ten seconds where it is not said.
        after: Option<Duration>,
    },
}

impl Outcome {
    /// It goes on, and this is waited for.
    pub fn wait(message: impl Into<String>) -> Self {
        Self::Wait { message: message.into(), after: None }
    }

    /// When to call again, if that is known; counted in milliseconds. Takes a `Duration` or an `Option` of one, as
    /// [`Answer::retry_after`](crate::http::Answer::retry_after) gives it. Nothing where all is done, or without a time.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<Duration>>) -> Self {
        if let (Self::Wait { after: known, .. }, Some(after)) = (&mut self, after.into()) {
            *known = Some(after);
        }
        self
    }
}

/// The point.
#[derive(Debug)]
pub struct This;

impl Point for This {
    type Told = Incoming;
    type Answer = Outcome;
}

/// Runs a hook on a request.
///
/// # Errors
///
/// Those of the hook, and failed: the request is not of its types.
pub fn run<H: Finalize>(told: Incoming) -> Result<Outcome, Error> {
    H::finalize(&Call::new(told)?)
}
