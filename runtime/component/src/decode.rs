//! From a component back to its program, with the proof that nothing else is in it.

use wasmparser::{ComponentExternalKind, ComponentTypeRef, DataKind, Parser, Payload};

use crate::{Exports, encode};

/// The largest component that is looked at, in bytes.
pub const MAX_COMPONENT: usize = 4 << 20;

/// What a declarative component holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declarative {
    /// The program's bytes. They are not checked here: the engine does that.
    pub program: Vec<u8>,
    /// The interfaces that it exports.
    pub exports: Exports,
    /// The name of the engine that it imports. A caller that holds another engine cannot run it.
    pub engine: String,
}

/// Why bytes are not a declarative component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDeclarative {
    /// More than [`MAX_COMPONENT`] bytes.
    #[error("{size} bytes, more than the {MAX_COMPONENT} of the largest component")]
    TooLarge {
        /// How many there are.
        size: usize,
    },
    /// No WebAssembly at all, or a truncated one.
    #[error("not a WebAssembly component: {message} (offset {offset})")]
    Malformed {
        /// What is wrong with it.
        message: String,
        /// Where.
        offset: usize,
    },
    /// A part that every declarative component has is missing.
    #[error("no {0}")]
    Missing(&'static str),
    /// The template around the program is another one.
    #[error("differs from the template at offset {offset}: found {}, expected {}", byte(*found), byte(*expected))]
    Differs {
        /// The first byte that differs.
        offset: usize,
        /// What the component has there; none: it ends there.
        found: Option<u8>,
        /// What the encoder writes there; none: it ends there.
        expected: Option<u8>,
    },
}

fn byte(byte: Option<u8>) -> String {
    byte.map_or_else(|| "the end".to_owned(), |b| format!("{b:#04x}"))
}

/// Takes the program out of a component.
///
/// The parts are read without trust; then the component of these parts is encoded and compared with `component` byte for
/// byte, so what is returned is all that the component holds.
///
/// # Errors
///
/// [`NotDeclarative`] for every other component, with the place of the first difference.
pub fn decode(component: &[u8]) -> Result<Declarative, NotDeclarative> {
    if component.len() > MAX_COMPONENT {
        return Err(NotDeclarative::TooLarge { size: component.len() });
    }
    let parts = parts(component)
        .map_err(|e| NotDeclarative::Malformed { message: e.message().to_owned(), offset: e.offset() })?;
    let engine = parts.engine.filter(|name| is_engine(name)).ok_or(NotDeclarative::Missing("import of an engine"))?;
    let program = parts.program.ok_or(NotDeclarative::Missing("program"))?;
    let again = encode::declarative(program, parts.exports, engine);
    if let Some(difference) = difference(component, &again) {
        return Err(difference);
    }
    Ok(Declarative { program: program.to_vec(), exports: parts.exports, engine: engine.to_owned() })
}

fn is_engine(name: &str) -> bool {
    name.starts_with("locked-dep=<orkestra:engine@")
}

fn difference(found: &[u8], expected: &[u8]) -> Option<NotDeclarative> {
    let offset = found.iter().zip(expected).position(|(a, b)| a != b).unwrap_or(found.len().min(expected.len()));
    let (found, expected) = (found.get(offset).copied(), expected.get(offset).copied());
    (found != expected).then_some(NotDeclarative::Differs { offset, found, expected })
}

#[derive(Default)]
struct Parts<'a> {
    engine: Option<&'a str>,
    program: Option<&'a [u8]>,
    exports: Exports,
}

/// The first import, the first data segment and the exports of the outermost component. Whatever else is there shows in
/// the comparison.
fn parts(component: &[u8]) -> Result<Parts<'_>, wasmparser::BinaryReaderError> {
    let mut parts = Parts::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if parts.engine.is_none() => {
                for import in imports {
                    let import = import?;
                    if depth == 0 && matches!(import.ty, ComponentTypeRef::Module(_)) {
                        parts.engine = Some(import.name.name);
                        break;
                    }
                }
            }
            Payload::DataSection(segments) if parts.program.is_none() => {
                for segment in segments {
                    let segment = segment?;
                    if matches!(segment.kind, DataKind::Passive) {
                        parts.program = Some(segment.data);
                        break;
                    }
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        parts.exports.add(export.name.name);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(parts)
}
