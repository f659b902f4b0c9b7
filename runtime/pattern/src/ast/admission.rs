//! `mutation`, `validation` and `requeue`.

use super::fields::{Fields, list, string};
use super::scalars::{duration, label};
use super::tables::admission::{ACTIONS, MUTATION, REQUEUE, RULE};
use super::{Mutation, Requeue, Rule, Spanned, katalog::unique};
use crate::codes::{admission as codes, bounds, keys};
use crate::diagnostic::Diagnostics;
use crate::yaml::Node;

/// The most items of each list.
const MOST: usize = 100;

/// Reads `mutation`.
pub(super) fn mutations(node: &Node, problems: &mut Diagnostics) -> Vec<Mutation> {
    let found = items(node, "`mutation`", mutation, problems);
    unique("mutation", found.iter().filter_map(|mutation| mutation.name.as_ref()), problems);
    found
}

/// Reads `validation`.
pub(super) fn rules(node: &Node, problems: &mut Diagnostics) -> Vec<Rule> {
    let found = items(node, "`validation`", rule, problems);
    unique("rule", found.iter().filter_map(|rule| rule.name.as_ref()), problems);
    found
}

/// Reads `requeue`.
pub(super) fn requeues(node: &Node, problems: &mut Diagnostics) -> Vec<Requeue> {
    let found = items(node, "`requeue`", requeue, problems);
    unique("requeue", found.iter().filter_map(|requeue| requeue.name.as_ref()), problems);
    found
}

fn items<T>(
    node: &Node,
    what: &str,
    one: fn(&Node, &mut Diagnostics) -> Option<T>,
    problems: &mut Diagnostics,
) -> Vec<T> {
    let Some(items) = list(node, what, problems) else { return Vec::new() };
    if items.len() > MOST {
        problems.push(bounds::many(node.span, what, items.len(), MOST));
        return Vec::new();
    }
    items.iter().filter_map(|item| one(item, problems)).collect()
}

fn name(fields: &Fields, problems: &mut Diagnostics) -> Option<Spanned<String>> {
    fields.take("name").and_then(|node| label(node, "`name`", problems))
}

fn path(node: Option<&Node>, problems: &mut Diagnostics) -> Option<Spanned<String>> {
    let node = node?;
    Some(Spanned { value: string(node, "`field`", problems)?.to_owned(), span: node.span })
}

fn mutation(node: &Node, problems: &mut Diagnostics) -> Option<Mutation> {
    let fields = Fields::open(node, &MUTATION, problems)?;
    let name = name(&fields, problems);
    let field = path(fields.require("field", problems), problems);
    let given = (fields.entry("default"), fields.entry("override"));
    let span = fields.head();
    fields.finish(problems);
    let (overrides, value) = match given {
        (Some((_, value)), None) => (false, value),
        (None, Some((_, value))) => (true, value),
        (Some((first, _)), Some((second, _))) => {
            problems.push(codes::both(second.span, first.span));
            return None;
        }
        (None, None) => {
            problems.push(keys::missing(span, "default", "a mutation").hint("or `override`, which replaces a value"));
            return None;
        }
    };
    Some(Mutation { name, field: field?, overrides, value: value.clone() })
}

fn rule(node: &Node, problems: &mut Diagnostics) -> Option<Rule> {
    let fields = Fields::open(node, &RULE, problems)?;
    let name = name(&fields, problems);
    let rule = fields.require("rule", problems).cloned();
    let message = fields.require("message", problems).cloned();
    let field = path(fields.take("field"), problems);
    let mut deny = true;
    if let Some(node) = fields.take("action")
        && let Some(action) = string(node, "`action`", problems)
    {
        match ACTIONS.contains(&action) {
            true => deny = action == "deny",
            false => problems.push(keys::wrong_kind(node.span, "`action`", "`deny` or `warn`", &node.describe())),
        }
    }
    fields.finish(problems);
    Some(Rule { name, rule: rule?, message: message?, field, deny })
}

fn requeue(node: &Node, problems: &mut Diagnostics) -> Option<Requeue> {
    let fields = Fields::open(node, &REQUEUE, problems)?;
    let name = name(&fields, problems);
    let when = fields.require("when", problems).cloned();
    let after = fields.require("after", problems).and_then(|node| duration(node, "`after`", problems));
    fields.finish(problems);
    Some(Requeue { name, when: when?, after: after? })
}
