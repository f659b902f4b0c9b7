//! The walk over the syntax tree.

use orkestra_pattern::cel::Checked;
use orkestra_pattern::cel::ast::{BinaryOp, CheckResult, ComprehensionData, Expr as Node, SpannedExpr, Type, UnaryOp};
use orkestra_program::function::Function;
use orkestra_program::model::{Expr, Fold, Item, Loop, Pair, Root, Select};

use super::convert::{self, convert, from_json};
use super::loops;
use super::names::Names;

/// A variable of a macro or of `cel.bind`. Its slot is its position, after the slots that are taken from the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local<'a> {
    pub(crate) name: &'a str,
    /// Its value is a part of an object, as JSON has it.
    pub(crate) from_json: bool,
}

pub(super) struct Lowering<'a> {
    checked: &'a Checked,
    types: Option<&'a CheckResult>,
    names: Names<'a>,
    locals: Vec<Local<'a>>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(checked: &'a Checked, names: Names<'a>) -> Lowering<'a> {
        // Bindings are values of CEL already, so nothing is converted.
        let types = checked.ast.type_info().filter(|_| matches!(names, Names::Entry(_)));
        Lowering { checked, types, names, locals: Vec::new() }
    }

    /// The whole expression. A lone path is copied as it is.
    pub(super) fn whole(mut self) -> Expr {
        let root = self.checked.ast.expr();
        let value = if is_path(root) { self.path(root) } else { self.lower(root) };
        self.relying(value)
    }

    fn lower(&mut self, node: &'a SpannedExpr) -> Expr {
        let value = if is_path(node) { self.path(node) } else { self.other(node) };
        convert(value, node, self.types, &self.locals, self.slot(self.locals.len()))
    }

    /// A value that is there where all is that it relies on.
    fn relying(&self, value: Expr) -> Expr {
        let optional = |root: &SpannedExpr| {
            let ty = self.types.and_then(|types| types.type_map.get(&root.id));
            matches!(ty, Some(Type::Optional(_)))
        };
        let there = self.checked.relies.iter().filter_map(|(child, key)| {
            let (object, _) = self.names.resolve(&["children", child], false)?;
            Some(is_there(optional_field(optional_field(object, "data"), key)))
        });
        let Some(there) = there.reduce(|all, next| Expr::And(Box::new(all), Box::new(next))) else { return value };
        let value = match optional(self.checked.ast.expr()) {
            true => value,
            false => Expr::Call(Function::OptionalOf, vec![value]),
        };
        let none = Expr::Call(Function::OptionalNone, Vec::new());
        Expr::Cond(Box::new(there), Box::new(value), Box::new(none))
    }

    fn boxed(&mut self, node: &'a SpannedExpr) -> Box<Expr> {
        Box::new(self.lower(node))
    }

    fn call(&mut self, function: Function, arguments: impl IntoIterator<Item = &'a SpannedExpr>) -> Expr {
        Expr::Call(function, arguments.into_iter().map(|argument| self.lower(argument)).collect())
    }

    /// A path, as it is needed: its value, or an optional where it may be absent.
    fn path(&mut self, node: &'a SpannedExpr) -> Expr {
        if self.checked.optional.contains(&node.id) {
            return self.optional_path(node);
        }
        if let Some(value) = self.name(node) {
            return match value {
                Expr::Var(_) if self.is_absent_var(node) => Expr::Call(Function::Value, vec![value]),
                value => value,
            };
        }
        if let Some(value) = self.optional_name(node) {
            return value;
        }
        match &node.node {
            Node::Member { expr, field, optional } => {
                let mode = if *optional { Select::Optional } else { Select::Strict };
                Expr::Select { operand: Box::new(self.path_operand(expr)), field: field.clone(), mode }
            }
            Node::Index { expr, index, optional } => {
                let operand = Box::new(self.path_operand(expr));
                Expr::Index { operand, index: self.boxed(index), optional: *optional }
            }
            _ => fails(),
        }
    }

    /// What stands before a field or index: no conversion, because nothing that has fields is converted.
    fn path_operand(&mut self, node: &'a SpannedExpr) -> Expr {
        if is_path(node) { self.path(node) } else { self.lower(node) }
    }

    /// A path as an optional: none where any step of it is absent.
    fn optional_path(&mut self, node: &'a SpannedExpr) -> Expr {
        match self.name(node) {
            // The whole object is always there, its parts need not be.
            Some(Expr::Root(root @ (Root::Metadata | Root::Spec | Root::Status))) => {
                let field = match root {
                    Root::Metadata => "metadata",
                    Root::Spec => "spec",
                    _ => "status",
                };
                return optional_field(Expr::Root(Root::Object), field);
            }
            // The slot of a variable that may be absent holds an optional already.
            Some(value) => return value,
            None => {}
        }
        if let Some(value) = self.optional_name(node) {
            return value;
        }
        match &node.node {
            Node::Member { expr, field, .. } => optional_field(self.optional_path(expr), field),
            Node::Index { expr, index, .. } => {
                let operand = Box::new(self.optional_path(expr));
                Expr::Index { operand, index: self.boxed(index), optional: true }
            }
            _ => self.lower(node),
        }
    }

    /// What a name stands for, if the node is exactly a name.
    fn name(&self, node: &SpannedExpr) -> Option<Expr> {
        let (parts, from_root) = dotted(node)?;
        if !from_root && let Some(slot) = self.locals.iter().rposition(|local| local.name == parts[0]) {
            return (parts.len() == 1).then(|| Expr::Local(self.slot(slot)));
        }
        let (value, length) = self.names.resolve(&parts, from_root)?;
        (length == parts.len()).then_some(value)
    }

    /// `reads.?x`, `vars.?x`, `children.?x`: what the name stands for, as an optional.
    fn optional_name(&self, node: &SpannedExpr) -> Option<Expr> {
        let Node::Member { expr, field, optional: true } = &node.node else { return None };
        let (mut parts, from_root) = dotted(expr)?;
        if !from_root && self.locals.iter().any(|local| local.name == parts[0]) {
            return None;
        }
        parts.push(field);
        let (value, length) = self.names.resolve(&parts, from_root)?;
        match value {
            _ if length != parts.len() => None,
            Expr::Var(_) if self.checked.absent_vars.contains(field) => Some(value),
            Expr::Var(_) | Expr::Child(_) => Some(Expr::Call(Function::OptionalOf, vec![value])),
            // An object is never empty, so only a missing one is none.
            Expr::Read(_) => {
                let object = Expr::Default(Box::new(value), Box::new(Expr::Null));
                Some(Expr::Call(Function::OptionalOfNonZeroValue, vec![object]))
            }
            _ => None,
        }
    }

    /// The slot of a local. Slots are as deep as expressions are nested, which is far below what 16 bits count.
    fn slot(&self, position: usize) -> u16 {
        u16::try_from(self.names.slots() + position).unwrap_or(u16::MAX)
    }

    fn is_absent_var(&self, node: &SpannedExpr) -> bool {
        matches!(&node.node, Node::Member { field, .. } if self.checked.absent_vars.contains(field))
    }

    fn other(&mut self, node: &'a SpannedExpr) -> Expr {
        match &node.node {
            Node::Null => Expr::Null,
            Node::Bool(value) => Expr::Bool(*value),
            Node::Int(value) => Expr::Int(*value),
            Node::UInt(value) => Expr::Uint(*value),
            Node::Float(value) => Expr::Double(*value),
            Node::String(value) => Expr::String(value.clone()),
            Node::Bytes(value) => Expr::Bytes(value.clone()),
            Node::List(items) => Expr::List(
                items.iter().map(|item| Item { value: self.lower(&item.expr), optional: item.optional }).collect(),
            ),
            Node::Map(entries) => Expr::Map(
                entries
                    .iter()
                    .map(|entry| Pair {
                        key: self.lower(&entry.key),
                        value: self.lower(&entry.value),
                        optional: entry.optional,
                    })
                    .collect(),
            ),
            Node::Unary { op, expr } => match (op, &expr.node) {
                (UnaryOp::Neg, Node::Int(value)) if *value != i64::MIN => Expr::Int(-value),
                (UnaryOp::Neg, Node::Float(value)) => Expr::Double(-value),
                (UnaryOp::Neg, _) => self.call(Function::Negate, [&**expr]),
                (UnaryOp::Not, _) => self.call(Function::Not, [&**expr]),
            },
            Node::Binary { op, left, right } => match binary(*op) {
                Some(function) => self.call(function, [&**left, &**right]),
                None if *op == BinaryOp::And => Expr::And(self.boxed(left), self.boxed(right)),
                None => Expr::Or(self.boxed(left), self.boxed(right)),
            },
            Node::Ternary { cond, then_expr, else_expr } => {
                Expr::Cond(self.boxed(cond), self.boxed(then_expr), self.boxed(else_expr))
            }
            Node::Call { expr: callee, args } => self.function(callee, args),
            Node::MemberTestOnly { expr, field } => self.presence(node, expr, field),
            Node::Comprehension(data) => self.comprehension(data),
            Node::Bind { var_name, init, body } => {
                let from_json = self.types.is_some() && from_json(init, &self.locals);
                let init = self.boxed(init);
                let slot = self.slot(self.locals.len());
                self.locals.push(Local { name: var_name, from_json });
                let body = self.boxed(body);
                self.locals.pop();
                Expr::Bind { slot, init, body }
            }
            // Paths are lowered elsewhere. The check lets none of the others through.
            Node::Ident(_)
            | Node::RootIdent(_)
            | Node::Member { .. }
            | Node::Index { .. }
            | Node::Struct { .. }
            | Node::Error => fails(),
        }
    }

    fn presence(&mut self, node: &'a SpannedExpr, operand: &'a SpannedExpr, field: &str) -> Expr {
        let named = dotted(operand).and_then(|(mut parts, from_root)| {
            let local = !from_root && self.locals.iter().any(|local| local.name == parts[0]);
            parts.push(field);
            let resolved = if local { None } else { self.names.resolve(&parts, from_root) };
            resolved.filter(|(_, length)| *length == parts.len())
        });
        let value = match named {
            Some((Expr::Read(read), _)) => Expr::Read(read),
            Some((Expr::Var(slot), _)) if self.checked.absent_vars.contains(field) => Expr::Var(slot),
            // What depends on a child is not rendered before that is there.
            Some((Expr::Var(_) | Expr::Child(_), _)) => return Expr::Bool(true),
            _ if !self.checked.optional.contains(&node.id) => {
                return Expr::Select {
                    operand: Box::new(self.path_operand(operand)),
                    field: field.to_owned(),
                    mode: Select::Test,
                };
            }
            _ => optional_field(self.optional_path(operand), field),
        };
        is_there(value)
    }

    fn function(&mut self, callee: &'a SpannedExpr, args: &'a [SpannedExpr]) -> Expr {
        match &callee.node {
            Node::Ident(name) | Node::RootIdent(name) => match (name.as_str(), args) {
                ("default", [value, fallback]) => {
                    let found = if is_path(value) { self.path(value) } else { self.lower(value) };
                    let fallback = self.lower(fallback);
                    convert::default(found, value, self.types, self.slot(self.locals.len()), fallback)
                }
                _ => match Function::from_name(name) {
                    Some(function) => self.call(function, args),
                    None => self.note(name, args).unwrap_or_else(fails),
                },
            },
            Node::Member { expr: receiver, field, .. } => {
                let library =
                    dotted(callee).filter(|(parts, _)| !self.locals.iter().any(|local| local.name == parts[0]));
                if let Some(function) = library.and_then(|(parts, _)| Function::from_name(&parts.join("."))) {
                    return self.call(function, args);
                }
                match Function::from_name(field) {
                    // An empty list does not say of what type its sum is.
                    Some(Function::Sum) => Expr::Call(Function::Sum, vec![self.lower(receiver), self.zero(receiver)]),
                    Some(function) => self.call(function, std::iter::once(&**receiver).chain(args)),
                    None => fails(),
                }
            }
            _ => fails(),
        }
    }

    /// A function that is another name for what the engine has.
    fn note(&mut self, name: &str, args: &'a [SpannedExpr]) -> Option<Expr> {
        let [value] = args else { return None };
        let (outer, inner) = match name {
            "toLower" => (Function::LowerAscii, None),
            "toUpper" => (Function::UpperAscii, None),
            "toBase64" => (Function::Base64Encode, Some(Function::Bytes)),
            "fromBase64" => (Function::String, Some(Function::Base64Decode)),
            "parseQuantity" => (Function::AsApproximateFloat, Some(Function::Quantity)),
            _ => return None,
        };
        let value = self.lower(value);
        let value = inner.into_iter().fold(value, |value, inner| Expr::Call(inner, vec![value]));
        Some(Expr::Call(outer, vec![value]))
    }

    /// The sum of no items of a list.
    fn zero(&self, list: &SpannedExpr) -> Expr {
        let types = self.checked.ast.type_info();
        match types.and_then(|types| types.type_map.get(&list.id)) {
            Some(Type::List(item)) => match **item {
                Type::UInt => Expr::Uint(0),
                Type::Double => Expr::Double(0.0),
                Type::Duration => Expr::Duration(0),
                _ => Expr::Int(0),
            },
            _ => Expr::Int(0),
        }
    }

    fn comprehension(&mut self, data: &'a ComprehensionData) -> Expr {
        let range = self.lower(&data.iter_range);
        let items_from_json = self.types.is_some() && from_json(&data.iter_range, &self.locals);
        let outer = self.locals.len();
        let slot = self.slot(outer);
        let two = !data.iter_var2.is_empty();
        let slot2 = two.then(|| self.slot(outer + 1));
        let shape = loops::recognise(data);
        let init = shape.is_none().then(|| self.lower(&data.accu_init));
        // Of two variables the first is a position or a key, which are the same in JSON and CEL.
        self.locals.push(Local { name: &data.iter_var, from_json: items_from_json && !two });
        if two {
            self.locals.push(Local { name: &data.iter_var2, from_json: items_from_json });
        }
        let lowered = match (shape, init) {
            (Some(shape), _) => {
                let predicate = shape.predicate.map(|node| self.lower(node));
                let result = shape.result.map(|node| self.lower(node));
                Expr::Loop(Box::new(Loop { kind: shape.kind, range, slot, slot2, predicate, result }))
            }
            (None, init) => {
                let accumulator = self.slot(self.locals.len());
                self.locals.push(Local { name: &data.accu_var, from_json: false });
                Expr::Fold(Box::new(Fold {
                    range,
                    slot,
                    slot2,
                    accumulator,
                    init: init.unwrap_or(Expr::Null),
                    condition: self.lower(&data.loop_condition),
                    step: self.lower(&data.loop_step),
                    result: self.lower(&data.result),
                }))
            }
        };
        self.locals.truncate(outer);
        lowered
    }
}

