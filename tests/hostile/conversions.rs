//! Conversions whose results are too few, too many, somebody else's, or nothing that an API server should get; and reviews that
//! are none.

use std::sync::Arc;

use bytes::Bytes;
use orkestra_sandbox::{Failure, Pattern};
use orkestra_webhook::review::{Limits, convert};
use orkestra_webhook::{Convert, Refused, Routes};
use serde_json::Value;

use crate::guest::{Guest, HEAP, converted};
use crate::table::{Row, Verdict, all, row};
use crate::{load, small};

/// A pattern as the webhook calls it.
struct Sandboxed(Pattern);

impl Convert for Sandboxed {
    fn convert(&self, version: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
        let refused = |failure: Failure| Refused { reason: failure.reason(), message: failure.to_string() };
        let results = self.0.convert("any", version, objects).map_err(refused)?;
        Ok(results.into_iter().map(|result| result.map(|made| made.object).map_err(refused)).collect())
    }
}

fn object(name: &str) -> String {
    format!(
        r#"{{"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":{{"name":"{name}","namespace":"n","uid":"u-{name}"}}}}"#
    )
}

fn review(objects: &[&str]) -> String {
    let objects: Vec<String> = objects.iter().map(|name| object(name)).collect();
    format!(
        r#"{{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{{"uid":"r-1","desiredAPIVersion":"example.com/v1","objects":[{}]}}}}"#,
        objects.join(",")
    )
}

/// What a review of `objects` ends in where a guest answers with these results, whatever it is asked.
fn converts(objects: &[&str], results: &[&str]) -> Verdict {
    let count = u32::try_from(results.len()).expect("few results");
    let mut at = HEAP + 32 * count;
    let mut heap = Vec::new();
    for result in results {
        let length = u32::try_from(result.len()).expect("a short result");
        heap.extend(converted((at, length)));
        at += length;
    }
    heap.extend(results.concat().into_bytes());
    answered(objects, &Guest::converting(count, heap))
}

fn answered(objects: &[&str], guest: &Guest) -> Verdict {
    let pattern = load(guest, small()).map_err(|refused| refused.reason())?;
    let routes = Routes::default();
    routes.convert.set("example.com", "Web", Some(Arc::new(Sandboxed(pattern))));
    reviewed(&review(objects), &routes, objects)
}

fn reviewed(review: &str, routes: &Routes, objects: &[&str]) -> Verdict {
    let limits = Limits { batch: 4 << 20, calls: 1, answer: 1 << 20 };
    let answer = convert(Bytes::from(review.to_owned()), routes, limits).map_err(|none| none.reason())?;
    let text: Vec<u8> = answer.pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
    // Whatever the guest did, this is a valid answer to the review that was asked.
    let mut value: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(value["response"]["uid"], "r-1");
    let converted = value["response"]["convertedObjects"].take();
    match answer.failure {
        Some(reason) => {
            assert_eq!((&value["response"]["result"]["reason"], converted), (&reason.into(), Value::Array(Vec::new())));
            Err(reason)
        }
        None => {
            let identities = converted.as_array().expect("a list").iter().map(|made| {
                let metadata = &made["metadata"];
                assert_eq!((&made["apiVersion"], &made["kind"]), (&"example.com/v1".into(), &"Web".into()));
                assert_eq!(metadata["uid"], format!("u-{}", metadata["name"].as_str().expect("a name")));
                metadata["name"].as_str().expect("a name").to_owned()
            });
            assert_eq!(identities.collect::<Vec<_>>(), objects);
            Ok(())
        }
    }
}

/// A review of nothing with this in the place of its objects.
fn read(from: &str, to: &str) -> Verdict {
    let text = review(&["a"]);
    let changed = text.replacen(from, to, 1);
    reviewed(&changed, &routes(), &["a"])
}

fn routes() -> Routes {
    let routes = Routes::default();
    let heap = [converted((HEAP + 32, 2)), b"{}".to_vec()].concat();
    let pattern = load(&Guest::converting(1, heap), small()).expect("a guest that converts");
    routes.convert.set("example.com", "Web", Some(Arc::new(Sandboxed(pattern))));
    routes
}

