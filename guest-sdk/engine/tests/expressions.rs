//! What expressions give: CEL's values, operators and errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use orkestra_engine::{Engine, Failure};
use orkestra_program::CALL_BUDGET;
use orkestra_program::function::Function as F;
use orkestra_program::model::*;
use support::*;

const T: Expr = Expr::Bool(true);
const N: Expr = Expr::Bool(false);

#[test]
fn a_decisive_operand_wins_over_an_error_on_either_side() {
    for error in [fault(), text("not a bool")] {
        is(and(N, error.clone()), false);
        is(and(error.clone(), N), false);
        is(or(T, error.clone()), true);
        is(or(error.clone(), T), true);
        fails(and(T, error.clone()));
        fails(and(error.clone(), T));
        fails(or(N, error.clone()));
        fails(or(error, N));
    }
    assert_eq!(fails(and(fault(), text("x"))), "division by zero");
}

#[test]
fn only_the_chosen_branch_is_evaluated() {
    gives(cond(T, int(1), fault()), "int", "1");
    gives(cond(N, fault(), int(2)), "int", "2");
    fails(cond(text("x"), int(1), int(2)));
    fails(cond(fault(), int(1), int(2)));
}

#[test]
fn quantifiers_absorb_errors_and_the_others_do_not() {
    // 6 / (2 - e) == 6 over [1, 2, 3]: true, an error, false.
    let quotient = call(F::Divide, [int(6), call(F::Subtract, [int(2), Expr::Local(0)])]);
    let predicate = || Some(call(F::Equal, [quotient.clone(), int(6)]));
    let range = || list([int(1), int(2), int(3)]);
    is(over(LoopKind::All, range(), predicate(), None), false);
    is(over(LoopKind::Exists, range(), predicate(), None), true);
    fails(over(LoopKind::ExistsOne, range(), predicate(), None));
    fails(over(LoopKind::Filter, range(), predicate(), None));
    fails(over(LoopKind::Map, range(), None, Some(quotient.clone())));
    fails(over(LoopKind::All, list([int(1), int(2)]), predicate(), None));
    is(over(LoopKind::All, list([]), Some(fault()), None), true);
    is(over(LoopKind::Exists, list([]), Some(fault()), None), false);
}

#[test]
fn loops_over_lists_and_maps_with_one_and_two_variables() {
    let ages = || map([(text("ann"), int(3)), (text("bob"), int(5))]);
    is(over(LoopKind::ExistsOne, ages(), Some(call(F::Equal, [Expr::Local(0), text("bob")])), None), true);
    let grown = call(F::Greater, [Expr::Local(1), int(4)]);
    let kept = over2(LoopKind::TransformMap, ages(), Some(grown), Some(call(F::Add, [Expr::Local(1), int(1)])));
    is(call(F::Equal, [kept, map([(text("bob"), int(6))])]), true);
    let sums =
        over2(LoopKind::Map, list([int(10), int(20)]), None, Some(call(F::Add, [Expr::Local(0), Expr::Local(1)])));
    is(call(F::Equal, [sums, list([int(10), int(21)])]), true);
    let pair = map([(call(F::String, [Expr::Local(1)]), Expr::Local(0))]);
    let turned = over2(LoopKind::TransformMapEntry, ages(), None, Some(pair.clone()));
    is(call(F::Equal, [turned, map([(text("5"), text("bob")), (text("3"), text("ann"))])]), true);
    let same = map([(text("k"), text("a")), (text("l"), text("b"))]);
    let clash = over2(LoopKind::TransformMapEntry, same, None, Some(map([(int(1), Expr::Local(0))])));
    assert!(fails(clash).contains("twice"));
}

#[test]
fn inner_loops_see_outer_variables() {
    // [1, 2].map(a, [10].map(b, a + b))
    let sum = call(F::Add, [Expr::Local(0), Expr::Local(1)]);
    let inner = Expr::Loop(Box::new(Loop {
        kind: LoopKind::Map,
        range: list([int(10)]),
        slot: 1,
        slot2: None,
        predicate: None,
        result: Some(sum),
    }));
    let both = over(LoopKind::Map, list([int(1), int(2)]), None, Some(inner));
    is(call(F::Equal, [both, list([list([int(11)]), list([int(12)])])]), true);
}

