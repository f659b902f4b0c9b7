//! Where secret values flow inside an expression.
//!
//! An object of kind Secret is secret in its `data`, not in its name; what is computed from a secret value is secret as well,
//! also where it only decides between two others. `has(…)` tells that a key is there, which is no secret; `reveal(…)` is the
//! author's word that a value is none.

use std::ops::Range;

use cel_core::{BinaryOp, CelType, CheckResult, ComprehensionData, Expr, SpannedExpr};

use super::Scope;
use super::types::type_of;

/// What of a value is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Secrecy {
    /// Nothing.
    #[default]
    Open,
    /// It is a whole object of kind Secret.
    Object,
    /// It is the `metadata` of one: `kubectl apply` keeps the whole object in an annotation.
    Metadata,
    /// It is the `data` of one: the values are secret, the keys are not.
    Data,
    /// It is a list of such objects, or a map of them.
    Objects,
    /// All of it.
    Secret,
}

impl Secrecy {
    /// Of a value that is the one or the other.
    pub(crate) fn or(self, other: Secrecy) -> Secrecy {
        match (self, other) {
            (Secrecy::Open, other) | (other, Secrecy::Open) => other,
            (one, other) if one == other => one,
            _ => Secrecy::Secret,
        }
    }

    /// Of a value that is computed from values: secret if anything in one of them is.
    fn mixed(parts: impl IntoIterator<Item = Secrecy>) -> Secrecy {
        if parts.into_iter().all(|part| part == Secrecy::Open) { Secrecy::Open } else { Secrecy::Secret }
    }

    /// Of the field of that name.
    fn field(self, name: &str) -> Secrecy {
        match (self, name) {
            (Secrecy::Open, _) => Secrecy::Open,
            (Secrecy::Object, "data" | "stringData") => Secrecy::Data,
            (Secrecy::Object, "metadata") => Secrecy::Metadata,
            (Secrecy::Object, "apiVersion" | "kind" | "type" | "immutable") => Secrecy::Open,
            (Secrecy::Metadata, "annotations") => Secrecy::Secret,
            (Secrecy::Metadata, _) => Secrecy::Open,
            (Secrecy::Objects, _) => Secrecy::Object,
            (Secrecy::Object | Secrecy::Data | Secrecy::Secret, _) => Secrecy::Secret,
        }
    }

    /// Whether it is a secret that a part of it is there.
    fn presence(self) -> Secrecy {
        if self == Secrecy::Secret { Secrecy::Secret } else { Secrecy::Open }
    }
}

/// What is known of an expression.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    /// What of its value is secret.
    pub(super) secrecy: Secrecy,
    /// Where the first secret enters it.
    pub(super) from: Option<Range<usize>>,
    /// Where it first asks for a random value.
    pub(super) random: Option<Range<usize>>,
}

/// Functions whose values are random, and so are secret.
const RANDOM: [&str; 2] = ["randomAlphanumeric", "randomHex"];
/// How many nodes are looked at. Bodies of macros are walked twice, which nesting multiplies; beyond this all is secret.
const WORK: usize = 200_000;

/// Follows secret values through an expression.
pub(super) fn flow(expr: &SpannedExpr, types: &CheckResult, scope: &Scope) -> Flow {
    let mut walker = Walker { types, scope, locals: Vec::new(), flow: Flow::default(), work: 0 };
    let secrecy = walker.of(expr);
    Flow { secrecy, ..walker.flow }
}

struct Walker<'a> {
    types: &'a CheckResult,
    scope: &'a Scope,
    /// Variables of macros, from the outside in.
    locals: Vec<(&'a str, Secrecy)>,
    flow: Flow,
    work: usize,
}

