//! From the actions of Go templates to CEL: what a hint shows.

use super::calls::{by_space, bytes, in_parentheses, is_literal, split, words};
use crate::cel::scan::{Kind, Token};

/// A part of a block.
#[derive(Debug)]
pub(super) enum Tree {
    /// Text.
    Literal(String),
    /// One expression.
    Expression(Vec<Token>),
    /// `if`, and what stands after the last `else`.
    If(Vec<Branch>, Vec<Tree>),
    /// `with`
    With(Vec<Branch>, Vec<Tree>),
    /// `range`
    Range(Branch, Vec<Tree>),
}

/// A part of a block with what it depends on.
#[derive(Debug)]
pub(super) struct Branch {
    /// The condition, the list or the value.
    pub(super) head: Vec<Token>,
    /// What is written then.
    pub(super) body: Vec<Tree>,
}

/// What `.` is.
#[derive(Debug, Clone)]
pub(super) enum Dot {
    /// The resource, so that `.spec` is a path as it stands.
    Root,
    /// This.
    Of(String),
}

/// Functions of Go templates that are operators or methods in CEL.
const BUILTINS: [&str; 15] =
    ["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "len", "index", "printf", "print", "quote", "empty"];

/// What is too long to be shown becomes a line break, which no shown form has, so that a hostile text cannot make it grow.
fn clipped(form: String) -> String {
    const LONGEST: usize = 1_000;
    if form.len() > LONGEST { "\n".to_owned() } else { form }
}

/// A block as one expression; with a line break in it where there is none that could be shown.
pub(super) fn tree(text: &str, tree: &Tree, dot: &Dot) -> String {
    let form = match tree {
        Tree::Literal(literal) => quoted(literal),
        Tree::Expression(tokens) => pipeline(text, tokens, dot),
        Tree::If(branches, otherwise) => branches.iter().rev().fold(all(text, otherwise, dot), |other, branch| {
            let (condition, value) = (pipeline(text, &branch.head, dot), all(text, &branch.body, dot));
            clipped(format!("{} ? {value} : {other}", grouped(condition)))
        }),
        Tree::With(branches, otherwise) => branches.iter().rev().fold(all(text, otherwise, dot), |other, branch| {
            let (_, head) = assigned(&branch.head);
            let value = clipped(pipeline(text, head, dot));
            let body = all(text, &branch.body, &Dot::Of(value.clone()));
            let path = head.iter().all(|token| matches!(token.kind, Kind::Word | Kind::Other(b'.')));
            let condition = if path { format!("has({value})") } else { format!("({value}) != ''") };
            clipped(format!("{condition} ? {body} : {other}"))
        }),
        Tree::Range(branch, otherwise) => {
            let (names, head) = assigned(&branch.head);
            let name = names.last().and_then(|token| text.get(token.range.clone()));
            let item = name.filter(|name| name.len() <= 40).unwrap_or("item");
            let body = all(text, &branch.body, &Dot::Of(item.to_owned()));
            let list = grouped(pipeline(text, head, dot));
            let joined = format!("{list}.map({item}, {body}).join('')");
            match otherwise.as_slice() {
                [] => joined,
                otherwise => format!("size({list}) == 0 ? {} : {joined}", all(text, otherwise, dot)),
            }
        }
    };
    clipped(form)
}

/// `$i, $x := list`: the names, and what is assigned.
fn assigned(tokens: &[Token]) -> (Vec<&Token>, &[Token]) {
    let sign = |pair: &[Token]| matches!(pair, [a, b] if a.kind == Kind::Other(b':') && b.kind == Kind::Other(b'='));
    match tokens.windows(2).position(sign) {
        Some(at) => {
            let names = tokens.iter().take(at).filter(|token| token.kind == Kind::Word);
            (names.collect(), tokens.get(at + 2..).unwrap_or_default())
        }
        None => (Vec::new(), tokens),
    }
}

/// What stands in a branch, as one text.
fn all(text: &str, trees: &[Tree], dot: &Dot) -> String {
    let parts: Vec<String> = trees.iter().map(|part| tree(text, part, dot)).collect();
    match parts.as_slice() {
        [] => "''".to_owned(),
        [only] => only.clone(),
        parts => clipped(parts.iter().map(|part| grouped(part.clone())).collect::<Vec<_>>().join(" + ")),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// In parentheses where it is more than a value.
fn grouped(text: String) -> String {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let literal =
        ['\'', '"'].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote) && !inner.contains(*quote));
    let brackets = text.starts_with('(') && text.ends_with(')') && !inner.contains(['(', ')']);
    if literal || brackets || !text.contains([' ', '|', '?']) { text } else { format!("({text})") }
}

/// Whether one of Go's own functions is called.
pub(super) fn calls_builtin(text: &str, tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let word = text.get(token.range.clone()).unwrap_or_default();
        if token.kind != Kind::Word || !BUILTINS.contains(&word) {
            return false;
        }
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map(|token| token.kind);
        let piped = before == Some(Kind::Pipe);
        let begins = matches!(before, None | Some(Kind::Open(b'(') | Kind::Other(b',')));
        let operand = tokens.get(at + 1).is_some_and(|next| {
            token.range.end < next.range.start
                && match next.kind {
                    Kind::Word => text.get(next.range.clone()) != Some("in"),
                    Kind::Text | Kind::Open(_) | Kind::Other(b'.' | b'$') => true,
                    _ => false,
                }
        });
        piped || (begins && operand)
    })
}

