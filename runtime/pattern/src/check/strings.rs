//! Strings that hold expressions.

use std::collections::BTreeSet;

use crate::cel::{self, Checked, Piece, Place, Scope};
use crate::codes::expressions;
use crate::diagnostic::Diagnostics;
use crate::model::{Part, Text};
use crate::source::{Source, Span};
use crate::yaml::{self, Node, Value};

/// What expressions refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads {
    pub(super) children: BTreeSet<String>,
    pub(super) vars: BTreeSet<String>,
}

/// Checks the expressions of one place of the source and gathers what they refer to.
pub(super) struct Expressions<'a> {
    pub(super) scope: &'a Scope,
    pub(super) source: &'a Source,
    pub(super) reads: Reads,
}

/// What a string turned out to be.
pub(super) enum Found {
    /// It holds no expression.
    Plain,
    /// One expression and nothing else.
    Lone(Text),
    /// Expressions in a longer string.
    Mixed(Text),
    /// What was reported.
    Broken,
}

impl<'a> Expressions<'a> {
    pub(super) fn new(scope: &'a Scope, source: &'a Source) -> Self {
        Self { scope, source, reads: Reads::default() }
    }

    /// Checks a string; `lone` is the place of an expression that is alone in it.
    pub(super) fn string(&mut self, node: &Node, lone: Place, problems: &mut Diagnostics) -> Found {
        let Value::String(text) = &node.value else { return Found::Plain };
        if !text.text.contains("{{") {
            return Found::Plain;
        }
        let pieces = match cel::split(&text.text) {
            Ok(pieces) => pieces,
            Err(problem) => {
                let span = text.span(node.span, problem.range.clone());
                problems.push(expressions::problem(span, problem));
                return Found::Broken;
            }
        };
        let alone = matches!(pieces.as_slice(), [Piece::Expression { .. }]);
        let mut parts = Vec::new();
        let mut broken = false;
        for piece in pieces {
            match piece {
                Piece::Literal { text, .. } => parts.push(Part::Literal(text)),
                Piece::Expression { source, range } => {
                    let place = if alone { lone } else { Place::Text };
                    match self.expression(&source, node.span, text, range.start, place, problems) {
                        Some(checked) => parts.push(Part::Expression(checked)),
                        None => broken = true,
                    }
                }
            }
        }
        if broken {
            return Found::Broken;
        }
        let found = Text { at: self.source.at(node.span), parts };
        if alone { Found::Lone(found) } else { Found::Mixed(found) }
    }

    /// Checks one expression that begins at a byte of a text.
    fn expression(
        &mut self,
        source: &str,
        node: Span,
        text: &yaml::Text,
        start: usize,
        place: Place,
        problems: &mut Diagnostics,
    ) -> Option<Checked> {
        let blanks = source.len() - source.trim_start().len();
        let at = self.source.at(text.span(node, start + blanks..start + source.trim_end().len().max(blanks)));
        match cel::check(source, &at, self.scope, place) {
            Ok(checked) => {
                self.reads.children.extend(checked.children.iter().cloned());
                self.reads.vars.extend(checked.vars.iter().cloned());
                Some(checked)
            }
            Err(found) => {
                for problem in found {
                    let range = start + problem.range.start..start + problem.range.end;
                    problems.push(expressions::problem(text.span(node, range), problem));
                }
                None
            }
        }
    }
}

/// The expression of a text that is nothing else.
pub(super) fn lone(text: Text) -> Option<Checked> {
    match <[Part; 1]>::try_from(text.parts) {
        Ok([Part::Expression(checked)]) => Some(checked),
        _ => None,
    }
}
