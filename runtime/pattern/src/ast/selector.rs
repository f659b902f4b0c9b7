//! Label selectors, as Kubernetes has them: `matchLabels` and `matchExpressions`.

use super::fields::{Fields, list, string};
use super::scalars::is_dns_label;
use super::{Requirement, Selector, Spanned};
use crate::codes::{foreign, keys, reads as codes};
use crate::diagnostic::Diagnostics;
use crate::model::{self, Operator};
use crate::schema::nearest;
use crate::source::Span;
use crate::table::Table;
use crate::yaml::{Key, Node};

/// Reads a selector, of at least one condition, whose keys are those of `table`, and of `requirement` in its conditions.
pub(super) fn parse(
    node: &Node,
    table: &'static Table,
    requirement: &'static Table,
    problems: &mut Diagnostics,
) -> Option<Selector> {
    let fields = Fields::open(node, table, problems)?;
    let labels = fields.take("matchLabels").map(|node| labels(node, problems));
    let requirements = fields.take("matchExpressions").map(|node| requirements(node, requirement, problems));
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

fn requirements(node: &Node, table: &'static Table, problems: &mut Diagnostics) -> Option<Vec<Requirement>> {
    let items = list(node, "`matchExpressions`", problems)?;
    if items.is_empty() {
        problems.push(keys::wrong_kind(node.span, "`matchExpressions`", "a list of at least one condition", "none"));
        return None;
    }
    // All of them are looked at before one that is wrong stops it.
    let found: Vec<_> = items.iter().map(|item| requirement(item, table, problems)).collect();
    found.into_iter().collect()
}

fn requirement(node: &Node, table: &'static Table, problems: &mut Diagnostics) -> Option<Requirement> {
    let fields = Fields::open(node, table, problems)?;
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

/// A selector without expressions: which objects an entry reconciles is known before there is one. Labels are such as the API
/// server takes, because another one would select nothing.
pub(super) fn plain(selector: Selector, problems: &mut Diagnostics) -> Option<model::Selector<String>> {
    let Selector { labels, requirements, span: _ } = selector;
    let mut fits = true;
    let mut value = |node: &Node, problems: &mut Diagnostics| {
        let text = string(node, "a label's value", problems).map(str::to_owned);
        let good = text.as_deref().is_some_and(|text| check_value(text, node.span, problems));
        fits &= good;
        text.unwrap_or_default()
    };
    let mut keys = Vec::new();
    let mut plain = model::Selector { labels: Vec::new(), requirements: Vec::new() };
    for (key, node) in labels {
        keys.push((key.text.clone(), key.span));
        plain.labels.push((key.text, value(&node, problems)));
    }
    for Requirement { key, operator, values } in requirements {
        let values = values.iter().map(|node| value(node, problems)).collect();
        keys.push((key.value.clone(), key.span));
        plain.requirements.push(model::Requirement { key: key.value, operator, values });
    }
    for (key, span) in keys.iter().filter(|(key, _)| !is_key(key)) {
        problems.push(foreign::label(
            *span,
            key,
            "a label: a name of at most 63 letters, digits, `-`, `_` and `.`, perhaps below a domain and `/`",
        ));
        fits = false;
    }
    fits.then_some(plain)
}

fn check_value(text: &str, span: Span, problems: &mut Diagnostics) -> bool {
    let fits = text.is_empty() || is_name(text);
    if !fits {
        let expected = "a label's value: at most 63 letters, digits, `-`, `_` and `.`, without expressions";
        problems.push(foreign::label(span, text, expected));
    }
    fits
}

/// Whether a text is a qualified name of Kubernetes: `name`, or `domain/name`.
fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_name(name) && domain.len() <= 253 && domain.split('.').all(is_dns_label),
        None => is_name(text),
    }
}

fn is_name(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::codes::example;

    fn selector(text: &str) -> Result<String, Vec<String>> {
        let put = format!("      workers: 2\n      selector: {text}\n");
        let source = example::source(Some(("katalog.yaml", "      workers: 2\n", &put)));
        let (pattern, problems) = crate::check(&source);
        match pattern {
            Some(pattern) => Ok(pattern.entries[0].selector.as_ref().unwrap().to_string()),
            None => Err(problems.iter().map(|problem| format!("{}: {}", problem.code.id, problem.message)).collect()),
        }
    }

    #[test]
    fn an_entry_selects_by_plain_labels() {
        let found =
            selector("{matchLabels: {tier: gold, a.b/c: \"\"}, matchExpressions: [{key: x, operator: DoesNotExist}]}");
        assert_eq!(found.unwrap(), "tier=gold,a.b/c=,!x");
        let found = selector("{matchExpressions: [{key: env, operator: NotIn, values: [dev, test]}]}");
        assert_eq!(found.unwrap(), "env notin (dev,test)");
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for (text, code) in [
            ("{matchLabels: {tier: \"{{ spec.version }}\"}}", "K1903"),
            ("{matchLabels: {-tier: gold}}", "K1903"),
            ("{matchLabels: {A.b/tier: gold}}", "K1903"),
            ("{matchLabels: {tier: 5}}", "K0204"),
            ("{matchExpressions: [{key: \"a b\", operator: Exists}]}", "K1903"),
            ("{}", "K0203"),
            ("{tier: gold}", "K0201"),
        ] {
            let found = selector(text).unwrap_err();
            assert!(found.iter().any(|problem| problem.starts_with(code)), "{text}: {found:?}");
        }
    }
}
