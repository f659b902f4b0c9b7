//! The points at which hooks are called, and the way to them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::Current;
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

/// Makes a hook of a type: what the component exports.
///
/// `export!(Quota)` calls it for all entries whose Katalog declares `hooks.beforeRender`; [`Call::entry`] says which. Entries are
/// different kinds, so that each tends to have a type of its own:
///
/// ```
/// # use orkestra_hook::{BeforeRender, Call, Error, export};
/// # struct Database; struct Cache;
/// # macro_rules! hook { ($t:ty) => { impl BeforeRender for $t {
/// #     type Resource = serde_json::Value; type Inputs = serde_json::Value; type Values = serde_json::Value;
/// #     fn before_render(_: &Call<serde_json::Value, serde_json::Value>) -> Result<serde_json::Value, Error> { Ok(serde_json::json!({})) }
/// # } } }
/// # hook!(Database); hook!(Cache);
/// export!("database" => Database, "cache" => Cache);
/// ```
///
/// An entry that is not named fails by name. A crate has one `export!`.
#[macro_export]
macro_rules! export {
    ($hook:ty $(,)?) => {
        $crate::__point!(|incoming| $crate::__private::before_render::<$hook>(incoming));
    };
    ($($entry:literal => $hook:ty),+ $(,)?) => {
        $crate::__point!(|incoming| match incoming.entry() {
            $($entry => $crate::__private::before_render::<$hook>(incoming),)+
            _ => $crate::__private::unknown_entry(&incoming, &[$($entry),+]),
        });
    };
}

/// The type behind an [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __point {
    (|$incoming:ident| $body:expr) => {
        const _: () = {
            struct Point;

            impl $crate::__private::Point for Point {
                fn before_render(
                    $incoming: $crate::__private::Incoming,
                ) -> ::core::result::Result<::std::vec::Vec<u8>, $crate::Error> {
                    $body
                }
            }

            $crate::__component!(Point);
        };
    };
}

/// Natively nothing is exported; the functions are only used, so that the compiler does not say that they are not.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($point:ident) => {
        const _: fn($crate::__private::Incoming) -> ::core::result::Result<::std::vec::Vec<u8>, $crate::Error> =
            <$point as $crate::__private::Point>::before_render;
    };
}

/// The component's exports.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($point:ident) => {
        type Exported = $crate::__private::Exported<$point>;
        $crate::__private::export_component!(Exported with_types_in $crate::__private::bindings);
    };
}

/// All points of a hook. [`export!`] implements it.
#[doc(hidden)]
pub trait Point {
    /// Values for templates, as JSON.
    ///
    /// # Errors
    ///
    /// Those of the hook.
    fn before_render(incoming: Incoming) -> Result<Vec<u8>, Error>;
}

/// A request, before it is read as the hook's types.
#[doc(hidden)]
#[derive(Debug)]
pub struct Incoming {
    pub(crate) entry: String,
    pub(crate) primary: Vec<u8>,
    pub(crate) inputs: Vec<u8>,
    pub(crate) children: Vec<Observed>,
    pub(crate) deleting: bool,
    pub(crate) host: Current,
}

impl Incoming {
    /// The entry of the Katalog.
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

/// A child, before it is read as the hook's type.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) id: String,
    pub(crate) key: Option<String>,
    pub(crate) object: Vec<u8>,
}

/// Runs a hook from JSON to JSON.
///
/// # Errors
///
/// Those of the hook, and failed: the request is not of its types, or its values are no object.
#[doc(hidden)]
pub fn before_render<H: BeforeRender>(incoming: Incoming) -> Result<Vec<u8>, Error> {
    let call = Call::new(incoming)?;
    let values = H::before_render(&call)?;
    let json = serde_json::to_vec(&values)?;
    match json.first() {
        Some(b'{') => Ok(json),
        _ => Err(Error::failed(
            "the values of a hook must be one object, with a field for each name of hooks.beforeRender",
        )),
    }
}

/// The failure of a hook that does not know an entry.
///
/// # Errors
///
/// Always: failed.
#[doc(hidden)]
pub fn unknown_entry(incoming: &Incoming, known: &[&str]) -> Result<Vec<u8>, Error> {
    let (entry, known) = (incoming.entry(), known.join(", "));
    Err(Error::failed(format!("the hook has nothing for the entry {entry}: it was exported for {known}")))
}
