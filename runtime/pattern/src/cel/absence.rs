//! Which paths may be absent, and whether that is allowed where they stand.
//!
//! A path is absent where one of its steps is. `has(a.b)` proves `a.b` for the branch that it guards; `default`, `.?` and a place
//! of its own allow absence. What is neither proved nor allowed is a problem at build, because it would fail in the cluster.

use std::collections::{BTreeSet, HashSet};

use cel_core::{BinaryOp, CelType, CheckResult, Expr, SpannedExpr, UnaryOp};

use super::Scope;
use super::path::{Local, Path, Paths, Step};
use super::place::Place;
use super::problem::{Problem, ProblemKind};
use super::types::{class, describe, type_of};

/// What a walk over an expression finds out.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Nodes that are lowered to optionals.
    pub(super) optional: BTreeSet<i64>,
    /// Whether the expression's value may be absent.
    pub(super) absent: bool,
    /// Keys of children's `data` without which the expression's value is absent.
    pub(super) relies: BTreeSet<(String, String)>,
    pub(super) children: BTreeSet<String>,
    pub(super) vars: BTreeSet<String>,
    pub(super) absent_vars: BTreeSet<String>,
    pub(super) reads: BTreeSet<String>,
    pub(super) absent_reads: BTreeSet<String>,
    /// Whether it uses the element of `forEach` or its key.
    pub(super) element: bool,
    pub(super) problems: Vec<Problem>,
}

/// Paths that are known to be present.
type Facts = HashSet<String>;

pub(super) fn walk(expr: &SpannedExpr, types: &CheckResult, scope: &Scope, place: Place<'_>) -> Reads {
    let paths = Paths { types, scope, locals: Vec::new() };
    let mut walker = Walker { paths, types, reads: Reads::default(), value: matches!(place, Place::Value(_)) };
    let facts = Facts::new();
    match place {
        Place::Value(_) if Paths::is_path(expr) => {
            walker.reads.absent = walker.lenient(expr, &facts, false);
        }
        _ => walker.strict(expr, &facts),
    }
    walker.reads.absent |= !walker.reads.relies.is_empty();
    walker.reads.absent |= matches!(type_of(expr, types), CelType::Optional(_));
    walker.reads
}

/// The condition that proves a step; none for an item of a list, whose presence no condition proves.
fn guard(step: &Step<'_>) -> Option<String> {
    let Some(index) = step.index else { return Some(format!("has({})", step.shown)) };
    let key = cel_core::ast_to_string(index);
    let map = step.shown.strip_suffix(&format!("[{key}]"))?;
    (!matches!(index.node, Expr::Int(_) | Expr::UInt(_))).then(|| format!("{key} in {map}"))
}

struct Walker<'a> {
    paths: Paths<'a>,
    types: &'a CheckResult,
    reads: Reads,
    /// The expression is alone in a value, which may be left out.
    value: bool,
}

