//! What is sent for a child, against an API server whose answers are written down. What a real one answers is for the
//! suite `cluster`; here are the moments that cannot be brought about there.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::Api;
use crate::apply::{Applied, Applier};
use crate::cache::Store;
use crate::claim::Claimant;
use crate::desired::{Desired, with_hash};
use crate::discovery::Resource;
use crate::error::Error;
use crate::identity::Identity;
use crate::instance::ChildPolicy;
use crate::limit::RateLimit;
use crate::memory::Memory;
use crate::object::{Manager, Object, ObjectKey};
use crate::rehearsal::Action;
use crate::scripted::Scripted;
use crate::trace::Writes;

const PATH: &str = "/api/v1/namespaces/n/configmaps/a";

fn desired() -> Desired {
    Desired {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        policy: ChildPolicy::Apply,
        generated: crate::generated::Generated::default(),
        adopt: false,
        recreate: false,
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
    apply_this(server, store, &desired(), memory).await
}

async fn apply_this(
    server: &Scripted,
    store: &Store,
    desired: &Desired,
    memory: &mut Memory,
) -> Result<Applied, Error> {
    apply_by(&server.api(), store, desired, memory).await
}

async fn apply_by(api: &Api, store: &Store, desired: &Desired, memory: &mut Memory) -> Result<Applied, Error> {
    let limit = RateLimit::new(0, 0);
    let claimant = Claimant { owner: "p-1", manager: Manager::alone("orkestra:web"), lives: &|uid| uid == "p-2" };
    let applier = Applier { api, limit: &limit, identity: &Identity::Process, claimant, writes: Writes::default() };
    applier.apply(store, desired, memory).await
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

/// Somebody else's object, without anything of ours.
fn foreign(version: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "n", "uid": "theirs", "resourceVersion": version,
            "managedFields": [{"manager": "kubectl-create", "operation": "Update", "apiVersion": "v1",
                "fieldsV1": {"f:data": {"f:x": {}}}}]},
        "data": {"x": "theirs"}})
}

