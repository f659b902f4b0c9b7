//! How a watch goes on after each way to end, against answers that are written down.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cache::{Selector, Store};
use crate::discovery::Resource;
use crate::identity::Identity;
use crate::object::ObjectKey;
use crate::scripted::Scripted;
use crate::watch::{End, Watch};

fn store() -> Arc<Store> {
    Arc::new(Store::new(Arc::new(Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
        namespaced: true,
        has_status: false,
    })))
}

fn object(name: &str, version: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": version}})
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn bookmark(version: &str, ends: bool) -> Value {
    let annotations = if ends { json!({"k8s.io/initial-events-end": "true"}) } else { json!({}) };
    event("BOOKMARK", json!({"metadata": {"resourceVersion": version, "annotations": annotations}}))
}

fn names(store: &Store) -> Vec<&'static str> {
    let there = |name: &&str| store.get(&Identity::Process, &ObjectKey::new("n", name)).is_some();
    ["a", "b", "c"].into_iter().filter(there).collect()
}

#[tokio::test]
async fn a_streamed_list_is_taken_in_and_followed_on() {
    let store = store();
    let server = Scripted::lines([
        (
            200,
            vec![
                event("ADDED", object("a", "1")),
                event("ADDED", object("b", "2")),
                bookmark("5", true),
                event("ADDED", object("c", "6")),
            ],
        ),
        (200, vec![event("DELETED", object("a", "7")), bookmark("9", false)]),
        (200, vec![event("MODIFIED", object("b", "10"))]),
    ]);
    let mut watch = Watch::new(server.api(), store.clone(), "n", Selector::Children);
    assert!(!store.is_synced());
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert!(store.is_synced());
    assert_eq!(names(&store), ["a", "b", "c"]);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert_eq!(names(&store), ["b", "c"]);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    let asked: Vec<String> = server.asked().into_iter().map(|(line, _)| line).collect();
    assert!(asked[0].starts_with("GET /api/v1/namespaces/n/configmaps?watch=true"), "{}", asked[0]);
    assert!(asked[0].contains("sendInitialEvents=true"), "{}", asked[0]);
    assert!(asked[0].contains("labelSelector=app.kubernetes.io%2Fmanaged-by%3Dorkestra"), "{}", asked[0]);
    assert!(asked[1].contains("resourceVersion=6") && !asked[1].contains("sendInitialEvents"), "{}", asked[1]);
    assert!(asked[2].contains("resourceVersion=9"), "{}", asked[2]);
}

#[tokio::test]
async fn a_list_that_was_cut_is_begun_again_and_nothing_is_forgotten_by_it() {
    let store = store();
    let server = Scripted::lines([
        (200, vec![event("ADDED", object("a", "1")), bookmark("5", true)]),
        (200, vec![event("ERROR", json!({"kind": "Status", "code": 410, "message": "too old"}))]),
    ]);
    let mut watch = Watch::new(server.api(), store.clone(), "n", Selector::All);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert_eq!(watch.session().await.unwrap(), End::Expired);
    assert_eq!(names(&store), ["a"]);

    // The next process-wide list: cut after its first object, then whole and without `a`.
    let server = Scripted::lines([
        (200, vec![event("ADDED", object("b", "11"))]),
        (200, vec![event("ADDED", object("b", "11")), bookmark("12", true)]),
    ]);
    let mut watch = Watch::new(server.api(), store.clone(), "n", Selector::All);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert_eq!(names(&store), ["a", "b"]);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert_eq!(names(&store), ["b"]);
    let asked = server.asked();
    assert!(asked[1].0.contains("sendInitialEvents"), "{}", asked[1].0);
}

#[tokio::test]
async fn an_api_server_that_streams_no_lists_is_asked_in_pages() {
    let store = store();
    let page = |items: Vec<Value>, version: &str, next: &str| {
        vec![
            json!({"kind": "ConfigMapList", "metadata": {"resourceVersion": version, "continue": next}, "items": items}),
        ]
    };
    let server = Scripted::lines([
        (
            422,
            vec![
                json!({"kind": "Status", "code": 422, "reason": "Invalid", "message": "sendInitialEvents is forbidden"}),
            ],
        ),
        (200, page(vec![object("a", "1")], "5", "more")),
        (200, page(vec![object("b", "2")], "5", "")),
        (200, vec![event("ADDED", object("c", "6"))]),
    ]);
    let mut watch = Watch::new(server.api(), store.clone(), "", Selector::All);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert!(store.is_synced());
    assert_eq!(names(&store), ["a", "b", "c"]);
    let asked: Vec<String> = server.asked().into_iter().map(|(line, _)| line).collect();
    assert_eq!(asked[1], "GET /api/v1/configmaps?limit=500");
    assert_eq!(asked[2], "GET /api/v1/configmaps?limit=500&continue=more");
    assert!(asked[3].contains("resourceVersion=5"), "{}", asked[3]);
}

#[tokio::test]
async fn a_refusal_is_an_error_and_the_place_is_kept() {
    let store = store();
    let server = Scripted::lines([
        (200, vec![bookmark("5", true)]),
        (403, vec![json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})]),
        (200, vec![]),
    ]);
    let mut watch = Watch::new(server.api(), store, "n", Selector::All);
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert_eq!(watch.session().await.unwrap_err().reason(), "Forbidden");
    assert_eq!(watch.session().await.unwrap(), End::Closed);
    assert!(server.asked()[2].0.contains("resourceVersion=5"));
}
