//! Resource paths, taken from what the API server says that it serves. A path is never guessed from a kind's name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;

use crate::api::Api;
use crate::error::ApiError;

/// How long an answer that a kind is not served is believed.
const ABSENT_FOR: Duration = Duration::from_secs(5);

/// A kind as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: String,
    /// `v1`
    pub(crate) version: String,
    /// In CamelCase.
    pub(crate) kind: String,
    /// The name in paths.
    pub(crate) plural: String,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Whether it has a status subresource.
    pub(crate) has_status: bool,
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Whether it is this version of a kind.
    pub(crate) fn is(&self, version: &str, kind: &str) -> bool {
        self.kind == kind && self.api_version() == version
    }

    /// The kind, told apart from those of the same name in other groups.
    pub(crate) fn group_kind(&self) -> String {
        group_kind(&self.api_version(), &self.kind)
    }

    /// The name for people and tools: `configmaps`, `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The path of the collection, in one namespace or (empty) over all.
    pub(crate) fn collection(&self, namespace: &str) -> String {
        let root = root(&self.group, &self.version);
        match self.namespaced && !namespace.is_empty() {
            true => format!("{root}/namespaces/{namespace}/{}", self.plural),
            false => format!("{root}/{}", self.plural),
        }
    }

    /// The path of one object. Namespace and name must have been checked as path segments.
    pub(crate) fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(namespace))
    }
}

/// `v1`, `apps/v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// A kind without its version: `ConfigMap`, `Deployment.apps`. Different groups have kinds of the same name.
pub(crate) fn group_kind(api_version: &str, kind: &str) -> String {
    match split_api_version(api_version) {
        ("", _) => kind.to_owned(),
        (group, _) => format!("{kind}.{group}"),
    }
}

/// Group and version of an `apiVersion`.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// What is served, asked for once per group and version and remembered.
pub(crate) struct Discovery {
    api: Api,
    known: Mutex<HashMap<(String, String), Known>>,
}

struct Known {
    asked: Instant,
    resources: Vec<Arc<Resource>>,
}

impl Discovery {
    pub(crate) fn new(api: Api) -> Self {
        Self { api, known: Mutex::new(HashMap::new()) }
    }

    /// The resource of a kind; none where it is not served.
    pub(crate) async fn find(&self, api_version: &str, kind: &str) -> Result<Option<Arc<Resource>>, ApiError> {
        let (group, version) = split_api_version(api_version);
        let key = (group.to_owned(), version.to_owned());
        let mut known = self.known.lock().await;
        let find = |known: &Known| known.resources.iter().find(|resource| resource.kind == kind).cloned();
        if let Some(answer) = known.get(&key) {
            let found = find(answer);
            if found.is_some() || answer.asked.elapsed() < ABSENT_FOR {
                return Ok(found);
            }
        }
        let resources = ask(&self.api, group, version).await?;
        let answer = Known { asked: Instant::now(), resources };
        let found = find(&answer);
        known.insert(key, answer);
        Ok(found)
    }

    /// Forgets what is known, because definitions have changed.
    pub(crate) async fn forget(&self) {
        self.known.lock().await.clear();
    }
}

#[derive(Deserialize)]
struct List {
    resources: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    kind: String,
    namespaced: bool,
}

async fn ask(api: &Api, group: &str, version: &str) -> Result<Vec<Arc<Resource>>, ApiError> {
    let list: List = match api.get_as(&root(group, version)).await {
        Ok(list) => list,
        Err(error) if error.code() == Some(404) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let with_status: Vec<&str> = list.resources.iter().filter_map(|item| item.name.strip_suffix("/status")).collect();
    let resources = list.resources.iter().filter(|item| !item.name.contains('/')).map(|item| {
        Arc::new(Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: item.kind.clone(),
            plural: item.name.clone(),
            namespaced: item.namespaced,
            has_status: with_status.contains(&item.name.as_str()),
        })
    });
    Ok(resources.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_scope_and_namespace() {
        let resource = |group: &str, namespaced| Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: "Thing".to_owned(),
            plural: "things".to_owned(),
            namespaced,
            has_status: false,
        };
        assert_eq!(resource("", true).object("n", "a"), "/api/v1/namespaces/n/things/a");
        assert_eq!(resource("g.io", true).collection(""), "/apis/g.io/v1/things");
        assert_eq!(resource("g.io", false).object("n", "a"), "/apis/g.io/v1/things/a");
        assert_eq!(split_api_version("apps/v1"), ("apps", "v1"));
        assert_eq!(split_api_version("v1"), ("", "v1"));
    }
}
