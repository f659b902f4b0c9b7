//! A damaged program fails or gives something else; it neither panics nor runs on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use orkestra_engine::{Engine, Failure, Observed, Plan, Read as Given, Request};
use orkestra_program::encode;
use orkestra_program::function::Function as F;
use orkestra_program::model::*;
use proptest::prelude::*;
use support::*;

/// A program with nodes of every kind.
fn rich() -> Program {
    let numbers = || list([int(1), int(2), int(3), Expr::Binding(0)]);
    let not_local = || call(F::Equal, [Expr::Local(0), int(2)]);
    let fold = Expr::Fold(Box::new(Fold {
        range: numbers(),
        slot: 0,
        slot2: None,
        accumulator: 1,
        init: int(0),
        condition: call(F::Less, [Expr::Local(1), int(5)]),
        step: call(F::Add, [Expr::Local(1), Expr::Local(0)]),
        result: Expr::Local(1),
    }));
    let all = list([
        Expr::Null,
        text("some text"),
        Expr::Bytes(vec![1, 2, 3]),
        Expr::Type("int".into()),
        Expr::Duration(5),
        Expr::Timestamp(7),
        and(or(Expr::Bool(true), fault()), Expr::Bool(false)),
        cond(Expr::Bool(true), Expr::Binding(0), Expr::Null),
        Expr::Default(boxed(call(F::OptionalNone, [])), boxed(int(1))),
        call(F::OrValue, [call(F::OptionalOf, [int(1)]), fault()]),
        call(F::Matches, [text("abc"), text("a.c")]),
        over(LoopKind::Exists, numbers(), Some(not_local()), None),
        over(LoopKind::Map, numbers(), Some(not_local()), Some(Expr::Local(0))),
        over2(LoopKind::TransformMap, map([(text("a"), int(1))]), None, Some(Expr::Local(1))),
        index(map([(int(1), int(2))]), int(1), true),
        Expr::Bind { slot: 0, init: boxed(int(1)), body: boxed(Expr::Local(0)) },
        Expr::Concat(vec![text("a"), int(1)]),
        fold,
        call(F::Reveal, [int(1)]),
    ]);
    let hole = |expr, target| Template::Hole(Hole { value: located(expr), target, absent: true });
    let manifest = Template::Object(vec![
        ("raw".into(), Template::Raw("{\"a\":1}".into())),
        ("name".into(), hole(optional_path(Root::Object, &["metadata", "name"]), Target::String)),
        ("list".into(), Template::List(vec![hole(Expr::Var(1), Target::Any), hole(Expr::Read(1), Target::Any)])),
    ]);
    let child = |id: &str, requires: &[u16]| Child {
        requires: requires.into(),
        reads: vec![0],
        when: Some(located(select(Expr::Root(Root::Spec), "on", Select::Test))),
        ready_when: Some(located(select(Expr::Root(Root::This), "metadata", Select::Test))),
        ..Child::new(id, Policy::Apply, manifest.clone())
    };
    let users = Child {
        for_each: Some(ForEach {
            range: located(path(Root::Spec, &["users"])),
            key: Some(located(select(Expr::Local(0), "name", Select::Strict))),
        }),
        ..child("users", &[0])
    };
    let secret =
        Template::Once(Once { key: "k".into(), value: Box::new(hole(call(F::RandomHex, [int(8)]), Target::Any)) });
    let secret = Template::Object(vec![("data".into(), Template::Object(vec![("k".into(), secret)]))]);
    Program {
        entries: vec![Entry {
            conditions: vec![Condition {
                kind: "Available".into(),
                requires: vec![0],
                reads: vec![],
                when: located(path(Root::Spec, &["on"])),
                reason: Some(located(text("Reason"))),
                message: located(text("m")),
            }],
            name: "e".into(),
            vars: vec![located(path(Root::Spec, &["size"])), located(list([Expr::Var(0), Expr::Root(Root::Now)]))],
            reads: vec![
                Read {
                    id: "plan".into(),
                    which: Which::Name(located(path(Root::Metadata, &["name"]))),
                    namespace: None,
                },
                Read {
                    id: "peers".into(),
                    which: Which::Selected(Selector {
                        labels: vec![("a".into(), located(text("b")))],
                        requirements: vec![],
                    }),
                    namespace: None,
                },
            ],
            children: vec![
                child("a", &[]),
                child("b", &[0]),
                users,
                Child::new("secret", Policy::Create, secret),
                Child::new("bye", Policy::Delete, manifest.clone()),
            ],
            status: vec![StatusField {
                when: None,
                path: vec!["x".into(), "y".into()],
                requires: vec![1],
                reads: vec![1],
                value: hole(Expr::Child(1), Target::Any),
            }],
            versions: vec![version("v1"), version("v2")],
            conversions: vec![way(0, 1), way(1, 0)],
            mutations: vec![Mutation {
                path: vec!["spec".into(), "note".into()],
                overrides: true,
                value: hole(path(Root::Metadata, &["name"]), Target::String),
            }],
            rules: vec![Rule {
                field: "spec.size".into(),
                deny: false,
                holds: located(call(F::Equal, [path(Root::Spec, &["size"]), int(8)])),
                message: located(text("eight")),
            }],
            requeues: vec![Requeue {
                requires: vec![0],
                reads: vec![1],
                when: located(Expr::Bool(true)),
                after: 30_000,
            }],
        }],
        evaluations: vec![Evaluation { name: "e".into(), bindings: vec!["b".into()], value: located(all) }],
    }
}

