//! What stops an expression, inside the engine.

use bumpalo::Bump;
use orkestra_program::ReadError;

/// The result of a step of evaluation.
pub(crate) type Res<'a, T> = Result<T, Fault<'a>>;

/// Why there is no value. Small, because it is part of every result; faults are rare.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault<'a>(&'a FaultData<'a>);

#[derive(Debug, Clone, Copy)]
struct FaultData<'a> {
    kind: FaultKind,
    message: &'a str,
    /// Empty until the fault passes the border of its expression.
    at: &'a str,
}

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// An error of CEL's own: `&&`, `||` and the quantifiers may do without the value.
    Expression,
    /// The budget is used up.
    Cost,
    /// The request is malformed.
    Input,
    /// The program is malformed.
    Program,
    /// What a version cannot hold is more than can be kept.
    Preserved,
}

static COST: FaultData<'static> =
    FaultData { kind: FaultKind::Cost, message: "the expression costs more than it may", at: "" };
static DEPTH: FaultData<'static> =
    FaultData { kind: FaultKind::Expression, message: "the value or expression is nested too deeply", at: "" };

impl<'a> Fault<'a> {
    /// An error of CEL's own, with a message that names no values.
    pub(crate) fn expression(arena: &'a Bump, message: &'a str) -> Fault<'a> {
        Fault(arena.alloc(FaultData { kind: FaultKind::Expression, message, at: "" }))
    }

    /// The same, its message in parts.
    pub(crate) fn composed(arena: &'a Bump, parts: &[&str]) -> Fault<'a> {
        Fault::expression(arena, join(arena, parts))
    }

    /// The request is malformed.
    pub(crate) fn input(arena: &'a Bump, parts: &[&str]) -> Fault<'a> {
        Fault(arena.alloc(FaultData { kind: FaultKind::Input, message: join(arena, parts), at: "" }))
    }

    /// The program is malformed.
    pub(crate) fn program(arena: &'a Bump, error: ReadError) -> Fault<'a> {
        Fault(arena.alloc(FaultData { kind: FaultKind::Program, message: error.text(), at: "" }))
    }

    /// What a version cannot hold is more than can be kept.
    pub(crate) fn preserved(arena: &'a Bump, message: &'a str) -> Fault<'a> {
        Fault(arena.alloc(FaultData { kind: FaultKind::Preserved, message, at: "" }))
    }

    /// The budget is used up.
    pub(crate) fn cost() -> Fault<'a> {
        Fault(&COST)
    }

    /// Too many levels.
    pub(crate) fn depth() -> Fault<'a> {
        Fault(&DEPTH)
    }

    /// The fault with its place, unless it has one already.
    pub(crate) fn located(self, arena: &'a Bump, at: &'a str) -> Fault<'a> {
        if self.0.at.is_empty() { Fault(arena.alloc(FaultData { at, ..*self.0 })) } else { self }
    }

    pub(crate) fn kind(self) -> FaultKind {
        self.0.kind
    }

    /// Whether it ends the whole call, whatever surrounds the expression.
    pub(crate) fn is_final(self) -> bool {
        self.0.kind != FaultKind::Expression
    }

    pub(crate) fn message(self) -> &'a str {
        self.0.message
    }

    pub(crate) fn at(self) -> &'a str {
        self.0.at
    }
}

/// Parts of a text, one after another.
pub(crate) fn join<'a>(arena: &'a Bump, parts: &[&str]) -> &'a str {
    let len = parts.iter().map(|part| part.len()).sum();
    let mut text = bumpalo::collections::String::with_capacity_in(len, arena);
    for part in parts {
        text.push_str(part);
    }
    text.into_bump_str()
}
