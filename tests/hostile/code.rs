//! Code in the engine's place: time, memory, stack, traps, and all of them before the first call.

use orkestra_sandbox::Limits;
use wasm_encoder::{BlockType, HeapType, InstructionSink, MemArg};

use crate::guest::{Guest, RECURSE};
use crate::table::{Row, all, row};
use crate::{call, small};

const PAGE: usize = 64 << 10;

/// Two pages and a table of one element are there from the beginning.
fn ten_pages() -> Limits {
    Limits { memory: 10 * PAGE + size_of::<usize>(), ..small() }
}

pub(crate) fn endless(i: &mut InstructionSink<'_>) {
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

/// Grows by so many pages at a time, for ever.
pub(crate) fn bomb(pages: i32) -> Guest {
    Guest::doing(move |i| {
        i.loop_(BlockType::Empty);
        i.i32_const(pages).memory_grow(0).drop().br(0).end();
    })
}

fn table(elements: i32) -> Guest {
    Guest::doing(move |i| {
        i.ref_null(HeapType::FUNC).i32_const(elements).table_grow(0).drop();
    })
}

fn recurse(depth: i32) -> impl Fn(&mut InstructionSink<'_>) {
    move |i| {
        i.i32_const(depth).call(RECURSE);
    }
}

pub(crate) fn recursion(depth: i32) -> Guest {
    Guest::doing(recurse(depth))
}

fn divide(by: i32) -> Guest {
    Guest::doing(move |i| {
        i.i32_const(1).i32_const(by).i32_div_u().drop();
    })
}

fn read(at: i32) -> Guest {
    Guest::doing(move |i| {
        i.i32_const(at).i32_load8_u(MemArg { offset: 0, align: 0, memory_index: 0 }).drop();
    })
}

fn fill(length: i32) -> Guest {
    Guest::doing(move |i| {
        i.i32_const(0x8000).i32_const(0).i32_const(length).memory_fill(0);
    })
}

/// Turns a number into an integer that has no room for it.
fn truncate(number: f64) -> Guest {
    Guest::doing(move |i| {
        i.f64_const(number.into()).i32_trunc_f64_s().drop();
    })
}

fn table_call(fill: bool) -> Guest {
    Guest::doing(move |i| {
        if fill {
            i.i32_const(0).ref_func(2).i32_const(1).table_fill(0);
        }
        i.i32_const(0).call_indirect(0, 2);
    })
}

pub(crate) fn unreachable() -> Guest {
    Guest::doing(|i| {
        i.unreachable();
    })
}

pub(crate) fn loops() -> Vec<Row> {
    vec![
        row(
            "endless-loop",
            "never leaves a loop",
            "DeadlineExceeded",
            || call(&Guest::doing(endless), small()),
            "a million turns",
            || call(&Guest::doing(|i| turns(i, 1, 1_000_000)), small()),
        ),
        row(
            "endless-loop-of-host-work",
            "fills its memory again and again, which is one long instruction each time",
            "DeadlineExceeded",
            || {
                let fills = |i: &mut InstructionSink<'_>| {
                    i.loop_(BlockType::Empty);
                    i.i32_const(0x8000).i32_const(0).i32_const(3 << 20).memory_fill(0).br(0).end();
                };
                call(&Guest { pages: 60, ..Guest::doing(fills) }, small())
            },
            "filled once",
            || call(&Guest { pages: 60, ..fill(3 << 20) }, small()),
        ),
        row(
            "endless-growth-of-nothing",
            "asks for no page more, for ever",
            "DeadlineExceeded",
            || call(&bomb(0), small()),
            "asked once",
            || call(&Guest::doing(grow(0)), small()),
        ),
        row(
            "loop-longer-than-its-deadline",
            "computes for seconds where 20 ms are its limit",
            "DeadlineExceeded",
            || {
                let limits = Limits { deadline: std::time::Duration::from_millis(20), ..small() };
                let turns = |i: &mut InstructionSink<'_>| {
                    i.loop_(BlockType::Empty);
                    turns(i, 1, i32::MAX);
                    i.local_get(2).i32_const(1).i32_add().local_tee(2).i32_const(64).i32_lt_u().br_if(0).end();
                };
                call(&Guest::doing(turns), limits)
            },
            "a thousand turns under the same limit",
            || {
                let limits = Limits { deadline: std::time::Duration::from_millis(20), ..small() };
                call(&Guest::doing(|i| turns(i, 1, 1000)), limits)
            },
        ),
    ]
}

