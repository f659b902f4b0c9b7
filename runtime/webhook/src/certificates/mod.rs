//! Certificates for the webhook: made, kept in a Secret and renewed here, or read from a mounted directory.
//!
//! # Flow
//!
//! Whoever leads reads [`Kept`] from the Secret (or makes it), stores what [`Kept::next`] gives, and only then puts
//! [`Kept::bundle`] where clients read it. Every replica puts [`Kept::certified`] of what is stored into [`Serving`].
//! None of it has a clock or a client of its own: everything follows from what is kept, the names, the time and the terms,
//! except for the keys, which are random.
//!
//! # Guarantees
//!
//! An authority is replaced in three steps: the new one joins the bundle; after a grace, certificates are issued under it;
//! after another grace, the old one leaves the bundle. So a client that has the bundle of a state, or of the one before,
//! believes what is served in either. Clients that are further behind need a longer grace, or [`Kept::begin_grace_again`].
//!
//! # Caveats
//!
//! When nobody came to renew an authority before it ended, clients believe nothing until they have the new bundle.

mod error;
mod identity;
mod issued;
mod kept;
mod make;
mod mounted;
mod pem;
mod serving;
mod stored;
mod terms;
#[cfg(test)]
mod tests;
mod when;

pub use error::{CertificateError, Source};
pub use issued::{Issued, issue};
pub use kept::Kept;
pub use mounted::Mounted;
pub use serving::Serving;
pub use terms::Terms;
