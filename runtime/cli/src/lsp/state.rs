//! What the server knows: the open texts, the units that they belong to, and what the check said of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lsp_types::{Diagnostic, PublishDiagnosticsParams, Uri};
use orkestra_pattern::query::Facts;
use orkestra_pattern::source::Source;

use super::files::{Kind, Open, Text, Unit};
use super::publish::Places;
use crate::pattern_dir::PatternDir;
use crate::{cases, problems};

#[derive(Default)]
pub(super) struct State {
    pub(super) open: Open,
    units: BTreeMap<Unit, Known>,
    /// Units whose texts may have changed since they were checked.
    changed: BTreeSet<Unit>,
}

/// What is known of a unit.
#[derive(Default)]
struct Known {
    /// The last that the check came to know of names, with the texts of that time: while a text is being typed it is often no
    /// YAML, and names are asked for just then.
    names: Option<(Source, Facts)>,
    diagnostics: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

/// An open file that is asked about.
pub(super) struct Asked<'a> {
    pub(super) text: &'a str,
    pub(super) unit: Unit,
    pub(super) kind: Kind,
    names: Option<&'a (Source, Facts)>,
    pub(super) diagnostics: &'a [Diagnostic],
    open: &'a Open,
}

impl Asked<'_> {
    /// What is known of the names of the pattern.
    pub(super) fn facts(&self) -> Option<&Facts> {
        self.names.map(|(_, facts)| facts)
    }

    /// The places of the files as they were when the names were found.
    pub(super) fn places(&self) -> Option<Places<'_>> {
        self.names.map(|(source, _)| Places::new(&self.unit, self.open, source))
    }
}

impl State {
    /// A file was opened, or has another text.
    pub(super) fn put(&mut self, path: PathBuf, uri: String, text: Text) {
        self.open.put(path.clone(), uri, text);
        self.touch(&path);
    }

    /// A file was closed: the disk's text counts again.
    pub(super) fn close(&mut self, path: &Path) {
        self.touch(path);
        self.open.close(path);
    }

    /// Anything may have changed on the disk.
    pub(super) fn touch_all(&mut self) {
        let units: Vec<Unit> = self.of_open().into_iter().collect();
        self.changed.extend(units);
    }

    fn touch(&mut self, path: &Path) {
        self.changed.extend(Unit::of(path, &self.open));
    }

    fn of_open(&self) -> BTreeSet<Unit> {
        self.open.paths().filter_map(|path| Unit::of(path, &self.open)).collect()
    }

    /// Whether something is to be checked.
    pub(super) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Checks what has changed, and answers what is now to be shown of each file of which something was or is.
    pub(super) fn check(&mut self) -> Vec<PublishDiagnosticsParams> {
        let units = self.of_open();
        // A file may belong to another unit than before, once there is a Katalog beside it.
        let new = units.iter().filter(|unit| !self.units.contains_key(*unit)).cloned().collect::<Vec<_>>();
        self.changed.extend(new);
        let mut shown: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        let gone: Vec<Unit> = self.units.keys().filter(|unit| !units.contains(*unit)).cloned().collect();
        for unit in gone {
            let known = self.units.remove(&unit).unwrap_or_default();
            shown.extend(known.diagnostics.into_keys().map(|path| (path, Vec::new())));
        }
        for unit in std::mem::take(&mut self.changed).into_iter().filter(|unit| units.contains(unit)) {
            let before = self.units.remove(&unit).unwrap_or_default();
            for path in before.diagnostics.into_keys() {
                shown.entry(path).or_default();
            }
            let mut known = check(&unit, &self.open);
            // Where the first text that comes is broken already, the disk may have one that is not.
            known.names = known.names.or(before.names).or_else(|| names(&unit.read(&Open::default())));
            shown.extend(known.diagnostics.clone());
            // Who opened a file is told that nothing is wrong with it, too.
            for path in self.open.paths().filter(|path| Unit::of(path, &self.open).as_ref() == Some(&unit)) {
                shown.entry(path.to_owned()).or_default();
            }
            self.units.insert(unit, known);
        }
        let params = shown.into_iter().map(|(path, diagnostics)| PublishDiagnosticsParams {
            uri: Uri(self.open.uri(&path)),
            version: self.open.get(&path).map(|text| text.version),
            diagnostics,
        });
        params.collect()
    }

    /// An open file of ours.
    pub(super) fn ask<'a>(&'a self, path: &'a Path) -> Option<Asked<'a>> {
        let text = &self.open.get(path)?.text;
        let unit = Unit::of(path, &self.open)?;
        let known = self.units.get(&unit)?;
        let kind = Kind::of(path, &unit);
        let diagnostics = known.diagnostics.get(path).map(Vec::as_slice).unwrap_or_default();
        Some(Asked { text, unit, kind, names: known.names.as_ref(), diagnostics, open: &self.open })
    }
}

fn check(unit: &Unit, open: &Open) -> Known {
    let files: PatternDir = unit.read(open);
    let (mut found, mut names) = (Default::default(), None);
    let mut beside = Vec::new();
    match unit {
        Unit::Pattern(_) => {
            let (_, problems, facts) = problems::of(&files);
            found = problems;
            names = facts.has_names().then(|| (files.source.clone(), facts));
        }
        Unit::Cases(_, dir) => {
            let (broken, problems) = cases::problems(dir, &files.source, "case.yaml");
            beside = broken;
            found = problems;
        }
        Unit::Komposer(_) => {
            if let Some(file) = files.source.find("komposer.yaml") {
                found = orkestra_komposer::parse(&files.source, file).1;
            }
        }
        Unit::Policy(_) => {
            if let Some(file) = files.source.find("policy.yaml") {
                found = orkestra_komposer::policy::parse(&files.source, file).1;
            }
        }
    }
    found.sort();
    let places = Places::new(unit, open, &files.source);
    let mut diagnostics = places.diagnostics(&found);
    if !beside.is_empty() {
        diagnostics.entry(unit.path("case.yaml")).or_default().extend(places.cases(&beside));
    }
    Known { names, diagnostics }
}

/// What the check comes to know of the names of a pattern, whatever is wrong with it.
fn names(files: &PatternDir) -> Option<(Source, Facts)> {
    files.source.find("katalog.yaml")?;
    let (_, _, facts) = orkestra_pattern::check_keeping(&files.source);
    facts.has_names().then(|| (files.source.clone(), facts))
}
