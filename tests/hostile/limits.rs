//! Time, memory, stack, traps.

use std::time::Duration;

use orkestra_sandbox::{Failure, Limits};
use wasm_encoder::{BlockType, InstructionSink};

use crate::guest::{Guest, RECURSE};
use crate::{accepts, ends, load, request, run, small};

const PAGE: usize = 64 << 10;

fn endless(i: &mut InstructionSink<'_>) {
    i.loop_(BlockType::Empty).br(0).end();
}

/// Counts a local down from `turns`.
fn turns(i: &mut InstructionSink<'_>, local: u32, turns: i32) {
    i.i32_const(turns).local_set(local);
    i.loop_(BlockType::Empty);
    i.local_get(local).i32_const(1).i32_sub().local_tee(local).br_if(0);
    i.end();
}

fn grow(pages: i32) -> impl Fn(&mut InstructionSink<'_>) {
    move |i| {
        i.i32_const(pages).memory_grow(0).drop();
    }
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    assert_eq!(ends(&Guest::doing(endless), small()), "DeadlineExceeded");
    accepts(&Guest::doing(|i| turns(i, 1, 1_000_000)), small());
}

#[test]
fn an_endless_start_function_ends_at_the_deadline() {
    assert_eq!(ends(&Guest::starting(endless), small()), "DeadlineExceeded");
    accepts(&Guest::starting(|i| turns(i, 0, 1_000_000)), small());
}

#[test]
fn the_deadline_is_of_processor_time() {
    let limits = Limits { deadline: Duration::from_millis(50), ..small() };
    let failure = run(&Guest::doing(endless), limits).unwrap_err();
    assert_eq!(failure, Failure::DeadlineExceeded(Duration::from_millis(50)));
}

#[test]
fn a_memory_bomb_ends_at_the_limit() {
    let bomb = Guest::doing(|i| {
        i.loop_(BlockType::Empty);
        i.i32_const(1).memory_grow(0).drop().br(0).end();
    });
    assert_eq!(ends(&bomb, small()), "MemoryExceeded");
}

/// Two pages and a table of one element are there from the beginning.
#[test]
fn memory_is_counted_to_the_byte() {
    let limits = Limits { memory: 10 * PAGE + size_of::<usize>(), ..small() };
    accepts(&Guest::doing(grow(8)), limits.clone());
    assert_eq!(ends(&Guest::doing(grow(9)), limits.clone()), "MemoryExceeded");
    let one_byte_less = Limits { memory: limits.memory - 1, ..limits };
    assert_eq!(ends(&Guest::doing(grow(8)), one_byte_less), "MemoryExceeded");
}

#[test]
fn memory_at_the_beginning_counts() {
    let limits = Limits { memory: 10 * PAGE + size_of::<usize>(), ..small() };
    accepts(&Guest { pages: 10, ..Guest::default() }, limits.clone());
    assert_eq!(ends(&Guest { pages: 11, ..Guest::default() }, limits), "MemoryExceeded");
}

#[test]
fn memory_in_a_start_function_counts() {
    let limits = Limits { memory: 10 * PAGE + size_of::<usize>(), ..small() };
    accepts(&Guest::starting(grow(8)), limits.clone());
    assert_eq!(ends(&Guest::starting(grow(9)), limits), "MemoryExceeded");
}

#[test]
fn a_table_is_memory_too() {
    let table = |elements: i32| {
        Guest::doing(move |i| {
            i.ref_null(wasm_encoder::HeapType::FUNC).i32_const(elements).table_grow(0).drop();
        })
    };
    let limits = Limits { memory: 2 * PAGE + 100 * size_of::<usize>(), ..small() };
    accepts(&table(99), limits.clone());
    assert_eq!(ends(&table(100), limits), "MemoryExceeded");
    assert_eq!(ends(&table(1 << 20), small()), "MemoryExceeded");
}

#[test]
fn deep_recursion_ends_at_the_stack() {
    let recursion = |depth: i32| {
        Guest::doing(move |i| {
            i.i32_const(depth).call(RECURSE);
        })
    };
    assert_eq!(ends(&recursion(i32::MAX), small()), "StackOverflow");
    accepts(&recursion(1000), small());
}

#[test]
fn forbidden_instructions_trap() {
    let unreachable = Guest::doing(|i| {
        i.unreachable();
    });
    let division = Guest::doing(|i| {
        i.i32_const(1).i32_const(0).i32_div_u().drop();
    });
    let outside = Guest::doing(|i| {
        i.i32_const(-1).i32_load8_u(wasm_encoder::MemArg { offset: 0, align: 0, memory_index: 0 }).drop();
    });
    let null_call = Guest::doing(|i| {
        i.i32_const(0).call_indirect(0, 2);
    });
    let start = Guest::starting(|i| {
        i.unreachable();
    });
    for hostile in [unreachable, division, outside, null_call, start] {
        assert_eq!(ends(&hostile, small()), "Trapped");
    }
}

/// What one call leaves behind, the next one does not see.
#[test]
fn nothing_survives_a_call() {
    let mem = wasm_encoder::MemArg { offset: 0, align: 2, memory_index: 0 };
    let once = Guest::doing(move |i| {
        // Traps if the mark of an earlier call is there.
        i.i32_const(16).i32_load(mem).if_(BlockType::Empty).unreachable().end();
        i.i32_const(16).i32_const(1).i32_store(mem);
    });
    let pattern = load(&once, small());
    for _ in 0..20 {
        pattern.reconcile("any", &request()).unwrap();
    }
    assert_eq!(pattern.metrics().instantiations, 20);
}

#[test]
fn hostile_and_honest_calls_run_at_the_same_time() {
    let hostile = load(&Guest::doing(endless), small());
    let honest = load(&Guest::default(), small());
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
    let pattern = load(&Guest::doing(endless), one);
    let reasons = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..2).map(|_| scope.spawn(|| pattern.reconcile("any", &request()))).collect();
        let mut reasons: Vec<_> = calls.into_iter().map(|c| c.join().unwrap().unwrap_err().reason()).collect();
        reasons.sort_unstable();
        reasons
    });
    assert_eq!(reasons, ["DeadlineExceeded", "HostBusy"]);
}
