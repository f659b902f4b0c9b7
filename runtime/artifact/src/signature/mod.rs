//! Signatures of artifacts, in the form that cosign writes and reads.
//!
//! What `cosign sign --key` (v3.1.3, without a transparency log) stores, and what is therefore written and read here:
//!
//! * a manifest `application/vnd.oci.image.manifest.v1+json` whose `subject` is the signed manifest, whose `artifactType` is
//!   [`BUNDLE_MEDIA_TYPE`], whose config is the two bytes `{}`, and which has exactly one layer, of type [`BUNDLE_MEDIA_TYPE`];
//! * in that layer a Sigstore bundle: JSON with a DSSE envelope that has one signature, and as `verificationMaterial` a hint at
//!   the public key, which nobody has to believe;
//! * in the envelope an in-toto statement with the predicate type [`PREDICATE_TYPE`], whose subject has the digest of the signed
//!   manifest. `cosign sign -a key=value` puts the annotations beside that digest, inside of what is signed.
//!
//! `cosign verify` looks at the referrers, takes each manifest with one bundle layer for a candidate, and is content with one
//! good statement of *any* predicate type. Here the predicate type has to be that of a signature: somebody who vouches for a list
//! of parts has not said that the artifact may run.
//!
//! A statement names a digest and nothing else, so that name and version follow from the digest alone: the config says them, and
//! [`crate::Verified::config`] holds them against what was asked for.

mod bundle;
mod error;
mod fetch;
mod key;
mod key_file;
mod pem;
mod sign;
mod statement;
mod verify;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fixtures;

pub use error::{KeyError, Rejected, Rejection, SignatureError};
pub use fetch::{FetchError, fetch};
pub use key::{PublicKey, SecretKey};
pub use key_file::{MAX_KEY_FILE, Password};
pub use sign::{SignOptions, Signed, sign};
pub use statement::SIGNED_AT;
pub use verify::{MAX_CANDIDATES, Policy, Signers, verify};

/// What a Sigstore bundle is called, as a layer and as the type of the artifact around it.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What a statement says of its subject when it is a signature and no other attestation.
pub const PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The largest bundle that is read, in bytes.
pub const MAX_BUNDLE: u64 = 1 << 20;
