//! How far a migration in pages has come, kept in one ConfigMap of the runtime.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::judge::Target;
use crate::api::{Api, Call, JSON, MERGE_PATCH, read_as};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::names;

/// The ConfigMap's name.
pub(crate) const NAME: &str = "orkestra-migrations";

/// What is kept of one definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Record {
    uid: String,
    generation: i64,
    /// The storage version into which was written.
    version: String,
    /// Where the next page begins; empty: at the beginning.
    #[serde(rename = "continue")]
    pub(crate) next: String,
    /// Objects rewritten so far.
    pub(crate) objects: u64,
    /// All of them.
    pub(crate) done: bool,
}

impl Record {
    /// Of a migration that begins.
    pub(crate) fn begun(target: &Target) -> Self {
        let Target { uid, generation, storage, .. } = target.clone();
        Self { uid, generation, version: storage, ..Self::default() }
    }

    /// Whether it is about the definition as it is.
    pub(crate) fn is_of(&self, target: &Target) -> bool {
        self.uid == target.uid && self.generation == target.generation && self.version == target.storage
    }
}

/// Where it is kept.
pub(crate) struct Records<'a> {
    pub(crate) api: &'a Api,
    pub(crate) namespace: &'a str,
}

impl Records<'_> {
    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{NAME}", self.namespace)
    }

    /// What is kept of a definition as it is now. What cannot be read was not written by us, and is as good as none.
    pub(crate) async fn of(&self, target: &Target) -> Result<Option<Record>, ApiError> {
        let path = self.path();
        let Some(answer) = self.api.get_optional(&Identity::Process, &path).await? else { return Ok(None) };
        let map: Value = read_as(&answer.body, || format!("GET {path}"))?;
        let text = map["data"][&target.name].as_str().unwrap_or_default();
        Ok(serde_json::from_str(text).ok().filter(|record: &Record| record.is_of(target)))
    }

    /// Keeps it, in a ConfigMap and a namespace that are made where they are missing.
    pub(crate) async fn keep(&self, target: &Target, record: &Record) -> Result<(), ApiError> {
        let text = serde_json::to_string(record).map_err(|error| ApiError::Unreadable {
            what: "the record of a migration".to_owned(),
            message: error.to_string(),
        })?;
        let data = json!({"data": {&target.name: text}});
        match self.send(Method::PATCH, &self.path(), MERGE_PATCH, &data).await {
            Err(error) if error.code() == Some(404) => {}
            other => return other,
        }
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}});
        let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}});
        map["data"] = data["data"].clone();
        let collection = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
        match self.send(Method::POST, &collection, JSON, &map).await {
            Err(error) if error.code() == Some(404) => {}
            other => return other,
        }
        match self.send(Method::POST, "/api/v1/namespaces", JSON, &namespace).await {
            Err(error) if error.code() != Some(409) => Err(error),
            _ => self.send(Method::POST, &collection, JSON, &map).await,
        }
    }

    async fn send(&self, method: Method, path: &str, content_type: &'static str, body: &Value) -> Result<(), ApiError> {
        let path = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
        let (identity, body) = (&Identity::Process, body.to_string().into_bytes());
        self.api.call(Call { identity, method, path: &path, content_type, body }).await.map(|_| ())
    }
}
