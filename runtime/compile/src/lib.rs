//! From a checked pattern to its program and its component.
//!
//! `lower → encode`: [`lower()`] turns a pattern into the engine's program, [`compile`] wraps the program's bytes into the
//! component. Neither reads anything but its argument, so the same pattern gives the same bytes.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod lower;
mod program;
mod template;

pub use program::lower;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The program in its encoded form.
    pub program: Vec<u8>,
    /// The whole component: `pattern.wasm`.
    pub component: Vec<u8>,
    /// SHA-256 of the engine that the component pins.
    pub engine: [u8; 32],
}

/// Why a checked pattern has no program. Each is a fault of the check, which should have said it with a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A reference to a child that the entry does not have.
    #[error("entry `{entry}`: `{from}` reads child `{id}`, which the entry does not have")]
    UnknownChild {
        /// The entry.
        entry: String,
        /// Id of the child, or path of the status field, that reads it.
        from: String,
        /// What it reads.
        id: String,
    },
    /// More of something than the program format counts.
    #[error("entry `{entry}` has more than {max} {what}")]
    TooMany {
        /// The entry.
        entry: String,
        /// `children`, `vars`.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
}
