//! Paths: a variable and the fields and indexes behind it.

use std::ops::Range;

use cel_core::{CelType, CheckResult, Expr, SpannedExpr};

use super::Scope;
use super::types::type_of;

/// A path, from its root on.
#[derive(Debug)]
pub(super) struct Path<'a> {
    /// The root's name, if it is a variable that is not a local.
    pub(super) root: Option<&'a str>,
    /// What the path begins with, if that is no variable.
    pub(super) base: Option<&'a SpannedExpr>,
    /// The root, if it is a variable, and all that follows.
    pub(super) steps: Vec<Step<'a>>,
}

#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) id: i64,
    /// The path up to here, the same for every way to write it.
    pub(super) text: String,
    /// The same for people.
    pub(super) shown: String,
    pub(super) span: Range<usize>,
    /// The field's name.
    pub(super) name: Option<&'a str>,
    /// The expression between brackets.
    pub(super) index: Option<&'a SpannedExpr>,
    pub(super) may_be_absent: bool,
    /// It may be absent only because it may be null.
    pub(super) required_by_type: bool,
    /// `.?field`, `[?index]`, or a step behind one.
    pub(super) optional: bool,
    /// It is an item of a computed list or map. That is no path: where there is no such item, the evaluation fails.
    pub(super) of_computed: bool,
}

/// A variable of a macro or of `cel.bind`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local<'a> {
    pub(super) name: &'a str,
    /// Its value is computed, or is an item of what is.
    pub(super) computed: bool,
}

/// Where paths get their meaning from.
pub(super) struct Paths<'a> {
    pub(super) types: &'a CheckResult,
    pub(super) scope: &'a Scope,
    /// Variables of macros, from the outside in.
    pub(super) locals: Vec<Local<'a>>,
}

impl<'a> Paths<'a> {
    /// Whether an expression has the form of a path.
    pub(super) fn is_path(expr: &SpannedExpr) -> bool {
        matches!(expr.node, Expr::Ident(_) | Expr::RootIdent(_) | Expr::Member { .. } | Expr::Index { .. })
    }

    /// The path that an expression is; none for the name of a type, which has dots but is no path.
    pub(super) fn path<'b>(&self, expr: &'b SpannedExpr) -> Option<Path<'b>> {
        match &expr.node {
            Expr::Ident(name) => {
                if let Some(position) = self.locals.iter().rposition(|local| local.name == name) {
                    let step = self.root(expr, format!("{name}#{position}"), name, false);
                    return Some(Path { root: None, base: None, steps: vec![step] });
                }
                Some(self.variable(expr, name))
            }
            Expr::RootIdent(name) => Some(self.variable(expr, name)),
            Expr::Member { expr: operand, field, optional } => {
                if self.types.reference_map.contains_key(&expr.id) {
                    return None;
                }
                let mut path = self.path(operand)?;
                self.push_field(&mut path, operand, field, expr);
                if let Some(step) = path.steps.last_mut() {
                    step.optional |= *optional;
                }
                Some(path)
            }
            Expr::Index { expr: operand, index, optional } => {
                let mut path = self.path(operand)?;
                let (before, shown) = path.texts();
                let text = self.index_text(index);
                let (ty, behind_optional) = unwrapped(type_of(operand, self.types));
                let enough = matches!((&ty, &index.node), (CelType::List(_), Expr::Int(position))
                    if self.least_items(operand).is_some_and(|least| u64::try_from(*position).is_ok_and(|position| position < least)));
                path.steps.push(Step {
                    id: expr.id,
                    shown: format!("{shown}[{}]", cel_core::ast_to_string(index)),
                    text: format!("{before}{text}"),
                    span: expr.span.clone(),
                    name: None,
                    index: Some(index),
                    may_be_absent: !enough,
                    required_by_type: false,
                    optional: *optional || behind_optional,
                    of_computed: self.is_computed(operand),
                });
                Some(path)
            }
            _ => Some(Path { root: None, base: Some(expr), steps: Vec::new() }),
        }
    }

    /// Appends `.field` to the path of `operand`.
    pub(super) fn push_field<'b>(
        &self,
        path: &mut Path<'b>,
        operand: &SpannedExpr,
        field: &'b str,
        expr: &SpannedExpr,
    ) {
        let (before, shown) = path.texts();
        let (ty, behind_optional) = unwrapped(type_of(operand, self.types));
        let (may_be_absent, required_by_type) = match &ty {
            CelType::Message(message) => match self.scope.registry.field(message, field) {
                Some(info) => (info.may_be_absent, info.may_be_absent && info.required),
                None => (true, false),
            },
            CelType::Dyn | CelType::Map(..) => (true, false),
            _ => (false, false),
        };
        // `object.spec` and `spec` are the same.
        let text = match before.as_str() {
            "object" if matches!(field, "metadata" | "spec" | "status") => field.to_owned(),
            _ => format!("{before}.{field}"),
        };
        path.steps.push(Step {
            id: expr.id,
            text,
            shown: format!("{shown}.{field}"),
            span: expr.span.clone(),
            name: Some(field),
            index: None,
            may_be_absent,
            required_by_type,
            optional: behind_optional,
            of_computed: false,
        });
    }

    /// Whether a value is computed, or an item of a computed list or map.
    pub(super) fn is_computed(&self, expr: &SpannedExpr) -> bool {
        match &expr.node {
            Expr::Index { expr: operand, .. } => self.is_computed(operand),
            Expr::Ident(name) => {
                self.locals.iter().rev().find(|local| local.name == name).is_some_and(|it| it.computed)
            }
            _ => !Self::is_path(expr),
        }
    }

    /// `[index]`, or `.name` for an index that is the text of a name.
    pub(super) fn index_text(&self, index: &SpannedExpr) -> String {
        match &index.node {
            Expr::String(key) => format!(".{key}"),
            _ => match self.path(index).and_then(|path| path.steps.into_iter().next_back()) {
                Some(step) => format!("[{}]", step.text),
                None => format!("[{}]", cel_core::ast_to_string(index)),
            },
        }
    }

    fn variable<'b>(&self, expr: &SpannedExpr, name: &'b str) -> Path<'b> {
        let step = self.root(expr, name.to_owned(), name, self.scope.root_may_be_absent(name));
        Path { root: Some(name), base: None, steps: vec![step] }
    }

    fn root<'b>(&self, expr: &SpannedExpr, text: String, name: &str, may_be_absent: bool) -> Step<'b> {
        Step {
            id: expr.id,
            text,
            shown: name.to_owned(),
            span: expr.span.clone(),
            name: None,
            index: None,
            may_be_absent,
            required_by_type: false,
            optional: false,
            of_computed: false,
        }
    }

    /// The `minItems` of a list that is the field of an object.
    fn least_items(&self, list: &SpannedExpr) -> Option<u64> {
        let Expr::Member { expr: operand, field, .. } = &list.node else { return None };
        let (CelType::Message(message), _) = unwrapped(type_of(operand, self.types)) else { return None };
        self.scope.registry.schema(&message)?.field(field)?.schema.bounds.min_items
    }
}

impl Path<'_> {
    fn texts(&self) -> (String, String) {
        match (self.steps.last(), self.base) {
            (Some(last), _) => (last.text.clone(), last.shown.clone()),
            // The node's number makes a text that nothing else has.
            (None, Some(base)) => (format!("#{}", base.id), cel_core::ast_to_string(base)),
            (None, None) => (String::new(), String::new()),
        }
    }
}

fn unwrapped(ty: CelType) -> (CelType, bool) {
    match ty {
        CelType::Optional(inner) => (CelType::clone(&inner), true),
        ty => (ty, false),
    }
}
