//! Sound patterns beside hostile ones in one process, also where that process has a fifth of one processor.
//!
//! The classes that call the sandbox run in `cargo test`, all of them in `make hostile` (`ORK_HOSTILE=all`).

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use orkestra_pattern::{Source, check, yaml};
use orkestra_sandbox::{Limits, Pattern, Request};
use orkestra_tests::source_root;

use crate::{programs, request, sandbox, table, throttle};

/// Of one processor, in percent.
const SHARE: u32 = 20;

/// The shipped website with the custom resource that it ships, as `ork run` loads and calls it.
fn website() -> (Pattern, Request) {
    let read = |file: &str| std::fs::read(source_root().join("patterns/website/v1").join(file)).unwrap();
    let mut source = Source::new().with("katalog.yaml", &read("katalog.yaml")).with("crd.yaml", &read("crd.yaml"));
    let cr = source.add("cr.yaml", &read("cr.yaml"));
    let mut primary = yaml::parse(&source, cr, yaml::Bounds::default()).0[0].to_json();
    primary["spec"]["singlePage"] = false.into();
    primary["metadata"]["namespace"] = "default".into();
    primary["metadata"]["uid"] = "u-1".into();
    let pattern = check(&source).0.expect("a shipped pattern");
    let component = orkestra_compile::compile(&pattern).expect("a component").component;
    let loaded = sandbox().load(&component, &[], Limits::default()).expect("a declarative component");
    let inputs = br#"{"image":"nginx"}"#.to_vec();
    (loaded, Request { primary: primary.to_string().into_bytes(), inputs, ..request() })
}

/// What sound patterns saw while others were run.
#[derive(Default)]
struct Seen {
    calls: usize,
    longest: Duration,
    failed: Vec<String>,
}

/// Calls a pattern until it is told to stop.
fn calls(pattern: &Pattern, entry: &str, request: &Request, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        if let Err(failure) = pattern.reconcile(entry, request) {
            seen.failed.push(format!("{}: {failure}", failure.reason()));
        }
        seen.longest = seen.longest.max(begin.elapsed());
        seen.calls += 1;
        // A controller waits between its objects, too, and hostile ones get the rest.
        std::thread::sleep(Duration::from_millis(1));
    }
    seen
}

#[test]
fn sound_patterns_are_not_touched_by_hostile_ones() {
    let (website, resource) = website();
    let plain = programs::honest();
    website.reconcile("website", &resource).expect("a sound pattern, alone");
    let stop = AtomicBool::new(false);
    let (wrong, seen) = std::thread::scope(|scope| {
        let sound = [
            scope.spawn(|| calls(&website, "website", &resource, &stop)),
            scope.spawn(|| calls(&plain, "any", &request(), &stop)),
        ];
        let wrong = table::run(std::env::var_os("ORK_HOSTILE").is_some_and(|which| which == "all"));
        stop.store(true, Ordering::Relaxed);
        (wrong, sound.map(|thread| thread.join().unwrap()))
    });
    for (name, seen) in ["website", "plain"].iter().zip(&seen) {
        say(&format!("{name}: {} calls, {} failed, {:?} the longest", seen.calls, seen.failed.len(), seen.longest));
        assert!(seen.calls > 0, "{name} was not called");
        assert!(seen.failed.is_empty(), "{name}: {:?}", seen.failed);
    }
    for pattern in [&website, &plain] {
        assert!(pattern.metrics().failures.iter().all(|(_, count)| *count == 0), "a failure was counted");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test above in a process of its own with a fifth of a processor. Hostile calls may then also end as `HostBusy`; sound ones may
/// not.
#[test]
fn sound_patterns_are_not_touched_on_a_fifth_of_a_processor() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "sound::sound_patterns_are_not_touched_by_hostile_ones", "--nocapture"]);
    child.env("ORK_HOSTILE_THROTTLED", "1");
    let (how, output) = throttle::run(child, SHARE);
    say(&format!("{SHARE} % of a processor by {how}:\n{}", String::from_utf8_lossy(&output.stderr).trim_end()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the test was run: {said}");
}

/// Past the harness, which keeps back what a passing test prints: figures are what this is for.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
