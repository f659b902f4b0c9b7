//! `cosign.key`: the private key in PKCS#8, in a secretbox of NaCl whose key scrypt makes of a password, in JSON, in PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::pem;

/// The largest key file that is read, in bytes. One of cosign's has about 700.
pub const MAX_KEY_FILE: usize = 16 << 10;

const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What cosign 1 wrote, with the same contents.
const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

/// log2 of N: the three strengths that the tools around cosign write. The first is still read, the second is written.
const LOG_N: std::ops::RangeInclusive<u8> = 15..=17;
const WRITTEN_LOG_N: u8 = 16;
const R: u32 = 8;
const P: u32 = 1;

/// What opens a key file. An empty one is allowed, as with cosign: whether that is wise is the caller's to say.
#[derive(Clone, Copy)]
pub struct Password<'a>(pub &'a [u8]);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The PKCS#8 document in a key file.
///
/// # Errors
/// All of [`KeyError`] but [`KeyError::NoRandom`].
pub(super) fn open(text: &str, password: Password<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.len() > MAX_KEY_FILE {
        return Err(KeyError::KeyTooLarge { limit: MAX_KEY_FILE });
    }
    let json =
        pem::read(text, LABEL).or_else(|| pem::read(text, OLD_LABEL)).ok_or(KeyError::NotAKey { expected: LABEL })?;
    let malformed = |problem| KeyError::MalformedKey { problem };
    let file: File =
        serde_json::from_slice(&json).map_err(|_| malformed("its JSON has not the fields of such a file"))?;
    if file.kdf.name != "scrypt" || file.cipher.name != "nacl/secretbox" {
        return Err(malformed("it is not encrypted with scrypt and nacl/secretbox"));
    }
    let Params { n, r, p } = file.kdf.params;
    let log_n = LOG_N.clone().find(|log_n| 1 << log_n == n);
    let Some(log_n) = log_n.filter(|_| r == u64::from(R) && p == u64::from(P)) else {
        return Err(KeyError::UnboundedKdf { n, r, p });
    };
    let bytes = |text: &str| STANDARD.decode(text).map_err(|_| malformed("a field is not base64"));
    let (salt, nonce, ciphertext) = (bytes(&file.kdf.salt)?, bytes(&file.cipher.nonce)?, bytes(&file.ciphertext)?);
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| malformed("the nonce has not 24 bytes"))?;
    cipher(password, &salt, log_n)?
        .decrypt(&Nonce::from(nonce), ciphertext.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::WrongPassword)
}

/// A key file with this PKCS#8 document.
///
/// # Errors
/// [`KeyError::NoRandom`].
pub(super) fn seal(pkcs8: &[u8], password: Password<'_>) -> Result<String, KeyError> {
    let random = SystemRandom::new();
    let (mut salt, mut nonce) = ([0; 32], [0; 24]);
    random.fill(&mut salt).and_then(|()| random.fill(&mut nonce)).map_err(|_| KeyError::NoRandom)?;
    let ciphertext = cipher(password, &salt, WRITTEN_LOG_N)?
        .encrypt(&Nonce::from(nonce), pkcs8)
        .map_err(|_| KeyError::MalformedKey { problem: "it is too long to be encrypted" })?;
    let params = Params { n: 1 << WRITTEN_LOG_N, r: R.into(), p: P.into() };
    let file = File {
        kdf: Kdf { name: "scrypt".into(), params, salt: STANDARD.encode(salt) },
        cipher: Cipher { name: "nacl/secretbox".into(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(ciphertext),
    };
    let json = serde_json::to_vec(&file).map_err(|_| KeyError::MalformedKey { problem: "it has no JSON form" })?;
    Ok(pem::write(LABEL, &json))
}

fn cipher(password: Password<'_>, salt: &[u8], log_n: u8) -> Result<XSalsa20Poly1305, KeyError> {
    let mut key = Zeroizing::new([0; 32]);
    let wrong = KeyError::MalformedKey { problem: "scrypt does not take its parameters" };
    let Ok(params) = scrypt::Params::new(log_n, R, P, key.len()) else { return Err(wrong) };
    if scrypt::scrypt(password.0, salt, &params, key.as_mut_slice()).is_err() {
        return Err(wrong);
    }
    Ok(XSalsa20Poly1305::new(Key::from_slice(key.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, change: impl Fn(String) -> String) -> String {
        let json = String::from_utf8(pem::read(text, LABEL).unwrap().to_vec()).unwrap();
        pem::write(LABEL, change(json).as_bytes())
    }

    #[test]
    fn a_file_opens_with_its_password_and_no_other() {
        let text = seal(b"document", Password(b"secret")).unwrap();
        assert_eq!(open(&text, Password(b"secret")).unwrap().as_slice(), b"document");
        assert_eq!(open(&text, Password(b"Secret")).unwrap_err().reason(), "WrongPassword");
        let old = text.replace(LABEL, OLD_LABEL);
        assert!(open(&old, Password(b"secret")).is_ok());
    }

    #[test]
    fn a_file_that_asks_for_too_much_work_costs_none() {
        let text = seal(b"document", Password(b"")).unwrap();
        for (params, reason) in [
            (r#""N":1073741824,"r":8,"p":1"#, "UnboundedKdf"),
            (r#""N":65536,"r":1024,"p":1"#, "UnboundedKdf"),
            (r#""N":65536,"r":8,"p":4294967295"#, "UnboundedKdf"),
            (r#""N":65535,"r":8,"p":1"#, "UnboundedKdf"),
            (r#""N":2,"r":8,"p":1"#, "UnboundedKdf"),
            (r#""N":-1,"r":8,"p":1"#, "MalformedKey"),
            (r#""N":65536,"N":65536,"r":8,"p":1"#, "MalformedKey"),
            (r#""N":65536,"r":8,"p":1,"q":1"#, "MalformedKey"),
        ] {
            let bad = changed(&text, |json| json.replace(r#""N":65536,"r":8,"p":1"#, params));
            assert_eq!(open(&bad, Password(b"")).unwrap_err().reason(), reason, "{params}");
        }
        let bad = changed(&text, |json| json.replace("scrypt", "pbkdf2"));
        assert_eq!(open(&bad, Password(b"")).unwrap_err().reason(), "MalformedKey");
        assert_eq!(open(&"x".repeat(MAX_KEY_FILE + 1), Password(b"")).unwrap_err().reason(), "KeyTooLarge");
        assert_eq!(open("", Password(b"")).unwrap_err().reason(), "NotAKey");
    }
}
