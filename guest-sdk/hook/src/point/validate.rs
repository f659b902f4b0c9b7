//! Validate: rules for resources.

use serde::de::DeserializeOwned;

use super::{Incoming, Point};
#[cfg(target_family = "wasm")]
pub use crate::wasm::bindings::validate as bindings;
use crate::{Call, Error};

/// Rules for resources that no expression can state.
///
/// ```
/// use orkestra_hook::{Call, Error, Validate, Violation};
/// use serde::Deserialize;
/// use serde::de::IgnoredAny;
///
/// struct Rules;
///
/// #[derive(Deserialize)]
/// struct Site {
///     spec: Spec,
/// }
///
/// #[derive(Deserialize)]
/// struct Spec {
///     hosts: Vec<String>,
/// }
///
/// impl Validate for Rules {
///     type Resource = Site;
///     type Inputs = IgnoredAny;
///
///     fn validate(call: &Call<Site, IgnoredAny>) -> Result<Vec<Violation>, Error> {
///         let hosts = call.resource().spec.hosts.iter().enumerate();
///         let wrong = hosts.filter(|(_, host)| host.parse::<std::net::IpAddr>().is_ok());
///         let violation = |at: usize| Violation::new(format!("spec.hosts[{at}]"), "expected a name, found an address");
///         Ok(wrong.map(|(at, _)| violation(at)).collect())
///     }
/// }
///
/// orkestra_hook::export!(validate = Rules);
/// ```
pub trait Validate {
    /// The resource.
    type Resource: DeserializeOwned;

    /// The inputs of the Katalog.
    type Inputs: DeserializeOwned;

    /// Says all that is wrong with the resource; nothing: it is valid. It is called at each reconcile before anything is applied, and
    /// not for a resource that is being deleted.
    ///
    /// # Errors
    ///
    /// [`Error::failed`] and [`Error::unavailable`]: it is not known whether the resource is valid. Nothing is applied then, and the
    /// message is shown on the resource.
    fn validate(call: &Call<Self::Resource, Self::Inputs>) -> Result<Vec<Violation>, Error>;
}

/// A rule that a resource breaks. Both texts are shown on the resource: no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, such as `spec.storage`.
    pub field: String,
    /// What was found, and what is expected.
    pub message: String,
}

impl Violation {
    /// A rule that the field of this path breaks, and how.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The point.
#[derive(Debug)]
pub struct This;

impl Point for This {
    type Told = Incoming;
    type Answer = Vec<Violation>;
}

/// Runs a hook on a request.
///
/// # Errors
///
/// Those of the hook, and failed: the request is not of its types.
pub fn run<H: Validate>(told: Incoming) -> Result<Vec<Violation>, Error> {
    H::validate(&Call::new(told)?)
}
