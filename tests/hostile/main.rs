//! Hostile components, programs, plans and artifacts, as one table: [`table::CLASSES`], rendered in `TABLE.md`.
//!
//! Each row is contained or refused with the right name. Its twin, the same thing within the rules, is accepted after it, and the
//! process goes on. Beside the table are the few attacks that are no row: those of many calls, and those of every byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]

mod artifacts;
mod calls;
mod code;
mod components;
mod conversions;
mod guest;
mod layouts;
mod lists;
mod plans;
mod programs;
mod signatures;
mod sound;
mod stage;
mod table;
mod texts;
mod throttle;
mod yaml;

use std::sync::OnceLock;
use std::time::Duration;

use orkestra_component::{Exports, encode_code};
use orkestra_sandbox::{Grant, Limits, LoadError, Pattern, Request, Sandbox, Settings};

use guest::Guest;
use table::Verdict;

/// The one sandbox of this process: what one test does to it, all others would notice.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(&Settings::default()).expect("a sandbox"))
}

/// Limits that end a hostile call soon.
fn small() -> Limits {
    Limits { deadline: Duration::from_millis(200), memory: 4 << 20, output: 64 << 10, ..Limits::default() }
}

fn request() -> Request {
    Request {
        primary: b"{}".to_vec(),
        children: Vec::new(),
        reads: Vec::new(),
        inputs: b"{}".to_vec(),
        hooks: b"{}".to_vec(),
        now: 0,
        entropy: vec![0; 32],
        deleting: false,
        budget: u64::MAX,
    }
}

/// Loads code in the engine's place, with the grant that it needs.
fn load(guest: &Guest, limits: Limits) -> Result<Pattern, LoadError> {
    sandbox().load(&encode_code(&guest.module(), guest.exports()), &[Grant::Code], limits)
}

/// Loads a guest and calls it once. A failure is counted under its name, once.
fn call(guest: &Guest, limits: Limits) -> Verdict {
    let pattern = load(guest, limits).map_err(|refused| refused.reason())?;
    call_of(&pattern)
}

/// Calls a loaded pattern once.
fn call_of(pattern: &Pattern) -> Verdict {
    let Err(failure) = pattern.reconcile("any", &request()) else { return Ok(()) };
    let metrics = pattern.metrics();
    let counted = metrics.failures.iter().find(|(name, _)| *name == failure.reason()).expect("a counted failure");
    assert_eq!(counted.1, 1, "{metrics:?}");
    Err(failure.reason())
}

/// Loads bytes with or without the grant `code`, and calls what was loaded.
fn component(bytes: &[u8], grants: &[Grant]) -> Verdict {
    let pattern = sandbox().load(bytes, grants, small()).map_err(|refused| refused.reason())?;
    call_of(&pattern)
}

/// A component that holds this core module in the engine's place.
fn of_module(module: &[u8]) -> Vec<u8> {
    encode_code(module, Exports::PATTERN)
}
