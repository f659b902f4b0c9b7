//! The libraries of strings, numbers and encodings: what their functions refuse, and what they cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use orkestra_engine::Failure;
use orkestra_program::function::Function as F;
use orkestra_program::model::*;
use support::*;

#[track_caller]
fn no_overload(expr: Expr) {
    let message = fails(expr);
    assert!(message.starts_with("no such overload"), "{message}");
}

fn strings<const N: usize>(items: [&str; N]) -> Expr {
    list(items.map(text))
}

/// What a call costs beyond its arguments.
fn cost(function: F, arguments: Vec<Expr>) -> u64 {
    let of = |expr| outcome(expr).unwrap().1;
    let alone: u64 = arguments.iter().cloned().map(of).sum();
    of(Expr::Call(function, arguments)) - alone
}

#[test]
fn parts_of_strings() {
    gives(call(F::CharAt, [text("©αT"), int(1)]), "string", "α");
    gives(call(F::CharAt, [text("©αT"), int(3)]), "string", "");
    gives(call(F::Substring, [text("ta©o©αT"), int(2), int(6)]), "string", "©o©α");
    for function in [F::CharAt, F::Substring] {
        for position in [-1, 4, i64::MAX, i64::MIN] {
            assert!(fails(call(function, [text("abc"), int(position)])).contains("outside"), "{position}");
        }
    }
    assert!(fails(call(F::Substring, [text("abc"), int(2), int(1)])).contains("before it begins"));
    assert!(fails(call(F::Substring, [text("abc"), int(2), int(4)])).contains("outside"));
}

#[test]
fn replacing() {
    gives(call(F::Replace, [text("aaa"), text("a"), text("bc"), int(2)]), "string", "bcbca");
    gives(call(F::Replace, [text("aaa"), text("a"), text(""), int(-1)]), "string", "");
    gives(call(F::Replace, [text("aaa"), text("a"), text("b"), int(0)]), "string", "aaa");
    gives(call(F::Replace, [text("©α"), text(""), text("-")]), "string", "-©-α-");
    gives(call(F::Replace, [text(""), text(""), text("x")]), "string", "x");
}

#[test]
fn splitting() {
    let splits = |arguments: Vec<Expr>, parts: Expr| is(call(F::Equal, [Expr::Call(F::Split, arguments), parts]), true);
    splits(vec![text("a,b,,c"), text(",")], strings(["a", "b", "", "c"]));
    splits(vec![text("a,b,c"), text(","), int(2)], strings(["a", "b,c"]));
    splits(vec![text("a,b,c"), text(","), int(1)], strings(["a,b,c"]));
    splits(vec![text("a,b,c"), text(","), int(0)], list([]));
    splits(vec![text("a,b,c"), text(","), int(-7)], strings(["a", "b", "c"]));
    splits(vec![text("aα©"), text("")], strings(["a", "α", "©"]));
    splits(vec![text("aα©"), text(""), int(2)], strings(["a", "α©"]));
    splits(vec![text(""), text("")], list([]));
    splits(vec![text(""), text(",")], strings([""]));
}

#[test]
fn joining() {
    gives(call(F::Join, [strings(["a", "", "b"]), text("--")]), "string", "a----b");
    gives(call(F::Join, [list([])]), "string", "");
    assert!(fails(call(F::Join, [list([text("a"), int(1)])])).contains("only strings"));
    no_overload(call(F::Join, [text("a")]));
    no_overload(call(F::Join, [strings(["a"]), int(1)]));
}

#[test]
fn strings_refuse_other_types() {
    no_overload(call(F::CharAt, [text("a"), Expr::Bool(true)]));
    no_overload(call(F::IndexOf, [text("a"), text("a"), text("0")]));
    no_overload(call(F::LowerAscii, [int(1)]));
    no_overload(call(F::Trim, [text("a"), text("b")]));
    no_overload(call(F::Split, [text("a"), int(1)]));
}

#[test]
fn format_shows_values_inside_values() {
    let nested = list([Expr::Null, map([(int(2), text("b")), (text("a"), list([Expr::Double(1e21)]))])]);
    gives(call(F::Format, [text("%s|%%"), list([nested])]), "string", "[null, {2: b, a: [1000000000000000000000]}]|%");
    gives(call(F::Format, [text("%x %d"), list([int(-255), Expr::Double(0.5)])]), "string", "-ff 0.5");
    gives(call(F::Format, [text("%b%b"), list([Expr::Bool(true), int(-2)])]), "string", "1-10");
    gives(call(F::Format, [text("%.2f%e"), list([Expr::Uint(3), int(120)])]), "string", "3.001.200000e+02");
    gives(call(F::Format, [text("a"), list([int(1)])]), "string", "a");
}

#[test]
fn format_refuses_what_it_cannot_show() {
    let refused = |template: &str, value: Expr| fails(call(F::Format, [text(template), list([value])]));
    assert!(refused("%d", text("1")).contains("`%d` cannot show a value of type string"));
    assert!(refused("%e", Expr::Null).contains("null_type"));
    assert!(refused("%s", Expr::Call(F::OptionalNone, vec![])).contains("optional_type"));
    assert!(refused("%s", Expr::Bytes(vec![0xff])).contains("UTF-8"));
    assert!(refused("%E", Expr::Double(1.0)).contains("a clause that is none of"));
    assert!(refused("%s %s", int(1)).contains("more clauses"));
    for template in ["%", "%.", "%.2", "%©"] {
        assert!(refused(template, int(1)).contains("clause"), "{template}");
    }
    for template in ["%.1001f", "%.99999999999999999999f", "%.-1f", "%.f"] {
        assert!(refused(template, int(1)).contains("precision"), "{template}");
    }
}

