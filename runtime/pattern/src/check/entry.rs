//! One entry: its primary's kind, and then everything that refers to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::crd::{Crd, Version};
use super::inputs::Input;
use super::primary::{self, Primary};
use super::reads::{self, References};
use super::{admission, children, conversion, flows, foreign, hooks, running, status, vars};
use crate::ast;
use crate::cel::{Scope, Trail};
use crate::codes::{bounds, crd as codes, flows as flow_codes, references};
use crate::cost;
use crate::diagnostic::Diagnostics;
use crate::model;
use crate::schema::Schema;
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
    let Primary { api, schema, defined } = primary::resolve(entry, crds, problems)?;
    match defined {
        Some((_, version)) => facts(version, problems),
        None => foreign::check(entry, &api, problems),
    }
    let values = entry.hook.as_ref().map(|hook| hooks::before_render(hook, problems)).unwrap_or_default();
    let scope_of = |primary: &Schema| {
        let scope = Scope::new(primary, api.namespaced).keeping(trail);
        let mut scope = if defined.is_some() { scope } else { scope.of_others() };
        for input in inputs {
            scope.add_input(&input.model.name, &input.schema);
        }
        for value in &values {
            scope.add_hook(&value.name, &value.schema);
        }
        scope
    };
    let context = Context { source, crds, api: &api, primary: &schema };
    let mutations = admission::mutations(entry, &scope_of(&schema), &context, problems);
    let mut scope = scope_of(&admission::given(&schema, &mutations));
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
    let (versions, conversions) = match defined {
        Some((crd, _)) => conversion::check(entry, crd, &context, problems),
        None => (Vec::new(), Vec::new()),
    };
    let hook = entry.hook.as_ref();
    let hook = hook.map(|hook| hooks::points(hook, values, &children, &conversions, &context, problems));
    let flows = flows::of(&traced, &traced_reads, source);
    flows.iter().for_each(|flow| problems.push(flow_codes::flow(flow)));
    let checked = model::Entry {
        name: entry.name.value.clone(),
        foreign: defined.is_none(),
        selector: entry.selector.as_ref().map(|selector| selector.value.clone()),
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
