//! Texts that are not UTF-8, where a name and where JSON is expected.

use crate::guest::{Answer, Guest, HEAP, child};
use crate::lists::status;
use crate::table::{Row, Verdict, all, row};
use crate::{call, small};

fn named(id: &[u8]) -> Verdict {
    let length = u32::try_from(id.len()).expect("a short id");
    let mut heap = child((HEAP + 48, length), 0, (HEAP, 0));
    heap.extend_from_slice(id);
    call(&Guest::answering(&Answer { children: (HEAP, 1), ..Answer::default() }).with_heap(heap), small())
}

fn json(text: &[u8]) -> Verdict {
    call(&status(HEAP, u32::try_from(text.len()).expect("a short text")).with_heap(text.to_vec()), small())
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "name-that-is-not-utf8",
            "names a child with a broken sequence, a surrogate, an overlong form and a cut-off one",
            "InvalidOutput",
            || {
                let names: [&[u8]; 4] = [b"a\xc3\x28b", b"\xed\xa0\x80x", b"\xe0\x80\x80x", b"abc\xc3"];
                all(names.map(|name| (format!("{name:?}"), named(name))))
            },
            "with a letter of two bytes",
            || named("añb".as_bytes()),
        ),
        row(
            "json-that-is-not-utf8",
            "answers with a status that is not UTF-8",
            "InvalidOutput",
            || json(b"\"\xff\""),
            "with a letter of two bytes",
            || json("\"ñ\"".as_bytes()),
        ),
    ]
}
