//! Programs: data that asks for too much, or is no program. No code of their own, and no grant.

use orkestra_component::{Exports, encode};
use orkestra_program::function::Function;
use orkestra_program::model::{
    Child, Entry, Expr, ForEach, Hole, Item, Located, Loop, LoopKind, Policy, Program, Root, Select, StatusField,
    Target, Template,
};
use orkestra_sandbox::{Limits, Pattern, Request};

use crate::table::{Row, Verdict, all, row};
use crate::{request, sandbox, small};

fn load(program: &Program, limits: Limits) -> Pattern {
    let component = encode(&orkestra_program::encode(program), Exports::PATTERN);
    sandbox().load(&component, &[], limits).expect("a declarative component")
}

/// A program with one status field.
fn status(expr: Expr) -> Program {
    let value = Located { at: "katalog.yaml:9:5".to_owned(), expr };
    let value = Template::Hole(Hole { value, target: Target::Any, absent: false });
    let field = StatusField { path: vec!["field".to_owned()], requires: vec![], reads: vec![], when: None, value };
    let entry = Entry { name: "any".to_owned(), status: vec![field], ..Entry::default() };
    Program { entries: vec![entry], evaluations: vec![] }
}

fn items() -> Expr {
    Expr::Select { operand: Box::new(Expr::Root(Root::Spec)), field: "items".to_owned(), mode: Select::Strict }
}

/// `spec.items.map(a, spec.items.map(b, …))`, so many deep.
fn nested(depth: u16) -> Expr {
    (0..depth).rev().fold(Expr::Int(1), |inner, slot| {
        let kind = LoopKind::Map;
        Expr::Loop(Box::new(Loop { kind, range: items(), slot, slot2: None, predicate: None, result: Some(inner) }))
    })
}

