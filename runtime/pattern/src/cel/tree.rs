//! Walking syntax trees.

use cel_core::{Expr, SpannedExpr};

/// The nodes directly below a node.
pub fn children(expr: &SpannedExpr) -> Vec<&SpannedExpr> {
    match &expr.node {
        Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::UInt(_)
        | Expr::Float(_)
        | Expr::String(_)
        | Expr::Bytes(_)
        | Expr::Ident(_)
        | Expr::RootIdent(_)
        | Expr::Error => Vec::new(),
        Expr::List(items) => items.iter().map(|item| &item.expr).collect(),
        Expr::Map(entries) => entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect(),
        Expr::Unary { expr, .. } | Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => vec![expr],
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::Ternary { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Index { expr, index, .. } => vec![expr, index],
        Expr::Call { expr, args } => std::iter::once(&**expr).chain(args).collect(),
        Expr::Struct { type_name, fields } => {
            std::iter::once(&**type_name).chain(fields.iter().map(|field| &field.value)).collect()
        }
        Expr::Comprehension(data) => {
            vec![&data.iter_range, &data.accu_init, &data.loop_condition, &data.loop_step, &data.result]
        }
        Expr::Bind { init, body, .. } => vec![init, body],
    }
}

/// The same, to change them.
pub(super) fn children_mut(expr: &mut SpannedExpr) -> Vec<&mut SpannedExpr> {
    match &mut expr.node {
        Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::UInt(_)
        | Expr::Float(_)
        | Expr::String(_)
        | Expr::Bytes(_)
        | Expr::Ident(_)
        | Expr::RootIdent(_)
        | Expr::Error => Vec::new(),
        Expr::List(items) => items.iter_mut().map(|item| &mut item.expr).collect(),
        Expr::Map(entries) => entries.iter_mut().flat_map(|entry| [&mut entry.key, &mut entry.value]).collect(),
        Expr::Unary { expr, .. } | Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => vec![expr],
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::Ternary { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Index { expr, index, .. } => vec![expr, index],
        Expr::Call { expr, args } => std::iter::once(&mut **expr).chain(args).collect(),
        Expr::Struct { type_name, fields } => {
            std::iter::once(&mut **type_name).chain(fields.iter_mut().map(|field| &mut field.value)).collect()
        }
        Expr::Comprehension(data) => vec![
            &mut data.iter_range,
            &mut data.accu_init,
            &mut data.loop_condition,
            &mut data.loop_step,
            &mut data.result,
        ],
        Expr::Bind { init, body, .. } => vec![init, body],
    }
}

/// Whether the tree has more levels than `limit`. Not recursive, so that any tree can be asked about.
pub(super) fn deeper_than(expr: &SpannedExpr, limit: usize) -> bool {
    let mut level = vec![expr];
    for _ in 0..limit {
        level = level.into_iter().flat_map(children).collect();
        if level.is_empty() {
            return false;
        }
    }
    true
}

/// The node with that id.
pub(super) fn find(expr: &SpannedExpr, id: i64) -> Option<&SpannedExpr> {
    if expr.id == id {
        return Some(expr);
    }
    children(expr).into_iter().find_map(|child| find(child, id))
}

/// The callee `receiver.name` whose receiver has that id.
pub(super) fn callee_of(expr: &SpannedExpr, receiver: i64) -> Option<&SpannedExpr> {
    if let Expr::Call { expr: callee, .. } = &expr.node
        && let Expr::Member { expr: found, .. } = &callee.node
        && found.id == receiver
    {
        return Some(callee);
    }
    children(expr).into_iter().find_map(|child| callee_of(child, receiver))
}
