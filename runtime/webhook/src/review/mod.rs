//! From the bytes of a `ConversionReview` to the bytes of its answer.
//!
//! # What is whose
//!
//! Count, order, `apiVersion`, `kind` and all metadata of an object but labels and annotations are the host's: they are
//! copied byte for byte from the review, whatever a guest answers. The rest is the guest's, after a check.
//!
//! # Failures
//!
//! A review that can be read gets an answer that is valid: its own `uid`, and either as many objects as it has or a status
//! `Failure` whose message says which object could not be converted, from where to where, why, and how to mend it. That
//! holds for long lists, too, because nothing is answered before the last object is converted.
//!
//! # Memory
//!
//! Results of a batch are written over the objects that they were made of, as far as they have room there. So a list
//! takes its own size, what its objects grew by, and the batches that are in work at the same time.

mod answer;
mod names;
mod read;
mod result;
mod scan;
mod shown;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Limits, convert};
pub use read::Unreadable;
pub(crate) use shown::Shown;
