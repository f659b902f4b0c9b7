//! A Sigstore bundle, read strictly: a field that is not known is refused, one that comes twice too, and base64 has one form.
//!
//! Strict, because others read the same bytes: where two readers see two envelopes in one bundle, one of them is deceived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::BUNDLE_MEDIA_TYPE;
use super::error::Rejection;
use crate::json;

/// What a DSSE envelope holds when its payload is an in-toto statement.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The longest ECDSA signature on P-256 in DER, in bytes.
const LONGEST_SIGNATURE: usize = 72;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<IgnoredAny>,
}

/// Log entries and timestamps are proofs beside a certificate. Beside a key nothing depends on them, and they are not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    public_key: Option<Hint>,
    certificate: Option<IgnoredAny>,
    x509_certificate_chain: Option<IgnoredAny>,
    #[serde(rename = "tlogEntries")]
    _log: Option<IgnoredAny>,
    #[serde(rename = "timestampVerificationData")]
    _timestamps: Option<IgnoredAny>,
}

/// Anybody can write any hint: every trusted key is tried, whatever it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    #[serde(rename = "hint")]
    _hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    sig: String,
    #[serde(rename = "keyid")]
    _keyid: Option<String>,
}

/// A payload with its signature. Who made it is not known yet.
#[derive(Debug)]
pub(super) struct Signed {
    /// An in-toto statement, or what pretends to be one.
    pub(super) payload: Vec<u8>,
    /// In DER.
    pub(super) signature: Vec<u8>,
}

impl Signed {
    /// Reads a bundle of at most [`super::MAX_BUNDLE`] bytes.
    ///
    /// # Errors
    /// [`Rejection::Malformed`], [`Rejection::Unsupported`], [`Rejection::Keyless`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        let malformed = |problem| Rejection::Malformed { problem };
        let bundle: Bundle = json::read(bytes)
            .map_err(|_| malformed("the bundle is no JSON, or lacks a field, or has an unknown or repeated one"))?;
        if bundle.media_type != BUNDLE_MEDIA_TYPE {
            return Err(Rejection::Unsupported { problem: "the bundle is not of version 0.3" });
        }
        let material = bundle.verification_material;
        match (material.public_key, material.certificate.is_some() || material.x509_certificate_chain.is_some()) {
            (None, true) => return Err(Rejection::Keyless),
            (Some(_), false) => {}
            _ => return Err(malformed("the bundle must rest on a public key, and on nothing beside it")),
        }
        let envelope = match (bundle.dsse_envelope, bundle.message_signature) {
            (Some(envelope), None) => envelope,
            (None, Some(_)) => {
                return Err(Rejection::Unsupported { problem: "a bare message is signed, expected a DSSE envelope" });
            }
            _ => return Err(malformed("the bundle must have one content")),
        };
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(Rejection::Unsupported { problem: "the payload is no in-toto statement" });
        }
        let [signature] = envelope.signatures.as_slice() else {
            return Err(malformed("the envelope must have exactly one signature"));
        };
        let payload = STANDARD.decode(&envelope.payload).map_err(|_| malformed("the payload is not base64"))?;
        let signature = STANDARD.decode(&signature.sig).map_err(|_| malformed("the signature is not base64"))?;
        if !is_der(&signature) {
            return Err(malformed("the signature is not two numbers in DER"));
        }
        Ok(Self { payload, signature })
    }

    /// The bytes that are signed: DSSE's pre-authentication encoding, which binds the payload's type and length.
    pub(super) fn message(payload: &[u8]) -> Vec<u8> {
        let mut message = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
        message.extend_from_slice(payload);
        message
    }
}

/// A sequence of two integers and nothing after them. Their values are the library's to judge; the shape is looked at here, so that
/// a damaged signature is not taken for a stranger's.
fn is_der(bytes: &[u8]) -> bool {
    let integer = |bytes: &[u8]| -> Option<usize> {
        let [0x02, length, rest @ ..] = bytes else { return None };
        let length = usize::from(*length);
        (1..=33).contains(&length).then_some(())?;
        (rest.len() >= length).then_some(2 + length)
    };
    let [0x30, length, rest @ ..] = bytes else { return false };
    if bytes.len() > LONGEST_SIGNATURE || usize::from(*length) != rest.len() {
        return false;
    }
    let Some(first) = integer(rest) else { return false };
    rest.get(first..).and_then(|second| Some(integer(second)? == second.len())).unwrap_or(false)
}

/// A bundle as cosign writes it.
pub(super) fn write(payload: &[u8], signature: &[u8], hint: &[u8]) -> Option<Bytes> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out<'a> {
        media_type: &'a str,
        verification_material: OutMaterial,
        dsse_envelope: OutEnvelope<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OutMaterial {
        public_key: OutHint,
    }
    #[derive(Serialize)]
    struct OutHint {
        hint: String,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OutEnvelope<'a> {
        payload: String,
        payload_type: &'a str,
        signatures: [OutSignature; 1],
    }
    #[derive(Serialize)]
    struct OutSignature {
        sig: String,
    }
    let out = Out {
        media_type: BUNDLE_MEDIA_TYPE,
        verification_material: OutMaterial { public_key: OutHint { hint: STANDARD.encode(hint) } },
        dsse_envelope: OutEnvelope {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE,
            signatures: [OutSignature { sig: STANDARD.encode(signature) }],
        },
    };
    serde_json::to_vec(&out).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_is_two_numbers_and_nothing_else() {
        assert!(is_der(&[0x30, 6, 2, 1, 1, 2, 1, 1]));
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 7, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 5, 2, 1, 1, 2, 1],
            &[0x30, 6, 2, 1, 1, 4, 1, 1],
            &[0x30, 5, 2, 0, 2, 1, 1],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 6, 2, 200, 1, 2, 1, 1],
        ] {
            assert!(!is_der(bytes), "{bytes:?}");
        }
    }
}
