//! The configuration by which the API server asks the webhook before an object of a version that is not stored is updated.

use http::Method;
use serde_json::{Value, json};

use super::State;
use super::point::{MANAGER, covers};
use crate::api::{APPLY, Api, Call, read_as};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::instance::Converting;
use crate::names;

const NAME: &str = "orkestra-webhook";
const PATH: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/orkestra-webhook";

/// Writes the configuration where it is not so already.
pub(super) async fn put(state: &State, api: &Api, converting: &[Converting]) -> Result<(), ApiError> {
    let Some(config) = state.client_config("/mutate") else { return Ok(()) };
    let wanted = configuration(&config, converting);
    if let Some(answer) = api.get_optional(&Identity::Process, PATH).await? {
        let live: Value = read_as(&answer.body, || format!("GET {PATH}"))?;
        if covers(&live["webhooks"], &wanted["webhooks"]) {
            return Ok(());
        }
    }
    let path = format!("{PATH}?fieldManager={MANAGER}&force=true");
    let body = wanted.to_string().into_bytes();
    let call = Call { identity: &Identity::Process, method: Method::PATCH, path: &path, content_type: APPLY, body };
    api.call(call).await.map(drop)
}

fn configuration(client_config: &Value, converting: &[Converting]) -> Value {
    let webhook = |converting: &Converting| {
        json!({
            "name": format!("{}.orkestra.orkspace.io", converting.name()),
            "admissionReviewVersions": ["v1"],
            "clientConfig": client_config,
            // Where the webhook is not there nothing can be converted either: to go on without it would lose data.
            "failurePolicy": "Fail",
            // The version that the client writes, not one that it would be converted to.
            "matchPolicy": "Exact",
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "rules": [{"apiGroups": [converting.group], "apiVersions": converting.others, "operations": ["UPDATE"],
                "resources": [converting.plural], "scope": "*"}],
        })
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME, "labels": {names::MANAGED_BY: names::MANAGED_BY_VALUE}},
        "webhooks": converting.iter().map(webhook).collect::<Vec<_>>(),
    })
}
