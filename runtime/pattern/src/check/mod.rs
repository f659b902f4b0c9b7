//! From files to a checked pattern: every problem at once, and a pattern if none of them is an error.

mod admission;
mod children;
mod conditions;
pub(crate) mod conversion;
mod cr;
mod crd;
mod crd_embedded;
mod crd_extent;
mod entry;
mod files;
mod flows;
#[cfg(test)]
mod flows_tests;
mod for_each;
mod foreign;
mod generated;
mod hooks;
mod inputs;
mod kind;
mod manifest;
mod options;
mod order;
mod plain;
mod primary;
mod reads;
mod running;
mod sinks;
mod status;
mod strings;
mod value;
mod vars;

pub use sinks::rights_changed;

pub use files::{FOREIGN, REQUIRED_FILES, required_files};

use crate::ast;
use crate::cel::{Scope, Trail};
use crate::codes::{bounds, yaml as codes};
use crate::cost::{self, Summary};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::eras;
use crate::model::{Entry, Pattern};
use crate::query::{EntryFacts, Facts};
use crate::source::{FileId, Source};
use crate::yaml::{self, Bounds, Node};

/// Checks the files of a pattern: `katalog.yaml` and `crd.yaml`, and `foreign.yaml` and `cr.yaml` where they are given.
///
/// # Errors
/// None: problems are the second result, in the order of the source. There is a pattern exactly if none of them is an error.
pub fn check(source: &Source) -> (Option<Pattern>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let whole = pattern(source, None, &mut problems);
    finish(whole.pattern, problems)
}

/// As [`check`], and keeps what the check came to know, for questions about places of the files.
///
/// # Errors
/// None: as [`check`].
pub fn check_keeping(source: &Source) -> (Option<Pattern>, Diagnostics, Facts) {
    let mut problems = Diagnostics::default();
    let trail = Trail::default();
    let Whole { pattern: found, katalog, crds } = pattern(source, Some(&trail), &mut problems);
    let entries = match &found {
        Some((pattern, scopes)) => {
            pattern.entries.iter().zip(scopes).map(|(entry, scope)| EntryFacts::of(entry, scope)).collect()
        }
        None => Vec::new(),
    };
    let facts = Facts { katalog, crds, entries, read: trail.take() };
    let (pattern, problems) = finish(found, problems);
    (pattern, problems, facts)
}

/// The only document of the Katalog `<base>katalog.yaml`, for what is laid over it before it is checked. `base` is empty or ends
/// in `/`.
pub fn katalog(source: &Source, base: &str) -> (Option<Node>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let root = root(source, base, &mut problems);
    (root, problems)
}

/// Checks a Katalog whose nodes may come from several files of `source`, with `<base>crd.yaml` and `<base>foreign.yaml`.
///
/// # Errors
/// None: as [`check`].
pub fn check_merged(source: &Source, base: &str, katalog: &Node) -> (Option<Pattern>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let (_, crds) = crds(source, base, &mut problems);
    let pattern = of_root(source, katalog, crds, None, None, &mut problems);
    finish(pattern, problems)
}

fn finish(pattern: Option<(Pattern, Vec<Scope>)>, mut problems: Diagnostics) -> (Option<Pattern>, Diagnostics) {
    problems.sort();
    let pattern = pattern.filter(|_| !problems.has_errors());
    (pattern.map(|(pattern, _)| pattern), problems)
}

/// An entry's name, and what its expressions cost at most.
pub fn cost_of(entry: &Entry) -> (String, Summary) {
    (entry.name.clone(), cost::of_entry(entry))
}

/// What the expressions of each entry cost at most, also where that is too much. None where there is any other error.
pub fn costs(source: &Source) -> Vec<(String, Summary)> {
    let mut problems = Diagnostics::default();
    let pattern = pattern(source, None, &mut problems).pattern;
    let dear = [&bounds::EXPRESSION_COST, &bounds::CALL_COST];
    let other = |problem: &Diagnostic| problem.severity == Severity::Error && !dear.contains(&problem.code);
    if problems.iter().any(other) {
        return Vec::new();
    }
    pattern.iter().flat_map(|(pattern, _)| &pattern.entries).map(cost_of).collect()
}

/// The names that the expressions of an entry may use, for expressions that do not stand in the Katalog. None where the
/// pattern has errors or no such entry.
pub fn scope(source: &Source, entry: &str) -> Option<Scope> {
    let mut problems = Diagnostics::default();
    let (pattern, scopes) = pattern(source, None, &mut problems).pattern.filter(|_| !problems.has_errors())?;
    let at = pattern.entries.iter().position(|checked| checked.name == entry)?;
    scopes.into_iter().nth(at)
}

