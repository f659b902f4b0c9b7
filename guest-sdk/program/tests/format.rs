//! What is encoded is read back as it was; what is damaged is refused or read as something else, without a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use orkestra_program::function::Function;
use orkestra_program::model::*;
use orkestra_program::{Program as Reader, ReadError, ShapeNode, decode, encode, layout};
use proptest::prelude::*;

fn located(expr: Expr) -> Located {
    Located { at: "katalog.yaml:3:9".into(), expr }
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        Just(Expr::Null),
        any::<bool>().prop_map(Expr::Bool),
        any::<i64>().prop_map(Expr::Int),
        any::<u64>().prop_map(Expr::Uint),
        (-1e300f64..1e300).prop_map(Expr::Double),
        "\\PC{0,12}".prop_map(Expr::String),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Expr::Bytes),
        "[a-z.]{1,9}".prop_map(Expr::Type),
        any::<i128>().prop_map(Expr::Duration),
        any::<i128>().prop_map(Expr::Timestamp),
        prop::sample::select(vec![Root::Object, Root::Metadata, Root::Spec, Root::Status]).prop_map(Expr::Root),
        prop::sample::select(vec![Root::Inputs, Root::Hooks, Root::Now, Root::This]).prop_map(Expr::Root),
        any::<u16>().prop_map(Expr::Binding),
        (0..layout::MAX_SLOTS).prop_map(Expr::Local),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        let two = (inner.clone(), inner.clone());
        let boxed = |expr| Box::new(expr);
        let some = prop::collection::vec(inner.clone(), 0..4);
        let modes = prop::sample::select(vec![Select::Strict, Select::Optional, Select::Test]);
        let kinds = prop::sample::select(vec![
            LoopKind::All,
            LoopKind::Exists,
            LoopKind::ExistsOne,
            LoopKind::Filter,
            LoopKind::Map,
            LoopKind::TransformMap,
            LoopKind::TransformMapEntry,
        ]);
        prop_oneof![
            (inner.clone(), "[a-z]{1,6}", modes).prop_map(move |(operand, field, mode)| Expr::Select {
                operand: boxed(operand),
                field,
                mode
            }),
            (two.clone(), any::<bool>()).prop_map(move |((a, b), optional)| Expr::Index {
                operand: boxed(a),
                index: boxed(b),
                optional
            }),
            (two.clone(), 0..layout::MAX_SLOTS).prop_map(move |((a, b), slot)| Expr::Bind {
                slot,
                init: boxed(a),
                body: boxed(b)
            }),
            two.clone().prop_map(move |(a, b)| Expr::And(boxed(a), boxed(b))),
            two.clone().prop_map(move |(a, b)| Expr::Or(boxed(a), boxed(b))),
            two.clone().prop_map(move |(a, b)| Expr::Default(boxed(a), boxed(b))),
            (two.clone(), inner.clone()).prop_map(move |((a, b), c)| Expr::Cond(boxed(a), boxed(b), boxed(c))),
            (prop::sample::select(Function::ALL.to_vec()), some.clone()).prop_map(|(f, args)| Expr::Call(f, args)),
            some.clone().prop_map(Expr::Concat),
            prop::collection::vec((inner.clone(), any::<bool>()), 0..4).prop_map(|items| Expr::List(
                items.into_iter().map(|(value, optional)| Item { value, optional }).collect()
            )),
            prop::collection::vec((two.clone(), any::<bool>()), 0..4).prop_map(|pairs| Expr::Map(
                pairs.into_iter().map(|((key, value), optional)| Pair { key, value, optional }).collect()
            )),
            (kinds, inner.clone(), prop::option::of(inner.clone()), prop::option::of(inner.clone()), 0..99u16)
                .prop_map(|(kind, range, predicate, result, slot)| Expr::Loop(Box::new(Loop {
                    kind,
                    range,
                    slot,
                    slot2: (slot % 2 == 0).then_some(slot + 1),
                    predicate,
                    result,
                }))),
            (two.clone(), two, inner, 0..99u16).prop_map(|((range, init), (condition, step), result, slot)| {
                let slot2 = (slot % 2 == 0).then_some(slot + 1);
                Expr::Fold(Box::new(Fold { range, slot, slot2, accumulator: slot + 2, init, condition, step, result }))
            }),
        ]
    })
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z]{1,4}", 0..3)
}

