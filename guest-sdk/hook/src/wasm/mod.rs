//! The component: its exports, and the runtime behind its imports.

pub mod bindings;
mod http;
mod points;

use std::panic::{PanicHookInfo, set_hook};
use std::sync::Once;

use crate::cluster::{ReadFailure, Scope};
use crate::host::Host;
use crate::http::{HttpFailure, Outgoing, Received};
use crate::log::Level;
use bindings::orkestra::host::{cluster_read, log};
pub use points::Exported;

/// The runtime.
#[derive(Debug, Clone)]
pub(crate) struct Current;

impl Host for Current {
    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log(level, message);
    }

    fn get(&self, scope: &Scope, name: &str, fields: &[String]) -> Result<Vec<u8>, ReadFailure> {
        cluster_read::get(&scope.into(), name, fields).map_err(ReadFailure::from)
    }

    fn list(&self, scope: &Scope, labels: &[(String, String)], fields: &[String]) -> Result<Vec<Vec<u8>>, ReadFailure> {
        cluster_read::list(&scope.into(), labels, fields).map_err(ReadFailure::from)
    }

    fn send(&self, request: &Outgoing) -> Result<Received, HttpFailure> {
        http::send(request)
    }
}

impl From<&Scope> for cluster_read::Scope {
    fn from(Scope { group, kind, namespace }: &Scope) -> Self {
        Self { group: group.clone(), kind: kind.clone(), namespace: namespace.clone() }
    }
}

impl From<cluster_read::Error> for ReadFailure {
    fn from(error: cluster_read::Error) -> Self {
        match error {
            cluster_read::Error::AccessDenied(why) => Self::AccessDenied(why),
            cluster_read::Error::NotFound => Self::NotFound,
            cluster_read::Error::InvalidRequest(why) => Self::InvalidRequest(why),
            cluster_read::Error::TooLarge(why) => Self::TooLarge(why),
            cluster_read::Error::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// A panic becomes a trap, which has no message: it goes to the log before.
fn say_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_hook(Box::new(|info: &PanicHookInfo<'_>| {
            let message = info.payload_as_str().unwrap_or("no message");
            let line = match info.location() {
                Some(place) => format!("panic at {place}: {message}"),
                None => format!("panic: {message}"),
            };
            Current.log(Level::Error, &line);
        }));
    });
}
