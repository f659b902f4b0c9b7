//! Whom a Komposer trusts, with the keys that it names.

use std::num::NonZeroUsize;
use std::path::Path;

use orkestra_artifact::signature::{MAX_KEY_FILE, PublicKey};
use orkestra_artifact::trust::{TrustEntry, TrustPolicy};
use orkestra_komposer::{Trust, TrustedKey};

use crate::error::Error;
use crate::pattern_dir::{read_up_to, shown};

/// Who is trusted, with their keys, whose paths are relative to `base`. None where nobody is named: then nothing is asked for.
pub(super) fn trust_policy(trust: &[Trust], base: &Path) -> Result<Option<TrustPolicy>, Error> {
    if trust.is_empty() {
        return Ok(None);
    }
    let mut entries = Vec::new();
    for item in trust {
        let keys = item.keys.iter().map(|key| public_key(key, base)).collect::<Result<Vec<_>, _>>()?;
        entries.push(TrustEntry {
            pattern: item.pattern.clone(),
            keys,
            quorum: NonZeroUsize::new(usize::from(item.quorum)).unwrap_or(NonZeroUsize::MIN),
            max_age: item.max_age,
        });
    }
    Ok(Some(TrustPolicy { entries }))
}

fn public_key(key: &TrustedKey, base: &Path) -> Result<PublicKey, Error> {
    let Some(path) = key.path() else {
        return PublicKey::from_pem(&key.text).map_err(|source| Error::Key { path: "trust".into(), source });
    };
    let path = base.join(path);
    let bytes = read_up_to(&path, MAX_KEY_FILE)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::Unusable {
        problem: format!("`{}` is not a key: it is no text", shown(&path)),
        hint: Some("a key file is PEM, as `ork generate key` writes it".to_owned()),
    })?;
    PublicKey::from_pem(&text).map_err(|source| Error::Key { path, source })
}
