//! PEM, in and out. What goes out was written here, so that nothing else of a file is passed on: a key that somebody put
//! beside the certificates must not end in a CRD.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;

use super::when::Life;
use super::{CertificateError, Source};

/// Bytes of one entry: a chain of a dozen certificates, or the largest key there is, many times over.
pub(super) const ENTRY_BYTES: usize = 64 << 10;

/// Certificates of one entry.
const CERTIFICATES: usize = 16;

/// Reads the certificates of an entry, of which there is at least one. Other sections are left out.
pub(super) fn certificates(
    entry: &'static str,
    text: &[u8],
    from: Source,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let bad = |found: String| CertificateError::NotReadable {
        entry,
        found,
        expected: "one to 16 X.509 certificates as PEM (`-----BEGIN CERTIFICATE-----`)",
        from,
    };
    bounded(entry, text.len(), from)?;
    let mut all: Vec<CertificateDer<'static>> = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        if all.len() == CERTIFICATES {
            return Err(bad("more certificates than 16".to_owned()));
        }
        ParsedCertificate::try_from(&certificate).map_err(|error| bad(error.to_string()))?;
        Life::read(&certificate).ok_or_else(|| bad("a certificate without a validity".to_owned()))?;
        all.push(certificate);
    }
    if all.is_empty() { Err(bad("no certificate".to_owned())) } else { Ok(all) }
}

/// Reads the private key of an entry: the first there is.
pub(super) fn key(entry: &'static str, text: &[u8], from: Source) -> Result<PrivateKeyDer<'static>, CertificateError> {
    bounded(entry, text.len(), from)?;
    PrivateKeyDer::from_pem_slice(text).map_err(|error| CertificateError::NotReadable {
        entry,
        // It says which line or section is wrong, never what is in it.
        found: error.to_string(),
        expected: "a private key as PEM (`-----BEGIN PRIVATE KEY-----`), not encrypted",
        from,
    })
}

/// Refuses an entry that is too large, before it is looked into.
pub(super) fn bounded(entry: &str, size: usize, from: Source) -> Result<(), CertificateError> {
    if size <= ENTRY_BYTES {
        return Ok(());
    }
    let entry = entry.chars().take(253).collect();
    Err(CertificateError::TooLarge { entry, most: ENTRY_BYTES, from })
}

/// Writes certificates, each once.
pub(super) fn write_certificates<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    let mut written: Vec<&CertificateDer<'_>> = Vec::new();
    let mut text = String::new();
    for certificate in certificates {
        if !written.contains(&certificate) {
            write(&mut text, "CERTIFICATE", certificate);
            written.push(certificate);
        }
    }
    text
}

/// Writes a private key.
pub(super) fn write_key(key: &PrivateKeyDer<'_>) -> String {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let mut text = String::new();
    write(&mut text, label, key.secret_der());
    text
}

/// Lines of 64 characters (RFC 7468, 2), which are 48 bytes.
fn write(text: &mut String, label: &str, der: &[u8]) {
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in der.chunks(48) {
        STANDARD.encode_string(line, text);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
}
