//! What a template may ask for beside its manifest: reads, elements, readiness, values made once, work at the deletion.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use orkestra_engine::{ChildRef, Engine, Failure, Observed, Plan, PlannedChild, Read as Given, Request, WantedRead};
use orkestra_program::function::Function as F;
use orkestra_program::model::*;
use orkestra_program::{CALL_BUDGET, encode};
use support::*;

const PRIMARY: &[u8] = br#"{
  "metadata": {"name": "db", "uid": "u"},
  "spec": {"plan": "gold", "users": [{"name": "ann", "admin": true}, {"name": "bob", "admin": false}],
           "tags": ["x", "y"], "sizes": {"s": 1, "m": 2}, "twice": ["x", "y", "x"], "nested": [["x"]], "hollow": ["x", ""]}
}"#;

fn request<'a>(children: &'a [Observed<'a>]) -> Request<'a> {
    Request {
        primary: PRIMARY,
        children,
        reads: &[],
        inputs: b"{}",
        hooks: b"{}",
        now: 1_000,
        entropy: &[7; 32],
        deleting: false,
        budget: CALL_BUDGET,
    }
}

fn with_plan<T>(entry: &Entry, request: &Request<'_>, look: impl FnOnce(Result<Plan<'_>, Failure>) -> T) -> T {
    let entry = Entry { name: "x".into(), ..entry.clone() };
    let program = encode(&Program { entries: vec![entry], evaluations: vec![] });
    orkestra_program::decode(&program).expect("the compiler would refuse it");
    look(Engine::load(&program).reconcile("x", request))
}

#[track_caller]
fn failure(entry: &Entry, request: &Request<'_>) -> String {
    with_plan(entry, request, |plan| plan.unwrap_err().to_string())
}

fn hole(expr: Expr) -> Template {
    Template::Hole(Hole { value: located(expr), target: Target::Any, absent: false })
}

fn object<const N: usize>(members: [(&str, Template); N]) -> Template {
    Template::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn child(id: &str, manifest: Template) -> Child {
    Child::new(id, Policy::Apply, manifest)
}

fn seen<'a>(id: &'a str, key: Option<&'a str>, object: &'a str) -> Observed<'a> {
    Observed { id, key, object: object.as_bytes(), renew: false }
}

fn spec(field: &str) -> Expr {
    path(Root::Spec, &[field])
}

fn field(operand: Expr, name: &str) -> Expr {
    select(operand, name, Select::Strict)
}

/// `id/key: object`, or `…` for one that is pending.
fn listed(plan: &Plan<'_>) -> Vec<String> {
    let text = |planned: &PlannedChild<'_>| {
        let ChildRef { id, key } = &planned.child;
        let key = key.as_ref().map(|key| format!("/{key}")).unwrap_or_default();
        let object = planned.object.as_ref().map_or("…".into(), |object| String::from_utf8(object.clone()).unwrap());
        format!("{id}{key}: {object}")
    };
    plan.children.iter().map(text).collect()
}

fn plan_of(entry: &Entry, request: &Request<'_>) -> Vec<String> {
    with_plan(entry, request, |plan| listed(&plan.unwrap()))
}

mod reads {
    use super::*;

    fn by_name(id: &str, name: Expr) -> Read {
        Read { id: id.into(), which: Which::Name(located(name)), namespace: None }
    }

    fn entry() -> Entry {
        let labels = Which::Selected(Selector {
            labels: vec![("db".into(), located(path(Root::Metadata, &["name"])))],
            requirements: vec![Requirement {
                key: "tier".into(),
                operator: Operator::In,
                values: vec![located(text("web")), located(spec("plan"))],
            }],
        });
        let size = field(field(Expr::Read(0), "data"), "size");
        let names = over(LoopKind::Map, Expr::Read(1), None, Some(field(Expr::Local(0), "n")));
        Entry {
            reads: vec![
                by_name("plan", spec("plan")),
                Read { id: "peers".into(), which: labels, namespace: Some(located(text("shared"))) },
            ],
            children: vec![
                Child { reads: vec![0], ..child("sized", hole(size.clone())) },
                Child { reads: vec![1], ..child("peered", hole(names)) },
                child("plain", Template::Raw("1".into())),
            ],
            status: vec![StatusField {
                when: None,
                path: vec!["size".into()],
                requires: vec![],
                reads: vec![0],
                value: hole(size),
            }],
            ..Entry::default()
        }
    }

