//! The kind of an entry's primaries: one of `crd.yaml`, or one of others, which is decorated.

use std::sync::Arc;

use super::crd::{Crd, Version};
use super::kind;
use crate::ast::{self, Api, Spanned};
use crate::codes::crd as codes;
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::model;
use crate::schema::{Schema, nearest};

/// A primary's kind.
pub(super) struct Primary<'a> {
    pub(super) api: model::Api,
    pub(super) schema: Arc<Schema>,
    /// Its definition, where it is the pattern's own.
    pub(super) defined: Option<(&'a Crd, &'a Version)>,
}

/// The primary's kind of an entry. None: it is said why it is not known.
pub(super) fn resolve<'a>(entry: &ast::Entry, crds: &'a [Crd], problems: &mut Diagnostics) -> Option<Primary<'a>> {
    let (crd, version) = match &entry.api {
        Api::Broken => return None,
        Api::Absent => {
            let own: Vec<&Crd> = crds.iter().filter(|crd| !crd.foreign).collect();
            let &[crd] = own.as_slice() else {
                problems.push(codes::ambiguous(entry.name.span, own.len()));
                return None;
            };
            let version = newest(crd);
            if version.is_none() {
                problems.push(codes::api(entry.name.span, format!("no version of `{}` is served", crd.kind), None));
            }
            (crd, version?)
        }
        Api::Given { group, version, kind, plural } => {
            let same = crds.iter().find(|crd| crd.group == group.value && crd.kind == kind.value);
            let Some(crd) = same else {
                return built_in([group, version, kind, plural], crds, problems);
            };
            let file = if crd.foreign { "foreign.yaml" } else { "crd.yaml" };
            if crd.plural != plural.value {
                let what = format!("the plural of `{}` is `{}` in `{file}`", crd.kind, crd.plural);
                problems.push(codes::api(plural.span, what, Some(&crd.plural)));
            }
            let Some(found) = crd.version(&version.value).filter(|version| version.served) else {
                let served = crd.versions.iter().filter(|version| version.served).map(|version| version.name.as_str());
                let what = format!("`{file}` serves no version `{}` of `{}`", version.value, crd.kind);
                problems.push(codes::api(version.span, what, nearest(&version.value, served)));
                return None;
            };
            (crd, found)
        }
    };
    let api = model::Api {
        group: crd.group.clone(),
        version: version.name.clone(),
        kind: crd.kind.clone(),
        plural: crd.plural.clone(),
        namespaced: crd.namespaced,
    };
    let schema = if crd.foreign { kind::whole(&version.schema) } else { version.schema.clone() };
    Some(Primary { api, schema, defined: (!crd.foreign).then_some((crd, version)) })
}

/// Whether the kind that an entry names is defined by `crd.yaml` or nowhere, so that there must be such a file.
pub(super) fn needs_crd(entry: &ast::Entry, crds: &[Crd]) -> bool {
    match &entry.api {
        Api::Absent => true,
        Api::Broken => false,
        Api::Given { group, version, kind, .. } => {
            let foreign = crds.iter().any(|crd| crd.foreign && crd.group == group.value && crd.kind == kind.value);
            !foreign && !kinds::is_built_in_version(&model::api_version(&group.value, &version.value))
        }
    }
}

/// One of Kubernetes' own kinds.
fn built_in<'a>(
    [group, version, kind, plural]: [&Spanned<String>; 4],
    crds: &[Crd],
    problems: &mut Diagnostics,
) -> Option<Primary<'a>> {
    let named = model::api_version(&group.value, &version.value);
    let Some(known) = kinds::lookup(&named, &kind.value) else {
        if kinds::is_built_in_version(&named) {
            let what = format!("Kubernetes has no kind `{}` in `{named}`", kind.value);
            problems.push(codes::api(kind.span, what, kinds::nearest_kind(&named, &kind.value)));
            return None;
        }
        let (place, near) = match crds.iter().find(|crd| crd.kind == kind.value) {
            Some(crd) => (group, nearest(&group.value, [crd.group.as_str()])),
            None => (kind, nearest(&kind.value, crds.iter().map(|crd| crd.kind.as_str()))),
        };
        let what = format!("`crd.yaml` defines no kind `{}` in the group `{}`", kind.value, group.value);
        problems.push(codes::api(place.span, what, near));
        return None;
    };
    if known.plural != plural.value {
        let what = format!("the plural of `{}` is `{}`", known.kind, known.plural);
        problems.push(codes::api(plural.span, what, Some(known.plural)));
    }
    let api = model::Api {
        group: group.value.clone(),
        version: version.value.clone(),
        kind: kind.value.clone(),
        plural: known.plural.to_owned(),
        namespaced: known.namespaced,
    };
    Some(Primary { api, schema: known.schema, defined: None })
}

/// The version that `kubectl` would take: served, most stable, then newest.
fn newest(crd: &Crd) -> Option<&Version> {
    crd.versions.iter().filter(|version| version.served).max_by_key(|version| priority(&version.name))
}

/// Kubernetes' order of version names: `v2` before `v1` before `v1beta2` before `v1alpha1`.
fn priority(name: &str) -> (u8, u64, u64) {
    let Some(rest) = name.strip_prefix('v') else { return (0, 0, 0) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (major, stage) = rest.split_at(digits);
    let Ok(major) = major.parse::<u64>() else { return (0, 0, 0) };
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (stage, stage.strip_prefix("beta"), stage.strip_prefix("alpha")) {
        ("", _, _) => (3, major, 0),
        (_, Some(minor), _) => (2, major, number(minor)),
        (_, _, Some(minor)) => (1, major, number(minor)),
        _ => (0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::priority;

    #[test]
    fn stable_versions_come_before_newer_ones_that_are_not() {
        let mut names = ["v1alpha1", "v2beta1", "foo", "v1", "v10", "v2", "v1beta2"];
        names.sort_by_key(|name| std::cmp::Reverse(priority(name)));
        assert_eq!(names, ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]);
    }
}
