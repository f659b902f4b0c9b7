//! `ork lock` and `ork update`: what a Komposer's imports mean is written down.

use orkestra_artifact::Digest;
use orkestra_komposer::{Lock, Locked};
use serde_json::{Value, json};

use crate::args::{self, TextOrJson};
use crate::composition::{self, Asking, Opened, Store};
use crate::error::Error;
use crate::output::{Output, escape, role};
use crate::pattern_dir::shown;
use crate::yaml;

pub(crate) fn lock(args: &args::Lock, output: &Output) -> Result<(), Error> {
    let mut opened = Opened::read(&args.file.file, args.change.sources.policy.as_deref(), output)?;
    if let Some(lock) = &mut opened.lock {
        // Forgotten, so that the next one is the first under this name.
        lock.instances.retain(|locked| !args.rebind.contains(&locked.name));
    }
    let before = opened.lock.clone();
    let lock = resolve(opened, composition::Anew::Missing, &args.change, output)?;
    finish(&args.file, before, &lock, args.check, &args.change, output)
}

pub(crate) fn update(args: &args::Update, output: &Output) -> Result<(), Error> {
    let opened = Opened::read(&args.file.file, args.change.sources.policy.as_deref(), output)?;
    let before = opened.lock.clone();
    for name in &args.names {
        if before.as_ref().is_none_or(|lock| lock.get(name).is_none()) {
            let known: Vec<_> =
                before.iter().flat_map(|lock| &lock.instances).map(|locked| locked.name.as_str()).collect();
            return Err(Error::Unusable {
                problem: format!("`{name}` is not in the lock"),
                hint: Some(match known.as_slice() {
                    [] => "there is no lock yet: `ork lock` writes it".to_owned(),
                    known => format!("the instances are {}", known.join(", ")),
                }),
            });
        }
    }
    let lock = resolve(opened, composition::Anew::Named(&args.names), &args.change, output)?;
    finish(&args.file, before, &lock, false, &args.change, output)
}

fn resolve(opened: Opened, anew: composition::Anew, args: &args::Change, output: &Output) -> Result<Lock, Error> {
    if let Some(lock) = &opened.lock {
        lock.check_identities(&opened.komposer).map_err(Error::IdentityReused)?;
    }
    let store = Store::open(&args.sources, &opened)?;
    let trust = opened.trusted()?;
    let asking = Asking {
        lock: opened.lock.as_ref(),
        anew,
        allow_downgrade: args.allow_downgrade,
        check_tags: true,
        trust: &trust,
    };
    let mut gathered = composition::gather(&opened.komposer, opened.base(), &store, asking)?;
    let rebuilt = match opened.policy() {
        Some(policy) if !policy.require_rebuild => vec![false; gathered.len()],
        _ => composition::prove(&mut gathered),
    };
    let composed = composition::compose(opened, gathered, output)?.granted(output).whole(output)?;
    composition::lock_of(&composed, &rebuilt)
}

fn finish(
    file: &args::KomposerFile,
    before: Option<Lock>,
    lock: &Lock,
    check: bool,
    args: &args::Change,
    output: &Output,
) -> Result<(), Error> {
    let changes = changes(before.as_ref(), lock);
    let same = before.as_ref() == Some(lock);
    match args.format {
        TextOrJson::Json => output.data(&format!(
            "{:#}\n",
            json!({"changed": !same, "changes": changes.iter().map(Change::to_json).collect::<Vec<_>>(), "lock": lock.to_json()})
        ))?,
        TextOrJson::Text => output.data(&changes.iter().map(Change::text).collect::<String>())?,
    }
    let path = composition::lock_path(&file.file);
    if check {
        return match same {
            true => {
                output.done("Checked", format_args!("{} fits", shown(&path)));
                Ok(())
            }
            false => Err(Error::Outdated { path }),
        };
    }
    if !same {
        super::build::replace(&path, yaml::text(&lock.to_json())?.as_bytes())?;
    }
    let unsigned = |locked: &&Locked| locked.artifact.as_ref().is_some_and(|artifact| artifact.signers.is_empty());
    for locked in lock.instances.iter().filter(unsigned) {
        output.warning(format_args!(
            "`{}` is UNVERIFIED: `imports.trust` says nothing about whose signatures are needed",
            escape(&locked.name)
        ));
    }
    let verb = if same { "Kept" } else { "Locked" };
    output.done(verb, format_args!("{} in {}", crate::output::count(lock.instances.len(), "instance"), shown(&path)));
    Ok(())
}

fn manifest(locked: &Locked) -> Option<Digest> {
    locked.artifact.as_ref().map(|artifact| artifact.manifest)
}

/// One line of what is different.
struct Change<'a> {
    before: Option<&'a Locked>,
    after: Option<&'a Locked>,
}

fn changes<'a>(before: Option<&'a Lock>, after: &'a Lock) -> Vec<Change<'a>> {
    let mut names: Vec<&str> = before
        .iter()
        .flat_map(|lock| &lock.instances)
        .chain(&after.instances)
        .map(|locked| locked.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let all =
        names.into_iter().map(|name| Change { before: before.and_then(|lock| lock.get(name)), after: after.get(name) });
    all.filter(|change| change.before != change.after).collect()
}

impl Change<'_> {
    fn verb(&self) -> &'static str {
        match (self.before, self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(before), Some(after)) if before.version == after.version => "changed",
            _ => "moved",
        }
    }

    fn text(&self) -> String {
        let version = |locked: Option<&Locked>| locked.map(|locked| locked.version.to_string());
        let name = self.after.or(self.before).map_or("", |locked| locked.name.as_str());
        let versions = match (version(self.before), version(self.after)) {
            (Some(before), Some(after)) if before != after => format!("{before} → {after}"),
            (before, after) => after.or(before).unwrap_or_default(),
        };
        let digest = self.after.map(|locked| manifest(locked).unwrap_or_else(|| locked.runs()).to_string());
        let digest = digest.unwrap_or_default();
        format!(
            "{:<8} {b}{}{b:#} {versions} {s}{digest}{s:#}\n",
            self.verb(),
            escape(name),
            b = role::NAME,
            s = role::FAINT
        )
    }

    fn to_json(&self) -> Value {
        let side = |locked: Option<&Locked>| {
            locked.map(|locked| json!({"version": locked.version.to_string(), "manifest": manifest(locked), "component": locked.runs()}))
        };
        json!({
            "change": self.verb(),
            "name": self.after.or(self.before).map(|locked| &locked.name),
            "before": side(self.before),
            "after": side(self.after),
        })
    }
}
