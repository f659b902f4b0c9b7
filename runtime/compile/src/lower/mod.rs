//! Checked expressions → the program's expressions.

use std::collections::BTreeMap;

use orkestra_pattern::cel::Checked;
use orkestra_pattern::model::{Part, Text};
use orkestra_program::model::{Expr, Located};

/// What names stand for in one entry.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    /// Indexes of `vars`.
    pub vars: BTreeMap<String, u16>,
    /// Indexes of children, by id.
    pub children: BTreeMap<String, u16>,
}

/// Lowers one expression. A lone path becomes a chain of optional selects: an optional.
pub fn expression(_checked: &Checked, _slots: &Slots) -> Expr {
    Expr::Null
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