impl<'a> Walker<'a> {
    /// An expression whose value is needed.
    fn strict(&mut self, expr: &'a SpannedExpr, facts: &Facts) {
        match &expr.node {
            Expr::Ident(_) | Expr::RootIdent(_) | Expr::Member { .. } | Expr::Index { .. } => {
                self.strict_path(expr, facts)
            }
            Expr::MemberTestOnly { expr: operand, field } => {
                if let Some(mut path) = self.paths.path(operand) {
                    self.paths.push_field(&mut path, operand, field, expr);
                    self.note(&path, facts);
                }
                self.reads.optional.insert(expr.id);
            }
            Expr::Binary { op: BinaryOp::And, left, right } => {
                self.strict(left, facts);
                self.strict(right, &self.with(facts, left, true));
            }
            Expr::Binary { op: BinaryOp::Or, left, right } => {
                self.strict(left, facts);
                self.strict(right, &self.with(facts, left, false));
            }
            Expr::Binary { op, left, right } => {
                self.strict(left, facts);
                self.strict(right, facts);
                if matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
                    self.never_equal(expr, left, right);
                }
            }
            Expr::Ternary { cond, then_expr, else_expr } => {
                self.strict(cond, facts);
                self.strict(then_expr, &self.with(facts, cond, true));
                self.strict(else_expr, &self.with(facts, cond, false));
            }
            Expr::Call { expr: callee, args } => self.call(expr, callee, args, facts),
            Expr::Comprehension(data) => {
                self.strict(&data.iter_range, facts);
                self.strict(&data.accu_init, facts);
                let outer = self.paths.locals.len();
                let computed = self.paths.is_computed(&data.iter_range);
                let names = [(&data.iter_var, computed), (&data.iter_var2, computed), (&data.accu_var, true)];
                self.paths.locals.extend(names.map(|(name, computed)| Local { name, computed }));
                self.strict(&data.loop_condition, facts);
                self.strict(&data.loop_step, facts);
                self.strict(&data.result, facts);
                self.paths.locals.truncate(outer);
            }
            Expr::Bind { var_name, init, body } => {
                self.strict(init, facts);
                let computed = self.paths.is_computed(init);
                self.paths.locals.push(Local { name: var_name, computed });
                self.strict(body, facts);
                self.paths.locals.pop();
            }
            Expr::Unary { expr, .. } => self.strict(expr, facts),
            Expr::List(items) => items.iter().for_each(|item| self.strict(&item.expr, facts)),
            Expr::Map(entries) => {
                for entry in entries {
                    self.strict(&entry.key, facts);
                    self.strict(&entry.value, facts);
                }
            }
            Expr::Struct { fields, .. } => fields.iter().for_each(|field| self.strict(&field.value, facts)),
            Expr::Null
            | Expr::Bool(_)
            | Expr::Int(_)
            | Expr::UInt(_)
            | Expr::Float(_)
            | Expr::String(_)
            | Expr::Bytes(_)
            | Expr::Error => {}
        }
    }

    fn call(&mut self, expr: &'a SpannedExpr, callee: &'a SpannedExpr, args: &'a [SpannedExpr], facts: &Facts) {
        let name = self.types.reference_map.get(&expr.id).map(|reference| reference.name.as_str()).unwrap_or_default();
        match (&callee.node, args) {
            (Expr::Ident(_), [value, fallback]) if name == "default" => {
                if matches!(type_of(value, self.types), CelType::Optional(_)) {
                    self.reads.problems.push(
                        Problem::new(
                            ProblemKind::NoOverload,
                            value.span.clone(),
                            "`default` takes a value, not an optional",
                        )
                        .mend("write `.orValue(…)` for an optional, or leave the `?` out"),
                    );
                }
                self.lenient(value, facts, true);
                self.strict(fallback, facts);
            }
            // `optional.of(x)`: the callee is a name, not a value.
            (Expr::Member { .. }, _) if name.contains('.') => args.iter().for_each(|arg| self.strict(arg, facts)),
            (Expr::Member { expr: receiver, .. }, _) => {
                self.strict(receiver, facts);
                args.iter().for_each(|arg| self.strict(arg, facts));
            }
            _ => args.iter().for_each(|arg| self.strict(arg, facts)),
        }
    }

    /// An expression that may be absent if it is a path, or also, if `computed`, an item of what is computed. Tells whether it
    /// may.
    fn lenient(&mut self, expr: &'a SpannedExpr, facts: &Facts, computed: bool) -> bool {
        if !Paths::is_path(expr) || matches!(type_of(expr, self.types), CelType::Optional(_)) {
            self.strict(expr, facts);
            return false;
        }
        let Some(path) = self.paths.path(expr) else { return false };
        self.note(&path, facts);
        let absent = path
            .steps
            .iter()
            .any(|step| step.may_be_absent && (computed || !step.of_computed) && !facts.contains(&step.text));
        if absent {
            self.reads.optional.insert(expr.id);
        }
        absent
    }

    fn strict_path(&mut self, expr: &'a SpannedExpr, facts: &Facts) {
        let Some(path) = self.paths.path(expr) else { return };
        self.note(&path, facts);
        let unproved = |step: &&Step<'_>| step.may_be_absent && !step.of_computed && !facts.contains(&step.text);
        match path.steps.iter().position(|step| step.optional) {
            // From `.?` on the value is an optional, and what stands before it may be absent as well.
            Some(first) => {
                if path.steps[..first].iter().any(|step| unproved(&step))
                    && let Some(before) = path.steps[..first].last()
                {
                    self.reads.optional.insert(before.id);
                }
            }
            None => {
                if let Some(step) = path.steps.iter().find(unproved) {
                    if self.relies(&path) {
                        return;
                    }
                    let whole = path.steps.last().map_or(&step.shown, |last| &last.shown);
                    let why = match step.required_by_type {
                        true => format!("`{}` may be null", step.shown),
                        false => format!("`{}` is not required and has no default", step.shown),
                    };
                    self.reads.problems.push(
                        Problem::new(ProblemKind::MayBeAbsent, expr.span.clone(), format!("`{whole}` may be absent"))
                            .found(why)
                            .expected("a value that is always there")
                            .mend(match guard(step) {
                                Some(guard) => format!("write `{whole} | default …`, or guard it with `{guard}`"),
                                None => format!("write `{whole} | default …`"),
                            }),
                    );
                }
            }
        }
    }

    /// Notes that a value relies on a key which the template of a child always writes: `children.x.data.y`, and nothing behind it.
    fn relies(&mut self, path: &Path<'a>) -> bool {
        let [_, child, data, key] = path.steps.as_slice() else { return false };
        let key = key.name.or(match key.index.map(|index| &index.node) {
            Some(Expr::String(key)) => Some(key),
            _ => None,
        });
        match (path.root, child.name, data.name, key) {
            (Some("children"), Some(id), Some("data"), Some(key))
                if self.value && self.paths.scope.is_written(id, key) =>
            {
                self.reads.relies.insert((id.to_owned(), key.to_owned()));
                true
            }
            _ => false,
        }
    }

    /// Notes what a path reads, and checks the expressions inside it.
    fn note(&mut self, path: &Path<'a>, facts: &Facts) {
        if let Some(base) = path.base {
            self.strict(base, facts);
        }
        for step in &path.steps {
            if let Some(index) = step.index {
                self.strict(index, facts);
            }
        }
        let Some(root) = path.root else { return };
        self.reads.element |= self.paths.scope.is_element(root);
        let second = path.steps.get(1);
        match (root, second.and_then(|step| step.name)) {
            ("children", Some(id)) => {
                self.reads.children.insert(id.to_owned());
            }
            ("vars", Some(name)) => {
                self.reads.vars.insert(name.to_owned());
                if second.is_some_and(|step| step.may_be_absent) {
                    self.reads.absent_vars.insert(name.to_owned());
                }
            }
            ("reads", Some(id)) => {
                self.reads.reads.insert(id.to_owned());
                if second.is_some_and(|step| step.may_be_absent) {
                    self.reads.absent_reads.insert(id.to_owned());
                }
            }
            ("children" | "reads" | "vars", None) => {
                if let Some(step) = path.steps.first() {
                    self.reads.problems.push(
                        Problem::new(
                            ProblemKind::WrongType,
                            step.span.clone(),
                            format!("`{root}` is not a value by itself"),
                        )
                        .expected(format!("`{root}.<name>`")),
                    );
                }
            }
            _ => {}
        }
    }

    fn never_equal(&mut self, expr: &SpannedExpr, left: &SpannedExpr, right: &SpannedExpr) {
        let (left, right) = (type_of(left, self.types), type_of(right, self.types));
        if let (Some(a), Some(b)) = (class(&left), class(&right))
            && a != b
        {
            let message = format!("{} and {} are never equal", describe(&left), describe(&right));
            self.reads.problems.push(
                Problem::new(ProblemKind::NoOverload, expr.span.clone(), message)
                    .mend("convert one of them, with `string(…)` or `int(…)` for example"),
            );
        }
    }

    /// The facts, and those that a condition proves where it has that outcome.
    fn with(&self, facts: &Facts, condition: &SpannedExpr, outcome: bool) -> Facts {
        let mut more = facts.clone();
        self.prove(condition, outcome, &mut more);
        more
    }

    fn prove(&self, condition: &SpannedExpr, outcome: bool, facts: &mut Facts) {
        match &condition.node {
            Expr::MemberTestOnly { expr, field } if outcome => {
                if let Some(mut path) = self.paths.path(expr) {
                    self.paths.push_field(&mut path, expr, field, condition);
                    facts.extend(path.steps.into_iter().map(|step| step.text));
                }
            }
            Expr::Binary { op: BinaryOp::And, left, right } if outcome => {
                self.prove(left, true, facts);
                self.prove(right, true, facts);
            }
            Expr::Binary { op: BinaryOp::Or, left, right } if !outcome => {
                self.prove(left, false, facts);
                self.prove(right, false, facts);
            }
            Expr::Unary { op: UnaryOp::Not, expr } => self.prove(expr, !outcome, facts),
            // `x in list` says that the list holds x, and nothing of the item at x. The keys of JSON's maps are strings.
            Expr::Binary { op: BinaryOp::In, left, right }
                if outcome
                    && !matches!(type_of(right, self.types), CelType::List(_))
                    && !matches!(type_of(left, self.types), CelType::Int | CelType::UInt) =>
            {
                if let Some(path) = self.paths.path(right)
                    && let Some(last) = path.steps.last()
                {
                    facts.insert(format!("{}{}", last.text, self.paths.index_text(left)));
                }
            }
            Expr::Call { expr: callee, args } if outcome && args.is_empty() => {
                if let Expr::Member { expr: receiver, field, .. } = &callee.node
                    && field == "hasValue"
                    && let Some(path) = self.paths.path(receiver)
                {
                    facts.extend(path.steps.into_iter().map(|step| step.text));
                }
            }
            _ => {}
        }
    }
}
