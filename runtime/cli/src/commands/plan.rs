//! `ork plan`: what a change of a Komposer does, before it is applied.

use std::collections::BTreeMap;
use std::path::Path;

use orkestra_artifact::Digest;
use orkestra_komposer::{Instance, Lock};
use orkestra_pattern::model::{Api, Policy};
use serde_json::json;

use crate::args::{Plan, Sources, TextOrJson};
use crate::composition::{self, Broken, grants};
use crate::error::Error;
use crate::output::{Output, escape, role};
use crate::rbac;

/// What is said of an instance, by a path that orders it.
type Facts = BTreeMap<String, String>;

pub(crate) fn run(args: &Plan, output: &Output) -> Result<(), Error> {
    let (after, lock, denied) = facts(&args.file.file, &args.sources, output)?;
    let before = match (&args.from, &lock) {
        (Some(from), _) => facts(from, &args.sources, output)?.0,
        (None, Some(lock)) => locked(lock),
        (None, None) => BTreeMap::new(),
    };
    // The lock says little of an instance, and what it does not say has not changed for all that is known.
    let known = |instance: &str, key: &str| {
        args.from.is_some() || before.get(instance).is_none_or(|facts| facts.contains_key(key))
    };
    let mut changes = Vec::new();
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let none = Facts::new();
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
        let mut keys: Vec<_> = old.keys().chain(new.keys()).filter(|key| known(name, key)).collect();
        keys.sort();
        keys.dedup();
        let different = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
        changes.extend(different.map(|key| (name, key, old.get(key), new.get(key))));
    }
    match args.format {
        TextOrJson::Json => {
            let changes: Vec<_> = changes
                .iter()
                .map(|(instance, what, before, after)| {
                    json!({"instance": instance, "what": what, "before": before, "after": after})
                })
                .collect();
            output.data(&format!("{:#}\n", json!({"changes": changes})))?;
        }
        TextOrJson::Text => {
            let mut text = String::new();
            let mut last = None;
            for (name, what, before, after) in &changes {
                if last != Some(*name) {
                    text.push_str(&format!("{b}{}{b:#}\n", escape(name), b = role::NAME));
                    last = Some(*name);
                }
                let line = match (before, after) {
                    (Some(before), Some(after)) => format!("  ~ {what}: {before} → {after}"),
                    (Some(before), None) => format!("  - {what}: {before}"),
                    (None, after) => format!("  + {what}: {}", after.map_or("", String::as_str)),
                };
                text.push_str(&escape(line.trim_end_matches([' ', ':'])));
                text.push('\n');
            }
            output.data(&text)?;
        }
    }
    // A Komposer that would not be locked and would not run as it stands is told so whatever else it changes.
    if !denied.is_empty() {
        return Err(Broken::first(denied, output));
    }
    match changes.as_slice() {
        [] => {
            output.done("Planned", "nothing changes");
            Ok(())
        }
        _ => Err(Error::Silent),
    }
}

/// What there is to say of each instance, the lock, and the instances that ask for more than they are granted.
type Found = (BTreeMap<String, Facts>, Option<Lock>, Vec<Broken>);

/// What there is to say of each instance of a Komposer, and its lock.
fn facts(file: &Path, sources: &Sources, output: &Output) -> Result<Found, Error> {
    let composed = composition::of_komposer(file, sources, output)?.whole(output)?;
    let mut all = BTreeMap::new();
    let mut denied = Vec::new();
    for (instance, had) in composed.instances() {
        let component = Digest::of(&composition::build(instance)?);
        let mut facts = of_instance(instance);
        facts.insert("component".to_owned(), component.to_string());
        if let Some(manifest) = had.manifest() {
            facts.insert("manifest".to_owned(), manifest.to_string());
        }
        if let Some(error) = grants::denied(instance) {
            denied.push(Broken { name: instance.name.clone(), error });
        }
        all.insert(instance.name.clone(), facts);
    }
    Ok((all, composed.opened.lock, denied))
}

fn of_instance(instance: &Instance) -> Facts {
    let mut facts = Facts::new();
    let mut put = |key: String, value: String| facts.insert(key, value);
    put("version".to_owned(), instance.pattern.version.to_string());
    for (name, value) in &instance.inputs {
        put(format!("input {name}"), value.to_string());
    }
    for grant in &instance.grants {
        put(format!("grant {grant}"), String::new());
    }
    for flow in grants::flows(instance) {
        let granted = if instance.grants.contains(&flow.grant()) { "granted" } else { "not granted" };
        put(
            format!("flow {} into {} of {}", flow.path, flow.field, flow.into),
            format!("decides {}, {granted}", flow.decides),
        );
    }
    if let Some(memory) = instance.limits.memory {
        put("limit memory".to_owned(), format!("{memory} bytes"));
    }
    if let Some(deadline) = instance.limits.deadline {
        put("limit deadline".to_owned(), format!("{} ms", deadline.as_millis()));
    }
    for settings in &instance.entries {
        let Some(entry) = instance.pattern.entries.iter().find(|entry| entry.name == settings.name) else { continue };
        let name = &settings.name;
        put(format!("entry {name}"), kind_of(&entry.api));
        if let Some(selector) = &entry.selector {
            put(format!("entry {name}: selector"), selector.to_string());
        }
        put(format!("entry {name}: workers"), settings.workers.to_string());
        put(format!("entry {name}: resync"), format!("{} s", settings.resync.as_secs()));
        for child in &entry.children {
            let policy = match child.policy {
                Policy::Create => "created once",
                Policy::Apply => "kept",
                Policy::Delete => "at deletion",
            };
            put(format!("child {name}/{}", child.id), format!("{} {}, {policy}", child.kind, child.api_version));
        }
        for read in &entry.reads {
            put(format!("read {name}/{}", read.id), format!("{} {}", read.kind, read.api_version));
        }
    }
    for right in rbac::of_instance(instance).rights {
        let resource = match right.resource.group.as_str() {
            "" => right.resource.name.clone(),
            group => format!("{}.{group}", right.resource.name),
        };
        let place = right.scope.place();
        let names = if right.names.is_empty() { String::new() } else { format!(" named {}", right.names.join(", ")) };
        put(format!("right {resource}{names}{place}"), right.verbs.join(", "));
    }
    facts
}

/// What a lock alone says.
fn locked(lock: &Lock) -> BTreeMap<String, Facts> {
    let of = |locked: &orkestra_komposer::Locked| {
        let mut facts = Facts::from([
            ("version".to_owned(), locked.version.to_string()),
            ("component".to_owned(), locked.runs().to_string()),
        ]);
        if let Some(artifact) = &locked.artifact {
            facts.insert("manifest".to_owned(), artifact.manifest.to_string());
        }
        facts
    };
    lock.instances.iter().map(|locked| (locked.name.clone(), of(locked))).collect()
}

/// `Shop.example.com/v1`, `Namespace/v1`.
fn kind_of(Api { group, version, kind, .. }: &Api) -> String {
    let dot = if group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{group}/{version}")
}
