//! What a hook is told, and what it may ask.

use serde::de::DeserializeOwned;

use crate::cluster::Cluster;
use crate::decode::decode;
use crate::host::Current;
use crate::http::Http;
use crate::log::Log;
use crate::point::{Incoming, RawChild};
use crate::{DecodeError, Error, ReadError, ReadFailure};

/// One call of a hook: what it is told, and the way to all that it may ask.
#[derive(Debug)]
pub struct Call<R, I> {
    entry: String,
    resource: R,
    inputs: I,
    children: Vec<RawChild>,
    deleting: bool,
    host: Current,
}

/// A child as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child<T> {
    /// The key of its element, if `forEach` makes it.
    pub key: Option<String>,
    /// The object.
    pub object: T,
}

impl<R, I> Call<R, I> {
    /// The entry of the Katalog: the name below `spec.crds`.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// The resource, as the API server has it.
    pub fn resource(&self) -> &R {
        &self.resource
    }

    /// The inputs of the Katalog, with what a Komposer sets.
    pub fn inputs(&self) -> &I {
        &self.inputs
    }

    /// Whether the resource is being deleted.
    pub fn deleting(&self) -> bool {
        self.deleting
    }

    /// The children of an id, as last seen; none before they are made. More than one only where `forEach` makes them.
    ///
    /// # Errors
    ///
    /// [`ReadFailure::Decode`]: one of them is no `T`.
    pub fn children<T: DeserializeOwned>(&self, id: &str) -> Result<Vec<Child<T>>, ReadError> {
        let children = self.children.iter().filter(|child| child.id == id);
        children
            .map(|child| match decode(&child.object) {
                Ok(object) => Ok(Child { key: child.key.clone(), object }),
                Err(error) => Err(ReadError::new(format!("child {id}"), ReadFailure::Decode(error))),
            })
            .collect()
    }

    /// The child of an id, as last seen; none before it is made. The first one where `forEach` makes them.
    ///
    /// # Errors
    ///
    /// [`ReadFailure::Decode`]: it is no `T`.
    pub fn child<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, ReadError> {
        let Some(child) = self.children.iter().find(|child| child.id == id) else { return Ok(None) };
        let object = decode(&child.object);
        object.map(Some).map_err(|error| ReadError::new(format!("child {id}"), ReadFailure::Decode(error)))
    }

    /// Objects of the cluster. Needs the capability `cluster-read`.
    pub fn cluster(&self) -> Cluster<'_> {
        Cluster::new(&self.host)
    }

    /// Requests to hosts. Needs the capability `http`.
    pub fn http(&self) -> Http<'_> {
        Http::new(&self.host)
    }

    /// The runtime's log.
    pub fn log(&self) -> Log<'_> {
        Log::new(&self.host)
    }
}

impl<R: DeserializeOwned, I: DeserializeOwned> Call<R, I> {
    /// Reads what came in. The resource's owner reads the message, so serde's words about the resource are no secret; those about
    /// inputs are the runtime's, so they are left out.
    pub(crate) fn new(incoming: Incoming) -> Result<Self, Error> {
        let Incoming { entry, primary, inputs, children, deleting, host } = incoming;
        let resource = decode(&primary)
            .map_err(|error: DecodeError| Error::failed(format!("the resource: {error}: {}", error.detail())))?;
        let inputs = decode(&inputs).map_err(|error| Error::failed(format!("the inputs: {error}")))?;
        Ok(Self { entry, resource, inputs, children, deleting, host })
    }
}
