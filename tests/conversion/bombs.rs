//! Schemas and objects that are made to cost: each is bounded, by what it may cost and not by a clock.

use serde_json::{Value, json};

use crate::subject::{Versions, thing};

#[test]
fn objects_that_cost_too_much_are_refused_and_not_waited_for() {
    let subject = Versions {
        v1: "items: {type: array, maxItems: 100000, items: {type: object, properties: {a: {type: string}}}}\nx: {type: object, x-kubernetes-preserve-unknown-fields: true}",
        v1alpha1: "things: {type: array, maxItems: 100000, items: {type: object, properties: {b: {type: string}}}}\nx: {type: object, x-kubernetes-preserve-unknown-fields: true}",
        status: ("", ""),
        paths: "- {from: v1alpha1, to: v1, rules: [{each: spec.things, as: spec.items, rules: [{rename: {from: b, to: a}}]}]}",
    }
    .subject();
    // More than the schema takes now: it was stored when there was no bound.
    let many: Vec<Value> = (0..400_000).map(|_| json!({"b": "x"})).collect();
    let failure = subject.convert("v1", &thing("v1alpha1", json!({"things": many}))).unwrap_err();
    assert_eq!(failure.reason(), "CostExceeded");
    let mut deep = json!(1);
    for _ in 0..70 {
        deep = json!({"a": deep});
    }
    let failure = subject.convert("v1", &thing("v1alpha1", json!({"x": deep}))).unwrap_err();
    assert_eq!(failure.reason(), "InvalidInput");
    // The annotation of a stranger, with as many entries as fit.
    let entries: Vec<Value> = (0..4000).map(|n| json!({"at": ["spec", "x", n.to_string()], "is": n})).collect();
    let mut object = thing("v1alpha1", json!({"x": {}}));
    object["metadata"]["annotations"] = json!({crate::subject::ANNOTATION: json!({"v1": entries}).to_string()});
    let result = subject.convert("v1", &object);
    assert!(result.is_ok_and(|made| made["spec"]["x"] == json!({})), "what the version shows is not overruled");
}

/// Schemas of `spec` that are made to cost. Those that are within the language's bounds go through the proof, too.
fn bombs() -> Vec<(&'static str, String)> {
    let nested = |depth: usize, open: &str, close: &str, inner: &str| {
        format!("a: {}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let field = |n: usize| format!("f{n}: {{type: string}}");
    let fields = |count: usize| (0..count).map(field).collect::<Vec<_>>().join("\n");
    let branching = (0..5).fold("{type: string}".to_owned(), |inner, _| {
        let all: Vec<String> = (0..6).map(|n| format!("x{n}: {inner}")).collect();
        format!("{{type: object, required: [x0, x1, x2, x3, x4, x5], properties: {{{}}}}}", all.join(", "))
    });
    let values = (0..5_000).map(|n| format!("v{n}")).collect::<Vec<_>>().join(", ");
    vec![
        ("deep objects", nested(27, "{type: object, properties: {a: ", "}}", "{type: string}")),
        ("deeper than the bound", nested(70, "{type: object, properties: {a: ", "}}", "{type: string}")),
        ("deep lists", nested(50, "{type: array, minItems: 3, items: ", "}", "{type: string}")),
        ("deep maps", nested(50, "{type: object, additionalProperties: ", "}", "{type: string}")),
        ("many fields", fields(4_000)),
        ("more fields than the bound", fields(11_000)),
        ("required branches", format!("a: {branching}")),
        (
            "a list that must be long",
            "a: {type: array, minItems: 1000000000, items: {type: string, minLength: 1000000000}}".to_owned(),
        ),
        (
            "patterns",
            "a: {type: string, pattern: '((a{1000}){1000}){1000}'}\nb: {type: string, pattern: '(((){1000}){1000}){1000}'}\nc: {type: string, pattern: '(a*)*(b*)*$'}"
                .to_owned(),
        ),
        ("a large enum", format!("a: {{type: string, enum: [{values}]}}")),
    ]
}

#[test]
fn schemas_that_are_made_to_cost_are_checked_and_proved_within_bounds() {
    for (name, schema) in bombs() {
        let versions = Versions {
            v1: &format!("{schema}\nsize: {{type: integer}}"),
            v1alpha1: &format!("{schema}\nreplicas: {{type: integer}}"),
            status: ("", ""),
            paths: "- {from: v1alpha1, to: v1, rules: [{rename: {from: spec.replicas, to: spec.size}}]}",
        };
        let problems = versions.problems();
        if name.contains("than the bound") {
            assert!(problems.contains("error[K"), "{name}");
            continue;
        }
        assert!(!problems.contains("error["), "{name}: {problems}");
        let (_, text) = versions.subject().proof(1000);
        assert!(!text.contains("K1213"), "{name}: {text}");
    }
}
