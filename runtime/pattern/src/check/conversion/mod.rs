//! `conversion`: the ways between versions, resolved against both schemas.
//!
//! A way is one value, made in one pass over the target's schema: a field is copied from where it stands in the source, unless a
//! rule says otherwise. Every rule reads the source as it came, so the order of rules is of no matter, and a way back is derived
//! rule by rule.

mod derive;
mod effects;
mod scalars;
mod tree;

use std::sync::Arc;

use super::crd::{Crd, Version};
use super::entry::Context;
use crate::ast::conversion::{Conversion, Form, Path, Place, Rule, written};
use crate::codes::conversion as codes;
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::model;
use crate::schema::{Field, Object, Rest, Schema, Shape};
use crate::source::{Source, Span};

use effects::Effects;

/// The annotation that holds what a version cannot; the engine writes it.
pub(crate) const ANNOTATION: &str = "orkestra.orkspace.io/conversion-data";

/// The versions of an entry and the ways between them; none where the CRD needs none.
pub(super) fn check(
    entry: &crate::ast::Entry,
    crd: &Crd,
    context: &Context<'_>,
    problems: &mut Diagnostics,
) -> (Vec<model::Version>, Vec<model::Conversion>) {
    let nothing = (Vec::new(), Vec::new());
    let Some(stored) = crd.versions.iter().find(|version| version.storage) else { return nothing };
    let others: Vec<&Version> =
        crd.versions.iter().filter(|version| version.served && version.name != stored.name).collect();
    let Some(conversion) = &entry.conversion else {
        let seen = |version: &Version| visible(&version.schema);
        for other in others.iter().filter(|other| !tree::same_shape(&seen(other), &seen(stored))) {
            problems.push(codes::no_way(other.span, &other.name, &stored.name, false));
        }
        return nothing;
    };
    if let Some(storage) = conversion.storage.as_ref().filter(|storage| storage.value != stored.name) {
        problems.push(codes::storage(storage.span, &storage.value, &stored.name));
        return nothing;
    }
    let known = |name: &str| crd.versions.iter().find(|version| version.name == name);
    let paths = paths(conversion, stored, known, problems);
    let mut ways = Ways { source: context.source, stored, paths: &paths, span: conversion.span };
    let mut versions = vec![model::Version { name: stored.name.clone(), schema: visible(&stored.schema) }];
    let mut conversions = Vec::new();
    // A version that is no longer served may be stored still: it is converted where a path is there.
    let named =
        |version: &&Version| paths.iter().any(|path| [&path.from.value, &path.to.value].contains(&&version.name));
    let converted = crd.versions.iter().filter(|version| version.name != stored.name);
    for other in converted.filter(|version| version.served || named(version)) {
        versions.push(model::Version { name: other.name.clone(), schema: visible(&other.schema) });
        for (from, to) in [(other, stored), (stored, other)] {
            conversions.extend(ways.way(from, to, problems));
        }
    }
    (versions, conversions)
}

/// The paths that lead between versions that there are, each direction once.
fn paths<'a, 'v>(
    conversion: &'a Conversion,
    stored: &Version,
    known: impl Fn(&str) -> Option<&'v Version>,
    problems: &mut Diagnostics,
) -> Vec<&'a Path> {
    let mut paths: Vec<&Path> = Vec::new();
    for path in &conversion.paths {
        let (from, to) = (&path.from, &path.to);
        if let Some(missing) = [from, to].into_iter().find(|version| known(&version.value).is_none()) {
            problems.push(
                codes::wrong_path(missing.span, format!("`crd.yaml` has no version `{}`", missing.value))
                    .hint("name one of its versions"),
            );
        } else if from.value == to.value {
            problems.push(codes::wrong_path(to.span, "the path leads to where it begins").hint("name another version"));
        } else if from.value != stored.name && to.value != stored.name {
            let message = format!("neither end of the path is the storage version `{}`", stored.name);
            problems
                .push(codes::wrong_path(path.span, message).hint("remove it: objects go through the storage version"));
        } else if let Some(first) =
            paths.iter().find(|other| other.from.value == from.value && other.to.value == to.value)
        {
            let message = format!("there is another path from `{}` to `{}`", from.value, to.value);
            problems.push(
                codes::wrong_path(path.span, message).note(first.span, "the other path").hint("remove one of them"),
            );
        } else {
            paths.push(path);
        }
    }
    paths
}

struct Ways<'a> {
    source: &'a Source,
    stored: &'a Version,
    paths: &'a [&'a Path],
    /// The place of `conversion`.
    span: Span,
}

