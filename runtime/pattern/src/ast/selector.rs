//! Label selectors, as Kubernetes has them: `matchLabels` and `matchExpressions`.

use super::fields::{Fields, list, string};
use super::tables::{REQUIREMENT, SELECTOR};
use super::{Requirement, Selector, Spanned};
use crate::codes::{keys, reads as codes};
use crate::diagnostic::Diagnostics;
use crate::model::Operator;
use crate::schema::nearest;
use crate::yaml::{Key, Node};

/// Reads a selector, of at least one condition.
pub(super) fn parse(node: &Node, problems: &mut Diagnostics) -> Option<Selector> {
    let fields = Fields::open(node, &SELECTOR, problems)?;
    let labels = fields.take("matchLabels").map(|node| labels(node, problems));
    let requirements = fields.take("matchExpressions").map(|node| requirements(node, problems));
    let span = fields.head();
    fields.finish(problems);
    if labels.is_none() && requirements.is_none() {
        problems.push(keys::missing(span, "matchLabels", "`selector`").hint("or `matchExpressions`"));
        return None;
    }
    let (labels, requirements) = (labels.unwrap_or(Some(Vec::new()))?, requirements.unwrap_or(Some(Vec::new()))?);
    Some(Selector { labels, requirements, span })
}

fn labels(node: &Node, problems: &mut Diagnostics) -> Option<Vec<(Key, Node)>> {
    match node.members() {
        Some([]) | None => {
            let found = if node.members().is_some() { "none".to_owned() } else { node.describe() };
            problems.push(keys::wrong_kind(node.span, "`matchLabels`", "a map of at least one label", &found));
            None
        }
        Some(members) => Some(members.to_vec()),
    }
}

fn requirements(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Requirement>> {
    let items = list(node, "`matchExpressions`", problems)?;
    if items.is_empty() {
        problems.push(keys::wrong_kind(node.span, "`matchExpressions`", "a list of at least one condition", "none"));
        return None;
    }
    // All of them are looked at before one that is wrong stops it.
    let found: Vec<_> = items.iter().map(|item| requirement(item, problems)).collect();
    found.into_iter().collect()
}

fn requirement(node: &Node, problems: &mut Diagnostics) -> Option<Requirement> {
    let fields = Fields::open(node, &REQUIREMENT, problems)?;
    let key = fields
        .require("key", problems)
        .and_then(|node| Some(Spanned { value: string(node, "`key`", problems)?.to_owned(), span: node.span }));
    let operator = fields.require("operator", problems).and_then(|node| operator(node, problems));
    let values = fields.entry("values");
    let span = fields.head();
    fields.finish(problems);
    let (key, operator) = (key?, operator?);
    let needs_values = matches!(operator, Operator::In | Operator::NotIn);
    let values = match (needs_values, values) {
        (true, Some((_, node))) => match list(node, "`values`", problems)? {
            [] => {
                problems.push(codes::values(node.span, operator, true));
                return None;
            }
            items => items.to_vec(),
        },
        (true, None) => {
            problems.push(codes::values(span, operator, true));
            return None;
        }
        (false, Some((name, _))) => {
            problems.push(codes::values(name.span, operator, false));
            return None;
        }
        (false, None) => Vec::new(),
    };
    Some(Requirement { key, operator, values })
}

fn operator(node: &Node, problems: &mut Diagnostics) -> Option<Operator> {
    const ALL: [Operator; 4] = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];
    let text = string(node, "`operator`", problems)?;
    let found = ALL.into_iter().find(|operator| operator.word() == text);
    if found.is_none() {
        let near = nearest(text, ALL.map(Operator::word));
        let problem = keys::wrong_kind(
            node.span,
            "`operator`",
            &format!("one of {}", keys::list(&ALL.map(Operator::word))),
            &node.describe(),
        );
        problems.push(problem.did_you_mean(near));
    }
    found
}
