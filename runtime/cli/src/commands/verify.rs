//! `ork verify`: who signed an artifact, and whether its component is its YAML.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use orkestra_artifact::signature::{Policy, PublicKey, Signers, verify};
use orkestra_artifact::{PatternManifest, Pulled, Reference, Registry, Role, Unpacked, Verified, pull};
use serde_json::{Value, json};

use super::sign::text_of;
use crate::args::{TextOrJson, Verify};
use crate::error::Error;
use crate::output::Output;
use crate::place::{self, Place};
use crate::progress::Transfers;
use crate::{rebuild, transport};

/// What was found out.
struct Found {
    reference: Reference,
    /// None where no key was given.
    signers: Option<Signers>,
    /// What is to be compiled again.
    unpacked: Option<Unpacked>,
}

pub(crate) fn run(args: &Verify, output: &Output) -> Result<(), Error> {
    let keys = keys(&args.keys)?;
    let progress = Transfers::new(output);
    let wanted = args.rebuild.then_some(&progress);
    let found = match &args.source {
        Place::Registry(reference) => {
            let client = transport::client(&args.transport)?;
            transport::run(find(&client, reference, &keys, wanted))?
        }
        Place::Directory(path) => {
            let (layout, reference) = place::in_directory(path)?;
            transport::run(find(&layout, &reference, &keys, wanted))?
        }
        Place::Archive(path) => {
            let (layout, reference) = place::in_archive(path)?;
            transport::run(find(&layout, &reference, &keys, wanted))?
        }
    };
    if let Some(unpacked) = &found.unpacked {
        rebuild::compare(&unpacked.config, &unpacked.contents)?.proven()?;
    }
    match args.format {
        TextOrJson::Json => output.data(&format!("{:#}\n", json_of(&found))),
        TextOrJson::Text => text(&found, output),
    }
}

/// The keys that are trusted.
pub(super) fn keys(paths: &[PathBuf]) -> Result<Vec<PublicKey>, Error> {
    let mut keys = Vec::new();
    for path in paths {
        let refused = |source| Error::Key { path: path.clone(), source };
        keys.push(PublicKey::from_pem(&text_of(path)?).map_err(refused)?);
    }
    Ok(keys)
}

/// A manifest that one of the keys signed. Without keys it is let past by name, and everything that is shown of it must say so.
pub(super) async fn vouched(
    registry: &impl Registry,
    pulled: Pulled,
    keys: &[PublicKey],
) -> Result<(Verified<PatternManifest>, Option<Signers>), Error> {
    if keys.is_empty() {
        return Ok((Verified::unverified(pulled.manifest), None));
    }
    let policy = Policy { keys, quorum: NonZeroUsize::MIN, max_age: None };
    let signers = verify(registry, &pulled.reference.repository, &pulled.fetched.digest, &policy).await;
    let signers = signers.map_err(|error| Error::Signature { reason: error.reason(), source: error.into() })?;
    Ok((signers.vouch(&pulled.fetched)?, Some(signers)))
}

async fn find(
    registry: &impl Registry,
    reference: &Reference,
    keys: &[PublicKey],
    rebuild: Option<&Transfers<'_>>,
) -> Result<Found, Error> {
    let pulled = pull(registry, reference).await?;
    let reference = pulled.reference.clone();
    let (verified, signers) = vouched(registry, pulled, keys).await?;
    let unpacked = match rebuild {
        Some(progress) => Some(verified.unpack(registry, &reference, progress).await?),
        None => None,
    };
    Ok(Found { reference, signers, unpacked })
}

impl Found {
    fn signed_by(&self) -> Vec<(String, String)> {
        let keys = self.signers.iter().flat_map(Signers::keys);
        keys.map(|(key, manifest)| (key.fingerprint().to_string(), manifest.to_string())).collect()
    }

    fn has_hooks(&self) -> bool {
        self.unpacked.as_ref().is_some_and(|unpacked| unpacked.contents.contains_key(&Role::Hooks))
    }
}

fn json_of(found: &Found) -> Value {
    let signers: Vec<_> =
        found.signed_by().into_iter().map(|(key, manifest)| json!({"key": key, "signature": manifest})).collect();
    let mut document = json!({
        "reference": found.reference.to_string(), "digest": found.reference.digest,
        "verified": found.signers.is_some(), "signers": signers,
    });
    if found.unpacked.is_some() {
        document["rebuilt"] = json!(true);
        document["unproven"] = match found.has_hooks() {
            true => json!([Role::Hooks.title()]),
            false => json!([]),
        };
    }
    document
}

fn text(found: &Found, output: &Output) -> Result<(), Error> {
    let reference = &found.reference;
    for (key, _) in found.signed_by() {
        output.done("Verified", format_args!("{reference} is signed with key {key}"));
    }
    if found.unpacked.is_some() {
        output.done("Rebuilt", format_args!("{reference}: its component is its YAML, to the byte"));
    }
    if found.has_hooks() {
        output.warning(format_args!("{} is code of its author: no rebuild proves it", Role::Hooks));
    }
    if found.signers.is_none() {
        output.note("UNVERIFIED: nobody's signature was asked for");
    }
    output.data(&format!("{reference}\n"))
}
