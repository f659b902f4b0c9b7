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
            let inside = Expr::Call(Function::OptionalOf, vec![decoded(Expr::Local(slot), slot.saturating_add(1))]);
            return where_there(value, slot, inside, Expr::Call(Function::OptionalNone, Vec::new()));
        }
        _ => return value,
    };
    if from_json(node, locals) { Expr::Call(function, vec![value]) } else { value }
}

/// `value | default fallback`. The two may be of different types, and then only here is it known that the first is base64.
pub(super) fn default(value: Expr, node: &SpannedExpr, types: Option<&CheckResult>, slot: u16, fallback: Expr) -> Expr {
    match types.and_then(|types| types.type_map.get(&node.id)) {
        Some(Type::Bytes) => {
            let decoded = decoded(Expr::Local(slot), slot.saturating_add(1));
            where_there(value, slot, decoded, fallback)
        }
        _ => Expr::Default(Box::new(value), Box::new(fallback)),
    }
}

/// The bytes of a value that is base64, or bytes already: a variable holds what its expression gave.
fn decoded(value: Expr, slot: u16) -> Expr {
    let is_bytes = Expr::Call(
        Function::Equal,
        vec![Expr::Call(Function::Type, vec![Expr::Local(slot)]), Expr::Type("bytes".to_owned())],
    );
    let decode = Expr::Call(Function::Base64Decode, vec![Expr::Local(slot)]);
    let body = Expr::Cond(Box::new(is_bytes), Box::new(Expr::Local(slot)), Box::new(decode));
    Expr::Bind { slot, init: Box::new(value), body: Box::new(body) }
}

/// One expression where a value is there, with the value in the slot, and another where it is absent or null.
fn where_there(value: Expr, slot: u16, there: Expr, absent: Expr) -> Expr {
    let value = Expr::Default(Box::new(value), Box::new(Expr::Null));
    let is_absent = Expr::Call(Function::Equal, vec![Expr::Local(slot), Expr::Null]);
    let body = Expr::Cond(Box::new(is_absent), Box::new(absent), Box::new(there));
    Expr::Bind { slot, init: Box::new(value), body: Box::new(body) }
}

/// Whether a node gives a value of an object as JSON has it.
pub(crate) fn from_json(node: &SpannedExpr, locals: &[Local<'_>]) -> bool {
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
