//! Conversions → templates over the source, and the schemas that judge what is put back.

use orkestra_pattern::cel::Source as Path;
use orkestra_pattern::model::{Computed, Conversion, Given, Made, MadeObject, MadeRest, Version};
use orkestra_pattern::schema::{ListKind, Rest, Schema, Shape};
use orkestra_program::function::Function;
use orkestra_program::model::{self as program, Expr, Hole, Located, Others, Root, Select, Template};

use crate::Error;
use crate::lower::{Element, Slots};
use crate::template::{target, template};

/// The first slot that no element has.
const SLOT: u16 = 2;

/// The versions and the ways between them.
pub(crate) fn conversions(
    entry: &str,
    versions: &[Version],
    conversions: &[Conversion],
) -> Result<(Vec<program::Version>, Vec<program::Conversion>), Error> {
    let version = |version: &Version| program::Version { name: version.name.clone(), schema: schema(&version.schema) };
    let number = |name: &str| {
        let position = versions.iter().position(|version| version.name == name);
        position.and_then(|position| u16::try_from(position).ok()).ok_or_else(|| Error::UnknownReference {
            entry: entry.to_owned(),
            from: "conversion".to_owned(),
            what: "version",
            id: name.to_owned(),
        })
    };
    let way = |conversion: &Conversion| {
        let Conversion { from, to, at, span: _, derived: _, lossy, rules: _, object } = conversion;
        let object = made(object, at);
        Ok(program::Conversion { from: number(from)?, to: number(to)?, lossy: lossy.clone(), object })
    };
    Ok((versions.iter().map(version).collect(), conversions.iter().map(way).collect::<Result<_, Error>>()?))
}

fn schema(of: &Schema) -> program::Schema {
    let anything = || Box::new(program::Schema { nullable: true, shape: program::Shape::Any });
    let shape = match &of.shape {
        Shape::Any => program::Shape::Any,
        Shape::Object(object) => {
            let fields = object.fields.iter().map(|(name, field)| (name.clone(), schema(&field.schema))).collect();
            let others = match &object.rest {
                Rest::Nothing => None,
                Rest::Anything => Some(anything()),
                Rest::Each(value) => Some(Box::new(schema(value))),
            };
            program::Shape::Object(fields, others)
        }
        Shape::List(list) => {
            let keys = match &list.kind {
                ListKind::Map(keys) => keys.clone(),
                ListKind::Atomic | ListKind::Set => Vec::new(),
            };
            program::Shape::List(Box::new(schema(&list.items)), keys)
        }
        Shape::String(_) => program::Shape::String,
        Shape::Int => program::Shape::Int,
        Shape::Number => program::Shape::Number,
        Shape::Bool => program::Shape::Bool,
        // An amount may be written as a number, too.
        Shape::IntOrString | Shape::Quantity => program::Shape::IntOrString,
    };
    program::Schema { nullable: of.nullable, shape }
}

fn made(of: &Made, at: &str) -> program::Made {
    match of {
        Made::Copy(path) => program::Made::Copy(path.clone()),
        Made::Each(from, item) => {
            program::Made::Each(program::Each { from: from.clone(), item: Box::new(made(item, at)) })
        }
        Made::Object(MadeObject { from, taken, members, rest }) => {
            let members = members.iter().map(|(key, value)| (key.clone(), made(value, at))).collect();
            let rest = rest.as_ref().map(|MadeRest { except, value }| Others {
                except: except.clone(),
                value: value.as_ref().map(|value| Box::new(made(value, at))),
            });
            program::Made::Object(program::MadeObject { from: from.clone(), taken: *taken, members, rest })
        }
        Made::Given(value) => program::Made::Given(given(value, at)),
    }
}

fn given(of: &Given, at: &str) -> program::Given {
    let Given { sources, whole, schema: place, item, value } = of;
    let value = match value {
        Computed::Node(node) => {
            let element = item.then(Element::default);
            template(node, &Slots { element, ..Slots::default() })
        }
        computed => {
            let value = Located { at: at.to_owned(), expr: expression(computed) };
            Template::Hole(Hole { value, target: target(place.target()), absent: true })
        }
    };
    let sources =
        sources.iter().map(|Path { item, path }| program::Source { item: *item, path: path.clone() }).collect();
    // A scalar is of its place's type when it is written; of more only the check's word is known.
    let typed = matches!(place.shape, Shape::Object(_) | Shape::List(_)).then(|| schema(place));
    program::Given { sources, whole: *whole, schema: typed, value: Box::new(value) }
}

