//! What a cluster says of the resources that patterns reconcile, read with whatever rights the caller has. Nothing of a
//! running runtime is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::api::Api;
use crate::error::ApiError;
use crate::names;

pub(crate) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// The longest that one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// Objects of a page.
const PAGE: u32 = 500;
/// Events of one resource that are given, the newest.
const EVENTS: usize = 5;

/// Which resources are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// A kind, its plural, singular or a short name, in any case; with `.group` behind it where several have it. None: all
    /// kinds that a pattern's definition says are a pattern's.
    pub kind: Option<String>,
    /// One name.
    pub name: Option<String>,
    /// None: all namespaces.
    pub namespace: Option<String>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// `group/version`
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// Empty for a resource outside of namespaces.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The instance that its definition belongs to; empty where the definition does not say.
    pub pattern: String,
    /// It has no conditions: nobody has looked at it yet.
    pub unseen: bool,
    /// Its conditions are about an older state of it than the one that is there.
    pub outdated: bool,
    /// Writes for it are paused.
    pub paused: bool,
    /// It is being deleted; what is still to be done before it goes is in its finalizers.
    pub deleting: bool,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// In the order of its status.
    pub conditions: Vec<SeenCondition>,
    /// Of a resource that is not ready: the newest first.
    pub events: Vec<SeenEvent>,
}

/// One condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenCondition {
    /// `Ready`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Since when the status is so.
    pub last_transition_time: String,
}

/// One Event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenEvent {
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// How often.
    pub count: u32,
    /// When it was last so.
    pub last_timestamp: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// The API server.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// No definition of that kind.
    #[error("the cluster has no custom resource {kind:?}{}", offer(known))]
    UnknownKind {
        /// As asked for.
        kind: String,
        /// The kinds of patterns that it has.
        known: Vec<String>,
    },
    /// No resource of that name.
    #[error("there is no {kind} {name:?}{}", if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace:?}") })]
    NotFound {
        /// The kind, as asked for.
        kind: String,
        /// Its name.
        name: String,
        /// Empty: nowhere.
        namespace: String,
    },
}

impl SurveyError {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api(error) => error.reason(),
            Self::UnknownKind { .. } => "UnknownKind",
            Self::NotFound { .. } => "NotFound",
        }
    }
}

fn offer(known: &[String]) -> String {
    match known {
        [] => "; no definition here belongs to a pattern".to_owned(),
        known => format!("; patterns define {}", known.join(", ")),
    }
}

impl Surveyed {
    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<&SeenCondition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Whether it is as it should be, as of its present state.
    pub fn is_ready(&self) -> bool {
        let ready = self.condition("Ready").is_some_and(|condition| condition.status == "True");
        ready && !self.outdated && !self.deleting
    }
}

#[derive(Deserialize)]
struct Definitions {
    items: Vec<Definition>,
}

/// As far as it is needed to find a kind and its objects.
#[derive(Deserialize)]
pub(crate) struct Definition {
    metadata: DefinitionMetadata,
    spec: DefinitionSpec,
}

