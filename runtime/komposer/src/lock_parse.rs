//! A lock's text → [`Lock`].

use std::fmt::Display;
use std::str::FromStr;

use orkestra_artifact::{Digest, Repository};
use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, boolean, label, list, string};
use orkestra_pattern::source::{FileId, Source};
use orkestra_pattern::yaml::Node;

use crate::codes;
use crate::header::Kind;
use crate::lock::{Artifact, Lock, Locked};
use crate::tables::{LOCK, LOCK_SPEC, LOCKED_ARTIFACT, LOCKED_DIRECTORY};

const KIND: Kind = Kind { name: "KomposerLock", code: &codes::LOCK };

/// Reads a lock. It is there if there is no error.
pub fn parse_lock(source: &Source, file: FileId) -> (Option<Lock>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let found = KIND.only(source, file, &mut problems);
    let found = found.and_then(|document| lock(&document, &mut problems));
    problems.sort();
    (found.filter(|_| !problems.has_errors()), problems)
}

fn lock(document: &Node, problems: &mut Diagnostics) -> Option<Lock> {
    let fields = Fields::open(document, &LOCK, problems)?;
    KIND.begins(&fields, problems)?;
    let name = KIND.named(&fields, problems);
    let spec = fields.require("spec", problems).and_then(|node| spec(node, problems));
    fields.finish(problems);
    let (komposer, ork, instances) = spec?;
    Some(Lock { name: name?, komposer, ork, instances })
}

fn spec(node: &Node, problems: &mut Diagnostics) -> Option<(Digest, String, Vec<Locked>)> {
    let fields = Fields::open(node, &LOCK_SPEC, problems)?;
    let komposer = parsed::<Digest>(fields.require("komposer", problems), "`komposer`", problems);
    let ork = text(fields.require("ork", problems), "`ork`", problems);
    let items = fields.require("instances", problems).and_then(|node| list(node, "`instances`", problems));
    fields.finish(problems);
    let mut instances: Vec<Locked> = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(locked) = instance(item, problems) else { continue };
        if instances.iter().any(|earlier| earlier.name == locked.name) {
            let what = format!("the instance `{}` is locked twice", locked.name);
            problems.push(Diagnostic::new(&keys::TWICE, item.span, what).hint("write the lock anew with `ork lock`"));
        }
        instances.push(locked);
    }
    Some((komposer?, ork?, instances))
}

fn instance(node: &Node, problems: &mut Diagnostics) -> Option<Locked> {
    let directory = node.get("path").is_some();
    let fields = Fields::open(node, if directory { &LOCKED_DIRECTORY } else { &LOCKED_ARTIFACT }, problems)?;
    let name = fields.require("name", problems).and_then(|node| label(node, "the instance's name", problems));
    let version = parsed(fields.require("version", problems), "`version`", problems);
    let component = parsed(fields.require("component", problems), "`component`", problems);
    let engine = text(fields.require("engine", problems), "`engine`", problems);
    let artifact = (!directory).then(|| artifact(&fields, problems));
    let path = if directory { text(fields.require("path", problems), "`path`", problems) } else { None };
    fields.finish(problems);
    let (asked, artifact) = match artifact {
        // Without the artifact's digest an import from a registry is not locked at all.
        Some(artifact) => artifact.map(|(asked, artifact)| (asked, Some(artifact)))?,
        None => (path?, None),
    };
    Some(Locked { name: name?.value, asked, version: version?, component: component?, engine: engine?, artifact })
}

/// What an artifact was asked for by, and what was found.
fn artifact(fields: &Fields, problems: &mut Diagnostics) -> Option<(String, Artifact)> {
    let asked = text(fields.require("ref", problems), "`ref`", problems);
    let repository = parsed::<Repository>(fields.require("repository", problems), "`repository`", problems);
    let tag = text(fields.take("tag"), "`tag`", problems);
    let manifest = parsed::<Digest>(fields.require("manifest", problems), "`manifest`", problems);
    let rebuilt = fields.require("rebuilt", problems).and_then(|node| boolean(node, "`rebuilt`", problems));
    let signers = texts(fields.take("signers"), "`signers`", problems);
    let composed = parsed(fields.take("composed"), "`composed`", problems);
    let artifact = Artifact { repository: repository?, tag, manifest: manifest?, rebuilt: rebuilt?, signers, composed };
    Some((asked?, artifact))
}

fn text(node: Option<&Node>, what: &str, problems: &mut Diagnostics) -> Option<String> {
    Some(string(node?, what, problems)?.to_owned())
}

fn texts(node: Option<&Node>, what: &str, problems: &mut Diagnostics) -> Vec<String> {
    let items = node.and_then(|node| list(node, what, problems)).unwrap_or_default();
    items.iter().filter_map(|item| text(Some(item), what, problems)).collect()
}

fn parsed<T: FromStr<Err: Display>>(node: Option<&Node>, what: &str, problems: &mut Diagnostics) -> Option<T> {
    let node = node?;
    let text = string(node, what, problems)?;
    text.parse()
        .map_err(|error: T::Err| {
            let problem = Diagnostic::new(&codes::LOCK, node.span, format!("{what}: {error}"));
            problems.push(problem.hint("a lock is not written by hand: `ork lock` writes it"));
        })
        .ok()
}
