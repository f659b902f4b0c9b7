//! `ork generate`: files for a cluster.

use std::path::{Path, PathBuf};

use orkestra_komposer::Instance;

use crate::args::{Generate, GenerateWhat, Policies, Rbac, RbacFormat, Sources};
use crate::composition;
use crate::error::Error;
use crate::output::Output;
use crate::policies;
use crate::rbac::{self, Place};

mod bundle;

pub(crate) fn run(args: &Generate, output: &Output) -> Result<(), Error> {
    match &args.what {
        GenerateWhat::Bundle(args) => bundle::run(args, output),
        GenerateWhat::Definitions => definitions(output),
        GenerateWhat::Rbac(args) => rbac(args, output),
        GenerateWhat::Policies(args) => policies(args, output),
        GenerateWhat::Key(args) => super::sign::generate(args, output),
    }
}

fn definitions(output: &Output) -> Result<(), Error> {
    let all = orkestra_komposer::definitions();
    output.bytes(crate::bundle::documents(&all)?.as_bytes())
}

fn rbac(args: &Rbac, output: &Output) -> Result<(), Error> {
    let mut place = Place { shards: args.shards, ..place(&args.system_namespace, &args.namespaces)? };
    let instances = match args.file.as_deref().filter(|_| args.resource) {
        Some(file) => {
            let composed = composition::of_komposer(file, &args.sources, output)?;
            place.komposer = Some(composed.opened.komposer.name.clone());
            composed.whole(output)?.composition.instances
        }
        None => instances(args.file.as_deref(), &args.dirs, &args.sources, output)?,
    };
    let bundle = rbac::bundle(&instances, &place);
    for note in &bundle.notes {
        output.warning(crate::output::escape(&note.text));
    }
    match args.format {
        RbacFormat::Yaml => output.bytes(rbac::as_yaml(&bundle)?.as_bytes()),
        RbacFormat::Json => output.bytes(format!("{:#}\n", rbac::as_json(&bundle)).as_bytes()),
        RbacFormat::Text => output.data(&rbac::as_text(&bundle)),
    }
}

fn policies(args: &Policies, output: &Output) -> Result<(), Error> {
    let place = place(&args.system_namespace, &args.namespaces)?;
    let instances = instances(args.file.as_deref(), &args.dirs, &args.sources, output)?;
    let policies = policies::of(&instances, &place);
    for left in &policies.left {
        output.warning(crate::output::escape(left));
    }
    if policies.is_empty() {
        output.note("No rule of these patterns can be a policy.");
    }
    output.bytes(policies.as_yaml()?.as_bytes())
}

/// What a Komposer composes, or patterns by themselves.
fn instances(
    file: Option<&Path>,
    dirs: &[PathBuf],
    sources: &Sources,
    output: &Output,
) -> Result<Vec<Instance>, Error> {
    match file {
        Some(file) => Ok(composition::of_komposer(file, sources, output)?.whole(output)?.composition.instances),
        None => composition::of_dirs(dirs, output),
    }
}

/// Where the runtime is, and where patterns work; no place that is somebody else's.
fn place(system: &str, namespaces: &[String]) -> Result<Place, Error> {
    let mut namespaces = namespaces.to_vec();
    namespaces.sort();
    namespaces.dedup();
    for name in namespaces.iter().map(String::as_str).chain([system]) {
        if !is_label(name) {
            return Err(Error::Unusable {
                problem: format!("`{name}` is no name of a namespace"),
                hint: Some("lower-case letters, digits and `-` in between, at most 63".to_owned()),
            });
        }
    }
    if let Some(name) = namespaces.iter().find(|name| *name == system || *name == "kube-system") {
        return Err(Error::Unusable {
            problem: format!("no pattern works in namespace `{name}`: it belongs to the cluster or to the runtime"),
            hint: Some(
                "name another one with --namespace, or another one for the runtime with --system-namespace".to_owned(),
            ),
        });
    }
    if ["default", "kube-system", "kube-public"].contains(&system) {
        return Err(Error::Unusable {
            problem: format!("`{system}` is not the runtime's alone"),
            hint: Some(
                "whoever runs something beside the accounts may act as each of them; name a namespace of its own"
                    .to_owned(),
            ),
        });
    }
    Ok(Place { system: system.to_owned(), namespaces, shards: false, definitions: true, komposer: None })
}

fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}
