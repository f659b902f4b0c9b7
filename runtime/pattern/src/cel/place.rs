//! What an expression's value is used for, and whether its type fits.

use cel_core::{CelType, CheckResult, Expr, SpannedExpr};

use super::problem::{Problem, ProblemKind};
use super::registry::Registry;
use super::types::{describe, type_of};
use super::{Scope, kubernetes};
use crate::schema::{Format, Object, Rest, Schema, Shape};

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// Alone in a value. The schema is that of the value; none: not known, so that the expression keeps its type.
    Value(Option<&'a Schema>),
    /// In a longer string.
    Text,
    /// A condition.
    When,
    /// Alone in a name or namespace.
    Name,
    /// A list or map of which each element makes a child.
    Range,
    /// The key of such an element.
    Key,
}

/// Reports what does not fit.
pub(super) fn fits(
    expr: &SpannedExpr,
    types: &CheckResult,
    scope: &Scope,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) {
    let fit = Fit { types, registry: &scope.registry };
    match place {
        Place::Value(None) => {}
        Place::Value(Some(schema)) => fit.value(expr, schema, problems),
        Place::Text => fit.text(expr, "a string", problems),
        Place::Name => fit.text(expr, "a name", problems),
        Place::Range => match type_of(expr, types) {
            CelType::List(_) | CelType::Map(..) | CelType::Dyn => {}
            ty => problems.push(wrong(expr, &ty, "a list or a map".to_owned(), "`forEach` needs a list or a map")),
        },
        Place::Key => match type_of(expr, types) {
            CelType::String | CelType::Int | CelType::UInt | CelType::Bool | CelType::Dyn => {}
            ty => {
                let expected = "a string, integer or bool".to_owned();
                problems.push(wrong(expr, &ty, expected, "a key must be a value that names one element"));
            }
        },
        Place::When => match type_of(expr, types) {
            CelType::Bool | CelType::Dyn => {}
            ty => {
                let problem = wrong(expr, &ty, "bool".to_owned(), "a condition must be true or false");
                problems.push(match ty {
                    CelType::Optional(_) => problem.mend("unwrap the optional with `.orValue(false)`"),
                    _ => problem.mend("compare it: `value == …`, or ask `has(…)`"),
                });
            }
        },
    }
}

fn wrong(expr: &SpannedExpr, found: &CelType, expected: String, message: &str) -> Problem {
    Problem::new(ProblemKind::WrongType, expr.span.clone(), message).found(describe(found)).expected(expected)
}

struct Fit<'a> {
    types: &'a CheckResult,
    registry: &'a Registry,
}

