//! `ork copy`: between registries and image layouts.

use orkestra_artifact::layout::{ArchiveWriter, Directory};
use orkestra_artifact::{Copied, Progress, Reference, Registry, copy};
use serde_json::json;

use crate::args::{Copy, TextOrJson};
use crate::error::Error;
use crate::output::{Output, count, grouped};
use crate::place::{self, Place};
use crate::progress::Transfers;
use crate::transport;

pub(crate) fn run(args: &Copy, output: &Output) -> Result<(), Error> {
    let copied = match &args.source {
        Place::Registry(reference) => {
            let client = transport::client(&args.transport)?;
            transport::run(from(&client, reference, args, &Transfers::new(output)))?
        }
        Place::Directory(path) => {
            let (layout, reference) = place::in_directory(path)?;
            transport::run(from(&layout, &reference, args, &Transfers::new(output)))?
        }
        Place::Archive(path) => {
            let (layout, reference) = place::in_archive(path)?;
            transport::run(from(&layout, &reference, args, &Transfers::new(output)))?
        }
    };
    let Copied { digest, tag, manifests, blobs, bytes } = &copied;
    if args.format == TextOrJson::Json {
        let document = json!({
            "digest": digest, "tag": tag, "manifests": manifests, "blobs": blobs, "size": bytes,
        });
        return output.data(&format!("{document:#}\n"));
    }
    let what = [count(manifests.len(), "manifest"), count(blobs.len(), "blob")].join(" and ");
    output.done("Copied", format_args!("{what}, {} bytes", grouped(*bytes)));
    output.data(&format!("{digest}\n"))
}

async fn from(
    source: &impl Registry,
    reference: &Reference,
    args: &Copy,
    progress: &impl Progress,
) -> Result<Copied, Error> {
    let referrers = !args.no_referrers;
    // A layout keeps the name under which the artifact was found.
    let same = Reference { digest: None, ..reference.clone() };
    match &args.target {
        Place::Registry(target) => {
            let client = transport::client(&args.transport)?;
            Ok(copy(source, reference, &client, target, referrers, progress).await?)
        }
        Place::Directory(path) => {
            let layout = Directory::create(path)?;
            Ok(copy(source, reference, &layout, &same, referrers, progress).await?)
        }
        Place::Archive(path) => {
            let archive = ArchiveWriter::create(path)?;
            let copied = copy(source, reference, &archive, &same, referrers, progress).await?;
            archive.finish().await?;
            Ok(copied)
        }
    }
}
