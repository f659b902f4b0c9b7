//! What many failed calls leave behind, in a process of their own: nothing.
//!
//! `ORK_TRAPS` says how many there are; `make hostile` runs ten thousand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "figures are what a soak is for")]

#[allow(dead_code, reason = "the suite `hostile` uses the rest")]
mod guest;

use std::time::Duration;

use orkestra_component::{Exports, encode, encode_code};
use orkestra_sandbox::{Grant, Limits, Pattern, Request, Sandbox, Settings};
use wasm_encoder::{BlockType, InstructionSink};

use guest::{Answer, Guest, HEAP, RECURSE};

/// Failed calls of a short run.
const FEW: usize = 500;
/// Failed calls before the first look: pools, stacks and allocators have their size then.
const WARM_UP: usize = 300;
/// A call that ends at its deadline takes that long. One in so many does.
const ONE_DEADLINE_IN: usize = 50;
/// Of what was resident before, in percent.
const MORE: usize = 5;

fn small() -> Limits {
    Limits { deadline: Duration::from_secs(1), memory: 4 << 20, output: 64 << 10, ..Limits::default() }
}

fn request() -> Request {
    Request {
        primary: vec![b' '; 8 << 10],
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

fn endless(i: &mut InstructionSink<'_>) {
    i.loop_(BlockType::Empty).br(0).end();
}

fn trap(i: &mut InstructionSink<'_>) {
    i.unreachable();
}

fn bomb(i: &mut InstructionSink<'_>) {
    i.loop_(BlockType::Empty);
    i.i32_const(1).memory_grow(0).drop().br(0).end();
}

/// All the memory that a call may have, each page of it written, and then a trap.
fn dirty(i: &mut InstructionSink<'_>) {
    i.i32_const(60).memory_grow(0).drop();
    i.i32_const(64 << 10).i32_const(0x55).i32_const(60 << 16).memory_fill(0);
    i.unreachable();
}

/// Every way in which a call ends early and soon, with its name.
fn ends() -> Vec<(&'static str, Guest)> {
    let children = |at: (u32, u32)| Guest::answering(&Answer { children: at, ..Answer::default() });
    let deep = |i: &mut InstructionSink<'_>| {
        i.i32_const(i32::MAX).call(RECURSE);
    };
    let null = |i: &mut InstructionSink<'_>| {
        i.i32_const(0).call_indirect(0, 2);
    };
    vec![
        ("Trapped", Guest::doing(trap)),
        ("Trapped", Guest::doing(null)),
        ("Trapped", Guest::doing(dirty)),
        ("Trapped", Guest::starting(trap)),
        ("StackOverflow", Guest::doing(deep)),
        ("StackOverflow", Guest::starting(deep)),
        ("MemoryExceeded", Guest::doing(bomb)),
        ("MemoryExceeded", Guest { pages: 100, ..Guest::default() }),
        ("InvalidOutput", children((HEAP, u32::MAX))),
        ("InvalidOutput", Guest { realloc: Some(-16), ..Guest::default() }),
        ("OutputTooLarge", children((HEAP, 2000))),
    ]
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the kernel's figures");
    let pages: usize = statm.split(' ').nth(1).expect("a second figure").parse().expect("a number");
    pages * rustix::param::page_size()
}

#[test]
fn memory_is_what_it_was_after_many_traps() {
    let count = match std::env::var("ORK_TRAPS") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("ORK_TRAPS={text:?} is no number")),
        Err(_) => FEW,
    };
    let sandbox = Sandbox::new(&Settings { slots: 64, ..Settings::default() }).expect("a sandbox");
    let load = |guest: &Guest, limits: Limits| {
        sandbox.load(&encode_code(&guest.module(), Exports::PATTERN), &[Grant::Code], limits).expect("a component")
    };
    let ends: Vec<(&str, Pattern)> = ends().iter().map(|(name, guest)| (*name, load(guest, small()))).collect();
    let late = load(&Guest::doing(endless), Limits { deadline: Duration::from_millis(20), ..small() });
    // A program that is none: what ends is the engine itself.
    let none = sandbox.load(&encode(b"none", Exports::PATTERN), &[], small()).expect("a component");
    let honest = load(&Guest::default(), small());

    let request = request();
    let fail = |number: usize| {
        let (expected, pattern) = match number {
            number if number % ONE_DEADLINE_IN == 0 => ("DeadlineExceeded", &late),
            number if number % (ends.len() + 1) == 0 => ("Internal", &none),
            number => {
                let (name, pattern) = &ends[number % ends.len()];
                (*name, pattern)
            }
        };
        let found = pattern.reconcile("any", &request).expect_err("a failure").reason();
        // A machine that is too busy says so, and that ends a call as well.
        assert!(found == expected || found == "HostBusy", "{found} instead of {expected}");
    };
    (0..WARM_UP).for_each(fail);
    let before = resident();
    let mut highest = before;
    for number in 0..count {
        fail(number);
        if number % 1000 == 999 {
            highest = highest.max(resident());
            println!("after {} failed calls: {} KiB resident", number + 1, resident() >> 10);
        }
    }
    let after = resident();
    println!(
        "{} KiB resident before {count} failed calls, {} KiB after, {} KiB at most between",
        before >> 10,
        after >> 10,
        highest >> 10
    );
    assert!(after <= before + before * MORE / 100, "{before} bytes became {after}");
    honest.reconcile("any", &request).expect("an honest call after all of them");
}
