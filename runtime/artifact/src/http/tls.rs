//! The HTTP client, with nothing of what such libraries do by themselves: no redirects, no proxies, no decompression, no provider
//! of cryptography but ring.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{HttpError, HttpOptions};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How long an answer may pause.
const IDLE: Duration = Duration::from_secs(30);
/// The slowest connection over which can be pushed, in bytes a second.
const SLOWEST: u64 = 64 << 10;

/// The client for what is fetched, and the one for what is sent: the library counts the time that a body takes to be sent as a
/// pause of the answer, so that one has a time for the whole instead, which [`time_for`] gives.
pub(super) fn clients(options: &HttpOptions) -> Result<(reqwest::Client, reqwest::Client), HttpError> {
    let wrong = |problem: String| HttpError::TlsSetup { problem };
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a certificate of the system cannot be read");
    }
    // Single certificates of the system may be of a kind that is no longer taken; the others count.
    roots.add_parsable_certificates(system.certs);
    for pem in &options.ca_pems {
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| wrong(format!("a CA file is no PEM: {error}")))?;
            roots.add(certificate).map_err(|error| wrong(format!("a CA is not taken: {error}")))?;
            found = true;
        }
        if !found {
            return Err(wrong("a CA file has no certificate".to_owned()));
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = || {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .http1_only()
            .connect_timeout(CONNECT)
            .user_agent(&options.user_agent)
    };
    let fetching = builder().read_timeout(IDLE).build().map_err(|error| wrong(error.to_string()))?;
    let sending = builder().build().map_err(|error| wrong(error.to_string()))?;
    Ok((fetching, sending))
}

/// How long a request with a body of so many bytes may take, its answer included.
pub(super) fn time_for(bytes: usize) -> Duration {
    IDLE + Duration::from_secs(bytes as u64 / SLOWEST)
}
