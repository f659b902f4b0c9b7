//! Reviews in, answers out, with guests that behave and guests that do not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Limits, convert};
use crate::routes::{Convert, Refused, Routes};

const LIMITS: Limits = Limits { batch: 4 << 20, calls: 3, answer: 64 << 20 };

type Results = Result<Vec<Result<Vec<u8>, Refused>>, Refused>;

/// A guest that answers what a closure says.
struct Guest<F>(F);

impl<F: Fn(&str, &[&[u8]]) -> Results + Send + Sync + 'static> Convert for Guest<F> {
    fn convert(&self, version: &str, objects: &[&[u8]]) -> Results {
        (self.0)(version, objects)
    }
}

fn routes(guest: impl Fn(&str, &[&[u8]]) -> Results + Send + Sync + 'static) -> Routes {
    let routes = Routes::default();
    routes.convert.set("example.com", "Web", Some(Arc::new(Guest(guest))));
    routes
}

/// A guest that gives `result` for every object.
fn always(result: impl Into<String>) -> Routes {
    let result = result.into();
    routes(move |_, objects| Ok(objects.iter().map(|_| Ok(result.clone().into_bytes())).collect()))
}

/// A guest that renames `spec.size` to `spec.replicas`, and leaves the rest.
fn renames() -> Routes {
    routes(|_, objects| {
        let convert = |object: &&[u8]| {
            let mut object: Value = serde_json::from_slice(object).unwrap();
            let root = object.as_object_mut().unwrap();
            root.retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
            if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.retain(|key, _| ["labels", "annotations"].contains(&key.as_str()));
            }
            if let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut) {
                let size = spec.remove("size").unwrap_or_default();
                spec.insert("replicas".to_owned(), size);
            }
            Ok(object.to_string().into_bytes())
        };
        Ok(objects.iter().map(convert).collect())
    })
}

fn review(objects: &str) -> Bytes {
    let text = format!(
        r#"{{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{{"uid":"5a1d-\u0041","desiredAPIVersion":"example.com/v1","objects":[{objects}]}}}}"#
    );
    Bytes::from(text)
}

fn web(name: &str, rest: &str) -> String {
    format!(
        r#"{{"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":{{"name":"{name}","namespace":"shop","uid":"1"}}{rest}}}"#
    )
}

fn text(answer: &Answer) -> String {
    let bytes: Vec<u8> = answer.pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
    String::from_utf8(bytes).unwrap()
}

/// The response, whose identity the host has written.
fn response(objects: &str, routes: &Routes, limits: Limits) -> (Answer, Value) {
    let answer = convert(review(objects), routes, limits).unwrap();
    let mut value: Value = serde_json::from_str(&text(&answer)).unwrap();
    assert_eq!((&value["kind"], &value["apiVersion"]), (&json!("ConversionReview"), &json!("apiextensions.k8s.io/v1")));
    let response = value["response"].take();
    assert_eq!(response["uid"], "5a1d-A");
    assert_eq!(response["result"]["status"], if answer.failure.is_some() { "Failure" } else { "Success" });
    (answer, response)
}

fn converted(objects: &str, routes: &Routes) -> Value {
    let (answer, mut response) = response(objects, routes, LIMITS);
    assert_eq!(answer.failure, None, "{response}");
    response["convertedObjects"].take()
}

/// Why the objects are not converted: the reason and the message of the status.
fn refused(objects: &str, routes: &Routes, limits: Limits) -> (&'static str, String) {
    let (answer, response) = response(objects, routes, limits);
    let reason = answer.failure.expect("a failure");
    assert_eq!((&response["result"]["reason"], &response["convertedObjects"]), (&json!(reason), &json!([])));
    let message = response["result"]["message"].as_str().unwrap();
    (reason, message.strip_prefix(&format!("{reason}: ")).unwrap().to_owned())
}