fn annotated(bytes: usize) -> Verdict {
    // An annotation's size is counted with its key.
    let result = format!(r#"{{"metadata":{{"annotations":{{"x":"{}"}}}}}}"#, "y".repeat(bytes - 1));
    let guest = Guest {
        pages: 16,
        ..Guest::converting(1, [converted((HEAP + 32, result.len() as u32)), result.into_bytes()].concat())
    };
    let pattern = load(&guest, orkestra_sandbox::Limits::default()).map_err(|refused| refused.reason())?;
    let routes = Routes::default();
    routes.convert.set("example.com", "Web", Some(Arc::new(Sandboxed(pattern))));
    reviewed(&review(&["a"]), &routes, &["a"])
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "wrong-count",
            "answers one object with none, and with two",
            "InvalidOutput",
            || all([&[][..], &["{}", "{}"]].map(|results: &[&str]| (format!("{results:?}"), converts(&["a"], results)))),
            "with one",
            || converts(&["a"], &["{}"]),
        ),
        row(
            "count-of-another-list",
            "says that it has four thousand million results",
            "InvalidOutput",
            || answered(&["a"], &Guest::converting(u32::MAX, Vec::new())),
            "says that it has one",
            || converts(&["a"], &["{}"]),
        ),
        row(
            "wrong-order",
            "answers two objects in the other order, each with its name",
            "ForbiddenMember",
            || converts(&["a", "b"], &[r#"{"metadata":{"name":"b"}}"#, r#"{"metadata":{"name":"a"}}"#]),
            "leaves names to the host, which keeps the order",
            || converts(&["a", "b"], &["{}", "{}"]),
        ),
        row(
            "converted-identity",
            "gives an object another version, kind, UID, owner or finalizer",
            "ForbiddenMember",
            || {
                let forged = [
                    r#"{"apiVersion":"example.com/v2"}"#,
                    r#"{"kind":"Secret"}"#,
                    r#"{"k\u0069nd":"Secret"}"#,
                    r#"{"metadata":{"uid":"u-2"}}"#,
                    r#"{"metadata":{"ownerReferences":[]}}"#,
                    r#"{"metadata":{"finalizers":[]}}"#,
                ];
                all(forged.map(|result| (result.to_owned(), converts(&["a"], &[result]))))
            },
            "gives it labels and a spec",
            || converts(&["a"], &[r#"{"metadata":{"labels":{"tier":"web"}},"spec":{"size":1}}"#]),
        ),
        row(
            "converted-twice",
            "gives two values for one key",
            "DuplicateKey",
            || {
                all([r#"{"spec":1,"spec":2}"#, r#"{"spec":{"a":1,"\u0061":2}}"#]
                    .map(|result| (result.to_owned(), converts(&["a"], &[result]))))
            },
            "gives one",
            || converts(&["a"], &[r#"{"spec":{"a":1}}"#]),
        ),
        row(
            "converted-deep",
            "nests an object deeper than 64 levels",
            "TooDeep",
            || converts(&["a"], &[&format!(r#"{{"spec":{}{}}}"#, "[".repeat(70), "]".repeat(70))]),
            "60 levels deep",
            || converts(&["a"], &[&format!(r#"{{"spec":{}{}}}"#, "[".repeat(60), "]".repeat(60))]),
        ),
        row(
            "converted-labels",
            "writes labels that no API server takes",
            "InvalidLabel",
            || {
                let labels = [r#"{"a b":"x"}"#, r#"{"a":"x y"}"#, r#"{"":"x"}"#];
                all(labels.map(|labels| {
                    (labels.to_owned(), converts(&["a"], &[&format!(r#"{{"metadata":{{"labels":{labels}}}}}"#)]))
                }))
            },
            "writes one that they take",
            || converts(&["a"], &[r#"{"metadata":{"labels":{"a":"x"}}}"#]),
        ),
        row(
            "converted-annotations",
            "writes more annotations than an object may have",
            "PreservedTooLarge",
            || annotated((256 << 10) + 1),
            "as many as it may have",
            || annotated(256 << 10),
        ),
        row(
            "converted-into-nothing",
            "answers with half an object, with two, with a list",
            "InvalidResult",
            || all(["{", "{}{}", "[]"].map(|result| (result.to_owned(), converts(&["a"], &[result])))),
            "with one object",
            || converts(&["a"], &["{}"]),
        ),
        row(
            "review-that-is-none",
            "sends a review with a key twice, with depths that no object has, with a kind that is none, and half of one",
            "NotAReview",
            || {
                let changes = [
                    (r#""uid":"r-1""#, r#""uid":"r-1","uid":"r-2""#.to_owned()),
                    (r#""uid":"u-a""#, format!(r#""x":{}{}"#, "[".repeat(70), "]".repeat(70))),
                    (r#""kind":"Web""#, r#""kind":"We\"b""#.to_owned()),
                    ("]}}", String::new()),
                ];
                all(changes.map(|(from, to)| (to.clone(), read(from, &to))))
            },
            "a whole one",
            || read("", ""),
        ),
    ]
}
