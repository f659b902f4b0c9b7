//! Hostile components. Each is contained or refused with the right name, its twin that stays just under the limit is
//! accepted, and afterwards the process goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod guest;
mod limits;
mod output;
mod program;
mod refused;

use std::sync::OnceLock;
use std::time::Duration;

use orkestra_component::{Exports, encode_code};
use orkestra_sandbox::{Failure, Grant, Limits, Pattern, Plan, Request, Sandbox, Settings};

use guest::Guest;

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

fn load(guest: &Guest, limits: Limits) -> Pattern {
    let component = encode_code(&guest.module(), Exports::PATTERN);
    sandbox().load(&component, &[Grant::Code], limits).expect("a loadable component")
}

fn run(guest: &Guest, limits: Limits) -> Result<Plan, Failure> {
    load(guest, limits).reconcile("any", &request())
}

/// Runs a hostile guest and gives the name of its end; then shows that the sandbox still works.
fn ends(hostile: &Guest, limits: Limits) -> &'static str {
    let pattern = load(hostile, limits);
    let reason = pattern.reconcile("any", &request()).expect_err("a hostile component").reason();
    let metrics = pattern.metrics();
    let counted = metrics.failures.iter().find(|(name, _)| *name == reason).expect("a counted failure");
    assert_eq!(counted.1, 1, "{metrics:?}");
    accepts(&Guest::default(), Limits::default());
    program::honest().reconcile("any", &request()).expect("the sandbox still works");
    reason
}

fn accepts(twin: &Guest, limits: Limits) -> Plan {
    run(twin, limits).expect("the twin")
}
