//! What the suites share: one control plane for a test program, a namespace for each test, and a small vocabulary.
//!
//! ```no_run
//! use orkestra_tests::{SERVICE, with_namespace};
//!
//! with_namespace("deleted-service", async |ns| {
//!     ns.apply("...").await;
//!     ns.wait_for(SERVICE, "shop-svc").await;
//!     ns.delete(SERVICE, "shop-svc").await;
//!     ns.wait_for(SERVICE, "shop-svc").await;
//! });
//! ```
//!
//! Everything here fails by panicking with what was waited for and what was there instead: it runs in tests only.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

pub mod audit;
mod cluster;
mod eventually;
mod kinds;
mod namespace;
mod ork;
mod relay;
mod rights;

pub use audit::{Audit, Mark, Request};
pub use cluster::{Cluster, cluster, options};
pub use eventually::{LONG, SHORTLY, eventually, never_within};
pub use kinds::*;
pub use namespace::{Namespace, condition_of, with_namespace};
pub use ork::{Ork, ork, program};
pub use relay::relay;
pub use rights::{Granted, pattern_directory, pattern_files};

/// The root of the source tree.
#[must_use]
pub fn source_root() -> std::path::PathBuf {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests package lies in the source tree").to_owned()
}
