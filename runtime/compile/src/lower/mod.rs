//! Checked expressions → the program's expressions.
//!
//! Identifiers become slots and the expansions of macros become loops again. Nothing can fail here: what the check lets through
//! has a program. An expression that was only parsed, for the conformance tests, may name what does not exist; that part of it
//! becomes an expression that fails when it is evaluated, as CEL wants it.

mod convert;
mod loops;
mod names;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use orkestra_pattern::cel::Checked;
use orkestra_pattern::model::{Part, Text};
use orkestra_program::model::{Expr, Located};

pub(crate) use convert::from_json;
pub(crate) use loops::recognise;
use names::Names;
use tree::Lowering;
pub(crate) use tree::{Local, dotted, is_path};

/// What names stand for in one entry.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    /// Indexes of `vars`.
    pub vars: BTreeMap<String, u16>,
    /// Indexes of children, by id.
    pub children: BTreeMap<String, u16>,
    /// Indexes of `reads`, by id.
    pub reads: BTreeMap<String, u16>,
    /// The element that the expressions are about, under `forEach`.
    pub element: Option<Element>,
}

/// The element of `forEach`: slot 0 holds it, slot 1 its key.
#[derive(Debug, Clone, Default)]
pub struct Element {
    /// What it is called beside `item`.
    pub name: Option<String>,
}

impl Element {
    /// How many slots it takes.
    const SLOTS: usize = 2;

    /// The slot of a name.
    fn slot(&self, name: &str) -> Option<u16> {
        match name {
            name if Some(name) == self.name.as_deref() => Some(0),
            "item" => Some(0),
            "key" => Some(1),
            _ => None,
        }
    }
}

/// Lowers one expression. One that may be absent ([`Checked::path`]) becomes an optional.
pub fn expression(checked: &Checked, slots: &Slots) -> Expr {
    Lowering::new(checked, Names::Entry(slots)).whole()
}

/// Lowers an expression that stands alone: its variables are bindings, by their place in `bindings`, and are looked up in
/// `container`.
pub fn free(checked: &Checked, bindings: &[String], container: &str) -> Expr {
    Lowering::new(checked, Names::Bindings { bindings, container }).whole()
}

/// Lowers one expression, with its place.
pub fn located(checked: &Checked, slots: &Slots) -> Located {
    Located { at: checked.at.clone(), expr: expression(checked, slots) }
}

/// Lowers a string: a lone expression keeps its type, several parts are joined.
pub fn text(text: &Text, slots: &Slots) -> Located {
    let part = |part: &Part| match part {
        Part::Literal(text) => Expr::String(text.clone()),
        Part::Expression(checked) => expression(checked, slots),
    };
    let expr = match text.parts.as_slice() {
        [only] => part(only),
        parts => Expr::Concat(parts.iter().map(part).collect()),
    };
    Located { at: text.at.clone(), expr }
}
