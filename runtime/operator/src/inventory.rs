//! The kinds that each entry ever rendered, kept in one ConfigMap of the runtime, so that children of a kind that a
//! pattern no longer has are still found. It is written before anything is applied, and kinds are never taken out.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::api::{Api, Call, JSON, MERGE_PATCH, read_as};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::names;

/// The ConfigMap's name.
pub(crate) const NAME: &str = "orkestra-inventory";

/// `apiVersion` and kind.
pub(crate) type Kind = (String, String);

/// What is stored.
pub(crate) struct Inventory {
    api: Api,
    namespace: String,
}

#[derive(Deserialize)]
struct ConfigMap {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

impl Inventory {
    pub(crate) fn new(api: Api, namespace: String) -> Self {
        Self { api, namespace }
    }

    /// Makes sure that the stored kinds of each entry (`instance.entry`) hold the given ones, and gives all of them.
    /// Writes only when something is missing.
    pub(crate) async fn record(
        &self,
        entries: &BTreeMap<String, BTreeSet<Kind>>,
    ) -> Result<BTreeMap<String, BTreeSet<Kind>>, ApiError> {
        let path = self.path();
        let stored = self.stored().await?;
        let before = kinds_of(stored.as_ref());
        let all = joined(&before, entries);
        // What a rehearsal renders is never there, so it need not be found later.
        if all == before || self.api.rehearsal().is_some() {
            return Ok(all);
        }
        let data: BTreeMap<&String, String> = all.iter().map(|(key, kinds)| (key, write(kinds))).collect();
        match stored {
            Some(stored) => {
                // Tied to the state that was read: kinds that another process wrote meanwhile must not get lost.
                let patch = json!({"metadata": {"resourceVersion": stored.metadata.resource_version}, "data": data});
                self.write(Method::PATCH, &path, MERGE_PATCH, &patch).await?;
            }
            None => {
                ensure_namespace(&self.api, &self.namespace).await?;
                let object = json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": NAME, "namespace": self.namespace}, "data": data,
                });
                let collection = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
                self.write(Method::POST, &collection, JSON, &object).await?;
            }
        }
        Ok(all)
    }

    /// The stored kinds of each entry with the given ones. Writes nothing.
    pub(crate) async fn look(
        &self,
        entries: &BTreeMap<String, BTreeSet<Kind>>,
    ) -> Result<BTreeMap<String, BTreeSet<Kind>>, ApiError> {
        Ok(joined(&kinds_of(self.stored().await?.as_ref()), entries))
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{NAME}", self.namespace)
    }

    async fn stored(&self) -> Result<Option<ConfigMap>, ApiError> {
        let path = self.path();
        let stored = self.api.get_optional(&Identity::Process, &path).await?;
        stored.map(|answer| read_as(&answer.body, || format!("GET {path}"))).transpose()
    }

    async fn write(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &serde_json::Value,
    ) -> Result<(), ApiError> {
        write_to(&self.api, method, path, content_type, body).await
    }
}

/// Makes the runtime's own namespace where it is missing.
pub(crate) async fn ensure_namespace(api: &Api, namespace: &str) -> Result<(), ApiError> {
    let path = format!("/api/v1/namespaces/{namespace}");
    if api.get_optional(&Identity::Process, &path).await?.is_some() {
        return Ok(());
    }
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    match write_to(api, Method::POST, "/api/v1/namespaces", JSON, &object).await {
        Err(error) if error.code() == Some(409) => Ok(()),
        other => other,
    }
}

async fn write_to(
    api: &Api,
    method: Method,
    path: &str,
    content_type: &'static str,
    body: &serde_json::Value,
) -> Result<(), ApiError> {
    let path = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
    let body = body.to_string().into_bytes();
    api.call(Call { identity: &Identity::Process, method, path: &path, content_type, body }).await.map(|_| ())
}

fn kinds_of(stored: Option<&ConfigMap>) -> BTreeMap<String, BTreeSet<Kind>> {
    stored.iter().flat_map(|map| &map.data).map(|(key, text)| (key.clone(), read(text))).collect()
}

fn joined(
    before: &BTreeMap<String, BTreeSet<Kind>>,
    entries: &BTreeMap<String, BTreeSet<Kind>>,
) -> BTreeMap<String, BTreeSet<Kind>> {
    let mut all = before.clone();
    for (entry, kinds) in entries {
        all.entry(entry.clone()).or_default().extend(kinds.iter().cloned());
    }
    all
}

/// One kind a line, `apiVersion/Kind`.
pub(crate) fn read(text: &str) -> BTreeSet<Kind> {
    let kinds = text.lines().filter_map(|line| line.trim().rsplit_once('/'));
    kinds.map(|(api_version, kind)| (api_version.to_owned(), kind.to_owned())).collect()
}

fn write(kinds: &BTreeSet<Kind>) -> String {
    kinds.iter().map(|(api_version, kind)| format!("{api_version}/{kind}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let kinds = BTreeSet::from([
            ("apps/v1".to_owned(), "Deployment".to_owned()),
            ("v1".to_owned(), "ConfigMap".to_owned()),
        ]);
        assert_eq!(write(&kinds), "apps/v1/Deployment\nv1/ConfigMap\n");
        assert_eq!(read(&write(&kinds)), kinds);
        assert_eq!(read("\n  v1/ConfigMap \nnonsense\n"), BTreeSet::from([("v1".to_owned(), "ConfigMap".to_owned())]));
    }
}