#[test]
fn a_general_comprehension_ends_at_false() {
    // sum while below 5
    let fold = Expr::Fold(Box::new(Fold {
        range: list([int(1), int(2), int(3), int(4)]),
        slot: 0,
        slot2: None,
        accumulator: 1,
        init: int(0),
        condition: call(F::Less, [Expr::Local(1), int(5)]),
        step: call(F::Add, [Expr::Local(1), Expr::Local(0)]),
        result: Expr::Local(1),
    }));
    gives(fold, "int", "6");
}

#[test]
fn an_error_in_a_binding_counts_only_where_it_is_used() {
    let bind = |body| Expr::Bind { slot: 0, init: boxed(fault()), body: boxed(body) };
    gives(bind(int(1)), "int", "1");
    fails(bind(Expr::Local(0)));
    is(bind(or(Expr::Local(0), T)), true);
}

#[test]
fn numbers_are_equal_and_ordered_across_types() {
    let numbers = [int(3), Expr::Uint(3), Expr::Double(3.0)];
    for a in &numbers {
        for b in &numbers {
            is(call(F::Equal, [a.clone(), b.clone()]), true);
            is(call(F::LessEqual, [a.clone(), b.clone()]), true);
            is(call(F::Less, [a.clone(), b.clone()]), false);
        }
    }
    is(call(F::Less, [int(-1), Expr::Uint(0)]), true);
    is(call(F::Greater, [Expr::Uint(u64::MAX), int(i64::MAX)]), true);
    is(call(F::Less, [int(i64::MAX), Expr::Double(9_223_372_036_854_775_808.0)]), false);
    is(call(F::LessEqual, [Expr::Double(18_446_744_073_709_553_665.0), Expr::Uint(u64::MAX)]), false);
    let nan = || call(F::Divide, [Expr::Double(0.0), Expr::Double(0.0)]);
    is(call(F::Equal, [nan(), nan()]), false);
    is(call(F::NotEqual, [nan(), nan()]), true);
    is(call(F::GreaterEqual, [nan(), int(1)]), false);
}

#[test]
fn equality_of_different_types_is_false_and_order_is_an_error() {
    is(call(F::Equal, [int(1), text("1")]), false);
    is(call(F::Equal, [Expr::Null, N]), false);
    is(call(F::NotEqual, [list([]), map([])]), true);
    fails(call(F::Less, [int(1), text("1")]));
    fails(call(F::Less, [Expr::Null, Expr::Null]));
    fails(call(F::Less, [list([int(1)]), list([int(2)])]));
    assert_eq!(fails(call(F::Add, [int(1), text("a")])), "no such overload: `_+_` of int, string");
}

#[test]
fn integers_do_not_wrap() {
    let cases = [
        call(F::Add, [int(i64::MAX), int(1)]),
        call(F::Subtract, [int(i64::MIN), int(1)]),
        call(F::Multiply, [int(5_000_000_000), int(5_000_000_000)]),
        call(F::Divide, [int(i64::MIN), int(-1)]),
        call(F::Negate, [int(i64::MIN)]),
        call(F::Subtract, [Expr::Uint(0), Expr::Uint(1)]),
        call(F::Modulo, [int(1), int(0)]),
    ];
    for case in cases {
        fails(case);
    }
    gives(call(F::Modulo, [int(-42), int(-5)]), "int", "-2");
    gives(call(F::Divide, [int(-7), int(2)]), "int", "-3");
}

