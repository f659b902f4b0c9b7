//! The walk over a syntax tree, along the one that makes the program of it.

use orkestra_pattern::cel::Checked;
use orkestra_pattern::cel::ast::{BinaryOp, CheckResult, ComprehensionData, Expr as Node, SpannedExpr, Type, UnaryOp};
use orkestra_pattern::model::Entry;
use orkestra_pattern::schema::{Schema, Shape};
use orkestra_program::model::LoopKind;
use serde_json::{Map, Value};

use super::Cannot;
use super::path::Step;
use super::write::{self, Binds, Said};
use crate::lower::{Local, dotted, from_json, is_path, recognise};

/// Functions that API servers have for policies since those are stable, called by their name alone.
const FUNCTIONS: [&str; 10] =
    ["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"];
/// The same, behind a value and a dot.
const METHODS: [&str; 32] = [
    "charAt",
    "contains",
    "endsWith",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "or",
    "orValue",
    "replace",
    "size",
    "split",
    "startsWith",
    "substring",
    "trim",
    "upperAscii",
    "value",
    "optMap",
    "optFlatMap",
];
/// The same, of a library.
const LIBRARY: [&str; 3] = ["optional.none", "optional.of", "optional.ofNonZeroValue"];
/// What a policy's own names are, which a rewritten path begins with.
const TAKEN: [&str; 2] = ["object", "variables"];
/// Variables whose fields may have methods; what is called behind another name is of a library.
const ROOTS: [&str; 6] = ["object", "metadata", "spec", "status", "inputs", "vars"];
/// As the macros `optMap` and `optFlatMap` call their receiver.
const RECEIVER: &str = "@optional";

pub(super) struct Say<'a> {
    pub(super) entry: &'a Entry,
    pub(super) inputs: &'a Map<String, Value>,
    pub(super) checked: &'a Checked,
    types: Option<&'a CheckResult>,
    pub(super) locals: Vec<Local<'a>>,
    /// What the locals' values look like, where that is known.
    pub(super) schemas: Vec<Option<&'a Schema>>,
}

impl<'a> Say<'a> {
    pub(super) fn new(entry: &'a Entry, inputs: &'a Map<String, Value>, checked: &'a Checked) -> Self {
        let types = checked.ast.type_info();
        Self { entry, inputs, checked, types, locals: Vec::new(), schemas: Vec::new() }
    }

    /// The whole expression; an optional where its value may be absent.
    pub(super) fn whole(mut self) -> Result<Said, Cannot> {
        let root = self.checked.ast.expr();
        if is_path(root) { self.path(root) } else { self.say(root) }
    }

    pub(super) fn say(&mut self, node: &'a SpannedExpr) -> Result<Said, Cannot> {
        let said = if is_path(node) { self.path(node)? } else { self.other(node)? };
        let function = match self.type_of(node) {
            Some(Type::Double) => "double",
            Some(Type::Timestamp) => "timestamp",
            Some(Type::Duration) => "duration",
            Some(Type::Bytes) if from_json(node, &self.locals) => return Err(Cannot::Bytes { path: self.shown(node) }),
            Some(Type::Optional(inner)) if **inner == Type::Bytes && from_json(node, &self.locals) => {
                return Err(Cannot::Bytes { path: self.shown(node) });
            }
            _ => return Ok(said),
        };
        Ok(if from_json(node, &self.locals) { Said::call(function, &[said]) } else { said })
    }

    fn all(&mut self, nodes: impl IntoIterator<Item = &'a SpannedExpr>) -> Result<Vec<Said>, Cannot> {
        nodes.into_iter().map(|node| self.say(node)).collect()
    }