/// What the files of a pattern came to.
struct Whole {
    /// The pattern, with the scope of each entry; none where it has no name.
    pattern: Option<(Pattern, Vec<Scope>)>,
    katalog: Option<Node>,
    crds: Vec<Node>,
}

/// The CRDs, the pattern's own and those of others, and whether all of them could be read.
struct Crds {
    read: Vec<crd::Crd>,
    known: bool,
    /// There is a `crd.yaml`.
    own: bool,
}

fn pattern(source: &Source, trail: Option<&Trail>, problems: &mut Diagnostics) -> Whole {
    let (documents, crds) = crds(source, "", problems);
    let cr = source.find("cr.yaml").and_then(|file| document(source, file, problems));
    let katalog = root(source, "", problems);
    let pattern = katalog.as_ref().and_then(|root| of_root(source, root, crds, cr.as_ref(), trail, problems));
    Whole { pattern, katalog, crds: documents }
}

/// The documents of `crd.yaml` and `foreign.yaml`, and the CRDs that they are.
fn crds(source: &Source, base: &str, problems: &mut Diagnostics) -> (Vec<Node>, Crds) {
    let (mut all, mut read) = (Vec::new(), Vec::new());
    let mut one = |name: &str, foreign: bool| {
        let Some(file) = source.find(&format!("{base}{name}")) else { return false };
        let documents = documents(source, file, problems);
        read.extend(crd::read(&documents, file, foreign, problems));
        all.extend(documents);
        true
    };
    let own = one("crd.yaml", false);
    one(FOREIGN, true);
    // A broken definition would make every expression of the Katalog an unknown field.
    let known = !problems.has_errors();
    (all, Crds { read, known, own })
}

fn root(source: &Source, base: &str, problems: &mut Diagnostics) -> Option<Node> {
    let Some(file) = source.find(&format!("{base}katalog.yaml")) else {
        problems.push(codes::missing_file("katalog.yaml"));
        return None;
    };
    Some(eras::katalog(source, document(source, file, problems)?, problems))
}

fn of_root(
    source: &Source,
    root: &Node,
    Crds { read: crds, known, own }: Crds,
    cr: Option<&Node>,
    trail: Option<&Trail>,
    problems: &mut Diagnostics,
) -> Option<(Pattern, Vec<Scope>)> {
    let katalog = ast::parse(root, problems);
    let inputs = inputs::check(&katalog.inputs, source, problems);
    let capabilities = hooks::capabilities(&katalog, source, problems);
    let (mut entries, mut scopes) = (Vec::new(), Vec::new());
    let missing = !own && katalog.entries.iter().any(|entry| primary::needs_crd(entry, &crds));
    if missing {
        problems.push(codes::missing_file("crd.yaml"));
    } else if known {
        for entry in &katalog.entries {
            let (checked, scope) = entry::check(entry, &crds, &inputs, source, trail, problems).unzip();
            entries.extend(checked);
            scopes.extend(scope);
        }
        entry::one_per_kind(&katalog.entries, &entries, problems);
        running::order(&katalog.entries, problems);
        if let Some(cr) = cr {
            cr::check(cr, &crds, &entries, problems);
        }
        foreign::definitions(&crds, &entries, problems);
    }
    let definitions =
        |foreign: bool| crds.iter().filter(|crd| crd.foreign == foreign).map(|crd| crd.json.clone()).collect();
    let pattern = Pattern {
        name: katalog.name?,
        version: katalog.version?,
        about: katalog.about,
        inputs: inputs.into_iter().map(|input| input.model).collect(),
        capabilities,
        crds: definitions(false),
        foreign: definitions(true),
        entries,
    };
    Some((pattern, scopes))
}

/// The id of a child that stands in the list `list` of a Katalog: as given, or its kind in lower camel case. None where there is
/// no such list.
pub fn child_id(list: &str, item: &Node) -> Option<String> {
    if let Some(id) = item.get("id").and_then(Node::text) {
        return Some(id.to_owned());
    }
    let form = ast::Form::ALL.into_iter().find(|form| form.list() == list)?;
    let kind = match form.kind() {
        Some((_, kind)) => kind,
        None => item.get("manifest")?.get("kind")?.text()?,
    };
    Some(children::lower_camel(kind))
}

/// All documents of a file that are not empty.
fn documents(source: &Source, file: FileId, problems: &mut Diagnostics) -> Vec<Node> {
    let (documents, found) = yaml::parse(source, file, Bounds::default());
    problems.extend(found);
    documents.into_iter().filter(|document| document.value != yaml::Value::Null).collect()
}

/// The only document of a file.
fn document(source: &Source, file: FileId, problems: &mut Diagnostics) -> Option<Node> {
    let (documents, mut found) = yaml::parse(source, file, Bounds::default());
    let document = yaml::single(documents, &mut found, file);
    problems.extend(found);
    document
}