#[test]
fn map_keys() {
    let numbers = || map([(Expr::Uint(1), text("a")), (int(2), text("b"))]);
    gives(index(numbers(), Expr::Double(1.0), false), "string", "a");
    gives(index(numbers(), Expr::Uint(2), false), "string", "b");
    is(call(F::In, [Expr::Double(2.5), numbers()]), false);
    is(call(F::In, [Expr::Double(2.0), numbers()]), true);
    assert!(fails(map([(int(0), T), (Expr::Uint(0), T)])).contains("twice"));
    fails(map([(Expr::Double(1.0), T)]));
    fails(map([(Expr::Null, T)]));
    assert_eq!(fails(index(numbers(), int(9), false)), "no such key");
    fails(index(numbers(), Expr::Bytes(vec![]), false));
}

#[test]
fn a_long_map_is_searched_by_order() {
    let pairs: Vec<Pair> =
        (0..40).map(|n| Pair { key: text(&format!("k{n}")), value: int(n), optional: false }).collect();
    for n in [0, 9, 10, 39] {
        gives(index(Expr::Map(pairs.clone()), text(&format!("k{n}")), false), "int", &n.to_string());
    }
    is(call(F::In, [text("k40"), Expr::Map(pairs.clone())]), false);
    let mut twice = pairs;
    twice.push(Pair { key: text("k7"), value: int(0), optional: false });
    assert!(fails(Expr::Map(twice)).contains("twice"));
}

#[test]
fn lists() {
    let three = || list([int(1), int(2), int(3)]);
    gives(index(three(), Expr::Double(2.0), false), "int", "3");
    assert_eq!(fails(index(three(), int(3), false)), "index out of bounds");
    fails(index(three(), int(-1), false));
    fails(index(three(), text(""), false));
    is(call(F::In, [Expr::Double(3.0), three()]), true);
    gives(call(F::Size, [call(F::Add, [three(), three()])]), "int", "6");
    is(call(F::Equal, [list([Expr::Double(1.0), Expr::Uint(2), int(3)]), three()]), true);
}

#[test]
fn optionals() {
    let none = || call(F::OptionalNone, []);
    let of = |expr| call(F::OptionalOf, [expr]);
    let deep = || map([(text("c"), map([(text("x"), int(7))]))]);
    let c = || select(deep(), "c", Select::Optional);
    gives(call(F::OrValue, [select(c(), "x", Select::Strict), int(0)]), "int", "7");
    gives(call(F::OrValue, [select(c(), "y", Select::Strict), int(0)]), "int", "0");
    gives(call(F::OrValue, [index(c(), text("x"), false), fault()]), "int", "7");
    is(select(c(), "x", Select::Test), true);
    is(select(c(), "y", Select::Test), false);
    is(select(none(), "y", Select::Test), false);
    is(call(F::HasValue, [index(list([]), int(0), true)]), false);
    is(call(F::HasValue, [index(none(), int(0), true)]), false);
    is(call(F::HasValue, [of(Expr::Null)]), true);
    is(call(F::HasValue, [call(F::OptionalOfNonZeroValue, [Expr::Null])]), false);
    is(call(F::Equal, [none(), none()]), true);
    is(call(F::Equal, [of(int(1)), of(Expr::Double(1.0))]), true);
    is(call(F::Equal, [of(int(1)), none()]), false);
    fails(call(F::Value, [none()]));
    fails(call(F::OrValue, [none(), fault()]));
    gives(call(F::Value, [call(F::Or, [of(int(1)), fault()])]), "int", "1");
    fails(select(of(Expr::Null), "x", Select::Strict));
    let items = Expr::List(vec![Item { value: none(), optional: true }, Item { value: of(int(4)), optional: true }]);
    is(call(F::Equal, [items, list([int(4)])]), true);
    fails(Expr::List(vec![Item { value: int(4), optional: true }]));
}

#[test]
fn default_covers_absence_and_null() {
    let default = |value| Expr::Default(boxed(value), boxed(int(9)));
    gives(default(call(F::OptionalNone, [])), "int", "9");
    gives(default(Expr::Null), "int", "9");
    gives(default(call(F::OptionalOf, [Expr::Null])), "int", "9");
    gives(default(call(F::OptionalOf, [int(1)])), "int", "1");
    gives(default(int(0)), "int", "0");
    fails(default(fault()));
}

