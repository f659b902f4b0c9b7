//! Type-checks expressions and says what is wrong with them in the words of the language.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel_core::{Ast, CelType, CheckError, CheckErrorKind, CheckResult, Expr, SpannedExpr};

use super::absence::{self, Reads};
use super::environment::{ENVIRONMENT, types_of};
use super::parse::{parse, shorten};
use super::place::{self, Place};
use super::problem::{Problem, ProblemKind};
use super::stack::on_a_deep_stack;
use super::types::{ambiguous, describe, generalise, type_of};
use super::{Checked, Scope, Secrecy, Sources, functions, origin, regex, secret, tree};
use crate::cost;
use crate::schema::nearest;

/// Variables of an expression that stands alone, outside of any pattern.
#[derive(Debug, Clone, Default)]
pub struct Declarations {
    /// Names, which may be qualified (`a.b.c`), and types.
    pub variables: Vec<(String, CelType)>,
    /// The container in which names are looked up.
    pub container: String,
}

/// Checks the text of one expression, without its braces.
///
/// # Errors
/// Everything that is wrong with it. Ranges count from the start of `source`.
pub fn check(source: &str, at: &str, scope: &Scope, place: Place<'_>) -> Result<Checked, Vec<Problem>> {
    on_a_deep_stack(|| {
        let expr = parse(source)?;
        let roots = scope.roots();
        let types = types_of(&expr, &roots, scope);
        let roots: Vec<&str> = roots.iter().map(|(name, _)| *name).collect();
        let mut problems: Vec<_> = types
            .errors
            .iter()
            .filter_map(|error| Explain { source, expr: &expr, types: &types, scope, roots: &roots }.problem(error))
            .collect();
        messages(&expr, &mut problems);
        regex::literals(&expr, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let Reads { optional, absent, relies, children, vars, absent_vars, reads, absent_reads, element, mut problems } =
            absence::walk(&expr, &types, scope, place);
        if problems.is_empty() {
            place::fits(&expr, &types, scope, place, &mut problems);
        }
        if !problems.is_empty() {
            problems.sort_by_key(|problem| problem.range.start);
            return Err(problems);
        }
        let ty = match type_of(&expr, &types) {
            CelType::Optional(inner) => CelType::clone(&inner),
            ty => ty,
        };
        let flow = secret::flow(&expr, &types, scope);
        let origins = origin::origins(&expr, &types, scope);
        let extents = |name: &str| scope.extent(name);
        let input =
            cost::Input { expr: &expr, types: &types, optional: &optional, relies: relies.len(), extents: &extents };
        let cost = cost::of_expression(&input);
        let ast = Arc::new(Ast::new_checked(expr, source, types));
        Ok(Checked {
            cost,
            source: source.to_owned(),
            at: at.to_owned(),
            ast,
            ty,
            path: absent,
            relies,
            optional,
            secrecy: flow.secrecy,
            origins,
            element,
            children,
            vars,
            absent_vars,
            reads,
            absent_reads,
            sources: Sources { secret: flow.from, random: flow.random },
        })
    })
}

/// Checks an expression over declared variables. Nothing of a pattern is in scope, and no path is known to be absent.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_free(source: &str, at: &str, declarations: &Declarations) -> Result<Checked, Vec<Problem>> {
    on_a_deep_stack(|| {
        let expr = parse(source)?;
        let mut env = ENVIRONMENT.clone().with_container(&declarations.container);
        for (name, ty) in &declarations.variables {
            env.add_variable(name, ty.clone());
        }
        let mut types = env.check(&expr);
        generalise(&expr, &mut types);
        let scope = Scope::new(&crate::schema::Schema::default(), false);
        let names: Vec<&str> = declarations.variables.iter().map(|(name, _)| name.as_str()).collect();
        let explain = Explain { source, expr: &expr, types: &types, scope: &scope, roots: &names };
        let mut problems: Vec<_> = types.errors.iter().filter_map(|error| explain.problem(error)).collect();
        messages(&expr, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let ty = type_of(&expr, &types);
        Ok(free(source, at, Ast::new_checked(expr, source, types), ty))
    })
}

/// Parses an expression without looking at names and types: what is wrong with those fails when it is evaluated.
///
/// # Errors
/// It is not CEL, or out of bounds.
pub fn parse_free(source: &str, at: &str) -> Result<Checked, Vec<Problem>> {
    on_a_deep_stack(|| {
        let expr = parse(source)?;
        let mut problems = Vec::new();
        messages(&expr, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(free(source, at, Ast::new_unchecked(expr, source), CelType::Dyn))
    })
}

fn free(source: &str, at: &str, ast: Ast, ty: CelType) -> Checked {
    Checked {
        source: source.to_owned(),
        at: at.to_owned(),
        ast: Arc::new(ast),
        ty,
        cost: cost::Estimate::unknown(),
        path: false,
        relies: BTreeSet::new(),
        optional: BTreeSet::new(),
        secrecy: Secrecy::Open,
        origins: BTreeSet::new(),
        element: false,
        children: BTreeSet::new(),
        vars: BTreeSet::new(),
        absent_vars: BTreeSet::new(),
        reads: BTreeSet::new(),
        absent_reads: BTreeSet::new(),
        sources: Sources::default(),
    }
}

/// The same text for every way to write an expression; none for what is no expression.
pub(crate) fn canonical(source: &str) -> Option<String> {
    let shown = on_a_deep_stack(|| {
        let mut expr = parse(source)?;
        shorten(&mut expr);
        Ok(cel_core::ast_to_string(&expr))
    });
    shown.ok()
}

/// Whether an expression is a call of `base64.encode` or `toBase64`, which always give a value.
pub(crate) fn is_encoding(source: &str) -> bool {
    let is_call = on_a_deep_stack(|| {
        let expr = parse(source)?;
        let Expr::Call { expr: callee, .. } = &expr.node else { return Ok(false) };
        Ok(match &callee.node {
            Expr::Ident(name) => name == "toBase64",
            Expr::Member { expr: library, field, .. } => {
                field == "encode" && matches!(&library.node, Expr::Ident(name) if name == "base64")
            }
            _ => false,
        })
    });
    is_call.unwrap_or(false)
}

/// Objects of a named type cannot be made: Kubernetes' objects are maps.
fn messages(expr: &SpannedExpr, problems: &mut Vec<Problem>) {
    if let Expr::Struct { .. } = expr.node {
        problems.push(
            Problem::new(ProblemKind::NamedType, expr.span.clone(), "objects of a named type cannot be written")
                .mend("write a map: `{'key': value}`"),
        );
    }
    for child in tree::children(expr) {
        messages(child, problems);
    }
}

/// Variables that only some places have.
const ROOTS_ELSEWHERE: [(&str, &str); 4] = [
    ("self", "`readyWhen`"),
    ("item", "a child with `forEach`"),
    ("key", "a child with `forEach`"),
    ("now", "`when` and `readyWhen`"),
];

struct Explain<'a> {
    source: &'a str,
    expr: &'a SpannedExpr,
    types: &'a CheckResult,
    scope: &'a Scope,
    roots: &'a [&'a str],
}

