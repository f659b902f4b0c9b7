//! `vars`: values with names, in the order of their references.

use std::collections::BTreeSet;

use super::order;
use super::strings::{Expressions, Found, Reads, Sink};
use crate::cel::{self, Origins, Place, Scope, Secrecy};
use crate::codes::{keys, manifests, references};
use crate::diagnostic::Diagnostics;
use crate::model::{self, Part, Text};
use crate::source::Source;
use crate::yaml::{Key, Node, Value};

/// A variable, and what it refers to by itself or through other variables.
pub(super) struct Var {
    pub(super) model: model::Var,
    pub(super) reads: Reads,
}

/// Checks the variables and declares them in the scope. One that is wrong is declared without a type, so that its uses bring
/// no further problems.
pub(super) fn check(vars: &[(Key, Node)], scope: &mut Scope, source: &Source, problems: &mut Diagnostics) -> Vec<Var> {
    let Some(order) = sorted(vars, scope, source, problems) else {
        for (key, _) in vars {
            scope.add_unknown_var(&key.text);
        }
        return Vec::new();
    };
    let mut found: Vec<Var> = Vec::new();
    for index in order {
        let Some((key, node)) = vars.get(index) else { continue };
        match one(key, node, scope, source, problems) {
            Some((value, mut reads, secrecy, origins)) => {
                match value.parts.as_slice() {
                    [Part::Expression(checked)] => scope.add_var(&key.text, checked),
                    _ => {
                        scope.add_text_var(&key.text, secrecy, origins);
                        scope.measure_text(&key.text, &value);
                    }
                }
                for var in found
                    .iter()
                    .filter(|var| reads.vars.contains(&var.model.name))
                    .map(|var| &var.reads)
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    reads.extend(var);
                }
                found.push(Var { model: model::Var { name: key.text.clone(), value }, reads });
            }
            None => scope.add_unknown_var(&key.text),
        }
    }
    found
}

/// An order in which each reads only earlier ones. The references are found by a first check without types.
fn sorted(vars: &[(Key, Node)], scope: &Scope, source: &Source, problems: &mut Diagnostics) -> Option<Vec<usize>> {
    let mut untyped = scope.clone();
    for (key, _) in vars {
        untyped.add_unknown_var(&key.text);
    }
    let references: Vec<BTreeSet<usize>> = vars
        .iter()
        .map(|(_, node)| {
            let mut expressions = Expressions::new(&untyped, source);
            // What is wrong is found again, with types, by the second check.
            expressions.string(node, Place::Value(None), &mut Diagnostics::default());
            let read = &expressions.reads.vars;
            (0..vars.len()).filter(|index| vars.get(*index).is_some_and(|(key, _)| read.contains(&key.text))).collect()
        })
        .collect();
    match order::sort(&references) {
        Ok(order) => Some(order),
        Err(circles) => {
            for circle in circles {
                let names: Vec<String> =
                    circle.iter().filter_map(|index| Some(vars.get(*index)?.0.text.clone())).collect();
                if let Some((key, _)) = circle.first().and_then(|index| vars.get(*index)) {
                    problems.push(references::cycle(key.span, "vars", &names));
                }
            }
            None
        }
    }
}

fn one(
    key: &Key,
    node: &Node,
    scope: &Scope,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<(Text, Reads, Secrecy, Origins)> {
    let at = source.at(node.span);
    match &node.value {
        Value::String(text) => {
            let mut expressions = Expressions::new(scope, source);
            expressions.sink = Sink::Carried;
            let value = match expressions.string(node, Place::Value(None), problems) {
                Found::Plain => Text { at, parts: vec![Part::Literal(text.text.clone())] },
                Found::Lone(text) | Found::Mixed(text) => text,
                Found::Broken => return None,
            };
            Some((value, expressions.reads, expressions.secrecy, expressions.origins))
        }
        // A scalar keeps its type by being an expression.
        Value::Bool(_) | Value::Number(_) => {
            let checked = cel::check(&node.to_json().to_string(), &at, scope, Place::Value(None)).ok()?;
            Some((
                Text { at, parts: vec![Part::Expression(Box::new(checked))] },
                Reads::default(),
                Secrecy::Open,
                Origins::new(),
            ))
        }
        Value::Null => {
            problems.push(manifests::nothing(key.span, &key.text));
            None
        }
        Value::List(_) | Value::Map(_) => {
            let problem =
                keys::wrong_kind(node.span, "the value of a variable", "a scalar or a string", &node.describe());
            problems.push(problem.hint("write it as an expression: \"{{ ['a', 'b'] }}\""));
            None
        }
    }
}
