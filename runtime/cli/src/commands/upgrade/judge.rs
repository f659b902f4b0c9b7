//! What changes between two versions of a pattern, and what each change asks for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use orkestra_operator::{DefinitionChange, Verdict, definition_changes, schema_changes};
use orkestra_pattern::model::{Entry, Input, Pattern};
use orkestra_pattern::rights::{self, Right, Rights};
use serde_json::Value;

use super::open::Opened;
use super::{conversion, templates};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// The name of the rule.
    pub(super) rule: &'static str,
    /// What it is about: `pattern`, `definition webs.example.com`, `entry web`, …
    pub(super) about: String,
    /// Where in it.
    pub(super) path: String,
    /// In words.
    pub(super) message: String,
}

/// Collects changes about one thing.
pub(super) struct About<'a> {
    about: String,
    all: &'a mut Vec<Judged>,
}

impl About<'_> {
    pub(super) fn add(&mut self, verdict: Verdict, rule: &'static str, path: &str, message: impl Into<String>) {
        let (about, path, message) = (self.about.clone(), path.to_owned(), message.into());
        self.all.push(Judged { verdict, rule, about, path, message });
    }

    fn extend(&mut self, changes: Vec<DefinitionChange>) {
        for DefinitionChange { verdict, rule, path, message } in changes {
            self.add(verdict, rule, &path, message);
        }
    }
}

/// All changes. `live` are the definitions that a cluster has, by name: they count instead of the old version's.
pub(super) fn judge(old: &Opened, new: &Opened, live: &BTreeMap<String, Value>) -> Vec<Judged> {
    let mut all = Vec::new();
    let mut about = |what: String, judge: &dyn Fn(&mut About<'_>)| judge(&mut About { about: what, all: &mut all });
    about("pattern".to_owned(), &|about| pattern(&old.pattern, &new.pattern, about));
    about("inputs".to_owned(), &|about| inputs(&old.pattern.inputs, &new.pattern.inputs, about));
    let (before, after) = (by_name(&old.pattern), by_name(&new.pattern));
    for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let before = live.get(name).or(before.get(name).copied());
        about(format!("definition {name}"), &|about| match (before, after.get(name)) {
            (Some(before), Some(after)) => {
                about.extend(definition_changes(before, after));
                conversions(&old.pattern, &new.pattern, before, after, about);
            }
            (None, Some(after)) => {
                about.add(Verdict::Safe, "definitionAdded", name, "is new");
                conversions(&old.pattern, &new.pattern, &Value::Null, after, about);
            }
            (_, None) => {
                let message = "is no longer the pattern's: it stays in the cluster with its resources, and nobody reconciles them";
                about.add(Verdict::Attention, "definitionRemoved", name, message);
            }
        });
    }
    let entry = |pattern: &'_ Pattern, name: &str| pattern.entries.iter().find(|entry| entry.name == name).cloned();
    let names = old.pattern.entries.iter().chain(&new.pattern.entries).map(|entry| entry.name.clone());
    for name in names.collect::<BTreeSet<_>>() {
        let (before, after) = (entry(&old.pattern, &name), entry(&new.pattern, &name));
        about(format!("entry {name}"), &|about| match (&before, &after) {
            (Some(before), Some(after)) => entries(before, after, about),
            (None, Some(_)) => about.add(Verdict::Safe, "entryAdded", &name, "is new"),
            (_, None) => {
                let message = "goes: its resources are no longer reconciled, and a finalizer of ours on them is taken off by nobody";
                about.add(Verdict::Attention, "entryRemoved", &name, message);
            }
        });
    }
    about("rights".to_owned(), &|about| {
        let of = |pattern: &Pattern| rights::derive(pattern, |_| true);
        changed_rights(&of(&old.pattern), &of(&new.pattern), about);
    });
    about("capabilities".to_owned(), &|about| {
        for name in new.capabilities.difference(&old.capabilities) {
            about.add(Verdict::Attention, "capabilityAdded", name, "has to be granted");
        }
        for name in old.capabilities.difference(&new.capabilities) {
            about.add(Verdict::Safe, "capabilityRemoved", name, "is no longer needed");
        }
    });
    all
}

fn pattern(old: &Pattern, new: &Pattern, about: &mut About<'_>) {
    if old.name != new.name {
        let message = format!("another pattern: {} becomes {}", old.name, new.name);
        about.add(Verdict::Attention, "name", "metadata.name", message);
    }
    if new.version < old.version {
        let message = format!("{} is below {}; a lock takes it with --allow-downgrade only", new.version, old.version);
        about.add(Verdict::Attention, "downgrade", "metadata.version", message);
    }
}

fn by_name(pattern: &Pattern) -> BTreeMap<String, &Value> {
    pattern.crds.iter().map(|crd| (name_of(crd), crd)).collect()
}

/// `plural.group`
pub(super) fn name_of(crd: &Value) -> String {
    let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}.{}", text("/spec/names/plural"), text("/spec/group"))
}

