//! Functions that Orkestra's Katalogs call by names of their own, and the forms of the libraries' functions that a pipeline needs.

use cel_core::{CelType, Env, Expr, FunctionDecl, OverloadDecl, SpannedExpr};

use super::tree;

/// Adds them.
pub(super) fn declare(env: &mut Env) {
    use CelType::{Bool, Bytes, Double, Int, String};
    let texts = CelType::list(String);
    let any = CelType::type_param("A");
    for (name, arguments, result) in [
        ("toLower", vec![String], String),
        ("toUpper", vec![String], String),
        ("trim", vec![String], String),
        ("replace", vec![String, String, String], String),
        ("replace", vec![String, String, String, Int], String),
        ("split", vec![String, String], texts.clone()),
        ("split", vec![String, String, Int], texts.clone()),
        ("join", vec![texts.clone()], String),
        ("join", vec![texts, String], String),
        ("toBase64", vec![String], String),
        ("toBase64", vec![Bytes], String),
        ("fromBase64", vec![String], String),
        ("sha256sum", vec![String], String),
        ("sha256sum", vec![Bytes], String),
        ("slugify", vec![String], String),
        ("truncateName", vec![String, Int], String),
        ("parseQuantity", vec![String], Double),
        // The check sees these two only where the number of their arguments is wrong.
        ("coalesce", vec![any.clone(), any.clone()], any.clone()),
        ("ternary", vec![Bool, any.clone(), any.clone()], any),
    ] {
        let types: Vec<_> = arguments.iter().map(CelType::display_name).collect();
        let id = format!("{name}({})", types.join(","));
        let overload = OverloadDecl::function(id, arguments, result).with_type_params(vec!["A".to_owned()]);
        env.add_function(FunctionDecl::new(name).with_overload(overload));
    }
}

/// `coalesce(a, b, c)` becomes `default(a, default(b, c))`, and `ternary(condition, a, b)` `condition ? a : b`, so that the rules
/// of absence hold for them as well.
pub(super) fn rewrite(expr: &mut SpannedExpr) {
    tree::children_mut(expr).into_iter().for_each(rewrite);
    let Expr::Call { expr: callee, args } = &mut expr.node else { return };
    let Expr::Ident(name) = &callee.node else { return };
    match (name.as_str(), args.len()) {
        ("ternary", 3) => {
            let mut args = std::mem::take(args).into_iter().map(Box::new);
            if let (Some(cond), Some(then_expr), Some(else_expr)) = (args.next(), args.next(), args.next()) {
                expr.node = Expr::Ternary { cond, then_expr, else_expr };
            }
        }
        ("coalesce", 2..) => {
            let mut default = callee.clone();
            default.node = Expr::Ident("default".to_owned());
            let mut values = std::mem::take(args).into_iter().rev();
            let Some(last) = values.next() else { return };
            let span = expr.span.clone();
            // Each call reaches from its first value to the end.
            let nested = values.fold(last, |fallback, value| {
                let span = value.span.start..span.end;
                let node = Expr::Call { expr: default.clone(), args: vec![value, fallback] };
                SpannedExpr { id: 0, node, span }
            });
            expr.node = nested.node;
        }
        _ => {}
    }
}
