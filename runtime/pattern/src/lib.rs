//! The Katalog language: source, syntax tree, checked pattern, diagnostics.
//!
//! `parse → check` turns the files of a pattern directory into a [`model::Pattern`] and diagnostics. A mistake of the author
//! is a result, not a failure: both are always returned. Nothing here reads a file, the environment or a clock.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod ast;
pub mod capability;
pub mod cel;
mod check;
pub mod codes;
pub mod cost;
pub mod diagnostic;
pub mod eras;
pub mod fields;
pub mod infer;
pub mod kinds;
pub mod model;
pub mod proof;
pub mod query;
pub mod rights;
#[cfg(test)]
mod rights_tests;
pub mod schema;
mod shorthand;
pub mod source;
pub mod table;
pub mod yaml;

pub use ast::KATALOG;
pub use check::{
    FOREIGN, REQUIRED_FILES, check, check_keeping, check_merged, child_id, cost_of, costs, katalog, required_files,
    rights_changed, scope,
};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use source::Source;
