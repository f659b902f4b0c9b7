//! Expressions over a typed resource, from their text to their value in the sandbox: absence, guards, defaults and the
//! conversions between JSON and CEL, which the front end and the engine must understand in the same way.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's way to fail")]

mod documented;
mod kubernetes;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use orkestra_compile::lower::{self, Slots};
use orkestra_pattern::cel::{self, Checked, Count, Objects, Place, Scope};
use orkestra_pattern::kinds;
use orkestra_pattern::schema::Schema;
use orkestra_program::model::{Child, Entry, Hole, Policy, Program, StatusField, Target, Template};
use orkestra_sandbox::{ChildRef, Failure, Limits, Observed, Pattern, Request, Sandbox, Settings};
use serde_json::{Value, json};

fn schema() -> Schema {
    Schema::parse(&json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["ratio", "at", "users", "timeout", "days"],
                "properties": {
                    "port": {"type": "integer"},
                    "replicas": {"type": "integer", "default": 1},
                    "ratio": {"type": "number"},
                    "share": {"type": "number"},
                    "at": {"type": "string", "format": "date-time"},
                    "timeout": {"type": "string", "format": "duration"},
                    "days": {"type": "array", "items": {"type": "string", "format": "date-time"}},
                    "note": {"type": "string", "nullable": true},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "cert": {"type": "string", "format": "byte"},
                    "chain": {"type": "string", "format": "byte", "nullable": true},
                    "keys": {"type": "array", "items": {"type": "string", "format": "byte"}},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "backup": {"type": "object", "properties": {"keep": {"type": "integer"}}},
                    "users": {
                        "type": "array", "minItems": 1,
                        "items": {
                            "type": "object", "required": ["name", "weight"],
                            "properties": {"name": {"type": "string"}, "role": {"type": "string"}, "weight": {"type": "number"}},
                        },
                    },
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }))
    .unwrap()
}

/// As little as the schema allows, and a null. `ratio` and a weight are whole numbers, which JSON does not tell from integers.
fn little() -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": "n", "namespace": "default", "uid": "u"},
        "spec": {
            "replicas": 1, "ratio": 2, "at": "2024-05-06T07:08:09+02:00", "timeout": "90s", "days": ["2024-05-06T23:08:09Z"],
            "note": null, "chain": null, "users": [{"name": "a", "weight": 1}, {"name": "b", "role": "admin", "weight": 2.5}],
        },
    })
}

/// Everything.
fn much() -> Value {
    let mut object = little();
    object["metadata"]["labels"] = json!({"tier": "gold"});
    object["spec"]["port"] = json!(80);
    object["spec"]["share"] = json!(3);
    object["spec"]["note"] = json!("text");
    object["spec"]["free"] = json!({"deep": {"er": [1, 2]}});
    object["spec"]["labels"] = json!({"a-b": "c", "app": "x"});
    object["spec"]["backup"] = json!({"keep": 5});
    object["spec"]["cert"] = json!("YWJj");
    object["spec"]["keys"] = json!(["YQ==", "Yg=="]);
    object["status"] = json!({"phase": "Running"});
    object
}

/// `vars.port` is a lone path, `vars.ratio` too, `vars.sum` is computed.
const VARS: [(&str, &str); 5] = [
    ("port", "spec.port"),
    ("ratio", "spec.ratio"),
    ("sum", "spec.replicas + inputs.size"),
    ("password", "children.auth.data.password"),
    ("bytes", "bytes(metadata.name)"),
];

fn scope() -> (Scope, Vec<Checked>) {
    let mut scope = Scope::new(&schema(), true);
    scope.add_input("size", &Arc::new(Schema::parse(&json!({"type": "integer"})).unwrap()));
    let service = kinds::lookup("v1", "Service").unwrap().schema;
    scope.add_child("svc", Objects { schema: Some(&service), namespaced: true, secret: false, count: Count::One });
    let secret = kinds::lookup("v1", "Secret").unwrap().schema;
    scope.add_child("auth", Objects { schema: Some(&secret), namespaced: true, secret: true, count: Count::One });
    scope.add_written("auth", ["password".to_owned(), "gone".to_owned()].into());
    let mut vars = Vec::new();
    for (name, source) in VARS {
        let checked = check(source, &scope, Place::Value(None));
        scope.add_var(name, &checked);
        vars.push(checked);
    }
    (scope, vars)
}

