//! One entry: its primary's kind, and then everything that refers to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::crd::{Crd, Version};
use super::inputs::Input;
use super::reads::{self, References};
use super::{admission, children, conversion, flows, hooks, running, status, vars};
use crate::ast::{self, Api};
use crate::cel::{Scope, Trail};
use crate::codes::{bounds, crd as codes, flows as flow_codes, references};
use crate::cost;
use crate::diagnostic::Diagnostics;
use crate::model;
use crate::schema::{Schema, nearest};
use crate::source::{Source, Span};

/// What the parts of an entry are checked against.
pub(super) struct Context<'a> {
    pub(super) source: &'a Source,
    pub(super) crds: &'a [Crd],
    pub(super) api: &'a model::Api,
    pub(super) primary: &'a Arc<Schema>,
}

/// Checks one entry, and gives the scope that its expressions were checked in; `trail` keeps where they stand. None where its primary's kind is not known,
/// without which nothing else can be said of it.
pub(super) fn check(
    entry: &ast::Entry,
    crds: &[Crd],
    inputs: &[Input],
    source: &Source,
    trail: Option<&Trail>,
    problems: &mut Diagnostics,
) -> Option<(model::Entry, Scope)> {
    let (api, crd, version) = resolve(entry, crds, problems)?;
    facts(version, problems);
    let values = entry.hook.as_ref().map(|hook| hooks::before_render(hook, problems)).unwrap_or_default();
    let scope_of = |primary: &Schema| {
        let mut scope = Scope::new(primary, api.namespaced).keeping(trail);
        for input in inputs {
            scope.add_input(&input.model.name, &input.schema);
        }
        for value in &values {
            scope.add_hook(&value.name, &value.schema);
        }
        scope
    };
    let context = Context { source, crds, api: &api, primary: &version.schema };
    let mutations = admission::mutations(entry, &scope_of(&version.schema), &context, problems);
    let mut scope = scope_of(&admission::given(&version.schema, &mutations));
    let children = children::prepare(entry, &context, &mut scope, problems);
    let kinds = reads::declare(&entry.reads, &context, &mut scope, problems);
    let vars = vars::check(&entry.vars, &mut scope, source, problems);
    let (reads, traced_reads) = reads::check(&entry.reads, kinds, &vars, &scope, &context, problems);
    let references = References { vars: &vars, reads: &reads };
    let last = children::on_delete(&children);
    let (children, traced) = children::check(entry, children, &references, &scope, &context, problems);
    let status = status::check(entry, &references, &last, &scope, &context, problems);
    let conditions = status::conditions(entry, &references, &last, &scope, &context, problems);
    let rules = admission::rules(entry, &references, &scope, &context, problems);
    let requeues = admission::requeues(entry, &references, &last, &scope, &context, problems);
    let (versions, conversions) = conversion::check(entry, crd, &context, problems);
    let hook = entry.hook.as_ref();
    let hook = hook.map(|hook| hooks::points(hook, values, &children, &conversions, &context, problems));
    let flows = flows::of(&traced, &traced_reads, source);
    flows.iter().for_each(|flow| problems.push(flow_codes::flow(flow)));
    let checked = model::Entry {
        name: entry.name.value.clone(),
        schema: scope.object().clone(),
        workers: entry.workers,
        resync: entry.resync,
        running: running::checked(&entry.running),
        hook,
        vars: vars.into_iter().map(|var| var.model).collect(),
        reads,
        children,
        status,
        conditions,
        versions,
        conversions,
        flows,
        mutations,
        rules,
        requeues,
        api,
    };
    dear(&checked, entry, problems);
    Some((checked, scope.keeping(None)))
}

