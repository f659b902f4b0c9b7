//! The walk over a checked syntax tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cel_core::{BinaryOp, CelType, CheckResult, ComprehensionData, Expr, SpannedExpr, UnaryOp};

use super::calls::{self, Call, Charge};
use super::extent::{Extent, Size, Unbounded};
use super::{Because, Cost, Estimate, dearest, traversal};

/// A list literal, and a map literal.
const LIST: u64 = 10;
const MAP: u64 = 30;
/// The loop's own work for an element: where a condition is asked, and where an item is made.
const LOOP_QUANTIFIER: u64 = 4;
const LOOP_ITEM: u64 = 12;
/// What it takes at most to turn base64 into bytes where they are used, beside going through it.
const DECODE: u64 = 14;
/// What it takes at most to ask whether a key of a child's `data` is there.
const RELIES: u64 = 7;

/// An expression, and what is known of it.
pub(crate) struct Input<'a> {
    pub(crate) expr: &'a SpannedExpr,
    pub(crate) types: &'a CheckResult,
    /// Nodes that are optionals: paths that may be absent.
    pub(crate) optional: &'a BTreeSet<i64>,
    /// How many keys of children's data it relies on.
    pub(crate) relies: usize,
    /// How large a variable is: by its own name, or `inputs.x`, `vars.x`, `children.x`, `reads.x`, `hook.x`.
    pub(crate) extents: &'a dyn Fn(&str) -> Option<Extent>,
}

/// What an expression costs and gives.
pub(crate) fn of_expression(input: &Input<'_>) -> Estimate {
    let mut walk = Walk { input, locals: Vec::new() };
    // A lone path is copied as it is.
    let mut priced = if is_path(input.expr) { walk.path(input.expr, false) } else { walk.price(input.expr) };
    priced.spend(Cost::at_most(RELIES * input.relies as u64 + u64::from(input.relies > 0)));
    let missing = priced.blame.iter().map(|(unbounded, cost)| unbounded.missing(*cost)).collect();
    Estimate { cost: priced.cost, missing: dearest(missing), extent: priced.extent }
}

/// A node's cost, the extent of its value, and which bounds that are missing make how much of the cost.
struct Priced {
    cost: Cost,
    extent: Extent,
    blame: BTreeMap<Arc<Unbounded>, u64>,
}

impl Priced {
    fn new(cost: Cost, extent: Extent) -> Priced {
        Priced { cost, extent, blame: BTreeMap::new() }
    }

    fn constant(extent: Extent) -> Priced {
        Priced::new(Cost::default(), extent)
    }

    fn spend(&mut self, cost: Cost) {
        self.cost = self.cost.and(cost);
    }

    fn charge(&mut self, units: u64, because: Because) {
        self.spend(Cost::at_most(units));
        self.blame(units, because);
    }

    fn blame(&mut self, units: u64, because: Because) {
        if let Some(because) = because {
            let sum = self.blame.entry(because).or_default();
            *sum = sum.saturating_add(units);
        }
    }

    /// What another node costs as well, so many times.
    fn take(&mut self, other: &Priced, times: u64) {
        self.cost = self.cost.and(if times == 1 { other.cost } else { other.cost.up_to(times) });
        for (because, units) in &other.blame {
            self.blame(units.saturating_mul(times), Some(because.clone()));
        }
    }
}

/// A variable of a macro or of `cel.bind`.
struct Local<'a> {
    name: &'a str,
    extent: Extent,
    /// What a macro goes through whose keys it is.
    range: Option<&'a SpannedExpr>,
}

struct Walk<'a> {
    input: &'a Input<'a>,
    locals: Vec<Local<'a>>,
}

