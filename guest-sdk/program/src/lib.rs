//! The program format: what the compiler writes and the engine reads in place.
//!
//! [`model`] is the program as the compiler builds it, [`encode`] turns it into bytes, [`Program`] reads those bytes
//! without building anything, and [`decode`] turns them back into the model. The bytes are a function of the model, and
//! nothing in them is trusted: the readers check every bound, never panic, and only move forward.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod admission;
mod bytes;
mod decode;
mod encode;
mod error;
pub mod function;
pub mod layout;
pub mod model;
mod reader;
mod reads;
mod records;
mod status;

pub use admission::{MutationCode, RequeueCode, RuleCode};
pub use bytes::Code;
pub use decode::decode;
pub use encode::encode;
pub use error::ReadError;
pub use reader::Program;
pub use reads::{ReadCode, RequirementCode, WhichCode};
pub use records::{
    Blocks, ChildCode, ConversionCode, EntryCode, EvaluationCode, FoldCode, ForEachCode, GivenCode, HoleCode, Keys,
    LocatedCode, LoopCode, MadeNode, MadeObjectCode, Node, Numbers, ObjectCode, OthersCode, SchemaNode, ShapeNode,
    TemplateNode, VersionCode,
};
pub use status::{ConditionCode, StatusCode};

/// Cost units that one expression may use at most (the limit of the Kubernetes CEL cost model).
pub const EXPRESSION_BUDGET: u64 = 1_000_000;
/// Cost units that one reconcile or one converted object may use by default.
pub const CALL_BUDGET: u64 = 10_000_000;
