//! The definition of a kind that nobody wrote down, from what the expressions of a Katalog use of it.
//!
//! Which fields there are is read from the expressions; which types they have, from what they are compared with, from the defaults
//! that are given for them, and from the places that their values go to. A field that a Katalog cannot do without is required. What
//! comes of it is a guess that its reader has to confirm, and says so.

mod gather;
mod shape;
#[cfg(test)]
mod tests;

use serde_json::{Value as Json, json};

use crate::ast::{self, Api};
use crate::cel::{self, Piece};
use crate::codes::{crd as codes, expressions};
use crate::diagnostic::Diagnostics;
use crate::model::{Node as Made, Part, Pattern, StatusField, Target, Text};
use crate::source::Source;
use crate::yaml::Node;
use gather::{Names, Step};
use shape::{Scalar, Shape};

/// The annotation of a CRD that was inferred.
pub const INFERRED: &str = "orkestra.orkspace.io/inferred";

/// One kind while it is inferred.
struct Kind {
    group: String,
    version: String,
    kind: String,
    plural: String,
    /// The object's root, of which `spec` and `status` are used.
    root: Shape,
}

/// How often a required field may turn out to need another one.
const ROUNDS: usize = 64;

/// Infers a CRD for each entry of `katalog.yaml`, in the Katalog's order.
///
/// # Errors
/// What is wrong with the Katalog whatever its kinds look like, or what no definition could mend.
pub fn crds(source: &Source) -> Result<Vec<Json>, Diagnostics> {
    let (root, mut problems) = crate::katalog(source, "");
    let Some(root) = root else { return Err(problems) };
    let katalog = ast::parse(&root, &mut problems);
    let mut kinds = Vec::new();
    for entry in &katalog.entries {
        let Api::Given { group, version, kind, plural } = &entry.api else {
            if matches!(entry.api, Api::Absent) {
                problems.push(codes::ambiguous(entry.name.span, 0));
            }
            continue;
        };
        let mut shape = Shape::default();
        if let Some(node) = written(&root, &entry.name.value) {
            gather::entry(node, &mut shape);
        }
        for field in &entry.status {
            shape.uses(&below_status(field.path.value.split('.')));
        }
        kinds.push(Kind {
            group: group.value.clone(),
            version: version.value.clone(),
            kind: kind.value.clone(),
            plural: plural.value.clone(),
            root: shape,
        });
    }
    if problems.has_errors() {
        return Err(problems);
    }
    types(source, &mut kinds)?;
    required(source, &mut kinds)?;
    let marked = kinds.iter().map(|kind| {
        let mut crd = kind.crd(false);
        if let Some(metadata) = crd.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.insert("annotations".to_owned(), json!({INFERRED: "true"}));
        }
        crd
    });
    Ok(marked.collect())
}

/// The entry of that name, in either form of `crds`.
fn written<'a>(root: &'a Node, name: &str) -> Option<&'a Node> {
    let crds = root.get("spec")?.get("crds")?;
    let items = crds.items().unwrap_or_default();
    crds.get(name).or_else(|| items.iter().find(|item| item.get("name").and_then(Node::text) == Some(name)))
}

/// The Katalog checked against what is inferred so far; `whole`: as if all fields were there.
fn checked(source: &Source, kinds: &[Kind], whole: bool) -> (Option<Pattern>, Diagnostics) {
    let documents: Vec<String> = kinds.iter().map(|kind| kind.crd(whole).to_string()).collect();
    let katalog = source.find("katalog.yaml").and_then(|file| source.file(file)).map_or("", |file| file.text());
    let source =
        Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", documents.join("\n---\n").as_bytes());
    crate::check(&source)
}

/// Takes types from the places that values go to, where nothing that is written said them.
fn types(source: &Source, kinds: &mut [Kind]) -> Result<(), Diagnostics> {
    let (pattern, problems) = checked(source, kinds, true);
    let Some(pattern) = pattern else { return Err(problems) };
    for (entry, kind) in pattern.entries.iter().zip(kinds) {
        for child in &entry.children {
            let mut names = Names::default();
            if let Some(each) = &child.for_each {
                names.element(each.range.ast.expr(), each.name.as_deref());
            }
            holes(&child.manifest, &mut |text, target| {
                for (step, scalar) in values(text, Some(target), &names) {
                    kind.root.is(&step, scalar);
                }
            });
        }
        for var in &entry.vars {
            for (step, scalar) in values(&var.value, None, &Names::default()) {
                kind.root.is(&step, scalar);
            }
        }
        for field in &entry.status {
            status(field, &mut kind.root);
        }
    }
    Ok(())
}