fn check(source: &str, scope: &Scope, place: Place<'_>) -> Checked {
    cel::check(source, source, scope, place).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"))
}

fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(&Settings { slots: 32, ..Settings::default() }).unwrap())
}

/// A pattern with one status field for each expression.
fn pattern(sources: &[&str], target: Target) -> Pattern {
    let (scope, vars) = scope();
    let slots = Slots {
        vars: VARS
            .iter()
            .enumerate()
            .map(|(index, (name, _))| ((*name).to_owned(), u16::try_from(index).unwrap()))
            .collect(),
        children: BTreeMap::from([("svc".to_owned(), 0), ("auth".to_owned(), 1)]),
        ..Slots::default()
    };
    let status = sources.iter().enumerate().map(|(index, source)| {
        let checked = check(source, &scope, Place::Value(None));
        let hole = Hole { value: lower::located(&checked, &slots), target, absent: checked.path };
        let path = vec![format!("f{index:03}")];
        StatusField { path, requires: Vec::new(), reads: Vec::new(), when: None, value: Template::Hole(hole) }
    });
    // The children are only read: their own templates render nothing that matters here.
    let child = |id: &str| Child::new(id, Policy::Create, Template::Raw("{}".to_owned()));
    let entry = Entry {
        name: "thing".to_owned(),
        vars: vars.iter().map(|var| lower::located(var, &slots)).collect(),
        children: vec![child("svc"), child("auth")],
        status: status.collect(),
        ..Entry::default()
    };
    let program = orkestra_program::encode(&Program { entries: vec![entry], evaluations: Vec::new() });
    let component = orkestra_component::encode(&program, orkestra_component::Exports::PATTERN);
    sandbox().load(&component, &[], Limits { concurrency: 1, ..Limits::default() }).unwrap()
}

fn reconcile(pattern: &Pattern, primary: &Value) -> Result<Value, Failure> {
    let service = json!({"metadata": {"name": "n-svc", "uid": "s"}, "spec": {"clusterIP": "10.0.0.1"}});
    let secret = json!({"metadata": {"name": "n-auth", "uid": "a"}, "data": {"password": "cMOkc3M=", "raw": "/w=="}});
    let request = Request {
        primary: primary.to_string().into_bytes(),
        children: [("svc", service), ("auth", secret)]
            .into_iter()
            .map(|(id, object)| Observed {
                renew: false,
                child: ChildRef { id: id.to_owned(), key: None },
                object: object.to_string().into_bytes(),
            })
            .collect(),
        reads: Vec::new(),
        inputs: json!({"size": 3}).to_string().into_bytes(),
        hooks: b"{}".to_vec(),
        now: 0,
        entropy: vec![0; 32],
        deleting: false,
        budget: orkestra_program::CALL_BUDGET,
    };
    let plan = pattern.reconcile("thing", &request)?;
    Ok(serde_json::from_slice(&plan.status).unwrap())
}

/// Evaluates each expression over both resources. `null` in the table: the field is left out.
fn expect(target: Target, table: &[(&str, Value, Value)]) {
    let sources: Vec<&str> = table.iter().map(|(source, ..)| *source).collect();
    let pattern = pattern(&sources, target);
    for (primary, which) in [(little(), 0), (much(), 1)] {
        let status = reconcile(&pattern, &primary).unwrap();
        for (index, (source, of_little, of_much)) in table.iter().enumerate() {
            let expected = if which == 0 { of_little } else { of_much };
            let found = status.get(format!("f{index:03}")).unwrap_or(&Value::Null);
            assert_eq!(found, expected, "{source} over {}", if which == 0 { "little" } else { "much" });
        }
    }
}

