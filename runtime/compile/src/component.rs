//! A checked pattern → its component.

use orkestra_component::Exports;
use orkestra_pattern::model::Pattern;

use crate::{Error, lower};

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The program in its encoded form.
    pub program: Vec<u8>,
    /// The whole component: `pattern.wasm`.
    pub component: Vec<u8>,
    /// SHA-256 of the engine that the component pins, hexadecimal.
    pub engine: &'static str,
}

/// Compiles a pattern.
///
/// # Errors
/// The pattern is not one that the check lets through, or its program is beyond a bound of the format.
pub fn compile(pattern: &Pattern) -> Result<Compiled, Error> {
    let program = orkestra_program::encode(&lower(pattern)?);
    // The engine would refuse what its reader refuses, but only in the cluster.
    orkestra_program::decode(&program).map_err(Error::Program)?;
    let converter = pattern.entries.iter().any(|entry| !entry.conversions.is_empty());
    let admission = pattern.entries.iter().any(|entry| !entry.mutations.is_empty() || !entry.rules.is_empty());
    let component = orkestra_component::encode(&program, Exports { converter, admission, ..Exports::PATTERN });
    Ok(Compiled { program, component, engine: orkestra_component::engine().digest })
}
