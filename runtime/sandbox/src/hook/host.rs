//! The host's side of the imports: each interface is linked by the capability that it belongs to.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_http::p2::add_only_http_to_linker_async;
use wasmtime_wasi_io::bindings::wasi::io;

use super::bindings::orkestra::hook::types;
use super::bindings::orkestra::host::cluster_read::{self, Error, Scope};
use super::bindings::orkestra::host::log::{self, Level};
use super::state::State;
use crate::capability::cluster_read::declared;
use crate::capability::{Granted, ReadError, log as lines};
use crate::failure::LoadError;

/// A linker with what is granted and nothing else.
pub(super) fn linker(engine: &Engine, granted: &Granted) -> Result<Linker<State>, LoadError> {
    let mut linker = Linker::new(engine);
    link(&mut linker, granted).map_err(|error| LoadError::Internal(format!("{error:#}")))?;
    Ok(linker)
}

fn link(linker: &mut Linker<State>, granted: &Granted) -> wasmtime::Result<()> {
    types::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    log::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    if !granted.cluster_read.is_empty() {
        cluster_read::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    }
    let http = !granted.http.is_empty();
    if http || granted.clocks {
        io::poll::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    }
    if http {
        io::error::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
        io::streams::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
        add_only_http_to_linker_async(linker)?;
    }
    if granted.clocks {
        clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
        clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    }
    if granted.random {
        random::random::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
        random::insecure::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
        random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    }
    Ok(())
}

struct Io;

impl wasmtime::component::HasData for Io {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}

impl types::Host for State {}

impl log::Host for State {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.count()?;
        let level = match level {
            Level::Debug => lines::Level::Debug,
            Level::Info => lines::Level::Info,
            Level::Warn => lines::Level::Warn,
            Level::Error => lines::Level::Error,
        };
        lines::line(level, &self.pattern, &self.entry, &message);
        Ok(())
    }
}

impl cluster_read::Host for State {
    async fn get(
        &mut self,
        scope: Scope,
        name: String,
        fields: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.count()?;
        match declared(&self.readable, &scope.group, &scope.kind) {
            Ok(kind) => Ok(self.cluster.get(kind, scope.namespace, name, fields).await.map_err(Error::from)),
            Err(denied) => Ok(Err(denied.into())),
        }
    }

    async fn list(
        &mut self,
        scope: Scope,
        labels: Vec<(String, String)>,
        fields: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<u8>>, Error>> {
        self.count()?;
        match declared(&self.readable, &scope.group, &scope.kind) {
            Ok(kind) => Ok(self.cluster.list(kind, scope.namespace, labels, fields).await.map_err(Error::from)),
            Err(denied) => Ok(Err(denied.into())),
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::AccessDenied(why) => Self::AccessDenied(why),
            ReadError::NotFound => Self::NotFound,
            ReadError::InvalidRequest(why) => Self::InvalidRequest(why),
            ReadError::TooLarge(why) => Self::TooLarge(why),
            ReadError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
