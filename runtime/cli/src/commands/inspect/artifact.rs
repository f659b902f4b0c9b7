//! What an artifact says of itself: its config, and its layers' sizes and digests. No layer is fetched.

use orkestra_artifact::trust::Asked;
use orkestra_artifact::versions::find;
use orkestra_artifact::{Config, Descriptor, Reference, Registry, Role, pull, tree};
use serde_json::{Value, json};

use super::super::verify::{keys, vouched};
use super::tree as shown;
use crate::args::{Inspect, TextOrJson};
use crate::error::Error;
use crate::output::{Output, brief, count, grouped, role};
use crate::place::{self, Place};
use crate::transport;

/// What was found out.
struct Facts {
    reference: Reference,
    /// The keys that signed it; none where no key was given.
    signers: Option<Vec<String>>,
    config: Config,
    layers: Vec<(Role, Descriptor)>,
}

pub(super) fn run(args: &Inspect, place: &Place, output: &Output) -> Result<(), Error> {
    match place {
        Place::Registry(reference) => show(args, &transport::client(&args.transport)?, reference, output),
        Place::Directory(path) => {
            let (layout, reference) = place::in_directory(path)?;
            show(args, &layout, &reference, output)
        }
        Place::Archive(path) => {
            let (layout, reference) = place::in_archive(path)?;
            show(args, &layout, &reference, output)
        }
    }
}

fn show(args: &Inspect, registry: &impl Registry, reference: &Reference, output: &Output) -> Result<(), Error> {
    if args.tree {
        return show_tree(args, registry, reference, output);
    }
    let facts = transport::run(facts(registry, reference, args))?;
    if facts.signers.is_none() {
        output.note("UNVERIFIED: nobody's signature was asked for; see --key");
    }
    match args.format {
        TextOrJson::Json => output.data(&format!("{:#}\n", json_of(&facts))),
        TextOrJson::Text => output.data(&text_of(&facts)),
    }
}

async fn facts(registry: &impl Registry, reference: &Reference, args: &Inspect) -> Result<Facts, Error> {
    let keys = keys(&args.keys)?;
    let pulled = pull(registry, reference).await?;
    let reference = pulled.reference.clone();
    let (verified, signers) = vouched(registry, pulled, &keys).await?;
    let config = verified.config(registry, Asked::of(&reference)).await?;
    let layers = verified.layers().iter().map(|(role, layer)| (*role, layer.clone())).collect();
    let signers = signers.map(|signers| signers.keys().map(|(key, _)| key.fingerprint().to_string()).collect());
    Ok(Facts { reference, signers, config, layers })
}

/// Of any artifact, and of each part of it only that it is there.
fn show_tree(args: &Inspect, registry: &impl Registry, reference: &Reference, output: &Output) -> Result<(), Error> {
    let keys = keys(&args.keys)?;
    let (reference, verified, tree) = transport::run(async {
        // What was verified and what is shown are the same bytes, whatever the tag says by then.
        let (reference, fetched) = match keys.is_empty() {
            true => find(registry, reference).await?,
            false => {
                let pulled = pull(registry, reference).await?;
                let found = (pulled.reference.clone(), pulled.fetched.clone());
                vouched(registry, pulled, &keys).await?;
                found
            }
        };
        let tree = tree::tree(registry, &reference.repository, &fetched).await?;
        Ok((reference, !keys.is_empty(), tree))
    })?;
    if !verified {
        output.note("UNVERIFIED: nobody's signature was asked for; see --key");
    }
    match args.format {
        TextOrJson::Json => {
            let mut document = shown::json_of(&tree);
            document["reference"] = json!(reference.to_string());
            document["verified"] = json!(verified);
            output.data(&format!("{document:#}\n"))
        }
        TextOrJson::Text => output.data(&shown::text_of(&reference, &tree)),
    }
}

fn engine_fits(config: &Config) -> bool {
    config.engine.import == orkestra_component::engine().import_name
}

fn json_of(facts: &Facts) -> Value {
    let layers: Vec<_> = facts
        .layers
        .iter()
        .map(|(role, layer)| {
            json!({"role": role, "file": role.title(), "mediaType": layer.media_type, "size": layer.size, "digest": layer.digest})
        })
        .collect();
    json!({
        "reference": facts.reference.to_string(),
        "digest": facts.reference.digest,
        "verified": facts.signers.is_some(),
        "signers": facts.signers.clone().unwrap_or_default(),
        "config": facts.config,
        "engineFits": engine_fits(&facts.config),
        "layers": layers,
    })
}

fn text_of(facts: &Facts) -> String {
    let config = &facts.config;
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        text.push_str(&format!("{s}{label:<12}{s:#} {value}\n", s = role::FAINT));
    };
    let or_nothing = |words: Vec<String>| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let briefly =
        |words: &std::collections::BTreeSet<String>| words.iter().map(|word| brief(word).into_owned()).collect();
    line("pattern", format!("{b}{} {}{b:#}", brief(&config.name), config.version, b = role::NAME));
    line("reference", facts.reference.to_string());
    match &facts.signers {
        Some(signers) => line("signed by", format!("{s}{}{s:#}", signers.join(", "), s = role::DONE)),
        None => line("signed by", format!("{s}UNVERIFIED{s:#}", s = role::WARNING)),
    }
    if !config.description.is_empty() {
        line("description", brief(&config.description).into_owned());
    }
    if let Some(license) = &config.license {
        line("licence", brief(license).into_owned());
    }
    if !config.keywords.is_empty() {
        line("keywords", or_nothing(briefly(&config.keywords)));
    }
    for crd in &config.crds {
        let stored = |version: &String| if *version == crd.storage { " (stored)" } else { "" };
        let versions = crd.versions.iter().map(|version| format!("{}{}", brief(version), stored(version)));
        let versions = versions.collect::<Vec<_>>().join(", ");
        line("kind", format!("{b}{}{b:#} of {}: {versions}", brief(&crd.kind), brief(&crd.group), b = role::NAME));
    }
    line("imports", or_nothing(briefly(&config.imports)));
    line("exports", or_nothing(briefly(&config.exports)));
    line("asks for", or_nothing(briefly(&config.capabilities)));
    line(
        "engine",
        match engine_fits(config) {
            true => "that of this ork".to_owned(),
            false => format!("{s}not that of this ork: it must be built again{s:#}", s = role::WARNING),
        },
    );
    for (entry, cost) in &config.cost {
        let cost = cost.map_or_else(|| "not bounded".to_owned(), |cost| format!("at most {}", grouped(cost)));
        line("cost", format!("{}: {cost}", brief(entry)));
    }
    line(
        "tests",
        match &config.tests.skipped {
            Some(option) => format!("{s}not run: {}{s:#}", brief(option), s = role::WARNING),
            None => format!("{} passed", count(usize::try_from(config.tests.passed).unwrap_or(usize::MAX), "case")),
        },
    );
    line("built by", brief(&config.builder).into_owned());
    for (index, (role, layer)) in facts.layers.iter().enumerate() {
        let label = if index == 0 { "layers" } else { "" };
        line(label, format!("{:<13} {:>9} bytes  {}", role.title(), grouped(layer.size), layer.digest));
    }
    text
}
