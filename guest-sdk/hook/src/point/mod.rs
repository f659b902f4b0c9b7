//! The points at which hooks are called, and the way to them.

pub mod after_render;
pub mod before_render;
pub mod convert;
mod export;
pub mod finalize;
pub mod validate;

use serde::Serialize;

use crate::Error;
use crate::host::Current;

/// A point: what its hooks are told, and what they answer. [`export!`](crate::export) alone needs to know.
#[doc(hidden)]
pub trait Point {
    /// What a hook is told, before it is read as its types.
    type Told: Told;

    /// What it answers, as it crosses the component's border.
    type Answer;
}

/// What a hook is told, whatever the point.
#[doc(hidden)]
pub trait Told {
    /// The entry of the Katalog.
    fn entry(&self) -> &str;
}

/// A component at one of its points. [`export!`](crate::export) implements it.
#[doc(hidden)]
pub trait Run<P: Point> {
    /// Calls the hook of the entry.
    ///
    /// # Errors
    ///
    /// Those of the hook.
    fn run(told: P::Told) -> Result<P::Answer, Error>;
}

/// A request, before it is read as the hook's types.
#[doc(hidden)]
#[derive(Debug)]
pub struct Incoming {
    pub(crate) entry: String,
    pub(crate) primary: Vec<u8>,
    pub(crate) inputs: Vec<u8>,
    pub(crate) children: Vec<RawChild>,
    pub(crate) deleting: bool,
    pub(crate) host: Current,
}

impl Told for Incoming {
    fn entry(&self) -> &str {
        &self.entry
    }
}

/// A child, before it is read as the hook's type.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawChild {
    pub(crate) id: String,
    pub(crate) key: Option<String>,
    pub(crate) object: Vec<u8>,
}

/// The failure of a hook that does not know an entry.
///
/// # Errors
///
/// Always: failed.
#[doc(hidden)]
pub fn unknown_entry<A>(entry: &str, known: &[&str]) -> Result<A, Error> {
    let known = known.join(", ");
    Err(Error::failed(format!("the hook has nothing for the entry {entry}: it was exported for {known}")))
}

/// One JSON object of what a hook gives; nothing where it is something else.
pub(crate) fn object<T: Serialize + ?Sized>(value: &T) -> Result<Option<Vec<u8>>, Error> {
    let json = serde_json::to_vec(value)?;
    Ok(json.starts_with(b"{").then_some(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_was_not_exported_fails_by_name() {
        let error = unknown_entry::<()>("queue", &["database", "cache"]).unwrap_err();
        assert_eq!(
            error,
            Error::failed("the hook has nothing for the entry queue: it was exported for database, cache")
        );
    }
}
