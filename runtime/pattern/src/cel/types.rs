//! Questions about the types of nodes.

use cel_core::BinaryOp::{Add, Div, Mod, Mul, Sub};
use cel_core::{CelType, CheckResult, Expr, SpannedExpr};

/// The type of a node; unknown where the checker only guessed.
pub(super) fn type_of(expr: &SpannedExpr, types: &CheckResult) -> CelType {
    if ambiguous(expr, types) {
        return CelType::Dyn;
    }
    match types.type_map.get(&expr.id) {
        None | Some(CelType::Error | CelType::TypeVar(_) | CelType::TypeParam(_)) => CelType::Dyn,
        Some(CelType::Wrapper(inner)) => CelType::clone(inner),
        Some(ty) => ty.clone(),
    }
}

/// Whether a node's type follows from a call that several overloads fit, because an argument's type is unknown. The checker
/// then takes the last of them, which says nothing.
pub(super) fn ambiguous(expr: &SpannedExpr, types: &CheckResult) -> bool {
    match &expr.node {
        Expr::Member { expr, .. } | Expr::Index { expr, .. } => ambiguous(expr, types),
        Expr::Ternary { then_expr, else_expr, .. } => ambiguous(then_expr, types) || ambiguous(else_expr, types),
        Expr::Bind { body, .. } => ambiguous(body, types),
        Expr::Binary { op, .. } if !matches!(op, Add | Sub | Mul | Div | Mod) => false,
        Expr::Binary { .. } | Expr::Unary { .. } | Expr::Call { .. } => {
            let several = types.reference_map.get(&expr.id).is_some_and(|reference| reference.overload_ids.len() > 1);
            let failed = types.type_map.get(&expr.id) == Some(&CelType::Error);
            several || failed
        }
        _ => false,
    }
}

/// A type in words.
pub(super) fn describe(ty: &CelType) -> String {
    match ty {
        CelType::Message(_) => "object".to_owned(),
        CelType::Map(_, value) if matches!(**value, CelType::Dyn | CelType::Error) => "map".to_owned(),
        CelType::Map(_, value) => format!("map of {}", describe(value)),
        CelType::List(item) if matches!(**item, CelType::Dyn | CelType::Error) => "list".to_owned(),
        CelType::List(item) => format!("list of {}", describe(item)),
        CelType::Optional(inner) => format!("optional {}", describe(inner)),
        CelType::Dyn | CelType::Error => "any value".to_owned(),
        CelType::Timestamp => "timestamp".to_owned(),
        CelType::Duration => "duration".to_owned(),
        CelType::Null => "null".to_owned(),
        other => other.display_name(),
    }
}

/// Kinds of values of which two different ones are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Bool,
    Number,
    Text,
    Bytes,
    List,
    Object,
    Timestamp,
    Duration,
}

/// The class of a type's values, if all are of one.
pub(super) fn class(ty: &CelType) -> Option<Class> {
    match ty {
        CelType::Bool => Some(Class::Bool),
        CelType::Int | CelType::UInt | CelType::Double => Some(Class::Number),
        CelType::String => Some(Class::Text),
        CelType::Bytes => Some(Class::Bytes),
        CelType::List(_) => Some(Class::List),
        CelType::Map(..) | CelType::Message(_) => Some(Class::Object),
        CelType::Timestamp => Some(Class::Timestamp),
        CelType::Duration => Some(Class::Duration),
        _ => None,
    }
}
