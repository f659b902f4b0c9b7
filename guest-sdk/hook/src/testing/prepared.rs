//! A call that a test makes.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Current, FakeHost};
use crate::point::after_render::Rendering;
use crate::point::{self, Incoming, RawChild};
use crate::{AfterRender, BeforeRender, Call, Children, Error, Finalize, Outcome, Validate, Violation};

/// A call that a test makes, from [`FakeHost::call`]. Without more it is of the entry `test`, with no inputs and no children.
#[derive(Debug)]
#[must_use = "nothing is called before a point or `open`"]
pub struct Prepared {
    resource: Value,
    inputs: Value,
    rendered: Vec<RawChild>,
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
        Self { resource, inputs: Value::Object(Map::new()), rendered: Vec::new(), incoming }
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
    pub fn child(mut self, id: &str, object: impl Into<Value>) -> Self {
        self.incoming.children.push(raw(id, None, &object.into()));
        self
    }

    /// A child of an element of `forEach`, as last seen.
    pub fn child_of(mut self, id: &str, key: &str, object: impl Into<Value>) -> Self {
        self.incoming.children.push(raw(id, Some(key), &object.into()));
        self
    }

    /// A child as it was rendered, which [`AfterRender`] may change.
    pub fn rendered(mut self, id: &str, object: impl Into<Value>) -> Self {
        self.rendered.push(raw(id, None, &object.into()));
        self
    }

    /// A child of an element of `forEach`, as it was rendered.
    pub fn rendered_of(mut self, id: &str, key: &str, object: impl Into<Value>) -> Self {
        self.rendered.push(raw(id, Some(key), &object.into()));
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

    /// Runs a hook before render, and gives its values as templates get them.
    ///
    /// # Errors
    ///
    /// Those of the hook, and failed: the resource or the inputs are not of its types, or its values are no object.
    pub fn before_render<H: BeforeRender>(self) -> Result<Value, Error> {
        let json = point::before_render::run::<H>(self.incoming())?;
        Ok(serde_json::from_slice(&json)?)
    }

    /// Runs a hook after render, and gives the children as they would be applied. That the entry lists them, and that fields of rights
    /// are as they were, only the runtime knows.
    ///
    /// # Errors
    ///
    /// Those of the hook, and failed: the resource or the inputs are not of its types.
    pub fn after_render<H: AfterRender>(mut self) -> Result<Children, Error> {
        let children = std::mem::take(&mut self.rendered);
        point::after_render::run::<H>(Rendering { request: self.incoming(), children }).map(Children::new)
    }

    /// Runs a hook that validates, and gives all that is wrong with the resource.
    ///
    /// # Errors
    ///
    /// Those of the hook, and failed: the resource or the inputs are not of its types.
    pub fn validate<H: Validate>(self) -> Result<Vec<Violation>, Error> {
        point::validate::run::<H>(self.incoming())
    }

    /// Runs a hook that finalizes. The resource is being deleted, whether [`Prepared::deleting`] says so or not.
    ///
    /// # Errors
    ///
    /// Those of the hook, and failed: the resource or the inputs are not of its types.
    pub fn finalize<H: Finalize>(self) -> Result<Outcome, Error> {
        point::finalize::run::<H>(self.deleting().incoming())
    }

    fn incoming(self) -> Incoming {
        let json = |value: &Value| value.to_string().into_bytes();
        Incoming { primary: json(&self.resource), inputs: json(&self.inputs), ..self.incoming }
    }
}

fn raw(id: &str, key: Option<&str>, object: &Value) -> RawChild {
    RawChild { id: id.to_owned(), key: key.map(str::to_owned), object: object.to_string().into_bytes() }
}
