//! What stands at a byte of an expression: for editors, which ask while the expression is being written. So nothing here asks
//! for an expression that is right: what cannot be parsed is cut down to the path at the byte.

use std::collections::BTreeMap;
use std::ops::Range;

use cel_core::parser::MacroStyle;
use cel_core::types::OverloadDecl;
use cel_core::{CelType, CheckResult, Expr, SpannedExpr};

use super::environment::{ENVIRONMENT, types_of};
use super::parse::parse;
use super::scan::{Kind, Token, Tokens};
use super::stack::on_a_deep_stack;
use super::types::{describe, type_of};
use super::{Scope, macros, tree};

/// What stands at a byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its bytes in the expression.
    pub range: Range<usize>,
    /// What it is.
    pub what: What,
    /// Its type.
    pub ty: CelType,
    /// The type of what it is a field of.
    pub of: Option<CelType>,
}

/// What can stand at a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A variable, or a field by a path of names from one: `["spec", "image"]`.
    Path(Vec<String>),
    /// A field of something else.
    Field(String),
    /// A function or macro, by its name: `size`, `math.greatest`.
    Function(String),
    /// Any other value.
    Value,
}

/// What can be written at a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As written.
    pub name: String,
    /// A field's type in words; how a function is called.
    pub detail: String,
    /// What it is.
    pub kind: WordKind,
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// A variable that every place of its kind has.
    Variable,
    /// A field.
    Field,
    /// A function, called `name(…)`.
    Function,
    /// A function or macro, called `receiver.name(…)`.
    Method,
}

/// What can be written at a byte, and after what.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// The bytes of what was begun, which a word stands for.
    pub range: Range<usize>,
    /// The type of what stands before the dot; none: there is no dot.
    pub of: Option<CelType>,
    /// Sorted by kind and name.
    pub words: Vec<Word>,
}

/// What stands at the byte `offset` of the expression `source`, if that is something that has a type or a name.
pub fn look(source: &str, offset: usize, scope: &Scope) -> Option<Found> {
    let found = on_a_deep_stack(|| {
        let whole = Typed::of(source, scope).and_then(|typed| typed.at(source, offset));
        Ok(whole.or_else(|| {
            let path = path_at(source, offset)?;
            Typed::of(&only(source, path), scope)?.at(source, offset)
        }))
    });
    found.ok().flatten()
}

/// The words that can be written at the byte `offset` of `source`, as far as it was begun there.
pub fn words(source: &str, offset: usize, scope: &Scope) -> Words {
    let bytes = source.as_bytes();
    let offset = offset.min(source.len());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let begun = bytes.get(..offset).unwrap_or_default().iter().rev().take_while(|byte| is_name(byte)).count();
    let start = offset - begun;
    let rest = bytes.get(offset..).unwrap_or_default().iter().take_while(|byte| is_name(byte)).count();
    let range = start..offset + rest;
    let before = source.get(..start).unwrap_or_default();
    let operand = before.strip_suffix('?').unwrap_or(before).strip_suffix('.');
    let is_operand =
        |text: &&str| text.ends_with(|last: char| last.is_ascii_alphanumeric() || "_)]}'\"`".contains(last));
    let Some(operand) = operand.filter(is_operand) else {
        return Words { range, of: None, words: if operand_is_number(before) { Vec::new() } else { begin(scope) } };
    };
    let end = operand.len();
    let ty = on_a_deep_stack(|| Ok(type_before(source, end, range.end, scope)));
    let ty = ty.ok().flatten();
    let words = match &ty {
        Some(ty) => after(ty, scope),
        // `math.` and other libraries are no values.
        None => library(operand),
    };
    Words { range, of: ty, words }
}

/// How a function or macro is called, each form in a line.
pub fn forms(name: &str) -> Vec<String> {
    let functions = ENVIRONMENT.functions();
    let mut forms: Vec<String> = functions
        .get(name)
        .map(|function| function.overloads.iter().map(|overload| call(name, overload)).collect())
        .unwrap_or_default();
    forms.dedup();
    forms
}

/// A number with a point is followed by digits alone.
fn operand_is_number(before: &str) -> bool {
    before.strip_suffix('.').is_some_and(|number| number.ends_with(|last: char| last.is_ascii_digit()))
}

/// An expression with the types of its nodes, as far as they are known.
struct Typed {
    expr: SpannedExpr,
    types: CheckResult,
}

impl Typed {
    fn of(source: &str, scope: &Scope) -> Option<Typed> {
        let expr = parse(source).ok()?;
        let types = types_of(&expr, &scope.roots(), scope);
        Some(Typed { expr, types })
    }