pub(crate) fn is_path(node: &SpannedExpr) -> bool {
    matches!(node.node, Node::Ident(_) | Node::RootIdent(_) | Node::Member { .. } | Node::Index { .. })
}

/// Whether every step of a path is there, and its value is not null.
fn is_there(optional: Expr) -> Expr {
    let value = Expr::Default(Box::new(optional), Box::new(Expr::Null));
    Expr::Call(Function::NotEqual, vec![value, Expr::Null])
}

fn optional_field(operand: Expr, field: &str) -> Expr {
    Expr::Select { operand: Box::new(operand), field: field.to_owned(), mode: Select::Optional }
}

/// The parts of a name with dots, and whether it began with one.
pub(crate) fn dotted(node: &SpannedExpr) -> Option<(Vec<&str>, bool)> {
    match &node.node {
        Node::Ident(name) => Some((vec![name], false)),
        Node::RootIdent(name) => Some((vec![name], true)),
        Node::Member { expr, field, optional: false } => {
            let (mut parts, from_root) = dotted(expr)?;
            parts.push(field);
            Some((parts, from_root))
        }
        _ => None,
    }
}

fn binary(op: BinaryOp) -> Option<Function> {
    Some(match op {
        BinaryOp::Add => Function::Add,
        BinaryOp::Sub => Function::Subtract,
        BinaryOp::Mul => Function::Multiply,
        BinaryOp::Div => Function::Divide,
        BinaryOp::Mod => Function::Modulo,
        BinaryOp::Eq => Function::Equal,
        BinaryOp::Ne => Function::NotEqual,
        BinaryOp::Lt => Function::Less,
        BinaryOp::Le => Function::LessEqual,
        BinaryOp::Gt => Function::Greater,
        BinaryOp::Ge => Function::GreaterEqual,
        BinaryOp::In => Function::In,
        BinaryOp::And | BinaryOp::Or => return None,
    })
}

/// An expression that fails whenever it is evaluated: the value of an optional that has none.
fn fails() -> Expr {
    Expr::Call(Function::Value, vec![Expr::Call(Function::OptionalNone, Vec::new())])
}
