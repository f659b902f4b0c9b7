//! Conversion between the versions of a custom resource.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bombs;
mod kept;
mod live;
mod planted;
mod replicas;
mod rules;
mod scenarios;
mod subject;
mod upgrade;
