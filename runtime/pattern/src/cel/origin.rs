//! Which values of the resource flow into the value of an expression.
//!
//! Whoever may write the resource decides these values: a tenant. What is computed from one is a tenant's as well, also where it
//! only decides between two others. What the tenant's value *is* and what is only *computed* from it are told apart, because a
//! field of the first has a path of its own.

use std::collections::BTreeSet;
use std::fmt;

use cel_core::{BinaryOp, CelType, CheckResult, ComprehensionData, Expr, SpannedExpr};

use super::Scope;
use super::types::type_of;

/// A value that the pattern's author did not write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Whose value it is.
    pub root: Root,
    /// The keys down to it, as far as they are constant: items of a list and values under computed keys have the path of the
    /// list or map.
    pub path: Vec<String>,
    /// The value lies at the path; otherwise it is computed from what lies there.
    pub whole: bool,
}

/// The object that an [`Origin`] lies in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// The resource itself.
    Object,
    /// A child as it is observed, by its id.
    Child(String),
    /// An object that is read, by the read's id.
    Read(String),
    /// What the hook gave: it sees the resource, and what it makes of that is its own.
    Hook,
}

/// All that flow into one value.
pub(crate) type Origins = BTreeSet<Origin>;

/// A path of keys as an expression would write it; of no keys it is `object`.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a [String]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |key: &str| {
            key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match self.0 {
            [] => f.write_str("object"),
            [first, rest @ ..] => {
                f.write_str(first)?;
                for key in rest {
                    match name(key) {
                        true => write!(f, ".{key}")?,
                        false => write!(f, "['{}']", key.escape_default())?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl Origin {
    pub(crate) fn of(root: Root, path: &[&str]) -> Self {
        Self { root, path: path.iter().map(|key| (*key).to_owned()).collect(), whole: true }
    }

    fn all() -> Self {
        Self::of(Root::Object, &[])
    }
}

/// How many nodes are looked at. Bodies of macros are walked twice, which nesting multiplies; beyond this the whole resource flows.
const WORK: usize = 200_000;

/// Follows values of the resource through an expression.
pub(super) fn origins(expr: &SpannedExpr, types: &CheckResult, scope: &Scope) -> Origins {
    Walker { types, scope, locals: Vec::new(), work: 0 }.of(expr)
}

/// What is computed from values.
fn computed(parts: impl IntoIterator<Item = Origin>) -> Origins {
    parts.into_iter().map(|origin| Origin { whole: false, ..origin }).collect()
}

fn step(origins: Origins, key: &str) -> Origins {
    let below = |mut origin: Origin| {
        if origin.whole {
            origin.path.push(key.to_owned());
        }
        origin
    };
    origins.into_iter().map(below).collect()
}

fn union(mut one: Origins, other: Origins) -> Origins {
    one.extend(other);
    one
}

struct Walker<'a> {
    types: &'a CheckResult,
    scope: &'a Scope,
    /// Variables of macros, from the outside in.
    locals: Vec<(&'a str, Origins)>,
    work: usize,
}

impl<'a> Walker<'a> {
    fn of(&mut self, expr: &'a SpannedExpr) -> Origins {
        self.work += 1;
        if self.work > WORK {
            return [Origin::all()].into();
        }
        match &expr.node {
            Expr::Null
            | Expr::Bool(_)
            | Expr::Int(_)
            | Expr::UInt(_)
            | Expr::Float(_)
            | Expr::String(_)
            | Expr::Bytes(_)
            | Expr::Error => Origins::new(),
            Expr::Ident(name) => match self.local(name) {
                Some(origins) => origins.clone(),
                None => self.scope.origins(name),
            },
            Expr::RootIdent(name) => self.scope.origins(name),
            Expr::Member { expr: operand, field, .. } => self.member(operand, field),
            Expr::MemberTestOnly { expr: operand, field } => computed(self.member(operand, field)),
            Expr::Index { expr: operand, index, .. } => match &index.node {
                Expr::String(key) => self.member(operand, key),
                _ => {
                    let by = computed(self.of(index));
                    union(self.of(operand), by)
                }
            },
            Expr::Call { expr: callee, args } => self.call(callee, args),
            Expr::Unary { expr, .. } => computed(self.of(expr)),
            Expr::Binary { op, left, right } => {
                let both = union(self.of(left), self.of(right));
                let joined = *op == BinaryOp::Add && matches!(type_of(expr, self.types), CelType::List(_));
                if joined { both } else { computed(both) }
            }
            Expr::Ternary { cond, then_expr, else_expr } => {
                let condition = computed(self.of(cond));
                union(union(self.of(then_expr), self.of(else_expr)), condition)
            }
            Expr::List(items) => computed(self.all(items.iter().map(|item| &item.expr))),
            Expr::Map(entries) => computed(self.all(entries.iter().flat_map(|entry| [&entry.key, &entry.value]))),
            Expr::Struct { fields, .. } => computed(self.all(fields.iter().map(|field| &field.value))),
            Expr::Bind { var_name, init, body } => {
                let init = self.of(init);
                self.locals.push((var_name, init));
                let body = self.of(body);
                self.locals.pop();
                body
            }
            Expr::Comprehension(data) => self.comprehension(data),
        }
    }

    fn all(&mut self, parts: impl IntoIterator<Item = &'a SpannedExpr>) -> Origins {
        parts.into_iter().flat_map(|part| self.of(part)).collect()
    }

    fn local(&self, name: &str) -> Option<&Origins> {
        self.locals.iter().rev().find(|(local, _)| *local == name).map(|(_, origins)| origins)
    }

    fn member(&mut self, operand: &'a SpannedExpr, field: &str) -> Origins {
        let name = match &operand.node {
            Expr::Ident(name) if self.local(name).is_none() => Some(name.as_str()),
            Expr::RootIdent(name) => Some(name.as_str()),
            _ => None,
        };
        match name {
            Some(root @ ("children" | "reads" | "vars")) => self.scope.origins(&format!("{root}.{field}")),
            _ => step(self.of(operand), field),
        }
    }

    fn call(&mut self, callee: &'a SpannedExpr, args: &'a [SpannedExpr]) -> Origins {
        match &callee.node {
            Expr::Ident(name) | Expr::RootIdent(name) => {
                let all = self.all(args);
                // What these give is one of their arguments.
                if matches!(name.as_str(), "default" | "dyn" | "reveal") { all } else { computed(all) }
            }
            Expr::Member { expr: receiver, field, .. } => {
                let all = union(self.of(receiver), self.all(args));
                if matches!(field.as_str(), "value" | "orValue" | "or" | "of") { all } else { computed(all) }
            }
            _ => computed(self.all(args)),
        }
    }

    fn comprehension(&mut self, data: &'a ComprehensionData) -> Origins {
        let range = self.of(&data.iter_range);
        let size = computed(range.clone());
        let two = !data.iter_var2.is_empty();
        let map = matches!(type_of(&data.iter_range, self.types), CelType::Map(..));
        let init = computed(self.of(&data.accu_init));
        let outer = self.locals.len();
        self.locals.push((&data.iter_var, if two || map { size.clone() } else { range.clone() }));
        self.locals.push((&data.iter_var2, range));
        self.locals.push((&data.accu_var, init.clone()));
        let last = self.locals.len() - 1;
        // What is accumulated has no paths of its own, so that nothing is added after the second time.
        let mut accumulated = init;
        for _ in 0..2 {
            self.locals[last].1 = accumulated.clone();
            accumulated.extend(computed(self.of(&data.loop_step)));
        }
        self.locals[last].1 = accumulated;
        let condition = computed(self.of(&data.loop_condition));
        let result = self.of(&data.result);
        self.locals.truncate(outer);
        union(union(result, condition), size)
    }
}
