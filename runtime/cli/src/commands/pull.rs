//! `ork pull`: an artifact becomes a pattern directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use orkestra_artifact::{Progress, Reference, Registry, Role, Unpacked, Verified, pull};
use serde_json::json;

use crate::args::{Pull, TextOrJson};
use crate::error::Error;
use crate::output::{Output, count, escape, role as style};
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
        b = style::NAME
    );
    output.done("Pulled", rest);
    output.note("UNVERIFIED: its bytes are those of the digest, and nobody's signature was asked for");
    output.data(&format!("{reference}\n"))
}

pub(super) async fn fetch(
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
///
/// A process that is killed meanwhile leaves nothing that could be taken for the pattern: a directory that is made here appears as
/// a whole, and one that was there holds no `katalog.yaml` before it holds all else.
fn write(target: &Path, unpacked: &Unpacked) -> Result<(), Error> {
    let failed = |source| Error::Write { path: target.to_owned(), source };
    match std::fs::read_dir(target).map(|mut entries| entries.next().is_none()) {
        Ok(true) => fill(target, unpacked),
        Ok(false) => Err(not_empty(target)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let part = part_of(target);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).map_err(failed)?;
            }
            let written = std::fs::create_dir(&part)
                .map_err(failed)
                .and_then(|()| fill(&part, unpacked))
                .and_then(|()| std::fs::rename(&part, target).map_err(failed));
            if written.is_err() {
                // What failed is told; a part that is left over would be a second surprise.
                let _ = std::fs::remove_dir_all(&part);
            }
            written
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes the files, `katalog.yaml` last: a directory without one is no pattern.
fn fill(directory: &Path, unpacked: &Unpacked) -> Result<(), Error> {
    let (last, first): (Vec<_>, Vec<_>) = unpacked.contents.iter().partition(|(role, _)| **role == Role::Katalog);
    for (role, bytes) in first.into_iter().chain(last) {
        super::build::replace(&directory.join(role.title()), bytes)?;
    }
    Ok(())
}

/// Makes a directory, or takes one that is empty.
pub(super) fn empty_directory(target: &Path) -> Result<(), Error> {
    let failed = |source| Error::Write { path: target.to_owned(), source };
    std::fs::create_dir_all(target).map_err(failed)?;
    match std::fs::read_dir(target).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(not_empty(target)),
    }
}

fn not_empty(target: &Path) -> Error {
    Error::Unusable {
        problem: format!("`{}` is not empty", shown(target)),
        hint: Some("name another directory with --output".to_owned()),
    }
}

/// A hidden name beside a directory that no other process has.
fn part_of(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.part", std::process::id()))
}
