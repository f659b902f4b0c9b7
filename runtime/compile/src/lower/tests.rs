//! What expressions become. The engine's results are the conformance tests' matter.

use std::sync::Arc;

use orkestra_pattern::cel::{self, Checked, Count, Objects, Place, Scope, Secrecy};
use orkestra_pattern::schema::Schema;
use orkestra_program::function::Function;
use orkestra_program::model::{LoopKind, Root, Select};
use serde_json::json;

use super::*;

fn scope() -> Scope {
    let schema = Schema::parse(&json!({
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": {"type": "object", "required": ["ratio", "users", "at"], "properties": {
            "port": {"type": "integer"},
            "ratio": {"type": "number"},
            "share": {"type": "number"},
            "at": {"type": "string", "format": "date-time"},
            "backup": {"type": "object", "properties": {"keep": {"type": "integer"}}},
            "users": {"type": "array", "items": {"type": "object", "required": ["name", "weight"], "properties": {
                "name": {"type": "string"}, "weight": {"type": "number"}}}},
        }}, "status": {"type": "object", "properties": {"phase": {"type": "string"}}}},
    }))
    .unwrap();
    let mut scope = Scope::new(&schema, true);
    scope.add_input("size", &Arc::new(Schema::parse(&json!({"type": "integer"})).unwrap()));
    let port = cel::check("spec.port", "", &scope, Place::Value(None)).unwrap();
    scope.add_var("port", &port);
    scope.add_text_var("image", Secrecy::Open, Default::default());
    scope.add_child("svc", Objects { schema: None, namespaced: true, secret: false, count: Count::One });
    scope
}

fn slots() -> Slots {
    Slots {
        vars: [("image".to_owned(), 0), ("port".to_owned(), 1)].into(),
        children: [("svc".to_owned(), 3)].into(),
        ..Slots::default()
    }
}

fn checked(source: &str, place: Place<'_>) -> Checked {
    cel::check(source, "", &scope(), place).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"))
}

fn lone(source: &str) -> Expr {
    expression(&checked(source, Place::Value(None)), &slots())
}

fn select(operand: Expr, field: &str, mode: Select) -> Expr {
    Expr::Select { operand: Box::new(operand), field: field.to_owned(), mode }
}

fn strict(operand: Expr, field: &str) -> Expr {
    select(operand, field, Select::Strict)
}

fn optional(operand: Expr, field: &str) -> Expr {
    select(operand, field, Select::Optional)
}

fn spec() -> Expr {
    Expr::Root(Root::Spec)
}

#[test]
fn names_become_slots() {
    assert_eq!(lone("vars.image"), Expr::Var(0));
    assert_eq!(lone("inputs.size"), strict(Expr::Root(Root::Inputs), "size"));
    assert_eq!(lone("children.svc.metadata.name"), strict(strict(Expr::Child(3), "metadata"), "name"));
    assert_eq!(lone(".spec.ratio"), strict(spec(), "ratio"));
    assert_eq!(
        lone("type(1) == int"),
        Expr::Call(Function::Equal, vec![Expr::Call(Function::Type, vec![Expr::Int(1)]), Expr::Type("int".into())])
    );
}

#[test]
fn what_may_be_absent_is_an_optional() {
    let object = || Expr::Root(Root::Object);
    assert_eq!(lone("spec.port"), optional(optional(object(), "spec"), "port"));
    assert_eq!(lone("status.phase"), optional(optional(object(), "status"), "phase"));
    assert_eq!(lone("vars.port"), Expr::Var(1), "its slot holds an optional");
    let keep = || optional(optional(optional(object(), "spec"), "backup"), "keep");
    assert_eq!(lone("spec.backup.keep | default 3"), Expr::Default(Box::new(keep()), Box::new(Expr::Int(3))));
    assert_eq!(
        lone("has(spec.backup.keep) ? spec.backup.keep : 1"),
        Expr::Cond(
            Box::new(Expr::Call(
                Function::NotEqual,
                vec![Expr::Default(Box::new(keep()), Box::new(Expr::Null)), Expr::Null]
            )),
            Box::new(strict(strict(spec(), "backup"), "keep")),
            Box::new(Expr::Int(1)),
        )
    );
    assert_eq!(lone("has(vars.port) ? vars.port : 1"), {
        let there = Expr::Default(Box::new(Expr::Var(1)), Box::new(Expr::Null));
        Expr::Cond(
            Box::new(Expr::Call(Function::NotEqual, vec![there, Expr::Null])),
            Box::new(Expr::Call(Function::Value, vec![Expr::Var(1)])),
            Box::new(Expr::Int(1)),
        )
    });
}