/// A rule as an expression that gives an optional.
fn expression(of: &Computed) -> Expr {
    let local = || Expr::Local(SLOT);
    match of {
        Computed::Node(_) => none(),
        Computed::Wrap(from) => {
            let item = program::Item { value: local(), optional: false };
            where_there(from, some(Expr::List(vec![item])))
        }
        Computed::Unwrap(from) => {
            let first = Expr::Index { operand: Box::new(local()), index: Box::new(Expr::Int(0)), optional: true };
            where_there(from, first)
        }
        Computed::Table { from, values, others } => {
            let otherwise = if *others { some(local()) } else { none() };
            let pair = |rest: Expr, (value, becomes): &(serde_json::Value, serde_json::Value)| {
                let is = Expr::Call(Function::Equal, vec![local(), constant(value)]);
                Expr::Cond(Box::new(is), Box::new(some(constant(becomes))), Box::new(rest))
            };
            where_there(from, values.iter().rev().fold(otherwise, pair))
        }
        Computed::Part { from, by, number, of } => {
            let [by, of, number] = [Expr::String(by.clone()), Expr::Int(*of as i64), Expr::Int(*number as i64)];
            let text = Expr::Call(Function::String, vec![local()]);
            let parts = Expr::Call(Function::Split, vec![text, by, of]);
            where_there(from, Expr::Index { operand: Box::new(parts), index: Box::new(number), optional: true })
        }
        Computed::Join { from, by } => joined(from, by),
    }
}

/// The values up to the first one that is absent, with a text between.
fn joined(from: &[Path], by: &str) -> Expr {
    let mut result = none();
    for (number, path) in from.iter().enumerate().rev() {
        let mut parts = Vec::new();
        for before in 0..=number {
            if before > 0 {
                parts.push(Expr::String(by.to_owned()));
            }
            parts.push(Expr::Local(SLOT + before as u16));
        }
        let up_to_here = some(Expr::Concat(parts));
        let last = number + 1 == from.len();
        let next_is_there = |slot: u16| Expr::Call(Function::NotEqual, vec![Expr::Local(slot), Expr::Null]);
        // The next value is bound inside of this one.
        let inner = match last {
            true => up_to_here,
            false => {
                let next = SLOT + number as u16 + 1;
                let body = Expr::Cond(Box::new(next_is_there(next)), Box::new(result), Box::new(up_to_here));
                let init = from.get(number + 1).map(or_null).unwrap_or(Expr::Null);
                Expr::Bind { slot: next, init: Box::new(init), body: Box::new(body) }
            }
        };
        result = match number {
            0 => {
                let body = Expr::Cond(Box::new(next_is_there(SLOT)), Box::new(inner), Box::new(none()));
                Expr::Bind { slot: SLOT, init: Box::new(or_null(path)), body: Box::new(body) }
            }
            _ => inner,
        };
    }
    result
}

/// An expression where a value is there, with the value in the slot; else none.
fn where_there(from: &Path, there: Expr) -> Expr {
    let absent = Expr::Call(Function::Equal, vec![Expr::Local(SLOT), Expr::Null]);
    let body = Expr::Cond(Box::new(absent), Box::new(none()), Box::new(there));
    Expr::Bind { slot: SLOT, init: Box::new(or_null(from)), body: Box::new(body) }
}

/// The value at a path, null where there is none.
fn or_null(path: &Path) -> Expr {
    let root = if path.item { Expr::Local(0) } else { Expr::Root(Root::Object) };
    let value = path.path.iter().fold(root, |operand, field| Expr::Select {
        operand: Box::new(operand),
        field: field.clone(),
        mode: Select::Optional,
    });
    Expr::Default(Box::new(value), Box::new(Expr::Null))
}

fn some(value: Expr) -> Expr {
    Expr::Call(Function::OptionalOf, vec![value])
}

fn none() -> Expr {
    Expr::Call(Function::OptionalNone, Vec::new())
}

fn constant(value: &serde_json::Value) -> Expr {
    use serde_json::Value as Json;
    match value {
        Json::Bool(value) => Expr::Bool(*value),
        Json::String(text) => Expr::String(text.clone()),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Expr::Int(value),
            None => Expr::Double(number.as_f64().unwrap_or_default()),
        },
        // A table has single values alone.
        _ => Expr::Null,
    }
}
