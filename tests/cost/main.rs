//! What the check estimates is an upper bound of what the meter counts: for every function, for generated expressions, and for
//! whole patterns, over values as large as their schemas allow.
//!
//! The engine runs natively here: its meter is the same as in the sandbox, and thousands of programs are looked at.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's way to fail")]

mod conversion;
mod generate;
mod patterns;
#[allow(dead_code, reason = "the suite `conversion` uses the rest")]
#[path = "../conversion/subject.rs"]
mod subject;
mod values;

use orkestra_compile::lower::{self, Slots};
use orkestra_engine::{Engine, Failure, Request};
use orkestra_pattern::cel::{self, Checked, Count, Objects, Place, Scope};
use orkestra_pattern::kinds;
use orkestra_pattern::schema::Schema;
use orkestra_program::model::{Child, Entry, Expr, Located, Policy, Program, Rule, Template};
use serde_json::{Value, json};
use std::sync::Arc;

/// How many expressions are generated.
const TRIED: u64 = 2_000;
/// Enough for whatever a test does: the estimate is judged, not the limit.
const BUDGET: u64 = 1 << 40;

fn schema() -> Schema {
    let text = json!({"type": "string", "maxLength": 12});
    Schema::parse(&json!({
        "type": "object", "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["name", "hosts", "labels", "users", "number", "ratio", "on", "at", "span", "cert", "tier", "target"],
                "properties": {
                    "name": text, "note": text,
                    "tier": {"type": "string", "enum": ["gold", "silver"]},
                    "hosts": {"type": "array", "maxItems": 5, "items": text},
                    "labels": {"type": "object", "maxProperties": 4, "additionalProperties": text},
                    "users": {"type": "array", "maxItems": 3, "items": {
                        "type": "object", "required": ["name", "roles"],
                        "properties": {"name": text, "roles": {"type": "array", "maxItems": 3, "items": text}, "level": {"type": "integer"}},
                    }},
                    "numbers": {"type": "array", "maxItems": 6, "items": {"type": "integer"}},
                    "number": {"type": "integer"}, "ratio": {"type": "number"}, "on": {"type": "boolean"},
                    "at": {"type": "string", "format": "date-time"}, "span": {"type": "string", "format": "duration"},
                    "cert": {"type": "string", "format": "byte", "maxLength": 16},
                    "target": {"x-kubernetes-int-or-string": true, "maxLength": 12},
                },
            },
            "status": {"type": "object", "properties": {"phase": text}},
        },
    }))
    .unwrap()
}

fn scope() -> (Scope, Vec<Checked>) {
    let mut scope = Scope::new(&schema(), true);
    scope.add_input("size", &Arc::new(Schema::parse(&json!({"type": "integer"})).unwrap()));
    scope.add_input("suffix", &Arc::new(Schema::parse(&json!({"type": "string", "maxLength": 9})).unwrap()));
    let service = kinds::lookup("v1", "Service").unwrap().schema;
    scope.add_child("svc", Objects { schema: Some(&service), namespaced: true, secret: false, count: Count::One });
    let vars = ["spec.name + '-' + inputs.suffix", "spec.note", "spec.users.map(user, user.name)"];
    let mut checked = Vec::new();
    for (name, source) in ["full", "note", "names"].into_iter().zip(vars) {
        let var = check(source, &scope);
        scope.add_var(name, &var);
        checked.push(var);
    }
    (scope, checked)
}

fn check(source: &str, scope: &Scope) -> Checked {
    cel::check(source, source, scope, Place::Value(None)).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"))
}

/// The program with one expression: as a rule, whose value nobody needs.
fn program(expression: &Checked, vars: &[Checked]) -> Vec<u8> {
    let names = ["full", "note", "names"];
    let slots = Slots {
        vars: names.into_iter().zip(0..).map(|(name, at)| (name.to_owned(), at)).collect(),
        children: [("svc".to_owned(), 0)].into(),
        ..Slots::default()
    };
    let rule = Rule {
        field: String::new(),
        deny: true,
        holds: lower::located(expression, &slots),
        message: Located { at: String::new(), expr: Expr::String(String::new()) },
    };
    let entry = Entry {
        name: "thing".to_owned(),
        vars: vars.iter().map(|var| lower::located(var, &slots)).collect(),
        children: vec![Child::new("svc", Policy::Create, Template::Raw("{}".to_owned()))],
        rules: vec![rule],
        ..Entry::default()
    };
    orkestra_program::encode(&Program { entries: vec![entry], evaluations: Vec::new() })
}

