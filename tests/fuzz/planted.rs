//! The proof that the fuzzer finds what lies deep: a fault behind the parser, the check and the compiler, in what only a sound pattern
//! becomes, and which no seed meets. `make fuzz-planted` has to find it.
#![no_main]

use orkestra_program::model::Program;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(program) = orkestra_fuzz::language::compiled(bytes) {
        planted(&program);
        orkestra_fuzz::edits::remember(bytes);
    }
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    // Bytes are changed as well: the parser is to be tried, too.
    match orkestra_fuzz::edits::next(&data[..size], seed).filter(|edited| seed % 4 != 0 && edited.len() <= most) {
        Some(edited) => {
            data[..edited.len()].copy_from_slice(&edited);
            edited.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, most),
    }
});

/// Bytes; the ids of all seeds are shorter.
const LONG: usize = 24;

/// As if ids were put into a buffer of so many bytes, wherever an entry has few children.
fn planted(program: &Program) {
    for entry in &program.entries {
        if entry.children.len() > 4 {
            continue;
        }
        if entry.children.iter().any(|child| child.id.len() > LONG) {
            panic!("the planted fault");
        }
    }
}
