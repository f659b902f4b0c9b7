//! The math library's declarations: those of `cel-core`, `math.sqrt`, and `greatest` and `least` with overloads of which only
//! one fits, so that the type of a call is known.

use std::ops::Range;

use cel_core::parser::{ArgCount, Macro, MacroContext, MacroExpansion, MacroStyle};
use cel_core::{CelType, Expr, FunctionDecl, ListElement, OverloadDecl, Spanned, SpannedExpr};

const GREATEST: &str = "math.greatest";
const LEAST: &str = "math.least";
/// Arguments of a call that no macro expanded, because it is written as a pipeline.
const PIPED: std::ops::RangeInclusive<usize> = 3..=8;

pub(super) fn declarations() -> Vec<FunctionDecl> {
    let own = [GREATEST, LEAST];
    let mut all: Vec<_> = cel_core::ext::math_extension();
    all.retain(|function| !own.contains(&function.name.as_str()));
    all.extend(own.map(extreme));
    let mut sqrt = FunctionDecl::new("math.sqrt");
    for of in numbers() {
        let id = format!("math_sqrt_{}", of.display_name());
        sqrt = sqrt.with_overload(OverloadDecl::function(&id, vec![of], CelType::Double));
    }
    all.push(sqrt);
    all
}

/// `math.greatest(a, b, c, …)` is `math.greatest([a, b, c, …])`, as in cel-go.
pub(super) fn macros() -> [Macro; 2] {
    [
        Macro::new(GREATEST, MacroStyle::Global, ArgCount::VarArg(1), greatest),
        Macro::new(LEAST, MacroStyle::Global, ArgCount::VarArg(1), least),
    ]
}

fn numbers() -> [CelType; 3] {
    [CelType::Int, CelType::UInt, CelType::Double]
}

fn extreme(name: &str) -> FunctionDecl {
    let mut function = FunctionDecl::new(name);
    let mut add = |arguments: Vec<CelType>, result: &CelType| {
        let types: Vec<String> = arguments.iter().map(CelType::display_name).collect();
        let id = format!("{name}({})", types.join(","));
        function = function.clone().with_overload(OverloadDecl::function(&id, arguments, result.clone()));
    };
    for one in &numbers() {
        add(vec![one.clone()], one);
        add(vec![CelType::list(one.clone())], one);
        for other in &numbers() {
            add(vec![one.clone(), other.clone()], if one == other { one } else { &CelType::Dyn });
        }
    }
    for count in PIPED {
        add(vec![CelType::Dyn; count], &CelType::Dyn);
    }
    function
}

fn greatest(
    context: &mut MacroContext,
    span: Range<usize>,
    _: Option<SpannedExpr>,
    args: Vec<SpannedExpr>,
) -> MacroExpansion {
    listed(context, span, "greatest", args)
}

fn least(
    context: &mut MacroContext,
    span: Range<usize>,
    _: Option<SpannedExpr>,
    args: Vec<SpannedExpr>,
) -> MacroExpansion {
    listed(context, span, "least", args)
}

fn listed(context: &mut MacroContext, span: Range<usize>, name: &str, mut args: Vec<SpannedExpr>) -> MacroExpansion {
    let mut node = |node: Expr| Spanned::new(context.next_id(), node, span.clone());
    if args.len() > 2 {
        let items = args.into_iter().map(|expr| ListElement { expr, optional: false }).collect();
        args = vec![node(Expr::List(items))];
    }
    let library = node(Expr::Ident("math".to_owned()));
    let callee = node(Expr::Member { expr: Box::new(library), field: name.to_owned(), optional: false });
    MacroExpansion::Expanded(node(Expr::Call { expr: Box::new(callee), args }))
}
