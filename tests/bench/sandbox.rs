//! What the sandbox costs, as medians and ratios of one run: a fresh instance, one reconcile against the same program without a
//! sandbox and against hand-written Rust, one converted object likewise, and the memory of a loaded pattern.
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
    conversion(&sandbox);
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
    sample(&mut subjects);
    println!(
        "{} bytes of custom resource, {} of program, {} of component",
        primary.len(),
        program.len(),
        component.len()
    );
    println!("{} bytes of engine\n", orkestra_component::engine().bytes.len());
    print(subjects);
    println!("ratio: to the reconcile in the sandbox\n");
}

/// One object of 1 kB and one of 10 kB, whose fields go elsewhere; each is judged by its way back.
fn conversion(sandbox: &Sandbox) {
    let source = orkestra_pattern::Source::new()
        .with("katalog.yaml", include_bytes!("go-webhook/pattern/katalog.yaml"))
        .with("crd.yaml", include_bytes!("go-webhook/pattern/crd.yaml"));
    let (pattern, problems) = orkestra_pattern::check(&source);
    let compiled = orkestra_compile::compile(&pattern.unwrap_or_else(|| panic!("{problems:#?}"))).unwrap();
    let loaded = sandbox.load(&compiled.component, &[], Limits::default()).expect("the pattern");
    let native = orkestra_engine::Engine::load(&compiled.program);
    for items in [10, 160] {
        let items: Vec<_> = (0..items)
            .map(|n| serde_json::json!({"name": format!("item-{n:04}"), "value": "some text of this item"}))
            .collect();
        let object = serde_json::json!({"apiVersion": "example.com/v2", "kind": "Thing",
            "metadata": {"name": "x", "namespace": "default", "uid": "u", "labels": {"a": "b"}},
            "spec": {"instances": 3, "storage": {"size": "1Gi", "class": "fast"},
                "resources": {"cpu": "1", "memory": "1Gi"}, "items": items},
            "status": {"observedGeneration": 1}})
        .to_string();
        let object = object.as_bytes();
        let mut subjects: [Subject<'_>; 3] = [
            ("fresh instance, not called", Vec::new(), Box::new(|| black_box(loaded.try_instance()).unwrap())),
            (
                "conversion in the sandbox",
                Vec::new(),
                Box::new(|| drop(black_box(loaded.convert("thing", "v1", black_box(&[object])).unwrap()))),
            ),
            (
                "same program and engine, native",
                Vec::new(),
                Box::new(|| drop(black_box(native.convert("thing", "v1", black_box(object), u64::MAX).unwrap()))),
            ),
        ];
        sample(&mut subjects);
        println!("{} bytes of object", object.len());
        print(subjects);
        println!("ratio: to the conversion in the sandbox\n");
    }
}

fn sample(subjects: &mut [Subject<'_>]) {
    for _ in 0..SAMPLES {
        for (_, samples, call) in subjects.iter_mut() {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            samples.push(start.elapsed() / CALLS);
        }
    }
}

/// Medians, and their ratios to the second one.
fn print<const N: usize>(subjects: [Subject<'_>; N]) {
    println!("{:36}{:>12}{:>12}", "", "median", "ratio");
    let medians = subjects.map(|(name, mut samples, _)| {
        samples.sort_unstable();
        (name, samples[samples.len() / 2])
    });
    let sandboxed = medians[1].1.as_secs_f64();
    for (name, median) in medians {
        println!("{name:36}{:>9.1} µs{:>12.2}", median.as_secs_f64() * 1e6, median.as_secs_f64() / sandboxed);
    }
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