fn version(name: &str) -> Version {
    let schema = |shape| Schema { nullable: false, shape };
    let users = schema(Shape::Object([("name".into(), schema(Shape::String))].into(), None));
    let spec = Shape::Object(
        [
            ("on".into(), schema(Shape::Bool)),
            ("size".into(), schema(Shape::Int)),
            ("users".into(), schema(Shape::List(Box::new(users), vec!["name".into()]))),
        ]
        .into(),
        Some(Box::new(schema(Shape::Any))),
    );
    Version { name: name.into(), schema: schema(Shape::Object([("spec".into(), schema(spec))].into(), None)) }
}

/// A conversion with nodes of every kind.
fn way(from: u16, to: u16) -> Conversion {
    let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let hole = |expr, target| Template::Hole(Hole { value: located(expr), target, absent: true });
    let size = orkestra_program::model::Given {
        sources: vec![Source { item: false, path: path(&["spec", "size"]) }],
        whole: true,
        schema: None,
        value: Box::new(hole(optional_path(Root::Object, &["spec", "size"]), Target::Int)),
    };
    let item = MadeObject {
        from: Some(Vec::new()),
        taken: false,
        members: vec![("name".into(), Made::Copy(path(&["name"])))],
        rest: Some(Others { except: path(&["name"]), value: Some(Box::new(Made::Copy(Vec::new()))) }),
    };
    let spec = MadeObject {
        from: Some(path(&["spec"])),
        taken: true,
        members: vec![
            ("size".into(), Made::Given(size)),
            ("users".into(), Made::Each(Each { from: path(&["spec", "users"]), item: Box::new(Made::Object(item)) })),
        ],
        rest: Some(Others { except: path(&["size", "users"]), value: None }),
    };
    let spec = ("spec".into(), Made::Object(spec));
    let object = MadeObject { from: None, taken: false, members: vec![spec], rest: None };
    Conversion { from, to, lossy: vec![path(&["spec", "x"])], object: Made::Object(object) }
}

fn run(program: &[u8], look: impl Fn(Result<Plan<'_>, Failure>)) {
    let engine = Engine::load(program);
    let _ = engine.eval("e", br#"{"b":{"type":"int","value":"4"}}"#, 10_000);
    let object = r#"{"apiVersion":"g/v1","metadata":{"uid":"u","annotations":{"orkestra.orkspace.io/conversion-data":"{\"v2\":[{\"at\":[\"spec\",\"y\"],\"is\":1}]}"}},"spec":{"size":3,"users":[{"name":"x","z":1}],"x":1}}"#;
    let _ = engine.convert("e", "v2", object.as_bytes(), 10_000);
    let child = br#"{"metadata":{"name":"n"}}"#;
    for deleting in [false, true] {
        let plan = engine.reconcile(
            "e",
            &Request {
                primary:
                    br#"{"metadata":{"name":"p"},"spec":{"on":true,"size":3,"users":[{"name":"x"},{"name":"y"}]},"status":{}}"#,
                children: &[
                    Observed { id: "a", key: None, object: child, renew: true },
                    Observed { id: "b", key: None, object: child, renew: true },
                    Observed { id: "users", key: Some("x"), object: child, renew: true },
                ],
                reads: &[Given { id: "plan", objects: &[child] }, Given { id: "peers", objects: &[child, child] }],
                inputs: b"{}",
                hooks: b"{}",
                now: 0,
                entropy: &[1; 32],
                deleting,
                budget: 10_000,
            },
        );
        look(plan);
    }
}

#[test]
fn the_program_is_whole_before_it_is_damaged() {
    let program = encode(&rich());
    let engine = Engine::load(&program);
    engine.eval("e", br#"{"b":{"type":"int","value":"4"}}"#, 10_000).unwrap();
    let object = br#"{"apiVersion":"g/v1","metadata":{"uid":"u"},"spec":{"size":3,"users":[{"name":"x"}],"x":1}}"#;
    let converted = engine.convert("e", "v2", object, 10_000).unwrap();
    assert_eq!(String::from_utf8(converted.object).unwrap(), r#"{"spec":{"size":3,"users":[{"name":"x"}],"x":1}}"#);
    run(&program, |plan| assert!(!plan.unwrap().children.is_empty()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_survived(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut program = encode(&rich());
        for (at, with) in flips {
            let at = at.index(program.len());
            program[at] = with;
        }
        run(&program, |_| {});
    }
}
