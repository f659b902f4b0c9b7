//! What the rules of a way do: which places of the target they write, and which of the source are not copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Rules, at, scalars, tree};
use crate::ast::conversion::{Place, Rule, What, written};
use crate::cel::{self, Scope, Source as Reads};
use crate::check::strings::Expressions;
use crate::check::value::Values;
use crate::codes::conversion as codes;
use crate::diagnostic::Diagnostics;
use crate::model::{Computed, Given, Made, MadeObject, Node, Part, Text};
use crate::schema::{Schema, Shape};
use crate::source::{Source, Span};

/// The two versions, and the text that the rules stand in.
pub(super) struct Sides<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) source: &'a Source,
}

/// What rules do.
#[derive(Default)]
pub(super) struct Effects {
    /// Places of the target.
    pub(super) written: BTreeMap<Vec<String>, (Made, Span)>,
    /// Places of the source that are not copied.
    pub(super) taken: Vec<Vec<String>>,
}

/// Where rules stand.
#[derive(Clone, Copy)]
struct Stand<'a> {
    sides: &'a Sides<'a>,
    source: &'a Arc<Schema>,
    target: &'a Arc<Schema>,
    scope: &'a Scope,
    /// At an item of `each`.
    item: bool,
}

impl Effects {
    /// What the rules of a path do.
    pub(super) fn of(
        rules: Rules<'_>,
        sides: &Sides<'_>,
        source: &Arc<Schema>,
        target: &Arc<Schema>,
        problems: &mut Diagnostics,
    ) -> Effects {
        let scope = Scope::of_conversion(source);
        let mut effects = Effects::default();
        effects.rules(rules, Stand { sides, source, target, scope: &scope, item: false }, problems);
        effects
    }

    /// The whole `spec` of the target, as the author wrote it.
    pub(super) fn spec(
        &mut self,
        node: &crate::yaml::Node,
        sides: &Sides<'_>,
        source: &Arc<Schema>,
        target: &Arc<Schema>,
        problems: &mut Diagnostics,
    ) {
        let Some(schema) = target.field("spec").map(|field| field.schema.clone()) else {
            problems.push(codes::no_place(node.span, "spec", sides.to, None));
            return;
        };
        let scope = Scope::of_conversion(source);
        let path = vec!["spec".to_owned()];
        let value = values(node, &schema, &path, &scope, sides, problems);
        let mut made = self::made(value, source, &schema, false);
        if let Made::Object(object) = &mut made {
            object.from = Some(path.clone());
        }
        self.written.insert(path, (made, node.span));
    }

    /// A place of the source is not copied.
    pub(super) fn take(&mut self, path: Vec<String>) {
        self.taken.push(path);
    }

    fn rules(&mut self, rules: Rules<'_>, stand: Stand<'_>, problems: &mut Diagnostics) {
        for rule in rules {
            self.rule(rule, stand, problems);
        }
    }

