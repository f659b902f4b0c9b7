//! Reviews in, answers out.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answered, mutate, validate};
use crate::routes::{Admission, Admit, Refused, Routes, Violation};

/// Stands in for a component.
struct Guest(Result<Admission, Refused>);

impl Admit for Guest {
    fn admit(&self, object: &[u8]) -> Result<Admission, Refused> {
        assert!(serde_json::from_slice::<Value>(object).is_ok());
        self.0.clone()
    }
}

fn routes(guest: Result<Admission, Refused>) -> Routes {
    let routes = Routes::default();
    routes.admit.set("example.com", "Web", Some(Arc::new(Guest(guest))));
    routes
}

fn gives(changes: &[(&[&str], &str)]) -> Routes {
    let change = |(path, value): &(&[&str], &str)| {
        (path.iter().map(|key| (*key).to_owned()).collect(), value.as_bytes().to_vec())
    };
    routes(Ok(Admission { changes: changes.iter().map(change).collect(), violations: Vec::new() }))
}

fn breaks(violations: &[(&str, &str, bool)]) -> Routes {
    let violation = |(field, message, deny): &(&str, &str, bool)| Violation {
        field: (*field).to_owned(),
        message: (*message).to_owned(),
        deny: *deny,
    };
    routes(Ok(Admission { changes: Vec::new(), violations: violations.iter().map(violation).collect() }))
}

fn review(kind: &str, object: Value, old: Value) -> Vec<u8> {
    let kind = json!({"group": "example.com", "version": "v1", "kind": kind});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u-1", "kind": kind, "operation": "UPDATE", "object": object, "oldObject": old}})
    .to_string()
    .into_bytes()
}

fn response(answered: Answered) -> (Value, &'static str) {
    let answer: Value = serde_json::from_slice(&answered.body).unwrap();
    assert_eq!(answer["response"]["uid"], "u-1");
    (answer["response"].clone(), answered.result)
}

fn patch(routes: &Routes, object: Value) -> Value {
    let (response, result) = response(mutate(&review("Web", object, Value::Null), routes).unwrap());
    assert_eq!((&response["allowed"], result), (&json!(true), "Allowed"));
    match response["patch"].as_str() {
        Some(patch) => serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap(),
        None => json!([]),
    }
}

#[test]
fn a_patch_makes_the_objects_that_are_missing_on_the_way() {
    let routes = gives(&[(&["spec", "a", "b"], "1"), (&["spec", "a", "c/d"], "\"x\""), (&["spec", "e"], "[]")]);
    assert_eq!(
        patch(&routes, json!({})),
        json!([{"op": "add", "path": "/spec", "value": {"a": {"b": 1}}}, {"op": "add", "path": "/spec/a/c~1d", "value": "x"},
            {"op": "add", "path": "/spec/e", "value": []}])
    );
    assert_eq!(
        patch(&routes, json!({"spec": {"a": {"b": 0}, "e": null}})),
        json!([{"op": "add", "path": "/spec/a/b", "value": 1}, {"op": "add", "path": "/spec/a/c~1d", "value": "x"},
            {"op": "add", "path": "/spec/e", "value": []}])
    );
    assert_eq!(patch(&gives(&[]), json!({})), json!([]));
}

#[test]
fn a_pattern_gives_nothing_that_is_not_its_own_and_nothing_that_is_not_json() {
    for (path, value) in [(&["metadata", "labels"][..], "{}"), (&["status"], "{}"), (&[], "1"), (&["spec", "a"], "{")] {
        let answered = mutate(&review("Web", json!({"spec": {}}), Value::Null), &gives(&[(path, value)])).unwrap();
        let (response, result) = response(answered);
        assert_eq!((&response["allowed"], result), (&json!(false), "InvalidOutput"), "{path:?}");
        assert!(response.get("patch").is_none());
    }
}