impl Explain<'_> {
    /// The problem of an error of the checker; none where the error only follows from something that the checker guessed.
    fn problem(&self, error: &CheckError) -> Option<Problem> {
        let node = tree::find(self.expr, error.expr_id);
        if node.is_some_and(|node| tree::children(node).into_iter().any(|child| ambiguous(child, self.types))) {
            return None;
        }
        let range = error.span.clone();
        Some(match &error.kind {
            CheckErrorKind::UndeclaredReference { name, .. } => match node.map(|node| &node.node) {
                // It was reported at the library's name.
                Some(Expr::Call { expr: callee, .. }) if self.of_library(callee).is_some() => return None,
                Some(Expr::Call { .. }) => self.unknown_function(name, range),
                _ => match tree::callee_of(self.expr, error.expr_id) {
                    Some(callee) if let Some(function) = self.of_library(callee) => {
                        self.unknown_function(&function, callee.span.clone())
                    }
                    _ => self.unknown_name(name, range),
                },
            },
            // What stands before the dot was reported already.
            CheckErrorKind::UndefinedField { type_name, .. } if type_name == "error" => return None,
            CheckErrorKind::UndefinedField { type_name, field } => self.unknown_field(type_name, field, range),
            CheckErrorKind::NoMatchingOverload { arg_types, .. } if self.unknown(arg_types) => return None,
            CheckErrorKind::NoMatchingOverload { function, arg_types } => no_overload(function, arg_types, range),
            CheckErrorKind::TypeMismatch { expected, actual } => Problem::new(
                ProblemKind::WrongType,
                range,
                format!("this is {}, not {}", describe(actual), describe(expected)),
            )
            .found(describe(actual))
            .expected(describe(expected)),
            other => Problem::new(ProblemKind::NoOverload, range, other.to_string()),
        })
    }

    /// Whether the checker has no type for an argument because of another error.
    fn unknown(&self, arguments: &[CelType]) -> bool {
        let unknown = |ty: &CelType| matches!(ty, CelType::Error | CelType::TypeVar(_) | CelType::TypeParam(_));
        let other = |error: &CheckError| !matches!(error.kind, CheckErrorKind::NoMatchingOverload { .. });
        arguments.iter().any(unknown) && self.types.errors.iter().any(other)
    }

    /// The whole name of a library's function, if a callee is written like one.
    fn of_library(&self, callee: &SpannedExpr) -> Option<String> {
        let Expr::Member { expr, field, .. } = &callee.node else { return None };
        let Expr::Ident(library) = &expr.node else { return None };
        (functions::is_library(library) && !self.roots.contains(&library.as_str()))
            .then(|| format!("{library}.{field}"))
    }

    fn unknown_name(&self, name: &str, range: std::ops::Range<usize>) -> Problem {
        if let Some((_, place)) = ROOTS_ELSEWHERE.iter().find(|(root, _)| *root == name) {
            return Problem::new(ProblemKind::UnknownName, range, format!("`{name}` is not there in this place"))
                .expected(format!("`{name}` only in {place}"));
        }
        let mut problem = Problem::new(ProblemKind::UnknownName, range, format!("there is no variable `{name}`"));
        if !self.roots.is_empty() {
            let roots: Vec<String> = self.roots.iter().map(|root| format!("`{root}`")).collect();
            problem = problem.expected(format!("one of {}", roots.join(", ")));
        }
        let below =
            ["spec", "vars", "inputs", "children", "reads", "metadata", "status"].into_iter().find_map(|root| {
                let message = match root {
                    "spec" | "status" | "metadata" => format!("object.{root}"),
                    _ => root.to_owned(),
                };
                self.scope
                    .registry
                    .field_names(&message)
                    .iter()
                    .any(|field| field == name)
                    .then(|| format!("{root}.{name}"))
            });
        problem.did_you_mean(below.as_deref().or(nearest(name, self.roots.iter().copied())))
    }

    fn unknown_function(&self, name: &str, range: std::ops::Range<usize>) -> Problem {
        let names: BTreeSet<String> = functions::functions().into_iter().map(|function| function.name).collect();
        let candidates =
            names.iter().map(String::as_str).filter(|known| known.starts_with(|c: char| c.is_ascii_alphabetic()));
        Problem::new(ProblemKind::UnknownFunction, range, format!("there is no function `{name}`"))
            .mend("functions are CEL's, those that Kubernetes adds to it, and those of Katalogs, such as `default`")
            .did_you_mean(nearest(name, candidates))
    }

    fn unknown_field(&self, type_name: &str, field: &str, range: std::ops::Range<usize>) -> Problem {
        // The checker names the whole selection; the field is at its end.
        let text = self.source.get(range.clone()).unwrap_or_default();
        let range = match text.rfind(field) {
            Some(at) => range.start + at..range.start + at + field.len(),
            None => range,
        };
        let registry = &self.scope.registry;
        let near = registry.nearest(type_name, field);
        let (kind, message) = match type_name {
            "children" => (ProblemKind::UnknownChild, format!("there is no child `{field}`")),
            "reads" => (ProblemKind::UnknownRead, format!("there is no read `{field}`")),
            "hook" => (ProblemKind::UnknownField, format!("the hook gives no `{field}`")),
            "inputs" => (ProblemKind::UnknownInput, format!("there is no input `{field}`")),
            "vars" => (ProblemKind::UnknownVar, format!("there is no variable `vars.{field}`")),
            _ if registry.schema(type_name).is_some() => {
                (ProblemKind::UnknownField, format!("there is no field `{field}` in `{}`", shown(type_name)))
            }
            _ => (ProblemKind::UnknownField, format!("a value of type {type_name} has no field `{field}`")),
        };
        let mut problem = Problem::new(kind, range, message);
        let names = registry.field_names(type_name);
        if !names.is_empty() {
            let mut list: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
            if names.len() > list.len() {
                list.push(format!("… ({} in all)", names.len()));
            }
            problem = problem.expected(format!("one of {}", list.join(", ")));
        }
        problem.did_you_mean(near.as_deref())
    }
}

