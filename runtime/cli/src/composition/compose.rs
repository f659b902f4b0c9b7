//! A Komposer laid over what was gathered.

use std::sync::Arc;

use orkestra_artifact::Role;
use orkestra_komposer::{Composition, From, Imported, Instance, Owner, Policy};

use super::{Broken, Had, Opened, grants};
use crate::documents::{end_on_errors, print};
use crate::error::Error;
use crate::instances;
use crate::output::Output;

/// What runs, and what does not.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) opened: Opened,
    /// One per import; none where it is broken.
    pub(crate) had: Vec<Option<Had>>,
    pub(crate) composition: Composition,
    /// In the order of the imports.
    pub(crate) broken: Vec<Broken>,
    /// Which files belong to which layer.
    pub(crate) owners: Vec<Owner>,
}

/// Lays the Komposer over its imports. Problems are printed; those of the Komposer itself end the command.
pub(crate) fn compose(
    mut opened: Opened,
    gathered: Vec<Result<Had, Broken>>,
    output: &Output,
) -> Result<Composed, Error> {
    let (mut had, mut broken, mut imported) = (Vec::new(), Vec::new(), Vec::new());
    let own = opened.komposer.root.span.file;
    let mut owners = vec![Owner { file: own, layer: opened.komposer.name.clone(), digest: None }];
    for found in gathered {
        match found {
            Ok(pattern) => {
                imported.push(Some(add(&pattern, &mut opened, &mut owners)));
                had.push(Some(pattern));
            }
            Err(problem) => {
                imported.push(None);
                had.push(None);
                broken.push(problem);
            }
        }
    }
    let (composition, problems) = orkestra_komposer::resolve(&opened.source, &opened.komposer, &imported);
    end_on_errors(&problems, &opened.source, output)?;
    let mut composition = composition.ok_or(Error::Silent)?;
    if let Some(policy) = opened.policy() {
        broken.extend(outside(policy, &mut composition));
        policy.settle(&mut composition, &instances::usual());
    }
    for failed in std::mem::take(&mut composition.failed) {
        print(&failed.problems, &opened.source, output);
        let error = Error::problems(&failed.problems, &opened.source);
        broken.push(Broken { name: failed.name, error });
    }
    Ok(Composed { opened, had, composition, broken, owners })
}

/// Takes out the instances with kinds in groups that the policy does not allow.
fn outside(policy: &Policy, composition: &mut Composition) -> Vec<Broken> {
    let group = |instance: &Instance| {
        let defined = instance.pattern.crds.iter().filter_map(|crd| crd.pointer("/spec/group")?.as_str());
        let mut all = defined.chain(instance.pattern.entries.iter().map(|entry| entry.api.group.as_str()));
        all.find(|group| !policy.allows_group(group)).map(str::to_owned)
    };
    let found: Vec<_> = composition.instances.iter().map(group).collect();
    let mut broken = Vec::new();
    for (index, group) in found.into_iter().enumerate().rev() {
        let Some(group) = group else { continue };
        let name = composition.instances.remove(index).name;
        composition.katalogs.remove(index);
        composition.imports.remove(index);
        let error = Error::GroupNotAllowed { policy: policy.name.clone(), group };
        broken.push(Broken { error: error.of_import(&name), name });
    }
    broken
}

/// Adds the files of a pattern to the source.
fn add(pattern: &Had, opened: &mut Opened, owners: &mut Vec<Owner>) -> Imported {
    let source = &mut opened.source;
    let (base, imported, files, digest) = match pattern {
        Had::Directory(files, path) => {
            let base = format!("{path}/");
            let texts = files.source.files().map(|file| (file.name(), file.text().as_bytes())).collect();
            let hook = files.hook().map(Arc::from);
            (base.clone(), Imported { hook, ..Imported::directory(base, path) }, texts, None)
        }
        Had::Artifact(fetched) => {
            let reference = &fetched.reference;
            let shown = match &reference.tag {
                Some(tag) => format!("{}:{tag}", reference.repository),
                None => reference.to_string(),
            };
            let base = format!("{shown}/");
            let texts: Vec<(&str, &[u8])> = [Role::Katalog, Role::Crd, Role::Foreign]
                .into_iter()
                .filter_map(|role| Some((role.title(), fetched.contents.get(&role)?.as_ref())))
                .collect();
            let from = From::Registry { reference: reference.clone(), digest: fetched.manifest };
            let hook = fetched.contents.get(&Role::Hooks).map(|bytes| Arc::from(&bytes[..]));
            let imported = Imported { base: base.clone(), path: shown, from, hook, layers: Vec::new() };
            (base, imported, texts, Some(fetched.manifest))
        }
    };
    for (name, bytes) in files {
        let shown = format!("{base}{name}");
        // Two instances of one pattern share its files, and a Komposer may lie in the directory of its import.
        if source.find(&shown).is_none() {
            let file = source.add_as(shown, name, bytes);
            owners.push(Owner { file, layer: imported.path.clone(), digest });
        }
    }
    imported
}

impl Composed {
    /// Each instance with what was had for it.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (&Instance, &Had)> {
        let both = self.composition.instances.iter().zip(&self.composition.imports);
        both.filter_map(|(instance, index)| Some((instance, self.had.get(*index)?.as_ref()?)))
    }

    /// Without the instances that ask for more than they are granted, which are broken instead.
    pub(crate) fn granted(mut self, output: &Output) -> Self {
        let Composition { instances, katalogs, imports, .. } = &mut self.composition;
        for index in (0..instances.len()).rev() {
            match instances.get(index).and_then(grants::denied) {
                Some(error) => {
                    let name = instances.remove(index).name;
                    katalogs.remove(index);
                    imports.remove(index);
                    self.broken.push(Broken { name, error });
                }
                None => instances.get(index).into_iter().for_each(|instance| grants::warn_of_idle(instance, output)),
            }
        }
        self
    }

    /// Itself where nothing is broken; else the first problem, and the others are printed.
    pub(crate) fn whole(self, output: &Output) -> Result<Self, Error> {
        if self.broken.is_empty() {
            return Ok(self);
        }
        Err(Broken::first(self.broken, output))
    }
}
