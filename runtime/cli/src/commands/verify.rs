//! `ork verify`: who signed an artifact.

use std::num::NonZeroUsize;

use orkestra_artifact::pull;
use orkestra_artifact::signature::{Policy, PublicKey, verify};
use serde_json::json;

use super::sign::text_of;
use crate::args::{TextOrJson, Verify};
use crate::error::Error;
use crate::output::Output;
use crate::transport;

pub(crate) fn run(args: &Verify, output: &Output) -> Result<(), Error> {
    let mut keys = Vec::new();
    for path in &args.keys {
        let refused = |source| Error::Key { path: path.clone(), source };
        keys.push(PublicKey::from_pem(&text_of(path)?).map_err(refused)?);
    }
    let client = transport::client(&args.transport)?;
    let (reference, signers) = transport::run(async {
        let pulled = pull(&client, &args.reference).await?;
        let policy = Policy { keys: &keys, quorum: NonZeroUsize::MIN, max_age: None };
        let signers = verify(&client, &pulled.reference.repository, &pulled.fetched.digest, &policy).await;
        let signers = signers.map_err(|error| Error::Signature { reason: error.reason(), source: error.into() })?;
        Ok((pulled.reference, signers))
    })?;
    let signers: Vec<_> = signers.keys().map(|(key, manifest)| (key.fingerprint(), *manifest)).collect();
    if args.format == TextOrJson::Json {
        let signers: Vec<_> =
            signers.iter().map(|(key, manifest)| json!({"key": key, "signature": manifest})).collect();
        let document = json!({"reference": reference.to_string(), "digest": reference.digest, "signers": signers});
        return output.data(&format!("{document:#}\n"));
    }
    for (key, _) in &signers {
        output.done("Verified", format_args!("{reference} is signed with key {key}"));
    }
    output.data(&format!("{reference}\n"))
}
