//! `ork pull`: an artifact becomes a pattern directory.

use std::path::{Path, PathBuf};

use orkestra_artifact::{Progress, Reference, Registry, Unpacked, Verified, pull};
use serde_json::json;

use crate::args::{Pull, TextOrJson};
use crate::error::Error;
use crate::output::{Output, count, escape, role};
use crate::pattern_dir::shown;
use crate::place::{self, Place};
use crate::progress::Transfers;
use crate::transport;

pub(crate) fn run(args: &Pull, output: &Output) -> Result<(), Error> {
    let progress = Transfers::new(output);
    let (reference, unpacked) = match &args.source {
        Place::Registry(reference) => {
            let client = transport::client(&args.transport)?;
            transport::run(fetch(&client, reference, &progress))?
        }
        Place::Directory(path) => {
            let (layout, reference) = place::in_directory(path)?;
            transport::run(fetch(&layout, &reference, &progress))?
        }
        Place::Archive(path) => {
            let (layout, reference) = place::in_archive(path)?;
            transport::run(fetch(&layout, &reference, &progress))?
        }
    };
    let target = args.output.clone().unwrap_or_else(|| PathBuf::from(&unpacked.config.name));
    write(&target, &unpacked)?;
    let (name, version) = (&unpacked.config.name, &unpacked.config.version);
    let files: Vec<_> = unpacked.contents.keys().map(|role| role.title()).collect();
    if args.format == TextOrJson::Json {
        return output.data(&format!(
            "{:#}\n",
            json!({
                "reference": reference.to_string(), "name": name, "version": version.to_string(),
                "digest": reference.digest, "directory": shown(&target), "files": files, "verified": false,
            })
        ));
    }
    let rest = format_args!(
        "{b}{} {version}{b:#} to {}: {}",
        escape(name),
        shown(&target),
        count(files.len(), "file"),
        b = role::NAME
    );
    output.done("Pulled", rest);
    output.note("UNVERIFIED: its bytes are those of the digest, and nobody's signature was asked for");
    output.data(&format!("{reference}\n"))
}

async fn fetch(
    registry: &impl Registry,
    reference: &Reference,
    progress: &impl Progress,
) -> Result<(Reference, Unpacked), Error> {
    let pulled = pull(registry, reference).await?;
    let verified = Verified::unverified(pulled.manifest);
    let unpacked = verified.unpack(registry, &pulled.reference, progress).await?;
    Ok((pulled.reference, unpacked))
}

/// Only the fixed names of roles are ever written, into a directory that holds nothing else.
fn write(target: &Path, unpacked: &Unpacked) -> Result<(), Error> {
    empty_directory(target)?;
    for (role, bytes) in &unpacked.contents {
        super::build::replace(&target.join(role.title()), bytes)?;
    }
    Ok(())
}

/// Makes a directory, or takes one that is empty.
pub(super) fn empty_directory(target: &Path) -> Result<(), Error> {
    let failed = |source| Error::Write { path: target.to_owned(), source };
    std::fs::create_dir_all(target).map_err(failed)?;
    match std::fs::read_dir(target).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(Error::Unusable {
            problem: format!("`{}` is not empty", shown(target)),
            hint: Some("name another directory with --output".to_owned()),
        }),
    }
}