    #[test]
    fn a_plan_says_what_it_wants_whether_it_was_given_or_not() {
        let wants = vec![
            WantedRead { id: "plan", name: Some("gold".into()), labels: vec![], requirements: vec![], namespace: None },
            WantedRead {
                id: "peers",
                name: None,
                labels: vec![("db", "db".into())],
                requirements: vec![orkestra_engine::Requirement {
                    key: "tier",
                    operator: Operator::In,
                    values: vec!["web".into(), "gold".into()],
                }],
                namespace: Some("shared".into()),
            },
        ];
        let gold = br#"{"data":{"size":"big"}}"#.as_slice();
        for reads in [&[][..], &[Given { id: "plan", objects: &[gold] }]] {
            with_plan(&entry(), &Request { reads, ..request(&[]) }, |plan| assert_eq!(plan.unwrap().reads, wants));
        }
    }

    #[test]
    fn what_uses_a_read_waits_for_it_and_nothing_else_does() {
        with_plan(&entry(), &request(&[]), |plan| {
            let plan = plan.unwrap();
            assert_eq!(listed(&plan), ["sized: …", "peered: …", "plain: 1"]);
            assert_eq!((plan.status.as_slice(), plan.pending_status.as_slice()), (&b"{}"[..], &["size".into()][..]));
        });
        // Asked for and not there: by name it is missing, by labels it is an empty list.
        let missing = [Given { id: "plan", objects: &[] }, Given { id: "peers", objects: &[] }];
        let plan = plan_of(&entry(), &Request { reads: &missing, ..request(&[]) });
        assert_eq!(plan, ["sized: …", "peered: []", "plain: 1"]);
    }

