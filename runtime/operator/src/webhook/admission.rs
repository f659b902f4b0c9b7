//! The configurations by which API servers ask the webhook before an object is stored: for its values, and for its rules.

use http::Method;
use serde_json::{Value, json};

use super::point::{MANAGER, covers};
use super::{Asked, State};
use crate::api::{APPLY, Api, Call, read_as};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::instance::{Admitting, Converting};
use crate::names;

const COLLECTIONS: &str = "/apis/admissionregistration.k8s.io/v1";

/// One of the two configurations.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Mutating,
    Validating,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Mutating => "MutatingWebhookConfiguration",
            Self::Validating => "ValidatingWebhookConfiguration",
        }
    }

    fn collection(self) -> &'static str {
        match self {
            Self::Mutating => "mutatingwebhookconfigurations",
            Self::Validating => "validatingwebhookconfigurations",
        }
    }

    /// The webhook's path.
    fn path(self) -> &'static str {
        match self {
            Self::Mutating => "/mutate",
            Self::Validating => "/validate",
        }
    }
}

/// The name of the configurations of the runtime in this namespace.
pub(crate) fn name(own_namespace: &str) -> String {
    format!("orkestra-webhook-{own_namespace}")
}

/// Writes the configurations where they are not so already.
pub(super) async fn put(state: &State, api: &Api, asked: &Asked) -> Result<(), ApiError> {
    for kind in [Kind::Mutating, Kind::Validating] {
        let Some(config) = state.client_config(kind.path()) else { continue };
        write(api, kind, &state.namespace, webhooks(kind, &config, asked, state)).await?;
    }
    Ok(())
}

/// Takes out of the configurations what an earlier process asked for: this one serves no webhook, so nothing could be stored.
pub(crate) async fn clear(api: &Api, own_namespace: &str) -> Result<(), ApiError> {
    for kind in [Kind::Mutating, Kind::Validating] {
        write(api, kind, own_namespace, Vec::new()).await?;
    }
    Ok(())
}

async fn write(api: &Api, kind: Kind, own_namespace: &str, webhooks: Vec<Value>) -> Result<(), ApiError> {
    let name = name(own_namespace);
    let path = format!("{COLLECTIONS}/{}/{name}", kind.collection());
    let live = match api.get_optional(&Identity::Process, &path).await {
        Ok(Some(answer)) => Some(read_as::<Value>(&answer.body, || format!("GET {path}"))?),
        Ok(None) => None,
        // The right is there where a pattern needs it, so where it is not there is nothing of ours.
        Err(error) if error.code() == Some(403) && webhooks.is_empty() => None,
        Err(error) => return Err(error),
    };
    let live = live.as_ref().map(|live| &live["webhooks"]);
    let same = match live {
        Some(found) if !webhooks.is_empty() => covers(found, &Value::from(webhooks.clone())),
        Some(found) => found.as_array().is_none_or(Vec::is_empty),
        None => webhooks.is_empty(),
    };
    if same {
        return Ok(());
    }
    let wanted = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind.name(),
        "metadata": {"name": name, "labels": {names::MANAGED_BY: names::MANAGED_BY_VALUE}},
        "webhooks": webhooks,
    });
    let path = format!("{path}?fieldManager={MANAGER}&force=true");
    let body = wanted.to_string().into_bytes();
    let call = Call { identity: &Identity::Process, method: Method::PATCH, path: &path, content_type: APPLY, body };
    api.call(call).await.map(drop)
}

fn webhooks(kind: Kind, config: &Value, asked: &Asked, state: &State) -> Vec<Value> {
    let admitting = asked.admitting.iter().map(|(_, admitting)| admitting);
    match kind {
        Kind::Mutating => {
            let repairs = asked.converting.iter().map(|converting| repair(config, converting));
            let gives = admitting.filter(|admitting| admitting.mutates);
            repairs.chain(gives.map(|admitting| review("mutate", config, admitting, state))).collect()
        }
        Kind::Validating => {
            let judges = admitting.filter(|admitting| admitting.validates);
            judges.map(|admitting| review("validate", config, admitting, state)).collect()
        }
    }
}

/// Asks before an object of a version that is not stored is updated.
fn repair(config: &Value, converting: &Converting) -> Value {
    json!({
        "name": format!("{}.orkestra.orkspace.io", converting.name()),
        "admissionReviewVersions": ["v1"],
        "clientConfig": config,
        // Where the webhook is not there nothing can be converted either: to go on without it would lose data.
        "failurePolicy": "Fail",
        // The version that the client writes, not one that it would be converted to.
        "matchPolicy": "Exact",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "rules": [{"apiGroups": [converting.group], "apiVersions": converting.others, "operations": ["UPDATE"],
            "resources": [converting.plural], "scope": "*"}],
    })
}

/// Asks for the rules of an entry.
fn review(what: &str, config: &Value, admitting: &Admitting, state: &State) -> Value {
    let Admitting { group, version, plural, .. } = admitting;
    // Namespaces without which a cluster does not work, and the runtime's own, are held up by nobody.
    let mut namespaces = vec![json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn",
        "values": ["kube-system", state.namespace]})];
    if !state.watched.is_empty() {
        namespaces.push(json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": [state.watched]}));
    }
    let mut webhook = json!({
        "name": format!("{what}.{plural}.{group}.orkestra.orkspace.io"),
        "admissionReviewVersions": ["v1"],
        "clientConfig": config,
        // A rule that is not looked at would be none.
        "failurePolicy": "Fail",
        // Whatever version a client writes, the rules see the one that they are written for.
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "namespaceSelector": {"matchExpressions": namespaces},
        // What goes is held up by nobody, not even where the webhook is gone before it.
        "matchConditions": [{"name": "stays", "expression": "!has(object.metadata.deletionTimestamp)"}],
        "rules": [{"apiGroups": [group], "apiVersions": [version], "operations": ["CREATE", "UPDATE"],
            "resources": [plural], "scope": "*"}],
    });
    if what == "mutate" {
        // What others change afterwards may take a value away again.
        webhook["reinvocationPolicy"] = "IfNeeded".into();
    }
    webhook
}
