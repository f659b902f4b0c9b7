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

pub(super) fn client(options: &HttpOptions) -> Result<reqwest::Client, HttpError> {
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
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .http1_only()
        .connect_timeout(CONNECT)
        .read_timeout(IDLE)
        .user_agent(&options.user_agent)
        .build()
        .map_err(|error| wrong(error.to_string()))
}