#[test]
fn all_that_is_broken_is_told_at_once() {
    let routes = breaks(&[("spec.a", "too large", true), ("spec.b", "old", false), ("", "a\nb", true)]);
    let answered = response(validate(&review("Web", json!({"spec": {"a": 1}}), Value::Null), &routes).unwrap());
    assert_eq!(answered.1, "Invalid");
    assert_eq!(
        answered.0,
        json!({"uid": "u-1", "allowed": false, "warnings": ["spec.b: old"], "status": {"status": "Failure", "code": 422,
            "reason": "Invalid", "message": "spec.a: too large; a\\u{a}b", "details": {"causes": [
                {"reason": "FieldValueInvalid", "field": "spec.a", "message": "too large"},
                {"reason": "FieldValueInvalid", "field": "", "message": "a\\u{a}b"}]}}})
    );
    let warned = validate(&review("Web", json!({}), Value::Null), &breaks(&[("spec.b", "old", false)])).unwrap();
    assert_eq!(response(warned), (json!({"uid": "u-1", "allowed": true, "warnings": ["spec.b: old"]}), "Allowed"));
}

#[test]
fn what_was_broken_before_holds_up_neither_a_deletion_nor_a_finalizer() {
    let routes = routes(Ok(Admission {
        changes: vec![(vec!["spec".to_owned(), "b".to_owned()], b"1".to_vec())],
        violations: vec![Violation { field: "spec.a".to_owned(), message: "too large".to_owned(), deny: true }],
    }));
    let allowed = |object: Value, old: Value| {
        let (response, _) = response(validate(&review("Web", object, old), &routes).unwrap());
        (response["allowed"] == true, response["warnings"].clone())
    };
    let object = |a: i64, finalizers: Value| json!({"metadata": {"finalizers": finalizers}, "spec": {"a": a, "b": 1}});
    // It was stored before a mutation gave it anything.
    let before = json!({"metadata": {"finalizers": ["x"]}, "spec": {"a": 7}});
    assert!(allowed(object(7, json!([])), before).0);
    let warned = json!(["spec.a: too large"]);
    assert_eq!(allowed(object(7, json!([])), object(7, json!(["x"]))), (true, warned));
    assert_eq!(allowed(object(7, json!([])), object(8, json!([]))), (false, Value::Null));
    assert_eq!(
        allowed(json!({"metadata": {"deletionTimestamp": "now"}, "spec": {"a": 7}}), object(8, json!([]))),
        (true, Value::Null)
    );
}

#[test]
fn an_object_that_cannot_be_reviewed_is_not_stored() {
    let routes = routes(Err(Refused { reason: "DeadlineExceeded", message: "after 500 ms".to_owned() }));
    let body = review("Web", json!({"spec": {}}), Value::Null);
    for answered in [mutate(&body, &routes), validate(&body, &routes)] {
        let (response, result) = response(answered.unwrap());
        assert_eq!((&response["allowed"], result), (&json!(false), "DeadlineExceeded"));
        let message = "the rules of its pattern could not be applied (DeadlineExceeded): after 500 ms";
        assert_eq!((&response["status"]["code"], &response["status"]["message"]), (&json!(500), &json!(message)));
    }
}

#[test]
fn a_kind_without_rules_is_allowed_and_what_is_no_review_is_refused() {
    let routes = breaks(&[("spec.a", "too large", true)]);
    let body = review("Queue", json!({"spec": {}}), Value::Null);
    assert_eq!(response(validate(&body, &routes).unwrap()), (json!({"uid": "u-1", "allowed": true}), "Allowed"));
    for body in ["", "[]", "{}", "{\"request\":{}}", "{\"request\":{\"uid\":1}}"] {
        assert_eq!(validate(body.as_bytes(), &routes).unwrap_err().reason(), "NotAnAdmission", "{body}");
        assert_eq!(mutate(body.as_bytes(), &routes).unwrap_err().reason(), "NotAnAdmission", "{body}");
    }
}
