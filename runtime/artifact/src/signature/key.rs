//! Key pairs: ECDSA on P-256 with SHA-256, the kind that cosign makes.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::key_file::{self, MAX_KEY_FILE, Password};
use super::pem;
use crate::Digest;

const LABEL: &str = "PUBLIC KEY";

/// What stands before the point in a SubjectPublicKeyInfo of this algorithm and curve. All such keys begin so, and no others, which
/// saves a reader of ASN.1.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The uncompressed form: 4, x, y.
const POINT: usize = 65;

/// Who is trusted: a public key. Two are equal if they are the same point, however they were written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; POINT]);

/// A key that signs. It has no `Debug`, so that it gets into no log.
pub struct SecretKey {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl PublicKey {
    /// Reads a PEM block `PUBLIC KEY`, as in `cosign.pub`.
    ///
    /// # Errors
    /// [`KeyError::KeyTooLarge`], [`KeyError::NotAKey`], [`KeyError::UnsupportedKey`] for another algorithm or curve,
    /// [`KeyError::MalformedKey`] for a point that is not on the curve.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_FILE {
            return Err(KeyError::KeyTooLarge { limit: MAX_KEY_FILE });
        }
        let der = pem::read(text, LABEL).ok_or(KeyError::NotAKey { expected: LABEL })?;
        let point = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::UnsupportedKey)?;
        Self::from_point(point)
    }

    /// The key as a PEM block `PUBLIC KEY`.
    pub fn to_pem(&self) -> String {
        pem::write(LABEL, &self.spki())
    }

    /// The SHA-256 of its SubjectPublicKeyInfo: what names a key in lock files and messages.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.spki())
    }

    pub(super) fn spki(&self) -> Vec<u8> {
        [&SPKI_PREFIX, self.0.as_slice()].concat()
    }

    fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; POINT] =
            point.try_into().map_err(|_| KeyError::MalformedKey { problem: "the point has not 65 bytes" })?;
        if point[0] != 4 {
            return Err(KeyError::MalformedKey { problem: "the point is not in its uncompressed form" });
        }
        // A point beside the curve would be refused at each signature, and nobody would understand why; the only function of the
        // library that tells at once is the agreement on a secret, which is thrown away.
        let check = ring::agreement::EphemeralPrivateKey::generate(&ring::agreement::ECDH_P256, &SystemRandom::new())
            .map_err(|_| KeyError::NoRandom)?;
        let peer = ring::agreement::UnparsedPublicKey::new(&ring::agreement::ECDH_P256, point);
        ring::agreement::agree_ephemeral(check, &peer, |_| ())
            .map_err(|_| KeyError::MalformedKey { problem: "the point is not on the curve" })?;
        Ok(Self(point))
    }

    /// Whether this key made `signature`, in DER, over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.0).verify(message, signature).is_ok()
    }
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::NoRandom)?;
        Self::from_pkcs8(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Opens a key file: one of ours or `cosign.key`.
    ///
    /// # Errors
    /// All of [`KeyError`]. The work is bounded before it is done; it takes about a third of a second and up to 128 MiB.
    pub fn from_pem(text: &str, password: Password<'_>) -> Result<Self, KeyError> {
        Self::from_pkcs8(key_file::open(text, password)?)
    }

    /// The key, encrypted, in a file that cosign reads too.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn to_pem(&self, password: Password<'_>) -> Result<String, KeyError> {
        key_file::seal(&self.pkcs8, password)
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// A signature in DER. None where the system gives no random bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(&SystemRandom::new(), message).ok().map(|signature| signature.as_ref().to_vec())
    }

    fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &SystemRandom::new())
            .map_err(|_| KeyError::UnsupportedKey)?;
        let public = PublicKey::from_point(pair.public_key().as_ref())?;
        Ok(Self { pair, pkcs8, public })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fingerprint())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the curve P-384, made with `openssl ecparam -name secp384r1 -genkey -noout | openssl ec -pubout`.
    const P384: &str = include_str!("../../tests/cosign/p384.pub");

    #[test]
    fn public_keys_are_read_as_they_are_written() {
        let key = SecretKey::generate().unwrap().public();
        assert_eq!(PublicKey::from_pem(&key.to_pem()).unwrap(), key);
        assert_ne!(key, SecretKey::generate().unwrap().public());
    }

    #[test]
    fn other_public_keys_are_refused() {
        let key = SecretKey::generate().unwrap().public();
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut der = key.spki();
            change(&mut der);
            pem::write(LABEL, &der)
        };
        for (text, reason) in [
            (P384.to_owned(), "UnsupportedKey"),
            (String::new(), "NotAKey"),
            (pem::write("EC PUBLIC KEY", &key.spki()), "NotAKey"),
            ("x".repeat(MAX_KEY_FILE + 1), "KeyTooLarge"),
            (with(&|der| der.push(0)), "MalformedKey"),
            (with(&|der| der.truncate(90)), "MalformedKey"),
            (with(&|der| der[26] = 2), "MalformedKey"),
            (with(&|der| der[90] ^= 1), "MalformedKey"),
            (with(&|der| der[20] ^= 1), "UnsupportedKey"),
        ] {
            assert_eq!(PublicKey::from_pem(&text).unwrap_err().reason(), reason, "{text}");
        }
    }

    #[test]
    fn a_key_verifies_what_it_signed_and_nothing_else() {
        let (key, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let signature = key.sign(b"message").unwrap();
        assert!(key.public().verifies(b"message", &signature));
        assert!(!key.public().verifies(b"massage", &signature));
        assert!(!other.public().verifies(b"message", &signature));
    }
}