fn schema() -> impl Strategy<Value = Schema> {
    let shapes = vec![Shape::Any, Shape::String, Shape::Int, Shape::Number, Shape::Bool, Shape::IntOrString];
    let leaf = (prop::sample::select(shapes), any::<bool>()).prop_map(|(shape, nullable)| Schema { nullable, shape });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let fields = prop::collection::btree_map("[a-z]{1,4}", inner.clone(), 0..3);
        let shape = prop_oneof![
            (fields, prop::option::of(inner.clone()))
                .prop_map(|(fields, others)| Shape::Object(fields, others.map(Box::new))),
            (inner, keys()).prop_map(|(items, keys)| Shape::List(Box::new(items), keys)),
        ];
        (shape, any::<bool>()).prop_map(|(shape, nullable)| Schema { nullable, shape })
    })
}

/// What only a conversion has around a value.
fn made(value: Template, schema: Schema, path: Vec<String>, flag: bool) -> Made {
    let source = Source { item: flag, path: path.clone() };
    let given = Given { sources: vec![source], whole: flag, schema: Some(schema), value: Box::new(value) };
    let rest = Others { except: path.clone(), value: flag.then(|| Box::new(Made::Copy(Vec::new()))) };
    let given = Made::Given(given);
    Made::Object(MadeObject {
        from: flag.then(|| path.clone()),
        taken: !flag,
        members: vec![
            ("given".into(), given.clone()),
            ("each".into(), Made::Each(Each { from: path.clone(), item: Box::new(given) })),
            ("copy".into(), Made::Copy(path)),
        ],
        rest: Some(rest),
    })
}

/// A value as conversions have them: with the object and nothing else.
fn alone() -> impl Strategy<Value = Template> {
    "[a-z]{0,5}".prop_map(|text| Template::Raw(format!("\"{text}\"")))
}

fn template() -> impl Strategy<Value = Template> {
    let targets = vec![Target::Any, Target::String, Target::Int, Target::Number, Target::Bool, Target::IntOrString];
    let leaf = prop_oneof![
        "[a-z]{0,5}".prop_map(|text| Template::Raw(format!("\"{text}\""))),
        (expr(), prop::sample::select(targets), any::<bool>())
            .prop_map(|(expr, target, absent)| Template::Hole(Hole { value: located(expr), target, absent })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(("[a-z]{1,4}", inner.clone()), 0..3).prop_map(Template::Object),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Template::List),
            ("[a-z]{1,4}", inner).prop_map(|(key, value)| Template::Once(Once { key, value: Box::new(value) })),
        ]
    })
}

fn read() -> impl Strategy<Value = Which> {
    prop_oneof![
        expr().prop_map(|name| Which::Name(located(name))),
        prop::collection::vec(("[a-z]{1,4}", expr().prop_map(located)), 0..3)
            .prop_map(|labels| Which::Selected(Selector { labels, requirements: vec![] })),
        ("[a-z]{1,4}", prop::collection::vec(expr().prop_map(located), 0..3)).prop_map(|(key, values)| {
            let requirement = Requirement { key, operator: Operator::NotIn, values };
            Which::Selected(Selector { labels: vec![], requirements: vec![requirement] })
        }),
    ]
}

fn optional() -> impl Strategy<Value = Option<Located>> {
    prop::option::of(expr().prop_map(located))
}

prop_compose! {
    fn child()(
        manifest in template(),
        policy in prop::sample::select(vec![Policy::Create, Policy::Apply, Policy::Delete]),
        range in optional(),
        key in optional(),
        when in optional(),
        ready_when in optional(),
    ) -> Child {
        let for_each = range.map(|range| ForEach { range, key });
        Child { for_each, when, ready_when, ..Child::new("", policy, manifest) }
    }
}

