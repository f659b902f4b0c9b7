//! What is sent for a child, against an API server whose answers are written down. What a real one answers is for the
//! suite `cluster`; here are the moments that cannot be brought about there.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::apply::{Applied, Applier, Memory};
use crate::cache::Store;
use crate::desired::{Desired, with_hash};
use crate::discovery::Resource;
use crate::error::Error;
use crate::identity::Identity;
use crate::instance::ChildPolicy;
use crate::limit::RateLimit;
use crate::object::{Object, ObjectKey};
use crate::scripted::Scripted;

const PATH: &str = "/api/v1/namespaces/n/configmaps/a";

fn desired() -> Desired {
    Desired {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        policy: ChildPolicy::Apply,
        key: ObjectKey::new("n", "a"),
        body: json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "labels": {"app.kubernetes.io/managed-by": "orkestra"},
                "ownerReferences": [{"apiVersion": "g/v1", "kind": "Web", "name": "w", "uid": "p-1", "controller": true}]},
            "data": {"x": "1", "y": "2"}}),
    }
}

fn store() -> Store {
    Store::new(Arc::new(Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
        namespaced: true,
        has_status: false,
    }))
}

/// The object as it is after our apply, which others may have changed.
fn live(version: &str, mine: &[&str], others: &[(&str, &str, &str)]) -> Value {
    let fields = |names: &[&str]| -> Value {
        names.iter().map(|name| (format!("f:{name}"), json!({}))).collect::<serde_json::Map<_, _>>().into()
    };
    let (mut object, _) = with_hash(&desired().body);
    object["metadata"]["uid"] = "o-1".into();
    object["metadata"]["resourceVersion"] = version.into();
    let mut managed = vec![json!({"manager": "orkestra:web", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {
        "f:metadata": {"f:labels": {"f:app.kubernetes.io/managed-by": {}}, "f:annotations": {"f:orkestra.orkspace.io/applied": {}},
            "f:ownerReferences": {"k:{\"uid\":\"p-1\"}": {}}},
        "f:data": fields(mine)}})];
    managed.extend(others.iter().map(|(manager, operation, field)| {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": {"f:data": fields(&[field])}})
    }));
    if mine.is_empty() {
        // A set has no empty inner nodes: this one would mean the whole of `data`.
        managed[0]["fieldsV1"].as_object_mut().unwrap().shift_remove("f:data");
    }
    object["metadata"]["managedFields"] = managed.into();
    object
}

fn conflict(fields: &[&str]) -> (u16, Value) {
    let causes: Vec<Value> =
        fields.iter().map(|field| json!({"reason": "FieldManagerConflict", "field": field})).collect();
    (409, json!({"kind": "Status", "reason": "Conflict", "message": "conflict", "details": {"causes": causes}}))
}

fn not_found() -> (u16, Value) {
    (404, json!({"kind": "Status", "reason": "NotFound", "message": "not found"}))
}

async fn apply(server: &Scripted, store: &Store, memory: &mut Memory) -> Result<Applied, Error> {
    let (api, limit) = (server.api(), RateLimit::new(0, 0));
    let applier =
        Applier { api: &api, limit: &limit, identity: &Identity::Process, manager: "orkestra:web", owner: "p-1" };
    applier.apply(store, &desired(), memory).await
}

fn cached(store: &Store, object: &Value) {
    store.observe(Object::parse(object.to_string().as_bytes(), "v1", "ConfigMap").unwrap());
}

#[tokio::test]
async fn a_free_name_is_taken_without_a_uid_and_without_force() {
    let server = Scripted::new([not_found(), (201, live("5", &["x", "y"], &[]))]);
    let applied = apply(&server, &store(), &mut Memory::default()).await.unwrap();
    assert!(applied.wrote);
    let asked = server.asked();
    assert_eq!(asked[0].0, format!("GET {PATH}"));
    assert_eq!(asked[1].0, format!("PATCH {PATH}?fieldManager=orkestra%3Aweb"));
    assert_eq!(asked[1].1["metadata"]["uid"], Value::Null);
}

