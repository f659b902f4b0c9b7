//! Answers that are too large, or not what they say.

use orkestra_sandbox::Limits;

use crate::guest::{Answer, Guest, HEAP, child, wanted_read};
use crate::{accepts, ends, small};

const LIMIT: u32 = 10_000;
/// Memory of a guest as it is built here.
const MEMORY: u32 = 128 << 10;

fn limits() -> Limits {
    Limits { output: LIMIT as usize, ..small() }
}

fn status(pointer: u32, length: u32) -> Guest {
    Guest::answering(&Answer { status: (pointer, length), ..Answer::default() }).with_heap(vec![b' '; 64])
}

#[test]
fn an_output_is_counted_to_the_byte() {
    assert_eq!(accepts(&status(HEAP, LIMIT), limits()).status.len(), LIMIT as usize);
    assert_eq!(ends(&status(HEAP, LIMIT + 1), limits()), "OutputTooLarge");
}

/// Many small handles to the same large text: the sum counts, not the guest's memory.
#[test]
fn an_output_that_points_to_itself_is_counted_as_often_as_it_is_copied() {
    let many = |count: u32| {
        let heap: Vec<u8> = (0..count).flat_map(|_| child((HEAP, 0), 1, (HEAP, 48))).collect();
        Guest::answering(&Answer { children: (HEAP, count), ..Answer::default() }).with_heap(heap)
    };
    // The objects' bytes are not UTF-8 only where a length's byte is above 127: none is here.
    assert_eq!(accepts(&many(10), limits()).children.len(), 10);
    assert_eq!(ends(&many(200), limits()), "OutputTooLarge");
}

#[test]
fn a_list_that_ends_outside_of_the_memory_is_invalid() {
    accepts(&status(MEMORY - 64, 64), limits());
    assert_eq!(ends(&status(MEMORY - 64, 65), limits()), "InvalidOutput");
    assert_eq!(ends(&status(u32::MAX, 64), limits()), "InvalidOutput");
    assert_eq!(ends(&status(HEAP, u32::MAX), limits()), "InvalidOutput");
}

#[test]
fn a_list_of_records_that_ends_outside_of_the_memory_is_invalid() {
    let children = |pointer, length| Guest::answering(&Answer { children: (pointer, length), ..Answer::default() });
    let one = child((HEAP, 0), 0, (HEAP, 0));
    accepts(&children(HEAP, 1).with_heap(one.clone()), limits());
    assert_eq!(ends(&children(MEMORY - 47, 1).with_heap(one.clone()), limits()), "InvalidOutput");
    assert_eq!(ends(&children(HEAP, u32::MAX / 48).with_heap(one.clone()), limits()), "InvalidOutput");
    assert_eq!(ends(&children(HEAP + 1, 1).with_heap(one), limits()), "InvalidOutput");
}

#[test]
fn a_text_that_is_not_utf8_is_invalid() {
    let named = |id: &[u8]| {
        let mut heap = child((HEAP + 48, 4), 0, (HEAP, 0));
        heap.extend_from_slice(id);
        Guest::answering(&Answer { children: (HEAP, 1), ..Answer::default() }).with_heap(heap)
    };
    assert_eq!(accepts(&named("añb".as_bytes()), limits()).children[0].child.id, "añb");
    assert_eq!(ends(&named(b"a\xc3\x28b"), limits()), "InvalidOutput");
    // A surrogate, an overlong encoding, a cut-off sequence.
    assert_eq!(ends(&named(b"\xed\xa0\x80x"), limits()), "InvalidOutput");
    assert_eq!(ends(&named(b"\xe0\x80\x80x"), limits()), "InvalidOutput");
    assert_eq!(ends(&named(b"abc\xc3"), limits()), "InvalidOutput");
}

#[test]
fn json_that_is_not_utf8_is_invalid() {
    let text = |bytes: &[u8]| status(HEAP, 4).with_heap(bytes.to_vec());
    accepts(&text("\"ñ\"".as_bytes()), limits());
    assert_eq!(ends(&text(b"\"\xff\""), limits()), "InvalidOutput");
}

#[test]
fn a_case_that_does_not_exist_is_invalid() {
    let answer = |tag, requeue_tag| Guest::answering(&Answer { tag, requeue_tag, ..Answer::default() });
    accepts(&answer(0, 1), limits());
    assert_eq!(ends(&answer(2, 0), limits()), "InvalidOutput");
    assert_eq!(ends(&answer(0, 2), limits()), "InvalidOutput");
    let policy = |policy| {
        let heap = child((HEAP, 0), policy, (HEAP, 0));
        Guest::answering(&Answer { children: (HEAP, 1), ..Answer::default() }).with_heap(heap)
    };
    accepts(&policy(2), limits());
    assert_eq!(ends(&policy(3), limits()), "InvalidOutput");
}

#[test]
fn the_reads_that_a_plan_wants_are_bounded_and_checked() {
    let wanting = |read: Vec<u8>, count| {
        Guest::answering(&Answer { reads: (HEAP, count), ..Answer::default() }).with_heap(read.repeat(count as usize))
    };
    let plan = accepts(&wanting(wanted_read((HEAP + 8, 2), 0, (HEAP, 1)), 1), limits());
    assert_eq!((plan.reads.len(), plan.reads[0].labels.len(), &plan.reads[0].name), (1, 1, &None));
    assert_eq!(accepts(&wanting(wanted_read((0, 0), 1, (0, 0)), 1), limits()).reads[0].name.as_deref(), Some(""));
    assert_eq!(ends(&wanting(wanted_read((0, 0), 2, (0, 0)), 1), limits()), "InvalidOutput");
    assert_eq!(ends(&wanting(wanted_read((0, 0), 0, (HEAP, u32::MAX / 16)), 1), limits()), "InvalidOutput");
    assert_eq!(ends(&wanting(wanted_read((0, 0), 0, (MEMORY - 15, 1)), 1), limits()), "InvalidOutput");
    assert_eq!(ends(&wanting(wanted_read((0, 0), 0, (HEAP, 100)), 20), limits()), "OutputTooLarge");
}

/// A failure's text counts like a plan's.
#[test]
fn a_failure_may_not_be_larger_than_a_plan() {
    // `internal` with a text of `length` bytes: the variant's tag, then the text.
    let failing = |length: u32| {
        let mut answer = Answer { tag: 1, ..Answer::default() }.bytes();
        answer[8..12].copy_from_slice(&3_u32.to_le_bytes());
        answer[12..16].copy_from_slice(&HEAP.to_le_bytes());
        answer[16..20].copy_from_slice(&length.to_le_bytes());
        Guest { answer, ..Guest::default() }
    };
    assert_eq!(ends(&failing(LIMIT), limits()), "Internal");
    assert_eq!(ends(&failing(LIMIT + 1), limits()), "OutputTooLarge");
}

#[test]
fn an_allocator_that_lies_cannot_have_the_request_written_elsewhere() {
    let lying = |address| Guest { realloc: Some(address), ..Guest::default() };
    accepts(&lying(64), limits());
    assert_eq!(ends(&lying(-16), limits()), "InvalidOutput");
    assert_eq!(ends(&lying(63), limits()), "InvalidOutput");
}