/// What an expression costs over an object, and whether it gave a value.
fn metered(program: &[u8], object: &Value) -> (u64, bool) {
    let (primary, inputs) = (object.to_string(), json!({"size": 7, "suffix": "é\"ö\u{1}abcde"}).to_string());
    let service = json!({"metadata": {"name": "n-svc", "uid": "s"}, "spec": {"clusterIP": "10.0.0.1"}}).to_string();
    let observed = orkestra_engine::Observed { id: "svc", key: None, object: service.as_bytes(), renew: false };
    let request = Request {
        primary: primary.as_bytes(),
        children: &[observed],
        reads: &[],
        inputs: inputs.as_bytes(),
        hooks: b"{}",
        now: 0,
        entropy: &[0; 32],
        deleting: false,
        budget: BUDGET,
    };
    match Engine::load(program).reconcile("thing", &request) {
        Ok(plan) => {
            let judged = plan.violations.iter().all(|violation| !violation.message.starts_with("cannot be judged"));
            // A value that is no bool is one all the same.
            let other =
                plan.violations.iter().any(|violation| violation.message.contains("expected a bool, found a value"));
            (plan.cost, judged || other)
        }
        Err(Failure::CostExceeded { .. }) => (u64::MAX, false),
        Err(failure) => panic!("{failure:?}"),
    }
}

/// Judges one expression over some objects: the worst case holds, and where it succeeds so does the least.
fn judge(source: &str, scope: &Scope, vars: &[Checked], objects: &[Value]) -> Result<bool, String> {
    let checked = cel::check(source, source, scope, Place::Value(None));
    let checked = checked.map_err(|problems| format!("`{source}` is wrong: {problems:?}"))?;
    let used = |var: &&Checked| {
        let at = vars.iter().position(|other| std::ptr::eq(other, *var));
        at.and_then(|at| ["full", "note", "names"].get(at)).is_some_and(|name| checked.vars.contains(*name))
    };
    // A variable is an expression of its own, which the first use of it evaluates.
    let variables: u64 = vars.iter().filter(used).map(|var| var.cost.cost.max).sum();
    let (least, most) = (checked.cost.cost.min, checked.cost.cost.max.saturating_add(variables));
    let program = program(&checked, vars);
    let mut succeeded = false;
    for object in objects {
        let (spent, value) = metered(&program, object);
        succeeded |= value;
        if spent > most || (value && spent < least) {
            return Err(format!("`{source}` cost {spent}, estimated {least} to {most}, over {object}"));
        }
    }
    Ok(succeeded)
}

/// An expression for every function, macro, operator and form of a path.
const EVERY: &str = include_str!("every.txt");

#[test]
fn no_function_costs_more_than_is_estimated() {
    let (scope, vars) = scope();
    let objects = values::objects(&schema(), 12);
    let mut wrong = Vec::new();
    let mut idle = Vec::new();
    for source in EVERY.lines().filter(|line| !line.is_empty()) {
        match judge(source, &scope, &vars, &objects) {
            Ok(true) => {}
            Ok(false) => idle.push(source),
            Err(problem) => wrong.push(problem),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(idle.is_empty(), "never gave a value, and so prove nothing: {idle:#?}");
}

#[test]
fn every_function_is_tried() {
    let known = cel::functions().into_iter().map(|function| function.name);
    let known = known.filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()));
    // Random texts are made in a child's manifest alone, where `patterns` tries them; the check rewrites the last two.
    let elsewhere = ["randomAlphanumeric", "randomHex", "contentDigest", "coalesce", "ternary"];
    let missed: Vec<String> =
        known.filter(|name| !elsewhere.contains(&name.as_str()) && !EVERY.contains(&format!("{name}("))).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn no_generated_expression_costs_more_than_is_estimated() {
    let (scope, vars) = scope();
    let objects = values::objects(&schema(), 6);
    let mut wrong = Vec::new();
    let (mut all, mut gave) = (0_u64, 0_u64);
    for seed in 0..TRIED {
        let source = generate::expression(seed);
        // The generator knows types, but not every rule of absence.
        if cel::check(&source, "", &scope, Place::Value(None)).is_err() {
            continue;
        }
        all += 1;
        match judge(&source, &scope, &vars, &objects) {
            Ok(value) => gave += u64::from(value),
            Err(problem) => wrong.push(problem),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {all}:\n{}",
        wrong.len(),
        wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(
        all > TRIED * 9 / 10 && gave > TRIED * 8 / 10,
        "of {TRIED} expressions {all} were right and {gave} gave a value"
    );
}