#[test]
fn conversions() {
    gives(call(F::Int, [Expr::Double(-7.9)]), "int", "-7");
    fails(call(F::Int, [Expr::Double(9_223_372_036_854_775_807.0)]));
    fails(call(F::Int, [Expr::Uint(u64::MAX)]));
    fails(call(F::Uint, [int(-1)]));
    gives(call(F::Double, [Expr::Uint(u64::MAX)]), "double", "1.8446744073709552e+19");
    fails(call(F::Bool, [text("TrUe")]));
    is(call(F::Bool, [text("t")]), true);
    gives(call(F::String, [Expr::Double(123.456)]), "string", "123.456");
    gives(call(F::String, [Expr::Bytes(b"abc".to_vec())]), "string", "abc");
    fails(call(F::String, [Expr::Bytes(vec![0, 0xff])]));
    gives(call(F::Bytes, [text("ÿ")]), "bytes", "c3bf");
    gives(call(F::Type, [call(F::Type, [int(1)])]), "type", "type");
    gives(call(F::Type, [Expr::Null]), "type", "null_type");
    gives(call(F::String, [call(F::Duration, [text("1h0.5s")])]), "string", "3600.5s");
    gives(call(F::Int, [call(F::Timestamp, [text("2009-02-13T23:31:30Z")])]), "int", "1234567890");
    fails(call(F::Timestamp, [int(-62_135_596_801)]));
    fails(call(F::Duration, [text("-320000000000s")]));
}

#[test]
fn failures_name_no_values() {
    let secret = "hunter2";
    let cases = [
        call(F::Int, [text(secret)]),
        call(F::Timestamp, [text(secret)]),
        call(F::Add, [text(secret), int(1)]),
        index(map([]), text(secret), false),
        call(F::GetHours, [call(F::Timestamp, [int(0)]), text(secret)]),
        call(F::Matches, [text("x"), text("(hunter2")]),
    ];
    for case in cases {
        let message = fails(case);
        assert!(!message.contains(secret), "{message}");
    }
}

#[test]
fn times() {
    let moment = || call(F::Timestamp, [text("2009-02-13T23:31:30.25Z")]);
    gives(call(F::GetFullYear, [moment()]), "int", "2009");
    gives(call(F::GetMonth, [moment()]), "int", "1");
    gives(call(F::GetDate, [moment(), text("+11:00")]), "int", "14");
    gives(call(F::GetDayOfMonth, [moment()]), "int", "12");
    gives(call(F::GetHours, [moment(), text("02:00")]), "int", "1");
    gives(call(F::GetMilliseconds, [moment()]), "int", "250");
    let hour = || call(F::Duration, [text("1h")]);
    gives(call(F::Add, [moment(), hour()]), "timestamp", "2009-02-14T00:31:30.25Z");
    gives(call(F::Add, [hour(), moment()]), "timestamp", "2009-02-14T00:31:30.25Z");
    gives(call(F::Subtract, [moment(), moment()]), "duration", "0s");
    gives(call(F::GetMinutes, [hour()]), "int", "60");
    fails(call(F::Add, [call(F::Timestamp, [text("9999-12-31T23:59:59Z")]), call(F::Duration, [text("1s")])]));
    is(call(F::Less, [hour(), call(F::Duration, [text("61m")])]), true);
}

#[test]
fn strings() {
    gives(call(F::Size, [text("πέντε")]), "int", "5");
    is(call(F::Contains, [text("Straße"), text("aß")]), true);
    is(call(F::StartsWith, [text("завтра"), text("за")]), true);
    is(call(F::EndsWith, [text("forté"), text("té")]), true);
    is(call(F::Matches, [text("mañana"), text("a+ñ+a+")]), true);
    is(call(F::Matches, [text("cows"), text("")]), true);
    is(call(F::Matches, [text("abcd"), text("^bc")]), false);
    fails(call(F::Matches, [text("a"), text("((((a{99}){99}){99}){99})")]));
    gives(Expr::Concat(vec![text("a-"), int(5), T, Expr::Double(1.5)]), "string", "a-5true1.5");
    assert!(fails(Expr::Concat(vec![text("a"), list([])])).contains("list"));
    fails(Expr::Concat(vec![Expr::Null]));
}

