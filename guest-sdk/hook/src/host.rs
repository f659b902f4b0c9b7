//! What is behind a call: the runtime, or a test's own host.
//!
//! Which of them it is depends on the target alone and is known to the compiler. A value of a trait object would keep every import
//! alive, and a hook would need grants for what it never does.

use crate::cluster::{ReadFailure, Scope};
use crate::http::{HttpFailure, Outgoing, Received};
use crate::log::Level;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::Current;
#[cfg(target_family = "wasm")]
pub(crate) use crate::wasm::Current;

/// The functions of the runtime.
pub(crate) trait Host {
    /// Writes a line.
    fn log(&self, level: Level, message: &str);

    /// One object, as JSON.
    fn get(&self, scope: &Scope, name: &str, fields: &[String]) -> Result<Vec<u8>, ReadFailure>;

    /// The objects with all of these labels, as JSON each.
    fn list(&self, scope: &Scope, labels: &[(String, String)], fields: &[String]) -> Result<Vec<Vec<u8>>, ReadFailure>;

    /// Sends a request and reads its answer whole.
    fn send(&self, request: &Outgoing) -> Result<Received, HttpFailure>;
}