/// The path of a message type as an author writes it.
fn shown(type_name: &str) -> &str {
    match type_name.strip_prefix("object.") {
        Some(path) => path,
        None => type_name,
    }
}

fn no_overload(function: &str, arguments: &[CelType], range: std::ops::Range<usize>) -> Problem {
    let types: Vec<String> = arguments.iter().map(describe).collect();
    let operator = function.trim_matches(['_', '@']);
    let message = match (function, types.as_slice()) {
        ("_[_]", [of, with]) => format!("{of} cannot be indexed with {with}"),
        ("_?_:_", _) => "the condition and the branches of `? :` do not fit together".to_owned(),
        (_, [left, right]) if function.starts_with('_') || function.starts_with('@') => {
            format!("`{operator}` cannot take {left} and {right}")
        }
        (_, [only]) if function.ends_with('_') => format!("`{operator}` cannot take {only}"),
        _ => format!("`{function}` cannot take ({})", types.join(", ")),
    };
    let problem = Problem::new(ProblemKind::NoOverload, range, message);
    match (function, arguments) {
        ("_+_", [CelType::String, other] | [other, CelType::String])
            if other.is_numeric() || *other == CelType::Bool =>
        {
            problem.mend("turn the other one into a string with `string(…)`, or write `{{ a }}{{ b }}`")
        }
        (_, [left, right]) if left.is_numeric() && right.is_numeric() => {
            problem.mend("convert one of them with `int(…)` or `double(…)`")
        }
        (_, types) if types.iter().any(|ty| matches!(ty, CelType::Optional(_))) => {
            problem.mend("unwrap the optional with `.orValue(…)`")
        }
        _ => problem,
    }
}
