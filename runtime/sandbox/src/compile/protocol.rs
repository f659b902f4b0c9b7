//! What the compile child and its parent say to each other.
//!
//! Request: one byte for the kind, then the WebAssembly up to the end. Answer: one byte for the outcome, then native code or the
//! reason why there is none.

use wasmtime::Engine;

/// What is to be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Module = b'm',
    Component = b'c',
    /// A component that is a hook: its fuel is counted.
    Hook = b'h',
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Kind::Module, Kind::Component, Kind::Hook].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The most native code that is taken, in bytes: it is a few times as large as its WebAssembly.
pub(super) const MAX_CODE: u64 = 256 << 20;
/// How much of a reason is kept.
const MAX_REASON: usize = 4096;

/// What a child answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// Native code.
    Compiled(Vec<u8>),
    /// Why the WebAssembly is not valid.
    Invalid(String),
    /// Why the child could not begin.
    Failed(String),
}

const COMPILED: u8 = 0;
const INVALID: u8 = 1;
const FAILED: u8 = 2;

impl Output {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (outcome, body) = match self {
            Output::Compiled(code) => (COMPILED, code.as_slice()),
            Output::Invalid(reason) => (INVALID, reason.as_bytes()),
            Output::Failed(reason) => (FAILED, reason.as_bytes()),
        };
        [&[outcome], body].concat()
    }

    /// None if these are not the bytes of an answer.
    pub(super) fn from_bytes(mut bytes: Vec<u8>) -> Option<Self> {
        let outcome = *bytes.first()?;
        bytes.drain(..1);
        let reason = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_REASON)]).into_owned();
        Some(match outcome {
            COMPILED => Output::Compiled(bytes),
            INVALID => Output::Invalid(reason(bytes)),
            FAILED => Output::Failed(reason(bytes)),
            _ => return None,
        })
    }
}

/// Runs the code generator; the error is why the WebAssembly is not valid.
pub(super) fn compile(engine: &Engine, kind: Kind, wasm: &[u8]) -> Result<Vec<u8>, String> {
    let compiled = match kind {
        Kind::Module => engine.precompile_module(wasm),
        Kind::Component | Kind::Hook => engine.precompile_component(wasm),
    };
    compiled.map_err(|error| error.root_cause().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back() {
        for answer in
            [Output::Failed("why".to_owned()), Output::Compiled(vec![1, 2, 3]), Output::Invalid("why".to_owned())]
        {
            assert_eq!(Output::from_bytes(answer.to_bytes()), Some(answer));
        }
    }

    #[test]
    fn other_bytes_are_no_answer() {
        for bytes in [&b""[..], b"\x03abc", b"Segmentation fault"] {
            assert!(Output::from_bytes(bytes.to_vec()).is_none(), "{bytes:?}");
        }
    }
}
