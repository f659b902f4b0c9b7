//! `http`: requests to named hosts, and nowhere else.
//!
//! A request is held against the rules by scheme, host, port and method. Its name is resolved here and all answers are looked at; the
//! connection goes to one of the very addresses that were, so that a second answer of the name's server changes nothing. No proxy is
//! asked and no redirect followed: where a host sends the guest elsewhere, that is another request.

mod address;
mod rule;
mod send;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use rustls::ClientConfig;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub use rule::HttpRule;

use super::HostCalls;

/// An answer that comes later; it ends when it is dropped.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who turns names of hosts into addresses.
pub trait Resolve: Send + Sync {
    /// All addresses of a name.
    fn resolve(&self, name: String) -> Resolving;
}

/// The system's name servers, by `/etc/resolv.conf`. A lookup is given up at once when its call ends.
pub struct SystemResolver(TokioResolver);

impl SystemResolver {
    /// Reads the system's settings.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn new() -> io::Result<Self> {
        let builder = TokioResolver::builder_tokio().map_err(io::Error::other)?;
        Ok(Self(builder.build().map_err(io::Error::other)?))
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: String) -> Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found = resolver.lookup_ip(name).await.map_err(io::Error::other)?;
            Ok(found.iter().collect())
        })
    }
}

/// What all hooks share of the network.
#[derive(Clone)]
pub struct Network {
    /// Who knows the addresses of names.
    pub resolver: Arc<dyn Resolve>,
    /// Which authorities are believed, and what else TLS needs.
    pub tls: Arc<ClientConfig>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

/// One call's way out.
pub(crate) struct Outbound {
    pub(crate) rules: Arc<[HttpRule]>,
    /// None: nothing is granted either.
    pub(crate) network: Option<Network>,
    /// Bytes of the body of an answer.
    pub(crate) limit: usize,
    /// The longest that anything may take.
    pub(crate) patience: Duration,
    pub(crate) calls: HostCalls,
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io), Error>> + Send> {
        if !self.calls.take() {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        }
        let (rules, network, limit, patience) = (self.rules.clone(), self.network.clone(), self.limit, self.patience);
        Box::new(async move {
            let network = network.ok_or(Error::HttpRequestDenied)?;
            send::send(&rules, &network, request, options, limit, patience).await
        })
    }
}
