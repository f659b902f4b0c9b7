//! Reviews, and what a guest answers to them.

use std::sync::Arc;

use bytes::Bytes;
use orkestra_webhook::review::{Limits, convert};
use orkestra_webhook::{Admission, Admit, Convert, Refused, Routes, Violation, admission as admissions};
use serde_json::Value;

use super::{harmless, parts};

/// A guest that gives these bytes for every object.
struct Always(Vec<u8>);

impl Convert for Always {
    fn convert(&self, _: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
        Ok(objects.iter().map(|_| Ok(self.0.clone())).collect())
    }
}

/// A guest that gives each object a value, and says of it that it breaks a rule.
struct Breaks;

impl Admit for Breaks {
    fn admit(&self, _: &[u8]) -> Result<Admission, Refused> {
        let path = ["spec", "a", "b"].map(str::to_owned).to_vec();
        let violation = Violation { field: "spec.a".to_owned(), message: "a\nb".to_owned(), deny: true };
        Ok(Admission { changes: vec![(path, b"1".to_vec())], violations: vec![violation] })
    }
}

/// A `ConversionReview`, and behind a cut what a guest makes of each of its objects.
pub fn conversion(bytes: &[u8]) {
    let (review, result) = parts(bytes);
    let routes = Routes::default();
    routes.convert.set("example.com", "Web", Some(Arc::new(Always(result.unwrap_or(b"{}").to_vec()))));
    for batch in [64, 4 << 20] {
        let limits = Limits { batch, calls: 2, answer: 1 << 20 };
        match convert(Bytes::copy_from_slice(review), &routes, limits) {
            Err(none) => harmless(&none.to_string()),
            Ok(answer) => {
                let text: Vec<u8> = answer.pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
                let answered: Value = serde_json::from_slice(&text).expect("an answer is JSON");
                answers(review, &answered["response"], answer.objects, answer.failure);
            }
        }
    }
}

/// What must be true of an answer, whatever the guest gave.
fn answers(review: &[u8], response: &Value, objects: usize, failure: Option<&str>) {
    // A key that is written with escapes is another key for the reader, and the same for this one. API servers write none.
    if review.windows(2).any(|two| two == b"\\u") {
        return;
    }
    let Ok(review) = serde_json::from_slice::<Value>(review) else { return };
    let request = &review["request"];
    assert_eq!(response["uid"], request["uid"], "an answer is to the review that was asked");
    let converted = response["convertedObjects"].as_array().expect("a list");
    if let Some(reason) = failure {
        assert_eq!((&response["result"]["reason"], converted.len()), (&reason.into(), 0));
        return harmless(response["result"]["message"].as_str().expect("a message"));
    }
    let asked = request["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!((converted.len(), asked.len()), (objects, objects), "as many objects as were asked for");
    for (made, from) in converted.iter().zip(asked) {
        assert_eq!((&made["apiVersion"], &made["kind"]), (&request["desiredAPIVersion"], &from["kind"]));
        assert_eq!(kept(made), kept(from), "the host's part of the metadata is as it was");
    }
}

/// Metadata without what a guest may write.
fn kept(object: &Value) -> Value {
    let mut metadata = object["metadata"].as_object().cloned().unwrap_or_default();
    metadata.retain(|key, _| !["labels", "annotations"].contains(&key.as_str()));
    metadata.into()
}

/// An `AdmissionReview`.
pub fn admission(bytes: &[u8]) {
    let routes = Routes::default();
    routes.admit.set("example.com", "Web", Some(Arc::new(Breaks)));
    for answer in [admissions::mutate, admissions::validate] {
        match answer(bytes, &routes) {
            Err(none) => harmless(&none.to_string()),
            Ok(answered) => {
                let asked: Value = serde_json::from_slice(bytes).expect("what is answered is JSON");
                let answer: Value = serde_json::from_slice(&answered.body).expect("an answer is JSON");
                let response = &answer["response"];
                assert_eq!(response["uid"], asked["request"]["uid"]);
                assert_eq!(response["allowed"] == true, answered.result == "Allowed");
            }
        }
    }
}
