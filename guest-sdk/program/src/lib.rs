//! The program format: what the compiler writes and the engine reads in place.
//!
//! [`model`] is the program as the compiler builds it.
#![no_std]

extern crate alloc;

pub mod function;
pub mod model;

/// Cost units that one expression may use at most (the limit of the Kubernetes CEL cost model).
pub const EXPRESSION_BUDGET: u64 = 1_000_000;
/// Cost units that one reconcile or one converted object may use by default.
pub const CALL_BUDGET: u64 = 10_000_000;