    fn at(&self, source: &str, offset: usize) -> Option<Found> {
        let mut node = &self.expr;
        if !holds(node, offset) {
            return None;
        }
        let mut called = None;
        loop {
            let inner = tree::children(node).into_iter().filter(|child| holds(child, offset) && is_written(child));
            // Where two meet, as in `a.b`, the one that begins last is meant.
            let Some(next) = inner.max_by_key(|child| (child.span.start, std::cmp::Reverse(child.span.end))) else {
                break;
            };
            called = match &node.node {
                Expr::Call { expr, .. } if std::ptr::eq(&**expr, next) => Some(node),
                _ => None,
            };
            node = next;
        }
        let (what, range) = match &node.node {
            Expr::Ident(name) | Expr::RootIdent(name) => (What::Path(vec![name.clone()]), node.span.clone()),
            Expr::Member { expr, field, .. } | Expr::MemberTestOnly { expr, field } => {
                let range = field_range(source, node.span.clone(), expr.span.end, field);
                if !(range.start..=range.end).contains(&offset) {
                    return None;
                }
                match path(node) {
                    Some(names) => (What::Path(names), range),
                    None => (What::Field(field.clone()), range),
                }
            }
            _ => (What::Value, node.span.clone()),
        };
        // A function by itself has no type; what it gives there has one.
        let ty = type_of(called.unwrap_or(node), &self.types);
        let of = match &node.node {
            Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => Some(type_of(expr, &self.types)),
            _ => None,
        };
        let what = match (called, what) {
            (Some(_), What::Path(names)) => What::Function(function_name(&names)),
            (Some(_), What::Field(name)) => What::Function(name),
            (_, what) => what,
        };
        Some(Found { range, what, ty, of })
    }

    /// The type of the value that ends at a byte.
    fn ending_at(&self, end: usize) -> Option<CelType> {
        let mut best: Option<&SpannedExpr> = None;
        let mut next = vec![&self.expr];
        while let Some(node) = next.pop() {
            let shorter = |best: &SpannedExpr| node.span.len() < best.span.len();
            if node.span.end == end && !node.span.is_empty() && best.is_none_or(shorter) {
                best = Some(node);
            }
            next.extend(tree::children(node).into_iter().rev());
        }
        let node = best?;
        let known = self.types.type_map.contains_key(&node.id);
        match type_of(node, &self.types) {
            // Of a name that is none the checker knows no type: it may be a library.
            CelType::Dyn if !known || self.types.type_map.get(&node.id) == Some(&CelType::Error) => None,
            ty => Some(ty),
        }
    }
}

fn holds(node: &SpannedExpr, offset: usize) -> bool {
    (node.span.start..=node.span.end).contains(&offset)
}

/// Not the variables that macros and pipelines make for themselves.
fn is_written(node: &SpannedExpr) -> bool {
    match &node.node {
        Expr::Ident(name) => !name.starts_with("__") && !name.starts_with('@'),
        _ => true,
    }
}

fn field_range(source: &str, whole: Range<usize>, from: usize, field: &str) -> Range<usize> {
    let from = from.clamp(whole.start, whole.end);
    let at = source.get(from..whole.end).and_then(|text| text.rfind(field));
    at.map_or(whole.clone(), |at| from + at..from + at + field.len())
}

/// The names of a path from a variable; none for what is no such path.
fn path(node: &SpannedExpr) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut node = node;
    loop {
        match &node.node {
            Expr::Member { expr, field, .. } | Expr::MemberTestOnly { expr, field } => {
                names.push(field.clone());
                node = expr;
            }
            Expr::Ident(name) | Expr::RootIdent(name) => {
                names.push(name.clone());
                names.reverse();
                return Some(names);
            }
            _ => return None,
        }
    }
}

/// A callee's path is a library's function, or a method of what the rest of the path is.
fn function_name(names: &[String]) -> String {
    let whole = names.join(".");
    if ENVIRONMENT.functions().contains_key(&whole) {
        return whole;
    }
    names.last().cloned().unwrap_or(whole)
}

/// The path of names and dots around a byte, up to the end of the name there.
fn path_at(source: &str, offset: usize) -> Option<Range<usize>> {
    let tokens: Vec<Token> = Tokens::new(source, 0).collect();
    let at = tokens
        .iter()
        .rposition(|token| token.kind == Kind::Word && (token.range.start..=token.range.end).contains(&offset))?;
    let belongs = |token: &Token| matches!(token.kind, Kind::Word | Kind::Other(b'.'));
    let mut first = at;
    while first > 0
        && tokens.get(first - 1).zip(tokens.get(first)).is_some_and(|(before, token)| {
            belongs(before) && before.range.end == token.range.start && before.kind != token.kind
        })
    {
        first -= 1;
    }
    Some(tokens.get(first)?.range.start..tokens.get(at)?.range.end)
}

/// A part of a text, at its place.
fn only(source: &str, range: Range<usize>) -> String {
    let mut text = " ".repeat(range.start);
    text.push_str(source.get(range).unwrap_or_default());
    text
}

/// The type of what stands before a dot at the byte `end`; what was begun behind it ends at `begun`.
fn type_before(source: &str, end: usize, begun: usize, scope: &Scope) -> Option<CelType> {
    let before = source.get(..end)?;
    let behind = source.get(begun..)?;
    let of = |text: &str| Typed::of(text, scope)?.ending_at(end);
    of(&format!("{before}{}{behind}", " ".repeat(begun - end)))
        .or_else(|| of(&format!("{before} {}", closing(before))))
        .or_else(|| of(&only(source, path_at(source, end)?)))
}

