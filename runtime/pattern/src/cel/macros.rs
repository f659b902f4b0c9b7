//! The macros: those of `cel-core`, but for the ones that our engine cannot run and the ones whose expansion repeats its receiver,
//! which grows exponentially where they are chained.

use std::ops::Range;

use cel_core::parser::{ArgCount, Macro, MacroContext, MacroExpansion, MacroRegistry, MacroStyle};
use cel_core::{BinaryOp, ComprehensionData, Expr, MapEntry, Spanned, SpannedExpr};

use super::math;

/// The accumulator's name in the expansions of `cel-core`.
const ACCUMULATOR: &str = "__result__";
/// No identifier can be written like this, so it hides nothing.
const RECEIVER: &str = "@optional";

pub(super) fn registry() -> MacroRegistry {
    let left_out = |name: &str| {
        name.starts_with("proto.") || (name.starts_with("cel.") && name != "cel.bind") || name.starts_with("opt")
    };
    let mut registry = MacroRegistry::new();
    for known in MacroRegistry::standard().iter().filter(|known| !left_out(known.name)) {
        registry.register(known.clone());
    }
    registry.register(Macro::new("optMap", MacroStyle::Receiver, ArgCount::Exact(2), opt_map));
    registry.register(Macro::new("optFlatMap", MacroStyle::Receiver, ArgCount::Exact(2), opt_flat_map));
    registry.register(Macro::new("transformMapEntry", MacroStyle::Receiver, ArgCount::Exact(3), transform_map_entry));
    registry.register(Macro::new("transformMapEntry", MacroStyle::Receiver, ArgCount::Exact(4), transform_map_entry));
    math::macros().into_iter().for_each(|known| registry.register(known));
    registry
}

struct Builder<'a, 'b> {
    context: &'a mut MacroContext<'b>,
    span: Range<usize>,
}

impl Builder<'_, '_> {
    fn node(&mut self, node: Expr) -> SpannedExpr {
        Spanned::new(self.context.next_id(), node, self.span.clone())
    }

    fn ident(&mut self, name: &str) -> SpannedExpr {
        self.node(Expr::Ident(name.to_owned()))
    }

    fn method(&mut self, receiver: SpannedExpr, name: &str, args: Vec<SpannedExpr>) -> SpannedExpr {
        let callee = self.node(Expr::Member { expr: Box::new(receiver), field: name.to_owned(), optional: false });
        self.node(Expr::Call { expr: Box::new(callee), args })
    }

    fn bind(&mut self, name: &str, init: SpannedExpr, body: SpannedExpr) -> SpannedExpr {
        self.node(Expr::Bind { var_name: name.to_owned(), init: Box::new(init), body: Box::new(body) })
    }
}

fn variable(expr: &SpannedExpr) -> Option<String> {
    match &expr.node {
        Expr::Ident(name) => Some(name.clone()),
        _ => None,
    }
}

fn opt_map(
    context: &mut MacroContext,
    span: Range<usize>,
    receiver: Option<SpannedExpr>,
    args: Vec<SpannedExpr>,
) -> MacroExpansion {
    optional(context, span, receiver, args, true)
}

fn opt_flat_map(
    context: &mut MacroContext,
    span: Range<usize>,
    receiver: Option<SpannedExpr>,
    args: Vec<SpannedExpr>,
) -> MacroExpansion {
    optional(context, span, receiver, args, false)
}

/// `receiver.optMap(x, body)` is
/// `cel.bind(r, receiver, r.hasValue() ? cel.bind(x, r.value(), optional.of(body)) : optional.none())`.
fn optional(
    context: &mut MacroContext,
    span: Range<usize>,
    receiver: Option<SpannedExpr>,
    args: Vec<SpannedExpr>,
    wrap: bool,
) -> MacroExpansion {
    let (Some(receiver), Ok([name, body])) = (receiver, <[SpannedExpr; 2]>::try_from(args)) else {
        return MacroExpansion::Error("expected a receiver and two arguments".to_owned());
    };
    let Some(name) = variable(&name) else {
        return MacroExpansion::Error("the first argument must be the name of a variable".to_owned());
    };
    let mut build = Builder { context, span };
    let library = build.ident("optional");
    let none = build.method(library, "none", Vec::new());
    let body = if wrap {
        let library = build.ident("optional");
        build.method(library, "of", vec![body])
    } else {
        body
    };
    let held = build.ident(RECEIVER);
    let value = build.method(held, "value", Vec::new());
    let present = build.bind(&name, value, body);
    let held = build.ident(RECEIVER);
    let condition = build.method(held, "hasValue", Vec::new());
    let choice = build.node(Expr::Ternary {
        cond: Box::new(condition),
        then_expr: Box::new(present),
        else_expr: Box::new(none),
    });
    MacroExpansion::Expanded(build.bind(RECEIVER, receiver, choice))
}

/// `range.transformMapEntry(k, v, [condition,] entry)`: the entries joined into one map.
fn transform_map_entry(
    context: &mut MacroContext,
    span: Range<usize>,
    receiver: Option<SpannedExpr>,
    mut args: Vec<SpannedExpr>,
) -> MacroExpansion {
    let (Some(range), Some(entry)) = (receiver, args.pop()) else {
        return MacroExpansion::Error("expected a receiver and three or four arguments".to_owned());
    };
    let filter = if args.len() == 3 { args.pop() } else { None };
    let (Some(first), Some(second)) = (args.first().and_then(variable), args.get(1).and_then(variable)) else {
        return MacroExpansion::Error("the first two arguments must be names of variables".to_owned());
    };
    let mut build = Builder { context, span };
    let none: Vec<MapEntry> = Vec::new();
    let accu_init = build.node(Expr::Map(none));
    let loop_condition = build.node(Expr::Bool(true));
    let accumulator = build.ident(ACCUMULATOR);
    let joined = build.node(Expr::Binary { op: BinaryOp::Add, left: Box::new(accumulator), right: Box::new(entry) });
    let loop_step = match filter {
        None => joined,
        Some(filter) => {
            let accumulator = build.ident(ACCUMULATOR);
            build.node(Expr::Ternary {
                cond: Box::new(filter),
                then_expr: Box::new(joined),
                else_expr: Box::new(accumulator),
            })
        }
    };
    let result = build.ident(ACCUMULATOR);
    MacroExpansion::Expanded(build.node(Expr::Comprehension(ComprehensionData {
        iter_var: first,
        iter_var2: second,
        iter_range: Box::new(range),
        accu_var: ACCUMULATOR.to_owned(),
        accu_init: Box::new(accu_init),
        loop_condition: Box::new(loop_condition),
        loop_step: Box::new(loop_step),
        result: Box::new(result),
    })))
}
