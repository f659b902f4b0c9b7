//! Registries over HTTP.

mod error;

pub use error::{HttpError, Said};