impl<'a> Walk<'a> {
    fn price(&mut self, node: &'a SpannedExpr) -> Priced {
        let mut priced = self.plain(node);
        let ty = self.input.types.type_map.get(&node.id);
        // What JSON spells in another way than CEL is converted where it is used.
        match ty {
            Some(CelType::Double | CelType::Timestamp | CelType::Duration) if reads(node) => {
                priced.spend(Cost::at_most(1));
            }
            // What `default` gives are bytes already.
            Some(CelType::Bytes) if is_default(node) => priced.spend(Cost::at_most(DECODE)),
            Some(CelType::Bytes) if reads(node) => self.decode(&mut priced),
            Some(CelType::Optional(inner)) if **inner == CelType::Bytes && reads(node) => self.decode(&mut priced),
            _ => {}
        }
        if let Some(CelType::Bool | CelType::Int | CelType::UInt | CelType::Double | CelType::Null) = ty {
            priced.extent = Extent::Scalar;
        }
        priced
    }

    fn decode(&self, priced: &mut Priced) {
        let bytes = priced.extent.bytes();
        priced.spend(Cost::at_most(DECODE));
        priced.charge(traversal(bytes.most), bytes.because);
    }

    fn plain(&mut self, node: &'a SpannedExpr) -> Priced {
        match &node.node {
            Expr::String(text) => Priced::constant(Extent::literal(text)),
            Expr::Bytes(bytes) => Priced::constant(Extent::binary(Size::known(bytes.len() as u64))),
            Expr::Null | Expr::Bool(_) | Expr::Int(_) | Expr::UInt(_) | Expr::Float(_) | Expr::Error => {
                Priced::constant(Extent::Scalar)
            }
            Expr::Ident(_) | Expr::RootIdent(_) | Expr::Member { .. } | Expr::Index { .. } => self.path(node, false),
            Expr::MemberTestOnly { expr, .. } => {
                let operand = if is_path(expr) { self.path(expr, true) } else { self.price(expr) };
                let mut priced = Priced::new(Cost::at_most(3), Extent::Scalar);
                priced.take(&operand, 1);
                // Whether a child is there is known before anything of it is evaluated.
                priced.cost.min = 0;
                priced
            }
            Expr::List(items) => {
                let mut priced = Priced::constant(Extent::Scalar);
                priced.spend(Cost::exactly(LIST));
                let mut extents = Vec::new();
                for item in items {
                    let value = self.price(&item.expr);
                    priced.take(&value, 1);
                    extents.push(value.extent);
                }
                let len = Size::known(items.len() as u64);
                let total = extents.iter().fold(0_u64, |sum, item| sum.saturating_add(item.bytes().most));
                priced.extent = Extent::List { len, item: Arc::new(Extent::one_of(extents)), total: Some(total) };
                priced
            }
            Expr::Map(entries) => {
                let mut priced = Priced::constant(Extent::Scalar);
                priced.spend(Cost::exactly(MAP));
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                for entry in entries {
                    let (key, value) = (self.price(&entry.key), self.price(&entry.value));
                    priced.take(&key, 1);
                    priced.take(&value, 1);
                    keys.push(key.extent);
                    values.push(value.extent);
                }
                let len = Size::known(entries.len() as u64);
                let (key, value) = (Arc::new(Extent::one_of(keys)), Arc::new(Extent::one_of(values)));
                priced.extent = Extent::Map { len, key, value, total: None };
                priced
            }
            Expr::Unary { op: UnaryOp::Neg, expr } if matches!(expr.node, Expr::Int(_) | Expr::Float(_)) => {
                Priced::new(Cost::at_most(1), Extent::Scalar)
            }
            Expr::Unary { expr, .. } => {
                let mut priced = Priced::new(Cost::exactly(1), Extent::Scalar);
                priced.take(&self.price(expr), 1);
                priced
            }
            Expr::Binary { op: BinaryOp::And | BinaryOp::Or, left, right } => {
                let (left, right) = (self.price(left), self.price(right));
                let mut priced = Priced::constant(Extent::Scalar);
                priced.take(&left, 1);
                priced.take(&right, 1);
                priced.cost.min = left.cost.min;
                priced
            }
            Expr::Binary { op, left, right } => self.call(operator(*op), [&**left, &**right]),
            Expr::Ternary { cond, then_expr, else_expr } => {
                let mut priced = self.price(cond);
                let (then, otherwise) = (self.price(then_expr), self.price(else_expr));
                priced.spend(then.cost.or(otherwise.cost));
                for (because, units) in then.blame.iter().chain(&otherwise.blame) {
                    priced.blame(*units, Some(because.clone()));
                }
                priced.extent = Extent::one_of([then.extent, otherwise.extent]);
                priced
            }
            Expr::Call { expr, args } => self.function(node, expr, args),
            Expr::Comprehension(data) => self.comprehension(data),
            Expr::Bind { var_name, init, body } => {
                let init = self.price(init);
                self.locals.push(Local { name: var_name, extent: init.extent.clone(), range: None });
                let mut priced = self.price(body);
                self.locals.pop();
                priced.take(&init, 1);
                priced
            }
            // There are no objects of named types.
            Expr::Struct { .. } => Priced::constant(Extent::Any(None)),
        }
    }

