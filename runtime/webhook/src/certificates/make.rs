//! How certificates are made: ECDSA over P-256, which every client has and which is the cheapest to sign with.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::CertificateError;
use super::identity::Identity;
use super::kept::{AUTHORITY, SERVED};
use super::terms::{Terms, whole};
use super::when::{Life, Shown, system};

/// How long before now a certificate begins, because a client's clock may be behind.
pub(super) const EARLIER: u64 = 60 * 60;

/// Makes an authority: it signs itself, and servers, but no other authorities.
pub(super) fn authority(now: u64, terms: &Terms) -> Result<Identity, CertificateError> {
    let life = Life { from: now.saturating_sub(EARLIER), until: now + whole(terms.ca_life) };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    // Two authorities stand side by side: a client finds the right one sooner when they are not named alike.
    let mut params = params(&format!("orkestra webhook authority {}", Shown(now)), life);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    Identity::new(vec![certificate.into()], PrivatePkcs8KeyDer::from(key.serialize_der()).into(), AUTHORITY)
}

/// Makes a serving certificate under `authority`, which must be valid now: it ends no later than that.
pub(super) fn serving(
    authority: &Identity,
    names: &[String],
    now: u64,
    terms: &Terms,
) -> Result<Identity, CertificateError> {
    let life = Life { from: now.saturating_sub(EARLIER), until: serving_end(authority, now, terms) };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = params("orkestra webhook", life);
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let issuer = Issuer::from_ca_cert_der(&authority.chain[0], KeyPair::try_from(&authority.key)?)?;
    let certificate = params.signed_by(&key, &issuer)?;
    Identity::new(vec![certificate.into()], PrivatePkcs8KeyDer::from(key.serialize_der()).into(), SERVED)
}

/// When a serving certificate ends that is made now.
pub(super) fn serving_end(authority: &Identity, now: u64, terms: &Terms) -> u64 {
    (now + whole(terms.serving_life)).min(authority.life.until)
}

/// What all certificates begin with.
pub(super) fn params(name: &str, life: Life) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = system(life.from).into();
    params.not_after = system(life.until).into();
    params
}
