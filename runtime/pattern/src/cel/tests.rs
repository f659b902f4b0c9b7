//! What the check lets through and what it says of the rest.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::kinds;
use crate::schema::Schema;

fn scope() -> Scope {
    let primary = Schema::parse(&json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["version", "ratio", "users"],
                "properties": {
                    "version": {"type": "string"},
                    "replicas": {"type": "integer", "default": 1},
                    "port": {"type": "integer"},
                    "ratio": {"type": "number"},
                    "image": {"type": "string", "nullable": true, "default": "x"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "backup": {
                        "type": "object", "required": ["keep"],
                        "properties": {"schedule": {"type": "string"}, "keep": {"type": "integer"}, "since": {"type": "string", "format": "date-time"}},
                    },
                    "users": {
                        "type": "array", "minItems": 1,
                        "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "role": {"type": "string"}}},
                    },
                    "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }))
    .unwrap();
    let mut scope = Scope::new(&primary, true);
    scope.add_input("imageRegistry", &Arc::new(Schema::parse(&json!({"type": "string"})).unwrap()));
    scope.add_text_var("image", Secrecy::Open, Default::default());
    let schedule = check(" spec.backup.schedule ", "", &scope, Place::Value(None)).unwrap();
    assert!(schedule.path);
    scope.add_var("schedule", &schedule);
    for (id, kind) in [("svc", Some("Service")), ("secret", Some("Secret")), ("other", None)] {
        let schema = kind.map(|kind| kinds::lookup("v1", kind).unwrap().schema);
        let secret = kind == Some("Secret");
        scope.add_child(id, Objects { schema: schema.as_deref(), namespaced: true, secret, count: Count::One });
    }
    scope
}

fn ok_in(source: &str, place: Place<'_>) -> Checked {
    check(source, "katalog.yaml:1:1", &scope(), place).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"))
}

fn ok(source: &str) -> Checked {
    ok_in(source, Place::Text)
}

fn problem_in(source: &str, place: Place<'_>) -> Problem {
    match check(source, "katalog.yaml:1:1", &scope(), place) {
        Ok(checked) => panic!("{source} is {:?}", checked.ty),
        Err(problems) => problems.into_iter().next().unwrap(),
    }
}

fn problem(source: &str) -> Problem {
    problem_in(source, Place::Text)
}

fn schema(json: serde_json::Value) -> Schema {
    Schema::parse(&json).unwrap()
}

#[test]
fn paths_and_types() {
    assert_eq!(ok("spec.version").ty, ast::Type::String);
    assert_eq!(ok(".spec.replicas").ty, ast::Type::Int);
    assert_eq!(ok("object.spec.ratio").ty, ast::Type::Double);
    assert_eq!(ok("inputs.imageRegistry").ty, ast::Type::String);
    assert_eq!(ok("metadata.name + '.' + metadata.namespace").ty, ast::Type::String);
    let checked = ok("children.svc.metadata.name + vars.image");
    assert!(checked.children.contains("svc") && checked.vars.contains("image"));
    assert_eq!(ok("children.other.metadata.name").ty, ast::Type::String);
    assert_eq!(ok("size(spec.users.filter(u, u.name != 'a').map(u, u.name))").ty, ast::Type::Int);
}

#[test]
fn an_unknown_name_has_its_place_and_a_neighbour() {
    let found = problem("'a' + spec.verison");
    assert_eq!((found.kind, found.range), (ProblemKind::UnknownField, 11..18));
    assert_eq!(found.mend.unwrap(), "did you mean `version`?");
    assert_eq!(problem("spec.replica").mend.unwrap(), "did you mean `replicas`?");
    assert_eq!(problem("replicas").mend.unwrap(), "did you mean `spec.replicas`?");
    assert_eq!(problem("sepc.version").mend.unwrap(), "did you mean `spec`?");
    assert_eq!(problem("children.svcs.metadata.name").kind, ProblemKind::UnknownChild);
    assert_eq!(problem("inputs.registry").kind, ProblemKind::UnknownInput);
    assert_eq!(problem("vars.imgae").kind, ProblemKind::UnknownVar);
    assert_eq!(problem("children.svc.spec.clusterIp").mend.unwrap(), "did you mean `clusterIP`?");
    assert_eq!(problem("spec.users.all(u, u.nam == 'a')").mend.unwrap(), "did you mean `name`?");
    assert_eq!(problem("sise(spec.version)").mend.unwrap(), "did you mean `size`?");
    assert_eq!(problem_in("has(spec.bakcup)", Place::When).mend.unwrap(), "did you mean `backup`?");
}

#[test]
fn a_function_of_a_library_is_named_whole() {
    let unknown = problem("math.greatst(1, 2)");
    assert_eq!(unknown.kind, ProblemKind::UnknownFunction);
    assert_eq!(unknown.message, "there is no function `math.greatst`");
    assert_eq!(unknown.range, 0..12);
    assert_eq!(unknown.mend.unwrap(), "did you mean `math.greatest`?");
    assert_eq!(problem("math.size(spec.version)").message, "there is no function `math.size`");
    assert_eq!(problem("sets.contain([1], [1])").mend.unwrap(), "did you mean `sets.contains`?");
    let problems = check("base64.encod(b'x')", "", &scope(), Place::Text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
}

#[test]
fn nothing_is_expected_where_no_variable_is_known() {
    let problems = check_free("image", "", &Declarations::default()).unwrap_err();
    assert_eq!(problems[0].to_string(), "there is no variable `image`");
}

#[test]
fn greatest_and_least_have_the_type_of_their_arguments() {
    assert_eq!(ok("math.greatest(spec.replicas, 1)").ty, ast::Type::Int);
    assert_eq!(ok("math.least(1, 2, spec.replicas, 4, 5, 6, 7, 8, 9, 10)").ty, ast::Type::Int);
    assert_eq!(ok("spec.ratio | math.greatest 1.5").ty, ast::Type::Double);
    assert_eq!(ok("math.greatest([1u, 2u])").ty, ast::Type::UInt);
    assert_eq!(ok("math.greatest(1, 2.5, 3u)").ty, ast::Type::Dyn);
    assert_eq!(ok("spec.replicas | math.greatest 1 2").ty, ast::Type::Dyn);
    assert_eq!(problem("math.greatest('a', 'b')").kind, ProblemKind::NoOverload);
    assert_eq!(problem("math.greatest(['a'])").kind, ProblemKind::NoOverload);
    assert_eq!(problem("math.greatest()").kind, ProblemKind::Syntax);
    assert_eq!(ok("math.sqrt(spec.replicas)").ty, ast::Type::Double);
}

#[test]
fn values_of_libraries_go_only_where_they_have_a_text() {
    let name = schema(json!({"type": "string"}));
    let into = |source: &str| check(source, "", &scope(), Place::Value(Some(&name)));
    for source in ["ip('::1')", "cidr('10.0.0.0/8').masked()", "quantity(spec.version).asInteger()"] {
        ok_in(source, Place::Text);
        assert!(into(source).is_ok(), "{source}");
    }
    for source in ["quantity('1')", "semver('1.0.0')", "url('/a')", "format.date()"] {
        assert_eq!(problem_in(source, Place::Text).mend.unwrap(), "write a value that has a text", "{source}");
        assert_eq!(into(source).unwrap_err()[0].kind, ProblemKind::WrongType, "{source}");
    }
}

#[test]
fn coalesce_and_ternary_follow_the_rules_of_absence() {
    assert_eq!(ok("coalesce(spec.backup.schedule, spec.image, 'x')").ty, ast::Type::String);
    assert_eq!(ok("spec.port | coalesce spec.replicas 80").ty, ast::Type::Int);
    assert_eq!(ok("has(spec.port) | ternary spec.port 80").ty, ast::Type::Int);
    assert_eq!(problem("coalesce(spec.port, spec.backup.keep) + 1").kind, problem("spec.port + 1").kind);
    assert_eq!(problem("spec.replicas | ternary 'a' 'b'").kind, ProblemKind::WrongType);
    for source in ["coalesce(1)", "ternary(true, 1)", "coalesce()"] {
        assert_eq!(problem(source).kind, ProblemKind::NoOverload, "{source}");
    }
    assert_eq!(problem("coalesc(1, 2)").mend.unwrap(), "did you mean `coalesce`?");
    let many = format!("coalesce({}1)", "spec.port, ".repeat(1000));
    assert_eq!(problem(&many).kind, ProblemKind::TooDeep);
}

#[test]
fn a_lone_path_may_be_absent() {
    for source in [
        "spec.port",
        "spec.backup.keep",
        "spec.labels.app",
        "spec.extra.a.b",
        "spec.image",
        "vars.schedule",
        "spec.users[1].name",
    ] {
        assert!(ok_in(source, Place::Value(None)).path, "{source}");
        assert_eq!(problem(source).kind, ProblemKind::MayBeAbsent, "{source}");
    }
    assert!(!ok_in("spec.version", Place::Value(None)).path);
    assert!(!ok_in("spec.users[0].name", Place::Value(None)).path, "the schema asks for one item");
    assert!(ok_in("spec.?port", Place::Value(None)).path, "an optional that is none leaves its key out");
    assert_eq!(problem_in("spec.port + 1", Place::Value(None)).kind, ProblemKind::MayBeAbsent);
    assert_eq!(problem_in("spec.port", Place::Name).kind, ProblemKind::MayBeAbsent);
    assert_eq!(problem_in("spec.extra.on", Place::When).kind, ProblemKind::MayBeAbsent);
    assert_eq!(problem("status.phase").kind, ProblemKind::MayBeAbsent);
}

#[test]
fn absence_is_mended_by_default_and_optionals() {
    for source in [
        "spec.port | default 5432",
        "(spec.port | default 5432) + 1",
        "default(spec.backup.keep, 1)",
        "spec.?backup.?keep.orValue(3)",
        "spec.?backup.keep.orValue(3)",
        "object.?status.?phase.orValue('x')",
        "vars.schedule | default 'never'",
        "spec.users[?3].?name.orValue('nobody')",
        "status.?phase.orValue('x')",
    ] {
        ok(source);
    }
    assert_eq!(problem("spec.?port").kind, ProblemKind::WrongType);
    assert_eq!(problem("spec.?port | default 1").kind, ProblemKind::NoOverload);
    assert_eq!(problem("spec.port | default spec.backup.keep").kind, ProblemKind::MayBeAbsent);
    // That a list holds the number 1 does not prove its item 1.
    let source = "has(spec.extra) && has(spec.extra.a) && 1 in spec.extra.a && spec.extra.a[1] == 'x'";
    assert!(problem(source).message.contains("`spec.extra.a[1]` may be absent"));
    let mend = |source: &str| problem(source).mend.unwrap();
    assert_eq!(mend("spec.port + 1"), "write `spec.port | default …`, or guard it with `has(spec.port)`");
    let source = "has(spec.labels) ? spec.labels['a'] + 'x' : ''";
    assert_eq!(mend(source), "write `spec.labels[\"a\"] | default …`, or guard it with `\"a\" in spec.labels`");
    assert_eq!(mend("spec.users[3].name + 'x'"), "write `spec.users[3].name | default …`");
}

#[test]
fn absence_is_mended_by_guards() {
    for source in [
        "has(spec.port) ? spec.port : 1",
        "!has(spec.port) ? 1 : spec.port",
        "has(spec.backup) && spec.backup.keep > 1",
        "!has(spec.backup) || spec.backup.keep > 1",
        "has(spec.backup.schedule) ? spec.backup.schedule + string(spec.backup.keep) : ''",
        "has(spec.backup) && has(object.spec.port) && spec.port > spec.backup.keep",
        "'app' in spec.labels && spec.labels.app == 'x' || true",
        "has(spec.labels) && 'a-b' in spec.labels ? spec.labels['a-b'] : ''",
        "spec.?port.hasValue() ? spec.port : 1",
        "has(vars.schedule) ? vars.schedule : 'x'",
        "spec.users.all(u, !has(u.role) || u.role == 'admin')",
        "spec.users.map(u, has(u.role), u.role).size()",
    ] {
        let source = source.replace("'app' in spec.labels &&", "has(spec.labels) && 'app' in spec.labels &&");
        ok(&source);
    }
    for source in [
        "has(spec.port) ? 1 : spec.port",
        "has(spec.backup) ? spec.backup.schedule : ''",
        "has(spec.port) || spec.port > 1",
        "spec.users.all(u, has(u.role)) ? spec.users[0].role : ''",
        "spec.users.exists(spec, has(spec.role)) ? spec.port : 1",
    ] {
        assert_eq!(problem(source).kind, ProblemKind::MayBeAbsent, "{source}");
    }
}

#[test]
fn types_must_fit() {
    assert_eq!(problem("spec.version + 1").kind, ProblemKind::NoOverload);
    assert!(problem("spec.version + 1").mend.unwrap().contains("string("));
    assert_eq!(problem("spec.replicas == '3'").kind, ProblemKind::NoOverload);
    assert_eq!(problem("spec.users").kind, ProblemKind::WrongType);
    assert_eq!(problem_in("spec.replicas", Place::When).kind, ProblemKind::WrongType);
    assert_eq!(problem_in("spec.backup", Place::Name).kind, ProblemKind::MayBeAbsent);
    ok_in("spec.replicas > 1", Place::When);
    ok_in(
        "spec.ratio > 1 && spec.ratio == 1 && has(spec.extra) && 'a' in spec.extra && spec.extra.a > 1.5",
        Place::When,
    );
    assert_eq!(problem("spec.ratio + 1").kind, ProblemKind::NoOverload);
    let int = schema(json!({"type": "integer"}));
    let text = schema(json!({"type": "string"}));
    let bool = schema(json!({"type": "boolean"}));
    let texts = schema(json!({"type": "array", "items": {"type": "string"}}));
    for (source, place, fits) in [
        ("spec.replicas", &int, true),
        ("spec.version", &int, true),
        ("spec.port | default '5432'", &int, true),
        ("spec.port | default 'five'", &int, false),
        ("spec.ratio", &int, false),
        ("spec.users", &int, false),
        ("spec.replicas > 1", &int, false),
        ("spec.replicas", &text, true),
        ("spec.backup", &text, false),
        ("spec.labels", &text, false),
        ("spec.extra.a", &text, true),
        ("spec.replicas", &bool, false),
        ("spec.replicas > 1", &bool, true),
        ("'yes'", &bool, false),
        ("spec.users.map(u, u.name)", &texts, true),
        ("spec.users", &texts, false),
        ("spec.version", &texts, false),
    ] {
        let result = check(source, "", &scope(), Place::Value(Some(place)));
        assert_eq!(result.is_ok(), fits, "{source} into {}: {result:?}", place.describe());
        assert!(result.is_ok() || result.unwrap_err()[0].kind == ProblemKind::WrongType);
    }
}

#[test]
fn base64_is_bytes() {
    let text = json!({"type": "string"});
    let base64 = json!({"type": "string", "format": "byte"});
    let map = |values: &serde_json::Value| schema(json!({"type": "object", "additionalProperties": values}));
    let (texts, encoded) = (map(&text), map(&base64));
    let (text, base64) = (schema(text), schema(base64));
    let password = "children.secret.data.password";
    for (source, place, fits) in [
        (password.to_owned(), &base64, true),
        (password.to_owned(), &text, false),
        (format!("default({password}, b'')"), &base64, true),
        (format!("default({password}, b'')"), &text, false),
        (format!("string(default({password}, b''))"), &text, true),
        (format!("base64.encode(default({password}, b''))"), &text, true),
        ("children.secret.data".to_owned(), &encoded, true),
        ("children.secret.data".to_owned(), &texts, false),
    ] {
        let result = check(&source, "", &scope(), Place::Value(Some(place)));
        assert_eq!(result.is_ok(), fits, "{source} into {}: {result:?}", place.describe());
    }
    ok("has(children.secret.data.a) ? children.secret.data.a == b'x' : false");
    ok("children.secret.?data.?a.optMap(a, size(a)).orValue(0)");
    assert_eq!(problem(&format!("string({password})")).kind, ProblemKind::MayBeAbsent);
}

#[test]
fn a_value_relies_on_what_a_template_always_writes() {
    let mut scope = scope();
    scope.add_written("secret", ["password".to_owned()].into());
    let check = |source: &str, place| check(source, "", &scope, place);
    let url = check("'app:' + string(children.secret.data['password'])", Place::Value(None)).unwrap();
    assert!(url.path, "others may take the key out");
    assert_eq!(url.relies, [("secret".to_owned(), "password".to_owned())].into());
    assert!(check("children.secret.data.password", Place::Value(None)).unwrap().relies.is_empty());
    for (source, place) in [
        ("string(children.secret.data.other)", Place::Value(None)),
        ("string(children.secret.data.password)", Place::Text),
        ("string(children.secret.data.password)", Place::Name),
        ("string(children.secret.data.password) == 'a'", Place::When),
    ] {
        assert_eq!(check(source, place).unwrap_err()[0].kind, ProblemKind::MayBeAbsent, "{source}");
    }
}

#[test]
fn an_item_of_what_is_computed_is_no_path() {
    for source in [
        "spec.version.split('.')[1]",
        "spec.users.map(user, user.name)[2]",
        "spec.users.map(user, user.name.split(''))[2][1]",
        "spec.users.map(user, user.name.split('')).map(letters, letters[0]).join()",
        "cel.bind(parts, spec.version.split('.'), parts[0] + parts[1])",
        "{'a': 'b'}[spec.version]",
        "spec.version.split('.')[1] | default '0'",
    ] {
        ok(source);
    }
    assert!(!ok_in("spec.version.split('.')[1]", Place::Value(None)).path);
    for source in [
        "spec.users[1].name",
        "spec.users.filter(user, user.name == 'a')[0].role",
        "spec.users.map(user, user)[0].role",
        "cel.bind(users, spec.users, users[1].name)",
        "spec.users.map(user, cel.bind(extra, spec.extra, extra[user.name])).join()",
    ] {
        assert_eq!(problem(source).kind, ProblemKind::MayBeAbsent, "{source}");
    }
}

#[test]
fn an_object_must_fit_field_by_field() {
    let user = json!({"type": "object", "properties": {"name": {"type": "string"}, "role": {"type": "string"}}});
    let users = |items: serde_json::Value| schema(json!({"type": "array", "items": items}));
    assert!(check("spec.users", "", &scope(), Place::Value(Some(&users(user)))).is_ok());
    let narrower = users(json!({"type": "object", "properties": {"name": {"type": "string"}}}));
    assert!(problem_in("spec.users", Place::Value(Some(&narrower))).message.contains("`role`"));
    let other =
        users(json!({"type": "object", "properties": {"name": {"type": "integer"}, "role": {"type": "string"}}}));
    assert!(problem_in("spec.users", Place::Value(Some(&other))).message.contains("`name`"));
}

#[test]
fn values_of_unknown_type_bring_no_false_problems() {
    for source in [
        "(dyn(spec.version) + dyn(inputs.imageRegistry)) + 'x'",
        "dyn(spec.version) + dyn(1) > 3",
        "size(spec.users.map(u, dyn(u.name) + dyn('x')))",
    ] {
        ok(source);
    }
    for source in ["dyn([1])[0] - 2", "string(dyn({'a': 1})['a']) + 'x'", "dyn(['a'])[0] < 'b'"] {
        let checked = check_free(source, "", &Declarations::default());
        assert!(checked.is_ok(), "{source}: {checked:?}");
    }
}

#[test]
fn every_reserved_or_broken_text_is_a_problem_and_not_a_panic() {
    for source in [
        "",
        " ",
        "(",
        "a.",
        "spec.",
        ".",
        "spec..x",
        "1 +",
        "'a",
        "a | | b",
        "{'a': }",
        "[1,",
        "é",
        "spec.é",
        "has(1)",
        "x.map(1, 2)",
        "`",
        "a ? b",
        "Foo{a: 1}",
        "\u{0}",
    ] {
        assert!(check(source, "", &scope(), Place::Text).is_err(), "{source:?}");
    }
}

#[test]
fn a_problem_lies_inside_the_text() {
    let pieces = [
        "spec", ".", "version", "|", "default", "'x'", "(", ")", "[", "]", "{", "}", "?", ":", "+", "!", "has", "1",
        " ", "é", ",", "\"", "`", "all", "&&",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..2000 {
        let mut source = String::new();
        for _ in 0..state % 12 + 1 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            source.push_str(pieces[(state >> 33) as usize % pieces.len()]);
        }
        for problem in check(&source, "", &scope(), Place::Text).err().into_iter().flatten() {
            assert!(source.get(problem.range.clone()).is_some(), "{source:?}: {problem:?}");
        }
    }
}
