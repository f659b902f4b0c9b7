//! Strings that hold expressions.

use std::collections::BTreeSet;

use crate::cel::{self, Checked, Origins, Piece, Place, ProblemKind, Scope, Secrecy};
use crate::codes::{bounds, expressions, secrets};
use crate::cost;
use crate::diagnostic::Diagnostics;
use crate::model::{Part, Text};
use crate::source::{Source, Span};
use crate::yaml::{self, Node, Value};

/// What expressions refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads {
    pub(super) children: BTreeSet<String>,
    pub(super) vars: BTreeSet<String>,
    pub(super) reads: BTreeSet<String>,
}

impl Reads {
    /// What one expression refers to.
    fn of(checked: &Checked) -> Reads {
        Reads { children: checked.children.clone(), vars: checked.vars.clone(), reads: checked.reads.clone() }
    }

    pub(super) fn extend(&mut self, other: Reads) {
        let Reads { children, vars, reads } = other;
        self.children.extend(children);
        self.vars.extend(vars);
        self.reads.extend(reads);
    }
}

/// One expression: its place, and what it refers to.
pub(super) struct Use {
    pub(super) span: Span,
    pub(super) reads: Reads,
}

/// What the place of an expression does with a secret value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// It would be seen there.
    Shown,
    /// It stays secret, and what uses it is looked at.
    Carried,
    /// It is kept in a Secret; `once`: and written but once, so that it may be random.
    Kept { once: bool },
}

/// Checks the expressions of one place of the source and gathers what they refer to.
pub(super) struct Expressions<'a> {
    pub(super) scope: &'a Scope,
    pub(super) source: &'a Source,
    pub(super) reads: Reads,
    /// Every expression that was checked, in order.
    pub(super) uses: Vec<Use>,
    /// What the place at hand does with a secret value.
    pub(super) sink: Sink,
    /// What of the values that were checked is secret.
    pub(super) secrecy: Secrecy,
    /// What flows into the values that were checked.
    pub(super) origins: Origins,
    /// Whether one of the expressions uses the element of `forEach` or its key.
    pub(super) element: bool,
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
        Self {
            scope,
            source,
            reads: Reads::default(),
            uses: Vec::new(),
            sink: Sink::Shown,
            secrecy: Secrecy::Open,
            origins: Origins::new(),
            element: false,
        }
    }

    /// Checks a string; `lone` is the place of an expression that is alone in it.
    pub(super) fn string(&mut self, node: &Node, lone: Place, problems: &mut Diagnostics) -> Found {
        let Value::String(text) = &node.value else { return Found::Plain };
        if !text.has_expressions() {
            return Found::Plain;
        }
        self.scope.read(node.span);
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
                        Some(checked) => parts.push(Part::Expression(Box::new(checked))),
                        None => broken = true,
                    }
                }
            }
        }
        if broken {
            return Found::Broken;
        }
        let found = Text { at: self.source.at(node.span), parts };
        if alone {
            return Found::Lone(found);
        }
        // The string is one expression to the engine. A part that is too dear by itself was reported.
        let cost = cost::of_text(&found);
        let too_dear =
            |part: &Part| matches!(part, Part::Expression(one) if one.cost.cost.max > cost::EXPRESSION_LIMIT);
        if cost.cost.max > cost::EXPRESSION_LIMIT && !found.parts.iter().any(too_dear) {
            problems.push(bounds::expression_cost(node.span, cost.cost.max, &cost.missing));
        }
        Found::Mixed(found)
    }

    /// Reports a secret or random value that this place cannot take.
    fn guard(&self, checked: &Checked, span: impl Fn(std::ops::Range<usize>) -> Span, problems: &mut Diagnostics) {
        let whole = 0..checked.source.len();
        if self.sink == Sink::Shown && checked.secrecy != Secrecy::Open {
            let from = checked.sources.secret.clone().unwrap_or(whole);
            let what = checked.source.get(from.clone()).unwrap_or_default().trim().to_owned();
            problems.push(secrets::shown(span(from), &what, checked.sources.random.is_some()));
        } else if self.sink != (Sink::Kept { once: true })
            && let Some(random) = checked.sources.random.clone()
        {
            problems.push(secrets::random(span(random)));
        }
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
        let span = |range: std::ops::Range<usize>| text.span(node, start + range.start..start + range.end);
        self.text(source, &at, place, span, problems)
    }

    /// Checks an expression; `span` is the place of a range of its text.
    pub(super) fn text(
        &mut self,
        source: &str,
        at: &str,
        place: Place,
        span: impl Fn(std::ops::Range<usize>) -> Span,
        problems: &mut Diagnostics,
    ) -> Option<Checked> {
        let blanks = source.len() - source.trim_start().len();
        match cel::check(source, at, self.scope, place) {
            Ok(checked) => {
                self.guard(&checked, &span, problems);
                let reads = Reads::of(&checked);
                let cost = &checked.cost;
                if cost.cost.max > cost::EXPRESSION_LIMIT {
                    let whole = span(blanks..source.trim_end().len().max(blanks));
                    problems.push(bounds::expression_cost(whole, cost.cost.max, &cost.missing));
                }
                self.reads.extend(reads.clone());
                self.uses.push(Use { span: span(blanks..source.trim_end().len().max(blanks)), reads });
                self.element |= checked.element;
                self.secrecy = self.secrecy.or(checked.secrecy);
                self.origins.extend(checked.origins.iter().cloned());
                Some(checked)
            }
            Err(found) => {
                // What does not fit its place may be a leak besides.
                if found.iter().all(|problem| problem.kind == ProblemKind::WrongType)
                    && let Ok(checked) = cel::check(source, at, self.scope, Place::Value(None))
                {
                    self.guard(&checked, &span, problems);
                }
                for problem in found {
                    problems.push(expressions::problem(span(problem.range.clone()), problem));
                }
                None
            }
        }
    }
}

/// The expression of a text that is nothing else.
pub(super) fn lone(text: Text) -> Option<Checked> {
    match <[Part; 1]>::try_from(text.parts) {
        Ok([Part::Expression(checked)]) => Some(*checked),
        _ => None,
    }
}
