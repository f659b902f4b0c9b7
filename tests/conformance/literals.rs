//! The second form of a case: every literal of its expression is a variable, so that nothing can be computed beforehand.

use std::ops::Range;

use orkestra_pattern::cel;
use orkestra_pattern::cel::ast::{Expr, SpannedExpr};
use serde_json::{Value, json};

use crate::cases::Case;

/// A literal's place in the expression, and what it is.
struct Literal {
    range: Range<usize>,
    value: Value,
    /// As declarations have it.
    ty: &'static str,
}

impl Case {
    /// The case with each literal bound to a variable of its type; none if it has no literals or does not parse.
    ///
    /// Names of fields, types and macros' variables are no literals.
    pub(crate) fn with_literals_bound(&self) -> Option<Case> {
        let literals = literals(&self.expr)?;
        let mut bound = self.clone();
        for (number, literal) in literals.iter().enumerate().rev() {
            let name = format!("literal_{number}");
            bound.expr.replace_range(literal.range.clone(), &format!(" {name} "));
            bound.bindings.insert(name.clone(), literal.value.clone());
            bound.declarations.insert(name, Value::from(literal.ty));
        }
        let left = self::literals(&bound.expr).map(|left| left.len());
        assert_eq!(left, Some(0), "literals are left in `{}`", bound.expr);
        (!literals.is_empty()).then_some(bound)
    }
}

/// The literals of an expression, in their order; none if it does not parse.
fn literals(source: &str) -> Option<Vec<Literal>> {
    let parsed = cel::parse_free(source, "").ok()?;
    let mut literals = Vec::new();
    collect(parsed.ast.expr(), source, &mut literals);
    literals.sort_by_key(|literal: &Literal| literal.range.start);
    // An expansion may have a part of its macro twice.
    literals.dedup_by(|a, b| a.range == b.range);
    Some(literals)
}

fn collect(node: &SpannedExpr, source: &str, literals: &mut Vec<Literal>) {
    if let Some((value, ty)) = literal(&node.node) {
        // A literal that an expansion brought has the place of the macro, whose text is none.
        let text = source.get(node.span.clone()).unwrap_or_default();
        if cel::parse_free(text, "").is_ok_and(|alone| alone.ast.expr().node == node.node) {
            literals.push(Literal { range: node.span.clone(), value, ty });
        }
    }
    for child in cel::ast::children(node) {
        collect(child, source, literals);
    }
}

/// A literal as a typed value, and its type.
fn literal(node: &Expr) -> Option<(Value, &'static str)> {
    let (kind, ty, value) = match node {
        Expr::Null => ("null", "null", Value::Null),
        Expr::Bool(value) => ("bool", "bool", json!(value)),
        Expr::Int(value) => ("int", "int64", json!(value.to_string())),
        Expr::UInt(value) => ("uint", "uint64", json!(value.to_string())),
        Expr::Float(value) => ("double", "double", json!(value.to_string())),
        Expr::String(text) => ("string", "string", json!(text)),
        Expr::Bytes(bytes) => {
            ("bytes", "bytes", json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        _ => return None,
    };
    Some((json!({"type": kind, "value": value}), ty))
}
