//! Short ways to write expressions, and to see what they give.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use orkestra_engine::{Engine, Failure};
use orkestra_program::function::Function;
use orkestra_program::model::*;
use orkestra_program::{CALL_BUDGET, encode};

pub(crate) fn located(expr: Expr) -> Located {
    Located { at: "here".into(), expr }
}

pub(crate) fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

pub(crate) fn int(value: i64) -> Expr {
    Expr::Int(value)
}

pub(crate) fn text(value: &str) -> Expr {
    Expr::String(value.into())
}

pub(crate) fn call<const N: usize>(function: Function, arguments: [Expr; N]) -> Expr {
    Expr::Call(function, arguments.into())
}

pub(crate) fn list<const N: usize>(items: [Expr; N]) -> Expr {
    Expr::List(items.into_iter().map(|value| Item { value, optional: false }).collect())
}

pub(crate) fn map<const N: usize>(pairs: [(Expr, Expr); N]) -> Expr {
    Expr::Map(pairs.into_iter().map(|(key, value)| Pair { key, value, optional: false }).collect())
}

pub(crate) fn select(operand: Expr, field: &str, mode: Select) -> Expr {
    Expr::Select { operand: boxed(operand), field: field.into(), mode }
}

pub(crate) fn path(root: Root, fields: &[&str]) -> Expr {
    fields.iter().fold(Expr::Root(root), |operand, field| select(operand, field, Select::Strict))
}

/// The same, each step optional.
pub(crate) fn optional_path(root: Root, fields: &[&str]) -> Expr {
    fields.iter().fold(Expr::Root(root), |operand, field| select(operand, field, Select::Optional))
}

pub(crate) fn index(operand: Expr, index: Expr, optional: bool) -> Expr {
    Expr::Index { operand: boxed(operand), index: boxed(index), optional }
}

pub(crate) fn and(a: Expr, b: Expr) -> Expr {
    Expr::And(boxed(a), boxed(b))
}

pub(crate) fn or(a: Expr, b: Expr) -> Expr {
    Expr::Or(boxed(a), boxed(b))
}

pub(crate) fn cond(a: Expr, b: Expr, c: Expr) -> Expr {
    Expr::Cond(boxed(a), boxed(b), boxed(c))
}

/// `1 / 0`
pub(crate) fn fault() -> Expr {
    call(Function::Divide, [int(1), int(0)])
}

pub(crate) fn over(kind: LoopKind, range: Expr, predicate: Option<Expr>, result: Option<Expr>) -> Expr {
    Expr::Loop(Box::new(Loop { kind, range, slot: 0, slot2: None, predicate, result }))
}

pub(crate) fn over2(kind: LoopKind, range: Expr, predicate: Option<Expr>, result: Option<Expr>) -> Expr {
    Expr::Loop(Box::new(Loop { kind, range, slot: 0, slot2: Some(1), predicate, result }))
}

pub(crate) fn program(expr: Expr, bindings: &[&str]) -> Vec<u8> {
    let bindings = bindings.iter().map(|name| (*name).into()).collect();
    let evaluations = vec![Evaluation { name: "e".into(), bindings, value: located(expr) }];
    encode(&Program { entries: vec![], evaluations })
}

pub(crate) fn outcome(expr: Expr) -> Result<(String, u64), Failure> {
    let program = program(expr, &[]);
    let evaluation = Engine::load(&program).eval("e", b"{}", CALL_BUDGET)?;
    Ok((String::from_utf8(evaluation.value).unwrap(), evaluation.cost))
}

/// The value, as typed JSON.
#[track_caller]
pub(crate) fn value(expr: Expr) -> String {
    outcome(expr).unwrap().0
}

#[track_caller]
pub(crate) fn is(expr: Expr, expected: bool) {
    assert_eq!(value(expr), format!(r#"{{"type":"bool","value":{expected}}}"#));
}

#[track_caller]
pub(crate) fn gives(expr: Expr, kind: &str, text: &str) {
    assert_eq!(value(expr), format!(r#"{{"type":"{kind}","value":"{text}"}}"#));
}

/// The message of the failure.
#[track_caller]
pub(crate) fn fails(expr: Expr) -> String {
    match outcome(expr) {
        Err(Failure::Expression { at, message }) => {
            assert_eq!(at, "here");
            message
        }
        other => panic!("expected an expression's failure, found {other:?}"),
    }
}
