//! What a component imports, against what it is granted.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::capability::{ALWAYS, Capability, Granted};
use crate::failure::LoadError;

/// Refuses the first import that no grant covers.
pub(super) fn check(engine: &Engine, component: &Component, granted: &Granted) -> Result<(), LoadError> {
    let denied = |import: &String| {
        let interface = import.split('@').next().unwrap_or(import);
        let covered = Capability::covering(import).into_iter().any(|capability| granted.has(capability));
        !covered && !ALWAYS.contains(&interface)
    };
    match functions(engine, component).find(denied) {
        Some(import) => Err(LoadError::CapabilityDenied { import }),
        None => Ok(()),
    }
}

/// The imports by which something could be done. An interface of which only types are used (`wasi:http` names a duration of
/// `wasi:clocks`) is none.
pub(super) fn functions(engine: &Engine, component: &Component) -> impl Iterator<Item = String> {
    let types = component.component_type();
    let all: Vec<String> = types
        .imports(engine)
        .filter(|(_, item)| match &item.ty {
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
            }
            ComponentItem::Type(_) => false,
            _ => true,
        })
        .map(|(name, _)| name.to_owned())
        .collect();
    all.into_iter()
}