    #[test]
    fn a_read_by_name_is_an_object_and_one_by_labels_a_list() {
        let there = [
            Given { id: "peers", objects: &[br#"{"n":1}"#, br#"{"n":2}"#] },
            Given { id: "plan", objects: &[br#"{"data":{"size":"big"}}"#] },
        ];
        with_plan(&entry(), &Request { reads: &there, ..request(&[]) }, |plan| {
            let plan = plan.unwrap();
            assert_eq!(listed(&plan), [r#"sized: "big""#, "peered: [1,2]", "plain: 1"]);
            assert_eq!(plan.status, br#"{"size":"big"}"#);
        });
    }

    #[test]
    fn an_optional_read_that_is_missing_is_an_absent_path() {
        let size = || select(select(Expr::Read(0), "data", Select::Optional), "size", Select::Optional);
        let default = Expr::Default(boxed(size()), boxed(text("small")));
        let entry = Entry {
            reads: vec![by_name("plan", spec("plan"))],
            children: vec![child("c", hole(default))],
            ..Entry::default()
        };
        assert_eq!(plan_of(&entry, &request(&[])), [r#"c: "small""#]);
        let there = [Given { id: "plan", objects: &[br#"{"data":{"size":"big"}}"#] }];
        assert_eq!(plan_of(&entry, &Request { reads: &there, ..request(&[]) }), [r#"c: "big""#]);
    }

    #[test]
    fn a_name_that_is_no_text_fails_at_its_place() {
        let entry = Entry { reads: vec![by_name("plan", spec("users"))], ..Entry::default() };
        assert_eq!(failure(&entry, &request(&[])), "here: expected a value that has a text, found one of type list");
    }

    #[test]
    fn two_objects_of_one_name_are_refused() {
        let entry = Entry { reads: vec![by_name("plan", spec("plan"))], ..Entry::default() };
        let two = [Given { id: "plan", objects: &[b"{}", b"{}"] }];
        with_plan(&entry, &Request { reads: &two, ..request(&[]) }, |plan| {
            assert!(matches!(plan, Err(Failure::InvalidInput(_))));
        });
    }
}

mod for_each {
    use super::*;

    fn each(range: Expr, key: Option<Expr>) -> Option<ForEach> {
        Some(ForEach { range: located(range), key: key.map(located) })
    }

    /// The element and its key.
    fn both() -> Template {
        object([("item", hole(Expr::Local(0))), ("key", hole(Expr::Local(1)))])
    }

    fn users() -> Child {
        let key = field(Expr::Local(0), "name");
        Child { for_each: each(spec("users"), Some(key)), ..child("user", both()) }
    }

    fn over_range(range: Expr) -> Entry {
        let template = Child { for_each: each(range, None), ..child("c", both()) };
        Entry { children: vec![template], ..Entry::default() }
    }

    #[test]
    fn each_element_is_a_child_with_its_key() {
        let entry = Entry { children: vec![users()], ..Entry::default() };
        assert_eq!(
            plan_of(&entry, &request(&[])),
            [
                r#"user/ann: {"item":{"name": "ann", "admin": true},"key":"ann"}"#,
                r#"user/bob: {"item":{"name": "bob", "admin": false},"key":"bob"}"#
            ]
        );
        let plan = |field| plan_of(&over_range(spec(field)), &request(&[]));
        assert_eq!(plan("tags"), [r#"c/x: {"item":"x","key":"x"}"#, r#"c/y: {"item":"y","key":"y"}"#]);
        assert_eq!(plan("sizes"), [r#"c/s: {"item":1,"key":"s"}"#, r#"c/m: {"item":2,"key":"m"}"#]);
        let numbers = over_range(list([int(3), Expr::Bool(true)]));
        assert_eq!(
            plan_of(&numbers, &request(&[])),
            [r#"c/3: {"item":3,"key":"3"}"#, r#"c/true: {"item":true,"key":"true"}"#]
        );
        assert!(plan_of(&over_range(list([])), &request(&[])).is_empty());
    }

    #[test]
    fn what_gives_no_keys_fails_at_the_place_of_for_each() {
        let fails = |range| failure(&over_range(range), &request(&[]));
        assert_eq!(fails(spec("twice")), "here: elements 0 and 2 have the same key");
        assert_eq!(fails(spec("hollow")), "here: the key of element 1 is empty");
        assert_eq!(fails(spec("users")), "here: an element of type map needs a `key`: only a scalar is its own");
        assert_eq!(fails(spec("nested")), "here: an element of type list needs a `key`: only a scalar is its own");
        assert_eq!(fails(spec("plan")), "here: expected a list or a map, found a value of type string");
        assert_eq!(fails(list([int(1), text("1")])), "here: elements 0 and 1 have the same key");
    }

    #[test]
    fn macros_have_their_own_locals_beside_the_element() {
        let names = Expr::Loop(Box::new(Loop {
            kind: LoopKind::Map,
            range: spec("tags"),
            slot: 2,
            slot2: None,
            predicate: None,
            result: Some(call(F::Add, [Expr::Local(1), Expr::Local(2)])),
        }));
        let entry = Entry {
            children: vec![Child { for_each: each(spec("sizes"), None), ..child("c", hole(names)) }],
            ..Entry::default()
        };
        assert_eq!(plan_of(&entry, &request(&[])), [r#"c/s: ["sx","sy"]"#, r#"c/m: ["mx","my"]"#]);
    }

    /// A variable is computed once, so it can't depend on the element for which it was computed first.
    #[test]
    fn a_variable_does_not_see_the_element() {
        let entry = Entry { vars: vec![located(Expr::Local(0))], ..over_range(spec("tags")) };
        let entry =
            Entry { children: vec![Child { manifest: hole(Expr::Var(0)), ..entry.children[0].clone() }], ..entry };
        with_plan(&entry, &request(&[]), |plan| assert!(matches!(plan, Err(Failure::Internal(_)))));
    }

    #[test]
    fn a_condition_is_asked_for_each_element() {
        let admins = Child { when: Some(located(field(Expr::Local(0), "admin"))), ..users() };
        let entry = Entry { children: vec![admins], ..Entry::default() };
        assert_eq!(plan_of(&entry, &request(&[])).len(), 1);
    }

    fn with_reader() -> Entry {
        let reader = Child { requires: vec![0], ..child("all", hole(Expr::Child(0))) };
        Entry { children: vec![users(), reader], ..Entry::default() }
    }

    #[test]
    fn the_map_of_children_is_there_once_every_wanted_element_is_observed() {
        let ann = seen("user", Some("ann"), r#"{"a":1}"#);
        let bob = seen("user", Some("bob"), r#"{"b":2}"#);
        let gone = seen("user", Some("zoe"), r#"{"z":3}"#);
        let all = |observed: &[Observed<'_>]| plan_of(&with_reader(), &request(observed)).pop().unwrap();
        assert_eq!(all(&[]), "all: …");
        assert_eq!(all(&[bob]), "all: …");
        assert_eq!(all(&[gone, bob, ann]), r#"all: {"ann":{"a":1},"bob":{"b":2}}"#);
        with_plan(&with_reader(), &request(&[]), |plan| {
            assert_eq!(plan.unwrap().children[2].after, [ChildRef { id: "user", key: None }]);
        });
        let none = Child { for_each: each(list([]), None), ..users() };
        let entry = Entry { children: vec![none, with_reader().children.remove(1)], ..Entry::default() };
        assert_eq!(plan_of(&entry, &request(&[])), ["all: {}"]);
    }

    #[test]
    fn a_template_that_waits_stands_for_all_its_elements() {
        let users = Child { requires: vec![0], ..users() };
        let reader = Child { requires: vec![1], ..child("all", hole(Expr::Child(1))) };
        let entry =
            Entry { children: vec![child("first", Template::Raw("{}".into())), users, reader], ..Entry::default() };
        assert_eq!(plan_of(&entry, &request(&[])), ["first: {}", "user: …", "all: …"]);
    }

    #[test]
    fn readiness_is_asked_of_each_observed_child() {
        let ready = field(Expr::Root(Root::This), "up");
        let with = |ready| Child { ready_when: Some(located(ready)), ..users() };
        let entry = Entry { children: vec![with(ready)], ..Entry::default() };
        let up = [seen("user", Some("bob"), r#"{"up":true}"#)];
        with_plan(&entry, &request(&up), |plan| {
            let ready: Vec<_> = plan.unwrap().children.iter().map(|child| child.ready).collect();
            assert_eq!(ready, [None, Some(true)]);
        });
        let entry = Entry { children: vec![with(text("yes"))], ..Entry::default() };
        assert_eq!(failure(&entry, &request(&up)), "here: expected a bool, found a value of type string");
    }

    #[test]
    fn a_hundred_thousand_elements_end_at_the_cost() {
        let numbers =
            format!(r#"{{"spec":{{"n":[{}]}}}}"#, (0..100_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        let request = Request { primary: numbers.as_bytes(), ..request(&[]) };
        with_plan(&over_range(spec("n")), &request, |plan| match plan {
            Err(Failure::CostExceeded { at, .. }) => assert_eq!(at, "here"),
            other => panic!("{other:?}"),
        });
    }
}

mod once {
    use super::*;

    fn made_once(key: &str, value: Expr) -> (String, Template) {
        (key.into(), Template::Once(Once { key: key.into(), value: Box::new(hole(value)) }))
    }

    fn random(function: F, length: i64) -> Expr {
        call(function, [int(length)])
    }

    fn secret(id: &str) -> Child {
        let data =
            [made_once("password", random(F::RandomAlphanumeric, 24)), made_once("token", random(F::RandomHex, 7))];
        Child::new(id, Policy::Create, object([("data", Template::Object(data.into()))]))
    }

    fn data(plan: Result<Plan<'_>, Failure>) -> Vec<serde_json::Value> {
        let plan = plan.unwrap();
        let object = |child: &PlannedChild<'_>| serde_json::from_slice(child.object.as_ref().unwrap()).unwrap();
        plan.children.iter().map(object).map(|object: serde_json::Value| object["data"].clone()).collect()
    }

    fn made(children: Vec<Child>, request: &Request<'_>) -> Vec<serde_json::Value> {
        with_plan(&Entry { children, ..Entry::default() }, request, data)
    }

    #[test]
    fn a_key_that_is_there_stays_and_only_the_others_are_made() {
        let before = [seen("auth", None, r#"{"data":{"password":"b2xk","other":"eA=="}}"#)];
        let found = made(vec![secret("auth")], &request(&before)).remove(0);
        assert_eq!(found["password"], "b2xk");
        assert_eq!(found["token"].as_str().unwrap().len(), 7);
        assert_eq!(found.get("other"), None, "what others put there is not the pattern's");
        let ended = [Observed { renew: true, ..before[0] }];
        let anew = made(vec![secret("auth")], &request(&ended)).remove(0);
        assert_eq!(anew["password"].as_str().unwrap().len(), 24, "it has had its time");
        for bare in [r#"{}"#, r#"{"data":null}"#, r#"{"data":{"password":null}}"#] {
            let found = made(vec![secret("auth")], &request(&[seen("auth", None, bare)])).remove(0);
            assert_eq!(found["password"].as_str().unwrap().len(), 24, "{bare}");
        }
    }

    #[test]
    fn random_text_depends_on_entropy_and_place_alone() {
        let two = || vec![secret("a"), secret("b")];
        let first = made(two(), &request(&[]));
        assert_eq!(first, made(two(), &request(&[])));
        assert_eq!(first[1], made(vec![secret("b")], &request(&[])).remove(0), "other children change nothing");
        assert_ne!(first[0]["password"], first[1]["password"]);
        let other = made(two(), &Request { entropy: &[8; 32], ..request(&[]) });
        assert_ne!(first[0]["password"], other[0]["password"]);
        let twice = made_once("k", list([random(F::RandomHex, 32), random(F::RandomHex, 32)]));
        let twice = made(vec![child("c", object([("data", Template::Object(vec![twice]))]))], &request(&[])).remove(0);
        assert_ne!(twice["k"][0], twice["k"][1]);
    }

    #[test]
    fn elements_have_their_own_random_text() {
        let each = ForEach { range: located(spec("tags")), key: None };
        let found = made(vec![Child { for_each: Some(each), ..secret("s") }], &request(&[]));
        assert_ne!(found[0]["password"], found[1]["password"]);
    }

    /// Every character comes up, and about as often as every other one.
    #[test]
    fn characters_are_drawn_evenly() {
        let counts = |function, length: i64| {
            let draws = list_of((0..200).map(|_| random(function, length)).collect());
            let entry = Entry { children: vec![child("c", hole(draws))], ..Entry::default() };
            let plan = plan_of(&entry, &request(&[])).remove(0);
            let mut counts = std::collections::BTreeMap::new();
            for character in plan.trim_start_matches("c: ").chars().filter(char::is_ascii_alphanumeric) {
                *counts.entry(character).or_insert(0_usize) += 1;
            }
            counts
        };
        for (function, characters) in [(F::RandomAlphanumeric, 62), (F::RandomHex, 16)] {
            let counts = counts(function, 256);
            assert_eq!(counts.len(), characters);
            let expected = 200 * 256 / characters;
            // Six standard deviations: the entropy is fixed, so this either holds or it does not.
            let off = 6 * (expected as f64).sqrt() as usize;
            assert!(counts.values().all(|count| count.abs_diff(expected) < off), "{counts:?}");
        }
    }

    fn list_of(values: Vec<Expr>) -> Expr {
        Expr::List(values.into_iter().map(|value| Item { value, optional: false }).collect())
    }

    #[test]
    fn random_text_is_bounded_and_for_children_only() {
        let fails = |expr, request: &Request<'_>| {
            failure(&Entry { children: vec![child("c", hole(expr))], ..Entry::default() }, request)
        };
        for length in [i64::MIN, -1, 0, 257, i64::MAX] {
            let message = fails(random(F::RandomAlphanumeric, length), &request(&[]));
            assert_eq!(message, "here: a random text has from 1 to 256 characters");
        }
        let short = Request { entropy: &[7; 31], ..request(&[]) };
        assert_eq!(fails(random(F::RandomHex, 1), &short), "entropy is not 32 bytes long");
        let only = "random text can only be made in the manifest of a child";
        let variable = Entry {
            vars: vec![located(random(F::RandomHex, 1))],
            children: vec![child("c", hole(Expr::Var(0)))],
            ..Entry::default()
        };
        assert_eq!(failure(&variable, &request(&[])), format!("here: {only}"));
        assert_eq!(support::fails(random(F::RandomHex, 1)), only);
    }
}

mod at_deletion {
    use super::*;

    fn entry() -> Entry {
        let each = ForEach { range: located(spec("tags")), key: None };
        let users = Child { for_each: Some(each), ..child("user", Template::Raw("{}".into())) };
        let bye = Child { requires: vec![1], ..Child::new("bye", Policy::Delete, hole(Expr::Child(1))) };
        Entry { children: vec![child("db", Template::Raw("{}".into())), users, bye], ..Entry::default() }
    }

    #[test]
    fn only_what_is_made_for_it_is_listed() {
        assert_eq!(plan_of(&entry(), &request(&[])), ["db: {}", "user/x: {}", "user/y: {}"]);
        let before = [seen("user", Some("x"), r#"{"n":1}"#)];
        with_plan(&entry(), &Request { deleting: true, ..request(&before) }, |plan| {
            let plan = plan.unwrap();
            // What is still there counts, not what was wanted.
            assert_eq!(listed(&plan), [r#"bye: {"x":{"n":1}}"#]);
            assert_eq!(plan.children[0].policy, Policy::Delete);
            assert!(!plan.done);
            assert_eq!(plan.status, b"{}");
        });
    }

    #[test]
    fn it_is_done_where_nothing_is_listed_and_no_expression_can_stop_that() {
        let broken = Entry {
            reads: vec![Read { id: "r".into(), which: Which::Name(located(fault())), namespace: None }],
            children: vec![child("db", hole(fault()))],
            ..Entry::default()
        };
        let never =
            Child { when: Some(located(Expr::Bool(false))), ..Child::new("bye", Policy::Delete, hole(fault())) };
        let declined = Entry { children: vec![never], ..Entry::default() };
        for entry in [broken, declined] {
            with_plan(&entry, &Request { deleting: true, ..request(&[]) }, |plan| {
                let plan = plan.unwrap();
                assert!(plan.done && plan.children.is_empty());
            });
        }
        with_plan(&Entry::default(), &request(&[]), |plan| assert!(!plan.unwrap().done));
    }
}

mod digests {
    use super::*;

    fn digest(object: &str) -> String {
        let entry = Entry {
            children: vec![
                child("cm", Template::Raw("{}".into())),
                Child { requires: vec![0], ..child("c", hole(call(F::ContentDigest, [Expr::Child(0)]))) },
            ],
            ..Entry::default()
        };
        with_plan(&entry, &request(&[seen("cm", None, object)]), |plan| match plan {
            Ok(plan) => listed(&plan).remove(1),
            Err(failure) => failure.to_string(),
        })
    }

    #[test]
    fn a_digest_tells_contents_apart_and_nothing_else() {
        let map = |rest: &str| digest(&format!(r#"{{"kind":"ConfigMap","metadata":{{"uid":"1"}},{rest}}}"#));
        let first = map(r#""data":{"a":"1","b":"2"}"#);
        assert_eq!(first.len(), r#"c: """#.len() + 32);
        assert_eq!(first, map(r#""immutable":true,"data":{"b":"\u0032","a":"1"}"#));
        let again = digest(r#"{"kind":"ConfigMap","metadata":{"uid":"2"},"data":{"a":"1","b":"2"},"binaryData":null}"#);
        assert_eq!(first, again, "a ConfigMap that was made again is the same");
        let others = [
            r#""data":{"a":"1","b":"3"}"#,
            r#""data":{"a":"1b","":"2"}"#,
            r#""binaryData":{"a":"1","b":"2"}"#,
            r#""data":{}"#,
        ];
        for other in others {
            assert_ne!(first, map(other), "{other}");
        }
    }

    /// The digest of a short password must not tell the password to who can try them all.
    #[test]
    fn the_digest_of_a_secret_is_salted_with_its_uid() {
        let secret =
            |uid: &str| digest(&format!(r#"{{"kind":"Secret","metadata":{{"uid":"{uid}"}},"data":{{"a":"MQ=="}}}}"#));
        assert_ne!(secret("1"), secret("2"));
        assert_eq!(secret("1"), secret("1"));
        assert_eq!(
            digest(r#"{"kind":"Secret","metadata":{},"data":{}}"#),
            "here: the object has no `metadata.uid`, which the digest of a Secret is salted with"
        );
        assert!(digest(r#"{"data":{}}"#).contains("only the contents of a whole ConfigMap or Secret"));
    }

    #[test]
    fn what_is_revealed_stays_the_same() {
        gives(call(F::Reveal, [text("a")]), "string", "a");
    }
}

/// All constructs at once: the same request gives the same plan, in whatever order the host tells of the children.
#[test]
fn the_same_request_gives_the_same_plan() {
    let each = ForEach { range: located(spec("tags")), key: None };
    let secret = Template::Once(Once { key: "k".into(), value: Box::new(hole(call(F::RandomHex, [int(9)]))) });
    let secret = object([("data", object([("k", secret)]))]);
    let entry = Entry {
        reads: vec![Read {
            id: "r".into(),
            which: Which::Selected(Selector { labels: vec![("a".into(), located(text("b")))], requirements: vec![] }),
            namespace: None,
        }],
        children: vec![
            Child { for_each: Some(each), ..child("tag", secret) },
            Child { requires: vec![0], reads: vec![0], ..child("all", hole(list([Expr::Child(0), Expr::Read(0)]))) },
        ],
        ..Entry::default()
    };
    let mut observed = [seen("tag", Some("x"), r#"{"data":{"k":"eA=="}}"#), seen("tag", Some("y"), "{}")];
    let reads = [Given { id: "r", objects: &[b"{}"] }];
    let run = |observed: &[Observed<'_>]| {
        with_plan(&entry, &Request { reads: &reads, ..request(observed) }, |plan| format!("{:?}", plan.unwrap()))
    };
    let first = run(&observed);
    assert_eq!(first, run(&observed));
    observed.reverse();
    assert_eq!(first, run(&observed));
}
