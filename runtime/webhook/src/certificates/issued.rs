//! Certificates that patterns ask for: each under an authority of its own, whose key nobody keeps.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};

use super::make::{EARLIER, params};
use super::when::{Life, seconds};
use super::{CertificateError, terms};

/// A certificate, all as PEM. Not `Debug`: there is a key in it.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The authority that signed it, and signs nothing else.
    pub authority: String,
}

/// Makes a certificate for servers and clients that have one of `names`, which are DNS names or IP addresses. It begins an hour
/// before `now`, because clocks differ, and ends `life` after it.
///
/// # Errors
///
/// A name that no certificate can be for, too many of them, none at all, or a clock that is out of all calendars.
pub fn issue(common_name: &str, names: &[String], life: Duration, now: SystemTime) -> Result<Issued, CertificateError> {
    let names = terms::names(names)?;
    let now = seconds(now)?;
    let life = Life { from: now.saturating_sub(EARLIER), until: now.saturating_add(life.as_secs()) };
    let authority_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut authority = params(&format!("{common_name} authority"), life);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let signed = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut own = params(common_name, life);
    own.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    own.is_ca = IsCa::ExplicitNoCa;
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    own.use_authority_key_identifier_extension = true;
    let certificate = own.signed_by(&key, &Issuer::from_params(&authority, &authority_key))?;
    Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem(), authority: signed.pem() })
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::super::identity::Identity;
    use super::super::kept::SERVED;
    use super::*;

    fn issued(names: &[&str]) -> Result<Issued, CertificateError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        issue("db", &names, Duration::from_secs(3_600), SystemTime::now())
    }

    #[test]
    fn the_certificate_is_believed_by_who_believes_the_authority_and_the_key_is_its_own() {
        let made = issued(&["db.shop.svc", "10.0.0.7"]).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
        let identity = Identity::new(chain, key, SERVED).unwrap();
        let authority = CertificateDer::from_pem_slice(made.authority.as_bytes()).unwrap();
        let other = issued(&["db.shop.svc"]).unwrap();
        let other = CertificateDer::from_pem_slice(other.authority.as_bytes()).unwrap();
        let now = seconds(SystemTime::now()).unwrap();
        assert!(identity.believed(&[authority], now).is_ok());
        assert!(identity.believed(&[other], now).is_err());
        let named = |name: &str| identity.named(&[name.to_owned()], SERVED.from).is_ok();
        assert!(named("db.shop.svc") && named("10.0.0.7") && !named("web.shop.svc"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert!(issued(&["ü b"]).is_err());
        assert!(matches!(issued(&[]), Err(CertificateError::NoName)));
    }
}
