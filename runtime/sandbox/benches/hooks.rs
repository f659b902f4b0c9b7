//! How much later than its deadline a hook's call ends: one that computes, and one that waits in a host call. And what a call costs
//! that does nothing.
//!
//! Run it with `cargo bench --workspace --bench hooks`; components that are named behind `--` are measured as well, as far as they
//! wait for a read of the cluster: those of `guest-sdk/js/examples/team` and of `tests/hooks/team`, which is the same in Rust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, dead_code)]

#[path = "../tests/hooks/guest.rs"]
mod guest;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guest::{Guest, get_secret};
use orkestra_sandbox::capability::{ClusterRead, Granted, Readable, Reading};
use orkestra_sandbox::{Hook, HookLimits, HookRequest, HookSettings, Point, Sandbox, Settings};
use wasm_encoder::{BlockType, InstructionSink};

const CALLS: usize = 200;
const DEADLINE: Duration = Duration::from_millis(50);

/// A cluster that never answers.
struct Silent;

impl ClusterRead for Silent {
    fn get(&self, _: &Readable, _: Option<String>, _: String, _: Vec<String>) -> Reading<Vec<u8>> {
        Box::pin(pending())
    }

    fn list(&self, _: &Readable, _: Option<String>, _: Vec<(String, String)>, _: Vec<String>) -> Reading<Vec<Vec<u8>>> {
        Box::pin(pending())
    }
}

fn load(sandbox: &Sandbox, guest: &Guest<'_>, deadline: Duration) -> Hook {
    load_component(sandbox, &guest.component(), deadline)
}

fn load_component(sandbox: &Sandbox, component: &[u8], deadline: Duration) -> Hook {
    let readable = |kind: &str| Readable { api_version: "v1".to_owned(), kind: kind.to_owned() };
    let granted = Granted { cluster_read: vec![readable("Secret"), readable("ConfigMap")], ..Granted::default() };
    let limits = HookLimits { deadline, fuel: u64::MAX, ..HookLimits::default() };
    let points = vec![Point::BeforeRender];
    sandbox.load_hook(component, HookSettings { pattern: "bench".to_owned(), points, granted, limits }).unwrap()
}

fn request() -> HookRequest {
    HookRequest {
        entry: "web".to_owned(),
        primary: br#"{"metadata":{"name":"a"},"spec":{"team":"blue"}}"#.to_vec(),
        inputs: b"{}".to_vec(),
        children: Vec::new(),
        deleting: false,
    }
}

/// The times of calls, one after another.
fn times(hook: &Hook, calls: usize) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut times = Vec::new();
        for _ in 0..calls {
            let start = Instant::now();
            // The outcome is the test's to look at: `what_computes_and_what_waits_ends_at_the_deadline`.
            drop(hook.before_render(request(), Arc::new(Silent)).await);
            times.push(start.elapsed());
        }
        times.sort();
        times
    })
}

fn main() {
    let sandbox = Sandbox::new(&Settings { slots: 8, ..Settings::default() }).unwrap();
    let endless = |code: &mut InstructionSink<'_>| {
        code.loop_(BlockType::Empty).br(0).end();
    };
    let waits = |code: &mut InstructionSink<'_>| get_secret(code, None);
    println!("{CALLS} calls with a deadline of {} ms; how much later each ends", DEADLINE.as_millis());
    let mut hooks = vec![
        (
            "waits in a host call".to_owned(),
            load(&sandbox, &Guest { body: &waits, text: b"Secret", ..Guest::default() }, DEADLINE),
        ),
        ("computes".to_owned(), load(&sandbox, &Guest { body: &endless, ..Guest::default() }, DEADLINE)),
    ];
    for path in std::env::args().skip(1).filter(|argument| argument.ends_with(".wasm")) {
        let component = std::fs::read(&path).expect("a component");
        hooks.push((path, load_component(&sandbox, &component, DEADLINE)));
    }
    for (name, hook) in hooks {
        let excess: Vec<f64> =
            times(&hook, CALLS).iter().map(|time| time.saturating_sub(DEADLINE).as_secs_f64() * 1e3).collect();
        let at = |share: f64| excess[((excess.len() - 1) as f64 * share) as usize];
        println!("  {name:<22} p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms", at(0.5), at(0.99), at(1.0));
    }
    let idle = times(&load(&sandbox, &Guest::default(), Duration::from_secs(5)), 1000);
    println!("a call that only answers: p50 {:.0} µs", idle[idle.len() / 2].as_secs_f64() * 1e6);
}