#[test]
fn what_is_absent_is_left_out_or_defaulted() {
    expect(
        Target::Any,
        &[
            ("spec.port", json!(null), json!(80)),
            ("spec.note", json!(null), json!("text")),
            ("spec.backup.keep", json!(null), json!(5)),
            ("spec.labels['a-b']", json!(null), json!("c")),
            ("spec.labels.nothing", json!(null), json!(null)),
            ("spec.free.deep.er[1]", json!(null), json!(2)),
            ("spec.users[7].name", json!(null), json!(null)),
            ("spec.?port", json!(null), json!(80)),
            ("status.phase", json!(null), json!("Running")),
            ("vars.port", json!(null), json!(80)),
            ("spec.port | default 5432", json!(5432), json!(80)),
            ("spec.note | default 'none'", json!("none"), json!("text")),
            ("spec.backup.keep | default spec.replicas", json!(1), json!(5)),
            ("vars.port | default 1", json!(1), json!(80)),
            ("status.phase | default 'New'", json!("New"), json!("Running")),
            ("spec.?backup.?keep.orValue(9)", json!(9), json!(5)),
            ("spec.?backup.keep.orValue(9)", json!(9), json!(5)),
            ("object.?status.?phase.orValue('New')", json!("New"), json!("Running")),
            ("spec.users[?7].?name.orValue('nobody')", json!("nobody"), json!("nobody")),
            ("spec.?port.optMap(p, p + 1).orValue(0)", json!(0), json!(81)),
        ],
    );
}

#[test]
fn guards_see_what_is_there() {
    expect(
        Target::Any,
        &[
            ("has(spec.port)", json!(false), json!(true)),
            ("has(spec.note)", json!(false), json!(true)),
            ("has(spec.backup.keep)", json!(false), json!(true)),
            ("has(status.phase)", json!(false), json!(true)),
            ("has(vars.port)", json!(false), json!(true)),
            ("has(metadata.labels) && 'tier' in metadata.labels", json!(false), json!(true)),
            ("has(spec.port) ? spec.port + 1 : 0", json!(0), json!(81)),
            ("has(spec.backup.keep) ? spec.backup.keep : 7", json!(7), json!(5)),
            ("has(vars.port) ? vars.port * 2 : 1", json!(1), json!(160)),
            ("has(spec.labels) && 'a-b' in spec.labels ? spec.labels['a-b'] : 'no'", json!("no"), json!("c")),
            ("!has(spec.backup) || spec.backup.?keep.orValue(0) > 4", json!(true), json!(true)),
            ("spec.users.filter(u, has(u.role) && u.role == 'admin').map(u, u.name)", json!(["b"]), json!(["b"])),
            ("spec.users.map(u, has(u.role), u.role)", json!(["admin"]), json!(["admin"])),
        ],
    );
}

#[test]
fn numbers_times_and_durations_of_json_are_those_of_cel() {
    expect(
        Target::Any,
        &[
            ("spec.ratio", json!(2), json!(2)),
            ("spec.ratio / 4.0", json!(0.5), json!(0.5)),
            ("spec.ratio > 1 && spec.ratio == 2", json!(true), json!(true)),
            ("(vars.ratio + 0.5) * 2.5", json!(6.25), json!(6.25)),
            ("(spec.share | default 1.0) / 2.0", json!(0.5), json!(1.5)),
            ("spec.?share.orValue(1.0) / 2.0", json!(0.5), json!(1.5)),
            ("spec.users.map(u, u.weight / 2.0)", json!([0.5, 1.25]), json!([0.5, 1.25])),
            ("spec.users.filter(u, u.weight > 2.0)[?0].?name.orValue('')", json!("b"), json!("b")),
            ("spec.at", json!("2024-05-06T07:08:09+02:00"), json!("2024-05-06T07:08:09+02:00")),
            ("spec.at.getHours()", json!(5), json!(5)),
            ("spec.at - timestamp('2024-05-06T05:08:00Z') == duration('9s')", json!(true), json!(true)),
            ("spec.days.map(d, d.getHours())", json!([23]), json!([23])),
            ("spec.timeout > duration('1m')", json!(true), json!(true)),
            ("vars.sum + 1", json!(5), json!(5)),
            ("children.svc.metadata.name + '.' + metadata.namespace", json!("n-svc.default"), json!("n-svc.default")),
            ("children.svc.spec.clusterIP", json!("10.0.0.1"), json!("10.0.0.1")),
            ("object.metadata.name == metadata.name", json!(true), json!(true)),
            ("{'a': {'b': [spec.replicas]}}", json!({"a": {"b": [1]}}), json!({"a": {"b": [1]}})),
        ],
    );
}

