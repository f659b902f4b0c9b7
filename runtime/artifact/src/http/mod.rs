//! Registries over HTTP. Everything that one says is bounded; credentials go to its own host or to a listed one, and over TLS.

mod auth;
mod blobs;
mod challenge;
mod endpoint;
mod error;
mod listing;
mod manifests;
mod send;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

pub use error::{HttpError, Said};

use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, RawManifest, Registry};

/// Where HTTP without TLS is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// With this machine.
    #[default]
    Loopback,
    /// With every registry. Credentials are sent to none but this machine's then.
    Everywhere,
    /// With none: registries of this machine have TLS too.
    Nowhere,
}

/// How registries are spoken to.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where HTTP without TLS is spoken.
    pub plain_http: PlainHttp,
    /// Certificates of authorities that are trusted beside the system's, as PEM, one or several in each.
    pub ca_pems: Vec<Vec<u8>>,
    /// For whom there are credentials.
    pub credentials: Credentials,
    /// Hosts, as `auth.example` or `auth.example:8443`, that registries may send to for tokens.
    pub realms: Vec<String>,
    /// Prefixes of `registry/path`, and what stands in their place in every request. The longest that fits is taken.
    pub mirrors: Vec<(String, String)>,
    /// What we call ourselves.
    pub user_agent: String,
    /// The pause after the first failure; it doubles each time.
    pub first_pause: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            plain_http: PlainHttp::default(),
            ca_pems: Vec::new(),
            credentials: Credentials::default(),
            realms: Vec::new(),
            mirrors: Vec::new(),
            user_agent: concat!("orkestra/", env!("CARGO_PKG_VERSION")).to_owned(),
            first_pause: Duration::from_millis(500),
        }
    }
}

/// The most of an answer that says nothing.
const MAX_ROOT: u64 = 64 << 10;

/// What a request does, which is what a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    Pull,
    Push,
}

/// All registries, over HTTP. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct HttpRegistry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// For requests without a body, and for those with one.
    fetching: reqwest::Client,
    sending: reqwest::Client,
    options: HttpOptions,
    /// Headers that a registry took, by its host, the repository and what it was for.
    tokens: Mutex<HashMap<(String, String, Action), HeaderValue>>,
}

impl HttpRegistry {
    /// Makes a client. The system's certificates are read here, from the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name if they
    /// are set, as every program does that verifies TLS.
    ///
    /// # Errors
    /// [`HttpError::TlsSetup`].
    pub fn new(options: HttpOptions) -> Result<Self, Error> {
        let (fetching, sending) = tls::clients(&options)?;
        Ok(Self { inner: Arc::new(Inner { fetching, sending, options, tokens: Mutex::default() }) })
    }

    /// Asks a registry, `host[:port]`, whether it takes the credentials that there are for it. True where it does, false where it
    /// asks for none, so that nothing is known of them.
    ///
    /// # Errors
    /// [`HttpError::Unauthorized`] where it does not take them, and all others of [`HttpError`].
    pub async fn try_credentials(&self, registry: &str) -> Result<bool, Error> {
        let endpoint = endpoint::Endpoint::of_registry(registry, &self.inner.options)?;
        let (url, what) = (endpoint.root()?, format!("logging in to {registry}"));
        let ask = send::Ask::new(&endpoint, Action::Pull, reqwest::Method::GET, url, what);
        self.inner.fetch(&ask, MAX_ROOT).await?.success(&ask)?;
        Ok(self.inner.known_authorization(&endpoint, Action::Pull).await.is_some())
    }
}

impl Registry for HttpRegistry {
    async fn read_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> Result<Option<RawManifest>, Error> {
        manifests::read(&self.inner, repository, manifest).await
    }

    async fn read_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        blobs::read(&self.inner, repository, blob).await
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        listing::tags(&self.inner, repository).await
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        listing::referrers(&self.inner, repository, subject).await
    }

    async fn write_blob(&self, repository: &Repository, blob: &Descriptor, bytes: Bytes) -> Result<(), Error> {
        blobs::write(&self.inner, repository, blob, bytes).await
    }

    async fn write_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), Error> {
        manifests::write(&self.inner, repository, manifest, media_type, bytes).await
    }
}
