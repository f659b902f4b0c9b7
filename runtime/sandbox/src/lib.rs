//! Loads components and calls them under limits. The only crate in the cluster path that knows wasmtime.
//!
//! A [`Sandbox`] holds one engine for the whole process. [`Sandbox::load`] proves that a component is a program and nothing
//! else, and gives a [`Pattern`]; each call of it runs in a fresh instance under its [`Limits`] and ends in a result or in a
//! [`Failure`] with a name. No failure ends the process or touches another call.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod abi;
pub mod capability;
mod compile;
pub mod confined;
mod engine;
mod failure;
mod hook;
mod limits;
mod metrics;
mod native;
mod pattern;
mod sandbox;
mod slots;
mod store;
mod types;

pub use compile::{Compilations, Compile, compile_child_main};
pub use confined::{ChildProgram, Confinement, Landlock};
pub use failure::{Failure, LoadError};
pub use hook::{
    Finalized, Hook, HookChild, HookConversion, HookLimits, HookRequest, HookSettings, HookViolation, Point,
};
pub use limits::Limits;
pub use metrics::Metrics;
pub use pattern::Pattern;
pub use sandbox::{Grant, Sandbox, Settings};
pub use types::{
    Change, Child, ChildRef, Conversion, Evaluation, Observed, Operator, Plan, Policy, Read, Request, Requirement,
    Review, Violation, WantedRead,
};
