//! `status`: the fields and conditions that a primary shows.

use super::fields::{Fields, list, string};
use super::tables::{STATUS, STATUS_CONDITION, STATUS_FIELD};
use super::{Condition, Entry, Spanned, StatusField};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::yaml::Node;

/// Reads `status`.
pub(super) fn parse(node: &Node, entry: &mut Entry, problems: &mut Diagnostics) {
    let Some(status) = Fields::open(node, &STATUS, problems) else { return };
    let (fields, conditions) = (status.take("fields"), status.take("conditions"));
    if fields.is_none() && conditions.is_none() {
        problems.push(keys::missing(status.head(), "fields", "`status`").hint("or `conditions`"));
    }
    status.finish(problems);
    if let Some(items) = fields.and_then(|node| list(node, "`status.fields`", problems)) {
        entry.status = items.iter().filter_map(|item| field(item, problems)).collect();
    }
    if let Some(items) = conditions.and_then(|node| list(node, "`status.conditions`", problems)) {
        entry.conditions = items.iter().filter_map(|item| condition(item, problems)).collect();
    }
}

fn field(node: &Node, problems: &mut Diagnostics) -> Option<StatusField> {
    let fields = Fields::open(node, &STATUS_FIELD, problems)?;
    let path = fields.require("path", problems);
    let path =
        path.and_then(|node| Some(Spanned { value: string(node, "`path`", problems)?.to_owned(), span: node.span }));
    let value = fields.require("value", problems).cloned();
    let when = fields.take("when").cloned();
    fields.finish(problems);
    Some(StatusField { path: path?, when, value: value? })
}

fn condition(node: &Node, problems: &mut Diagnostics) -> Option<Condition> {
    let fields = Fields::open(node, &STATUS_CONDITION, problems)?;
    let kind = fields.require("type", problems);
    let kind =
        kind.and_then(|node| Some(Spanned { value: string(node, "`type`", problems)?.to_owned(), span: node.span }));
    let when = fields.require("when", problems).cloned();
    let (reason, message) = (fields.take("reason").cloned(), fields.take("message").cloned());
    fields.finish(problems);
    Some(Condition { kind: kind?, when: when?, reason, message })
}
