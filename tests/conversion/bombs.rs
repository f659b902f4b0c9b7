//! Schemas and objects that are made to cost: each is bounded.

use serde_json::{Value, json};

use crate::subject::{Versions, thing};

#[test]
fn objects_that_cost_too_much_are_refused_and_not_waited_for() {
    let subject = Versions {
        v1: "items: {type: array, items: {type: object, properties: {a: {type: string}}}}\nx: {type: object, x-kubernetes-preserve-unknown-fields: true}",
        v1alpha1: "things: {type: array, items: {type: object, properties: {b: {type: string}}}}\nx: {type: object, x-kubernetes-preserve-unknown-fields: true}",
        status: ("", ""),
        paths: "- {from: v1alpha1, to: v1, rules: [{each: spec.things, as: spec.items, rules: [{rename: {from: b, to: a}}]}]}",
    }
    .subject();
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