    fn rule(&mut self, rule: &Rule, stand: Stand<'_>, problems: &mut Diagnostics) {
        let Stand { sides, source, target, scope, item } = stand;
        let read = |place: &Place, problems: &mut Diagnostics| at(source, place, sides.from, problems).cloned();
        let write = |place: &Place, problems: &mut Diagnostics| at(target, place, sides.to, problems).cloned();
        let reads = |place: &Place| Reads { item, path: place.keys.clone() };
        let given = |sources: Vec<Reads>, whole: bool, schema: &Arc<Schema>, value: Computed| {
            Made::Given(Given { sources, whole, schema: schema.clone(), item, value })
        };
        match &rule.what {
            What::Remove { from } => {
                if read(from, problems).is_some() {
                    self.take(from.keys.clone());
                }
            }
            What::Move { from, to } => {
                let (Some(found), Some(wanted)) = (read(from, problems), write(to, problems)) else { return };
                // What moves as a whole may look different inside, where no rule says otherwise.
                let made = tree::value(&Effects::default(), sides, &found, &wanted, &from.keys, to, problems);
                self.consume(from);
                self.write(to, made, problems);
            }
            What::Set { to, value } => {
                let Some(schema) = write(to, problems) else { return };
                let value = values(value, &schema, &to.keys, scope, sides, problems);
                let made = self::made(value, source, &schema, item);
                self.write(to, made, problems);
            }
            What::Wrap { from, to } => {
                let (Some(found), Some(wanted)) = (read(from, problems), write(to, problems)) else { return };
                let fits = wanted.items().is_some_and(|items| scalars::fits(&found, items));
                if !fits {
                    let expected = format!("list of {}", found.describe());
                    problems.push(codes::types(to.span, &from.text, &to.text, &wanted.describe(), &expected));
                    return;
                }
                self.consume(from);
                self.write(to, given(vec![reads(from)], true, &wanted, Computed::Wrap(reads(from))), problems);
            }
            What::Unwrap { from, to } => {
                let (Some(found), Some(wanted)) = (read(from, problems), write(to, problems)) else { return };
                let fits = found.items().is_some_and(|items| scalars::fits(items, &wanted));
                if !fits {
                    let expected = format!("list of {}", wanted.describe());
                    problems.push(codes::types(from.span, &from.text, &to.text, &found.describe(), &expected));
                    return;
                }
                self.consume(from);
                self.write(to, given(vec![reads(from)], true, &wanted, Computed::Unwrap(reads(from))), problems);
            }
            What::Map { from, to, values, turned } => {
                let (Some(found), Some(wanted)) = (read(from, problems), write(to, problems)) else { return };
                let Some(values) = scalars::table(values, *turned, &found, &wanted, problems) else { return };
                let others = scalars::fits(&found, &wanted);
                self.consume(from);
                let table = Computed::Table { from: reads(from), values, others };
                self.write(to, given(vec![reads(from)], true, &wanted, table), problems);
            }
            What::Split { from, by, into } => {
                let Some(found) = read(from, problems) else { return };
                if !matches!(found.shape, Shape::String(_) | Shape::Quantity | Shape::IntOrString) {
                    problems.push(codes::types(from.span, &from.text, &into_text(into), &found.describe(), "string"));
                    return;
                }
                self.consume(from);
                for (number, to) in into.iter().enumerate() {
                    let Some(wanted) = write(to, problems) else { continue };
                    if !scalars::has_text(&wanted) {
                        problems.push(codes::types(to.span, &from.text, &to.text, "string", &wanted.describe()));
                        continue;
                    }
                    let part = Computed::Part { from: reads(from), by: by.clone(), number, of: into.len() };
                    self.write(to, given(vec![reads(from)], true, &wanted, part), problems);
                }
            }
            What::Join { from, by, to } => {
                let Some(wanted) = write(to, problems) else { return };
                let mut sources = Vec::new();
                for place in from {
                    let Some(found) = read(place, problems) else { return };
                    if !scalars::has_text(&found) {
                        problems.push(codes::types(
                            place.span,
                            &place.text,
                            &to.text,
                            &found.describe(),
                            "string, number or boolean",
                        ));
                        return;
                    }
                    sources.push(reads(place));
                    self.consume(place);
                }
                if !matches!(wanted.shape, Shape::String(_) | Shape::Quantity | Shape::IntOrString) {
                    problems.push(codes::types(to.span, &into_text(from), &to.text, "string", &wanted.describe()));
                    return;
                }
                let join = Computed::Join { from: sources.clone(), by: by.clone() };
                self.write(to, given(sources, true, &wanted, join), problems);
            }
            What::Each { from, to, rules } => {
                let (Some(found), Some(wanted)) = (read(from, problems), write(to, problems)) else { return };
                let (Some(source), Some(target)) = (found.items(), wanted.items()) else {
                    let (place, schema) = if found.items().is_none() { (from, &found) } else { (to, &wanted) };
                    problems.push(codes::types(place.span, &place.text, &to.text, &schema.describe(), "a list"));
                    return;
                };
                let scope = scope.with_item(source);
                let mut inner = Effects::default();
                inner.rules(rules, Stand { sides, source, target, scope: &scope, item: true }, problems);
                let made = tree::object(false, &inner, sides, source, target, rule.span, problems);
                self.consume(from);
                self.write(to, Made::Each(from.keys.clone(), Box::new(made)), problems);
            }
        }
    }