impl<'a> Walker<'a> {
    fn of(&mut self, expr: &'a SpannedExpr) -> Secrecy {
        self.work += 1;
        if self.work > WORK {
            return Secrecy::Secret;
        }
        match &expr.node {
            Expr::Null
            | Expr::Bool(_)
            | Expr::Int(_)
            | Expr::UInt(_)
            | Expr::Float(_)
            | Expr::String(_)
            | Expr::Bytes(_)
            | Expr::Error => Secrecy::Open,
            Expr::Ident(name) => match self.local(name) {
                Some(secrecy) => secrecy,
                None => self.enters(self.scope.secrecy(name), expr),
            },
            Expr::RootIdent(name) => self.enters(self.scope.secrecy(name), expr),
            Expr::Member { expr: operand, field, .. } => match self.names(operand) {
                Some(root) => self.enters(self.scope.secrecy(&format!("{root}.{field}")), expr),
                None => {
                    let of = self.of(operand);
                    self.enters(of.field(field), expr)
                }
            },
            Expr::Index { expr: operand, index, .. } => {
                let (of, by) = (self.of(operand), self.of(index));
                let secrecy = match (&index.node, of) {
                    _ if by != Secrecy::Open => Secrecy::Secret,
                    (Expr::String(key), _) => of.field(key),
                    (_, Secrecy::Open) => Secrecy::Open,
                    (_, Secrecy::Objects) => Secrecy::Object,
                    _ => Secrecy::Secret,
                };
                self.enters(secrecy, expr)
            }
            Expr::MemberTestOnly { expr: operand, .. } => self.part(operand),
            Expr::Call { expr: callee, args } => self.call(expr, callee, args),
            Expr::Unary { expr, .. } => {
                let of = self.of(expr);
                Secrecy::mixed([of])
            }
            Expr::Binary { op, left, right } => self.binary(*op, left, right),
            Expr::Ternary { cond, then_expr, else_expr } => {
                let condition = self.of(cond);
                let value = self.of(then_expr).or(self.of(else_expr));
                if condition == Secrecy::Open { value } else { Secrecy::Secret }
            }
            Expr::List(items) => {
                let all: Vec<_> = items.iter().map(|item| self.of(&item.expr)).collect();
                together(&all)
            }
            Expr::Map(entries) => {
                let keys: Vec<_> = entries.iter().map(|entry| self.of(&entry.key)).collect();
                let values: Vec<_> = entries.iter().map(|entry| self.of(&entry.value)).collect();
                if Secrecy::mixed(keys) == Secrecy::Open { together(&values) } else { Secrecy::Secret }
            }
            Expr::Struct { fields, .. } => {
                let all: Vec<_> = fields.iter().map(|field| self.of(&field.value)).collect();
                Secrecy::mixed(all)
            }
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

    fn local(&self, name: &str) -> Option<Secrecy> {
        self.locals.iter().rev().find(|(local, _)| *local == name).map(|(_, secrecy)| *secrecy)
    }

    /// The root whose fields are names of their own, if an expression is one.
    fn names(&self, expr: &'a SpannedExpr) -> Option<&'a str> {
        let name = match &expr.node {
            Expr::Ident(name) if self.local(name).is_none() => name,
            Expr::RootIdent(name) => name,
            _ => return None,
        };
        matches!(name.as_str(), "children" | "reads" | "vars").then_some(name)
    }

    /// Notes where the first secret comes from.
    fn enters(&mut self, secrecy: Secrecy, expr: &SpannedExpr) -> Secrecy {
        if secrecy != Secrecy::Open {
            match &mut self.flow.from {
                // A path is secret from one of its steps on; the whole of it says more.
                Some(from) if from.start == expr.span.start => from.end = from.end.max(expr.span.end),
                Some(_) => {}
                None => self.flow.from = Some(expr.span.clone()),
            }
        }
        secrecy
    }

    /// Whether it is a secret that a part of this value is there; the value itself goes nowhere.
    fn part(&mut self, operand: &'a SpannedExpr) -> Secrecy {
        let from = self.flow.from.clone();
        let secrecy = match self.names(operand) {
            Some(_) => Secrecy::Open,
            None => self.of(operand).presence(),
        };
        if secrecy == Secrecy::Open {
            self.flow.from = from;
        }
        secrecy
    }

    fn call(&mut self, expr: &'a SpannedExpr, callee: &'a SpannedExpr, args: &'a [SpannedExpr]) -> Secrecy {
        match (&callee.node, args) {
            (Expr::Ident(name) | Expr::RootIdent(name), _) => {
                let from = self.flow.from.clone();
                let of: Vec<_> = args.iter().map(|arg| self.of(arg)).collect();
                match (name.as_str(), of.as_slice()) {
                    ("reveal", [_]) => {
                        self.flow.from = from;
                        Secrecy::Open
                    }
                    // The digest of a Secret is mixed with its UID; that of a bare value could be looked up in a table.
                    ("contentDigest", [Secrecy::Open | Secrecy::Object]) => {
                        self.flow.from = from;
                        Secrecy::Open
                    }
                    ("default", [value, fallback]) => value.or(*fallback),
                    ("dyn", [value]) => *value,
                    (name, _) if RANDOM.contains(&name) => {
                        self.flow.random.get_or_insert_with(|| expr.span.clone());
                        self.enters(Secrecy::Secret, expr)
                    }
                    _ => Secrecy::mixed(of),
                }
            }
            (Expr::Member { expr: receiver, field, .. }, []) if field == "hasValue" => match &receiver.node {
                Expr::Member { expr: operand, .. } => self.part(operand),
                Expr::Index { expr: operand, index, .. } => {
                    let (part, by) = (self.part(operand), self.of(index));
                    Secrecy::mixed([part, by])
                }
                _ => self.of(receiver).presence(),
            },
            (Expr::Member { expr: receiver, field, .. }, []) if field == "value" => self.of(receiver),
            (Expr::Member { expr: receiver, field, .. }, [other]) if field == "orValue" || field == "or" => {
                self.of(receiver).or(self.of(other))
            }
            (Expr::Member { expr: library, field, .. }, [value])
                if field == "of" && matches!(&library.node, Expr::Ident(name) if name == "optional") =>
            {
                self.of(value)
            }
            (Expr::Member { expr: receiver, .. }, _) => {
                let receiver = self.of(receiver);
                let args: Vec<_> = args.iter().map(|arg| self.of(arg)).collect();
                Secrecy::mixed(args.into_iter().chain([receiver]))
            }
            _ => {
                let all: Vec<_> = args.iter().map(|arg| self.of(arg)).collect();
                Secrecy::mixed(all)
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &'a SpannedExpr, right: &'a SpannedExpr) -> Secrecy {
        let from = self.flow.from.clone();
        let (one, other) = (self.of(left), self.of(right));
        match (op, one, other) {
            (BinaryOp::In, Secrecy::Open, Secrecy::Data | Secrecy::Objects)
                if matches!(type_of(right, self.types), CelType::Map(..)) =>
            {
                self.flow.from = from;
                Secrecy::Open
            }
            (BinaryOp::Add, Secrecy::Open | Secrecy::Objects, Secrecy::Open | Secrecy::Objects) => one.or(other),
            _ => Secrecy::mixed([one, other]),
        }
    }

    fn comprehension(&mut self, data: &'a ComprehensionData) -> Secrecy {
        let range = self.of(&data.iter_range);
        let two = !data.iter_var2.is_empty();
        let map = matches!(type_of(&data.iter_range, self.types), CelType::Map(..));
        let (key, value) = match range {
            Secrecy::Open => (Secrecy::Open, Secrecy::Open),
            Secrecy::Objects => (Secrecy::Open, Secrecy::Object),
            Secrecy::Data => (Secrecy::Open, Secrecy::Secret),
            Secrecy::Object | Secrecy::Metadata | Secrecy::Secret => (Secrecy::Secret, Secrecy::Secret),
        };
        let init = self.of(&data.accu_init);
        let outer = self.locals.len();
        self.locals.push((&data.iter_var, if two || map { key } else { value }));
        self.locals.push((&data.iter_var2, value));
        self.locals.push((&data.accu_var, init));
        let last = self.locals.len() - 1;
        let mut accumulated = init;
        for _ in 0..2 {
            self.locals[last].1 = accumulated;
            let next = accumulated.or(self.of(&data.loop_step));
            if next == accumulated {
                break;
            }
            // A second change can only lead to the top.
            accumulated = if accumulated == init { next } else { Secrecy::Secret };
        }
        self.locals[last].1 = accumulated;
        let condition = self.of(&data.loop_condition);
        let result = self.of(&data.result);
        self.locals.truncate(outer);
        // How many items a secret list has is a secret as well.
        let open = key == Secrecy::Open && condition == Secrecy::Open;
        if open { result } else { Secrecy::Secret }
    }
}

/// Of a list or map of these values.
fn together(values: &[Secrecy]) -> Secrecy {
    match values {
        [first, rest @ ..] if *first == Secrecy::Object && rest.iter().all(|value| value == first) => Secrecy::Objects,
        values => Secrecy::mixed(values.iter().copied()),
    }
}