    fn local(&self, name: &str) -> Option<&Extent> {
        self.locals.iter().rev().find(|local| local.name == name).map(|local| &local.extent)
    }

    /// Whether a variable is each key of that map in turn, or each position in that list.
    fn goes_through(&self, name: &str, path: &SpannedExpr) -> bool {
        let local = self.locals.iter().rev().find(|local| local.name == name);
        local.and_then(|local| local.range).is_some_and(|range| same_path(range, path))
    }

    /// A path: one unit for its name and for each step. `optional`: it is followed as far as it is there.
    fn path(&mut self, node: &'a SpannedExpr, optional: bool) -> Priced {
        let optional = optional || self.input.optional.contains(&node.id);
        match &node.node {
            Expr::Ident(name) if let Some(extent) = self.local(name) => Priced::new(Cost::exactly(1), extent.clone()),
            // As an optional, a part of the object is the object and one step.
            Expr::Ident(name) | Expr::RootIdent(name) => {
                let steps = u64::from(optional && matches!(name.as_str(), "metadata" | "spec" | "status"));
                let extent = (self.input.extents)(name);
                let least = u64::from(extent.is_some());
                Priced::new(Cost { min: least, max: 1 + steps }, extent.unwrap_or(Extent::Any(None)))
            }
            Expr::Member { expr, field, .. } => {
                if let Expr::Ident(root) | Expr::RootIdent(root) = &expr.node
                    && (matches!(expr.node, Expr::RootIdent(_)) || self.local(root).is_none())
                    && let Some(extent) = (self.input.extents)(&format!("{root}.{field}"))
                {
                    // A slot, and a call or two where it may be empty.
                    return Priced::new(Cost { min: 1, max: 3 }, extent);
                }
                let mut priced = self.operand(expr, optional);
                priced.spend(Cost::exactly(1));
                priced.extent = priced.extent.field(field);
                priced
            }
            Expr::Index { expr, index, .. } => {
                let mut priced = self.operand(expr, optional);
                let at = self.price(index);
                priced.take(&at, 1);
                priced.spend(Cost::exactly(1));
                priced.extent = match &index.node {
                    Expr::String(name) => Extent::one_of([priced.extent.field(name)]),
                    Expr::Ident(name) if self.goes_through(name, expr) => priced.extent.item(),
                    _ => priced.extent.any_item(),
                };
                priced
            }
            _ => self.price(node),
        }
    }

    fn operand(&mut self, node: &'a SpannedExpr, optional: bool) -> Priced {
        if is_path(node) { self.path(node, optional) } else { self.price(node) }
    }

