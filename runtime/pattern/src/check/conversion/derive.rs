//! The way back of a path, rule by rule.

use super::Rules;
use crate::ast::conversion::{Rule, What};
use crate::codes::conversion as codes;
use crate::diagnostic::Diagnostics;

/// The rules of the way from `from` to `to`, which is the way back of `rules`; none where a rule cannot be turned round.
pub(super) fn inverse(rules: Rules<'_>, from: &str, to: &str, problems: &mut Diagnostics) -> Option<Vec<Rule>> {
    let mut turned = Some(Vec::new());
    for rule in rules {
        let what = match &rule.what {
            What::Move { from, to } => What::Move { from: to.clone(), to: from.clone() },
            What::Wrap { from, to } => What::Unwrap { from: to.clone(), to: from.clone() },
            What::Unwrap { from, to } => What::Wrap { from: to.clone(), to: from.clone() },
            What::Map { from, to, values, turned } => {
                What::Map { from: to.clone(), to: from.clone(), values: values.clone(), turned: !turned }
            }
            What::Split { from, by, into } => What::Join { from: into.clone(), by: by.clone(), to: from.clone() },
            What::Join { from, by, to } => What::Split { from: to.clone(), by: by.clone(), into: from.clone() },
            What::Each { from: list, to: target, rules } => match inverse(rules, from, to, problems) {
                Some(rules) => What::Each { from: target.clone(), to: list.clone(), rules },
                None => {
                    turned = None;
                    continue;
                }
            },
            What::Set { .. } | What::Remove { .. } => {
                let name = if matches!(rule.what, What::Set { .. }) { "`set`" } else { "`remove`" };
                problems.push(codes::no_back(rule.span, name, from, to));
                turned = None;
                continue;
            }
        };
        if let Some(turned) = &mut turned {
            turned.push(Rule { what, span: rule.span });
        }
    }
    turned
}

/// A rule as an author would write it.
pub(super) fn shown(rule: &Rule) -> String {
    let places = |places: &[crate::ast::conversion::Place]| {
        places.iter().map(|place| place.text.as_str()).collect::<Vec<_>>().join(", ")
    };
    match &rule.what {
        What::Move { from, to } => format!("move: {{from: {}, to: {}}}", from.text, to.text),
        What::Set { to, .. } => format!("set: {}", to.text),
        What::Remove { from } => format!("remove: {}", from.text),
        What::Wrap { from, to } => format!("wrap: {}, as: {}", from.text, to.text),
        What::Unwrap { from, to } => format!("unwrap: {}, as: {}", from.text, to.text),
        What::Map { from, to, values, turned } => {
            let value = |node: &crate::yaml::Node| node.as_written().unwrap_or_else(|| node.describe());
            let pair = |(key, node): &(crate::yaml::Key, crate::yaml::Node)| match turned {
                false => format!("{}: {}", key.text, value(node)),
                true => format!("{}: {}", value(node), key.text),
            };
            let values: Vec<String> = values.iter().map(pair).collect();
            format!("map: {}, as: {}, values: {{{}}}", from.text, to.text, values.join(", "))
        }
        What::Split { from, by, into } => format!("split: {}, by: '{by}', into: [{}]", from.text, places(into)),
        What::Join { from, by, to } => format!("join: [{}], by: '{by}', as: {}", places(from), to.text),
        What::Each { from, to, rules } => {
            let rules: Vec<String> = rules.iter().map(|rule| format!("{{{}}}", shown(rule))).collect();
            format!("each: {}, as: {}, rules: [{}]", from.text, to.text, rules.join(", "))
        }
    }
}
