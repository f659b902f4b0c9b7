#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if orkestra_fuzz::language::compiled(bytes).is_some() {
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