    fn function(&mut self, node: &'a SpannedExpr, callee: &'a SpannedExpr, args: &'a [SpannedExpr]) -> Priced {
        match &callee.node {
            Expr::Ident(name) | Expr::RootIdent(name) => match (name.as_str(), args) {
                ("default", [value, fallback]) => {
                    let (found, other) = (self.operand(value, false), self.price(fallback));
                    let mut priced = Priced::constant(Extent::one_of([found.extent.clone(), other.extent.clone()]));
                    priced.take(&found, 1);
                    priced.take(&other, 1);
                    priced.cost.min = found.cost.min;
                    if self.input.types.type_map.get(&value.id) == Some(&CelType::Bytes) {
                        self.decode(&mut priced);
                    }
                    priced
                }
                (name, args) => self.call(name, args),
            },
            Expr::Member { expr: receiver, field, .. } => {
                let reference = self.input.types.reference_map.get(&node.id).map(|reference| reference.name.as_str());
                let library = match &receiver.node {
                    Expr::Ident(library) | Expr::RootIdent(library) => Some(format!("{library}.{field}")),
                    _ => None,
                };
                match library {
                    Some(library) if reference == Some(library.as_str()) => self.call(&library, args),
                    _ => self.call(field, std::iter::once(&**receiver).chain(args)),
                }
            }
            _ => Priced::constant(Extent::Any(None)),
        }
    }

    fn call(&mut self, name: &str, args: impl IntoIterator<Item = &'a SpannedExpr>) -> Priced {
        let mut priced = Priced::constant(Extent::Scalar);
        let (mut extents, mut nodes) = (Vec::new(), Vec::new());
        let mut first = None;
        for arg in args {
            let value = self.price(arg);
            priced.take(&value, 1);
            first.get_or_insert(value.cost.min);
            extents.push(value.extent);
            nodes.push(&arg.node);
        }
        if matches!(name, "or" | "orValue") {
            priced.cost.min = first.unwrap_or_default();
        }
        let (charges, extent) = calls::price(&Call { name, args: &extents, nodes: &nodes });
        priced.spend(Cost::exactly(1));
        for Charge { units, because } in charges {
            priced.charge(units, because);
        }
        priced.extent = extent;
        priced
    }

    /// A macro: its range's size times what an element costs. The accumulator of its expansion is the engine's own matter, so that
    /// an item is not charged for all that came before it.
    fn comprehension(&mut self, data: &'a ComprehensionData) -> Priced {
        let range = self.price(&data.iter_range);
        let len = range.extent.len();
        let outer = self.locals.len();
        let two = !data.iter_var2.is_empty();
        let first = if two { Extent::one_of([range.extent.key(), Extent::Scalar]) } else { range.extent.each() };
        self.locals.push(Local { name: &data.iter_var, extent: first, range: Some(&data.iter_range) });
        if two {
            self.locals.push(Local { name: &data.iter_var2, extent: range.extent.item(), range: None });
        }
        self.locals.push(Local { name: &data.accu_var, extent: Extent::Scalar, range: None });
        let mut body = Priced::constant(Extent::Scalar);
        let mut extent = Extent::Scalar;
        match (&data.accu_init.node, &data.loop_step.node) {
            (Expr::Bool(_), Expr::Binary { left, right, .. }) => {
                body.spend(Cost::at_most(LOOP_QUANTIFIER));
                for side in [left, right] {
                    body.take(&self.price(side), 1);
                }
            }
            (Expr::Int(_), Expr::Ternary { cond, .. }) => {
                body.spend(Cost::at_most(LOOP_QUANTIFIER));
                body.take(&self.price(cond), 1);
            }
            (Expr::List(_) | Expr::Map(_), step) => {
                body.spend(Cost::at_most(LOOP_ITEM));
                let added = match step {
                    Expr::Ternary { cond, then_expr, .. } => {
                        body.take(&self.price(cond), 1);
                        then_expr
                    }
                    _ => &data.loop_step,
                };
                let added = match &added.node {
                    Expr::Binary { op: BinaryOp::Add, right, .. } => right,
                    _ => added,
                };
                let (made, parts) = self.made(added, &data.iter_var);
                body.take(&made, 1);
                let many =
                    Size { most: len.most.saturating_mul(parts.most), because: len.because.clone().or(parts.because) };
                extent = match &data.accu_init.node {
                    Expr::List(_) => Extent::List { len: many, item: Arc::new(made.extent.item()), total: None },
                    _ => Extent::Map {
                        len: many,
                        key: Arc::new(made.extent.key()),
                        value: Arc::new(made.extent.item()),
                        total: None,
                    },
                };
            }
            // No macro has another form; whatever it is costs all of its parts.
            _ => {
                body.spend(Cost::at_most(1));
                for part in [&data.loop_condition, &data.loop_step] {
                    body.take(&self.price(part), 1);
                }
                extent = Extent::Any(None);
            }
        }
        self.locals.truncate(outer);
        let mut priced = Priced::constant(extent);
        priced.take(&range, 1);
        priced.take(&body, len.most);
        if len.most == 1 {
            priced.cost.min = range.cost.min;
        }
        priced.blame(body.cost.max.saturating_mul(len.most), len.because);
        priced
    }

