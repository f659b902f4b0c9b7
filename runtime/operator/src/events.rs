//! Kubernetes Events on a primary, for what a person should know.

use http::Method;
use serde_json::json;
use tokio::sync::mpsc;

use crate::api::{Api, Call, JSON};
use crate::identity::Identity;
use crate::object::Object;

/// Events that may wait to be sent; more are dropped, as an Event is worth less than the work that it tells of.
const WAITING: usize = 256;

/// Sends Events one after another, beside the reconciles.
pub(crate) struct Events {
    sender: mpsc::Sender<(String, Vec<u8>)>,
}

impl Events {
    /// The sender, and the task that does the sending.
    pub(crate) fn new(api: Api) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, mut receiver) = mpsc::channel::<(String, Vec<u8>)>(WAITING);
        let task = async move {
            while let Some((path, body)) = receiver.recv().await {
                let identity = &Identity::Process;
                let call = Call { identity, method: Method::POST, path: &path, content_type: JSON, body };
                if let Err(error) = api.call(call).await {
                    tracing::debug!(%error, "event not sent");
                }
            }
        };
        (Self { sender }, task)
    }

    /// Tells something about a primary. `kind` is `Normal` or `Warning`.
    pub(crate) fn tell(&self, primary: &Object, kind: &str, reason: &str, message: &str) {
        let tree = primary.tree();
        let namespace = match &*primary.key.namespace {
            "" => "default",
            namespace => namespace,
        };
        let now = jiff::Timestamp::now();
        let name = format!("{}.{:x}", primary.key.name, now.as_nanosecond());
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": tree["apiVersion"], "kind": tree["kind"], "name": &*primary.key.name,
                "namespace": &*primary.key.namespace, "uid": &*primary.uid,
                "resourceVersion": &*primary.resource_version,
            },
            "type": kind, "reason": reason, "message": message,
            "source": {"component": "orkestra"}, "reportingComponent": "orkestra", "reportingInstance": "orkestra",
            "firstTimestamp": timestamp(now), "lastTimestamp": timestamp(now), "count": 1,
        });
        let path = format!("/api/v1/namespaces/{namespace}/events");
        if self.sender.try_send((path, event.to_string().into_bytes())).is_err() {
            tracing::debug!(reason, "event dropped");
        }
    }
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
pub(crate) fn timestamp(time: jiff::Timestamp) -> String {
    time.round(jiff::Unit::Second).unwrap_or(time).to_string()
}