fn with_items(count: usize) -> Request {
    let items = vec!["1"; count].join(",");
    Request { primary: format!(r#"{{"spec": {{"items": [{items}]}}}}"#).into_bytes(), ..request() }
}

/// The bytes of a program.
pub(crate) fn one() -> Vec<u8> {
    orkestra_program::encode(&status(Expr::Int(1)))
}

/// The pattern that every other test asks whether the sandbox still works.
pub(crate) fn honest() -> Pattern {
    load(&status(Expr::Int(1)), Limits::default())
}

/// The template is the same for all patterns: what a component does is its program, byte for byte.
#[test]
fn another_program_in_the_same_template_gives_another_plan() {
    let programs = [1, 2].map(|number| orkestra_program::encode(&status(Expr::Int(number))));
    let components = programs.clone().map(|program| encode(&program, Exports::PATTERN));
    let place = components[0].windows(programs[0].len()).position(|part| part == programs[0]).expect("the program");
    let mut swapped = components[0].clone();
    swapped[place..place + programs[1].len()].copy_from_slice(&programs[1]);
    assert_eq!(swapped, components[1]);
    for (component, plan) in [(&components[0], r#"{"field":1}"#), (&swapped, r#"{"field":2}"#)] {
        let pattern = sandbox().load(component, &[], Limits::default()).expect("a declarative component");
        assert_eq!(pattern.reconcile("any", &request()).expect("a plan").status, plan.as_bytes());
    }
}

/// A program whose one template makes a child for each item.
fn each(key: Option<Located>) -> Program {
    let for_each = ForEach { range: Located { at: "katalog.yaml:3:9".to_owned(), expr: items() }, key };
    let manifest = Template::Raw(r#"{"apiVersion":"v1","kind":"ConfigMap"}"#.to_owned());
    let child = Child { for_each: Some(for_each), ..Child::new("each", Policy::Apply, manifest) };
    let entry = Entry { name: "any".to_owned(), children: vec![child], ..Entry::default() };
    Program { entries: vec![entry], evaluations: vec![] }
}

/// The items are the numbers up to `count`.
fn with_numbers(count: u32) -> Request {
    let items = (0..count).map(|item| item.to_string()).collect::<Vec<_>>().join(",");
    Request { primary: format!(r#"{{"spec": {{"items": [{items}]}}}}"#).into_bytes(), ..request() }
}

/// A program that makes a child of random text.
fn random(length: i64) -> Program {
    let value = Expr::Call(Function::RandomHex, vec![Expr::Int(length)]);
    let value = Located { at: "katalog.yaml:5:1".to_owned(), expr: value };
    let manifest = Template::Hole(Hole { value, target: Target::Any, absent: false });
    let entry = Entry {
        name: "any".to_owned(),
        children: vec![Child::new("secret", Policy::Create, manifest)],
        ..Entry::default()
    };
    Program { entries: vec![entry], evaluations: vec![] }
}

/// A text of 100 bytes in lists of two, so many times.
fn doubled(times: u32) -> Program {
    let item = |value: Expr| Item { value, optional: false };
    let double = |inner: Expr| Expr::List(vec![item(inner.clone()), item(inner)]);
    status((0..times).fold(Expr::String("x".repeat(100)), |inner, _| double(inner)))
}

/// Lists in lists, or a chain of negations, so deep.
fn deep(depth: u32) -> Program {
    status((0..depth).fold(Expr::Bool(true), |inner, _| Expr::Call(Function::Not, vec![inner])))
}

fn run(program: &Program, limits: Limits, request: &Request) -> Verdict {
    load(program, limits).reconcile("any", request).map(drop).map_err(|failure| failure.reason())
}

fn bytes(program: &[u8]) -> Verdict {
    let component = encode(program, Exports::PATTERN);
    let pattern = sandbox().load(&component, &[], small()).map_err(|refused| refused.reason())?;
    pattern.reconcile("any", &request()).map(drop).map_err(|failure| failure.reason())
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "nested-loops",
            "goes four loops deep over two hundred items",
            "CostExceeded",
            || run(&status(nested(4)), Limits { memory: 64 << 20, ..Limits::default() }, &with_items(200)),
            "over five items",
            || run(&status(nested(4)), Limits::default(), &with_items(5)),
        ),
        row(
            "child-for-each-of-many",
            "makes a child for each of a hundred thousand items",
            "CostExceeded",
            || run(&each(None), Limits::default(), &with_numbers(100_000)),
            "for each of five thousand",
            || run(&each(None), Limits::default(), &with_numbers(5000)),
        ),
        row(
            "two-children-of-one-key",
            "makes two children with the same key",
            "Expression",
            || run(&each(None), Limits::default(), &with_items(2)),
            "one",
            || run(&each(None), Limits::default(), &with_items(1)),
        ),
        row(
            "random-text-without-end",
            "asks for random text of more bytes than it may have, and of none",
            "Expression",
            || {
                let lengths = [i64::MAX, 257, 0, -1];
                all(lengths.map(|length| (length.to_string(), run(&random(length), Limits::default(), &request()))))
            },
            "of as many as it may have",
            || run(&random(256), Limits::default(), &request()),
        ),
        row(
            "value-that-doubles",
            "doubles a value until it is larger than a result may be",
            "OutputTooLarge",
            || run(&doubled(10), Limits { output: 64 << 10, ..Limits::default() }, &request()),
            "four times",
            || run(&doubled(4), Limits { output: 64 << 10, ..Limits::default() }, &request()),
        ),
        row(
            "expression-deeper-than-the-engine-goes",
            "nests an expression ten thousand deep",
            "Expression",
            || run(&deep(10_000), Limits::default(), &request()),
            "ten deep",
            || run(&deep(10), Limits::default(), &request()),
        ),
        row(
            "program-that-is-none",
            "hands over bytes that are no program: none, text, and half of one",
            "Internal",
            || {
                let whole = orkestra_program::encode(&status(Expr::Int(1)));
                let none: [&[u8]; 3] = [b"", b"kind: Katalog", &whole[..whole.len() / 2]];
                all(none.map(|program| (format!("{} bytes", program.len()), bytes(program))))
            },
            "the whole one",
            || bytes(&orkestra_program::encode(&status(Expr::Int(1)))),
        ),
    ]
}

/// The meter is in the guest's memory, but what it counts up to comes with the request.
#[test]
fn the_same_call_costs_the_same() {
    let pattern = load(&status(nested(2)), Limits::default());
    let cost = pattern.reconcile("any", &with_items(20)).expect("a plan").cost;
    assert_eq!(pattern.reconcile("any", &with_items(20)).expect("a plan").cost, cost);
    let exactly = Request { budget: cost, ..with_items(20) };
    pattern.reconcile("any", &exactly).expect("the twin");
    let one_less = Request { budget: cost - 1, ..with_items(20) };
    assert_eq!(pattern.reconcile("any", &one_less).unwrap_err().reason(), "CostExceeded");
}

/// Every prefix and a change of every byte of a program: an answer or a named failure, and never a trap of the engine.
#[test]
fn a_damaged_program_is_no_danger() {
    let program = orkestra_program::encode(&status(nested(2)));
    let mut damaged: Vec<Vec<u8>> = (0..program.len()).map(|length| program[..length].to_vec()).collect();
    for at in 0..program.len() {
        let mut changed = program.clone();
        changed[at] ^= 0xff;
        damaged.push(changed);
    }
    for program in damaged {
        let component = encode(&program, Exports::PATTERN);
        let pattern = sandbox().load(&component, &[], small()).expect("a declarative component");
        if let Err(failure) = pattern.reconcile("any", &with_items(3)) {
            let named = ["Internal", "Expression", "CostExceeded", "InvalidInput"];
            assert!(named.contains(&failure.reason()), "{failure:?}");
        }
    }
}
