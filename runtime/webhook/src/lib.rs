//! Conversion and admission over HTTPS: reviews in, answers out, and the certificates for it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admission;
pub mod certificates;
mod metrics;
pub mod review;
mod routes;
mod server;

pub use metrics::{Admissions, BUCKETS, Metrics, Snapshot};
pub use routes::{Admission, Admit, Convert, Refused, Routes, Table, Violation};
pub use server::{Options, ServeError, Served, Server};
