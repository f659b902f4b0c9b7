//! The webhook in the cluster: that definitions and webhook configurations point at it, and that it has certificates which they
//! trust.
//!
//! The webhook itself is served by whoever starts the runtime, on every replica: it needs no leader. What is written into the
//! cluster is the leader's: the Secret with the certificates, `spec.conversion` of the definitions, and the configurations for
//! admission, by a field manager of its own, so that it can be asserted again without touching anything else.

mod admission;
mod asked;
mod keep;
mod point;
mod secret;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use orkestra_webhook::certificates::{Kept, Serving, Terms};
use serde_json::{Value, json};

pub(crate) use admission::{clear, name as configurations};
pub(crate) use asked::Asked;
pub(crate) use keep::keep;
pub(crate) use point::{Pointer, withdraw, without_others};

use crate::api::Api;
use crate::error::StartError;
use crate::lock;

/// The webhook as the API server reaches it, and its certificates.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where API servers find it.
    pub reach: Reach,
    /// Where its certificates come from.
    pub certificates: Certificates,
    /// What serves them.
    pub serving: Arc<Serving>,
    /// The webhook that is served by this process, for readiness and metrics.
    pub served: orkestra_webhook::Served,
}

/// Where API servers find the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// At an address: `https://127.0.0.1:8443/convert`.
    Url(String),
    /// At a Service of the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
}

/// Where certificates come from.
#[derive(Debug, Clone)]
pub enum Certificates {
    /// A CA of our own, kept in a Secret of the runtime's namespace.
    Own {
        /// DNS names and addresses of the webhook.
        names: Vec<String>,
        /// When they are renewed.
        terms: Terms,
    },
    /// A directory with `tls.crt`, `tls.key` and `ca.crt`, which somebody else renews.
    Mounted(PathBuf),
}

/// What may be changed of the stored certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Nothing: another process leads.
    Nothing,
    /// What is served, and not whom definitions trust.
    SameBundle,
    /// Everything.
    All,
}

/// What the webhook's certificates are at the moment.
pub(crate) struct State {
    pub(crate) webhook: Webhook,
    pub(crate) namespace: String,
    /// The namespace that is watched; empty: all of them.
    watched: String,
    /// PEM of every CA that the API server must trust; none until it is known.
    bundle: Mutex<Option<String>>,
    /// What this process served last: what is in the Secret, unless somebody deleted that.
    last: Mutex<Option<Kept>>,
}

impl State {
    pub(crate) fn new(webhook: Webhook, namespace: String, watched: String) -> Self {
        Self { webhook, namespace, watched, bundle: Mutex::new(None), last: Mutex::new(None) }
    }

    /// Reads the certificates, or makes them where this process leads, and serves them.
    pub(crate) async fn prepare(&self, api: &Api, writes: Writes) -> Result<(), StartError> {
        if let Some(bundle) = secret::serve(self, api, writes).await? {
            *lock::lock(&self.bundle) = Some(bundle);
        }
        Ok(())
    }

    /// What definitions say of the webhook; none until there are certificates.
    pub(crate) fn pointer(&self) -> Option<Pointer> {
        Some(Pointer(conversion(self.client_config("/convert")?)))
    }

    /// How the API server reaches a path of the webhook.
    fn client_config(&self, path: &str) -> Option<Value> {
        use base64::Engine as _;
        let bundle = lock::lock(&self.bundle).clone()?;
        let bundle = base64::engine::general_purpose::STANDARD.encode(bundle);
        Some(match &self.webhook.reach {
            Reach::Url(url) => {
                let url = format!("{}{path}", url.strip_suffix("/convert").unwrap_or(url));
                json!({"url": url, "caBundle": bundle})
            }
            Reach::Service { namespace, name, port } => {
                let service = json!({"namespace": namespace, "name": name, "port": port, "path": path});
                json!({"service": service, "caBundle": bundle})
            }
        })
    }
}

/// `spec.conversion` of a definition.
fn conversion(client_config: Value) -> Value {
    json!({"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client_config}})
}
