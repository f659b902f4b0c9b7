//! The sandbox: one engine for all patterns of the process, and the way from bytes to a [`Pattern`].

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use orkestra_component::decode;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::capability::Network;
use crate::compile::{Compilations, Compile, Compiler};
use crate::confined::{Confinement, keep_private};
use crate::engine::{Ticker, running};
use crate::failure::LoadError;
use crate::hook::{Engines, Hook, HookSettings};
use crate::limits::Limits;
use crate::pattern::Pattern;
use crate::slots::Slots;
use crate::store::State;

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Calls at the same time, and so also the most patterns at the same time.
    pub slots: u32,
    /// The highest limits that a pattern can be given.
    pub ceiling: Limits,
    /// Where WebAssembly is compiled.
    pub compile: Compile,
    /// The network of hooks; none: no hook can be granted `http`.
    pub network: Option<Network>,
    /// A directory for native code, which is made if it is missing and must be nobody else's. None: compiled at every start.
    pub cache: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { slots: 2048, ceiling: Limits::CEILING, compile: Compile::InProcess, network: None, cache: None }
    }
}

/// What a component may be that is not proved to be data only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// It may bring code of its own in the engine's place. It still imports nothing.
    Code,
}

/// Runs patterns. A clone is the same sandbox; it ends with its last clone and last pattern.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Arc<Runtime>,
    compiler: Compiler,
    linker: Linker<State>,
    slots: Arc<Slots>,
    ceiling: Limits,
    network: Option<Network>,
    /// Started with the first hook.
    engines: OnceLock<Arc<Engines>>,
}

/// What must live as long as any code can run: without the ticker no deadline would ever come.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    _ticker: Ticker,
}

impl Sandbox {
    /// Starts a sandbox and compiles the engine module.
    ///
    /// With a compile child the process is made undumpable: no debugger and no core dump from here on.
    ///
    /// # Errors
    ///
    /// [`LoadError::Internal`] where the machine does not give what it needs (address space, a thread).
    pub fn new(settings: &Settings) -> Result<Self, LoadError> {
        let engine = running(settings.slots, &settings.ceiling).map_err(internal)?;
        let shipped = orkestra_component::engine();
        let compiler = Compiler::new(settings.compile.clone(), settings.cache.as_deref())?;
        let module = compiler.module(&engine, shipped.bytes)?;
        let mut linker = Linker::new(&engine);
        linker.root().module(shipped.import_name, &module).map_err(internal)?;
        if let Compile::Child(_) = settings.compile {
            // Also where the cache had everything and no child was started.
            keep_private().map_err(|error| LoadError::Internal(error.to_string()))?;
        }
        let ticker = Ticker::start(&engine).map_err(|error| LoadError::Internal(error.to_string()))?;
        let inner = Inner {
            runtime: Arc::new(Runtime { engine, _ticker: ticker }),
            compiler,
            linker,
            slots: Slots::new(settings.slots as usize),
            ceiling: settings.ceiling.clone(),
            network: settings.network.clone(),
            engines: OnceLock::new(),
        };
        Ok(Sandbox { inner: Arc::new(inner) })
    }

    /// Makes a component ready to be called.
    ///
    /// A component that is a program and nothing else needs no grant. Every other one needs [`Grant::Code`].
    ///
    /// # Errors
    ///
    /// Every [`LoadError`].
    pub fn load(&self, component: &[u8], grants: &[Grant], limits: Limits) -> Result<Pattern, LoadError> {
        if let Some((limit, asked, ceiling)) = limits.above(&self.inner.ceiling) {
            return Err(LoadError::AboveCeiling { limit, asked, ceiling });
        }
        let declarative = prove(component, grants)?;
        let compiled = self.inner.compiler.component(&self.inner.runtime.engine, component)?;
        let pre = self.link(&compiled)?;
        let slots = self.inner.slots.reserve(limits.concurrency).ok_or(LoadError::NoSlot)?;
        Ok(Pattern::new(pre, Arc::clone(&self.inner.runtime), limits, slots, declarative))
    }

    /// Makes a hook ready to be called.
    ///
    /// # Errors
    ///
    /// [`LoadError::CapabilityDenied`] for an import that no grant covers, [`LoadError::PointMissing`] for a point that it does not
    /// export, and every other [`LoadError`] of a component.
    pub fn load_hook(&self, component: &[u8], settings: HookSettings) -> Result<Hook, LoadError> {
        let inner = &self.inner;
        if !settings.granted.http.is_empty() && inner.network.is_none() {
            return Err(LoadError::Internal(
                "`http` is granted, and the sandbox was started without a network".to_owned(),
            ));
        }
        let engines = match inner.engines.get() {
            Some(engines) => engines,
            None => {
                let started = Arc::new(Engines::start()?);
                inner.engines.get_or_init(|| started)
            }
        };
        let compiled = inner.compiler.hook(&engines.hooks, component)?;
        Hook::new(Arc::clone(engines), &compiled, settings, inner.network.clone())
    }

    /// How well the compile child was confined; none if no child was needed.
    pub fn confinement(&self) -> Option<Confinement> {
        self.inner.compiler.confinement()
    }

    /// What was compiled and what was found in the cache.
    pub fn compilations(&self) -> Compilations {
        self.inner.compiler.compilations()
    }

    /// Resolves the imports. Only the engine is ever there to be imported.
    fn link(&self, component: &Component) -> Result<InstancePre<State>, LoadError> {
        let shipped = orkestra_component::engine().import_name;
        let types = component.component_type();
        if let Some((import, _)) = types.imports(&self.inner.runtime.engine).find(|(name, _)| *name != shipped) {
            return Err(LoadError::CapabilityDenied { import: import.to_owned() });
        }
        self.inner
            .linker
            .instantiate_pre(component)
            .map_err(|error| LoadError::InvalidComponent(error.root_cause().to_string()))
    }
}

/// Whether the component is proved to be declarative; `false` is possible only with a grant.
fn prove(component: &[u8], grants: &[Grant]) -> Result<bool, LoadError> {
    match decode(component) {
        Ok(declarative) => {
            let shipped = orkestra_component::engine().import_name;
            if declarative.engine == shipped {
                Ok(true)
            } else {
                Err(LoadError::IncompatibleEngine { wanted: declarative.engine, shipped: shipped.to_owned() })
            }
        }
        Err(_) if grants.contains(&Grant::Code) => Ok(false),
        Err(difference) => Err(LoadError::NotDeclarative(difference.to_string())),
    }
}

fn internal(error: wasmtime::Error) -> LoadError {
    LoadError::Internal(format!("{error:#}"))
}