#[test]
fn greatest_and_least_keep_the_type_of_what_they_find() {
    gives(call(F::Greatest, [int(1), Expr::Uint(3), Expr::Double(2.5)]), "uint", "3");
    gives(call(F::Least, [int(1), Expr::Double(1.0)]), "int", "1");
    gives(call(F::Least, [list([Expr::Uint(u64::MAX), int(i64::MIN)])]), "int", "-9223372036854775808");
    assert!(fails(call(F::Least, [list([])])).contains("no numbers"));
    assert!(fails(call(F::Greatest, [Expr::Double(f64::NAN), int(1)])).contains("NaN"));
    no_overload(call(F::Greatest, [text("a")]));
    no_overload(call(F::Greatest, [int(1), text("a")]));
    no_overload(call(F::Greatest, [list([int(1), Expr::Null])]));
}

#[test]
fn numbers_at_their_ends() {
    assert!(fails(call(F::Abs, [int(i64::MIN)])).contains("out of range"));
    gives(call(F::Sign, [Expr::Uint(7)]), "uint", "1");
    is(call(F::Equal, [call(F::Sqrt, [int(16)]), Expr::Double(4.0)]), true);
    is(call(F::IsNan, [call(F::Sqrt, [Expr::Double(-1.0)])]), true);
    gives(call(F::BitShiftLeft, [int(1), int(63)]), "int", "-9223372036854775808");
    gives(call(F::BitShiftRight, [int(-1), int(63)]), "int", "1");
    for bits in [64, 1 << 40, i64::MAX] {
        gives(call(F::BitShiftLeft, [Expr::Uint(1), int(bits)]), "uint", "0");
        gives(call(F::BitShiftRight, [int(-1), int(bits)]), "int", "0");
    }
    assert!(fails(call(F::BitShiftRight, [int(1), int(-1)])).contains("negative"));
}

#[test]
fn functions_of_doubles_refuse_integers() {
    for function in [F::Ceil, F::Floor, F::Round, F::Trunc, F::IsInf, F::IsNan, F::IsFinite] {
        no_overload(call(function, [int(1)]));
        no_overload(call(function, [Expr::Uint(1)]));
    }
    no_overload(call(F::BitNot, [Expr::Double(1.0)]));
    no_overload(call(F::BitAnd, [int(1), Expr::Uint(1)]));
    no_overload(call(F::BitShiftLeft, [int(1), Expr::Uint(1)]));
}

#[test]
fn encodings() {
    gives(call(F::Base64Encode, [Expr::Bytes(b"hello".to_vec())]), "string", "aGVsbG8=");
    gives(call(F::Base64Decode, [text("aGVsbG8")]), "bytes", "68656c6c6f");
    assert!(fails(call(F::Base64Decode, [text("a-_b")])).contains("base64"));
    no_overload(call(F::Base64Encode, [text("a")]));
}

#[test]
fn going_through_a_string_costs_a_tenth_and_building_one_as_much_again() {
    let long = || text(&"a".repeat(1000));
    assert_eq!(cost(F::LowerAscii, vec![long()]), 1 + 100);
    assert_eq!(cost(F::Substring, vec![long(), int(1)]), 1 + 100);
    assert_eq!(cost(F::Split, vec![long(), text(",")]), 1 + 200);
    assert_eq!(cost(F::Replace, vec![long(), text("b"), text("c")]), 1 + 200);
    assert_eq!(cost(F::Replace, vec![long(), text("a"), text("bcde")]), 1 + 100 + 400);
    assert_eq!(cost(F::Join, vec![list([long(), long()]), text("")]), 1 + 400);
    assert_eq!(cost(F::Format, vec![text("%s"), list([long()])]), 1 + 1 + 100);
    assert_eq!(cost(F::Base64Decode, vec![long()]), 1 + 100);
    assert_eq!(cost(F::Greatest, vec![list([int(1), int(2), int(3)])]), 1 + 2);
}

#[test]
fn looking_for_all_matches_costs_what_each_search_may_take() {
    let all = |pattern: &str, length: usize| call(F::FindAll, [text(&"a".repeat(length)), text(pattern)]);
    // Each search goes to the end before it settles for one letter.
    assert!(matches!(outcome(all("a+X|a", 20_000)), Err(Failure::CostExceeded { .. })));
    assert_eq!(outcome(all("a+", 20_000)).unwrap().1, 1 + 2001 + 1);
    assert_eq!(outcome(all("a", 20)).unwrap().1, 1 + 3 + 48);
}

#[test]
fn a_result_that_would_be_too_long_is_not_built() {
    // Each step makes the string a hundred times longer.
    let longer = |expr| call(F::Replace, [expr, text("a"), text(&"a".repeat(100))]);
    let bomb = (0..30).fold(text("a"), |expr, _| longer(expr));
    assert!(matches!(outcome(bomb), Err(Failure::CostExceeded { .. })));
}
