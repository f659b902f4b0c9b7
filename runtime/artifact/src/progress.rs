//! What a caller hears while bytes move. This crate prints nothing.

use crate::Digest;

/// Hears of transfers. Calls come from several of them at once, and must not block.
pub trait Progress: Send + Sync {
    /// A transfer begins: what it is in words, its digest, and its size in bytes.
    fn begin(&self, what: &str, digest: &Digest, size: u64) {
        let _ = (what, digest, size);
    }

    /// Bytes of it came, so many since the last call. Not told where they move as a whole.
    fn moved(&self, digest: &Digest, bytes: u64) {
        let _ = (digest, bytes);
    }

    /// It ended, whether bytes moved or were there already.
    fn end(&self, digest: &Digest) {
        let _ = digest;
    }
}

/// For callers that draw nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
