//! Watch, reconcile, apply, prune, status. The only crate that holds a kube client.
//!
//! [`Runtime::start`] takes [`Instance`]s, plain descriptions of patterns with their loaded components, and keeps every
//! primary's children as its pattern says. What a pattern's component returns is a wish: this crate decides identity,
//! ownership and permission, and sends nothing that was not checked here. [`preview()`] does the same without a cluster.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod api;
mod apply;
#[cfg(test)]
mod apply_tests;
mod backoff;
mod cache;
mod conditions;
mod conflict;
mod connect;
mod controller;
mod definition;
mod definition_change;
mod desired;
mod discovery;
mod error;
mod events;
mod identity;
mod instance;
mod inventory;
mod json;
mod limit;
mod lock;
mod managed_fields;
mod metrics;
mod names;
mod object;
mod plan;
mod preview;
mod prune;
mod queue;
mod readiness;
mod reconcile;
#[cfg(test)]
mod reconcile_tests;
mod run;
#[cfg(test)]
mod scripted;
mod serve;
mod status;
mod status_write;
mod watch;
#[cfg(test)]
mod watch_tests;

pub use conditions::{Condition, Problem, Summary, conditions};
pub use conflict::Contested;
pub use connect::{Access, Cluster, ConnectError, connect};
pub use error::{ApiError, Cause, Error, Refusal, StartError};
pub use identity::Identity;
pub use instance::{Api, ChildPolicy, DeclaredChild, DeclaredRead, Entry, Evaluate, Instance};
pub use object::ObjectKey;
pub use preview::{Preview, PreviewChild, preview};
pub use readiness::{Readiness, readiness};
pub use run::{Ceilings, Handle, Options, Runtime};
pub use serve::serve;
