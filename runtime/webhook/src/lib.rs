//! Conversion over HTTPS: reviews in, converted objects out, and the certificates for it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod certificates;
mod convert;
pub mod review;

pub use convert::{Convert, Refused, Routes};