#[derive(Deserialize)]
struct DefinitionMetadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct DefinitionSpec {
    group: String,
    scope: String,
    names: DefinitionNames,
    versions: Vec<DefinitionVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionNames {
    kind: String,
    plural: String,
    #[serde(default)]
    singular: String,
    #[serde(default)]
    short_names: Vec<String>,
}

#[derive(Deserialize)]
struct DefinitionVersion {
    name: String,
    served: bool,
    storage: bool,
}

#[derive(Deserialize)]
struct List<T> {
    metadata: ListMetadata,
    items: Vec<T>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Condensed {
    metadata: CondensedMetadata,
    #[serde(default)]
    status: CondensedStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CondensedMetadata {
    name: String,
    #[serde(default)]
    namespace: String,
    uid: String,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    finalizers: Vec<String>,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct CondensedStatus {
    /// A pattern may have anything there; what is no list of conditions is none.
    conditions: Value,
    observed_generation: Option<i64>,
}

impl Definition {
    /// `plural.group`
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.spec.names.plural, self.spec.group)
    }

    pub(crate) fn kind(&self) -> &str {
        &self.spec.names.kind
    }

    /// Whether an instance of a pattern brought it.
    pub(crate) fn is_patterns(&self) -> bool {
        self.metadata.labels.get(names::MANAGED_BY).is_some_and(|by| by == names::MANAGED_BY_VALUE)
    }

    /// Whether a person means it by this word.
    pub(crate) fn is_called(&self, wanted: &str) -> bool {
        let DefinitionSpec { group, names, .. } = &self.spec;
        let mut all = [&names.kind, &names.plural, &names.singular].into_iter().chain(&names.short_names);
        all.any(|name| {
            !name.is_empty()
                && (name.eq_ignore_ascii_case(wanted) || format!("{name}.{group}").eq_ignore_ascii_case(wanted))
        })
    }

    /// The version that is read: the stored one, or another where that is not served.
    fn version(&self) -> Option<&str> {
        let served = || self.spec.versions.iter().filter(|version| version.served);
        let version = served().find(|version| version.storage).or(served().next());
        version.map(|version| version.name.as_str())
    }

    fn collection(&self, version: &str, namespace: Option<&str>) -> String {
        let DefinitionSpec { group, scope, names, .. } = &self.spec;
        match namespace {
            Some(namespace) if scope == "Namespaced" => {
                format!("/apis/{group}/{version}/namespaces/{namespace}/{}", names.plural)
            }
            _ => format!("/apis/{group}/{version}/{}", names.plural),
        }
    }
}

/// Reads the resources that are asked for.
///
/// # Errors
///
/// An API server that does not answer or refuses to, and a kind or name that is not there.
pub async fn survey(client: kube::Client, query: &Query) -> Result<Vec<Surveyed>, SurveyError> {
    let api = Api::new(client, REQUEST_LIMIT);
    let all: Definitions = api.get_as(DEFINITIONS).await?;
    let wanted = |definition: &&Definition| match &query.kind {
        Some(kind) => definition.is_called(kind),
        None => definition.is_patterns(),
    };
    let definitions: Vec<&Definition> = all.items.iter().filter(wanted).collect();
    if let Some(kind) = query.kind.as_ref().filter(|_| definitions.is_empty()) {
        let known = all.items.iter().filter(|definition| definition.is_patterns());
        let known = known.map(|definition| definition.spec.names.kind.clone()).collect();
        return Err(SurveyError::UnknownKind { kind: kind.clone(), known });
    }
    let mut surveyed = Vec::new();
    for definition in definitions {
        let Some(version) = definition.version() else { continue };
        for item in list::<Condensed>(&api, &definition.collection(version, query.namespace.as_deref())).await? {
            if query.name.as_ref().is_some_and(|name| *name != item.metadata.name) {
                continue;
            }
            let uid = item.metadata.uid.clone();
            let mut resource = condense(definition, version, item);
            if !resource.is_ready() {
                resource.events = events(&api, &resource.namespace, &uid).await?;
            }
            surveyed.push(resource);
        }
    }
    if let (Some(kind), Some(name), true) = (&query.kind, &query.name, surveyed.is_empty()) {
        let namespace = query.namespace.clone().unwrap_or_default();
        return Err(SurveyError::NotFound { kind: kind.clone(), name: name.clone(), namespace });
    }
    surveyed.sort_by(|a, b| (&a.namespace, &a.kind, &a.name).cmp(&(&b.namespace, &b.kind, &b.name)));
    Ok(surveyed)
}

fn condense(definition: &Definition, version: &str, item: Condensed) -> Surveyed {
    let Condensed { metadata, status } = item;
    let conditions: Vec<SeenCondition> = match status.conditions {
        Value::Array(list) => list.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        _ => Vec::new(),
    };
    Surveyed {
        api_version: crate::discovery::api_version(&definition.spec.group, version),
        kind: definition.spec.names.kind.clone(),
        pattern: definition.metadata.labels.get(names::PATTERN).cloned().unwrap_or_default(),
        unseen: conditions.is_empty(),
        outdated: status.observed_generation.is_some_and(|seen| seen < metadata.generation),
        paused: metadata.annotations.get(names::PAUSED).is_some_and(|value| value == "true"),
        deleting: metadata.deletion_timestamp.is_some(),
        finalizers: metadata.finalizers,
        namespace: metadata.namespace,
        name: metadata.name,
        conditions,
        events: Vec::new(),
    }
}

/// A whole list, in pages.
async fn list<T: for<'de> Deserialize<'de>>(api: &Api, collection: &str) -> Result<Vec<T>, ApiError> {
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let follow = if next.is_empty() { String::new() } else { format!("&continue={next}") };
        let page: List<T> = api.get_as(&format!("{collection}?limit={PAGE}{follow}")).await?;
        all.extend(page.items);
        next = page.metadata.next;
        if next.is_empty() {
            return Ok(all);
        }
    }
}

/// The newest Events about the object with this UID. Who may not read Events sees none.
async fn events(api: &Api, namespace: &str, uid: &str) -> Result<Vec<SeenEvent>, ApiError> {
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.uid%3D{uid}&limit={PAGE}");
    let mut found = match api.get_as::<List<SeenEvent>>(&path).await {
        Ok(list) => list.items,
        Err(error) if error.code() == Some(403) => Vec::new(),
        Err(error) => return Err(error),
    };
    // Times in this form sort as text.
    found.sort_by(|a, b| b.last_timestamp.cmp(&a.last_timestamp));
    found.truncate(EVENTS);
    Ok(found)
}