pub(crate) fn memory() -> Vec<Row> {
    vec![
        row(
            "memory-bomb",
            "grows its memory by a page until it is refused",
            "MemoryExceeded",
            || call(&bomb(1), small()),
            "grown once",
            || call(&Guest::doing(grow(1)), small()),
        ),
        row(
            "memory-one-page-more",
            "grows by one page more than its limit has room for",
            "MemoryExceeded",
            || call(&Guest::doing(grow(9)), ten_pages()),
            "grown to the limit's last byte",
            || call(&Guest::doing(grow(8)), ten_pages()),
        ),
        row(
            "memory-one-byte-more",
            "needs one byte more than its limit",
            "MemoryExceeded",
            || {
                let limits = Limits { memory: ten_pages().memory - 1, ..small() };
                call(&Guest::doing(grow(8)), limits)
            },
            "the limit is one byte higher",
            || call(&Guest::doing(grow(8)), ten_pages()),
        ),
        row(
            "memory-from-the-beginning",
            "declares more memory than its limit",
            "MemoryExceeded",
            || call(&Guest { pages: 11, ..Guest::default() }, ten_pages()),
            "declares as much as its limit",
            || call(&Guest { pages: 10, ..Guest::default() }, ten_pages()),
        ),
        row(
            "memory-of-four-gigabytes",
            "asks for all that 32 bits can address at once",
            "MemoryExceeded",
            || call(&Guest::doing(grow(65_534)), Limits::CEILING),
            "as many pages as the highest limit has room for",
            || call(&Guest::doing(grow(4000)), Limits::CEILING),
        ),
        row(
            "table-one-element-more",
            "grows its table where memory and table together are at the limit",
            "MemoryExceeded",
            || call(&table(100), Limits { memory: 2 * PAGE + 100 * size_of::<usize>(), ..small() }),
            "one element fewer",
            || call(&table(99), Limits { memory: 2 * PAGE + 100 * size_of::<usize>(), ..small() }),
        ),
        row(
            "table-bomb",
            "grows its table by a million elements",
            "MemoryExceeded",
            || call(&table(1 << 20), small()),
            "by a thousand",
            || call(&table(1000), small()),
        ),
    ]
}

pub(crate) fn traps() -> Vec<Row> {
    vec![
        row(
            "deep-recursion",
            "calls itself two thousand million times",
            "StackOverflow",
            || call(&recursion(i32::MAX), small()),
            "a thousand times",
            || call(&recursion(1000), small()),
        ),
        row(
            "unreachable",
            "runs the instruction that is never to be reached",
            "Trapped",
            || call(&unreachable(), small()),
            "does nothing",
            || call(&Guest::default(), small()),
        ),
        row(
            "division-by-zero",
            "divides by zero",
            "Trapped",
            || call(&divide(0), small()),
            "divides by one",
            || call(&divide(1), small()),
        ),
        row(
            "number-without-an-integer",
            "makes an integer of a number that is none, or too large for one",
            "Trapped",
            || {
                all([f64::NAN, f64::INFINITY, 1e300]
                    .map(|number| (number.to_string(), call(&truncate(number), small()))))
            },
            "of 1.5",
            || call(&truncate(1.5), small()),
        ),
        row(
            "read-outside-of-memory",
            "reads the last byte that 32 bits can address, and the first behind its memory",
            "Trapped",
            || all([-1, 2 * PAGE as i32].map(|at| (at.to_string(), call(&read(at), small())))),
            "reads the last byte of its memory",
            || call(&read(2 * PAGE as i32 - 1), small()),
        ),
        row(
            "fill-outside-of-memory",
            "fills its memory beyond the end",
            "Trapped",
            || call(&fill(2 * PAGE as i32), small()),
            "to the end",
            || call(&fill(2 * PAGE as i32 - 0x8000), small()),
        ),
        row(
            "call-of-nothing",
            "calls an element of its table that is empty",
            "Trapped",
            || call(&table_call(false), small()),
            "one that holds a function",
            || call(&table_call(true), small()),
        ),
    ]
}

pub(crate) fn starts() -> Vec<Row> {
    vec![
        row(
            "endless-start",
            "never leaves its start function",
            "DeadlineExceeded",
            || call(&Guest::starting(endless), small()),
            "a million turns in it",
            || call(&Guest::starting(|i| turns(i, 0, 1_000_000)), small()),
        ),
        row(
            "memory-in-start",
            "grows beyond its limit before it is called",
            "MemoryExceeded",
            || call(&Guest::starting(grow(9)), ten_pages()),
            "grows to its limit",
            || call(&Guest::starting(grow(8)), ten_pages()),
        ),
        row(
            "trap-in-start",
            "traps before it is called",
            "Trapped",
            || {
                call(
                    &Guest::starting(|i| {
                        i.unreachable();
                    }),
                    small(),
                )
            },
            "starts and does nothing",
            || call(&Guest::starting(|_| ()), small()),
        ),
        row(
            "recursion-in-start",
            "uses up the stack before it is called",
            "StackOverflow",
            || call(&Guest::starting(recurse(i32::MAX)), small()),
            "a thousand calls deep",
            || call(&Guest::starting(recurse(1000)), small()),
        ),
    ]
}
