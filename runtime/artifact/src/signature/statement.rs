//! The in-toto statement inside of a signature. It is read after somebody trusted was found to have signed it.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PREDICATE_TYPE;
use super::error::Rejection;
use crate::{Digest, json};

const TYPE: &str = "https://in-toto.io/Statement/v1";

/// The annotation that says when a signature was made, in seconds since 1970: inside of what is signed, unlike the date that cosign
/// puts on the manifest. With cosign: `cosign sign -a orkestra.orkspace.io/signed-at=$(date +%s)`.
pub const SIGNED_AT: &str = "orkestra.orkspace.io/signed-at";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(rename = "predicate")]
    _predicate: Option<IgnoredAny>,
}

/// Name, address and content of a subject are allowed by in-toto and mean nothing here: the digest decides.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Subject {
    digest: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, Value>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "uri")]
    _uri: Option<IgnoredAny>,
    #[serde(rename = "mediaType")]
    _media_type: Option<IgnoredAny>,
    #[serde(rename = "downloadLocation")]
    _location: Option<IgnoredAny>,
    #[serde(rename = "content")]
    _content: Option<IgnoredAny>,
}

/// What a signature says of an artifact.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Seconds since 1970, where the signer said so.
    pub(super) signed_at: Option<u64>,
}

/// Reads a statement, and looks for `artifact` among its subjects.
///
/// # Errors
/// [`Rejection::Malformed`], [`Rejection::Unsupported`] for attestations that are no signatures, [`Rejection::WrongSubject`].
pub(super) fn read(payload: &[u8], artifact: &Digest) -> Result<Claim, Rejection> {
    let malformed = |problem| Rejection::Malformed { problem };
    let statement: Statement = json::read(payload)
        .map_err(|_| malformed("the statement is no JSON, or lacks a field, or has an unknown or repeated one"))?;
    if statement.kind != TYPE {
        return Err(Rejection::Unsupported { problem: "the payload is no in-toto statement of version 1" });
    }
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(Rejection::Unsupported {
            problem: "it is an attestation of another kind, such as a list of parts",
        });
    }
    let hex = artifact.hex();
    let subject = statement
        .subject
        .iter()
        .find(|subject| subject.digest.get("sha256").is_some_and(|digest| *digest == hex))
        .ok_or(Rejection::WrongSubject)?;
    let signed_at = match subject.annotations.get(SIGNED_AT) {
        Some(said) => Some(said.as_str().and_then(seconds).ok_or(malformed("its time is no number of seconds"))?),
        None => None,
    };
    Ok(Claim { signed_at })
}

/// Digits alone: the standard library takes a sign too.
fn seconds(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A statement as cosign writes it.
pub(super) fn write(artifact: &Digest, annotations: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out<'a> {
        #[serde(rename = "_type")]
        kind: &'a str,
        subject: [OutSubject<'a>; 1],
        predicate_type: &'a str,
        predicate: BTreeMap<(), ()>,
    }
    #[derive(Serialize)]
    struct OutSubject<'a> {
        digest: BTreeMap<&'a str, String>,
        annotations: &'a BTreeMap<String, String>,
    }
    let digest = BTreeMap::from([("sha256", artifact.hex())]);
    let subject = [OutSubject { digest, annotations }];
    serde_json::to_vec(&Out { kind: TYPE, subject, predicate_type: PREDICATE_TYPE, predicate: BTreeMap::new() }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl Fn(String) -> String) -> Result<Claim, Rejection> {
        let annotations = BTreeMap::from([(SIGNED_AT.to_owned(), "17".to_owned())]);
        let written = write(&Digest::of(b"artifact"), &annotations).unwrap();
        read(change(String::from_utf8(written).unwrap()).as_bytes(), &Digest::of(b"artifact"))
    }

    #[test]
    fn statements_are_read_as_they_are_written() {
        assert_eq!(with(|text| text).unwrap(), Claim { signed_at: Some(17) });
        assert_eq!(with(|text| text.replace(SIGNED_AT, "x")).unwrap(), Claim { signed_at: None });
        assert!(with(|text| text.replace(r#""annotations""#, r#""name":"x","annotations""#)).is_ok());
        assert!(with(|text| text.replace(r#""sha256""#, r#""sha1":"0","sha256""#)).is_ok());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let twice = format!(r#""sha256":"{}","sha256""#, "0".repeat(64));
        let deep = format!(r#""predicate":{}{}"#, "[".repeat(500), "]".repeat(500));
        for (from, to, reason) in [
            (r#""sha256""#, twice.as_str(), "MalformedSignature"),
            (r#""subject""#, r#""subject":[],"subject""#, "MalformedSignature"),
            (r#""subject""#, r#""critical":1,"subject""#, "MalformedSignature"),
            (r#""subject""#, r#""Subject""#, "MalformedSignature"),
            (r#""predicate":{}"#, &deep, "MalformedSignature"),
            (r#""17""#, r#""+17""#, "MalformedSignature"),
            (r#""17""#, r#""99999999999999999999""#, "MalformedSignature"),
            (r#""17""#, r#""""#, "MalformedSignature"),
            (r#""17""#, "17", "MalformedSignature"),
            (r#""17""#, r#""17","a":{"b":1,"b":2}"#, "MalformedSignature"),
            ("Statement/v1", "Statement/v0.1", "UnsupportedSignature"),
            (PREDICATE_TYPE, "https://slsa.dev/provenance/v1", "UnsupportedSignature"),
            (r#""sha256""#, r#""SHA256""#, "WrongSubject"),
            (r#""sha256":""#, r#""sha256":" "#, "WrongSubject"),
        ] {
            assert_eq!(with(|text| text.replace(from, to)).unwrap_err().reason(), reason, "{to:.80}");
        }
    }
}
