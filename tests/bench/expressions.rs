//! The expressions of `expressions.txt`: ours in the sandbox against another implementation of CEL without one, over the JSON of a
//! custom resource.
//!
//! Ours is a whole call: a fresh instance, the resource's bytes in, the value's bytes out. The other one gets its program compiled
//! beforehand and makes its values of the same bytes; the last column leaves that out as well.
//!
//! Run it with `cargo bench --workspace --bench expressions`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod expressions_object;
mod expressions_oracle;

use std::hint::black_box;
use std::time::{Duration, Instant};

use expressions_oracle::Oracle;
use orkestra_compile::lower::{self, Slots};
use orkestra_component::{Exports, encode};
use orkestra_pattern::cel::{self, Place, Scope};
use orkestra_pattern::schema::Schema;
use orkestra_program::model::{Entry, Hole, Program, StatusField, Target, Template};
use orkestra_sandbox::{Limits, Request, Sandbox, Settings};
use serde_json::{Value, json};

const LIST: &str = include_str!("expressions.txt");
/// Samples of each expression, of all subjects in turn so that whatever else the machine does meets all of them.
const SAMPLES: usize = 200;
/// Calls in one sample.
const CALLS: u32 = 10;

fn main() {
    // `cargo bench` and `cargo test --benches` pass options for the usual harness; there is nothing here to choose.
    let sources: Vec<&str> = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let object = expressions_object::object();
    let scope = Scope::new(&Schema::parse(&expressions_object::schema()).unwrap(), true);
    let entries: Vec<Entry> =
        sources.iter().enumerate().map(|(number, source)| entry(number, source, &scope)).collect();
    let component = encode(&orkestra_program::encode(&Program { entries, evaluations: vec![] }), Exports::PATTERN);
    let sandbox = Sandbox::new(&Settings::default()).expect("a sandbox");
    let pattern = sandbox.load(&component, &[], Limits::default()).expect("the pattern");
    let request = request(&object);
    let oracle = Oracle::new();
    let prepared = oracle.context(&object);

    let subjects: Vec<(&str, String, _)> =
        sources.iter().enumerate().map(|(number, source)| (*source, name(number), oracle.compile(source))).collect();
    for (source, name, program) in &subjects {
        let status: Value = serde_json::from_slice(&pattern.reconcile(name, &request).unwrap().status).unwrap();
        let native = program.execute(&prepared).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(status, json!({"value": expressions_oracle::json(&native)}), "both do the same work: {source}");
    }

    println!("{} bytes of custom resource\n", object.len());
    println!("{:>12}{:>12}{:>8}{:>12}{:>8}", "sandbox", "native", "ratio", "prepared", "ratio");
    let mut ratios = Vec::new();
    for (source, name, program) in &subjects {
        let ours = || pattern.reconcile(name, black_box(&request)).unwrap();
        let native = || program.execute(&oracle.context(black_box(&object))).unwrap();
        let without = || program.execute(black_box(&prepared)).unwrap();
        let [ours, native, without] = medians([&|| drop(ours()), &|| drop(native()), &|| drop(without())]);
        let (ratio, ratio_without) = (ours / native, ours / without);
        let micros = |seconds: f64| format!("{:.1} µs", seconds * 1e6);
        println!(
            "{:>12}{:>12}{ratio:>8.2}{:>12}{ratio_without:>8.2}  {source}",
            micros(ours),
            micros(native),
            micros(without)
        );
        ratios.push((ratio, ratio_without));
    }
    let mean =
        |of: fn(&(f64, f64)) -> f64| (ratios.iter().map(|pair| of(pair).ln()).sum::<f64>() / ratios.len() as f64).exp();
    println!("\ngeometric mean of {} ratios, sandbox to native: {:.2}", ratios.len(), mean(|pair| pair.0));
    println!("to native whose values were made of the JSON beforehand: {:.2}\n", mean(|pair| pair.1));
}

/// Seconds that a call of each subject takes.
fn medians<const N: usize>(subjects: [&dyn Fn(); N]) -> [f64; N] {
    let mut samples = subjects.map(|_| Vec::with_capacity(SAMPLES));
    for _ in 0..SAMPLES {
        for (samples, call) in samples.iter_mut().zip(subjects) {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            samples.push(start.elapsed());
        }
    }
    samples.map(|mut samples: Vec<Duration>| {
        samples.sort_unstable();
        samples[samples.len() / 2].as_secs_f64() / f64::from(CALLS)
    })
}

fn name(number: usize) -> String {
    format!("e{number:02}")
}

/// An entry whose status has the expression's value.
fn entry(number: usize, source: &str, scope: &Scope) -> Entry {
    let checked = cel::check(source, source, scope, Place::Value(None));
    let checked = checked.unwrap_or_else(|problems| panic!("{source}: {problems:#?}"));
    let value = lower::located(&checked, &Slots::default());
    let hole = Hole { value, target: Target::Any, absent: checked.path };
    let field = StatusField {
        path: vec!["value".to_owned()],
        requires: vec![],
        reads: vec![],
        when: None,
        value: Template::Hole(hole),
    };
    Entry { name: name(number), status: vec![field], ..Entry::default() }
}

fn request(object: &[u8]) -> Request {
    Request {
        primary: object.to_vec(),
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