#[tokio::test]
async fn somebody_who_was_faster_gets_our_fields_out_of_the_way() {
    let mut theirs = live("5", &["y"], &[("kubectl-create", "Update", "x")]);
    theirs["metadata"]["uid"] = "theirs".into();
    let server = Scripted::new([not_found(), (200, theirs), (200, foreign("6")), (200, foreign("6"))]);
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
async fn fields_that_could_not_be_taken_back_are_before_anything_else() {
    let mut theirs = live("5", &["y"], &[("kubectl-create", "Update", "x")]);
    theirs["metadata"]["uid"] = "theirs".into();
    let unavailable = (503, json!({"kind": "Status", "reason": "ServiceUnavailable", "message": "later"}));
    let store = store();
    let mut memory = Memory::default();
    let server = Scripted::new([not_found(), (200, theirs.clone()), unavailable]);
    assert_eq!(apply(&server, &store, &mut memory).await.unwrap_err().reason(), "ApiError");
    // By now it looks like a child of ours.
    let server = Scripted::new([(200, theirs), (200, foreign("6")), (200, foreign("6"))]);
    assert_eq!(apply(&server, &store, &mut memory).await.unwrap_err().reason(), "AlreadyExists");
    assert_eq!(server.asked()[1].1["data"], Value::Null);
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

#[tokio::test]
async fn what_is_adopted_is_taken_from_editors_and_not_from_appliers() {
    let adopting = Desired { adopt: true, ..desired() };
    let mut nobodys = foreign("6");
    nobodys["metadata"]["managedFields"]
        .as_array_mut()
        .unwrap()
        .push(json!({"manager": "gitops", "operation": "Apply",
        "apiVersion": "v1", "fieldsV1": {"f:data": {"f:y": {}}}}));
    let after = live("7", &["x"], &[("gitops", "Apply", "y")]);
    let contested = conflict(&[".data.x", ".data.y"]);
    let server = Scripted::new([(200, nobodys.clone()), contested, (200, nobodys), (200, after)]);
    let applied = apply_this(&server, &store(), &adopting, &mut Memory::default()).await.unwrap();
    assert!(applied.adopted && applied.drift.is_empty());
    assert_eq!(applied.conflicts.len(), 1);
    let asked = server.asked();
    assert_eq!((&asked[3].1["data"], &asked[3].1["metadata"]["resourceVersion"]), (&json!({"x": "1"}), &json!("6")));
    assert!(asked[3].0.ends_with("&force=true"), "{}", asked[3].0);
}

#[tokio::test]
async fn what_somebody_controls_or_another_resource_keeps_is_not_adopted() {
    let adopting = Desired { adopt: true, ..desired() };
    let mut controlled = foreign("6");
    controlled["metadata"]["ownerReferences"] = json!([{"kind": "X", "name": "x", "uid": "x-1", "controller": true}]);
    let kept = |uid: &str| {
        let mut kept = foreign("6");
        kept["metadata"]["labels"] =
            json!({"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/owner-uid": uid});
        kept
    };
    for object in [controlled, kept("p-2")] {
        let server = Scripted::new([(200, object)]);
        let error = apply_this(&server, &store(), &adopting, &mut Memory::default()).await.unwrap_err();
        assert_eq!(error.reason(), "AlreadyExists");
        assert_eq!(server.asked().len(), 1);
    }
    // The resource that kept it is no more.
    let server = Scripted::new([(200, kept("gone")), (200, live("7", &["x", "y"], &[]))]);
    assert!(apply_this(&server, &store(), &adopting, &mut Memory::default()).await.unwrap().adopted);
}

#[tokio::test]
async fn a_retained_child_is_ours_by_label_and_by_what_we_applied() {
    let mut retained = live("5", &["x", "y"], &[]);
    retained["metadata"].as_object_mut().unwrap().shift_remove("ownerReferences");
    retained["metadata"]["labels"]["orkestra.orkspace.io/owner-uid"] = "p-1".into();
    let store = store();
    let server = Scripted::default();
    cached(&store, &retained);
    assert!(!apply(&server, &store, &mut Memory::default()).await.unwrap().wrote);
    retained["metadata"]["managedFields"] = json!([]);
    retained["metadata"]["resourceVersion"] = "7".into();
    cached(&store, &retained);
    assert_eq!(apply(&server, &store, &mut Memory::default()).await.unwrap_err().reason(), "AlreadyExists");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_is_only_made_is_found_and_goes_or_stays_as_the_pattern_says_now() {
    let made = Desired { policy: ChildPolicy::Create, ..desired() };
    let mut retained = made.clone();
    retained.body["metadata"].as_object_mut().unwrap().shift_remove("ownerReferences");
    retained.body["metadata"]["labels"]["orkestra.orkspace.io/owner-uid"] = "p-1".into();
    let mut edited = live("5", &[], &[("kubectl-edit", "Update", "x")]);
    edited["data"] = json!({"x": "edited"});
    for (desired, patch) in [
        (made, None),
        (
            retained,
            Some(json!({"uid": "o-1", "resourceVersion": "5", "ownerReferences": [],
                "labels": {"orkestra.orkspace.io/owner-uid": "p-1"}})),
        ),
    ] {
        let store = store();
        cached(&store, &edited);
        let server = Scripted::new(patch.iter().map(|_| (200, live("6", &[], &[]))));
        let applied = apply_this(&server, &store, &desired, &mut Memory::default()).await.unwrap();
        assert_eq!(applied.wrote, patch.is_some());
        let sent: Vec<Value> = server.asked().into_iter().map(|(_, body)| body["metadata"].clone()).collect();
        assert_eq!(sent, patch.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_immutable_field_is_named_or_the_object_made_anew_where_the_pattern_says_so() {
    let invalid = json!({"kind": "Status", "reason": "Invalid", "message": "immutable",
        "details": {"causes": [{"reason": "FieldValueInvalid", "field": "data", "message": "immutable"}]}});
    let old = |store: &Store| {
        let mut old = live("5", &["x", "y"], &[]);
        old["metadata"]["annotations"]["orkestra.orkspace.io/applied"] = "older".into();
        cached(store, &old);
    };
    let kept = store();
    old(&kept);
    let server = Scripted::new([(422, invalid.clone()), (200, json!({}))]);
    let error = apply(&server, &kept, &mut Memory::default()).await.unwrap_err();
    assert!(matches!(&error, Error::ImmutableField { fields, .. } if fields == &["data"]), "{error}");
    assert!(server.asked()[1].0.ends_with("&dryRun=All"));

    let anew = store();
    old(&anew);
    let answers =
        [(422, invalid.clone()), (200, json!({})), (200, json!({})), not_found(), (201, live("9", &["x", "y"], &[]))];
    let server = Scripted::new(answers);
    let recreating = Desired { recreate: true, ..desired() };
    let applied = apply_this(&server, &anew, &recreating, &mut Memory::default()).await.unwrap();
    assert_eq!(applied.recreated, ["data"]);
    let asked = server.asked();
    assert_eq!(asked[2].0, format!("DELETE {PATH}"));
    assert_eq!(asked[2].1["preconditions"], json!({"uid": "o-1", "resourceVersion": "5"}));

    // Where that is only tried out the old one stays, and would refuse the change for ever.
    let tried = store();
    old(&tried);
    let there = || (200, live("5", &["x", "y"], &[]));
    let server = Scripted::new([there(), (422, invalid), (200, json!({})), there(), (200, json!({}))]);
    let api = server.api().rehearsing();
    let applied = apply_by(&api, &tried, &recreating, &mut Memory::default()).await.unwrap();
    assert!(!applied.wrote && applied.recreated.is_empty());
    let actions: Vec<Action> = api.rehearsal().unwrap().take().iter().map(|change| change.action).collect();
    assert_eq!(actions, [Action::Delete, Action::Create]);
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn what_lies_elsewhere_and_is_only_made_stays_or_goes_as_the_pattern_says_now() {
    let with = |retained: bool| {
        let mut made = Desired { policy: ChildPolicy::Create, ..desired() };
        let metadata = made.body["metadata"].as_object_mut().unwrap();
        metadata.shift_remove("ownerReferences");
        metadata["labels"]["orkestra.orkspace.io/owner-uid"] = "p-1".into();
        metadata["labels"]["orkestra.orkspace.io/owner-namespace"] = "m".into();
        if retained {
            metadata["labels"]["orkestra.orkspace.io/retained"] = "true".into();
        }
        made
    };
    for (before, now, sent) in [(false, true, json!("true")), (true, false, Value::Null)] {
        let mut there = live("5", &["x", "y"], &[]);
        let (labels, metadata) = (with(before).body["metadata"]["labels"].clone(), &mut there["metadata"]);
        metadata["labels"] = labels;
        metadata.as_object_mut().unwrap().shift_remove("ownerReferences");
        let (store, server) = (store(), Scripted::new([(200, there.clone())]));
        cached(&store, &there);
        assert!(apply_this(&server, &store, &with(now), &mut Memory::default()).await.unwrap().wrote);
        let sent = json!({"uid": "o-1", "resourceVersion": "5", "labels": {"orkestra.orkspace.io/retained": sent}});
        assert_eq!(server.asked()[0].1["metadata"], sent);
    }
}
