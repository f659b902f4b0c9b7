//! How it is kept: the entries of a Secret.
//!
//! `tls.crt`, `tls.key` and `ca.crt` are what a Secret of type `kubernetes.io/tls` has, as cert-manager writes it:
//! <https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets>. The others are the runtime's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::kept::{AUTHORITY, COMING, Kept, Phase, SERVED};
use super::terms::names as spelt;
use super::{CertificateError, Source, pem};

/// Entries of a Secret: more than there are, because others may put theirs beside.
const ENTRIES: usize = 16;

/// The entry that says what the others are.
const STATE: &str = "state.json";

/// What it says. A later form has another number, and this code leaves it alone.
#[derive(Serialize, Deserialize)]
struct State {
    format: u32,
    names: Vec<String>,
    phase: StoredPhase,
}

const FORMAT: u32 = 1;

/// Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredPhase {
    Settled,
    Coming { since: u64 },
    Leaving { since: u64 },
}

impl Kept {
    /// Reads a Secret's data (decoded, as bytes). Entries that are not ours are left out.
    ///
    /// # Errors
    ///
    /// More than 16 entries, one of more than 64 KiB, one that is missing or not what it should be, keys that do not belong
    /// to their certificates, or a certificate that is for other names or under another authority. What is over is read:
    /// [`Kept::next`] renews it.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, CertificateError> {
        const FROM: Source = Source::Secret;
        if data.len() > ENTRIES {
            return Err(CertificateError::TooManyEntries { found: data.len(), most: ENTRIES, from: FROM });
        }
        for (entry, value) in data {
            pem::bounded(entry, value.len(), FROM)?;
        }
        let entry = |entry: &'static str| {
            data.get(entry).map(Vec::as_slice).ok_or(CertificateError::Missing { entry, from: FROM })
        };
        let state = state(entry(STATE)?)?;
        let names = spelt(&state.names)?;
        let mut authorities = pem::certificates("ca.crt", entry("ca.crt")?, FROM)?.into_iter();
        let (Some(first), second, None) = (authorities.next(), authorities.next(), authorities.next()) else {
            return Err(wrong_count());
        };
        let authority = Identity::new(vec![first], pem::key("ca.key", entry("ca.key")?, FROM)?, AUTHORITY)?;
        let phase = match (state.phase, second) {
            (StoredPhase::Settled, None) => Phase::Settled,
            (StoredPhase::Coming { since }, Some(second)) => {
                let key = pem::key(COMING.key, entry(COMING.key)?, FROM)?;
                Phase::Coming { authority: Identity::new(vec![second], key, COMING)?, since }
            }
            (StoredPhase::Leaving { since }, Some(certificate)) => Phase::Leaving { certificate, since },
            _ => return Err(wrong_count()),
        };
        let chain = pem::certificates("tls.crt", entry("tls.crt")?, FROM)?;
        let serving = Identity::new(chain, pem::key("tls.key", entry("tls.key")?, FROM)?, SERVED)?;
        Self::of(names, authority, serving, phase)
    }

    /// The Secret's data, not encoded: private keys are among it.
    pub fn data(&self) -> BTreeMap<String, Vec<u8>> {
        let phase = match &self.phase {
            Phase::Settled => StoredPhase::Settled,
            Phase::Coming { since, .. } => StoredPhase::Coming { since: *since },
            Phase::Leaving { since, .. } => StoredPhase::Leaving { since: *since },
        };
        let state = State { format: FORMAT, names: self.names.clone(), phase };
        let mut data = BTreeMap::new();
        let mut put = |entry: &str, value: String| data.insert(entry.to_owned(), value.into_bytes());
        put("tls.crt", self.serving.chain_pem());
        put("tls.key", pem::write_key(&self.serving.key));
        put("ca.crt", self.bundle().to_owned());
        put("ca.key", pem::write_key(&self.authority.key));
        if let Phase::Coming { authority, .. } = &self.phase {
            put(COMING.key, pem::write_key(&authority.key));
        }
        put(STATE, serde_json::json!(state).to_string());
        data
    }
}

fn state(text: &[u8]) -> Result<State, CertificateError> {
    let bad = |found| CertificateError::NotReadable {
        entry: STATE,
        found,
        expected: "`format` 1 with `names` and `phase`, as this version of the runtime writes it",
        from: Source::Secret,
    };
    /// Read first: a later form need not have the other members.
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
    if format != FORMAT {
        return Err(bad(format!("format {format}")));
    }
    serde_json::from_slice(text).map_err(|error| bad(error.to_string()))
}

fn wrong_count() -> CertificateError {
    CertificateError::NotReadable {
        entry: "ca.crt",
        found: "another number of certificates than `state.json` says".to_owned(),
        expected: "one while it is settled, and two while an authority is coming or leaving",
        from: Source::Secret,
    }
}
