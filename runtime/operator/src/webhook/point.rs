//! A definition that points at the webhook.

use http::Method;
use serde_json::{Value, json};

use crate::api::{APPLY, Api, Call};
use crate::error::ApiError;
use crate::identity::Identity;

/// Owns `spec.conversion` and nothing else.
pub(super) const MANAGER: &str = "orkestra-webhook";

/// What a definition says of the webhook.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pointer(pub(super) Value);

impl Pointer {
    /// Whether a live definition says it already.
    pub(crate) fn is_in(&self, live: &Value) -> bool {
        live.pointer("/spec/conversion").is_some_and(|found| covers(found, &self.0))
    }

    /// Writes it into a live definition, where it does not say it already.
    pub(crate) async fn put(&self, api: &Api, live: &Value, path: &str) -> Result<bool, ApiError> {
        if self.is_in(live) {
            return Ok(false);
        }
        write(api, live, path, Some(&self.0)).await?;
        Ok(true)
    }
}

/// Takes what was written of a webhook out of a definition that no longer converts; the API server then converts nothing.
pub(crate) async fn withdraw(api: &Api, live: &Value, path: &str) -> Result<(), ApiError> {
    if wrote(live) { write(api, live, path, None).await } else { Ok(()) }
}

/// Whether we wrote how a definition converts.
fn wrote(live: &Value) -> bool {
    let managers = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    managers.into_iter().flatten().any(|entry| entry["manager"] == MANAGER)
}

async fn write(api: &Api, live: &Value, path: &str, conversion: Option<&Value>) -> Result<(), ApiError> {
    let mut body = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": live.pointer("/metadata/name"), "uid": live.pointer("/metadata/uid")},
    });
    if let Some(conversion) = conversion {
        body["spec"] = json!({"conversion": conversion});
    }
    // Whoever wrote something else there would have the objects of this kind corrupted.
    let path = format!("{path}?fieldManager={MANAGER}&force=true");
    let body = body.to_string().into_bytes();
    let call = Call { identity: &Identity::Process, method: Method::PATCH, path: &path, content_type: APPLY, body };
    api.call(call).await.map(drop)
}

/// Whether all that is wanted is found; what the API server adds beside it is no difference.
pub(super) fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| covers(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| covers(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

/// A definition with its stored version alone: before it points at the webhook, nobody may write in another one.
pub(crate) fn without_others(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(versions) = body.pointer_mut("/spec/versions").and_then(Value::as_array_mut) {
        versions.retain(|version| version["storage"] == true);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(bundle: &str) -> Pointer {
        Pointer(super::super::conversion(json!({"url": "https://127.0.0.1:1/convert", "caBundle": bundle})))
    }

    #[test]
    fn a_definition_that_says_it_already_is_left_alone_and_one_that_was_wiped_is_not() {
        let live = |conversion: Value| json!({"spec": {"conversion": conversion}});
        let mut said = pointer("YQ==").0;
        assert!(pointer("YQ==").is_in(&live(said.clone())));
        // What the API server fills in is no difference, another bundle is.
        said["webhook"]["clientConfig"]["more"] = json!(1);
        assert!(pointer("YQ==").is_in(&live(said.clone())));
        assert!(!pointer("Yg==").is_in(&live(said)));
        assert!(!pointer("YQ==").is_in(&live(json!({"strategy": "None"}))));
        assert!(!pointer("YQ==").is_in(&json!({"spec": {}})));
    }

    #[test]
    fn the_first_form_of_a_definition_has_its_stored_version_alone() {
        let body = json!({"spec": {"versions": [{"name": "v1", "storage": false}, {"name": "v2", "storage": true}]}});
        assert_eq!(without_others(&body), json!({"spec": {"versions": [{"name": "v2", "storage": true}]}}));
    }
}
