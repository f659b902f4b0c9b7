//! After render: changes of children.

use serde::de::DeserializeOwned;

use super::{Incoming, Point, RawChild, Told};
#[cfg(target_family = "wasm")]
pub use crate::wasm::bindings::after_render as bindings;
use crate::{Call, Children, Error};

/// Changes of children, after their templates are rendered and before anything is applied.
///
/// ```
/// use orkestra_hook::{AfterRender, Call, Children, Error};
/// use serde::de::IgnoredAny;
/// use serde::{Deserialize, Serialize};
///
/// struct Spread;
///
/// /// What it changes of a Deployment. All other fields stay as they are.
/// #[derive(Deserialize, Serialize)]
/// struct Deployment {
///     spec: Spec,
/// }
///
/// #[derive(Deserialize, Serialize)]
/// struct Spec {
///     replicas: u32,
/// }
///
/// impl AfterRender for Spread {
///     type Resource = IgnoredAny;
///     type Inputs = IgnoredAny;
///
///     fn after_render(_: &Call<IgnoredAny, IgnoredAny>, children: &mut Children) -> Result<(), Error> {
///         children.change("web", |web: &mut Deployment| web.spec.replicas = web.spec.replicas.max(2))?;
///         children.remove("debug");
///         Ok(())
///     }
/// }
///
/// orkestra_hook::export!(after_render = Spread);
/// ```
pub trait AfterRender {
    /// The resource.
    type Resource: DeserializeOwned;

    /// The inputs of the Katalog.
    type Inputs: DeserializeOwned;

    /// Changes the children that the entry lists below `hooks.afterRender`. It is called at each reconcile, so the same state should
    /// give the same children; what one call leaves out is pruned.
    ///
    /// Fields that decide over rights must stay as they were rendered, otherwise the runtime refuses the whole answer.
    ///
    /// # Errors
    ///
    /// [`Error::failed`] and [`Error::unavailable`]. Nothing is applied then, and the message is shown on the resource.
    fn after_render(call: &Call<Self::Resource, Self::Inputs>, children: &mut Children) -> Result<(), Error>;
}

/// The point.
#[derive(Debug)]
pub struct This;

impl Point for This {
    type Told = Rendering;
    type Answer = Vec<RawChild>;
}

/// A request, with the children that were rendered.
#[derive(Debug)]
pub struct Rendering {
    pub(crate) request: Incoming,
    pub(crate) children: Vec<RawChild>,
}

impl Told for Rendering {
    fn entry(&self) -> &str {
        self.request.entry()
    }
}

/// Runs a hook from children to children.
///
/// # Errors
///
/// Those of the hook, and failed: the request is not of its types.
pub fn run<H: AfterRender>(told: Rendering) -> Result<Vec<RawChild>, Error> {
    let call = Call::new(told.request)?;
    let mut children = Children::new(told.children);
    H::after_render(&call, &mut children)?;
    Ok(children.into_raw())
}
