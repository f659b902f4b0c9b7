//! A certificate with its key, and who believes it.

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, client};

use super::when::{Life, unix};
use super::{CertificateError, Source, pem};

/// A certificate, those that lead from it to an authority, and its key. Not `Debug`: there is a key in it.
#[derive(PartialEq, Eq)]
pub(super) struct Identity {
    /// At least one; the first is its own.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) life: Life,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key(), life: self.life }
    }
}

/// The names of the entries in which an identity is.
#[derive(Clone, Copy)]
pub(super) struct Entries {
    pub(super) certificate: &'static str,
    pub(super) key: &'static str,
    pub(super) from: Source,
}

impl Identity {
    /// Takes a chain and a key that belong together.
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        entries: Entries,
    ) -> Result<Self, CertificateError> {
        let Entries { certificate, from, .. } = entries;
        let life = chain.first().and_then(|certificate| Life::read(certificate));
        let life = life.ok_or(CertificateError::Missing { entry: certificate, from })?;
        let identity = Self { chain, key, life };
        identity.certified(entries)?;
        Ok(identity)
    }

    /// As the TLS library signs with it.
    pub(super) fn certified(&self, entries: Entries) -> Result<CertifiedKey, CertificateError> {
        let Entries { certificate, key, from } = entries;
        let wrong = |error| CertificateError::WrongKey { key, certificate, error, from };
        let signing = ring::sign::any_supported_type(&self.key).map_err(|error| CertificateError::NotReadable {
            entry: key,
            found: error.to_string(),
            expected: "an RSA, ECDSA (P-256, P-384) or Ed25519 private key",
            from,
        })?;
        let certified = CertifiedKey::new(self.chain.clone(), signing);
        certified.keys_match().map_err(wrong)?;
        Ok(certified)
    }

    /// Whether a client that trusts `authorities` would believe it at some time. Which time it is now is not asked: what
    /// is over can still be renewed.
    pub(super) fn trusted(
        &self,
        authorities: &[CertificateDer<'static>],
        from: Source,
    ) -> Result<(), CertificateError> {
        // If it is ever believed, then also when the last of those that are needed begins.
        let begins = authorities.iter().chain(&self.chain).filter_map(|one| Life::read(one)).map(|life| life.from);
        let mut result = Ok(());
        for at in begins {
            result = self.believed(authorities, at);
            if result.is_ok() {
                break;
            }
        }
        result.map_err(|error| CertificateError::NotTrusted { error, from })
    }

    /// Whether a client that trusts `authorities` believes it at a time.
    pub(super) fn believed(&self, authorities: &[CertificateDer<'static>], at: u64) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            // The library takes an authority that is over; the API server, whose library is Go's, does not.
            if Life::read(authority).is_some_and(|life| (life.from..=life.until).contains(&at)) {
                roots.add(authority.clone())?;
            }
        }
        let (own, others) = self.chain.split_first().ok_or(rustls::Error::NoCertificatesPresented)?;
        let own = ParsedCertificate::try_from(own)?;
        let known = ring::default_provider().signature_verification_algorithms.all;
        client::verify_server_cert_signed_by_trust_anchor(&own, &roots, others, unix(at), known)
    }

    /// Whether it is for all of `names`.
    pub(super) fn named(&self, names: &[String], from: Source) -> Result<(), CertificateError> {
        let own = self.chain.first().ok_or(CertificateError::Missing { entry: "tls.crt", from })?;
        let own = ParsedCertificate::try_from(own)?;
        for name in names {
            let found = ServerName::try_from(name.as_str()).ok();
            if found.is_none_or(|found| client::verify_server_name(&own, &found).is_err()) {
                return Err(CertificateError::WrongName { name: name.clone(), from });
            }
        }
        Ok(())
    }

    /// Its own certificates, as a server sends them.
    pub(super) fn chain_pem(&self) -> String {
        pem::write_certificates(&self.chain)
    }
}