/// Each served version must turn into the stored one and back.
fn conversions(old: &Pattern, new: &Pattern, before: &Value, after: &Value, about: &mut About<'_>) {
    let of = |pattern: &'_ Pattern, crd: &Value| {
        let same = |entry: &&Entry| {
            crd.pointer("/spec/group").and_then(Value::as_str) == Some(&entry.api.group)
                && crd.pointer("/spec/names/kind").and_then(Value::as_str) == Some(&entry.api.kind)
        };
        pattern.entries.iter().find(same).cloned()
    };
    let versions = after.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |version: &&Value, what: &str| version[what] == true;
    let Some(storage) = versions.iter().find(|version| is(version, "storage")).and_then(|found| found["name"].as_str())
    else {
        return;
    };
    let (had, has) = (of(old, before), of(new, after));
    let served = versions.iter().filter(|version| is(version, "served")).filter_map(|version| version["name"].as_str());
    for version in served.filter(|version| *version != storage) {
        for (from, to) in [(version, storage), (storage, version)] {
            let path = format!("{from} → {to}");
            let now = has.as_ref().is_some_and(|entry| conversion::converts(entry, from, to));
            let was = had.as_ref().is_some_and(|entry| conversion::converts(entry, from, to));
            match (was, now) {
                (_, false) if conversion::same_schema(after, from, to) => {
                    about.add(
                        Verdict::Safe,
                        "conversion",
                        &path,
                        "the same schema: the API server changes the version alone",
                    );
                }
                (_, false) => {
                    let message =
                        "no conversion: the API server would change the version alone, and fields would be lost";
                    about.add(Verdict::Refused, "conversionMissing", &path, message);
                }
                (false, true) => about.add(Verdict::Safe, "conversion", &path, "a conversion comes"),
                (true, true) => {}
            }
        }
    }
}

fn inputs(old: &[Input], new: &[Input], about: &mut About<'_>) {
    for input in new {
        let path = format!("inputs.{}", input.name);
        let Some(before) = old.iter().find(|before| before.name == input.name) else {
            match &input.default {
                Some(default) => {
                    about.add(Verdict::Safe, "inputAdded", &path, format!("is new, and {default} where nobody sets it"))
                }
                None => about.add(Verdict::Attention, "inputRequired", &path, "is new and must be set"),
            }
            continue;
        };
        about.extend(schema_changes(&before.schema, &input.schema, &path));
        match (&before.default, &input.default) {
            (before, after) if before == after => {}
            (_, None) => {
                about.add(Verdict::Attention, "inputRequired", &path, "has no default any more and must be set")
            }
            (None, Some(after)) => about.add(Verdict::Safe, "inputDefault", &path, format!("need not be set: {after}")),
            (Some(before), Some(after)) => {
                about.add(
                    Verdict::Attention,
                    "inputDefault",
                    &path,
                    format!("is {after} and not {before} where nobody sets it"),
                );
            }
        }
    }
    for input in old.iter().filter(|input| !new.iter().any(|after| after.name == input.name)) {
        let path = format!("inputs.{}", input.name);
        about.add(Verdict::Attention, "inputRemoved", &path, "goes: a Komposer that sets it is refused");
    }
}

fn entries(old: &Entry, new: &Entry, about: &mut About<'_>) {
    if old.api.version != new.api.version {
        let message = format!("resources are read in {} and no longer in {}", new.api.version, old.api.version);
        about.add(Verdict::Attention, "entryVersion", &new.name, message);
    }
    templates::children(old, new, about);
    templates::reads(old, new, about);
}

fn changed_rights(old: &Rights, new: &Rights, about: &mut About<'_>) {
    let key = |right: &Right| (right.resource.clone(), right.scope.clone(), right.names.clone());
    let verbs = |rights: &Rights, wanted: &Right| -> BTreeSet<String> {
        let found = rights.rights.iter().filter(|right| key(right) == key(wanted));
        found.flat_map(|right| right.verbs.clone()).collect()
    };
    let shown = |right: &Right| {
        let group = if right.resource.group.is_empty() { String::new() } else { format!(".{}", right.resource.group) };
        let names = if right.names.is_empty() { String::new() } else { format!(" named {}", right.names.join(", ")) };
        let place = right.scope.place();
        format!("{}{group}{names}{place}", right.resource.name)
    };
    for right in &new.rights {
        let more: Vec<_> = verbs(new, right).difference(&verbs(old, right)).cloned().collect();
        if !more.is_empty() {
            let message =
                format!("its account must be allowed to {} as well; apply `ork generate rbac` first", more.join(", "));
            about.add(Verdict::Attention, "rightAdded", &shown(right), message);
        }
    }
    for right in &old.rights {
        let less: Vec<_> = verbs(old, right).difference(&verbs(new, right)).cloned().collect();
        if !less.is_empty() {
            let message =
                format!("its account need no longer {}; keep that until what it made is gone", less.join(", "));
            about.add(Verdict::Safe, "rightRemoved", &shown(right), message);
        }
    }
    for refused in new.refused.iter().filter(|refused| !old.refused.iter().any(|before| before.text == refused.text)) {
        about.add(Verdict::Attention, "rightNotGiven", &refused.at, refused.text.clone());
    }
}
