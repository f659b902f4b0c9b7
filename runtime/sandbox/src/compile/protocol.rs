//! What the compile child and its parent say to each other, over the child's standard input and output.
//!
//! Request: one byte for the kind, then the WebAssembly up to the end. Response: one byte for the outcome, one for the
//! confinement, then native code or the reason why there is none.

use wasmtime::Engine;

use super::jail::Confinement;

/// What is to be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Module = b'm',
    Component = b'c',
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Kind::Module, Kind::Component].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The largest response that is read: native code is a few times as large as its WebAssembly.
pub(super) const MAX_RESPONSE: u64 = 256 << 20;
/// How much of a reason is kept.
const MAX_REASON: usize = 4096;

/// What a child answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// Native code.
    Compiled(Confinement, Vec<u8>),
    /// Why the WebAssembly is not valid.
    Invalid(Confinement, String),
    /// Why the child could not begin.
    Failed(String),
}

const COMPILED: u8 = 0;
const INVALID: u8 = 1;
const FAILED: u8 = 2;

impl Output {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (outcome, confinement, body) = match self {
            Output::Compiled(confinement, code) => (COMPILED, confinement.to_byte(), code.as_slice()),
            Output::Invalid(confinement, reason) => (INVALID, confinement.to_byte(), reason.as_bytes()),
            Output::Failed(reason) => (FAILED, 0, reason.as_bytes()),
        };
        [&[outcome, confinement], body].concat()
    }

    /// None if these are not the bytes of a response.
    pub(super) fn from_bytes(mut bytes: Vec<u8>) -> Option<Self> {
        let &[outcome, confinement, ..] = bytes.as_slice() else { return None };
        bytes.drain(..2);
        let reason = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_REASON)]).into_owned();
        Some(match outcome {
            COMPILED => Output::Compiled(Confinement::from_byte(confinement)?, bytes),
            INVALID => Output::Invalid(Confinement::from_byte(confinement)?, reason(bytes)),
            FAILED => Output::Failed(reason(bytes)),
            _ => return None,
        })
    }
}

/// Runs the code generator; the error is why the WebAssembly is not valid.
pub(super) fn compile(engine: &Engine, kind: Kind, wasm: &[u8]) -> Result<Vec<u8>, String> {
    let compiled = match kind {
        Kind::Module => engine.precompile_module(wasm),
        Kind::Component => engine.precompile_component(wasm),
    };
    compiled.map_err(|error| error.root_cause().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::jail::Landlock;
    use super::*;

    #[test]
    fn responses_come_back() {
        let mut responses = vec![Output::Failed("why".to_owned())];
        for landlock in [Landlock::Full, Landlock::Partial, Landlock::Missing] {
            responses.push(Output::Compiled(Confinement { landlock }, vec![1, 2, 3]));
            responses.push(Output::Invalid(Confinement { landlock }, "why".to_owned()));
        }
        for response in responses {
            assert_eq!(Output::from_bytes(response.to_bytes()), Some(response));
        }
    }

    #[test]
    fn other_bytes_are_no_response() {
        for bytes in [&b""[..], b"\0", b"\x03\0abc", b"\0\x09abc", b"Segmentation fault"] {
            assert!(Output::from_bytes(bytes.to_vec()).is_none(), "{bytes:?}");
        }
    }
}
