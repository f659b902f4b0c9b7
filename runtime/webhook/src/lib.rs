//! Conversion over HTTPS: reviews in, converted objects out, and the certificates for it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admission;
pub mod certificates;
mod convert;
mod metrics;
pub mod review;
mod server;

pub use convert::{Convert, Refused, Routes};
pub use metrics::{BUCKETS, Metrics, Snapshot};
pub use server::{Options, ServeError, Served, Server};
