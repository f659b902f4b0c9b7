//! From a checked pattern to its program and its component.
//!
//! `lower → encode`: [`lower()`] turns a pattern into the engine's program, [`compile()`] wraps the program's bytes into the
//! component. Neither reads anything but its argument, so the same pattern gives the same bytes. [`policy()`] says its rules in an API
//! server's own language.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod component;
mod conversion;
pub mod lower;
mod policy;
mod program;
mod template;
#[cfg(test)]
mod tests;

pub use component::{Compiled, compile};
pub use policy::{Cannot, Left, Policy, Validation, Variable, policy, selected};
pub use program::lower;

/// Why a checked pattern has no component.
///
/// A pattern that the check lets through has one, but for the bounds of the program format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A reference to a child or a read that the entry does not have.
    #[error("entry `{entry}`: `{from}` uses {what} `{id}`, which the entry does not have")]
    UnknownReference {
        /// The entry.
        entry: String,
        /// Id of the child, or path of the status field, that uses it.
        from: String,
        /// `child`, `read`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// More of something than the program format counts.
    #[error("entry `{entry}` has more than {max} {what}")]
    TooMany {
        /// The entry.
        entry: String,
        /// `children`, `vars`, `reads`.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// The program is beyond a bound of its format.
    #[error("the program is not one that the engine would run")]
    Program(#[source] orkestra_program::ReadError),
}

impl Error {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownReference { .. } => "UnknownReference",
            Self::TooMany { .. } => "ProgramBounds",
            Self::Program(error) => error.reason(),
        }
    }
}
