//! A lock's text → [`Lock`].

use std::fmt::Display;
use std::str::FromStr;

use orkestra_artifact::{Digest, Repository};
use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, label, list, string};
use orkestra_pattern::source::{FileId, Source};
use orkestra_pattern::yaml::{self, Node, Value};

use crate::parse::header;
use crate::{Lock, Locked, codes};

/// Reads a lock. It is there if there is no error.
pub fn parse_lock(source: &Source, file: FileId) -> (Option<Lock>, Diagnostics) {
    let (documents, mut problems) = yaml::parse(source, file, yaml::Bounds::default());
    let found = crate::parse::only(file, &documents, "KomposerLock", &mut problems)
        .and_then(|document| lock(document, &mut problems));
    problems.sort();
    (found.filter(|_| !problems.has_errors()), problems)
}

fn lock(document: &Node, problems: &mut Diagnostics) -> Option<Lock> {
    let fields = Fields::open(document, "a lock", problems)?;
    header(&fields, "KomposerLock", problems)?;
    let name = crate::parse::name(&fields, "the Komposer's name", problems);
    let spec = fields.require("spec", problems).and_then(|node| {
        let fields = Fields::open(node, "`spec`", problems)?;
        let komposer = parsed::<Digest>(fields.require("komposer", problems), "`komposer`", problems);
        let ork = text(fields.require("ork", problems), "`ork`", problems);
        let items = fields.require("instances", problems).and_then(|node| list(node, "`instances`", problems));
        let mut instances: Vec<Locked> = Vec::new();
        for item in items.unwrap_or_default() {
            let Some(locked) = instance(item, problems) else { continue };
            if instances.iter().any(|earlier| earlier.name == locked.name) {
                let what = format!("the instance `{}` is locked twice", locked.name);
                problems
                    .push(Diagnostic::new(&keys::TWICE, item.span, what).hint("write the lock anew with `ork lock`"));
            }
            instances.push(locked);
        }
        fields.finish(problems);
        Some((komposer?, ork?, instances))
    });
    fields.later(&["status"], problems);
    fields.finish(problems);
    let (komposer, ork, instances) = spec?;
    Some(Lock { name: name?, komposer, ork, instances })
}

fn instance(node: &Node, problems: &mut Diagnostics) -> Option<Locked> {
    let fields = Fields::open(node, "a locked instance", problems)?;
    let name = fields.require("name", problems).and_then(|node| label(node, "the instance's name", problems));
    let path = text(fields.take("path"), "`path`", problems);
    let asked = match &path {
        Some(_) => path.clone(),
        None => text(fields.require("ref", problems), "`ref`", problems),
    };
    let (repository, manifest) = match &path {
        Some(_) => (None, None),
        None => (
            parsed::<Repository>(fields.require("repository", problems), "`repository`", problems),
            parsed::<Digest>(fields.require("manifest", problems), "`manifest`", problems),
        ),
    };
    // Without the artifact's digest an import from a registry is not locked at all.
    let complete = path.is_some() || (repository.is_some() && manifest.is_some());
    let tag = text(fields.take("tag"), "`tag`", problems);
    let version = parsed(fields.require("version", problems), "`version`", problems);
    let component = parsed(fields.require("component", problems), "`component`", problems);
    let engine = text(fields.require("engine", problems), "`engine`", problems);
    let rebuilt = match fields.take("rebuilt").map(|node| (&node.value, node)) {
        None => false,
        Some((Value::Bool(value), _)) => *value,
        Some((_, node)) => {
            problems.push(keys::wrong_kind(node.span, "`rebuilt`", "`true` or `false`", &node.describe()));
            false
        }
    };
    let signers = texts(fields.take("signers"), "`signers`", problems);
    let imports = texts(fields.take("imports"), "`imports`", problems);
    let composed = fields.take("composed").and_then(|node| parsed(Some(node), "`composed`", problems));
    fields.finish(problems);
    complete.then_some(())?;
    Some(Locked {
        name: name?.value,
        asked: asked?,
        repository,
        tag,
        version: version?,
        manifest,
        component: component?,
        engine: engine?,
        rebuilt,
        signers,
        composed,
        imports,
    })
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
