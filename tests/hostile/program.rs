//! Programs: data that asks for too much, or is no program. No code of their own, and no grant.

use orkestra_component::{Exports, encode};
use orkestra_program::function::Function;
use orkestra_program::model::{
    Child, Entry, Expr, ForEach, Hole, Item, Located, Loop, LoopKind, Policy, Program, Root, Select, StatusField,
    Target, Template,
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

/// A child for each of a hundred thousand elements: the cost decides, long before memory or output would.
#[test]
fn too_many_elements_end_at_the_cost() {
    let for_each = ForEach { range: Located { at: "katalog.yaml:3:9".to_owned(), expr: items() }, key: None };
    let manifest = Template::Raw(r#"{"apiVersion":"v1","kind":"ConfigMap"}"#.to_owned());
    let child = Child { for_each: Some(for_each), ..Child::new("each", Policy::Apply, manifest) };
    let entry = Entry { name: "any".to_owned(), children: vec![child], ..Entry::default() };
    let pattern = load(&Program { entries: vec![entry], evaluations: vec![] }, Limits::default());
    let elements = |count: u32| {
        let items = (0..count).map(|item| item.to_string()).collect::<Vec<_>>().join(",");
        Request { primary: format!(r#"{{"spec": {{"items": [{items}]}}}}"#).into_bytes(), ..request() }
    };
    match pattern.reconcile("any", &elements(100_000)).unwrap_err() {
        Failure::CostExceeded { at, .. } => assert_eq!(at, "katalog.yaml:3:9"),
        other => panic!("{other:?}"),
    }
    assert_eq!(pattern.reconcile("any", &elements(5_000)).expect("the twin").children.len(), 5_000);
    assert_eq!(pattern.reconcile("any", &with_items(2)).unwrap_err().reason(), "Expression", "both have the key 1");
}

/// Random text is short, whoever asks for it.
#[test]
fn a_huge_random_text_is_refused() {
    let random = |length| {
        let value = Expr::Call(Function::RandomHex, vec![Expr::Int(length)]);
        let value = Located { at: "katalog.yaml:5:1".to_owned(), expr: value };
        let manifest = Template::Hole(Hole { value, target: Target::Any, absent: false });
        let child = Child::new("secret", Policy::Create, manifest);
        let entry = Entry { name: "any".to_owned(), children: vec![child], ..Entry::default() };
        let pattern = load(&Program { entries: vec![entry], evaluations: vec![] }, Limits::default());
        pattern.reconcile("any", &request())
    };
    for length in [i64::MAX, 257, 0, -1] {
        assert_eq!(random(length).unwrap_err().reason(), "Expression");
    }
    assert_eq!(random(256).expect("the twin").children[0].object.as_ref().expect("an object").len(), 258);
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