/// Reports a reconcile or a conversion that may cost too much.
fn dear(checked: &model::Entry, entry: &ast::Entry, problems: &mut Diagnostics) {
    let summary = cost::of_entry(checked);
    let calls =
        [("a reconcile", false, Some(summary.reconcile)), ("the conversion of an object", true, summary.conversion)];
    for (what, converts, most) in calls {
        let Some(most) = most.filter(|most| *most > cost::CALL_LIMIT) else { continue };
        let items: Vec<&cost::Item> = summary.items.iter().filter(|item| item.conversion == converts).collect();
        if told(&items, problems) {
            continue;
        }
        let shown = items
            .iter()
            .take(3)
            .map(|item| format!("{} at {}: up to {}", item.what, item.at, bounds::units(item.most)));
        let missing = cost::dearest(items.iter().flat_map(|item| item.missing.clone()).collect());
        problems.push(bounds::call_cost(entry.name.span, what, most, &shown.collect::<Vec<_>>(), &missing));
    }
}

/// Whether what is too much was told of single expressions, which are all that makes it too much.
fn told(items: &[&cost::Item], problems: &Diagnostics) -> bool {
    let within = items.iter().filter(|item| item.cost.max <= cost::EXPRESSION_LIMIT);
    let rest = within.fold(0_u64, |sum, item| sum.saturating_add(item.most));
    rest <= cost::CALL_LIMIT && problems.iter().any(|problem| problem.code == &bounds::EXPRESSION_COST)
}

fn resolve<'a>(
    entry: &ast::Entry,
    crds: &'a [Crd],
    problems: &mut Diagnostics,
) -> Option<(model::Api, &'a Crd, &'a Version)> {
    let (crd, version) = match &entry.api {
        Api::Broken => return None,
        Api::Absent => {
            let [crd] = crds else {
                problems.push(codes::ambiguous(entry.name.span, crds.len()));
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
                let (place, near) = match crds.iter().find(|crd| crd.kind == kind.value) {
                    Some(crd) => (group, nearest(&group.value, [crd.group.as_str()])),
                    None => (kind, nearest(&kind.value, crds.iter().map(|crd| crd.kind.as_str()))),
                };
                let what = format!("`crd.yaml` defines no kind `{}` in the group `{}`", kind.value, group.value);
                problems.push(codes::api(place.span, what, near));
                return None;
            };
            if crd.plural != plural.value {
                let what = format!("the plural of `{}` is `{}` in `crd.yaml`", crd.kind, crd.plural);
                problems.push(codes::api(plural.span, what, Some(&crd.plural)));
            }
            let Some(found) = crd.version(&version.value).filter(|version| version.served) else {
                let served = crd.versions.iter().filter(|version| version.served).map(|version| version.name.as_str());
                let what = format!("`crd.yaml` serves no version `{}` of `{}`", version.value, crd.kind);
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
    Some((api, crd, version))
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

/// What the runtime would like of the CRD, and can do without.
fn facts(version: &Version, problems: &mut Diagnostics) {
    if !version.status {
        problems.push(codes::no_status(version.span, &version.name));
    }
    let status = version.schema.field("status");
    let missing: Vec<&str> = [("conditions", "status.conditions"), ("observedGeneration", "status.observedGeneration")]
        .into_iter()
        .filter(|(field, _)| {
            status.is_none_or(|status| !status.schema.may_be_null() && status.schema.field(field).is_none())
        })
        .map(|(_, path)| path)
        .collect();
    if !missing.is_empty() {
        problems.push(codes::no_conditions(version.span, &version.name, &missing));
    }
}

/// Two entries for one kind would reconcile each other's resources.
pub(super) fn one_per_kind(written: &[ast::Entry], entries: &[model::Entry], problems: &mut Diagnostics) {
    let mut seen: HashMap<(&str, &str), Span> = HashMap::new();
    for entry in entries {
        let Some(span) = written.iter().find(|written| written.name.value == entry.name).map(|entry| entry.name.span)
        else {
            continue;
        };
        match seen.get(&(entry.api.group.as_str(), entry.api.kind.as_str())) {
            Some(first) if *first != span => {
                problems.push(references::duplicate_name(span, "entry's kind", &entry.api.kind, *first));
            }
            _ => {
                seen.insert((&entry.api.group, &entry.api.kind), span);
            }
        }
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
