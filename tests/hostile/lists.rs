//! Answers whose lists are too long, overlap, or lie outside of the memory; and an allocator that lies.

use orkestra_sandbox::Limits;

use crate::guest::{Answer, Guest, HEAP, child, wanted_read};
use crate::table::{Row, Verdict, all, row};
use crate::{call, small};

const LIMIT: u32 = 10_000;
/// Memory of a guest as it is built here.
const MEMORY: u32 = 128 << 10;

fn limits() -> Limits {
    Limits { output: LIMIT as usize, ..small() }
}

pub(crate) fn status(pointer: u32, length: u32) -> Guest {
    Guest::answering(&Answer { status: (pointer, length), ..Answer::default() }).with_heap(vec![b' '; 64])
}

fn answers(answer: &Answer, heap: Vec<u8>) -> Verdict {
    call(&Guest::answering(answer).with_heap(heap), limits())
}

/// So many children, each with the same text.
fn aliased(count: u32) -> Verdict {
    let heap = (0..count).flat_map(|_| child((HEAP, 0), 1, (HEAP, 48))).collect();
    answers(&Answer { children: (HEAP, count), ..Answer::default() }, heap)
}

fn children(pointer: u32, length: u32) -> Verdict {
    answers(&Answer { children: (pointer, length), ..Answer::default() }, child((HEAP, 0), 0, (HEAP, 0)))
}

fn reads(read: &[u8], count: u32) -> Verdict {
    answers(&Answer { reads: (HEAP, count), ..Answer::default() }, read.repeat(count as usize))
}

/// Pending paths below the status, all of them the same text.
fn pending(count: u32, length: u32) -> Verdict {
    let text = [HEAP.to_le_bytes(), length.to_le_bytes()].concat();
    answers(&Answer { pending: (HEAP, count), ..Answer::default() }, text.repeat(count as usize))
}

/// The failure `internal` with a text of `length` bytes. The twin of one that is too long is a failure, too.
fn failing(length: u32) -> Verdict {
    let mut answer = Answer { tag: 1, ..Answer::default() }.bytes();
    answer[8..12].copy_from_slice(&3_u32.to_le_bytes());
    answer[12..16].copy_from_slice(&HEAP.to_le_bytes());
    answer[16..20].copy_from_slice(&length.to_le_bytes());
    call(&Guest { answer, ..Guest::default() }, limits())
}

fn allocator(address: i32) -> Verdict {
    call(&Guest { realloc: Some(address), ..Guest::default() }, limits())
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "output-one-byte-more",
            "answers with one byte more than its limit",
            "OutputTooLarge",
            || call(&status(HEAP, LIMIT + 1), limits()),
            "with as many bytes as its limit",
            || call(&status(HEAP, LIMIT), limits()),
        ),
        row(
            "list-of-aliases",
            "answers with many small handles to one large text, so that little memory becomes much",
            "OutputTooLarge",
            || aliased(200),
            "ten handles to it",
            || aliased(10),
        ),
        row(
            "texts-of-aliases",
            "answers with a thousand paths that are one and the same text",
            "OutputTooLarge",
            || pending(1000, 1024),
            "four of them",
            || pending(4, 1024),
        ),
        row(
            "labels-of-aliases",
            "wants twenty reads that share a hundred labels",
            "OutputTooLarge",
            || reads(&wanted_read((0, 0), 0, (HEAP, 100)), 20),
            "one read with one label",
            || reads(&wanted_read((HEAP + 8, 2), 0, (HEAP, 1)), 1),
        ),
        row(
            "list-beyond-memory",
            "answers with bytes that begin in its memory and end outside, or are longer than it, or begin nowhere",
            "InvalidOutput",
            || {
                let places = [(MEMORY - 64, 65), (HEAP, u32::MAX), (u32::MAX, 64)];
                all(places.map(|at| (format!("{at:?}"), call(&status(at.0, at.1), limits()))))
            },
            "with the last bytes of its memory",
            || call(&status(MEMORY - 64, 64), limits()),
        ),
        row(
            "records-beyond-memory",
            "answers with children that lie outside of its memory",
            "InvalidOutput",
            || {
                let places = [(MEMORY - 47, 1), (HEAP, u32::MAX / 48), (HEAP, u32::MAX)];
                all(places.map(|at| (format!("{at:?}"), children(at.0, at.1))))
            },
            "with one that lies inside",
            || children(HEAP, 1),
        ),
        row(
            "records-at-odd-places",
            "answers with a child that is not aligned",
            "InvalidOutput",
            || children(HEAP + 1, 1),
            "with one that is",
            || children(HEAP, 1),
        ),
        row(
            "lists-in-lists-beyond-memory",
            "wants a read whose labels lie outside of its memory",
            "InvalidOutput",
            || {
                let places = [(HEAP, u32::MAX / 16), (MEMORY - 15, 1)];
                all(places.map(|at| (format!("{at:?}"), reads(&wanted_read((0, 0), 0, at), 1))))
            },
            "whose labels lie inside",
            || reads(&wanted_read((0, 0), 0, (HEAP, 1)), 1),
        ),
        row(
            "case-that-does-not-exist",
            "answers with a third case where there are two, in the result, in an option and in an enumeration",
            "InvalidOutput",
            || {
                let answer = |tag, requeue_tag| answers(&Answer { tag, requeue_tag, ..Answer::default() }, Vec::new());
                let policy =
                    answers(&Answer { children: (HEAP, 1), ..Answer::default() }, child((HEAP, 0), 3, (HEAP, 0)));
                let name = reads(&wanted_read((0, 0), 2, (0, 0)), 1);
                let ends = [("result", answer(2, 0)), ("option", answer(0, 2)), ("policy", policy), ("name", name)];
                all(ends.map(|(what, end)| (what.to_owned(), end)))
            },
            "with the last case of each",
            || {
                answers(&Answer { requeue_tag: 1, ..Answer::default() }, Vec::new())?;
                answers(&Answer { children: (HEAP, 1), ..Answer::default() }, child((HEAP, 0), 2, (HEAP, 0)))
            },
        ),
        row(
            "failure-of-many-words",
            "fails with a text that is longer than any result may be",
            "OutputTooLarge",
            || failing(LIMIT + 1),
            "with a text of that length, and so with the name of its own",
            || match failing(LIMIT) {
                Err("Internal") => Ok(()),
                other => other,
            },
        ),
        row(
            "allocator-that-lies",
            "has its request written outside of its memory, or where nothing can be aligned",
            "InvalidOutput",
            || all([-16, 63].map(|address| (address.to_string(), allocator(address)))),
            "always at the same place inside",
            || allocator(64),
        ),
    ]
}
