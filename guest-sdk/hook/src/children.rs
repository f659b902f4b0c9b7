//! The children that a hook may change.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::decode::decode;
use crate::point::{RawChild, object};
use crate::{Error, ReadError, ReadFailure, partial};

/// The children of a resource after render, in the order of their application: those that the entry lists below
/// `hooks.afterRender.children` and that are rendered at the moment.
///
/// What is left in it is the answer. A child that is not touched goes back byte for byte.
///
/// A child is addressed by its id, or by its id and key where there is one for each element of `forEach`:
/// `children.get::<Service>("web")`, `children.remove(("job", "blue"))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Children {
    children: Vec<RawChild>,
}

/// Which child: an id of the Katalog, and the element's key where `forEach` makes it. It is made of an id, or of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Its id in the Katalog.
    pub id: &'a str,
    /// The key of its element.
    pub key: Option<&'a str>,
}

impl<'a> From<&'a str> for Address<'a> {
    fn from(id: &'a str) -> Self {
        Self { id, key: None }
    }
}

impl<'a> From<(&'a str, &'a str)> for Address<'a> {
    fn from((id, key): (&'a str, &'a str)) -> Self {
        Self { id, key: Some(key) }
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(key) => write!(f, "child {} of {key}", self.id),
            None => write!(f, "child {}", self.id),
        }
    }
}

impl Children {
    pub(crate) fn new(children: Vec<RawChild>) -> Self {
        Self { children }
    }

    pub(crate) fn into_raw(self) -> Vec<RawChild> {
        self.children
    }

    /// The addresses of all of them, in their order.
    pub fn addresses(&self) -> impl Iterator<Item = Address<'_>> {
        self.children.iter().map(RawChild::address)
    }

    /// The keys of the children of an id, in their order.
    pub fn keys(&self, id: &str) -> Vec<String> {
        self.children.iter().filter(|child| child.id == id).filter_map(|child| child.key.clone()).collect()
    }

    /// A child as it is to be applied; none where it is not rendered at the moment.
    ///
    /// # Errors
    ///
    /// [`ReadFailure::Decode`]: it is no `T`.
    pub fn get<'a, T: DeserializeOwned>(&self, child: impl Into<Address<'a>>) -> Result<Option<T>, ReadError> {
        let address = child.into();
        let Some(child) = self.children.iter().find(|child| child.address() == address) else { return Ok(None) };
        let object = decode(&child.object);
        object.map(Some).map_err(|error| ReadError::new(address.to_string(), ReadFailure::Decode(error)))
    }

    /// Changes a child, and says whether it is there.
    ///
    /// A `T` has the fields that the hook reads and changes; all others stay as they are. Elements of a list are told apart by their
    /// `name`. Where they have none, they can be changed at their place, and new ones come at the end; any other change needs a `T` that
    /// has all of their fields. A field of an `Option` should have `skip_serializing_if`, so that it goes where there is none.
    ///
    /// # Errors
    ///
    /// Failed: it is no `T`, or the elements of a list cannot be told apart.
    pub fn change<'a, T: DeserializeOwned + Serialize>(
        &mut self,
        child: impl Into<Address<'a>>,
        change: impl FnOnce(&mut T),
    ) -> Result<bool, Error> {
        let address = child.into();
        let Some(child) = self.find(address) else { return Ok(false) };
        child.object = partial::change(address, &child.object, |mut object| {
            change(&mut object);
            Ok(object)
        })?;
        Ok(true)
    }

    /// Puts another object in the place of a child, whole: a field that `T` does not have is gone. [`Children::change`] keeps it.
    ///
    /// # Errors
    ///
    /// Failed: there is no such child, or a `T` is no JSON object.
    pub fn replace<'a, T: Serialize + ?Sized>(&mut self, child: impl Into<Address<'a>>, with: &T) -> Result<(), Error> {
        let address = child.into();
        let json = written(address, with)?;
        let child = self.find(address);
        let child = child.ok_or_else(|| Error::failed(format!("{address} is not rendered and cannot be replaced")))?;
        child.object = json;
        Ok(())
    }

    /// Takes a child out, and says whether it was there. What the cluster has of it is pruned.
    pub fn remove<'a>(&mut self, child: impl Into<Address<'a>>) -> bool {
        let address = child.into();
        let count = self.children.len();
        self.children.retain(|child| child.address() != address);
        self.children.len() < count
    }

    /// Adds a child that the entry lists below `hooks.afterRender.produces`, after the others: by its id, and by a key of the hook's
    /// choice where there are many. The runtime refuses one that is not listed.
    ///
    /// # Errors
    ///
    /// Failed: it is there already, or a `T` is no JSON object.
    pub fn add<'a, T: Serialize + ?Sized>(&mut self, child: impl Into<Address<'a>>, object: &T) -> Result<(), Error> {
        let address = child.into();
        if self.find(address).is_some() {
            return Err(Error::failed(format!("{address} is there already and cannot be added")));
        }
        let object = written(address, object)?;
        self.children.push(RawChild { id: address.id.to_owned(), key: address.key.map(str::to_owned), object });
        Ok(())
    }

    fn find(&mut self, address: Address<'_>) -> Option<&mut RawChild> {
        self.children.iter_mut().find(|child| child.address() == address)
    }
}

impl RawChild {
    fn address(&self) -> Address<'_> {
        Address { id: &self.id, key: self.key.as_deref() }
    }
}

fn written<T: Serialize + ?Sized>(address: Address<'_>, value: &T) -> Result<Vec<u8>, Error> {
    object(value)?.ok_or_else(|| Error::failed(format!("{address}: what the hook makes of it is no object")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn raw(id: &str, key: Option<&str>, object: &str) -> RawChild {
        RawChild { id: id.to_owned(), key: key.map(str::to_owned), object: object.as_bytes().to_vec() }
    }

    #[test]
    fn what_is_not_touched_goes_back_byte_for_byte() {
        let given = vec![
            raw("web", None, r#"{ "b": 1.0, "a" : [] }"#),
            raw("job", Some("x"), r#"{"n":1}"#),
            raw("job", Some("y"), r#"{"n":2}"#),
        ];
        let mut children = Children::new(given.clone());
        assert_eq!(children.get::<Value>("web").unwrap(), Some(json!({"a": [], "b": 1.0})));
        assert!(children.change("web", |_: &mut Value| ()).unwrap());
        assert_eq!(children.clone().into_raw(), given);

        children.replace(("job", "x"), &json!({"n": 3})).unwrap();
        children.remove(("job", "y"));
        children.add("made", &json!({"m": 1})).unwrap();
        let expected = [given[0].clone(), raw("job", Some("x"), r#"{"n":3}"#), raw("made", None, r#"{"m":1}"#)];
        assert_eq!(children.into_raw(), expected);
    }
}
