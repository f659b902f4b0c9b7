//! Questions about the types of nodes.

use cel_core::BinaryOp::{Add, Div, Mod, Mul, Sub};
use cel_core::{CelType, CheckResult, Expr, ListElement, SpannedExpr};

use super::tree;

/// Gives each list literal the most general of its items' types. The checker takes the first one where they differ only in what
/// is unknown: `[optional.of(1), optional.of(dyn(1))]` is a list of optionals of any value.
pub(super) fn generalise(expr: &SpannedExpr, types: &mut CheckResult) {
    for child in tree::children(expr) {
        generalise(child, types);
    }
    let Expr::List(items) = &expr.node else { return };
    if items.iter().any(|item| item.optional) {
        return;
    }
    // It fits optionals of any type, which the checker does not say.
    let none =
        |item: &&ListElement| types.reference_map.get(&item.expr.id).is_some_and(|call| call.name == "optional.none");
    let mut each = items.iter().filter(|item| !none(item)).map(|item| types.type_map.get(&item.expr.id));
    let Some(Some(first)) = each.next() else { return };
    if let Some(item) = each.try_fold(first.clone(), |general, ty| most_general(&general, ty?)) {
        types.type_map.insert(expr.id, CelType::list(item));
    }
}

/// The type that is unknown wherever one of the two is; none if they differ in something else.
fn most_general(a: &CelType, b: &CelType) -> Option<CelType> {
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (CelType::Dyn, _) | (_, CelType::Dyn) => Some(CelType::Dyn),
        (CelType::Optional(a), CelType::Optional(b)) => Some(CelType::optional(most_general(a, b)?)),
        (CelType::List(a), CelType::List(b)) => Some(CelType::list(most_general(a, b)?)),
        (CelType::Map(key, value), CelType::Map(other_key, other_value)) => {
            Some(CelType::map(most_general(key, other_key)?, most_general(value, other_value)?))
        }
        _ => None,
    }
}

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
        Expr::Member { expr, .. } => ambiguous(expr, types),
        // The checker gives an item of an unknown value a type that fits nothing.
        Expr::Index { expr, .. } => types.type_map.get(&expr.id) == Some(&CelType::Dyn) || ambiguous(expr, types),
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
pub fn describe(ty: &CelType) -> String {
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