#[test]
fn numbers_and_times_of_json_are_converted_where_they_are_used() {
    let ratio = || strict(spec(), "ratio");
    assert_eq!(lone("spec.ratio"), ratio(), "a copied value keeps its spelling");
    assert_eq!(
        lone("spec.ratio / 2.0"),
        Expr::Call(Function::Divide, vec![Expr::Call(Function::Double, vec![ratio()]), Expr::Double(2.0)])
    );
    assert_eq!(
        lone("spec.at.getHours()"),
        Expr::Call(Function::GetHours, vec![Expr::Call(Function::Timestamp, vec![strict(spec(), "at")])])
    );
    let Expr::Loop(all) = lone("spec.users.all(u, u.weight > 0.5)") else { panic!() };
    let weight = Expr::Call(Function::Double, vec![strict(Expr::Local(0), "weight")]);
    assert_eq!(all.predicate, Some(Expr::Call(Function::Greater, vec![weight, Expr::Double(0.5)])));
    let Expr::Call(Function::Add, sum) = lone("(spec.share | default 1.0) + 1.0") else { panic!() };
    assert!(matches!(&sum[0], Expr::Call(Function::Double, value) if matches!(value[0], Expr::Default(..))));
    assert!(
        matches!(lone("[1.0].map(x, x + 1.0)"), Expr::Loop(all) if all.result == Some(Expr::Call(Function::Add, vec![Expr::Local(0), Expr::Double(1.0)])))
    );
}

#[test]
fn macros_are_loops() {
    let kind = |source: &str| match lone(source) {
        Expr::Loop(found) => found.kind,
        other => panic!("{source}: {other:?}"),
    };
    for (source, expected) in [
        ("[1].all(x, x > 0)", LoopKind::All),
        ("[1].all(i, x, x > i)", LoopKind::All),
        ("[1].exists(x, x > 0)", LoopKind::Exists),
        ("[1].exists_one(x, x > 0)", LoopKind::ExistsOne),
        ("[1].existsOne(i, x, x > i)", LoopKind::ExistsOne),
        ("[1].filter(x, x > 0)", LoopKind::Filter),
        ("[1].map(x, x + 1)", LoopKind::Map),
        ("[1].map(x, x > 0, x + 1)", LoopKind::Map),
        ("[1].transformList(i, x, i + x)", LoopKind::Map),
        ("{'a': 1}.transformMap(k, v, v + 1)", LoopKind::TransformMap),
        ("{'a': 1}.transformMap(k, v, v > 0, v + 1)", LoopKind::TransformMap),
        ("{'a': 'b'}.transformMapEntry(k, v, {v: k})", LoopKind::TransformMapEntry),
    ] {
        assert_eq!(kind(source), expected, "{source}");
    }
    let Expr::Loop(outer) = lone("[[1]].map(x, x.map(y, y + size(x)))") else { panic!() };
    let Some(Expr::Loop(inner)) = outer.result else { panic!() };
    assert_eq!((outer.slot, inner.slot, inner.range), (0, 1, Expr::Local(0)));
}

#[test]
fn every_function_of_the_language_has_a_number() {
    let structural = ["_&&_", "_||_", "_?_:_", "_[_]", "_.._", "default", "coalesce", "ternary"];
    let notes = ["toLower", "toUpper", "toBase64", "fromBase64", "parseQuantity"];
    for function in cel::functions() {
        let name = function.name.as_str();
        let known = structural.contains(&name)
            || notes.contains(&name)
            || name.starts_with("@not")
            || Function::from_name(name).is_some();
        assert!(known, "the check lets `{name}` through, but no engine knows it");
    }
}

#[test]
fn bindings_are_found_by_the_longest_name() {
    let bindings = ["a.b.c".to_owned(), "a.b".to_owned(), "x.y".to_owned(), "y".to_owned()];
    let lower = |source: &str, container: &str| free(&cel::parse_free(source, "").unwrap(), &bindings, container);
    assert_eq!(lower("a.b.c", ""), Expr::Binding(0));
    assert_eq!(lower("a.b.d", ""), strict(Expr::Binding(1), "d"));
    assert_eq!(lower("y", "x"), Expr::Binding(2));
    assert_eq!(lower(".y", "x"), Expr::Binding(3));
    assert_eq!(lower("y", "x.z"), Expr::Binding(2));
    assert!(matches!(lower("[0].exists(y, y == .y)", ""), Expr::Loop(found)
        if found.predicate == Some(Expr::Call(Function::Equal, vec![Expr::Local(0), Expr::Binding(3)]))));
    assert!(matches!(lower("nowhere", ""), Expr::Call(Function::Value, _)), "it fails when it is evaluated");
}