/// The type of a status field is that of its value.
fn status(field: &StatusField, root: &mut Shape) {
    let scalar = match &field.value {
        Made::Plain(value) => Scalar::of_json(value),
        Made::Hole(text, _) => match text.parts.as_slice() {
            [Part::Expression(checked)] => Scalar::of_type(&checked.ty),
            _ => Some(Scalar::Text),
        },
        Made::Map(_) | Made::List(_) => None,
    };
    let path = below_status(field.path.iter().map(String::as_str));
    match scalar {
        Some(scalar) => root.is(&path, scalar),
        None => root.uses(&path),
    }
}

fn below_status<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<Step> {
    ["status"].into_iter().chain(keys).map(|key| Step::Field(key.to_owned())).collect()
}

fn holes(node: &Made, found: &mut impl FnMut(&Text, Target)) {
    match node {
        Made::Plain(_) => {}
        Made::Hole(text, target) => found(text, *target),
        Made::Map(members) => members.iter().for_each(|(_, node)| holes(node, found)),
        Made::List(items) => items.iter().for_each(|node| holes(node, found)),
    }
}

/// The paths that a string's value is made of, each with the type that it has to have there.
fn values(text: &Text, target: Option<Target>, names: &Names) -> Vec<(Vec<Step>, Scalar)> {
    let alone = matches!(text.parts.as_slice(), [Part::Expression(_)]);
    let scalar = if alone { target.and_then(Scalar::of_target) } else { Some(Scalar::Text) };
    let Some(scalar) = scalar else { return Vec::new() };
    let checked = text.parts.iter().filter_map(|part| match part {
        Part::Expression(checked) => Some(checked),
        Part::Literal(_) => None,
    });
    checked.flat_map(|checked| names.results(checked.ast.expr())).map(|path| (path, scalar)).collect()
}

/// Requires the fields that may not be absent where they stand.
fn required(source: &Source, kinds: &mut [Kind]) -> Result<(), Diagnostics> {
    let katalog = source.find("katalog.yaml").and_then(|file| source.file(file)).map_or("", |file| file.text());
    for _ in 0..ROUNDS {
        let (pattern, problems) = checked(source, kinds, false);
        if pattern.is_some() {
            return Ok(());
        }
        let mut changed = false;
        for problem in problems.iter().filter(|problem| problem.code == &expressions::MAY_BE_ABSENT) {
            let Some(span) = problem.span else { continue };
            let written = katalog.get(span.start as usize..span.end as usize).unwrap_or_default();
            for path in paths(written) {
                // Which entry it stands in does not matter: a field that is not used there is not in its shape.
                kinds.iter_mut().for_each(|kind| changed |= kind.root.needs(&path));
            }
        }
        if !changed {
            return Err(problems);
        }
    }
    Err(checked(source, kinds, false).1)
}

/// The paths of the resource's spec in an expression, or in a string with expressions.
fn paths(written: &str) -> Vec<Vec<Step>> {
    let expressions: Vec<String> = match cel::split(written) {
        Ok(pieces) if written.contains("{{") => pieces
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Expression { source, .. } => Some(source),
                Piece::Literal { .. } => None,
            })
            .collect(),
        _ => vec![written.to_owned()],
    };
    let names = Names::default();
    let parsed = expressions.iter().filter_map(|source| cel::parse_free(&source.replace("\\\"", "\""), "").ok());
    let found = parsed.flat_map(|checked| names.all(checked.ast.expr()));
    found.filter(|path| path.first() == Some(&Step::Field("spec".to_owned()))).collect()
}

impl Kind {
    /// The CRD; `whole`: as if all fields were there.
    fn crd(&self, whole: bool) -> Json {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.{}", self.plural, self.group)},
            "spec": {
                "group": self.group,
                "scope": "Namespaced",
                "names": {"kind": self.kind, "plural": self.plural, "singular": self.kind.to_lowercase()},
                "versions": [{
                    "name": self.version,
                    "served": true,
                    "storage": true,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": self.root.object(whole)},
                }],
            },
        })
    }
}
