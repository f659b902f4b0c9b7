//! What is sent for a Secret, against an API server whose answers are written down.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::apply::{Applied, Applier};
use crate::cache::Store;
use crate::claim::Claimant;
use crate::desired::Desired;
use crate::discovery::Resource;
use crate::error::Error;
use crate::identity::Identity;
use crate::instance::ChildPolicy;
use crate::limit::RateLimit;
use crate::memory::Memory;
use crate::object::{Manager, Object, ObjectKey};
use crate::scripted::Scripted;
use crate::trace::Writes;

const PATH: &str = "/api/v1/namespaces/n/secrets/a";

fn desired() -> Desired {
    Desired {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        policy: ChildPolicy::Create,
        generated: crate::generated::Generated::once(),
        adopt: false,
        recreate: false,
        key: ObjectKey::new("n", "a"),
        body: json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "a", "namespace": "n", "labels": {"app.kubernetes.io/managed-by": "orkestra"},
                "ownerReferences": [{"apiVersion": "g/v1", "kind": "Web", "name": "w", "uid": "p-1", "controller": true}]},
            "data": {"password": "bmV3", "user": "bmV3"}}),
    }
}

fn store() -> Store {
    Store::new(Arc::new(Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        plural: "secrets".to_owned(),
        namespaced: true,
        has_status: false,
    }))
}

/// The Secret as the API server has it, its fields held by `operation`.
fn live(operation: &str, data: Value) -> Value {
    let mut object = desired().body;
    object["metadata"]["uid"] = "o-1".into();
    object["metadata"]["resourceVersion"] = "5".into();
    object["metadata"]["managedFields"] = json!([{"manager": "orkestra:web", "operation": operation, "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:password": {}}}}]);
    object["data"] = data;
    object
}

fn foreign() -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {"name": "a", "namespace": "n", "uid": "theirs", "resourceVersion": "3"}})
}

fn answer(code: u16, reason: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "reason": reason, "message": "it says hunter2"}))
}

async fn apply(server: &Scripted, store: &Store) -> Result<Applied, Error> {
    let (api, limit) = (server.api(), RateLimit::new(0, 0));
    let claimant = Claimant { owner: "p-1", manager: Manager::alone("orkestra:web"), lives: &|_| false };
    let applier =
        Applier { api: &api, limit: &limit, identity: &Identity::Process, claimant, writes: Writes::default() };
    applier.apply(store, &desired(), &mut Memory::default()).await
}

#[tokio::test]
async fn a_foreign_secret_is_neither_read_nor_written_to() {
    let server = Scripted::new([(200, foreign())]);
    assert_eq!(apply(&server, &store()).await.unwrap_err().reason(), "AlreadyExists");
    assert_eq!(server.asked()[0].0, format!("GET {PATH} as=PartialObjectMetadata"));
}

#[tokio::test]
async fn a_foreign_secret_that_comes_in_between_is_neither_read_nor_written_to() {
    let server = Scripted::new([answer(404, "NotFound"), answer(409, "AlreadyExists"), (200, foreign())]);
    assert_eq!(apply(&server, &store()).await.unwrap_err().reason(), "AlreadyExists");
    let asked: Vec<String> = server.asked().into_iter().map(|(line, _)| line).collect();
    assert_eq!(asked[1], "POST /api/v1/namespaces/n/secrets?fieldManager=orkestra%3Aweb");
    assert_eq!(asked[2], format!("GET {PATH} as=PartialObjectMetadata"));
}

#[tokio::test]
async fn a_created_secret_is_ours_as_if_it_had_been_applied() {
    let data = json!({"password": "bmV3", "user": "bmV3"});
    let server =
        Scripted::new([answer(404, "NotFound"), (201, live("Update", data.clone())), (200, live("Apply", data))]);
    assert!(apply(&server, &store()).await.unwrap().wrote);
    let (_, patch) = &server.asked()[2];
    assert_eq!(patch["metadata"]["managedFields"][0]["operation"], "Apply");
    assert_eq!((&patch["metadata"]["uid"], &patch["metadata"]["resourceVersion"]), (&json!("o-1"), &json!("5")));
    assert_eq!(patch["data"], Value::Null);
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_brought_to_its_end() {
    let store = store();
    let data = json!({"password": "b2xk"});
    let created = live("Update", data.clone());
    store.observe(Object::parse(created.to_string().as_bytes(), "v1", "Secret").unwrap());
    let (metadata, whole) = (created.clone(), created);
    let mut kept = live("Apply", data.clone());
    kept["metadata"]["resourceVersion"] = "6".into();
    let (again, rest) = ((200, kept.clone()), live("Apply", json!({"password": "b2xk", "user": "bmV3"})));
    let server = Scripted::new([(200, metadata), (200, whole), (200, kept.clone()), again.clone(), again, (200, rest)]);
    assert!(apply(&server, &store).await.unwrap().wrote);
    let asked = server.asked();
    assert_eq!(asked[2].1["metadata"]["managedFields"][0]["operation"], "Apply");
    // The key that was lacking is made, and the one that was there stays as it is.
    assert_eq!(asked[5].1["data"], json!({"password": "b2xk", "user": "bmV3"}));
    assert_eq!(asked[5].1["metadata"]["resourceVersion"], "6");
}

#[tokio::test]
async fn a_secret_that_has_its_keys_is_left_alone() {
    let (server, store) = (Scripted::default(), store());
    let edited = live("Apply", json!({"password": "ZWRpdGVk", "user": "eA=="}));
    store.observe(Object::parse(edited.to_string().as_bytes(), "v1", "Secret").unwrap());
    assert!(!apply(&server, &store).await.unwrap().wrote);
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_the_api_server_says_of_values_is_not_repeated() {
    let server = Scripted::new([answer(404, "NotFound"), answer(422, "Invalid")]);
    let error = apply(&server, &store()).await.unwrap_err();
    assert_eq!(error.reason(), "Invalid");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}
