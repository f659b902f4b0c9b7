//! `queue`, `dependsOn` and `restrictedNamespaces`: how an entry runs, whatever it makes.

use super::fields::{Fields, list, string};
use super::scalars::{check_label, label, number};
use super::tables::{MOST_FAILURES, NAMESPACES, QUEUE};
use super::{Running, Spanned};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::model::{Awaits, Queue};
use crate::yaml::{Node, Value};

/// The words of `dependsOn`.
pub(super) const AWAITS: [(&str, Awaits); 2] = [("started", Awaits::Started), ("healthy", Awaits::Healthy)];

/// Reads the three keys of an entry.
pub(super) fn parse(fields: &Fields, problems: &mut Diagnostics) -> Running {
    let depends_on = fields.take("dependsOn").map(|node| depends_on(node, problems)).unwrap_or_default();
    let namespaces = fields.take("restrictedNamespaces");
    let namespaces = namespaces.and_then(|node| list(node, "`restrictedNamespaces`", problems)).unwrap_or_default();
    let restricted_namespaces = namespaces.iter().filter_map(|node| namespace(node, problems)).collect();
    let queue = fields.take("queue").and_then(|node| queue(node, problems)).unwrap_or_default();
    Running { depends_on, restricted_namespaces, queue }
}

/// A list of entries that have started, or a map that says of each what it has to be.
fn depends_on(node: &Node, problems: &mut Diagnostics) -> Vec<(Spanned<String>, Awaits)> {
    match &node.value {
        Value::List(items) => {
            let names = items.iter().filter_map(|item| label(item, "an entry's name", problems));
            names.map(|name| (name, Awaits::Started)).collect()
        }
        Value::Map(members) => {
            let mut found = Vec::new();
            for (key, node) in members {
                if !check_label(&key.text, key.span, "an entry's name", problems) {
                    continue;
                }
                match AWAITS.into_iter().find(|(word, _)| node.text() == Some(word)) {
                    Some((_, awaits)) => {
                        found.push((Spanned { value: key.text.clone(), span: key.span }, awaits));
                    }
                    None => {
                        let what = format!("`{}`", key.text);
                        problems.push(keys::wrong_kind(node.span, &what, "`started` or `healthy`", &node.describe()));
                    }
                }
            }
            found
        }
        _ => {
            let expected = "a list of entries, or a map from entries to `started` or `healthy`";
            problems.push(keys::wrong_kind(node.span, "`dependsOn`", expected, &node.describe()));
            Vec::new()
        }
    }
}

/// The name of a namespace, in which `*` stands for any letters.
fn namespace(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = string(node, "a namespace", problems)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '*');
    if text.is_empty() || text.len() > 63 || !text.chars().all(allowed) {
        problems.push(keys::wrong_kind(node.span, "a namespace", NAMESPACES.what, &node.describe()));
        return None;
    }
    Some(text.to_owned())
}

fn queue(node: &Node, problems: &mut Diagnostics) -> Option<Queue> {
    let fields = Fields::open(node, &QUEUE, problems)?;
    let usual = Queue::default();
    let max_depth = fields.take("maxDepth").and_then(|node| number(node, "`maxDepth`", 0, u16::MAX, problems));
    let threshold = fields.take("failureThreshold");
    let threshold = threshold.and_then(|node| number(node, "`failureThreshold`", 1, MOST_FAILURES, problems));
    fields.finish(problems);
    Some(Queue {
        max_depth: max_depth.unwrap_or(usual.max_depth),
        failure_threshold: threshold.unwrap_or(usual.failure_threshold),
    })
}