    /// A place whose value goes elsewhere. Where a rule writes the same place again, that is what is there then.
    fn consume(&mut self, from: &Place) {
        self.taken.push(from.keys.clone());
    }

    fn write(&mut self, to: &Place, made: Made, problems: &mut Diagnostics) {
        let inside = |a: &[String], b: &[String]| a.starts_with(b) || b.starts_with(a);
        let other = self.written.iter().find(|(path, _)| inside(path, &to.keys));
        if let Some((_, (_, first))) = other {
            problems.push(codes::twice(to.span, &to.text, *first));
            return;
        }
        self.written.insert(to.keys.clone(), (made, to.span));
    }
}

fn into_text(places: &[Place]) -> String {
    places.iter().map(|place| place.text.as_str()).collect::<Vec<_>>().join(", ")
}

fn values(
    node: &crate::yaml::Node,
    schema: &Schema,
    path: &[String],
    scope: &Scope,
    sides: &Sides<'_>,
    problems: &mut Diagnostics,
) -> Node {
    let mut expressions = Expressions::new(scope, sides.source);
    let of = written(path);
    let mut values = Values::new(&of, &mut expressions, problems);
    values.path = path.to_vec();
    values.value(node, schema)
}

/// A value as its author wrote it: lone paths to what looks the same are copied as they are, all else is computed.
fn made(node: Node, source: &Arc<Schema>, target: &Arc<Schema>, item: bool) -> Made {
    match node {
        Node::Map(members) => {
            let member = |(key, node): (String, Node)| {
                let schema = target.field(&key).map(|field| field.schema.clone()).unwrap_or_default();
                (key, made(node, source, &schema, item))
            };
            let members = members.into_iter().map(member).collect();
            Made::Object(MadeObject { from: None, taken: false, members, rest: None })
        }
        Node::Hole(text, place) => {
            if let Some(path) = copied(&text, source, target, item) {
                return Made::Copy(path);
            }
            let sources = read(&text);
            let value = Computed::Node(Node::Hole(text, place));
            Made::Given(Given { sources, whole: false, schema: target.clone(), item, value })
        }
        node => {
            let mut sources = Vec::new();
            gather(&node, &mut sources);
            Made::Given(Given { sources, whole: false, schema: target.clone(), item, value: Computed::Node(node) })
        }
    }
}

/// The path of a text that is nothing but one, to a value that looks the same.
fn copied(text: &Text, source: &Schema, target: &Schema, item: bool) -> Option<Vec<String>> {
    let [Part::Expression(only)] = text.parts.as_slice() else { return None };
    let path = cel::lone_path(only).filter(|path| path.item == item)?;
    let mut schema = source;
    for key in &path.path {
        schema = schema.field(key)?.schema;
    }
    (scalars::fits(schema, target) || tree::same_shape(schema, target)).then_some(path.path)
}

fn read(text: &Text) -> Vec<Reads> {
    let mut all = Vec::new();
    for part in &text.parts {
        if let Part::Expression(checked) = part {
            all.extend(cel::sources(checked));
        }
    }
    all.sort();
    all.dedup();
    all
}

fn gather(node: &Node, into: &mut Vec<Reads>) {
    match node {
        Node::Plain(_) => {}
        Node::Hole(text, _) => into.extend(read(text)),
        Node::Map(members) => members.iter().for_each(|(_, node)| gather(node, into)),
        Node::List(items) => items.iter().for_each(|node| gather(node, into)),
    }
}
