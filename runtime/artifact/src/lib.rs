//! The OCI form of a pattern and its transport: `pack → push`, `pull → verify → unpack`.
//!
//! Bytes and digests only: nothing here knows what a Katalog means, and nothing reads the environment, but for the system's store of
//! certificate authorities, whose library takes `SSL_CERT_FILE` as every other client does.
//! Everything that a registry says is foreign: it is bounded before it is read and verified before it is used.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(test)]
mod adversity;
pub mod cache;
pub mod config;
pub mod copy;
pub mod credentials;
pub mod digest;
pub mod error;
mod files;
pub mod http;
pub mod json;
pub mod layout;
pub mod listing;
pub mod manifest;
#[cfg(test)]
mod memory;
mod oci;
pub mod pack;
pub mod progress;
pub mod pull;
pub mod push;
pub mod reference;
pub mod registry;
pub mod role;
pub mod signature;
pub mod tree;
pub mod trust;
pub mod verified;
pub mod versions;

pub use cache::{Cache, Cached};
pub use config::Config;
pub use copy::{Copied, copy};
pub use credentials::{Credential, Credentials, Secret};
pub use digest::Digest;
pub use error::Error;
pub use http::{HttpOptions, HttpRegistry, PlainHttp};
pub use listing::Listing;
pub use manifest::PatternManifest;
pub use oci::{INDEX_MEDIA_TYPE, is_about_another};
pub use pack::{Contents, Package, pack};
pub use progress::{Progress, Silent};
pub use pull::{Pulled, pull};
pub use push::{PushOptions, Pushed, push};
pub use reference::{ManifestRef, Reference, Repository};
pub use registry::{Descriptor, Fetched, RawManifest, Registry};
pub use role::Role;
pub use verified::{Unpacked, Verification, Verified};
