//! What the sandbox costs, as medians and ratios of one run: a fresh instance, one reconcile against the same program without a
//! sandbox and against hand-written Rust, and the memory of a loaded pattern.
//!
//! Run it with `cargo bench --workspace --bench sandbox`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod subject;

use std::hint::black_box;
use std::time::{Duration, Instant};

use orkestra_component::{Exports, encode};
use orkestra_sandbox::{Limits, Pattern, Request, Sandbox, Settings};

/// Samples of each subject, taken in turn so that whatever else the machine does meets all of them.
const SAMPLES: usize = 300;
/// Calls in one sample.
const CALLS: u32 = 20;

fn main() {
    // `cargo bench` and `cargo test --benches` pass options for the usual harness; there is nothing here to choose.
    let sandbox = Sandbox::new(&Settings::default()).expect("a sandbox");
    time(&sandbox);
    memory(&sandbox);
}

/// A name, what was measured, and a call.
type Subject<'a> = (&'static str, Vec<Duration>, Box<dyn Fn() + 'a>);

fn time(sandbox: &Sandbox) {
    let program = orkestra_program::encode(&subject::program(""));
    let component = encode(&program, Exports::PATTERN);
    let pattern = sandbox.load(&component, &[], Limits::default()).expect("the pattern");
    let primary = subject::primary();
    let request = request(&primary);
    subject::expect_equal(&pattern.reconcile("web", &request).unwrap(), &primary);

    let native = orkestra_engine::Engine::load(&program);
    let native_request = orkestra_engine::Request {
        primary: &primary,
        children: &[],
        reads: &[],
        inputs: b"{}",
        hooks: b"{}",
        now: 0,
        entropy: &[],
        deleting: false,
        budget: u64::MAX,
    };

    let mut subjects: [Subject<'_>; 4] = [
        ("fresh instance, not called", Vec::new(), Box::new(|| black_box(pattern.try_instance()).unwrap())),
        (
            "reconcile in the sandbox",
            Vec::new(),
            Box::new(|| drop(black_box(pattern.reconcile("web", black_box(&request)).unwrap()))),
        ),
        (
            "same program and engine, native",
            Vec::new(),
            Box::new(|| drop(black_box(native.reconcile("web", black_box(&native_request)).unwrap()))),
        ),
        ("hand-written serde", Vec::new(), Box::new(|| drop(black_box(subject::by_hand(black_box(&primary)))))),
    ];
    for _ in 0..SAMPLES {
        for (_, samples, call) in &mut subjects {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            samples.push(start.elapsed() / CALLS);
        }
    }

    println!(
        "{} bytes of custom resource, {} of program, {} of component",
        primary.len(),
        program.len(),
        component.len()
    );
    println!("{} bytes of engine\n", orkestra_component::engine().bytes.len());
    println!("{:36}{:>12}{:>12}", "", "median", "ratio");
    let medians = subjects.map(|(name, mut samples, _)| {
        samples.sort_unstable();
        (name, samples[samples.len() / 2])
    });
    let sandboxed = medians[1].1.as_secs_f64();
    for (name, median) in medians {
        println!("{name:36}{:>9.1} µs{:>12.2}", median.as_secs_f64() * 1e6, median.as_secs_f64() / sandboxed);
    }
    println!("ratio: to the reconcile in the sandbox\n");
}

/// Every pattern is another program, is called once, and stays loaded.
fn memory(sandbox: &Sandbox) {
    let primary = subject::primary();
    let request = request(&primary);
    let mut patterns: Vec<Pattern> = Vec::new();
    let mut load = |upto: usize| {
        while patterns.len() < upto {
            let program = subject::program(&format!("pattern-{:04}", patterns.len()));
            let component = encode(&orkestra_program::encode(&program), Exports::PATTERN);
            let pattern = sandbox.load(&component, &[], Limits::default()).expect("a pattern");
            pattern.reconcile("web", &request).unwrap();
            patterns.push(pattern);
        }
        resident()
    };
    // The first one brings what all of them share.
    let before = load(1);
    println!("{:36}{:>12}{:>12}", "patterns", "resident", "each");
    for count in [10, 100, 1000] {
        let start = Instant::now();
        let more = load(count).saturating_sub(before);
        let each = more as f64 / (count - 1) as f64;
        let took = start.elapsed();
        println!("{count:<36}{:>8} KiB{:>8.1} KiB   loaded in {took:.1?}", more / 1024, each / 1024.0);
    }
}

fn request(primary: &[u8]) -> Request {
    Request {
        primary: primary.to_vec(),
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

/// Resident bytes of this process.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages: usize = pages.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("resident pages");
    pages * rustix::param::page_size()
}
