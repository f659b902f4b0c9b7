//! What each fuzz target does with its bytes: reads them as the runtime does, and holds what comes out against what must be true
//! of it. A target ends where something panics; that bytes are refused is what most of them are for.
//!
//! The same functions run under the fuzzer (`make fuzz`) and over the committed corpora in `cargo test`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is what a fuzzer looks for")]

mod artifact;
pub mod edits;
pub mod language;
mod program;
mod webhook;

pub use artifact::{archive, manifest, signature};
pub use language::{capability, katalog, komposer};
pub use program::program;
pub use webhook::{admission, conversion};

/// What a target does with bytes.
pub type Target = fn(&[u8]);

/// All targets, each with the directory of its corpus.
pub const TARGETS: [(&str, Target); 9] = [
    ("program", program),
    ("capability", capability),
    ("katalog", katalog),
    ("komposer", komposer),
    ("manifest", manifest),
    ("archive", archive),
    ("signature", signature),
    ("conversion", conversion),
    ("admission", admission),
];

/// What stands between the parts of an input that has several.
pub const CUT: &[u8] = b"\n%%%\n";

/// The parts of an input: all before the first cut, and all behind it.
fn parts(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.windows(CUT.len()).position(|window| window == CUT) {
        Some(at) => (&bytes[..at], Some(&bytes[at + CUT.len()..])),
        None => (bytes, None),
    }
}

/// Foreign text is shown without characters that a terminal would obey.
fn harmless(text: &str) {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if let Some(found) = text.chars().find(|c| obeyed(*c)) {
        panic!("{found:?} is shown as it is: {text:?}");
    }
}
