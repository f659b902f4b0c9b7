//! The requests that write a child, and what their refusals mean.

use http::Method;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::api::{APPLY, Answer, Call, DRY_RUN, JSON, MERGE_PATCH, read_as};
use crate::apply::{Applier, Sent, parse};
use crate::cache::Store;
use crate::desired::Desired;
use crate::error::{ApiError, Error};
use crate::failpoint::{self, Point};
use crate::json::digest64;
use crate::object::Object;
use crate::secret::without_values;

impl Applier<'_> {
    /// Sends an apply. `query` is added to the path's.
    pub(crate) async fn send(
        &self,
        store: &Store,
        desired: &Desired,
        body: &Value,
        query: &str,
    ) -> Result<Sent, Error> {
        let object = store.resource.object(&desired.key.namespace, &desired.key.name);
        let path = format!("{object}?{}{query}", self.field_manager());
        self.limit.acquire().await;
        let error = match self.write(desired, Method::PATCH, &path, APPLY, body).await {
            Ok(answer) => return Ok(Sent::Answer(answer)),
            Err(error) => error,
        };
        let ApiError::Refused { refusal, .. } = &error else { return Err(error.into()) };
        let contested = refusal.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
        let contested: Vec<String> = contested.map(|cause| cause.field.clone()).collect();
        match refusal.code {
            409 if !contested.is_empty() => Ok(Sent::Contested(contested)),
            409 => Ok(Sent::Stale),
            422 if body.pointer("/metadata/uid").is_some() && self.valid_by_itself(store, desired).await => {
                Err(Error::ImmutableField {
                    kind: desired.kind.clone(),
                    name: desired.key.name.to_string(),
                    fields: refusal.causes.iter().map(|cause| cause.field.clone()).collect(),
                    message: refusal.message.clone(),
                })
            }
            _ => Err(error.into()),
        }
    }

    /// Creates a Secret where there is none, and none only: an apply would take one that came to be meanwhile for its
    /// own. None: there is one.
    pub(crate) async fn create_secret(
        &self,
        store: &Store,
        desired: &Desired,
        body: &Value,
    ) -> Result<Option<Object>, Error> {
        let path = format!("{}?{}", store.resource.collection(&desired.key.namespace), self.field_manager());
        self.limit.acquire().await;
        let created = match self.write(desired, Method::POST, &path, JSON, body).await {
            // What was only tried out cannot be patched.
            Ok(answer) if self.api.rehearsal().is_some() => return Ok(Some(parse(&answer.body, desired)?)),
            Ok(answer) => answer.body,
            Err(error) if error.code() == Some(409) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        self.own_as_applied(store, desired, &created).await
    }

    /// Whether the object was created by [`Applier::create_secret`], which did not come to its end.
    pub(crate) fn was_interrupted(&self, live: &Object) -> bool {
        let ours = || {
            live.ours.iter().filter(|entry| entry.manager == self.claimant.manager.name && entry.subresource.is_empty())
        };
        ours().any(|entry| entry.operation == "Update") && !ours().any(|entry| entry.operation == "Apply")
    }

    /// Makes the fields of an object that we created ours as if they had been applied. Otherwise what a later apply
    /// drops would stay, held by the creation. `created` is the object in the API server's bytes. None: it has changed.
    pub(crate) async fn own_as_applied(
        &self,
        store: &Store,
        desired: &Desired,
        created: &[u8],
    ) -> Result<Option<Object>, Error> {
        let object = parse(created, desired)?;
        let tree: Value = read_as(created, || format!("answer about {} {}", desired.kind, desired.key))?;
        let mut managed = tree.pointer("/metadata/managedFields").cloned().unwrap_or_default();
        for entry in managed.as_array_mut().into_iter().flatten() {
            if entry["manager"] == self.claimant.manager.name && entry["subresource"].as_str().is_none_or(str::is_empty)
            {
                entry["operation"] = "Apply".into();
                own_leaves_only(&mut entry["fieldsV1"]);
            }
        }
        let patch = json!({"metadata": {
            "uid": &*object.uid, "resourceVersion": &*object.resource_version, "managedFields": managed,
        }});
        self.patch(store, desired, &patch).await
    }

    /// Changes some fields of an object that `body` names by its UID and version. None: it has changed.
    pub(crate) async fn patch(&self, store: &Store, desired: &Desired, body: &Value) -> Result<Option<Object>, Error> {
        let path = store.resource.object(&desired.key.namespace, &desired.key.name);
        let path = format!("{path}?{}", self.field_manager());
        self.limit.acquire().await;
        match self.write(desired, Method::PATCH, &path, MERGE_PATCH, body).await {
            Ok(answer) => Ok(Some(parse(&answer.body, desired)?)),
            Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn write(
        &self,
        desired: &Desired,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &Value,
    ) -> Result<Answer, ApiError> {
        let body = body.to_string().into_bytes();
        failpoint::pass(Point::BeforeApply);
        let call = self.api.call(Call { identity: self.identity, method, path, content_type, body });
        let result = call.instrument(self.writes.of(desired)).await;
        failpoint::pass(Point::AfterApply);
        result.map_err(|error| if desired.is_secret() { without_values(error) } else { error })
    }

    fn field_manager(&self) -> String {
        format!("fieldManager={}", self.claimant.manager.name.replace(':', "%3A"))
    }

    /// Whether the API server would take the object under a name that is free: then it is the change that it refuses.
    async fn valid_by_itself(&self, store: &Store, desired: &Desired) -> bool {
        let mut body = desired.body.clone();
        let stem: String = desired.key.name.chars().take(40).collect();
        let owner = digest64(self.claimant.owner.as_bytes()) as u32;
        let name = format!("{}-{owner:08x}", stem.trim_end_matches(['.', '-']));
        body["metadata"]["name"] = name.clone().into();
        let object = store.resource.object(&desired.key.namespace, &name);
        let path = format!("{object}?{}&{DRY_RUN}", self.field_manager());
        self.write(desired, Method::PATCH, &path, APPLY, &body).await.is_ok()
    }
}

/// Takes out that whole maps are owned, as a creation owns them and an apply does not: once all that is in such a map was
/// edited, the map alone would be left, which reads as if everything in it were still ours.
fn own_leaves_only(set: &mut Value) {
    let Some(members) = set.as_object_mut() else { return };
    for (name, inner) in members {
        own_leaves_only(inner);
        if name.starts_with("f:")
            && let Some(inner) = inner.as_object_mut()
        {
            inner.shift_remove(".");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_let_go_and_items_of_lists_are_not() {
        let mut set = json!({"f:data": {".": {}, "f:text": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}},
            "f:ownerReferences": {".": {}, "k:{\"uid\":\"u\"}": {".": {}, "f:name": {}}}}});
        own_leaves_only(&mut set);
        let expected = json!({"f:data": {"f:text": {}}, "f:metadata": {"f:labels": {"f:x": {}},
            "f:ownerReferences": {"k:{\"uid\":\"u\"}": {".": {}, "f:name": {}}}}});
        assert_eq!(set, expected);
    }
}