#[test]
fn an_object_has_the_hosts_identity_and_the_guests_contents() {
    let object = r#"{ "kind":"Web", "apiVersion":"example.com/v1alpha1", "metadata" : { "labels":{"old":"1"}, "name":"a\u0062", "generation":  7 ,"annotations":{}, "managedFields":[{"f:x":{}}]}, "spec":{"size":1} }"#;
    let guest = always(
        r#" { "status" : {"x":1e2}, "metadata":{"labels":{"new":"2"},"annotations":null}, "spec":{"n":"\u00e9"} } "#,
    );
    let answer = convert(review(object), &guest, LIMITS).unwrap();
    let wanted = r#"[{"apiVersion":"example.com/v1","kind":"Web","metadata":{"name":"a\u0062", "generation":  7,"managedFields":[{"f:x":{}}],"labels":{"new":"2"}},"status" : {"x":1e2},"spec":{"n":"\u00e9"}}]"#;
    let text = text(&answer);
    assert!(text.contains(wanted), "{text}");
    assert!(text.contains(r#""uid":"5a1d-\u0041""#), "the identity of the review is copied as it is written: {text}");
}

#[test]
fn metadata_may_be_missing_on_either_side() {
    let guest = always(r#"{"spec":{}}"#);
    for (object, metadata) in [
        (web("a", ""), json!({"name": "a", "namespace": "shop", "uid": "1"})),
        (r#"{"apiVersion":"example.com/v1alpha1","kind":"Web"}"#.to_owned(), json!({})),
        (r#"{"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":null}"#.to_owned(), json!({})),
        (r#"{"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":{"labels":{}}}"#.to_owned(), json!({})),
    ] {
        assert_eq!(converted(&object, &guest)[0]["metadata"], metadata);
    }
    let bare = always("{}");
    assert_eq!(
        converted(&web("a", r#","spec":{}"#), &bare)[0],
        json!({"apiVersion": "example.com/v1", "kind": "Web", "metadata": {"name": "a", "namespace": "shop", "uid": "1"}})
    );
}

#[test]
fn an_empty_list_is_answered_by_an_empty_list() {
    assert_eq!(converted("", &Routes::default()), json!([]));
}

#[test]
fn an_object_of_the_desired_version_comes_back_as_it_is() {
    let object = r#"{"apiVersion":"example.com/v1", "kind":"Queue","metadata":{ },"spec":[1 , 2]}"#;
    let answer = convert(review(object), &Routes::default(), LIMITS).unwrap();
    assert!(text(&answer).contains(object));
}

#[test]
fn order_is_kept_however_a_list_is_cut() {
    let objects: Vec<String> = (0..1500)
        .map(|index| {
            let object = web(&format!("web-{index}"), &format!(r#","spec":{{"size":{index}}}"#));
            if index % 100 == 7 { object.replace("v1alpha1", "v1") } else { object }
        })
        .collect();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = calls.clone();
    let inner = renames().convert.find("example.com", "Web").unwrap();
    let guest = routes(move |version, objects| {
        seen.lock().unwrap().push(objects.iter().map(|object| object.len()).sum::<usize>());
        inner.convert(version, objects)
    });
    for batch in [1, 1000, 20_000, 4 << 20] {
        let (answer, response) = response(&objects.join(" , "), &guest, Limits { batch, ..LIMITS });
        assert_eq!(answer.objects, 1500);
        for (index, object) in response["convertedObjects"].as_array().unwrap().iter().enumerate() {
            let field = if index % 100 == 7 { "size" } else { "replicas" };
            let wanted = json!({"apiVersion": "example.com/v1", "kind": "Web",
                "metadata": {"name": format!("web-{index}"), "namespace": "shop", "uid": "1"}, "spec": {field: index}});
            assert_eq!(*object, wanted);
        }
        let calls = std::mem::take(&mut *calls.lock().unwrap());
        assert!(calls.iter().all(|size| *size <= batch.max(200)), "{batch}: {calls:?}");
    }
}

#[test]
fn a_list_takes_its_own_size_and_what_its_objects_grew_by() {
    let object = web("a", &format!(r#","spec":{{"text":"{}"}}"#, "x".repeat(2000)));
    let body = review(&vec![object; 2000].join(","));
    let size = body.len();
    let grown = format!(r#"{{"spec":{{"text":"{}"}}}}"#, "x".repeat(2100));
    let answer = convert(body, &always(grown), Limits { batch: 64 << 10, ..LIMITS }).unwrap();
    assert_eq!(answer.failure, None);
    // What lies in the review's own bytes is next to each other there; the rest was allocated.
    let inside: usize = {
        let mut pieces: Vec<_> = answer.pieces.iter().map(|piece| (piece.as_ptr() as usize, piece.len())).collect();
        pieces.sort_unstable();
        let runs = pieces.chunk_by(|left, right| left.0 + left.1 == right.0);
        runs.map(|run| run.iter().map(|piece| piece.1).sum()).max().unwrap()
    };
    let all: usize = answer.pieces.iter().map(Bytes::len).sum();
    assert!(
        all > size && inside > size * 9 / 10,
        "{inside} of {all} bytes are where the {size} bytes of the review were"
    );
}

#[test]
fn a_failure_in_the_last_batch_is_a_failure_of_the_review() {
    let guest = routes(|_, objects| {
        let bad = |object: &&[u8]| String::from_utf8_lossy(object).contains("web-999\"");
        let no = || Refused { reason: "TypeMismatch", message: "spec.size is text".to_owned() };
        Ok(objects.iter().map(|object| if bad(object) { Err(no()) } else { Ok(b"{}".to_vec()) }).collect())
    });
    let objects: Vec<_> = (0..1000).map(|index| web(&format!("web-{index}"), "")).collect();
    let (reason, message) = refused(&objects.join(","), &guest, Limits { batch: 4096, ..LIMITS });
    assert_eq!(reason, "TypeMismatch");
    assert_eq!(message, r#"Web.example.com "shop/web-999" cannot be converted from v1alpha1 to v1: spec.size is text"#);
}

#[test]
fn an_unknown_kind_is_named() {
    let queue = web("a", "").replace("Web", "Queue");
    let (reason, message) = refused(&queue, &renames(), LIMITS);
    assert_eq!(reason, "UnknownKind");
    assert!(message.starts_with(r#"Queue.example.com "shop/a" cannot be converted from v1alpha1 to v1: nothing here converts Queue.example.com; run its pattern"#), "{message}");
    // In a list, the others do not hide it.
    let (reason, _) = refused(&format!("{},{queue}", web("b", "")), &renames(), LIMITS);
    assert_eq!(reason, "UnknownKind");
}

#[test]
fn an_object_of_another_group_is_not_given_to_the_guest() {
    let (reason, message) = refused(&web("a", "").replace("example.com", "example.org"), &renames(), LIMITS);
    assert_eq!(reason, "WrongGroup", "{message}");
}

#[test]
fn a_refusal_names_object_versions_and_why() {
    let guest = routes(|_, _| Err(Refused { reason: "DeadlineExceeded", message: "a\nb\u{202e}".to_owned() }));
    let three = [web("a", ""), web("b", ""), web("c", "")].join(",");
    let (reason, message) = refused(&three, &guest, LIMITS);
    assert_eq!(reason, "DeadlineExceeded");
    let wanted = r#"Web.example.com "shop/a" cannot be converted from v1alpha1 to v1: a\u{a}b\u{202e}"#;
    assert_eq!(message, wanted);
    let fragment = r#"{"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":{}}"#;
    assert!(refused(fragment, &guest, LIMITS).1.starts_with("Web.example.com without a name cannot"));
}

#[test]
fn a_wrong_number_of_results_is_refused() {
    let two = format!("{},{}", web("a", ""), web("b", ""));
    for count in [0, 1, 3] {
        let guest = routes(move |_, _| Ok(vec![Ok(b"{}".to_vec()); count]));
        let (reason, message) = refused(&two, &guest, LIMITS);
        assert_eq!(reason, "WrongCount");
        assert!(message.contains(&format!("gave {count} results for 2 objects")), "{message}");
    }
}

#[test]
fn what_is_too_much_for_one_call_is_converted_by_several_and_only_the_object_at_fault_is_named() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let counted = calls.clone();
    let three_at_most = move |_: &str, objects: &[&[u8]]| {
        counted.lock().unwrap().push(objects.len());
        let bad = objects.iter().any(|object| String::from_utf8_lossy(object).contains("\"bad\""));
        if bad || objects.len() > 3 {
            return Err(Refused { reason: "MemoryExceeded", message: "16 MiB".to_owned() });
        }
        let echo = |object: &&[u8]| {
            let value: Value = serde_json::from_slice(object).unwrap();
            Ok(json!({"spec": {"was": value["metadata"]["name"]}}).to_string().into_bytes())
        };
        Ok(objects.iter().map(echo).collect())
    };
    let guest = routes(three_at_most);
    let names: Vec<_> = (0..10).map(|index| format!("w{index}")).collect();
    let ten = names.iter().map(|name| web(name, "")).collect::<Vec<_>>().join(",");
    let value = converted(&ten, &guest);
    let found: Vec<_> =
        value.as_array().unwrap().iter().map(|object| object["spec"]["was"].as_str().unwrap()).collect();
    assert_eq!(found, names);
    assert_eq!(*calls.lock().unwrap(), [10, 5, 2, 3, 5, 2, 3]);
    let (reason, message) = refused(&format!("{ten},{}", web("bad", "")), &guest, LIMITS);
    assert_eq!(reason, "MemoryExceeded");
    assert_eq!(message, r#"Web.example.com "shop/bad" cannot be converted from v1alpha1 to v1: 16 MiB"#);
}

#[test]
fn a_result_has_nothing_that_is_the_hosts() {
    for (result, found) in [
        (r#"{"apiVersion":"example.com/v1"}"#, "apiVersion"),
        (r#"{"kind":"Web"}"#, "kind"),
        (r#"{"k\u0069nd":"Web"}"#, "kind"),
        (r#"{"metadata":{"name":"other"}}"#, "metadata.name"),
        (r#"{"metadata":{"finalizers":[]}}"#, "metadata.finalizers"),
        (r#"{"metadata":{"labels":{},"\u006eame":"other"}}"#, "metadata.name"),
    ] {
        let (reason, message) = refused(&web("a", ""), &always(result), LIMITS);
        assert_eq!(reason, "ForbiddenMember", "{result}");
        assert!(message.contains(&format!("result has {found}, which is the host's")), "{message}");
    }
    converted(&web("a", ""), &always(r#"{"metadata":{"labels":{"a":"b"},"annotations":{"a":"b"}},"more":1}"#));
}

#[test]
fn a_result_is_one_object_of_strict_json() {
    let deep = |depth: usize| format!(r#"{{"spec":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    for (result, wanted) in [
        (String::new(), "InvalidResult"),
        ("[]".to_owned(), "InvalidResult"),
        ("{} {}".to_owned(), "InvalidResult"),
        (r#"{"spec":1e999}"#.to_owned(), "InvalidResult"),
        (r#"{"metadata":[]}"#.to_owned(), "InvalidResult"),
        (r#"{"metadata":{"labels":{"a":1}}}"#.to_owned(), "InvalidResult"),
        (r#"{"metadata":{"annotations":[]}}"#.to_owned(), "InvalidResult"),
        (r#"{"spec":{"a":1,"a":2}}"#.to_owned(), "DuplicateKey"),
        (r#"{"metadata":{},"metadata":{}}"#.to_owned(), "DuplicateKey"),
        (r#"{"metadata":{"labels":{"a":"1","\u0061":"2"}}}"#.to_owned(), "DuplicateKey"),
        (deep(64), "TooDeep"),
    ] {
        assert_eq!(refused(&web("a", ""), &always(result.clone()), LIMITS).0, wanted, "{result}");
    }
    converted(&web("a", ""), &always(deep(63)));
    let broken = routes(|_, _| Ok(vec![Ok(b"{\"spec\":\"\xff\"}".to_vec())]));
    assert_eq!(refused(&web("a", ""), &broken, LIMITS).0, "InvalidResult");
}

#[test]
fn labels_and_annotations_that_kubernetes_would_not_take_are_refused() {
    for (metadata, reason, said) in [
        (r#"{"labels":{"a b":"x"}}"#, "InvalidLabel", r#"the label "a b" has no valid key: a name has at most 63"#),
        (r#"{"labels":{"a":"x y"}}"#, "InvalidLabel", r#"the label "a" has the value "x y", which is none"#),
        (r#"{"annotations":{"/a":"x"}}"#, "InvalidAnnotation", r#"the annotation "/a" has no valid key"#),
    ] {
        let found = refused(&web("a", ""), &always(format!(r#"{{"metadata":{metadata}}}"#)), LIMITS);
        assert_eq!(found.0, reason);
        assert!(found.1.contains(said), "{}", found.1);
    }
    converted(&web("a", ""), &always(r#"{"metadata":{"labels":{"a":"x"},"annotations":{"a":"x y é"}}}"#));
}

#[test]
fn annotations_end_at_what_kubernetes_takes_and_are_never_dropped() {
    // Counted as they are meant, not as they are written: each of these is two bytes of text and six of JSON.
    let of =
        |bytes: usize| format!(r#"{{"metadata":{{"annotations":{{"ab":"{}"}}}}}}"#, r"\u00e9".repeat((bytes - 2) / 2));
    converted(&web("a", ""), &always(of(256 * 1024)));
    let (reason, message) = refused(&web("a", ""), &always(of(256 * 1024 + 2)), LIMITS);
    assert_eq!(reason, "PreservedTooLarge");
    assert!(message.contains("its annotations have 262146 bytes, and Kubernetes takes 262144; make"), "{message}");
}

#[test]
fn an_answer_ends_at_its_limit() {
    let two = format!("{},{}", web("a", ""), web("b", ""));
    let guest = always(format!(r#"{{"spec":"{}"}}"#, "x".repeat(1000)));
    for batch in [1, 4096] {
        assert_eq!(refused(&two, &guest, Limits { batch, calls: 2, answer: 2000 }).0, "AnswerTooLarge");
        assert_eq!(response(&two, &guest, Limits { batch, calls: 2, answer: 3000 }).0.failure, None);
    }
}
