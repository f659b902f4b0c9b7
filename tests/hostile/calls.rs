//! What takes more than one call, or another measure than a name: time, places, and what calls leave behind.

use std::time::Duration;

use orkestra_component::{Exports, encode};
use orkestra_sandbox::{Failure, Limits, LoadError};
use wasm_encoder::{BlockType, MemArg};

use crate::code::endless;
use crate::guest::Guest;
use crate::{load, request, sandbox, small};

#[test]
fn the_deadline_is_of_processor_time() {
    let limits = Limits { deadline: Duration::from_millis(50), ..small() };
    let failure = load(&Guest::doing(endless), limits).unwrap().reconcile("any", &request()).unwrap_err();
    assert_eq!(failure, Failure::DeadlineExceeded(Duration::from_millis(50)));
}

/// What one call leaves behind, the next one does not see.
#[test]
fn nothing_survives_a_call() {
    let mem = MemArg { offset: 0, align: 2, memory_index: 0 };
    let once = Guest::doing(move |i| {
        // Traps if the mark of an earlier call is there.
        i.i32_const(16).i32_load(mem).if_(BlockType::Empty).unreachable().end();
        i.i32_const(16).i32_const(1).i32_store(mem);
    });
    let pattern = load(&once, small()).unwrap();
    for _ in 0..20 {
        pattern.reconcile("any", &request()).unwrap();
    }
    assert_eq!(pattern.metrics().instantiations, 20);
}

#[test]
fn hostile_and_honest_calls_run_at_the_same_time() {
    let hostile = load(&Guest::doing(endless), small()).unwrap();
    let honest = load(&Guest::default(), small()).unwrap();
    std::thread::scope(|scope| {
        let hostile = scope.spawn(|| hostile.reconcile("any", &request()).unwrap_err().reason());
        for _ in 0..100 {
            honest.reconcile("any", &request()).unwrap();
        }
        assert_eq!(hostile.join().unwrap(), "DeadlineExceeded");
    });
}

#[test]
fn a_pattern_has_no_more_calls_than_it_may_have() {
    let one = Limits { concurrency: 1, ..small() };
    let pattern = load(&Guest::doing(endless), one).unwrap();
    let reasons = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..2).map(|_| scope.spawn(|| pattern.reconcile("any", &request()))).collect();
        let mut reasons: Vec<_> = calls.into_iter().map(|c| c.join().unwrap().unwrap_err().reason()).collect();
        reasons.sort_unstable();
        reasons
    });
    assert_eq!(reasons, ["DeadlineExceeded", "HostBusy"]);
}

#[test]
fn limits_above_the_ceiling_are_refused() {
    let component = encode(b"program", Exports::PATTERN);
    let high = Limits { deadline: Duration::from_secs(31), ..Limits::default() };
    assert_eq!(
        sandbox().load(&component, &[], high).err(),
        Some(LoadError::AboveCeiling { limit: "deadline", asked: 31_000, ceiling: 30_000 })
    );
}