    /// What a step of a macro adds to its result, and how many items or entries that is. The list or map around a single one only
    /// stands in the expansion.
    fn made(&mut self, added: &'a SpannedExpr, variable: &str) -> (Priced, Size) {
        let one = Size::known(1);
        match &added.node {
            Expr::List(items) if let [item] = items.as_slice() => {
                let mut made = self.price(&item.expr);
                made.extent = Extent::List { len: one.clone(), item: Arc::new(made.extent), total: None };
                (made, one)
            }
            Expr::Map(entries)
                if let [entry] = entries.as_slice()
                    && matches!(&entry.key.node, Expr::Ident(name) if name == variable) =>
            {
                let key = self.price(&entry.key).extent;
                let mut made = self.price(&entry.value);
                made.extent =
                    Extent::Map { len: one.clone(), key: Arc::new(key), value: Arc::new(made.extent), total: None };
                (made, one)
            }
            _ => {
                // Each entry is put into the result.
                let mut made = self.price(added);
                let entries = made.extent.len();
                made.charge(entries.most, entries.because.clone());
                (made, entries)
            }
        }
    }
}

/// Whether a node may give a value of an object as JSON has it.
fn reads(node: &SpannedExpr) -> bool {
    is_path(node) || matches!(node.node, Expr::Call { .. } | Expr::Comprehension(_))
}

fn is_default(node: &SpannedExpr) -> bool {
    matches!(&node.node, Expr::Call { expr, .. } if matches!(&expr.node, Expr::Ident(name) if name == "default"))
}

fn is_path(node: &SpannedExpr) -> bool {
    matches!(node.node, Expr::Ident(_) | Expr::RootIdent(_) | Expr::Member { .. } | Expr::Index { .. })
}

/// Whether two expressions are the same path, also where one of them has a `default`.
fn same_path(a: &SpannedExpr, b: &SpannedExpr) -> bool {
    match (&without_default(a).node, &without_default(b).node) {
        (Expr::Ident(a) | Expr::RootIdent(a), Expr::Ident(b) | Expr::RootIdent(b)) => a == b,
        (Expr::Member { expr: a, field: one, .. }, Expr::Member { expr: b, field: other, .. }) => {
            one == other && same_path(a, b)
        }
        _ => false,
    }
}

fn without_default(node: &SpannedExpr) -> &SpannedExpr {
    match &node.node {
        Expr::Call { args, .. } if is_default(node) => args.first().unwrap_or(node),
        _ => node,
    }
}

fn operator(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "_+_",
        BinaryOp::Sub => "_-_",
        BinaryOp::Mul => "_*_",
        BinaryOp::Div => "_/_",
        BinaryOp::Mod => "_%_",
        BinaryOp::Eq => "_==_",
        BinaryOp::Ne => "_!=_",
        BinaryOp::Lt => "_<_",
        BinaryOp::Le => "_<=_",
        BinaryOp::Gt => "_>_",
        BinaryOp::Ge => "_>=_",
        BinaryOp::In => "_in_",
        BinaryOp::And => "_&&_",
        BinaryOp::Or => "_||_",
    }
}
