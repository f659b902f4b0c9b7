//! A hook that fails for a resource with thirteen parts, so that there is a failure to count.

use orkestra_hook::{Call, Error, Validate, Violation, export};
use serde::Deserialize;
use serde::de::IgnoredAny;

struct Share;

#[derive(Deserialize)]
struct Resource {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    parts: i64,
}

impl Validate for Share {
    type Resource = Resource;
    type Inputs = IgnoredAny;

    fn validate(call: &Call<Resource, IgnoredAny>) -> Result<Vec<Violation>, Error> {
        match call.resource().spec.parts {
            13 => Err(Error::failed("as asked for")),
            _ => Ok(Vec::new()),
        }
    }
}

export!(validate = Share);
