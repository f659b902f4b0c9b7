//! Recognises the macros in their expansions.

use orkestra_pattern::cel::ast::{BinaryOp, ComprehensionData, Expr, SpannedExpr};
use orkestra_program::model::LoopKind;

/// A macro's parts, as nodes of the syntax tree.
#[derive(Debug)]
pub(crate) struct Shape<'a> {
    pub(crate) kind: LoopKind,
    pub(crate) predicate: Option<&'a SpannedExpr>,
    pub(crate) result: Option<&'a SpannedExpr>,
}

/// Which macro a comprehension is the expansion of.
pub(crate) fn recognise(data: &ComprehensionData) -> Option<Shape<'_>> {
    let accumulator = |expr: &SpannedExpr| matches!(&expr.node, Expr::Ident(name) if *name == data.accu_var);
    let plain_result = accumulator(&data.result);
    match (&data.accu_init.node, &data.loop_step.node) {
        (Expr::Bool(true), Expr::Binary { op: BinaryOp::And, left, right }) if plain_result && accumulator(right) => {
            Some(Shape { kind: LoopKind::All, predicate: Some(left), result: None })
        }
        (Expr::Bool(false), Expr::Binary { op: BinaryOp::Or, left, right }) if plain_result && accumulator(right) => {
            Some(Shape { kind: LoopKind::Exists, predicate: Some(left), result: None })
        }
        (Expr::Int(0), Expr::Ternary { cond, else_expr, .. }) if accumulator(else_expr) => {
            let counts_to_one = matches!(&data.result.node, Expr::Binary { op: BinaryOp::Eq, left, right }
                if accumulator(left) && right.node == Expr::Int(1));
            counts_to_one.then_some(Shape { kind: LoopKind::ExistsOne, predicate: Some(cond), result: None })
        }
        (Expr::List(init), _) if init.is_empty() && plain_result => {
            let (predicate, added) = step(data, accumulator)?;
            let Expr::List(items) = &added.node else { return None };
            let [item] = items.as_slice() else { return None };
            let keeps = matches!(&item.expr.node, Expr::Ident(name) if *name == data.iter_var);
            if predicate.is_some() && keeps && data.iter_var2.is_empty() {
                return Some(Shape { kind: LoopKind::Filter, predicate, result: None });
            }
            Some(Shape { kind: LoopKind::Map, predicate, result: Some(&item.expr) })
        }
        (Expr::Map(init), _) if init.is_empty() && plain_result => {
            let (predicate, added) = step(data, accumulator)?;
            if let Expr::Map(entries) = &added.node
                && let [entry] = entries.as_slice()
                && !entry.optional
                && matches!(&entry.key.node, Expr::Ident(name) if *name == data.iter_var)
            {
                return Some(Shape { kind: LoopKind::TransformMap, predicate, result: Some(&entry.value) });
            }
            Some(Shape { kind: LoopKind::TransformMapEntry, predicate, result: Some(added) })
        }
        _ => None,
    }
}

/// The condition and what is added, of `accu + added` or `condition ? accu + added : accu`.
fn step(
    data: &ComprehensionData,
    accumulator: impl Fn(&SpannedExpr) -> bool,
) -> Option<(Option<&SpannedExpr>, &SpannedExpr)> {
    let (predicate, sum) = match &data.loop_step.node {
        Expr::Ternary { cond, then_expr, else_expr } if accumulator(else_expr) => (Some(&**cond), &**then_expr),
        _ => (None, &*data.loop_step),
    };
    match &sum.node {
        Expr::Binary { op: BinaryOp::Add, left, right } if accumulator(left) => Some((predicate, right)),
        _ => None,
    }
}
