//! Conversions that a test makes.

use serde_json::Value;

use super::{Current, FakeHost};
use crate::point::convert::{Batch, Pair, run};
use crate::{Convert, Error};

/// A batch of conversions that a test makes, from [`FakeHost::conversions`]. Without more it is of the entry `test`, and empty.
#[derive(Debug)]
#[must_use = "nothing is called before `convert`"]
pub struct Conversions {
    batch: Batch,
}

impl Conversions {
    pub(super) fn new(host: FakeHost, version: &str) -> Self {
        let host = Current { host, namespace: None };
        let (entry, version) = ("test".to_owned(), version.to_owned());
        Self { batch: Batch { entry, version, objects: Vec::new(), host } }
    }

    /// The entry of the Katalog.
    pub fn entry(mut self, entry: &str) -> Self {
        self.batch.entry = entry.to_owned();
        self
    }

    /// One more object: as it came, and as the rules made it.
    pub fn object(mut self, source: impl Into<Value>, target: impl Into<Value>) -> Self {
        let json = |value: Value| value.to_string().into_bytes();
        self.batch.objects.push(Pair { source: json(source.into()), target: json(target.into()) });
        self
    }

    /// Runs a hook on all objects, and gives the targets in their order.
    ///
    /// # Errors
    ///
    /// Those of the hook, and failed: an object is not of its types, or what it gives is none.
    pub fn convert<H: Convert>(self) -> Result<Vec<Value>, Error> {
        run::<H>(self.batch)?.iter().map(|json| Ok(serde_json::from_slice(json)?)).collect()
    }
}
