//! Before render: values for templates.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Incoming, Point, object};
#[cfg(target_family = "wasm")]
pub use crate::wasm::bindings::before_render as bindings;
use crate::{Call, Error};

/// Values for templates, made before they are rendered.
///
/// Resource and inputs are read with serde: a struct of the fields that the hook uses, a type of k8s-openapi, or
/// [`serde_json::Value`]. A field that has a default in the definition's schema is always there, others need an `Option`.
pub trait BeforeRender {
    /// The resource.
    type Resource: DeserializeOwned;

    /// The inputs of the Katalog: a struct with a field for each that the hook uses, or [`serde::de::IgnoredAny`].
    type Inputs: DeserializeOwned;

    /// A field for each name that the entry declares below `hooks.beforeRender`, of the type that it declares there.
    type Values: Serialize;

    /// Makes the values. It is called at each reconcile, so the same state should give the same values.
    ///
    /// # Errors
    ///
    /// [`Error::failed`] and [`Error::unavailable`]. Nothing is rendered then: what the cluster has stays as it is, and the message is
    /// shown on the resource.
    fn before_render(call: &Call<Self::Resource, Self::Inputs>) -> Result<Self::Values, Error>;
}

/// The point.
#[derive(Debug)]
pub struct This;

impl Point for This {
    type Told = Incoming;
    type Answer = Vec<u8>;
}

/// Runs a hook from JSON to JSON.
///
/// # Errors
///
/// Those of the hook, and failed: the request is not of its types, or its values are no object.
pub fn run<H: BeforeRender>(told: Incoming) -> Result<Vec<u8>, Error> {
    let call = Call::new(told)?;
    let values = H::before_render(&call)?;
    object(&values)?.ok_or_else(|| {
        Error::failed("the values of a hook must be one object, with a field for each name of hooks.beforeRender")
    })
}