    pub(super) fn type_of(&self, node: &SpannedExpr) -> Option<&'a Type> {
        self.types?.type_map.get(&node.id)
    }

    /// A node's text in the Katalog.
    pub(super) fn shown(&self, node: &SpannedExpr) -> String {
        self.checked.source.get(node.span.clone()).unwrap_or(&self.checked.source).trim().to_owned()
    }

    pub(super) fn form(&self, node: &SpannedExpr) -> Cannot {
        Cannot::Form { expression: self.shown(node) }
    }

    pub(super) fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|local| local.name == name)
    }

    fn other(&mut self, node: &'a SpannedExpr) -> Result<Said, Cannot> {
        Ok(match &node.node {
            Node::Null => Said::tight("null"),
            Node::Bool(value) => Said::tight(value.to_string()),
            Node::Int(value) => write::int(*value),
            Node::UInt(value) => Said::tight(format!("{value}u")),
            Node::Float(value) => write::double(*value).ok_or_else(|| self.form(node))?,
            Node::String(value) => Said::tight(write::text(value)),
            Node::Bytes(value) => Said::tight(write::bytes(value)),
            Node::List(items) if items.iter().all(|item| !item.optional) => {
                let alike = self.alike(items.iter().map(|item| &item.expr));
                write::list(self.all(items.iter().map(|item| &item.expr))?, alike)
            }
            Node::Map(entries) if entries.iter().all(|entry| !entry.optional) => {
                let alike = self.alike(entries.iter().map(|entry| &entry.value));
                let mut members = Vec::new();
                for entry in entries {
                    let (key, value) = (self.say(&entry.key)?, self.say(&entry.value)?);
                    let value = if alike { value } else { value.untyped() };
                    members.push(format!("{}: {}", key.text, value.text));
                }
                Said::tight(format!("{{{}}}", members.join(", ")))
            }
            Node::Unary { op, expr } => {
                let sign = match op {
                    UnaryOp::Neg => '-',
                    UnaryOp::Not => '!',
                };
                Said::prefix(sign, &self.say(expr)?)
            }
            Node::Binary { op, left, right } => self.binary(*op, left, right)?,
            Node::Ternary { cond, then_expr, else_expr } => {
                Said::choice(&self.say(cond)?, &self.say(then_expr)?, &self.say(else_expr)?)
            }
            Node::Call { expr: callee, args } => self.call(node, callee, args)?,
            Node::MemberTestOnly { expr, field } => self.presence(node, expr, field)?,
            Node::Comprehension(data) => self.comprehension(node, data)?,
            Node::Bind { var_name, init, body } if var_name == RECEIVER => self.where_there(node, init, body)?,
            Node::Bind { var_name, init, body } => {
                let range = self.say(init)?;
                let schema = self.schema(init);
                let body = self.with(var_name, from_json(init, &self.locals), schema, |say| say.say(body))?;
                // A list of the one value: policies have no `cel.bind`.
                let list = write::list(vec![range], true);
                let mapped = list.method("map", &[Said::tight(var_name.as_str()), body]);
                Said::tight(format!("{}[0]", mapped.text))
            }
            _ => return Err(self.form(node)),
        })
    }

    /// Whether all have one type that is known.
    fn alike(&self, nodes: impl IntoIterator<Item = &'a SpannedExpr>) -> bool {
        let mut types = nodes.into_iter().map(|node| self.type_of(node));
        let Some(first) = types.next() else { return true };
        first.is_some_and(|first| *first != Type::Dyn) && types.all(|ty| ty == first)
    }

    fn binary(&mut self, op: BinaryOp, left: &'a SpannedExpr, right: &'a SpannedExpr) -> Result<Said, Cannot> {
        let (mut first, mut second) = (self.say(left)?, self.say(right)?);
        let (operator, binds) = match op {
            BinaryOp::Or => ("||", Binds::Or),
            BinaryOp::And => ("&&", Binds::And),
            BinaryOp::Eq => ("==", Binds::Relation),
            BinaryOp::Ne => ("!=", Binds::Relation),
            BinaryOp::Lt => ("<", Binds::Relation),
            BinaryOp::Le => ("<=", Binds::Relation),
            BinaryOp::Gt => (">", Binds::Relation),
            BinaryOp::Ge => (">=", Binds::Relation),
            BinaryOp::In => ("in", Binds::Relation),
            BinaryOp::Add => ("+", Binds::Sum),
            BinaryOp::Sub => ("-", Binds::Sum),
            BinaryOp::Mul => ("*", Binds::Product),
            BinaryOp::Div => ("/", Binds::Product),
            BinaryOp::Mod => ("%", Binds::Product),
        };
        match op {
            // Values of different types may be compared, but the check must not know them.
            BinaryOp::Eq | BinaryOp::Ne if self.differ(left, right) => match left.node {
                Node::Null => second = second.untyped(),
                _ => first = first.untyped(),
            },
            BinaryOp::In if matches!(self.type_of(right), Some(Type::Message(_))) => second = second.untyped(),
            _ => {}
        }
        Ok(Said::infix(&first, operator, &second, binds))
    }

    /// Whether the types of two values are known and not the same.
    fn differ(&self, left: &SpannedExpr, right: &SpannedExpr) -> bool {
        match (self.type_of(left), self.type_of(right)) {
            (None | Some(Type::Dyn), _) | (_, None | Some(Type::Dyn)) => false,
            (Some(Type::Type(_)), Some(Type::Type(_))) => false,
            (left, right) => left != right,
        }
    }

    fn call(
        &mut self,
        node: &'a SpannedExpr,
        callee: &'a SpannedExpr,
        args: &'a [SpannedExpr],
    ) -> Result<Said, Cannot> {
        let no_function = |name: &str| Cannot::Function { name: name.to_owned() };
        match &callee.node {
            Node::Ident(name) | Node::RootIdent(name) => match (name.as_str(), args) {
                ("default", [value, fallback]) => self.default(value, fallback),
                ("size" | "matches", _) => Ok(Said::call(name, &self.all(args)?)),
                (name, _) if FUNCTIONS.contains(&name) => Ok(Said::call(name, &self.all(args)?)),
                _ => Err(no_function(name)),
            },
            Node::Member { expr: receiver, field, .. } => {
                let library =
                    dotted(callee).filter(|(parts, _)| parts.first().is_some_and(|it| self.local(it).is_none()));
                if let Some((parts, _)) = library {
                    let name = parts.join(".");
                    if LIBRARY.contains(&name.as_str()) {
                        return Ok(Said::call(&name, &self.all(args)?));
                    }
                    if parts.len() == 2 && parts.first().is_some_and(|first| !ROOTS.contains(first)) {
                        return Err(no_function(&name));
                    }
                }
                if !METHODS.contains(&field.as_str()) {
                    return Err(no_function(field));
                }
                let receiver = self.say(receiver)?;
                Ok(receiver.method(field, &self.all(args)?))
            }
            _ => Err(self.form(node)),
        }
    }

    /// `value | default fallback`
    fn default(&mut self, value: &'a SpannedExpr, fallback: &'a SpannedExpr) -> Result<Said, Cannot> {
        let Step { said, optional } = match is_path(value) && self.checked.optional.contains(&value.id) {
            true => self.chain(value)?,
            false => {
                let optional = matches!(self.type_of(value), Some(Type::Optional(_)));
                if !optional && is_path(value) && self.input(value).is_none() && self.variable(value).is_none() {
                    self.never_null(value, self.schema(value))?;
                }
                Step { said: self.operand(value)?, optional }
            }
        };
        if !optional {
            return Ok(said);
        }
        let other = self.say(fallback)?;
        let inner = match self.type_of(value) {
            Some(Type::Optional(inner)) => Some(&**inner),
            ty => ty,
        };
        // To the API server's check the two are of one type.
        let same = inner == self.type_of(fallback);
        Ok(said.method("orValue", &[if same { other } else { other.untyped() }]))
    }

    /// `has(operand.field)`, which is false where anything before the field is absent.
    fn presence(&mut self, node: &'a SpannedExpr, operand: &'a SpannedExpr, field: &str) -> Result<Said, Cannot> {
        if let Node::Ident(name) | Node::RootIdent(name) = &operand.node
            && self.local(name).is_none()
        {
            match name.as_str() {
                "vars" if self.checked.absent_vars.contains(field) => {
                    return Ok(Said::tight(format!("variables.{field}")).method("hasValue", &[]));
                }
                "vars" => return Ok(Said::tight("true")),
                "inputs" => {
                    let there = self.inputs.get(field).is_some_and(|value| !value.is_null());
                    return Ok(Said::tight(there.to_string()));
                }
                _ => {}
            }
        }
        if let Some(value) = self.input(operand) {
            let there = value.and_then(|value| value.get(field)).is_some_and(|value| !value.is_null());
            return Ok(Said::tight(there.to_string()));
        }
        let before = self.chain(operand)?;
        let schema = self.schema(operand).and_then(|schema| schema.field(field)).map(|field| &**field.schema);
        if !before.optional {
            let has = before.said.has(field);
            return Ok(match schema {
                Some(schema) if !schema.may_be_null() => has,
                _ => {
                    let value = before.said.field(field, false).untyped();
                    let there = Said::infix(&value, "!=", &Said::tight("null"), Binds::Relation);
                    Said::infix(&has, "&&", &there, Binds::And)
                }
            });
        }
        self.never_null(node, schema)?;
        Ok(before.said.field(field, true).method("hasValue", &[]))
    }

    fn comprehension(&mut self, node: &'a SpannedExpr, data: &'a ComprehensionData) -> Result<Said, Cannot> {
        if !data.iter_var2.is_empty() {
            return Err(Cannot::Loop);
        }
        let shape = recognise(data).ok_or_else(|| self.form(node))?;
        let name = match shape.kind {
            LoopKind::All => "all",
            LoopKind::Exists => "exists",
            LoopKind::ExistsOne => "exists_one",
            LoopKind::Filter => "filter",
            LoopKind::Map => "map",
            _ => return Err(Cannot::Loop),
        };
        let range = self.say(&data.iter_range)?;
        let range = match self.type_of(&data.iter_range) {
            Some(Type::Message(_)) => range.untyped(),
            _ => range,
        };
        let items = match self.schema(&data.iter_range).map(|schema| &schema.shape) {
            Some(Shape::List(list)) => Some(&*list.items),
            _ => None,
        };
        let json = from_json(&data.iter_range, &self.locals);
        let parts: Vec<&'a SpannedExpr> = [shape.predicate, shape.result].into_iter().flatten().collect();
        let parts = self.with(&data.iter_var, json, items, |say| say.all(parts))?;
        let arguments: Vec<Said> = std::iter::once(Said::tight(data.iter_var.as_str())).chain(parts).collect();
        Ok(range.method(name, &arguments))
    }

    /// `init.optMap(x, …)` and `init.optFlatMap(x, …)`, from what the macros make of them.
    fn where_there(
        &mut self,
        node: &'a SpannedExpr,
        init: &'a SpannedExpr,
        body: &'a SpannedExpr,
    ) -> Result<Said, Cannot> {
        let Node::Ternary { then_expr, .. } = &body.node else { return Err(self.form(node)) };
        let Node::Bind { var_name, body, .. } = &then_expr.node else { return Err(self.form(node)) };
        let receiver = match is_path(init) && self.checked.optional.contains(&init.id) {
            true => self.optional(init)?,
            false => self.say(init)?,
        };
        let (json, schema) = (from_json(init, &self.locals), self.schema(init));
        let value = self.with(var_name, json, schema, |say| say.say(body))?;
        // Both macros are this one, where the value is an optional by itself.
        Ok(receiver.method("optFlatMap", &[Said::tight(var_name.as_str()), value]))
    }

    /// Says something inside of which a name stands for a value.
    fn with<T>(
        &mut self,
        name: &'a str,
        from_json: bool,
        schema: Option<&'a Schema>,
        say: impl FnOnce(&mut Self) -> Result<T, Cannot>,
    ) -> Result<T, Cannot> {
        if TAKEN.contains(&name) || !write::is_name(name) {
            return Err(Cannot::Hidden { name: name.to_owned() });
        }
        self.locals.push(Local { name, from_json });
        self.schemas.push(schema);
        let said = say(self);
        self.locals.pop();
        self.schemas.pop();
        said
    }
}
