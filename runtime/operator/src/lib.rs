//! Watch, reconcile, apply, prune, status. The only crate that holds a kube client.
//!
//! [`Runtime::start`] takes [`Instance`]s, plain descriptions of patterns with their loaded components, and keeps every
//! primary's children as its pattern says. What a pattern's component returns is a wish: this crate decides identity,
//! ownership and permission, and sends nothing that was not checked here. [`preview()`] does the same without a cluster.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod about;
mod access;
mod api;
mod apply;
#[cfg(test)]
mod apply_tests;
mod backoff;
mod bring_up;
mod cache;
mod claim;
mod conditions;
mod conflict;
mod connect;
mod controller;
mod count;
mod definition;
mod definition_change;
mod deletion;
mod desired;
mod discovery;
mod dry_run;
mod election;
mod error;
mod evaluate;
mod events;
pub mod failpoint;
mod finalizer;
mod fleet;
mod generated;
mod hook;
mod identity;
mod instance;
mod inventory;
mod json;
pub mod komposer;
mod label_index;
mod lease;
mod limit;
mod lock;
mod managed_fields;
mod memory;
mod metrics;
pub mod migrate;
mod names;
mod object;
mod page;
mod plan;
mod preview;
mod prune;
mod queue;
mod queues;
mod readiness;
mod reads;
#[cfg(test)]
mod reads_tests;
mod recent;
mod reconcile;
#[cfg(test)]
mod reconcile_tests;
mod rehearsal;
mod rights;
mod run;
mod running;
#[cfg(test)]
mod scripted;
mod secret;
#[cfg(test)]
mod secret_tests;
mod send;
mod serve;
mod sharder;
mod shards;
mod standing;
mod start;
mod status;
mod status_write;
mod survey;
pub mod trace;
pub mod uninstall;
mod unsettled;
pub mod upgrade;
mod view;
mod watch;
#[cfg(test)]
mod watch_tests;
mod webhook;

pub use about::{About, Broken, Capability, Digests, Right, Scope, Text};
pub use conditions::{Condition, Problem, Summary, conditions};
pub use conflict::Contested;
pub use connect::{Access, Cluster, ConnectError, connect};
pub use definition_change::{DefinitionChange, Verdict, definition_changes, schema_changes};
pub use dry_run::{DryRun, Looked, dry_run};
pub use election::Election;
pub use error::{ApiError, Cause, Error, Refusal, StartError};
pub use identity::Identity;
pub use instance::{
    Admitting, AfterRender, Api, CheckGiven, ChildPolicy, Converting, DeclaredChild, DeclaredHook, DeclaredRead, Entry,
    Evaluate, Instance, RightsChanged,
};
pub use object::ObjectKey;
pub use preview::{Given, Preview, PreviewChild, preview};
pub use readiness::{Readiness, readiness};
pub use rehearsal::{Action, Change, Field};
pub use rights::NeededRight;
pub use run::{Ceilings, Handle, Options, Runtime};
pub use running::{Awaits, Running};
pub use serve::serve;
pub use survey::{Query, SeenCondition, SeenEvent, SurveyError, Surveyed, survey};
pub use view::{Seen, SeenObject};
pub use webhook::{Certificates, Reach, Webhook};
