//! The OCI form of a pattern and its transport: `pack → push`, `pull → verify → unpack`.
//!
//! Bytes and digests only: nothing here knows what a Katalog means, and nothing reads the environment.
//! Everything that a registry says is foreign: it is bounded before it is read and verified before it is used.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod digest;
pub mod error;
#[cfg(test)]
mod memory;
pub mod reference;
pub mod registry;
pub mod signature;
pub mod trust;

pub use digest::Digest;
pub use error::Error;
pub use reference::{ManifestRef, Reference, Repository};
pub use registry::{Descriptor, Fetched, RawManifest, Registry};
