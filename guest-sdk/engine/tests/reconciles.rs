//! What a reconcile plans: children, holes, status.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use orkestra_engine::{Engine, Failure, Observed, Plan, Request};
use orkestra_program::function::Function as F;
use orkestra_program::model::*;
use orkestra_program::{CALL_BUDGET, encode};
use support::*;

const PRIMARY: &[u8] = br#"{
  "apiVersion": "x/v1", "kind": "X",
  "metadata": {"name": "db", "labels": {"a/b": "c"}},
  "spec": {"replicas": 3, "text": "5", "ratio": 0.5, "on": true, "nothing": null, "empty": {}, "list": [1, "a\u0041"],
           "quote": "say \"hi\"\n", "words": "a b"}
}"#;

fn hole(expr: Expr, target: Target) -> Template {
    Template::Hole(Hole { value: located(expr), target, absent: false })
}

fn absent(expr: Expr, target: Target) -> Template {
    Template::Hole(Hole { value: located(expr), target, absent: true })
}

fn raw(json: &str) -> Template {
    Template::Raw(json.into())
}

fn object<const N: usize>(members: [(&str, Template); N]) -> Template {
    Template::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn child(id: &str, manifest: Template) -> Child {
    Child::new(id, Policy::Apply, manifest)
}

fn entry(children: Vec<Child>) -> Entry {
    Entry { name: "x".into(), children, ..Entry::default() }
}

fn request<'a>(children: &'a [Observed<'a>]) -> Request<'a> {
    Request {
        primary: PRIMARY,
        children,
        reads: &[],
        inputs: br#"{"registry":"r.io"}"#,
        hooks: b"{}",
        now: 1_000,
        entropy: &[7; 32],
        deleting: false,
        budget: CALL_BUDGET,
    }
}

fn with_plan<T>(entry: Entry, request: &Request<'_>, look: impl FnOnce(Result<Plan<'_>, Failure>) -> T) -> T {
    let program = encode(&Program { entries: vec![entry], evaluations: vec![] });
    look(Engine::load(&program).reconcile("x", request))
}

/// The one child's object.
fn rendered(manifest: Template) -> Result<String, Failure> {
    with_plan(entry(vec![child("c", manifest)]), &request(&[]), |plan| {
        plan.map(|plan| String::from_utf8(plan.children[0].object.clone().unwrap()).unwrap())
    })
}

fn spec(field: &str) -> Expr {
    path(Root::Spec, &[field])
}

#[test]
fn a_target_decides_the_form_of_a_value() {
    let form = |field: &str, target| rendered(hole(spec(field), target)).ok();
    let some = |text: &str| Some(String::from(text));
    assert_eq!(form("replicas", Target::String), some("\"3\""));
    assert_eq!(form("ratio", Target::String), some("\"0.5\""));
    assert_eq!(form("on", Target::String), some("\"true\""));
    assert_eq!(form("quote", Target::String), some(r#""say \"hi\"\n""#));
    assert_eq!(form("list", Target::String), None);
    assert_eq!(form("nothing", Target::String), None);
    assert_eq!(form("text", Target::Int), some("5"));
    assert_eq!(form("replicas", Target::Int), some("3"));
    assert_eq!(form("words", Target::Int), None);
    assert_eq!(form("ratio", Target::Int), None);
    assert_eq!(form("on", Target::Int), None);
    assert_eq!(form("ratio", Target::Number), some("0.5"));
    assert_eq!(form("text", Target::Number), some("5"));
    assert_eq!(form("words", Target::Number), None);
    assert_eq!(form("on", Target::Bool), some("true"));
    assert_eq!(form("words", Target::Bool), None);
    assert_eq!(form("text", Target::IntOrString), some("5"));
    assert_eq!(form("words", Target::IntOrString), some("\"a b\""));
    assert_eq!(form("replicas", Target::IntOrString), some("3"));
    assert_eq!(form("on", Target::IntOrString), None);
    assert_eq!(form("text", Target::Any), some("\"5\""));
    assert_eq!(form("nothing", Target::Any), some("null"));
    assert_eq!(form("list", Target::Any), some(r#"[1, "a\u0041"]"#));
    let message = rendered(hole(spec("list"), Target::String)).unwrap_err().to_string();
    assert_eq!(message, "here: expected a value that has a text, found one of type list");
}

#[test]
fn values_that_json_has_other_forms_for() {
    let any = |expr| rendered(hole(expr, Target::Any));
    assert_eq!(any(Expr::Double(2.0)).unwrap(), "2");
    assert_eq!(any(Expr::Bytes(b"hi!?".to_vec())).unwrap(), "\"aGkhPw==\"");
    assert_eq!(any(Expr::Duration(90_000_000_000)).unwrap(), "\"1m30s\"");
    assert_eq!(any(Expr::Timestamp(0)).unwrap(), "\"1970-01-01T00:00:00Z\"");
    assert_eq!(any(Expr::Root(Root::Now)).unwrap(), "\"1970-01-01T00:00:01Z\"");
    assert_eq!(any(map([(text("a"), list([Expr::Null, int(1)]))])).unwrap(), r#"{"a":[null,1]}"#);
    assert!(any(map([(int(1), int(1))])).is_err());
    assert!(any(Expr::Double(f64::INFINITY)).is_err());
    assert!(any(Expr::Type("int".into())).is_err());
}

#[test]
fn what_is_absent_leaves_its_key_out_and_so_does_what_lost_all_of_its_own() {
    let gone = || absent(optional_path(Root::Spec, &["missing"]), Target::String);
    let here = || absent(optional_path(Root::Spec, &["words"]), Target::String);
    let keys = object([("a", gone()), ("b", here()), ("c", gone()), ("d", raw("1"))]);
    assert_eq!(rendered(keys).unwrap(), r#"{"b":"a b","d":1}"#);
    let cascade = object([("x", object([("y", object([("z", gone())]))])), ("k", raw("{}"))]);
    assert_eq!(rendered(cascade).unwrap(), r#"{"k":{}}"#);
    let list = Template::List(vec![gone(), here(), gone(), raw("2"), object([("z", gone())])]);
    assert_eq!(rendered(list).unwrap(), r#"["a b",2]"#);
    assert_eq!(rendered(Template::List(vec![gone()])).unwrap(), "[]");
    assert_eq!(rendered(object([])).unwrap(), "{}");
    for field in ["nothing", "empty"] {
        let keys = object([("a", absent(optional_path(Root::Spec, &[field]), Target::Any)), ("b", raw("1"))]);
        assert_eq!(rendered(keys).unwrap(), r#"{"b":1}"#, "{field}");
    }
    // Where only a value may be, absence is an error.
    assert!(rendered(hole(optional_path(Root::Spec, &["missing"]), Target::Any)).is_err());
}

#[test]
fn a_part_of_the_primary_that_is_not_there_yet_has_no_fields() {
    assert_eq!(rendered(hole(select(Expr::Root(Root::Status), "phase", Select::Test), Target::Any)).unwrap(), "false");
    assert!(rendered(hole(path(Root::Status, &["phase"]), Target::Any)).is_err());
}

#[test]
fn variables_are_computed_once_and_only_if_used() {
    let image = Expr::Concat(vec![path(Root::Inputs, &["registry"]), text("/db")]);
    let twice = call(F::Add, [Expr::Var(0), Expr::Var(0)]);
    let broken = fault();
    let used = Entry {
        vars: vec![located(image), located(twice), located(broken)],
        ..entry(vec![child(
            "c",
            object([("i", hole(Expr::Var(1), Target::Any)), ("j", hole(Expr::Var(0), Target::Any))]),
        )])
    };
    with_plan(used.clone(), &request(&[]), |plan| {
        let plan = plan.unwrap();
        assert_eq!(plan.children[0].object.as_deref(), Some(br#"{"i":"r.io/dbr.io/db","j":"r.io/db"}"#.as_slice()));
    });
    let failing = Entry { children: vec![child("c", hole(Expr::Var(2), Target::Any))], ..used };
    with_plan(failing, &request(&[]), |plan| assert!(matches!(plan, Err(Failure::Expression { .. }))));
}

#[test]
fn a_variable_that_reads_itself_is_refused() {
    let program =
        Entry { vars: vec![located(Expr::Var(0))], ..entry(vec![child("c", hole(Expr::Var(0), Target::Any))]) };
    with_plan(program, &request(&[]), |plan| assert!(matches!(plan, Err(Failure::Internal(_)))));
}

#[test]
fn children_wait_for_those_that_they_read() {
    let name = || select(select(Expr::Child(0), "metadata", Select::Strict), "name", Select::Strict);
    let second = Child { requires: vec![0], ..child("second", object([("first", hole(name(), Target::String))])) };
    let field = |keys: &[&str], requires: &[u16], value| StatusField {
        when: None,
        path: keys.iter().map(|key| (*key).into()).collect(),
        requires: requires.into(),
        reads: vec![],
        value,
    };
    let entry = Entry {
        status: vec![
            field(&["a", "b", "c"], &[], raw("1")),
            field(&["a", "b", "d"], &[0], hole(name(), Target::String)),
            field(&["a", "e"], &[], absent(optional_path(Root::Spec, &["missing"]), Target::Any)),
            field(&["a", "f"], &[], raw("2")),
            field(&["g"], &[], raw("3")),
        ],
        ..entry(vec![child("first", raw("{}")), second])
    };
    with_plan(entry.clone(), &request(&[]), |plan| {
        let plan = plan.unwrap();
        assert_eq!(plan.children[1].object, None);
        assert_eq!(plan.children[1].after[0].id, "first");
        assert_eq!(plan.pending_status, ["a.b.d"]);
        assert_eq!(plan.status, br#"{"a":{"b":{"c":1},"f":2},"g":3}"#);
    });
    let observed = [Observed { id: "first", key: None, object: br#"{"metadata":{"name":"n"}}"#, renew: false }];
    with_plan(entry, &request(&observed), |plan| {
        let plan = plan.unwrap();
        assert_eq!(plan.children[1].object.as_deref(), Some(br#"{"first":"n"}"#.as_slice()));
        assert!(plan.pending_status.is_empty());
        assert_eq!(plan.status, br#"{"a":{"b":{"c":1,"d":"n"},"f":2},"g":3}"#);
        assert!(plan.cost > 0);
    });
}

#[test]
fn fields_and_conditions_follow_what_they_ask() {
    let field = |name: &str, when: Expr| StatusField {
        path: vec![name.into()],
        requires: vec![],
        reads: vec![],
        when: Some(located(when)),
        value: raw("1"),
    };
    let condition = |kind: &str, requires: Vec<u16>, when: Expr, reason: Option<&str>| Condition {
        kind: kind.into(),
        requires,
        reads: vec![],
        when: located(when),
        reason: reason.map(|reason| located(text(reason))),
        message: located(text("it \"is\"")),
    };
    let entry = Entry {
        status: vec![field("a", Expr::Bool(true)), field("b", Expr::Bool(false))],
        conditions: vec![
            condition("Up", vec![], spec("on"), None),
            condition("Down", vec![], Expr::Bool(false), None),
            condition("Late", vec![0], Expr::Bool(true), None),
            condition("Named", vec![], Expr::Bool(true), Some("Why")),
        ],
        ..entry(vec![child("first", raw("{}"))])
    };
    let member = |kind: &str, status: &str, reason: &str| {
        format!(r#"{{"type":"{kind}","status":"{status}","reason":"{reason}","message":"it \"is\""}}"#)
    };
    with_plan(entry, &request(&[]), |plan| {
        let plan = plan.unwrap();
        assert_eq!(plan.status, br#"{"a":1}"#);
        let all = [member("Up", "True", "Up"), member("Down", "False", "NotDown"), member("Named", "True", "Why")];
        assert_eq!(String::from_utf8(plan.conditions).unwrap(), format!("[{}]", all.join(",")));
    });
}

#[test]
fn a_child_whose_condition_is_false_is_not_listed() {
    let when = |expr| Child { when: Some(located(expr)), ..child("c", raw("{}")) };
    let listed = |expr| with_plan(entry(vec![when(expr)]), &request(&[]), |plan| plan.map(|plan| plan.children.len()));
    assert_eq!(listed(Expr::Bool(false)), Ok(0));
    assert_eq!(listed(spec("on")), Ok(1));
    assert!(listed(spec("words")).unwrap_err().to_string().contains("expected a bool, found a value of type string"));
}

#[test]
fn on_deletion_nothing_is_left_to_do() {
    let request = Request { deleting: true, ..request(&[]) };
    with_plan(entry(vec![child("c", raw("{}"))]), &request, |plan| {
        let plan = plan.unwrap();
        assert!(plan.done && plan.children.is_empty());
        assert_eq!(plan.status, b"{}");
    });
}

#[test]
fn malformed_requests_are_named() {
    let read = || entry(vec![child("c", hole(path(Root::Inputs, &["registry"]), Target::Any))]);
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for inputs in [
        &b"{"[..],
        b"{\"a\":1,}",
        b"[1 2]",
        b"{\"registry\":1,\"registry\":2}",
        b"\"\\x\"",
        b"\"\xff\"",
        b"01",
        deep.as_bytes(),
    ] {
        let request = Request { inputs, ..request(&[]) };
        with_plan(read(), &request, |plan| {
            assert!(matches!(plan, Err(Failure::InvalidInput(_))), "{inputs:?} gave {plan:?}");
        });
    }
    let request = Request { primary: b"[]", ..request(&[]) };
    with_plan(read(), &request, |plan| assert!(matches!(plan, Err(Failure::InvalidInput(_)))));
}