prop_compose! {
    fn program()(
        vars in prop::collection::vec(expr(), 0..3),
        reads in prop::collection::vec(read(), 0..3),
        children in prop::collection::vec(child(), 0..3),
        value in template(),
        single in expr(),
        (value_of, schema, path, flag) in (alone(), schema(), keys(), any::<bool>()),
    ) -> Program {
        let all_reads: Vec<u16> = (0..reads.len() as u16).collect();
        let children: Vec<Child> = children.into_iter().enumerate().map(|(number, child)| Child {
            id: format!("c{number}"),
            requires: (0..number as u16).collect(),
            reads: all_reads.clone(),
            ..child
        }).collect();
        let requires: Vec<u16> = (0..children.len() as u16).collect();
        let constant = || located(Expr::Bool(flag));
        Program {
            entries: vec![Entry {
                name: "postgres".into(),
                vars: vars.into_iter().map(located).collect(),
                reads: reads.into_iter().map(|which| Read { id: "r".into(), which, namespace: None }).collect(),
                children,
                status: vec![StatusField { path: vec!["a".into(), "b".into()], requires: requires.clone(), reads: all_reads.clone(), when: None, value }],
                conditions: vec![],
                versions: vec![
                    Version { name: "v1".into(), schema: schema.clone() },
                    Version { name: "v2".into(), schema: schema.clone() },
                ],
                conversions: vec![Conversion {
                    from: 0,
                    to: 1,
                    lossy: vec![path.clone()],
                    object: made(value_of.clone(), schema, path.clone(), flag),
                }],
                mutations: vec![Mutation { path, overrides: flag, value: value_of }],
                rules: vec![Rule { field: "spec.a".into(), deny: flag, holds: constant(), message: constant() }],
                requeues: vec![Requeue { requires, reads: all_reads, when: constant(), after: 30_000 }],
            }],
            evaluations: vec![Evaluation { name: "e".into(), bindings: vec!["x".into()], value: located(single) }],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_read_back(program in program()) {
        let bytes = encode(&program);
        prop_assert_eq!(decode(&bytes), Ok(program.clone()));
        prop_assert_eq!(encode(&program), bytes);
    }

    #[test]
    fn damage_never_panics(program in program(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut bytes = encode(&program);
        for (at, with) in flips {
            let at = at % bytes.len();
            bytes[at] ^= with;
        }
        // Either outcome is right; what counts is that there is one.
        let _ = decode(&bytes);
    }

    #[test]
    fn a_cut_program_is_refused(program in program(), cut in any::<usize>()) {
        let bytes = encode(&program);
        prop_assert!(decode(&bytes[..cut % bytes.len()]).is_err());
    }
}

fn single(expr: Expr) -> Program {
    let value = Located { at: "here".into(), expr };
    Program { evaluations: vec![Evaluation { name: "e".into(), bindings: vec![], value }], ..Program::default() }
}

#[test]
fn a_string_is_stored_once() {
    let twice = Expr::List(vec![
        Item { value: Expr::String("a-long-string".into()), optional: false },
        Item { value: Expr::String("a-long-string".into()), optional: false },
    ]);
    let bytes = encode(&single(twice));
    let hits = bytes.windows(13).filter(|window| window == b"a-long-string").count();
    assert_eq!(hits, 1);
}

#[test]
fn each_bound_has_its_error() {
    let mut deep = Expr::Null;
    for _ in 0..layout::MAX_EXPRESSION_DEPTH {
        deep = Expr::Select { operand: Box::new(deep), field: "f".into(), mode: Select::Strict };
    }
    assert_eq!(decode(&encode(&single(deep))), Err(ReadError::ExpressionDepth));

    assert_eq!(decode(&encode(&single(Expr::Local(layout::MAX_SLOTS)))), Err(ReadError::Slot));

    let mut nested = Template::Raw("1".into());
    for _ in 0..=layout::MAX_TEMPLATE_DEPTH {
        nested = Template::List(vec![nested]);
    }
    let field = StatusField { path: vec!["a".into()], requires: vec![], reads: vec![], when: None, value: nested };
    let entry = Entry { name: "e".into(), status: vec![field], ..Entry::default() };
    let program = Program { entries: vec![entry.clone()], evaluations: vec![] };
    assert_eq!(decode(&encode(&program)), Err(ReadError::TemplateDepth));

    let vars = vec![located(Expr::Null); layout::MAX_ITEMS + 1];
    let entry = Entry { name: "e".into(), vars, ..Entry::default() };
    assert_eq!(decode(&encode(&Program { entries: vec![entry], evaluations: vec![] })), Err(ReadError::TooManyItems));

    let entries = vec![Entry::default(); layout::MAX_ENTRIES + 1];
    assert_eq!(decode(&encode(&Program { entries, evaluations: vec![] })), Err(ReadError::TooManyEntries));

    assert_eq!(Reader::read(&vec![0; layout::MAX_PROGRAM + 1]).err(), Some(ReadError::TooLong));
}

#[test]
fn a_variable_reads_only_earlier_ones() {
    let entry = |vars| Program { entries: vec![Entry { vars, ..Entry::default() }], evaluations: vec![] };
    let good = entry(vec![located(Expr::Null), located(Expr::Var(0))]);
    assert_eq!(decode(&encode(&good)), Ok(good));
    assert_eq!(decode(&encode(&entry(vec![located(Expr::Var(0))]))), Err(ReadError::Reference));
}

#[test]
fn a_read_uses_neither_reads_nor_children_and_the_others_only_those_that_are_there() {
    let read = |expr| Read { id: "r".into(), which: Which::Name(located(expr)), namespace: None };
    let child = |value: Expr, reads: Vec<u16>| {
        let hole = Hole { value: located(value), target: Target::Any, absent: false };
        Child { reads, ..Child::new("c", Policy::Apply, Template::Hole(hole)) }
    };
    let whole = |name, child| {
        let entry = Entry { reads: vec![read(name)], children: vec![child], ..Entry::default() };
        Program { entries: vec![entry], evaluations: vec![] }
    };
    let good = whole(Expr::Root(Root::Object), child(Expr::Read(0), vec![0]));
    assert_eq!(decode(&encode(&good)), Ok(good));
    for (name, child) in [
        (Expr::Read(0), child(Expr::Null, vec![])),
        (Expr::Child(0), child(Expr::Null, vec![])),
        (Expr::Null, child(Expr::Read(1), vec![])),
        (Expr::Null, child(Expr::Null, vec![1])),
    ] {
        assert_eq!(decode(&encode(&whole(name, child))), Err(ReadError::Reference));
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = encode(&Program::default());
    bytes[4] = 9;
    assert_eq!(decode(&bytes), Err(ReadError::Version { found: 9 }));
    assert_eq!(decode(b"\0asm"), Err(ReadError::NotAProgram));
    bytes[4] = layout::VERSION as u8;
    bytes.push(0);
    assert_eq!(decode(&bytes), Err(ReadError::Sections));
}

fn versioned(schema: Schema) -> Program {
    let version = Version { name: "v1".into(), schema };
    Program {
        entries: vec![Entry { name: "e".into(), versions: vec![version], ..Entry::default() }],
        evaluations: vec![],
    }
}

#[test]
fn each_field_of_a_schema_is_found_by_its_name_however_many_there_are() {
    let any = || Schema { nullable: false, shape: Shape::Any };
    for count in [0, 1, 2, 15, 16, 17, 31, 32, 33, 48, 1000] {
        let fields = (0..count).map(|number| (format!("f{number:04}x"), any())).collect();
        let others = (count % 2 == 0).then(|| Box::new(any()));
        let program = versioned(Schema { nullable: false, shape: Shape::Object(fields, others) });
        let bytes = encode(&program);
        assert_eq!(decode(&bytes).as_ref(), Ok(&program), "{count}");
        let reader = Reader::read(&bytes).unwrap();
        let entry = reader.entry(0).unwrap().unwrap();
        let version = reader.version(entry.versions.clone().next().unwrap()).unwrap();
        let ShapeNode::Object(object) = reader.schema(version.schema).unwrap().shape else { panic!() };
        assert_eq!(object.others.is_some(), count % 2 == 0);
        for number in 0..count {
            assert!(reader.field(&object, &format!("f{number:04}x")).unwrap().is_some(), "{number} of {count}");
            assert!(reader.field(&object, &format!("f{number:04}")).unwrap().is_none(), "{number} of {count}");
        }
        for name in ["", "a", "z"] {
            assert!(reader.field(&object, name).unwrap().is_none());
        }
    }
}

#[test]
fn fields_out_of_order_and_places_that_are_wrong_are_refused() {
    let any = || Schema { nullable: false, shape: Shape::Any };
    let fields = (0..40).map(|number| (format!("field{number:02}"), any())).collect();
    let bytes = encode(&versioned(Schema { nullable: false, shape: Shape::Object(fields, None) }));
    let at = bytes.windows(7).position(|window| window == b"field07").unwrap();
    let mut swapped = bytes.clone();
    swapped[at + 5] = b'9';
    assert_eq!(decode(&swapped), Err(ReadError::FieldOrder));
    // The code of the schema: a tag, the count, no others, the places of two groups of sixteen fields of three bytes each.
    let at = bytes.windows(8).position(|window| window == [48, 0, 0, 0, 96, 0, 0, 0]).unwrap();
    let mut moved = bytes.clone();
    moved[at] = 45;
    assert_eq!(decode(&moved), Err(ReadError::Truncated));
}
