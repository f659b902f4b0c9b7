//! The two versions of the pattern: directories or artifacts.

use std::collections::BTreeSet;
use std::path::Path;

use orkestra_artifact::{Contents, Progress, Reference, Role, Unpacked};
use orkestra_pattern::model::Pattern;

use crate::args::Transport;
use crate::commands::{inspect, pull};
use crate::composition::grants;
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::PatternDir;
use crate::place::{self, Place};
use crate::progress::Transfers;
use crate::rebuild::{self, Rebuilt};
use crate::transport;

/// One version of a pattern.
pub(super) struct Opened {
    /// As it was typed, with the digest of an artifact.
    pub(super) shown: String,
    pub(super) pattern: Pattern,
    /// What has to be granted to it.
    pub(super) capabilities: BTreeSet<String>,
}

/// Reads and checks it. An artifact is compiled once more in a confined child before its YAML is read here.
pub(super) fn open(what: &str, args: &Transport, output: &Output) -> Result<Opened, Error> {
    let Some(place) = inspect::place(what) else {
        let pattern = PatternDir::read(Path::new(what))?.checked(output)?;
        let capabilities = grants::asked(&pattern).collect();
        return Ok(Opened { shown: what.to_owned(), pattern, capabilities });
    };
    let progress = Transfers::new(output);
    let (reference, unpacked) = fetch(&place, args, &progress)?;
    drop(progress);
    output.note(format_args!("{}: UNVERIFIED, nobody's signature was asked for", escape(what)));
    if let Rebuilt::OtherBuilder { .. } = rebuild::compare(&unpacked.config, &unpacked.contents)? {
        output.note(format_args!("{}: built by another ork; its YAML is what is compared", escape(what)));
    }
    let pattern = PatternDir::of(files(&unpacked.contents), what).checked(output)?;
    let digest = reference.digest.map(|digest| digest.to_string()).unwrap_or_default();
    let shown = if what.contains(&digest) { what.to_owned() } else { format!("{what}@{digest}") };
    // Those of hooks are the config's word alone.
    let mut capabilities = unpacked.config.capabilities;
    capabilities.extend(grants::asked(&pattern));
    Ok(Opened { shown, pattern, capabilities })
}

/// The files of an artifact that a pattern is made of.
pub(in crate::commands) fn files(contents: &Contents) -> Vec<(&'static str, Vec<u8>)> {
    let roles = [Role::Katalog, Role::Crd, Role::Foreign, Role::Cr].into_iter();
    roles.filter_map(|role| Some((role.title(), contents.get(&role)?.to_vec()))).collect()
}

/// An artifact with all that is in it.
pub(in crate::commands) fn fetch(
    place: &Place,
    args: &Transport,
    progress: &impl Progress,
) -> Result<(Reference, Unpacked), Error> {
    match place {
        Place::Registry(reference) => transport::run(pull::fetch(&transport::client(args)?, reference, progress)),
        Place::Directory(path) => {
            let (layout, reference) = place::in_directory(path)?;
            transport::run(pull::fetch(&layout, &reference, progress))
        }
        Place::Archive(path) => {
            let (layout, reference) = place::in_archive(path)?;
            transport::run(pull::fetch(&layout, &reference, progress))
        }
    }
}