#[test]
fn bindings_are_typed_json() {
    let program = program(call(F::Equal, [Expr::Binding(0), Expr::Binding(1)]), &["a", "b"]);
    let bindings = br#"{
        "b": {"type": "list", "value": [{"type": "uint", "value": "1"}, {"type": "double", "value": "2.5"}]},
        "a": {"type": "list", "value": [{"type": "int", "value": "1"}, {"type": "double", "value": "25e-1"}]}
    }"#;
    let found = Engine::load(&program).eval("e", bindings, CALL_BUDGET).unwrap();
    assert_eq!(found.value, br#"{"type":"bool","value":true}"#);
    let missing = Engine::load(&program).eval("e", b"{}", CALL_BUDGET);
    assert_eq!(missing, Err(Failure::Expression { at: "here".into(), message: "no value for `a`".into() }));
    let broken = Engine::load(&program).eval("e", br#"{"a":{"type":"int","value":[]}}"#, CALL_BUDGET);
    assert!(matches!(broken, Err(Failure::InvalidInput(_))));
}

#[test]
fn typed_values_come_back_as_they_went_in() {
    let program = program(Expr::Binding(0), &["x"]);
    let values = [
        r#"{"type":"null","value":null}"#,
        r#"{"type":"bytes","value":"00ff"}"#,
        r#"{"type":"timestamp","value":"2009-02-13T23:31:30Z"}"#,
        r#"{"type":"duration","value":"-1.5s"}"#,
        r#"{"type":"optional","value":[{"type":"int","value":"1"}]}"#,
        r#"{"type":"optional","value":[]}"#,
        r#"{"type":"map","value":[[{"type":"bool","value":true},{"type":"string","value":"a\"\n\u0001é"}]]}"#,
        r#"{"type":"uint","value":"18446744073709551615"}"#,
    ];
    for value in values {
        let found = Engine::load(&program).eval("e", format!(r#"{{"x":{value}}}"#).as_bytes(), CALL_BUDGET).unwrap();
        assert_eq!(String::from_utf8(found.value).unwrap(), value);
    }
}

#[test]
fn the_budget_ends_a_call_at_the_expression_that_used_it_up() {
    let doubled = |n| {
        (0..n).fold(text("0123456789"), |whole, _| Expr::Bind {
            slot: 0,
            init: boxed(whole),
            body: boxed(call(F::Add, [Expr::Local(0), Expr::Local(0)])),
        })
    };
    assert!(outcome(doubled(10)).is_ok());
    // A decisive operand does not hide that the budget is used up.
    let hidden = or(call(F::Equal, [doubled(40), text("")]), T);
    assert!(matches!(outcome(hidden), Err(Failure::CostExceeded { at, .. }) if at == "here"));
    let program = program(call(F::Add, [int(1), int(1)]), &[]);
    assert!(Engine::load(&program).eval("e", b"{}", 1).is_ok());
    assert!(matches!(Engine::load(&program).eval("e", b"{}", 0), Err(Failure::CostExceeded { .. })));
}

#[test]
fn a_bad_program_is_told_by_the_call() {
    assert!(matches!(Engine::load(b"nonsense").eval("e", b"{}", 1), Err(Failure::Internal(_))));
    let good = program(int(1), &[]);
    assert!(matches!(Engine::load(&good).eval("f", b"{}", 1), Err(Failure::Internal(_))));
    // A local that no loop fills.
    let stray = program(Expr::Local(3), &[]);
    assert!(matches!(Engine::load(&stray).eval("e", b"{}", 9), Err(Failure::Internal(_))));
}
