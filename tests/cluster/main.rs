//! A pattern on a real API server, from custom resources to children, counted from the server's own audit log.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

mod admission;
mod bundle;
mod canary;
mod collector;
mod decorators;
mod definitions;
mod dry_run;
mod elements;
mod elsewhere;
mod eras;
mod events;
#[allow(dead_code, reason = "the suites `outage` and `soak` use the rest")]
mod fixture;
mod flows;
mod follow;
mod foreign;
mod identity;
mod in_cluster;
mod leader;
mod lifecycle;
mod matrix;
mod ownership;
mod policies;
mod reads;
mod readyz;
mod repair;
mod rollout;
mod running;
mod shards;
mod shipped;
mod sight;
mod silence;
mod status;
mod storage;
mod traces;
mod uninstall;
mod upgrade;
