//! Deletes children that are no longer wanted. Three things must agree: our label, the inventory, the owner's UID.

use std::collections::HashSet;

use http::Method;
use orkestra_sandbox::ChildRef;
use serde_json::json;

use crate::api::{Api, Call, JSON};
use crate::cache::Store;
use crate::discovery::group_kind;
use crate::error::{ApiError, Error};
use crate::failpoint::{self, Point};
use crate::identity::Identity;
use crate::instance::{ChildPolicy, DeclaredChild, Entry};
use crate::limit::RateLimit;
use crate::object::{Manager, Object, ObjectKey};
use crate::trace;

/// What a plan says about objects that exist.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Kind (without its version) and key of every object that was rendered.
    pub(crate) rendered: HashSet<(String, ObjectKey)>,
    /// Children that cannot be rendered yet.
    pub(crate) pending: Vec<ChildRef>,
}

impl Wanted {
    /// Whether an object of a template may be one that cannot be rendered yet.
    fn may_be_pending(&self, id: &str, object: &Object) -> bool {
        let element = object.element.as_deref();
        let may_be = |key: Option<&str>| key.is_none() || element.is_none() || key == element;
        self.pending.iter().any(|pending| pending.id == id && may_be(pending.key.as_deref()))
    }
}

/// Whether an object of the primary `owner`, whose pattern's field manager is `manager`, is one that its plan has dropped.
/// `kind` is the object's, without its version.
///
/// An object whose id label is none of this entry's for its kind comes from an older version of the pattern, or its
/// label was edited; while a child of that kind is pending it may be the very one, and stays.
pub(crate) fn is_dropped(
    entry: &Entry,
    kind: &str,
    object: &Object,
    (owner, manager): (&Object, Manager<'_>),
    wanted: &Wanted,
) -> bool {
    if !object.goes_with(owner, manager)
        || object.deleting
        || wanted.rendered.contains(&(kind.to_owned(), object.key.clone()))
    {
        return false;
    }
    let of_kind = |child: &&DeclaredChild| group_kind(&child.api_version, &child.kind) == kind;
    let declared = entry.children.iter().filter(of_kind).find(|child| Some(&*child.id) == object.id.as_deref());
    match declared {
        Some(child) => child.policy == ChildPolicy::Apply && !child.retain && !wanted.may_be_pending(&child.id, object),
        None => {
            let mut same = entry.children.iter().filter(of_kind);
            !same.any(|child| wanted.pending.iter().any(|pending| pending.id == child.id))
        }
    }
}

/// When an object is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// At once; what it owns goes later.
    Background,
    /// When what it owns is gone.
    Foreground,
}

