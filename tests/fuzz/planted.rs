//! The proof that the fuzzer finds what lies deep: a fault behind the parser, the check and the compiler, which no seed meets and
//! which takes several edits that each leave a sound pattern. `make fuzz-planted` has to find it.
#![no_main]

use orkestra_program::model::{Entry, Program};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(program) = orkestra_fuzz::language::compiled(bytes) {
        planted(&program);
    }
});

/// Milliseconds; no seed waits as long.
const LONG: u64 = 36_000_000;

/// Each condition is a branch of its own, as in code that was written without such a thought.
fn planted(program: &Program) {
    for entry in &program.entries {
        if !entry.requeues.iter().any(|requeue| requeue.after > LONG) {
            continue;
        }
        if is_strict(entry) && entry.mutations.len() == 2 {
            panic!("the planted fault");
        }
    }
}

fn is_strict(entry: &Entry) -> bool {
    !entry.rules.is_empty() && entry.rules.iter().all(|rule| rule.deny)
}