#[tokio::test]
async fn somebody_who_was_faster_gets_our_fields_out_of_the_way() {
    let mut theirs = live("5", &["y"], &[("kubectl-create", "Update", "x")]);
    theirs["metadata"]["uid"] = "theirs".into();
    let server = Scripted::new([not_found(), (200, theirs.clone()), (200, theirs)]);
    let error = apply(&server, &store(), &mut Memory::default()).await.unwrap_err();
    assert_eq!(error.reason(), "AlreadyExists");
    let asked = server.asked();
    assert_eq!(
        asked[2].1,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n", "uid": "theirs"}})
    );
    assert!(!asked[2].0.contains("force"), "{}", asked[2].0);
}

#[tokio::test]
async fn an_own_request_that_came_late_is_no_foreigner() {
    let server = Scripted::new([not_found(), (200, live("5", &["x", "y"], &[]))]);
    assert!(apply(&server, &store(), &mut Memory::default()).await.unwrap().wrote);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_settled_child_costs_nothing() {
    let (server, store) = (Scripted::default(), store());
    cached(&store, &live("5", &["x", "y"], &[]));
    assert!(!apply(&server, &store, &mut Memory::default()).await.unwrap().wrote);
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn drift_is_taken_back_by_force_tied_to_what_was_judged() {
    let edited = live("9", &["y"], &[("kubectl-edit", "Update", "x")]);
    let server = Scripted::new([conflict(&[".data.x"]), (200, edited.clone()), (200, live("10", &["x", "y"], &[]))]);
    let store = store();
    cached(&store, &edited);
    let applied = apply(&server, &store, &mut Memory::default()).await.unwrap();
    assert_eq!((applied.drift.len(), applied.conflicts.len()), (1, 0));
    let asked = server.asked();
    assert!(!asked[0].0.contains("force"), "{}", asked[0].0);
    assert_eq!(asked[0].1["metadata"]["uid"], "o-1");
    assert!(asked[2].0.ends_with("&force=true"), "{}", asked[2].0);
    assert_eq!(
        (&asked[2].1["metadata"]["uid"], &asked[2].1["metadata"]["resourceVersion"]),
        (&json!("o-1"), &json!("9"))
    );
}

#[tokio::test]
async fn what_is_theirs_is_left_out_even_where_force_is_needed_for_the_rest() {
    let contested = live("9", &[], &[("kubectl-edit", "Update", "x"), ("gitops", "Apply", "y")]);
    let after = live("10", &["x"], &[("gitops", "Apply", "y")]);
    let server = Scripted::new([conflict(&[".data.x", ".data.y"]), (200, contested.clone()), (200, after)]);
    let store = store();
    cached(&store, &contested);
    let applied = apply(&server, &store, &mut Memory::default()).await.unwrap();
    assert_eq!((applied.drift.len(), applied.conflicts.len()), (1, 1));
    let asked = server.asked();
    assert_eq!(asked[2].1["data"], json!({"x": "1"}));
    assert!(asked[2].0.ends_with("&force=true"), "{}", asked[2].0);
}

#[tokio::test]
async fn nothing_is_forced_where_it_is_not_known_whose_a_field_is() {
    // The hash is not the one of what we want, so nothing says that we ever owned these fields.
    let mut unknown = live("9", &[], &[("kubectl-edit", "Update", "x")]);
    unknown["metadata"]["annotations"]["orkestra.orkspace.io/applied"] = "older".into();
    let server = Scripted::new([conflict(&[".data.x", ".data.y"]), (200, unknown.clone())]);
    let store = store();
    cached(&store, &unknown);
    let applied = apply(&server, &store, &mut Memory::default()).await.unwrap();
    assert!(!applied.wrote);
    assert_eq!(applied.conflicts.len(), 2);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn an_object_of_another_owner_is_not_written_to() {
    let mut other = live("9", &["x", "y"], &[]);
    other["metadata"]["ownerReferences"][0]["uid"] = "p-2".into();
    let (server, store) = (Scripted::default(), store());
    cached(&store, &other);
    assert_eq!(apply(&server, &store, &mut Memory::default()).await.unwrap_err().reason(), "AlreadyExists");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn fields_that_the_api_server_drops_are_not_sent_for_ever() {
    let store = store();
    let dropped = live("5", &["x"], &[]);
    let server = Scripted::new([not_found(), (201, dropped)]);
    let mut memory = Memory::default();
    assert!(apply(&server, &store, &mut memory).await.unwrap().wrote);
    assert!(!apply(&server, &store, &mut memory).await.unwrap().wrote);
    assert_eq!(server.asked().len(), 2);
}
