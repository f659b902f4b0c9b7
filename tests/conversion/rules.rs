//! What each rule does, there and back, to whole objects and to fragments.

use serde_json::{Value, json};

use crate::subject::{Subject, Versions, spec, thing};

/// One kind with every rule.
fn everything() -> Subject {
    Versions {
        v1: "
size: {type: integer}
image: {type: string}
tier: {type: string}
hosts: {type: array, maxItems: 100, items: {type: string, maxLength: 63}}
level: {type: string, enum: [low, high]}
host: {type: string}
port: {type: integer}
endpoint: {type: string}
users: {type: array, maxItems: 100, items: {type: object, properties: {login: {type: string}, age: {type: integer}}}}
tls: {type: object, properties: {certificate: {type: string}, key: {type: string}}}
same: {type: object, maxProperties: 100, additionalProperties: {type: string, maxLength: 63}}
",
        v1alpha1: "
replicas: {type: integer}
image: {type: string}
host: {type: string}
grade: {type: integer, enum: [1, 2]}
address: {type: string}
name: {type: string}
number: {type: integer}
people: {type: array, maxItems: 100, items: {type: object, properties: {name: {type: string}, age: {type: integer}}}}
cert: {type: string}
tls: {type: object, properties: {key: {type: string}}}
same: {type: object, maxProperties: 100, additionalProperties: {type: string, maxLength: 63}}
",
        status: ("", ""),
        paths: "
- from: v1alpha1
  to: v1
  rules:
    - {rename: {from: spec.replicas, to: spec.size}}
    - {move: {from: \"metadata.annotations['example.com/tier']\", to: spec.tier}}
    - {move: {from: spec.cert, to: spec.tls.certificate}}
    - {wrap: spec.host, as: spec.hosts}
    - {map: spec.grade, as: spec.level, values: {1: low, 2: high}}
    - {split: spec.address, by: ':', into: [spec.host, spec.port]}
    - {join: [spec.name, spec.number], by: '-', as: spec.endpoint}
    - {each: spec.people, as: spec.users, rules: [{rename: {from: name, to: login}}]}
",
    }
    .subject()
}

fn old() -> Value {
    let mut object = thing(
        "v1alpha1",
        json!({"replicas": 3, "image": "i", "host": "a", "grade": 2, "address": "db:5432", "name": "n", "number": 7,
            "people": [{"name": "bob", "age": 1}, {"age": 2}], "cert": "c", "tls": {"key": "k"}, "same": {"x": "y"}}),
    );
    object["metadata"]["annotations"] = json!({"example.com/tier": "gold", "other": "o"});
    object
}

fn new() -> Value {
    let mut object = thing(
        "v1",
        json!({"endpoint": "n-7", "host": "db", "hosts": ["a"], "image": "i", "level": "high", "port": 5432,
            "same": {"x": "y"}, "size": 3, "tier": "gold", "tls": {"certificate": "c", "key": "k"},
            "users": [{"login": "bob", "age": 1}, {"age": 2}]}),
    );
    object["metadata"]["annotations"] = json!({"other": "o"});
    object
}

#[test]
fn every_rule_and_its_derived_inverse() {
    let subject = everything();
    assert_eq!(subject.convert("v1", &old()).unwrap(), new());
    assert_eq!(subject.convert("v1alpha1", &new()).unwrap(), old());
    assert!(subject.pattern.entries[0].conversions.iter().any(|way| way.derived && way.from == "v1"));
}

#[test]
fn a_fragment_keeps_what_it_has_and_gains_nothing() {
    let subject = everything();
    let fragment = |version: &str, spec: Value| json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing", "metadata": {"labels": {"a": "b"}}, "spec": spec});
    for (before, after) in [
        (json!({}), json!({})),
        (json!({"replicas": 3}), json!({"size": 3})),
        (json!({"name": "n"}), json!({})),
        (json!({"name": "n", "number": 7}), json!({"endpoint": "n-7"})),
        (json!({"cert": "c"}), json!({"tls": {"certificate": "c"}})),
        (json!({"tls": {}}), json!({"tls": {}})),
    ] {
        let made = subject.convert("v1", &fragment("v1alpha1", before)).unwrap();
        assert_eq!(made, fragment("v1", after));
    }
    let status = json!({"apiVersion": "example.com/v1alpha1", "kind": "Thing", "metadata": {"labels": {"a": "b"}}, "status": null});
    let made = subject.convert("v1", &status).unwrap();
    assert_eq!(made["status"], Value::Null);
    assert_eq!(made.as_object().unwrap().len(), 4);
    let bare = json!({"apiVersion": "example.com/v1alpha1", "kind": "Thing", "metadata": {}});
    assert_eq!(spec(&subject.convert("v1", &bare).unwrap()), &Value::Null);
}

#[test]
fn the_whole_spec_is_given_by_expressions() {
    let subject = Versions {
        v1: "
image: {type: string}
replicas: {type: integer}
storage: {type: object, properties: {size: {type: string}, class: {type: string}}}
",
        v1alpha1: "
image: {type: string}
size: {type: integer}
storageSize: {type: string}
",
        status: ("ready: {type: integer}", "ready: {type: integer}"),
        paths: "
- from: v1alpha1
  to: v1
  spec:
    image: \"{{ .spec.image }}\"
    replicas: \"{{ .spec.size }}\"
    storage: {size: \"{{ spec.storageSize }}\"}
- from: v1
  to: v1alpha1
  spec:
    image: \"{{ .spec.image }}\"
    size: \"{{ .spec.replicas }}\"
    storageSize: \"{{ spec.?storage.?size }}\"
",
    }
    .subject();
    let mut old = thing("v1alpha1", json!({"image": "i", "size": 2, "storageSize": "1Gi"}));
    old["status"] = json!({"ready": 1});
    let mut new = thing("v1", json!({"image": "i", "replicas": 2, "storage": {"size": "1Gi"}}));
    new["status"] = json!({"ready": 1});
    assert_eq!(subject.convert("v1", &old).unwrap(), new);
    assert_eq!(subject.convert("v1alpha1", &new).unwrap(), old);
    let (problems, text) = subject.proof(400);
    assert!(problems.is_empty(), "{text}");
}

#[test]
fn what_the_check_refuses_is_named() {
    let with = |paths: &'static str| {
        Versions {
            v1: "a: {type: string}\nb: {type: string}\nn: {type: integer}",
            v1alpha1: "a: {type: string}\nc: {type: string}\nn: {type: string}",
            status: ("", ""),
            paths,
        }
        .problems()
    };
    for (paths, expected) in [
        ("[]", "no way leads from `v1alpha1` to `v1`"),
        ("[{from: v1alpha1, to: v1, rules: []}]", "K1207"),
        ("[{from: v1alpha1, to: v2, rules: []}]", "`crd.yaml` has no version `v2`"),
        ("[{from: v1alpha1, to: v1alpha1, rules: []}]", "leads to where it begins"),
        ("[{from: v1alpha1, to: v1, rules: [{rename: {from: spec.x, to: spec.b}}]}]", "`v1alpha1` has no `spec.x`"),
        ("[{from: v1alpha1, to: v1, rules: [{rename: {from: spec.c, to: spec.x}}]}]", "`v1` has no `spec.x`"),
        ("[{from: v1alpha1, to: v1, rules: [{rename: {from: spec.c, to: status.b}}]}]", "write `move`"),
        ("[{from: v1alpha1, to: v1, rules: [{move: {from: metadata.name, to: spec.b}}]}]", "no conversion may change"),
        (
            "[{from: v1alpha1, to: v1, rules: [{rename: {from: spec.c, to: spec.b}, remove: spec.a}]}]",
            "this is 2 rules",
        ),
        (
            "[{from: v1alpha1, to: v1, rules: [{set: spec.b, value: x}, {rename: {from: spec.c, to: spec.b}}]}]",
            "another rule writes `spec.b`",
        ),
        ("[{from: v1alpha1, to: v1, rules: [{set: spec.n, value: 1}]}]", "`set` has no inverse"),
        ("[{from: v1alpha1, to: v1, rules: [{set: spec.n, value: \"{{ spec.m }}\"}]}]", "no field `m`"),
        ("[{from: v1alpha1, to: v1, rules: [{set: spec.b, value: \"{{ inputs.m }}\"}]}]", "no variable `inputs`"),
        ("[{from: v1alpha1, to: v1, rules: [{map: spec.c, as: spec.b, values: {x: y, z: y}}]}]", "two values become"),
        ("[{from: v1alpha1, to: v1, spec: {a: x}, rules: []}]", "both `spec` and `rules`"),
        ("[{from: v1alpha1, to: v1, rules: [], lossy: [spec.x]}]", "`v1alpha1` has no `spec.x`"),
    ] {
        let found = with(paths);
        assert!(found.contains(expected), "{paths}\n{found}");
    }
}
