//! Which values of the resource a Katalog uses, as far as its text says.

use super::shape::{Scalar, Shape};
use crate::ast::Template;
use crate::cel::ast::{BinaryOp, Expr, SpannedExpr, UnaryOp, children};
use crate::cel::{self, Piece};
use crate::yaml::{Node, Value};

/// A step of a path from the resource's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A field, or a key of a map.
    Field(String),
    /// Any item of a list.
    Item,
}

/// Names that stand for elements of lists.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<(String, Vec<Step>)>);

/// Functions whose first argument, or receiver, is a text.
const OF_TEXT: [&str; 22] = [
    "toLower",
    "toUpper",
    "trim",
    "replace",
    "split",
    "slugify",
    "sha256sum",
    "truncateName",
    "fromBase64",
    "toBase64",
    "parseQuantity",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "lowerAscii",
    "upperAscii",
    "substring",
    "find",
    "quantity",
    "indexOf",
    "charAt",
];

/// Notes what an entry uses.
pub(super) fn entry(node: &Node, shape: &mut Shape) {
    walk(node, &Names::default(), shape);
}

fn walk(node: &Node, names: &Names, shape: &mut Shape) {
    match &node.value {
        Value::String(text) if text.has_expressions() => {
            for piece in cel::split(&text.text).unwrap_or_default() {
                if let Piece::Expression { source, .. } = piece
                    && let Ok(parsed) = cel::parse_free(&source, "")
                {
                    names.expression(parsed.ast.expr(), None, shape);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| walk(item, names, shape)),
        Value::Map(members) => {
            let names = match node.get("forEach") {
                Some(each) => for_each(each, names, shape),
                None => names.clone(),
            };
            if let Some(field) = node.get("field").and_then(Node::text) {
                compared(field, members.iter().map(|(key, node)| (key.text.as_str(), node)), &names, shape);
            }
            let raw = members.iter().any(|(key, node)| key.text == "raw" && node.value == Value::Bool(true));
            for (key, node) in members {
                if !raw || Template::is_common(&key.text) {
                    walk(node, &names, shape);
                }
            }
        }
        _ => {}
    }
}

/// `field`, of a condition, a rule or a mutation: a path from the root, and what is compared with it or given for it.
fn compared<'a>(field: &str, members: impl Iterator<Item = (&'a str, &'a Node)>, names: &Names, shape: &mut Shape) {
    let Some(path) = written(field, names) else { return };
    shape.uses(&path);
    shape.asks(&path);
    for (_, value) in members.filter(|(key, _)| !matches!(*key, "field" | "message" | "rule" | "exists" | "notExists"))
    {
        if let Some(scalar) = Scalar::of_node(value) {
            shape.is(&path, scalar);
        }
    }
}

/// A path that stands alone, with braces or without.
fn written(text: &str, names: &Names) -> Option<Vec<Step>> {
    let inner = match cel::split(text).ok()?.as_slice() {
        [Piece::Expression { source, .. }] => source.clone(),
        [Piece::Literal { text, .. }] => text.clone(),
        _ => return None,
    };
    names.path(cel::parse_free(&inner, "").ok()?.ast.expr())
}

fn for_each(each: &Node, names: &Names, shape: &mut Shape) -> Names {
    let mut names = names.clone();
    let Some(path) = each.get("field").and_then(Node::text).and_then(|field| written(field, &names)) else {
        return names;
    };
    shape.lists(&path);
    let item = [path, vec![Step::Item]].concat();
    if let Some(key) = each.get("key").and_then(Node::text) {
        shape.is(&[item.clone(), vec![Step::Field(key.to_owned())]].concat(), Scalar::Text);
    }
    for name in ["item"].into_iter().chain(each.get("as").and_then(Node::text)) {
        names.0.push((name.to_owned(), item.clone()));
    }
    names
}

impl Names {
    /// Adds the names of `forEach` over a range.
    pub(super) fn element(&mut self, range: &SpannedExpr, name: Option<&str>) {
        if let Some(path) = self.path(range) {
            let item = [path, vec![Step::Item]].concat();
            for name in ["item"].into_iter().chain(name) {
                self.0.push((name.to_owned(), item.clone()));
            }
        }
    }

    /// The path that an expression is, if it is nothing else.
    fn path(&self, expr: &SpannedExpr) -> Option<Vec<Step>> {
        match &expr.node {
            Expr::Ident(name) | Expr::RootIdent(name) => {
                if let Some((_, path)) = self.0.iter().rev().find(|(known, _)| known == name) {
                    return Some(path.clone());
                }
                match name.as_str() {
                    "object" => Some(Vec::new()),
                    "metadata" | "spec" | "status" => Some(vec![Step::Field(name.clone())]),
                    _ => None,
                }
            }
            Expr::Member { expr, field, .. } | Expr::MemberTestOnly { expr, field } => {
                let mut path = self.path(expr)?;
                path.push(Step::Field(field.clone()));
                Some(path)
            }
            Expr::Index { expr, index, .. } => {
                let mut path = self.path(expr)?;
                path.push(match &index.node {
                    Expr::String(key) => Step::Field(key.clone()),
                    _ => Step::Item,
                });
                Some(path)
            }
            _ => None,
        }
    }

    /// The paths that an expression's value is taken from as it is.
    pub(super) fn results(&self, expr: &SpannedExpr) -> Vec<Vec<Step>> {
        if let Some(path) = self.path(expr) {
            return vec![path];
        }
        match &expr.node {
            Expr::Ternary { then_expr, else_expr, .. } => [self.results(then_expr), self.results(else_expr)].concat(),
            Expr::Call { expr: callee, args } if matches!(&callee.node, Expr::Ident(name) if name == "default") => {
                args.iter().flat_map(|arg| self.results(arg)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Every path in an expression.
    pub(super) fn all(&self, expr: &SpannedExpr) -> Vec<Vec<Step>> {
        match self.path(expr) {
            Some(path) => vec![path],
            None => children(expr).into_iter().flat_map(|child| self.all(child)).collect(),
        }
    }

    /// Notes what an expression uses; `scalar` is the type that its value has to have.
    fn expression(&self, expr: &SpannedExpr, scalar: Option<Scalar>, shape: &mut Shape) {
        if let Some(path) = self.path(expr) {
            shape.uses(&path);
            if matches!(expr.node, Expr::MemberTestOnly { .. }) {
                shape.asks(&path);
            } else if let Some(scalar) = scalar {
                shape.is(&path, scalar);
            }
            self.indexes(expr, shape);
            return;
        }
        match &expr.node {
            Expr::Binary { op, left, right } => self.binary(*op, left, right, shape),
            Expr::Unary { op, expr } => {
                let of = if *op == UnaryOp::Not { Some(Scalar::Bool) } else { scalar };
                self.expression(expr, of, shape);
            }
            Expr::Ternary { cond, then_expr, else_expr } => {
                self.expression(cond, Some(Scalar::Bool), shape);
                self.expression(then_expr, scalar.or(Scalar::of_literal(&else_expr.node)), shape);
                self.expression(else_expr, scalar.or(Scalar::of_literal(&then_expr.node)), shape);
            }
            Expr::Call { expr: callee, args } => self.call(callee, args, scalar, shape),
            Expr::Comprehension(data) => {
                let mut inner = self.clone();
                if let Some(path) = self.path(&data.iter_range) {
                    shape.lists(&path);
                    inner.0.push((data.iter_var.clone(), [path, vec![Step::Item]].concat()));
                }
                self.expression(&data.iter_range, None, shape);
                for part in [&data.loop_condition, &data.loop_step, &data.result] {
                    inner.expression(part, None, shape);
                }
            }
            _ => children(expr).into_iter().for_each(|child| self.expression(child, None, shape)),
        }
    }

    /// What stands between the brackets of a path.
    fn indexes(&self, expr: &SpannedExpr, shape: &mut Shape) {
        match &expr.node {
            Expr::Index { expr, index, .. } => {
                self.expression(index, None, shape);
                self.indexes(expr, shape);
            }
            Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => self.indexes(expr, shape),
            _ => {}
        }
    }

    fn binary(&self, op: BinaryOp, left: &SpannedExpr, right: &SpannedExpr, shape: &mut Shape) {
        let of = |other: &SpannedExpr| Scalar::of_literal(&other.node);
        match op {
            BinaryOp::And | BinaryOp::Or => {
                self.expression(left, Some(Scalar::Bool), shape);
                self.expression(right, Some(Scalar::Bool), shape);
            }
            BinaryOp::In => {
                let item = match &right.node {
                    Expr::List(items) => items.first().and_then(|item| of(&item.expr)),
                    _ => None,
                };
                self.expression(left, item, shape);
                if let (Some(path), Some(item)) = (self.path(right), of(left)) {
                    shape.is(&[path, vec![Step::Item]].concat(), item);
                }
                self.expression(right, None, shape);
            }
            _ => {
                self.expression(left, of(right), shape);
                self.expression(right, of(left), shape);
            }
        }
    }

    fn call(&self, callee: &SpannedExpr, args: &[SpannedExpr], scalar: Option<Scalar>, shape: &mut Shape) {
        let (name, receiver) = match &callee.node {
            Expr::Ident(name) | Expr::RootIdent(name) => (name.as_str(), None),
            Expr::Member { expr, field, .. } => (field.as_str(), Some(&**expr)),
            _ => ("", None),
        };
        if let ("default", [value, other]) = (name, args) {
            let scalar = Scalar::of_literal(&other.node).or(scalar);
            self.expression(value, scalar, shape);
            self.expression(other, scalar, shape);
            if let Some(path) = self.path(value) {
                shape.asks(&path);
            }
            return;
        }
        let first = if OF_TEXT.contains(&name) { Some(Scalar::Text) } else { None };
        if name == "join"
            && let Some(path) = receiver.or(args.first()).and_then(|list| self.path(list))
        {
            shape.is(&[path, vec![Step::Item]].concat(), Scalar::Text);
        }
        for (number, value) in receiver.into_iter().chain(args).enumerate() {
            self.expression(value, if number == 0 { first } else { None }, shape);
        }
    }
}
