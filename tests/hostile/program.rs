//! Programs: data that asks for too much, or is no program. No code of their own, and no grant.

use orkestra_component::{Exports, encode};
use orkestra_program::model::{
    Entry, Expr, Hole, Item, Located, Loop, LoopKind, Program, Root, Select, StatusField, Target, Template,
};
use orkestra_sandbox::{Failure, Limits, Pattern, Request};

use crate::{request, sandbox, small};

fn load(program: &Program, limits: Limits) -> Pattern {
    let component = encode(&orkestra_program::encode(program), Exports::PATTERN);
    sandbox().load(&component, &[], limits).expect("a declarative component")
}

/// A program with one status field.
fn status(expr: Expr) -> Program {
    let value = Located { at: "katalog.yaml:9:5".to_owned(), expr };
    let value = Template::Hole(Hole { value, target: Target::Any, absent: false });
    let field = StatusField { path: vec!["field".to_owned()], requires: vec![], reads: vec![], value };
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

#[test]
fn nested_loops_end_at_the_cost() {
    let limits = Limits { output: 4 << 20, memory: 64 << 20, ..small() };
    let pattern = load(&status(nested(4)), limits);
    match pattern.reconcile("any", &with_items(200)).unwrap_err() {
        Failure::CostExceeded { at, .. } => assert_eq!(at, "katalog.yaml:9:5"),
        other => panic!("{other:?}"),
    }
    pattern.reconcile("any", &with_items(5)).expect("the twin");
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

/// A value that is copied again and again grows by the memory limit, not by the machine's memory.
#[test]
fn a_value_that_explodes_ends_at_a_limit() {
    let double = |inner: Expr| {
        let item = |value: Expr| Item { value, optional: false };
        Expr::List(vec![item(inner.clone()), item(inner)])
    };
    let text = Expr::String("x".repeat(100));
    let bomb = (0..12).fold(text, |inner, _| double(inner));
    let limits = Limits { memory: 1 << 20, output: 64 << 10, ..small() };
    let reason = load(&status(bomb), limits).reconcile("any", &request()).unwrap_err().reason();
    assert!(["MemoryExceeded", "OutputTooLarge", "CostExceeded"].contains(&reason), "{reason}");
    honest().reconcile("any", &request()).expect("the sandbox still works");
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
