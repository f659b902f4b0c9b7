//! `ork generate`: files for a cluster.

use crate::args::{Generate, GenerateWhat, Rbac, RbacFormat};
use crate::composition;
use crate::error::Error;
use crate::output::Output;
use crate::rbac::{self, Place};

pub(crate) fn run(args: &Generate, output: &Output) -> Result<(), Error> {
    match &args.what {
        GenerateWhat::Rbac(args) => rbac(args, output),
        GenerateWhat::Key(args) => super::sign::generate(args, output),
    }
}

fn rbac(args: &Rbac, output: &Output) -> Result<(), Error> {
    let place = place(args)?;
    let instances = match &args.file {
        Some(file) => {
            let composed = composition::of_komposer(file, &args.sources, output)?;
            composed.whole(output)?.composition.instances
        }
        None => composition::of_dirs(&args.dirs, output)?,
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

fn place(args: &Rbac) -> Result<Place, Error> {
    let mut namespaces = args.namespaces.clone();
    namespaces.sort();
    namespaces.dedup();
    for name in namespaces.iter().chain([&args.system_namespace]) {
        if !is_label(name) {
            return Err(Error::Unusable {
                problem: format!("`{name}` is no name of a namespace"),
                hint: Some("lower-case letters, digits and `-` in between, at most 63".to_owned()),
            });
        }
    }
    if let Some(name) = namespaces.iter().find(|name| **name == args.system_namespace || *name == "kube-system") {
        return Err(Error::Unusable {
            problem: format!("no pattern works in namespace `{name}`: it belongs to the cluster or to the runtime"),
            hint: Some(
                "name another one with --namespace, or another one for the runtime with --system-namespace".to_owned(),
            ),
        });
    }
    if ["default", "kube-system", "kube-public"].contains(&&*args.system_namespace) {
        return Err(Error::Unusable {
            problem: format!("`{}` is not the runtime's alone", args.system_namespace),
            hint: Some(
                "whoever runs something beside the accounts may act as each of them; name a namespace of its own"
                    .to_owned(),
            ),
        });
    }
    Ok(Place { system: args.system_namespace.clone(), namespaces, shards: args.shards })
}

fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}
