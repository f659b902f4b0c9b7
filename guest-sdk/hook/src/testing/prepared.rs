//! A call that a test makes.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Current, FakeHost};
use crate::point::{Incoming, Observed, before_render};
use crate::{BeforeRender, Call, Error};

/// A call that a test makes, from [`FakeHost::call`]. Without more it is of the entry `test`, with no inputs and no children.
#[derive(Debug)]
#[must_use = "nothing is called before `run` or `open`"]
pub struct Prepared {
    resource: Value,
    inputs: Value,
    incoming: Incoming,
}

impl Prepared {
    pub(super) fn new(host: FakeHost, resource: Value) -> Self {
        let namespace = resource["metadata"]["namespace"].as_str().map(str::to_owned);
        let incoming = Incoming {
            entry: "test".to_owned(),
            primary: Vec::new(),
            inputs: Vec::new(),
            children: Vec::new(),
            deleting: false,
            host: Current { host, namespace },
        };
        Self { resource, inputs: Value::Object(Map::new()), incoming }
    }

    /// The entry of the Katalog.
    pub fn entry(mut self, entry: &str) -> Self {
        self.incoming.entry = entry.to_owned();
        self
    }

    /// The inputs, one object.
    pub fn inputs(mut self, inputs: impl Into<Value>) -> Self {
        self.inputs = inputs.into();
        self
    }

    /// A child as last seen.
    pub fn child(self, id: &str, object: impl Into<Value>) -> Self {
        self.observed(id, None, &object.into())
    }

    /// A child of an element of `forEach`, as last seen.
    pub fn child_of(self, id: &str, key: &str, object: impl Into<Value>) -> Self {
        self.observed(id, Some(key.to_owned()), &object.into())
    }

    fn observed(mut self, id: &str, key: Option<String>, object: &Value) -> Self {
        self.incoming.children.push(Observed { id: id.to_owned(), key, object: object.to_string().into_bytes() });
        self
    }

    /// The resource is being deleted.
    pub fn deleting(mut self) -> Self {
        self.incoming.deleting = true;
        self
    }

    /// The call itself, to give to a function of the hook.
    ///
    /// # Errors
    ///
    /// Failed: the resource or the inputs are not of these types.
    pub fn open<R: DeserializeOwned, I: DeserializeOwned>(self) -> Result<Call<R, I>, Error> {
        Call::new(self.incoming())
    }

    /// Runs a hook, and gives its values as templates get them.
    ///
    /// # Errors
    ///
    /// Those of the hook, and failed: the resource or the inputs are not of its types, or its values are no object.
    pub fn run<H: BeforeRender>(self) -> Result<Value, Error> {
        let json = before_render::<H>(self.incoming())?;
        Ok(serde_json::from_slice(&json)?)
    }

    fn incoming(self) -> Incoming {
        let json = |value: &Value| value.to_string().into_bytes();
        Incoming { primary: json(&self.resource), inputs: json(&self.inputs), ..self.incoming }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::unknown_entry;

    #[test]
    fn an_entry_that_was_not_exported_fails_by_name() {
        let incoming = FakeHost::new().call(serde_json::json!({})).entry("queue").incoming();
        let error = unknown_entry(&incoming, &["database", "cache"]).unwrap_err();
        assert_eq!(
            error,
            Error::failed("the hook has nothing for the entry queue: it was exported for database, cache")
        );
    }
}
