//! Values that JSON spells in another way than CEL: a whole number in a field of `type: number`, a time or duration as text,
//! bytes as base64.
//!
//! They are converted where they are used, not where they are read, so that a path that is only copied keeps the API server's
//! own spelling. The conversions leave a value alone that is of their type already.

use orkestra_pattern::cel::ast::{CheckResult, Expr as Node, SpannedExpr, Type};
use orkestra_program::function::Function;
use orkestra_program::model::Expr;

use super::loops;
use super::tree::Local;
use orkestra_program::model::LoopKind;

/// Converts what a node gives, if it comes from JSON and its type asks for it. `slot` is one that no variable in sight has.
pub(super) fn convert(
    value: Expr,
    node: &SpannedExpr,
    types: Option<&CheckResult>,
    locals: &[Local<'_>],
    slot: u16,
) -> Expr {
    let Some(ty) = types.and_then(|types| types.type_map.get(&node.id)) else { return value };
    let function = match ty {
        Type::Double => Function::Double,
        Type::Timestamp => Function::Timestamp,
        Type::Duration => Function::Duration,
        Type::Bytes if from_json(node, locals) => return decoded(value, slot),
        // What an optional holds may go on into a list or map, where its type is not seen any more.
        Type::Optional(inner) if **inner == Type::Bytes && from_json(node, locals) => {
            return decoded_inside(value, slot);
        }
        _ => return value,
    };
    if from_json(node, locals) { Expr::Call(function, vec![value]) } else { value }
}

/// The bytes of a value that is base64, or bytes already: a variable holds what its expression gave, and the value behind
/// `default` is none of an object.
fn decoded(value: Expr, slot: u16) -> Expr {
    let is_bytes = Expr::Call(
        Function::Equal,
        vec![Expr::Call(Function::Type, vec![Expr::Local(slot)]), Expr::Type("bytes".to_owned())],
    );
    let decode = Expr::Call(Function::Base64Decode, vec![Expr::Local(slot)]);
    let body = Expr::Cond(Box::new(is_bytes), Box::new(Expr::Local(slot)), Box::new(decode));
    Expr::Bind { slot, init: Box::new(value), body: Box::new(body) }
}

/// The same in an optional.
fn decoded_inside(value: Expr, slot: u16) -> Expr {
    let call = |function| Expr::Call(function, vec![Expr::Local(slot)]);
    let inside = decoded(call(Function::Value), slot.saturating_add(1));
    let body = Expr::Cond(
        Box::new(call(Function::HasValue)),
        Box::new(Expr::Call(Function::OptionalOf, vec![inside])),
        Box::new(Expr::Local(slot)),
    );
    Expr::Bind { slot, init: Box::new(value), body: Box::new(body) }
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
