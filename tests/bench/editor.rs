//! How long an author waits: a Katalog of 500 lines in an editor, from an edit to its diagnostics, and from a question to its answer.
//!
//! The server is the real `ork lsp` over its pipes; the first row is the check alone, in this process, which all others contain or do
//! not need. An edit waits 10 ms for the next one before it is checked. Run it with `make bench`, which builds the server as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(dead_code, reason = "the suite `cli` uses the rest of the client")]

#[path = "../../runtime/cli/tests/cli/editor.rs"]
mod editor;

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use editor::{Editor, long_katalog};
use orkestra_pattern::Source;
use orkestra_pattern::cel::{DEEP_STACK, on_this_stack};
use orkestra_tests::{program, source_root};
use serde_json::Value;

/// Of each row, in turn, so that whatever else the machine does meets all of them.
const SAMPLES: usize = 30;

fn main() {
    // `cargo bench` and `cargo test --benches` pass options for the usual harness; there is nothing here to choose.
    let crd = source_root().join("patterns/postgres/v14/crd.yaml");
    let crd = std::fs::read_to_string(crd).expect("the shipped pattern has a CRD");
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().canonicalize().expect("a directory");
    let katalog = dir.join("katalog.yaml");
    let text = long_katalog();
    std::fs::write(dir.join("crd.yaml"), &crd).expect("a file");
    std::fs::write(&katalog, &text).expect("a file");
    let child = Command::new(program("ork"))
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server");
    let mut editor = Editor::start(child);
    editor.open(&katalog, &text);
    editor.diagnostics(&katalog);

    let mut rows: [(&str, Vec<Duration>); 5] = [
        ("the check alone", Vec::new()),
        ("the check, with what editors ask about", Vec::new()),
        ("from an edit to its diagnostics", Vec::new()),
        ("from an edit and a question to the answer: completion", Vec::new()),
        ("from an edit and a question to the answer: hover", Vec::new()),
    ];
    for sample in 0..SAMPLES {
        let edited = text.replacen("# EDIT", &format!("edit{sample}: 1"), 1);
        let marked = edited.replacen("{{ vars.image }}", "{{ spec.‸ }}", 1);
        let source = Source::new().with("katalog.yaml", edited.as_bytes()).with("crd.yaml", crd.as_bytes());
        for (index, (_, samples)) in rows.iter_mut().enumerate() {
            let begin = Instant::now();
            match index {
                0 => in_process(&|| drop(black_box(orkestra_pattern::check(black_box(&source))))),
                1 => in_process(&|| drop(black_box(orkestra_pattern::check_keeping(black_box(&source))))),
                2 => {
                    editor.change(&katalog, &edited);
                    assert!(!editor.diagnostics(&katalog).is_empty());
                }
                3 => assert_ne!(editor.at("textDocument/completion", &katalog, &marked), Value::Array(Vec::new())),
                _ => assert_ne!(
                    editor.at("textDocument/hover", &katalog, &marked.replacen("spec.", "spec", 1)),
                    Value::Null
                ),
            }
            samples.push(begin.elapsed());
            // A question is answered after the diagnostics are out, which the next edit must not take for its own.
            if index > 2 {
                editor.diagnostics(&katalog);
            }
        }
    }
    println!("{} lines, {} bytes\n", text.lines().count(), text.len());
    println!("{:<58} {:>9} {:>9} {:>9} {:>7}", "", "median", "fastest", "slowest", "ratio");
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let mut base = None;
    for (name, samples) in &mut rows {
        samples.sort_unstable();
        let median = milliseconds(samples[SAMPLES / 2]);
        let base = *base.get_or_insert(median);
        println!(
            "{name:<58} {median:>6.1} ms {:>6.1} ms {:>6.1} ms {:>7.2}",
            milliseconds(samples[0]),
            milliseconds(samples[SAMPLES - 1]),
            median / base
        );
    }
    assert!(editor.end().success());
}

/// As the server does it: on one stack that is deep enough for any expression.
fn in_process(work: &(dyn Fn() + Sync)) {
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK + (16 << 20));
        thread.spawn_scoped(threads, || on_this_stack(work)).expect("a thread").join().expect("the check");
    });
}