/// Deletes one object, exactly in the state that was judged. Says whether it did; if not, it was gone already or had
/// changed, and the watch tells of the change: then it is judged again.
pub(crate) async fn delete(
    api: &Api,
    limit: &RateLimit,
    identity: &Identity,
    store: &Store,
    object: &Object,
    propagation: Propagation,
) -> Result<bool, Error> {
    let path = store.resource.object(&object.key.namespace, &object.key.name);
    let body = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": format!("{propagation:?}"),
        "preconditions": {"uid": &*object.uid, "resourceVersion": &*object.resource_version},
    });
    limit.acquire().await;
    let call =
        Call { identity, method: Method::DELETE, path: &path, content_type: JSON, body: body.to_string().into_bytes() };
    failpoint::pass(Point::BeforePrune);
    let span = trace::prune(&store.resource.kind, &object.key);
    let answer = trace::within(span, trace::unless(&[404, 409]), api.call(call)).await;
    failpoint::pass(Point::AfterPrune);
    match answer {
        Ok(_) => Ok(true),
        Err(ApiError::Refused { refusal, .. }) if matches!(refusal.code, 404 | 409) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn entry() -> Entry {
        let child = |id: &str, kind: &str, policy| DeclaredChild::new(id, "v1", kind, policy);
        Entry::of_webs(vec![
            child("cm", "ConfigMap", ChildPolicy::Apply),
            child("other", "ConfigMap", ChildPolicy::Apply),
            child("secret", "Secret", ChildPolicy::Create),
        ])
    }

    fn object(id: &str, edit: impl Fn(&mut serde_json::Value)) -> Object {
        let mut value = json!({"metadata": {"name": format!("{id}-1"), "namespace": "n", "uid": "o-1",
            "labels": {"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/id": id,
                "orkestra.orkspace.io/owner-uid": "p-1"},
            "ownerReferences": [{"kind": "Web", "name": "w", "uid": "p-1", "controller": true}]}});
        edit(&mut value);
        Object::parse(value.to_string().as_bytes(), "v1", "ConfigMap").unwrap()
    }

    fn dropped(kind: &str, object: &Object, wanted: &Wanted) -> bool {
        let owner = json!({"metadata": {"name": "w", "namespace": "n", "uid": "p-1"}}).to_string();
        let owner = Object::parse(owner.as_bytes(), "g/v1", "Web").unwrap();
        is_dropped(&entry(), kind, object, (&owner, Manager::alone("orkestra:shop")), wanted)
    }

    #[tokio::test]
    async fn what_has_changed_since_it_was_judged_is_left_for_the_next_look() {
        let conflict = json!({"kind": "Status", "code": 409, "reason": "Conflict"});
        let server = crate::scripted::Scripted::new([(409, conflict), (200, json!({}))]);
        let store = Store::new(std::sync::Arc::new(crate::discovery::Resource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            plural: "configmaps".to_owned(),
            namespaced: true,
            has_status: false,
        }));
        let (api, limit) = (server.api(), RateLimit::new(0, 0));
        for deleted in [false, true] {
            let object = object("cm", |_| ());
            let answer = delete(&api, &limit, &Identity::Process, &store, &object, Propagation::Background).await;
            assert_eq!(answer.unwrap(), deleted);
        }
        assert_eq!(server.asked()[0].1["preconditions"]["uid"], "o-1");
    }

    #[test]
    fn what_the_plan_does_not_list_is_dropped() {
        assert!(dropped("ConfigMap", &object("cm", |_| ()), &Wanted::default()));
        assert!(dropped("ConfigMap", &object("gone-from-the-pattern", |_| ()), &Wanted::default()));
    }

    #[test]
    fn a_kind_of_the_same_name_in_another_group_is_another_kind() {
        let key = ObjectKey::new("n", "cm-1");
        let rendered = Wanted { rendered: HashSet::from([("ConfigMap.g".to_owned(), key)]), ..Wanted::default() };
        assert!(dropped("ConfigMap", &object("cm", |_| ()), &rendered));
        assert!(!dropped("ConfigMap.g", &object("cm", |_| ()), &rendered));
        assert_eq!(group_kind("g/v1", "ConfigMap"), "ConfigMap.g");
    }

    #[test]
    fn what_is_rendered_or_pending_stays() {
        let key = ObjectKey::new("n", "cm-1");
        let rendered = Wanted { rendered: HashSet::from([("ConfigMap".to_owned(), key)]), ..Wanted::default() };
        assert!(!dropped("ConfigMap", &object("cm", |_| ()), &rendered));
        let pending = |id: &str| {
            let child = ChildRef { id: id.to_owned(), key: None };
            Wanted { pending: vec![child], ..Wanted::default() }
        };
        assert!(!dropped("ConfigMap", &object("cm", |_| ()), &pending("cm")));
        assert!(dropped("ConfigMap", &object("cm", |_| ()), &pending("other")));
        assert!(!dropped("ConfigMap", &object("edited-label", |_| ()), &pending("other")));
    }

    #[test]
    fn what_is_only_created_is_never_dropped() {
        assert!(!dropped("Secret", &object("secret", |_| ()), &Wanted::default()));
    }

    #[test]
    fn label_owner_uid_and_controller_must_agree() {
        for edit in [
            |value: &mut serde_json::Value| value["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "helm".into(),
            |value: &mut serde_json::Value| {
                value["metadata"]["labels"]["orkestra.orkspace.io/owner-uid"] = "p-2".into()
            },
            |value: &mut serde_json::Value| value["metadata"]["ownerReferences"][0]["uid"] = "p-2".into(),
            |value: &mut serde_json::Value| value["metadata"]["ownerReferences"][0]["controller"] = false.into(),
            |value: &mut serde_json::Value| value["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into(),
        ] {
            assert!(!dropped("ConfigMap", &object("cm", edit), &Wanted::default()));
        }
    }
}
