//! From a composition to its lock, and whether one still fits.

use orkestra_artifact::{Digest, Role};
use orkestra_komposer::lock::{Artifact, asked};
use orkestra_komposer::{Instance, Lock, Locked, Stale};

use super::{Composed, Had};
use crate::error::Error;

/// The component of an instance, with its overrides.
pub(crate) fn build(instance: &Instance) -> Result<Vec<u8>, Error> {
    let compiled = orkestra_compile::compile(&instance.pattern).map_err(|error| Error::Compile(error.into()))?;
    Ok(compiled.component)
}

/// The lock of a composition of which nothing is broken. `rebuilt` are the proofs of its imports.
pub(crate) fn lock_of(composed: &Composed, rebuilt: &[bool]) -> Result<Lock, Error> {
    let komposer = &composed.opened.komposer;
    let mut instances = Vec::new();
    for (instance, index) in composed.composition.instances.iter().zip(&composed.composition.imports) {
        let (Some(import), Some(Some(had))) = (komposer.imports.get(*index), composed.had.get(*index)) else {
            continue;
        };
        let ours = Digest::of(&build(instance)?);
        let asked = asked(import);
        let name = instance.name.clone();
        instances.push(match had {
            Had::Directory(..) => Locked {
                name,
                asked,
                version: instance.pattern.version.clone(),
                component: ours,
                engine: orkestra_component::engine().import_name.to_owned(),
                artifact: None,
            },
            Had::Artifact(fetched) => {
                let theirs = fetched.contents.get(&Role::Component).map(|bytes| Digest::of(bytes));
                let component = theirs.unwrap_or(ours);
                let artifact = Artifact {
                    repository: fetched.reference.repository.clone(),
                    tag: fetched.reference.tag.clone(),
                    manifest: fetched.manifest,
                    rebuilt: rebuilt.get(*index).copied().unwrap_or(false),
                    signers: fetched.signers.clone(),
                    composed: Some(ours).filter(|ours| *ours != component),
                };
                Locked {
                    name,
                    asked,
                    version: fetched.config.version.clone(),
                    component,
                    engine: fetched.config.engine.import.clone(),
                    artifact: Some(artifact),
                }
            }
        });
    }
    instances.sort_by(|a, b| a.name.cmp(&b.name));
    let ork = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Lock { name: komposer.name.clone(), komposer: komposer.digest(), ork, instances })
}

/// Whether what an instance gives is what is locked.
pub(crate) fn stale(lock: &Lock, instance: &Instance, component: &[u8]) -> Option<Stale> {
    let name = instance.name.clone();
    let Some(locked) = lock.get(&name) else { return Some(Stale::Missing { name }) };
    let found = Digest::of(component);
    (locked.runs() != found).then(|| Stale::OtherComponent { name, locked: locked.runs(), found })
}
