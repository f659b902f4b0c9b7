//! The engine: executes programs inside the sandbox.
//!
//! Built for `wasm32-unknown-unknown` it is the module that every pattern imports: no imports, fresh memory for each
//! call, nothing freed. Built as a library it is the same code for tests and benchmarks.
//!
//! It neither parses YAML nor CEL. Programs ([`orkestra_program`]) are read in place, and of the request's JSON only
//! what an expression looks at.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(target_arch = "wasm32")]
mod abi;
mod admission;
mod api;
mod compare;
mod convert;
mod cost;
mod elements;
mod eval;
mod fault;
mod functions;
mod json;
#[cfg(target_arch = "wasm32")]
mod memory;
mod number;
mod observed;
mod opaque;
mod reconcile;
mod template;
mod time;
mod typed;
mod value;
mod zone;

pub use api::{
    ChildRef, Conversion, Engine, Evaluation, Failure, Observed, Plan, PlannedChild, Read, Request, Requirement,
    WantedRead,
};
