//! `ork audit`: what patterns can do, what allows it, and who says so.

use std::path::Path;
use std::sync::Arc;

use orkestra_artifact::{Digest, Role};
use orkestra_komposer::{From, Instance, Policy};
use serde_json::Map;

use super::upgrade::fetch;
use super::{inspect, upgrade};
use crate::args::{self, AuditFormat};
use crate::audit::{Audit, Provenance, Subject, json, sarif, text};
use crate::composition::{self, Had, grants};
use crate::error::Error;
use crate::output::Output;
use crate::pattern_dir::{PatternDir, shown};
use crate::place::Place;
use crate::progress::Transfers;
use crate::rebuild;

pub(crate) fn run(args: &args::Audit, output: &Output) -> Result<(), Error> {
    let audit = match &args.file {
        Some(file) => of_komposer(file, args, output)?,
        None => of_patterns(args, output)?,
    };
    match args.format {
        AuditFormat::Table => output.data(&text::of(&audit))?,
        AuditFormat::Json => output.bytes(format!("{:#}\n", json::of(&audit)).as_bytes())?,
        AuditFormat::Sarif => output.bytes(format!("{:#}\n", sarif::of(&audit)).as_bytes())?,
    }
    if audit.fails() { Err(Error::Silent) } else { Ok(()) }
}

fn of_komposer(file: &Path, args: &args::Audit, output: &Output) -> Result<Audit, Error> {
    let composed = composition::of_komposer(file, &args.sources, output)?;
    let mut subjects = Vec::new();
    for (instance, had) in composed.instances() {
        let locked = composed.opened.lock.as_ref().and_then(|lock| lock.get(&instance.name));
        let provenance = match had {
            Had::Directory(..) => Provenance::default(),
            Had::Artifact(fetched) => Provenance {
                signers: fetched.signers.clone(),
                theirs: fetched.contents.get(&Role::Component).map(|bytes| Digest::of(bytes)),
                locked: locked.and_then(|locked| Some(locked.artifact.as_ref()?.rebuilt)),
            },
        };
        subjects.push(Subject::of(instance, provenance)?);
    }
    let komposer = (composed.opened.komposer.name.clone(), shown(file));
    Ok(Audit::of(Some(komposer), subjects, &composed.broken, composed.opened.policy()))
}

fn of_patterns(args: &args::Audit, output: &Output) -> Result<Audit, Error> {
    let policy = match &args.sources.policy {
        Some(path) => Some(composition::read_policy(path, output)?),
        None => None,
    };
    let mut subjects = Vec::new();
    for what in &args.what {
        let (mut instance, provenance) = match inspect::place(what) {
            Some(place) => of_artifact(what, &place, args, output)?,
            None => of_directory(Path::new(what), output)?,
        };
        let asked: Vec<String> = grants::asked(&instance.pattern).collect();
        instance.grants = args.grants.iter().filter(|grant| asked.contains(grant)).cloned().collect();
        settle(&mut instance, policy.as_ref());
        subjects.push(Subject::of(&instance, provenance)?);
    }
    Ok(Audit::of(None, subjects, &[], policy.as_ref()))
}

fn of_directory(dir: &Path, output: &Output) -> Result<(Instance, Provenance), Error> {
    if dir.is_file() && dir.extension().is_some_and(|extension| extension == "wasm") {
        return Err(Error::Unusable {
            problem: format!("`{}` is a component, and what it asks for stands in its YAML", shown(dir)),
            hint: Some(
                "name its directory or its artifact; `ork inspect` says what a component says of itself".to_owned(),
            ),
        });
    }
    let files = PatternDir::read(dir)?;
    let mut instance = alone(&shown(dir), files.checked(output)?)?;
    instance.hook = files.hook().map(Arc::from);
    Ok((instance, Provenance::default()))
}

/// What an artifact holds is compiled in the confined child before its YAML is read here.
fn of_artifact(
    what: &str,
    place: &Place,
    args: &args::Audit,
    output: &Output,
) -> Result<(Instance, Provenance), Error> {
    let progress = Transfers::new(output);
    let (reference, unpacked) = fetch(place, &args.sources.transport, &progress)?;
    drop(progress);
    rebuild::compare(&unpacked.config, &unpacked.contents)?;
    let files = upgrade::files(&unpacked.contents);
    let pattern = PatternDir::of(files, what).checked(output)?;
    let mut instance = alone(what, pattern)?;
    instance.hook = unpacked.contents.get(&Role::Hooks).map(|bytes| Arc::from(&bytes[..]));
    if let Some(digest) = reference.digest {
        instance.from = From::Registry { reference, digest };
    }
    let theirs = unpacked.contents.get(&Role::Component).map(|bytes| Digest::of(bytes));
    Ok((instance, Provenance { theirs, ..Provenance::default() }))
}

/// A pattern by itself. Values of its inputs decide over nothing that an audit says.
fn alone(path: &str, pattern: orkestra_pattern::model::Pattern) -> Result<Instance, Error> {
    Instance::new(path, pattern, Map::new()).map_err(|errors| composition::inputs(&errors))
}

/// Its limits under the policy's ceilings, as it would run.
fn settle(instance: &mut Instance, policy: Option<&Policy>) {
    let Some(policy) = policy else { return };
    policy.settle_one(instance, &crate::instances::usual());
}