/// The brackets that are still open, closed.
fn closing(text: &str) -> String {
    let mut open = Vec::new();
    for token in Tokens::new(text, 0) {
        match token.kind {
            Kind::Open(b'(') => open.push(')'),
            Kind::Open(b'[') => open.push(']'),
            Kind::Open(_) => open.push('}'),
            Kind::Close(_) => drop(open.pop()),
            _ => {}
        }
    }
    open.into_iter().rev().collect()
}

/// What an expression can begin with.
fn begin(scope: &Scope) -> Vec<Word> {
    let roots = scope.roots().into_iter();
    let mut words: Vec<Word> = roots
        .map(|(name, ty)| Word { name: name.to_owned(), detail: describe(&ty), kind: WordKind::Variable })
        .collect();
    words.sort_by(|a, b| a.name.cmp(&b.name));
    words.dedup_by(|a, b| a.name == b.name);
    let mut functions = BTreeMap::new();
    for function in ENVIRONMENT.functions().values() {
        let written =
            function.name.starts_with(|first: char| first.is_ascii_alphabetic()) && !function.name.contains('@');
        let form = function.overloads.iter().find(|overload| !overload.is_member);
        if let Some(form) = form.filter(|_| written) {
            functions.insert(function.name.clone(), call(&function.name, form));
        }
    }
    for known in macros::registry().iter().filter(|known| known.style == MacroStyle::Global) {
        functions.insert(known.name.to_owned(), format!("{}(…)", known.name));
    }
    words.extend(functions.into_iter().map(|(name, detail)| Word { name, detail, kind: WordKind::Function }));
    words
}

/// What can follow the dot behind a value of that type.
fn after(ty: &CelType, scope: &Scope) -> Vec<Word> {
    let mut value = ty;
    while let CelType::Optional(inner) | CelType::Wrapper(inner) = value {
        value = inner;
    }
    let mut words = Vec::new();
    if let CelType::Message(message) = value {
        for name in scope.registry.field_names(message) {
            let Some(field) = scope.registry.field(message, &name) else { continue };
            let absent = if field.may_be_absent { ", may be absent" } else { "" };
            words.push(Word { name, detail: format!("{}{absent}", describe(&field.ty)), kind: WordKind::Field });
        }
    }
    let mut methods = BTreeMap::new();
    if !matches!(ty, CelType::Message(_)) {
        for (name, overload) in ENVIRONMENT.methods_for_type(ty) {
            let written = name.starts_with(|first: char| first.is_ascii_alphabetic()) && !name.contains('@');
            if written {
                methods.insert(name.to_owned(), call(name, overload));
            }
        }
    }
    if matches!(ty, CelType::List(_) | CelType::Map(..) | CelType::Optional(_) | CelType::Dyn) {
        let of_optional = matches!(ty, CelType::Optional(_));
        let fits = |name: &str| name.starts_with("opt") == of_optional || *ty == CelType::Dyn;
        let known = macros::registry();
        for known in known.iter().filter(|known| known.style == MacroStyle::Receiver && fits(known.name)) {
            // Those of libraries have receivers that are no values.
            if !["greatest", "least", "bind"].contains(&known.name) {
                methods.insert(known.name.to_owned(), format!("….{}(…)", known.name));
            }
        }
    }
    words.extend(methods.into_iter().map(|(name, detail)| Word { name, detail, kind: WordKind::Method }));
    words
}

/// The functions of the library that a text ends with.
fn library(text: &str) -> Vec<Word> {
    let start = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    let name = text.get(start..).unwrap_or_default();
    let mut words = Vec::new();
    for function in ENVIRONMENT.functions().values() {
        let Some(own) = function.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { continue };
        // `math.@max` is what a macro becomes.
        if let Some(form) = function.overloads.first().filter(|_| !own.contains('@')) {
            words.push(Word { name: own.to_owned(), detail: call(&function.name, form), kind: WordKind::Function });
        }
    }
    if name == "math" {
        for own in ["greatest", "least"] {
            words.push(Word { name: own.to_owned(), detail: format!("math.{own}(…)"), kind: WordKind::Function });
        }
    }
    words.sort_by(|a, b| a.name.cmp(&b.name));
    words.dedup_by(|a, b| a.name == b.name);
    words
}

/// How a function is called: `string.find(string) → string`.
fn call(name: &str, overload: &OverloadDecl) -> String {
    let mut types = overload.params.iter().map(shown);
    let receiver = if overload.is_member { types.next().map(|ty| format!("{ty}.")) } else { None };
    let arguments: Vec<String> = types.collect();
    format!("{}{name}({}) → {}", receiver.unwrap_or_default(), arguments.join(", "), shown(&overload.result))
}

fn shown(ty: &CelType) -> String {
    match ty {
        CelType::TypeParam(name) => name.to_string(),
        CelType::List(item) => format!("list of {}", shown(item)),
        CelType::Map(_, value) => format!("map of {}", shown(value)),
        CelType::Optional(inner) => format!("optional {}", shown(inner)),
        ty => describe(ty),
    }
}