impl Ways<'_> {
    fn path(&self, from: &Version, to: &Version) -> Option<&Path> {
        self.paths.iter().find(|path| path.from.value == from.name && path.to.value == to.name).copied()
    }

    /// One way: written, or derived from the way back.
    fn way(&mut self, from: &Version, to: &Version, problems: &mut Diagnostics) -> Option<model::Conversion> {
        let (given, derived) = (self.path(from, to), self.path(to, from));
        let Some(path) = given.or(derived) else {
            // Both directions are missing: one problem is enough.
            if to.name == self.stored.name {
                problems.push(codes::no_way(self.span, &from.name, &to.name, true));
            }
            return None;
        };
        let (source, target) = (visible(&from.schema), visible(&to.schema));
        let turned;
        let (form, rules) = match (given, &path.form) {
            (Some(_), Form::Rules(rules)) => (&path.form, rules.as_slice()),
            (Some(_), Form::Spec(_)) => (&path.form, &[][..]),
            (None, Form::Rules(rules)) => {
                turned = derive::inverse(rules, &from.name, &to.name, problems)?;
                (&path.form, turned.as_slice())
            }
            (None, Form::Spec(node)) => {
                problems.push(codes::no_back(node.span, "`spec`", &from.name, &to.name));
                return None;
            }
        };
        let sides = effects::Sides { from: &from.name, to: &to.name, source: self.source };
        let mut effects = Effects::of(rules, &sides, &source, &target, problems);
        let mut shown: Vec<String> = rules.iter().map(derive::shown).collect();
        if let (Form::Spec(node), Some(_)) = (form, given) {
            effects.spec(node, &sides, &source, &target, problems);
            shown = vec!["spec: as written".to_owned()];
        }
        // Ours is not the pattern's to copy.
        effects.take(["metadata", "annotations", ANNOTATION].map(str::to_owned).to_vec());
        let object = tree::object(true, &effects, &sides, &source, &target, path.span, problems);
        if let Some(path) = given {
            self.known_losses(path, &source, &target, problems);
        }
        // A loss shows on the round trip, whichever of its two ways it is declared at.
        let declared = [self.path(from, to), self.path(to, from)].into_iter().flatten().flat_map(|path| &path.lossy);
        let of_source = declared.filter(|place| through(&source, &place.keys)).map(|place| place.keys.clone());
        let mut lossy: Vec<Vec<String>> = of_source.collect();
        lossy.sort();
        lossy.dedup();
        Some(model::Conversion {
            from: from.name.clone(),
            to: to.name.clone(),
            at: self.source.at(path.span),
            span: path.span,
            derived: given.is_none(),
            lossy,
            rules: shown,
            object,
        })
    }

    fn known_losses(&self, path: &Path, source: &Schema, target: &Schema, problems: &mut Diagnostics) {
        for place in &path.lossy {
            if !through(source, &place.keys) && !through(target, &place.keys) {
                problems.push(codes::no_place(place.span, &place.text, &path.from.value, None));
            }
        }
    }
}

/// Whether a path leads to something; the items of lists have no step of their own.
fn through(schema: &Schema, keys: &[String]) -> bool {
    let Some((first, rest)) = keys.split_first() else { return true };
    match &schema.shape {
        Shape::List(list) => through(&list.items, keys),
        Shape::Any => true,
        _ => schema.field(first).is_some_and(|field| through(field.schema, rest)),
    }
}

/// What a conversion sees of objects: all but `apiVersion` and `kind`; of `metadata` labels and annotations alone.
pub(super) fn visible(schema: &Schema) -> Arc<Schema> {
    let mut seen = schema.clone();
    if let Shape::Object(object) = &mut seen.shape {
        object.fields.remove("apiVersion");
        object.fields.remove("kind");
        let whole = kinds::object_meta();
        let kept = |name: &str| {
            let field = whole.field(name)?;
            Some((name.to_owned(), Field { schema: field.schema.clone(), required: false }))
        };
        let fields = ["labels", "annotations"].into_iter().filter_map(kept).collect();
        let metadata = Object { fields, rest: Rest::Nothing, embedded: false };
        let metadata = Arc::new(Schema { shape: Shape::Object(metadata), ..Schema::default() });
        object.fields.insert("metadata".to_owned(), Field { schema: metadata, required: true });
    }
    Arc::new(seen)
}

/// The schema at a place, or the problem that there is none.
fn at<'s>(
    schema: &'s Arc<Schema>,
    place: &Place,
    version: &str,
    problems: &mut Diagnostics,
) -> Option<&'s Arc<Schema>> {
    let mut schema = schema;
    for (depth, key) in place.keys.iter().enumerate() {
        if matches!(schema.shape, Shape::List(_)) {
            let list = written(place.keys.get(..depth).unwrap_or_default());
            problems.push(codes::through_list(place.span, &place.text, &list));
            return None;
        }
        match schema.field(key) {
            Some(field) => schema = field.schema,
            None if matches!(schema.shape, Shape::Any) => return Some(schema),
            None => {
                let near = schema.nearest_field(key).map(|near| {
                    let mut keys = place.keys.clone();
                    if let Some(key) = keys.get_mut(depth) {
                        near.clone_into(key);
                    }
                    written(&keys)
                });
                problems.push(codes::no_place(place.span, &place.text, version, near.as_deref()));
                return None;
            }
        }
    }
    Some(schema)
}

/// A rule, for those that have it as a value.
type Rules<'a> = &'a [Rule];