#[test]
fn base64_of_json_is_the_bytes_of_cel() {
    let same = |source, value: Value| (source, value.clone(), value);
    expect(
        Target::String,
        &[
            ("spec.cert", json!(null), json!("YWJj")),
            ("string(default(spec.cert, b'none'))", json!("none"), json!("abc")),
            ("default(spec.cert, b'x')", json!("eA=="), json!("YWJj")),
            ("string(default(spec.cert, 'none'))", json!("none"), json!("abc")),
            ("string(spec.chain | default (spec.cert | default b'none'))", json!("none"), json!("abc")),
            ("string(spec.?chain.orValue(b'none'))", json!("none"), json!("none")),
            ("spec.?cert.optMap(cert, string(cert) + '!').orValue('')", json!(""), json!("abc!")),
            ("string(spec.?cert.orValue(b'x'))", json!("x"), json!("abc")),
            ("string(spec.?cert.or(optional.of(b'x')).value())", json!("x"), json!("abc")),
            ("[spec.?cert].map(cert, string(cert.orValue(b'x'))).join()", json!("x"), json!("abc")),
            ("has(spec.cert) && spec.cert == b'abc'", json!("false"), json!("true")),
            ("default(spec.keys, []).map(key, string(key)).join()", json!(""), json!("ab")),
            ("default(spec.keys, []).filter(key, key == b'b').map(key, string(key)).join()", json!(""), json!("b")),
            ("spec.?keys[?1].optMap(key, size(key)).orValue(0)", json!("0"), json!("1")),
            same("children.auth.data.password", json!("cMOkc3M=")),
            same("'app:' + string(children.auth.data.password)", json!("app:päss")),
            same("'app:' + string(children.auth.data['gone'])", json!(null)),
            same("base64.encode(children.auth.data.password)", json!("cMOkc3M=")),
            same("cel.bind(data, children.auth.?data, data.?raw.optMap(raw, size(raw)).orValue(0))", json!("1")),
            same("cel.bind(it, children.auth.data.password, cel.bind(same, it, string(same)))", json!("päss")),
            same(
                "has(children.auth.data) ? children.auth.data.transformList(key, value, string(size(value))).join() : ''",
                json!("51"),
            ),
            same("vars.password", json!("cMOkc3M=")),
            same("string(default(vars.password, b''))", json!("päss")),
            same("string(vars.bytes)", json!("n")),
            same("vars.bytes", json!("bg==")),
        ],
    );
}

#[test]
fn a_string_target_takes_the_text_of_a_scalar() {
    expect(
        Target::String,
        &[
            ("spec.ratio", json!("2"), json!("2")),
            ("spec.replicas + 1", json!("2"), json!("2")),
            ("spec.port", json!(null), json!("80")),
            ("spec.timeout", json!("90s"), json!("90s")),
            ("has(spec.port)", json!("false"), json!("true")),
        ],
    );
}

#[test]
fn what_the_check_cannot_know_fails_by_name() {
    for source in [
        "spec.replicas / (inputs.size - 3)",
        "int(metadata.name)",
        "duration(metadata.name)",
        "metadata.name.split('-')[1]",
        "string(default(children.auth.data.raw, b''))",
    ] {
        let failure = reconcile(&pattern(&[source], Target::Any), &little()).unwrap_err();
        assert!(matches!(&failure, Failure::Expression { at, .. } if at == source), "{source}: {failure:?}");
    }
}