impl Fit<'_> {
    /// The ends of an expression whose value is the value of the whole: each branch must fit by itself.
    fn ends<'e>(&self, expr: &'e SpannedExpr) -> Option<Vec<&'e SpannedExpr>> {
        match &expr.node {
            Expr::Ternary { then_expr, else_expr, .. } => Some(vec![then_expr, else_expr]),
            Expr::Bind { body, .. } => Some(vec![body]),
            Expr::Call { expr: callee, args } => match &callee.node {
                Expr::Ident(name) if name == "default" => Some(args.iter().collect()),
                _ => None,
            },
            _ => None,
        }
    }

    fn text(&self, expr: &SpannedExpr, what: &str, problems: &mut Vec<Problem>) {
        if let Some(ends) = self.ends(expr) {
            ends.into_iter().for_each(|end| self.text(end, what, problems));
            return;
        }
        let ty = type_of(expr, self.types);
        let mend = match &ty {
            CelType::Optional(_) => "unwrap the optional with `.orValue(…)`",
            CelType::List(_) | CelType::Map(..) | CelType::Message(_) => "take one field or item of it",
            CelType::Bytes => "turn it into text with `string(…)`",
            CelType::Abstract { name, .. } if has_text(name) => return,
            CelType::Null | CelType::Type(_) | CelType::Abstract { .. } => "write a value that has a text",
            _ => return,
        };
        problems.push(
            wrong(
                expr,
                &ty,
                "a string, number, bool, timestamp or duration".to_owned(),
                &format!("{} has no text to put into {what}", describe(&ty)),
            )
            .mend(mend),
        );
    }

    fn value(&self, expr: &SpannedExpr, schema: &Schema, problems: &mut Vec<Problem>) {
        if let Some(ends) = self.ends(expr) {
            ends.into_iter().for_each(|end| self.value(end, schema, problems));
            return;
        }
        let ty = match type_of(expr, self.types) {
            // An optional that is none leaves its key out.
            CelType::Optional(inner) => CelType::clone(&inner),
            ty => ty,
        };
        let problem = match (&schema.shape, &expr.node) {
            (Shape::Int, Expr::String(text)) if text.parse::<i64>().is_err() => {
                Some(wrong(expr, &ty, schema.describe(), &format!("the text `{text}` is not an integer")))
            }
            (Shape::Number, Expr::String(text)) if text.parse::<f64>().is_err() => {
                Some(wrong(expr, &ty, schema.describe(), &format!("the text `{text}` is not a number")))
            }
            (Shape::Bool, Expr::String(text)) if !matches!(text.as_str(), "true" | "false") => Some(
                wrong(expr, &ty, schema.describe(), &format!("the text `{text}` is not a boolean"))
                    .expected("`true` or `false`"),
            ),
            _ => match self.mismatch(&ty, schema, true, 0) {
                None => None,
                Some(mismatch) => {
                    Some(wrong(expr, &ty, schema.describe(), &mismatch.message)).map(|problem| match mismatch.mend {
                        Some(mend) => problem.mend(mend),
                        None => problem,
                    })
                }
            },
        };
        problems.extend(problem);
    }

    /// Why values of a type do not fit a schema. `top`: a scalar is converted to what the place asks for; below, JSON is copied.
    fn mismatch(&self, ty: &CelType, schema: &Schema, top: bool, depth: usize) -> Option<Mismatch> {
        let plain = |message: String| Some(Mismatch { message, mend: None });
        let mend = |message: String, mend: &str| Some(Mismatch { message, mend: Some(mend.to_owned()) });
        if depth > crate::schema::MAX_DEPTH {
            return None;
        }
        let cannot = || format!("{} cannot be put into a place for {}", describe(ty), schema.describe());
        match (&schema.shape, ty) {
            (_, CelType::Dyn | CelType::Error | CelType::TypeVar(_) | CelType::Null) | (Shape::Any, _) => None,
            (Shape::String(_), CelType::Abstract { name, .. }) if has_text(name) => None,
            (_, CelType::Type(_) | CelType::Optional(_) | CelType::Abstract { .. }) => plain(cannot()),
            (Shape::List(list), CelType::List(item)) => self.mismatch(item, &list.items, false, depth + 1),
            (Shape::Object(object), CelType::Map(_, value)) => match &object.rest {
                Rest::Each(schema) if object.fields.is_empty() => self.mismatch(value, schema, false, depth + 1),
                _ => None,
            },
            (Shape::Object(object), CelType::Message(message)) => self.message(message, object, depth),
            (Shape::List(_) | Shape::Object(_), _) => plain(cannot()),
            (_, CelType::List(_)) => mend(cannot(), "take one item of it"),
            (_, CelType::Map(..) | CelType::Message(_)) => mend(cannot(), "take one field of it"),
            (Shape::String(Format::Bytes), CelType::Bytes) => None,
            (_, CelType::Bytes) => {
                mend(cannot(), "turn it into text with `string(…)`, or into base64 with `base64.encode(…)`")
            }
            (Shape::String(_), CelType::Timestamp | CelType::Duration) => None,
            (Shape::String(_), CelType::String) => None,
            (Shape::String(_), _) if top => None,
            (Shape::Quantity | Shape::IntOrString, CelType::String | CelType::Int | CelType::UInt) => None,
            (Shape::Quantity, CelType::Double) => None,
            (Shape::Int, CelType::Int | CelType::UInt) => None,
            (Shape::Int | Shape::Number | Shape::Bool, CelType::String) if top => None,
            (Shape::Int | Shape::IntOrString, CelType::Double) => mend(cannot(), "convert it with `int(…)`"),
            (Shape::Number, CelType::Int | CelType::UInt | CelType::Double) => None,
            (Shape::Bool, CelType::Bool) => None,
            _ => plain(cannot()),
        }
    }

    /// Why objects of one schema do not fit another.
    fn message(&self, message: &str, into: &Object, depth: usize) -> Option<Mismatch> {
        let schema = self.registry.schema(message)?;
        let Shape::Object(from) = &schema.shape else { return None };
        for name in from.fields.keys() {
            let target = match (into.fields.get(name), &into.rest) {
                (Some(field), _) => field.schema.clone(),
                (None, Rest::Each(schema)) => schema.clone(),
                (None, Rest::Anything) => continue,
                (None, Rest::Nothing) => {
                    return Some(Mismatch {
                        message: format!("its field `{name}` does not exist in the place it is put into"),
                        mend: None,
                    });
                }
            };
            let ty = self.registry.field(message, name)?.ty;
            if let Some(mismatch) = self.mismatch(&ty, &target, false, depth + 1) {
                return Some(Mismatch {
                    message: format!("its field `{name}`: {}", mismatch.message),
                    mend: mismatch.mend,
                });
            }
        }
        None
    }
}

/// Whether the values of a type that only functions look into have a text.
fn has_text(name: &str) -> bool {
    [kubernetes::IP, kubernetes::CIDR].contains(&name)
}

struct Mismatch {
    message: String,
    mend: Option<String>,
}
