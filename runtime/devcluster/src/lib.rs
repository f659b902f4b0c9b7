//! A throw-away control plane on loopback, for development, the demo and the tests.
//!
//! [`ControlPlane::start`] gives a real API server with its etcd, its controllers and its scheduler, and a *simulated
//! kubelet*: pods are bound to one node and become ready, but no container runs. Nothing of it outlives the process that
//! started it, whether that ends by itself, by a panic, by Ctrl-C or by SIGKILL.
//!
//! The programs are searched for in the directories that [`Options`] name, and built from two Go modules that this crate
//! carries where they are missing.
//!
//! This crate reads no environment variable and prints nothing: what a person should see goes to the `report` function
//! that the caller passes.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod binaries;
mod control_plane;
mod credentials;
mod error;
mod go_build;
mod kubectl;
mod options;
mod parts;
mod process;
pub mod versions;

pub use binaries::{Binaries, find_or_build, find_or_build_deployment, find_or_build_registries};
pub use control_plane::{ControlPlane, Part};
pub use error::Error;
pub use options::Options;
