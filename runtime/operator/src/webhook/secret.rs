//! The Secret that holds the webhook's certificates, and the directory that may stand for it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use orkestra_webhook::certificates::{CertificateError, Kept, Mounted, Terms};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Certificates, State, Writes};
use crate::api::{Api, Call, JSON, read_as};
use crate::error::{ApiError, StartError};
use crate::identity::Identity;
use crate::inventory::ensure_namespace;
use crate::lock;
use crate::names;

/// The Secret's name.
pub(super) const NAME: &str = "orkestra-webhook";

#[derive(Deserialize)]
struct Stored {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

/// Serves what there is, and what is to be served next where this process leads. Gives the bundle; none where there is nothing to
/// serve yet.
pub(super) async fn serve(state: &State, api: &Api, writes: Writes) -> Result<Option<String>, StartError> {
    match &state.webhook.certificates {
        Certificates::Mounted(directory) => {
            let mounted = Mounted::read(directory).map_err(unusable)?;
            state.webhook.serving.put(mounted.certified().map_err(unusable)?);
            Ok(Some(mounted.bundle().to_owned()))
        }
        Certificates::Own { names, terms } => own(state, api, names, terms, writes).await,
    }
}

async fn own(
    state: &State,
    api: &Api,
    names: &[String],
    terms: &Terms,
    writes: Writes,
) -> Result<Option<String>, StartError> {
    let now = SystemTime::now();
    let path = format!("/api/v1/namespaces/{}/secrets/{NAME}", state.namespace);
    let stored = api.get_optional(&Identity::Process, &path).await?;
    let stored: Option<Stored> = stored.map(|answer| read_as(&answer.body, || format!("GET {path}"))).transpose()?;
    let found = match &stored {
        Some(stored) => Some(Kept::read(&decoded(&stored.data)).map_err(unusable)?),
        None => None,
    };
    let next = match (&found, writes != Writes::Nothing) {
        (Some(kept), true) => {
            let next = kept.next(names, now, terms).map_err(unusable)?;
            next.filter(|next| writes == Writes::All || next.bundle() == kept.bundle())
        }
        // A Secret that somebody deleted comes back as it was: definitions trust what is served.
        (None, true) => match lock::lock(&state.last).clone() {
            Some(last) => Some(last),
            None => Some(Kept::new(names, now, terms).map_err(unusable)?),
        },
        (_, false) => None,
    };
    let kept = match next {
        Some(next) => {
            // Stored first: what is served must be what the next leader finds.
            write(state, api, &path, stored.as_ref(), &next).await?;
            tracing::info!(secret = NAME, "the webhook's certificates were stored");
            Some(next)
        }
        None => found,
    };
    let Some(kept) = kept else { return Ok(None) };
    *lock::lock(&state.last) = Some(kept.clone());
    state.webhook.serving.put(kept.certified().map_err(unusable)?);
    Ok(Some(kept.bundle().to_owned()))
}

/// Begins the grace of a new authority anew, if one is running.
pub(super) async fn begin_grace_again(state: &State, api: &Api) -> Result<(), StartError> {
    let Some(last) = lock::lock(&state.last).clone() else { return Ok(()) };
    let again = last.begin_grace_again(SystemTime::now()).map_err(unusable)?;
    if again == last {
        return Ok(());
    }
    let path = format!("/api/v1/namespaces/{}/secrets/{NAME}", state.namespace);
    let Some(answer) = api.get_optional(&Identity::Process, &path).await? else { return Ok(()) };
    let stored: Stored = read_as(&answer.body, || format!("GET {path}"))?;
    write(state, api, &path, Some(&stored), &again).await?;
    Ok(())
}

async fn write(state: &State, api: &Api, path: &str, stored: Option<&Stored>, kept: &Kept) -> Result<(), ApiError> {
    let data: BTreeMap<String, String> =
        kept.data().into_iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
    let mut object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": NAME, "namespace": state.namespace, "labels": {names::MANAGED_BY: names::MANAGED_BY_VALUE}},
        "data": data,
    });
    let (method, path) = match stored {
        Some(stored) => {
            // Tied to what was read: of two that lead for a moment one is refused.
            object["metadata"]["resourceVersion"] = Value::from(stored.metadata.resource_version.as_str());
            (Method::PUT, path.to_owned())
        }
        None => {
            ensure_namespace(api, &state.namespace).await?;
            (Method::POST, format!("/api/v1/namespaces/{}/secrets", state.namespace))
        }
    };
    let path = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
    let body = object.to_string().into_bytes();
    api.call(Call { identity: &Identity::Process, method, path: &path, content_type: JSON, body }).await.map(drop)
}

/// What is no base64 is left out; the reader says then what it misses.
fn decoded(data: &BTreeMap<String, String>) -> BTreeMap<String, Vec<u8>> {
    data.iter().filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value).ok()?))).collect()
}

fn unusable(error: CertificateError) -> StartError {
    StartError::Certificates(error)
}
