#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orkestra_fuzz::capability(bytes));
