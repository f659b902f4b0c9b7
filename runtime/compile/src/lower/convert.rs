//! Values that JSON spells in another way than CEL: a whole number in a field of `type: number`, a time or duration as text.
//!
//! They are converted where they are used, not where they are read, so that a path that is only copied keeps the API server's
//! own spelling. The conversions leave a value alone that is of their type already.

use orkestra_pattern::cel::ast::{CheckResult, Expr as Node, SpannedExpr, Type};
use orkestra_program::function::Function;
use orkestra_program::model::Expr;

use super::loops;
use super::tree::Local;
use orkestra_program::model::LoopKind;

/// Converts what a node gives, if it comes from JSON and its type asks for it.
pub(super) fn convert(value: Expr, node: &SpannedExpr, types: Option<&CheckResult>, locals: &[Local<'_>]) -> Expr {
    let Some(function) = types.and_then(|types| types.type_map.get(&node.id)).and_then(conversion) else {
        return value;
    };
    if from_json(node, locals) { Expr::Call(function, vec![value]) } else { value }
}

fn conversion(ty: &Type) -> Option<Function> {
    match ty {
        Type::Double => Some(Function::Double),
        Type::Timestamp => Some(Function::Timestamp),
        Type::Duration => Some(Function::Duration),
        _ => None,
    }
}

/// Whether a node gives a value of an object as JSON has it.
pub(super) fn from_json(node: &SpannedExpr, locals: &[Local<'_>]) -> bool {
    match &node.node {
        Node::Ident(name) => locals.iter().rev().find(|local| local.name == name).is_none_or(|local| local.from_json),
        Node::RootIdent(_) => true,
        Node::Member { expr, .. } | Node::Index { expr, .. } => from_json(expr, locals),
        // `optional.value()`, `optional.orValue(x)`: what the optional holds. `x | default y`: what `x` is.
        Node::Call { expr: callee, args } => match &callee.node {
            Node::Member { expr, field, .. } => {
                matches!(field.as_str(), "value" | "or" | "orValue") && from_json(expr, locals)
            }
            Node::Ident(name) => name == "default" && args.first().is_some_and(|first| from_json(first, locals)),
            _ => false,
        },
        Node::Comprehension(data) => {
            loops::recognise(data).is_some_and(|shape| shape.kind == LoopKind::Filter)
                && from_json(&data.iter_range, locals)
        }
        _ => false,
    }
}