/// A pipeline of Go's in CEL.
pub(super) fn pipeline(text: &str, tokens: &[Token], dot: &Dot) -> String {
    let mut stages = split(tokens, |kind| kind == Kind::Pipe).into_iter().filter_map(|range| tokens.get(range));
    let first = stages.next().map(|tokens| command(text, tokens, dot)).unwrap_or_default();
    stages.fold(first, |value, stage| {
        let Some((name, rest)) = stage.split_first() else { return value };
        let name = text.get(name.range.clone()).unwrap_or_default();
        let mut arguments: Vec<String> = words(rest)
            .into_iter()
            .filter_map(|range| rest.get(range))
            .map(|tokens| operand(text, tokens, dot))
            .collect();
        if BUILTINS.contains(&name) {
            // Go gives the value last.
            arguments.push(grouped(value));
            return builtin(name, &arguments);
        }
        [vec![format!("{value} | {name}")], arguments].concat().join(" ")
    })
}

/// One command: a call by space, or a value.
fn command(text: &str, tokens: &[Token], dot: &Dot) -> String {
    let Some((name, arguments)) = by_space(text, tokens).or_else(|| builtin_by_space(text, tokens)) else {
        return operand(text, tokens, dot);
    };
    let name = text.get(name.range.clone()).unwrap_or_default();
    let values: Vec<String> = arguments.iter().map(|tokens| operand(text, tokens, dot)).collect();
    if BUILTINS.contains(&name) {
        return builtin(name, &values);
    }
    match (name, arguments.as_slice(), values.as_slice()) {
        ("default", [first, second], [a, b]) if is_literal(text, first) && !is_literal(text, second) => {
            format!("{b} | default {a}")
        }
        ("default", _, [a, b]) => format!("{a} | default {b}"),
        _ => format!("{name}({})", values.join(", ")),
    }
}

/// `not .x`, which CEL reads as a path.
fn builtin_by_space<'t>(text: &str, tokens: &'t [Token]) -> Option<(&'t Token, Vec<&'t [Token]>)> {
    let (name, rest) = tokens.split_first()?;
    let word = text.get(name.range.clone())?;
    let gap = rest.first().is_some_and(|next| name.range.end < next.range.start);
    let known = name.kind == Kind::Word && gap && BUILTINS.contains(&word);
    known.then(|| (name, words(rest).into_iter().filter_map(|range| rest.get(range)).collect()))
}

/// One of Go's functions as an operator or method.
fn builtin(name: &str, values: &[String]) -> String {
    let between = |sign: &str| values.iter().map(|value| grouped(value.clone())).collect::<Vec<_>>().join(sign);
    match (name, values) {
        ("eq", [_, _]) => between(" == "),
        ("eq", [first, rest @ ..]) => format!("{first} in [{}]", rest.join(", ")),
        ("ne", _) => between(" != "),
        ("lt", _) => between(" < "),
        ("le", _) => between(" <= "),
        ("gt", _) => between(" > "),
        ("ge", _) => between(" >= "),
        ("and", _) => between(" && "),
        ("or", _) => between(" || "),
        ("not", [value]) => format!("!{}", grouped(value.clone())),
        ("len", [value]) => format!("size({value})"),
        ("index", [first, rest @ ..]) => {
            format!("{first}{}", rest.iter().map(|key| format!("[{key}]")).collect::<String>())
        }
        ("printf", [form, rest @ ..]) => format!("{form}.format([{}])", rest.join(", ")),
        ("print", _) => between(" + "),
        ("quote", [value]) => format!("strings.quote({value})"),
        ("empty", [value]) => format!("({value} | default '') == ''"),
        _ => format!("{name}({})", values.join(", ")),
    }
}

/// A value, in which `.` and variables are what they stand for.
fn operand(text: &str, tokens: &[Token], dot: &Dot) -> String {
    if let Some(inner) = in_parentheses(tokens) {
        return grouped(pipeline(text, inner, dot));
    }
    let mut result = String::new();
    let mut at = bytes(tokens).start;
    let mut before: Option<&Token> = None;
    for token in tokens {
        result.push_str(text.get(at..token.range.start).unwrap_or_default());
        let starts = before.is_none_or(|before| {
            before.range.end < token.range.start || !matches!(before.kind, Kind::Word | Kind::Text | Kind::Close(_))
        });
        match (token.kind, dot) {
            (Kind::Other(b'$'), _) => {}
            (Kind::Other(b'.'), Dot::Of(value)) if starts => {
                result.push_str(value);
                let end = token.range.end;
                if tokens.iter().any(|next| next.range.start == end && next.kind == Kind::Word) {
                    result.push('.');
                }
            }
            _ => result.push_str(text.get(token.range.clone()).unwrap_or_default()),
        }
        at = token.range.end;
        before = Some(token);
    }
    result
}
