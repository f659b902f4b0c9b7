//! From WebAssembly to native code: in a child process that can do nothing else, or out of the cache.

mod cache;
mod child;
mod protocol;

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

pub use child::compile_child_main;

use crate::confined::{ChildProgram, Confinement};
use crate::failure::LoadError;
use crate::native::Native;
use cache::Cache;
use protocol::{Kind, Output};

/// Where WebAssembly is compiled.
#[derive(Debug, Clone)]
pub enum Compile {
    /// In this process. For tests, and for components that this process encoded itself a moment ago.
    InProcess,
    /// In a child process, confined before it reads what it compiles.
    Child(ChildProgram),
}

/// What was compiled since the sandbox was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compilations {
    /// Times that the code generator ran.
    pub compiled: u64,
    /// Times that its output was found in the cache.
    pub cached: u64,
}

pub(crate) struct Compiler {
    how: Compile,
    cache: Option<Cache>,
    confinement: OnceLock<Confinement>,
    compiled: AtomicU64,
    cached: AtomicU64,
}

impl Compiler {
    pub(crate) fn new(how: Compile, cache: Option<&Path>) -> Result<Self, LoadError> {
        let open = |dir: &Path| {
            let failed = |error| LoadError::Internal(format!("cache of native code in {}: {error}", dir.display()));
            Cache::open(dir).map_err(failed)
        };
        Ok(Compiler {
            how,
            cache: cache.map(open).transpose()?,
            confinement: OnceLock::new(),
            compiled: AtomicU64::new(0),
            cached: AtomicU64::new(0),
        })
    }

    pub(crate) fn module(&self, engine: &Engine, wasm: &[u8]) -> Result<wasmtime::Module, LoadError> {
        self.native(engine, Kind::Module, wasm)?.module(engine).map_err(unusable)
    }

    pub(crate) fn component(&self, engine: &Engine, wasm: &[u8]) -> Result<wasmtime::component::Component, LoadError> {
        self.native(engine, Kind::Component, wasm)?.component(engine).map_err(|error| match error.downcast_ref() {
            Some::<&std::io::Error>(_) => unusable(error),
            // The code was made for this very engine, so what does not fit is the component: it has more instances, memories or
            // tables than the pool has for one, or larger ones.
            None => LoadError::InvalidComponent(error.root_cause().to_string()),
        })
    }

    pub(crate) fn hook(&self, engine: &Engine, wasm: &[u8]) -> Result<wasmtime::component::Component, LoadError> {
        self.native(engine, Kind::Hook, wasm)?.component(engine).map_err(unusable)
    }

    /// How well the first child was confined; none before it.
    pub(crate) fn confinement(&self) -> Option<Confinement> {
        self.confinement.get().copied()
    }

    pub(crate) fn compilations(&self) -> Compilations {
        Compilations { compiled: self.compiled.load(Relaxed), cached: self.cached.load(Relaxed) }
    }

    fn native(&self, engine: &Engine, kind: Kind, wasm: &[u8]) -> Result<Native, LoadError> {
        let Some(cache) = &self.cache else { return self.compile(engine, kind, wasm) };
        let name = name(engine, kind, wasm);
        if let Some(native) = cache.load(&name) {
            self.cached.fetch_add(1, Relaxed);
            return Ok(native);
        }
        let native = self.compile(engine, kind, wasm)?;
        // A full disk costs time at the next start, and nothing now.
        if let Err(error) = cache.store(&name, native.bytes()) {
            tracing::warn!(%error, "native code was not stored in the cache");
        }
        Ok(native)
    }

    fn compile(&self, engine: &Engine, kind: Kind, wasm: &[u8]) -> Result<Native, LoadError> {
        self.compiled.fetch_add(1, Relaxed);
        match &self.how {
            Compile::InProcess => {
                protocol::compile(engine, kind, wasm).map(Native::trusted).map_err(LoadError::InvalidComponent)
            }
            Compile::Child(program) => match child::run(program, kind, wasm)? {
                (confinement, Output::Compiled(code)) => {
                    let _ = self.confinement.set(confinement);
                    Ok(Native::trusted(code))
                }
                (_, Output::Invalid(reason)) => Err(LoadError::InvalidComponent(reason)),
                (_, Output::Failed(reason)) => Err(LoadError::CompileFailed(reason)),
            },
        }
    }
}

/// The name under which native code is found again: a digest of all that it depends on.
fn name(engine: &Engine, kind: Kind, wasm: &[u8]) -> String {
    let mut digest = Hashing(Sha256::new());
    // Version, settings, target and processor features.
    engine.precompile_compatibility_hash().hash(&mut digest);
    digest.0.update([kind as u8]);
    digest.0.update(Sha256::digest(wasm));
    digest.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A `Hasher` whose result nobody can find a second input for.
struct Hashing(Sha256);

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |word, byte| (word << 8) | u64::from(*byte))
    }
}

fn unusable(error: wasmtime::Error) -> LoadError {
    LoadError::Internal(format!("compiled code cannot be used: {error:#}"))
}
