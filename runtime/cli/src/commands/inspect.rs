//! `ork inspect`: what a component is, read from the component itself; what an artifact says that it is.

mod artifact;
mod tree;

use std::path::Path;

use orkestra_program::model::{Child, Entry, Policy, Program, Template};
use serde_json::{Value, json};

use super::build::digest;
use crate::args::{Inspect, TextOrJson};
use crate::error::Error;
use crate::output::{Output, count, escape, role, size};
use crate::pattern_dir::{PatternDir, read_up_to, shown};
use crate::place::Place;

/// What is known of a component.
struct Facts {
    /// Name and version; known only where the component was built from a directory.
    pattern: Option<(String, String)>,
    bytes: usize,
    digest: String,
    engine: String,
    exports: Vec<&'static str>,
    program_bytes: usize,
    program: Program,
}

pub(crate) fn run(args: &Inspect, output: &Output) -> Result<(), Error> {
    if let Some(place) = place(&args.what) {
        return artifact::run(args, &place, output);
    }
    if args.tree || !args.keys.is_empty() {
        return Err(Error::Unusable {
            problem: format!("`{}` is no artifact, and only artifacts have signatures", escape(&args.what)),
            hint: Some("name a reference, oci:DIR or oci-archive:FILE".to_owned()),
        });
    }
    let facts = facts(Path::new(&args.what), output)?;
    match args.format {
        TextOrJson::Json => output.data(&format!("{:#}\n", json_of(&facts))),
        TextOrJson::Text => output.data(&text_of(&facts)),
    }
}

/// The artifact that is meant; none where a file or directory is. What is there is meant, also if it has a reference's form, and a
/// reference begins with a host.
pub(super) fn place(what: &str) -> Option<Place> {
    match what.parse() {
        Ok(Place::Registry(_)) if Path::new(what).exists() => None,
        place => place.ok(),
    }
}

fn facts(path: &Path, output: &Output) -> Result<Facts, Error> {
    let (pattern, component) = if path.is_dir() {
        let pattern = PatternDir::read(path)?.checked(output)?;
        let compiled = orkestra_compile::compile(&pattern).map_err(|error| Error::Compile(error.into()))?;
        (Some((pattern.name, pattern.version.to_string())), compiled.component)
    } else {
        (None, read(path)?)
    };
    let refused = |source| Error::Component { path: path.to_owned(), source };
    let found = orkestra_component::decode(&component).map_err(|error| refused(error.into()))?;
    let program = orkestra_program::decode(&found.program).map_err(|error| refused(error.into()))?;
    Ok(Facts {
        pattern,
        bytes: component.len(),
        digest: format!("sha256:{}", digest(&component)),
        engine: found.engine,
        exports: found.exports.names(),
        program_bytes: found.program.len(),
        program,
    })
}

/// The bytes of a file that is WebAssembly at all.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = read_up_to(path, orkestra_component::MAX_COMPONENT)?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    Err(Error::Unusable {
        problem: format!("`{}` is neither a pattern directory nor a component", shown(path)),
        hint: Some("a component is what `ork build` writes: pattern.wasm".to_owned()),
    })
}

fn json_of(facts: &Facts) -> Value {
    let ours = orkestra_component::engine();
    let (name, version) = facts.pattern.clone().unzip();
    json!({
        "name": name,
        "version": version,
        "component": {"size": facts.bytes, "digest": facts.digest, "declarative": true},
        "imports": [{"name": facts.engine, "kind": "engine"}],
        "exports": facts.exports,
        "engine": {
            "version": ours.version,
            "digest": format!("sha256:{}", ours.digest),
            "import": ours.import_name,
            "fits": facts.engine == ours.import_name,
        },
        "program": {
            "size": facts.program_bytes,
            "entries": facts.program.entries.iter().map(entry_json).collect::<Vec<_>>(),
            "evaluations": facts.program.evaluations.len(),
        },
    })
}

fn entry_json(entry: &Entry) -> Value {
    let child = |child: &Child| {
        json!({
            "id": child.id,
            "apiVersion": member(&child.manifest, "apiVersion"),
            "kind": member(&child.manifest, "kind"),
            "policy": policy(child.policy),
            "conditional": child.when.is_some(),
            "requires": child.requires.iter().filter_map(|index| Some(&entry.children.get(usize::from(*index))?.id)).collect::<Vec<_>>(),
        })
    };
    json!({
        "name": entry.name,
        "vars": entry.vars.len(),
        "children": entry.children.iter().map(child).collect::<Vec<_>>(),
        "status": entry.status.iter().map(|field| field.path.join(".")).collect::<Vec<_>>(),
    })
}

fn text_of(facts: &Facts) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        text.push_str(&format!("{s}{label:<9}{s:#} {value}\n", s = role::FAINT));
    };
    if let Some((name, version)) = &facts.pattern {
        line("pattern", format!("{b}{} {version}{b:#}", escape(name), b = role::NAME));
    }
    line("component", format!("{}, {}", size(facts.bytes), facts.digest));
    line("imports", format!("nothing but the engine: {}", escape(&facts.engine)));
    line("", format!("{s}it can compute, and nothing else{s:#}", s = role::DONE));
    if facts.engine != orkestra_component::engine().import_name {
        line("", format!("{s}not the engine of this ork: rebuild with `ork build`{s:#}", s = role::WARNING));
    }
    for export in &facts.exports {
        line("exports", (*export).to_owned());
    }
    line("program", size(facts.program_bytes));
    for entry in &facts.program.entries {
        let parts = [
            count(entry.vars.len(), "variable"),
            count(entry.children.len(), "child template"),
            count(entry.status.len(), "status field"),
        ];
        line("entry", format!("{b}{}{b:#}: {}", escape(&entry.name), parts.join(", "), b = role::NAME));
        for child in &entry.children {
            let kind = member(&child.manifest, "kind").unwrap_or_default();
            let when = if child.when.is_some() { ", under a condition" } else { "" };
            line("", format!("{} {} ({}{when})", escape(&kind), escape(&child.id), policy(child.policy)));
        }
    }
    text
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Create => "created once",
        Policy::Apply => "kept",
        Policy::Delete => "at deletion",
    }
}

/// A static text of a manifest's top level.
fn member(manifest: &Template, key: &str) -> Option<String> {
    let text = |json: &Value| json.as_str().map(str::to_owned);
    match manifest {
        Template::Raw(json) => serde_json::from_str::<Value>(json).ok()?.get(key).and_then(text),
        Template::Object(members) => match members.iter().find(|(name, _)| name == key)? {
            (_, Template::Raw(json)) => text(&serde_json::from_str(json).ok()?),
            _ => None,
        },
        // Of conversions there is no manifest.
        _ => None,
    }
}
