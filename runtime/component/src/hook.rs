//! Components of hooks: made from the core module that a toolchain gives, and looked into.

use wasmparser::{Parser, Payload};

/// The longest hook, in bytes: what a JavaScript engine takes, several times over.
pub const MAX_HOOK: usize = 64 << 20;

/// Why bytes are no hook.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotAHook(String);

/// The component of a core module that carries the types of its world, as every guest toolchain for components makes it.
///
/// # Errors
/// The module lacks them, or imports what is none of the component model's.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, NotAHook> {
    let encoder = wit_component::ComponentEncoder::default().validate(true).module(module);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| NotAHook(format!("{error:#}")))
}

/// The names of what a component imports.
///
/// # Errors
/// It is none.
pub fn imports(component: &[u8]) -> Result<Vec<String>, NotAHook> {
    let unreadable = |error: wasmparser::BinaryReaderError| NotAHook(error.to_string());
    if !Parser::is_component(component) {
        return Err(NotAHook("it is no component".to_owned()));
    }
    let (mut names, mut depth) = (Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(unreadable)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import.map_err(unreadable)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_none() {
        for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"hello"] {
            assert!(imports(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(imports(b"\0asm\x0d\0\x01\0").unwrap(), Vec::<String>::new());
        assert!(encode(b"hello").is_err());
    }
}
