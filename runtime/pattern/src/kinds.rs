//! The schemas of Kubernetes' own kinds, as `k8s-openapi` has them.
//!
//! Each is built at its first use and kept: a pattern uses a handful of the kinds, and building one takes milliseconds.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource};

use crate::schema::{Schema, nearest};

/// A kind that every API server serves.
#[derive(Debug, Clone)]
pub struct BuiltIn {
    /// `v1`, `apps/v1`.
    pub api_version: &'static str,
    /// In CamelCase.
    pub kind: &'static str,
    /// The resource's name in paths.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What its objects look like.
    pub schema: Arc<Schema>,
}

/// The built-in kind of that name, if there is one.
pub fn lookup(api_version: &str, kind: &str) -> Option<BuiltIn> {
    let entry = TABLE.get(&(api_version, kind))?;
    // A panic while a schema is built leaves the cache as it was before.
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let schema = match cache.get(&(entry.api_version, entry.kind)) {
        Some(schema) => schema.clone(),
        None => {
            let schema = Arc::new((entry.build)());
            cache.insert((entry.api_version, entry.kind), schema.clone());
            schema
        }
    };
    let Entry { api_version, kind, plural, namespaced, build: _, json: _ } = *entry;
    Some(BuiltIn { api_version, kind, plural, namespaced, schema })
}

/// What Kubernetes says of a place of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Documentation {
    /// Of the place itself; empty where it says nothing.
    pub(crate) own: String,
    /// Of the fields there.
    pub(crate) fields: Vec<(String, String)>,
}

/// What Kubernetes says of the place `at` of a built-in kind: names of fields, `[]` for items of a list, `{}` for values of a map.
pub(crate) fn documentation(api_version: &str, kind: &str, at: &[&str]) -> Option<Documentation> {
    use serde_json::Value;
    let json = (TABLE.get(&(api_version, kind))?.json)();
    let definitions = json.get("$defs");
    let text = |node: &Value| Some(node.get("description")?.as_str()?.to_owned());
    // A field's own words come before those of its type.
    let said = |field: &Value| text(field).or_else(|| text(followed(field, definitions)?));
    let mut node = &json;
    let mut own = None;
    for step in at {
        let next = match *step {
            "[]" => node.get("items"),
            "{}" => node.get("additionalProperties"),
            name => node.get("properties").and_then(|fields| fields.get(name)),
        }?;
        own = said(next);
        node = followed(next, definitions)?;
    }
    let fields = node.get("properties").and_then(Value::as_object).into_iter().flatten();
    let fields = fields.filter_map(|(name, field)| Some((name.clone(), said(field)?))).collect();
    Some(Documentation { own: own.unwrap_or_default(), fields })
}

/// What a reference refers to.
fn followed<'a>(
    mut node: &'a serde_json::Value,
    definitions: Option<&'a serde_json::Value>,
) -> Option<&'a serde_json::Value> {
    while let Some(name) = node.get("$ref").and_then(|name| name.as_str()?.strip_prefix("#/$defs/")) {
        node = definitions?.get(name)?;
    }
    Some(node)
}

/// The API versions in which a kind of that name is built in.
pub fn versions_of(kind: &str) -> Vec<&'static str> {
    TABLE.values().filter(|entry| entry.kind == kind).map(|entry| entry.api_version).collect()
}

/// The built-in kind of an API version whose name is nearest to a mistyped one.
pub fn nearest_kind(api_version: &str, kind: &str) -> Option<&'static str> {
    nearest(kind, TABLE.values().filter(|entry| entry.api_version == api_version).map(|entry| entry.kind))
}

/// Whether the API group of that version belongs to Kubernetes itself, so that a kind that is not built in does not exist.
pub fn is_built_in_version(api_version: &str) -> bool {
    TABLE.keys().any(|(version, _)| *version == api_version)
}

/// The kind that everybody means by this name: `pods.v1` by `po`, `pod` and `pods`.
///
/// Short names are Kubernetes 1.37's, and a test on a real API server compares them.
pub fn named(name: &str) -> Option<String> {
    let full = |plural: &str, api_version: &str| format!("`{plural}` of `{api_version}`");
    if let Some((_, plural, api_version)) = SHORT_NAMES.iter().find(|(short, ..)| *short == name) {
        return Some(full(plural, api_version));
    }
    let found = TABLE.values().find(|entry| entry.plural == name || entry.kind.eq_ignore_ascii_case(name));
    found.map(|entry| full(entry.plural, entry.api_version))
}

/// The schema of `metadata`, which is the same for every kind.
pub fn object_meta() -> Arc<Schema> {
    static SCHEMA: LazyLock<Arc<Schema>> =
        LazyLock::new(|| Arc::new(build::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>()));
    SCHEMA.clone()
}

/// The short names of the kinds that an API server brings, with the plural and the API version of each.
const SHORT_NAMES: [(&str, &str, &str); 30] = [
    ("cj", "cronjobs", "batch/v1"),
    ("cm", "configmaps", "v1"),
    ("crd", "customresourcedefinitions", "apiextensions.k8s.io/v1"),
    ("crds", "customresourcedefinitions", "apiextensions.k8s.io/v1"),
    ("cs", "componentstatuses", "v1"),
    ("csr", "certificatesigningrequests", "certificates.k8s.io/v1"),
    ("deploy", "deployments", "apps/v1"),
    ("ds", "daemonsets", "apps/v1"),
    ("ep", "endpoints", "v1"),
    ("ev", "events", "v1"),
    ("hpa", "horizontalpodautoscalers", "autoscaling/v2"),
    ("ing", "ingresses", "networking.k8s.io/v1"),
    ("ip", "ipaddresses", "networking.k8s.io/v1"),
    ("limits", "limitranges", "v1"),
    ("netpol", "networkpolicies", "networking.k8s.io/v1"),
    ("no", "nodes", "v1"),
    ("ns", "namespaces", "v1"),
    ("pc", "priorityclasses", "scheduling.k8s.io/v1"),
    ("pdb", "poddisruptionbudgets", "policy/v1"),
    ("po", "pods", "v1"),
    ("pv", "persistentvolumes", "v1"),
    ("pvc", "persistentvolumeclaims", "v1"),
    ("quota", "resourcequotas", "v1"),
    ("rc", "replicationcontrollers", "v1"),
    ("rs", "replicasets", "apps/v1"),
    ("sa", "serviceaccounts", "v1"),
    ("sc", "storageclasses", "storage.k8s.io/v1"),
    ("sts", "statefulsets", "apps/v1"),
    ("svc", "services", "v1"),
    ("vac", "volumeattributesclasses", "storage.k8s.io/v1"),
];

#[derive(Clone, Copy)]
struct Entry {
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    build: fn() -> Schema,
    /// The same with its documentation, as JSON Schema.
    json: fn() -> serde_json::Value,
}

type Key = (&'static str, &'static str);

static CACHE: Mutex<BTreeMap<Key, Arc<Schema>>> = Mutex::new(BTreeMap::new());
static TABLE: LazyLock<BTreeMap<Key, Entry>> =
    LazyLock::new(|| kinds().into_iter().map(|e| ((e.api_version, e.kind), e)).collect());

fn json<T: JsonSchema>() -> serde_json::Value {
    serde_json::Value::from(SchemaGenerator::default().into_root_schema_for::<T>())
}

fn build<T: JsonSchema>() -> Schema {
    let json = json::<T>();
    let none = serde_json::Map::new();
    let definitions = json.get("$defs").and_then(serde_json::Value::as_object).unwrap_or(&none);
    // The library's own schemas are well formed, which a test proves for every kind.
    Schema::parse_with(&json, definitions).unwrap_or_default()
}

trait Scope {
    const NAMESPACED: bool;
}

impl Scope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

fn entry<T>() -> Entry
where
    T: Resource + JsonSchema,
    T::Scope: Scope,
{
    Entry {
        api_version: T::API_VERSION,
        kind: T::KIND,
        plural: T::URL_PATH_SEGMENT,
        namespaced: T::Scope::NAMESPACED,
        build: build::<T>,
        json: json::<T>,
    }
}

/// The kinds of the stable API groups that a pattern may render.
fn kinds() -> Vec<Entry> {
    use k8s_openapi::api::admissionregistration::v1 as admission;
    use k8s_openapi::api::apps::v1 as apps;
    use k8s_openapi::api::autoscaling::{v1 as autoscaling_v1, v2 as autoscaling};
    use k8s_openapi::api::batch::v1 as batch;
    use k8s_openapi::api::certificates::v1 as certificates;
    use k8s_openapi::api::coordination::v1 as coordination;
    use k8s_openapi::api::core::v1 as core;
    use k8s_openapi::api::discovery::v1 as discovery;
    use k8s_openapi::api::events::v1 as events;
    use k8s_openapi::api::flowcontrol::v1 as flowcontrol;
    use k8s_openapi::api::networking::v1 as networking;
    use k8s_openapi::api::node::v1 as node;
    use k8s_openapi::api::policy::v1 as policy;
    use k8s_openapi::api::rbac::v1 as rbac;
    use k8s_openapi::api::resource::v1 as resource;
    use k8s_openapi::api::scheduling::v1 as scheduling;
    use k8s_openapi::api::storage::v1 as storage;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
    use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
    vec![
        entry::<core::ConfigMap>(),
        entry::<core::Endpoints>(),
        entry::<core::Event>(),
        entry::<core::LimitRange>(),
        entry::<core::Namespace>(),
        entry::<core::Node>(),
        entry::<core::PersistentVolume>(),
        entry::<core::PersistentVolumeClaim>(),
        entry::<core::Pod>(),
        entry::<core::PodTemplate>(),
        entry::<core::ReplicationController>(),
        entry::<core::ResourceQuota>(),
        entry::<core::Secret>(),
        entry::<core::Service>(),
        entry::<core::ServiceAccount>(),
        entry::<admission::MutatingWebhookConfiguration>(),
        entry::<admission::ValidatingAdmissionPolicy>(),
        entry::<admission::ValidatingAdmissionPolicyBinding>(),
        entry::<admission::ValidatingWebhookConfiguration>(),
        entry::<apiextensions::CustomResourceDefinition>(),
        entry::<apiregistration::APIService>(),
        entry::<apps::ControllerRevision>(),
        entry::<apps::DaemonSet>(),
        entry::<apps::Deployment>(),
        entry::<apps::ReplicaSet>(),
        entry::<apps::StatefulSet>(),
        entry::<autoscaling_v1::HorizontalPodAutoscaler>(),
        entry::<autoscaling::HorizontalPodAutoscaler>(),
        entry::<batch::CronJob>(),
        entry::<batch::Job>(),
        entry::<certificates::CertificateSigningRequest>(),
        entry::<coordination::Lease>(),
        entry::<discovery::EndpointSlice>(),
        entry::<events::Event>(),
        entry::<flowcontrol::FlowSchema>(),
        entry::<flowcontrol::PriorityLevelConfiguration>(),
        entry::<networking::Ingress>(),
        entry::<networking::IngressClass>(),
        entry::<networking::NetworkPolicy>(),
        entry::<node::RuntimeClass>(),
        entry::<policy::PodDisruptionBudget>(),
        entry::<rbac::ClusterRole>(),
        entry::<rbac::ClusterRoleBinding>(),
        entry::<rbac::Role>(),
        entry::<rbac::RoleBinding>(),
        entry::<resource::DeviceClass>(),
        entry::<resource::ResourceClaim>(),
        entry::<resource::ResourceClaimTemplate>(),
        entry::<scheduling::PriorityClass>(),
        entry::<storage::CSIDriver>(),
        entry::<storage::StorageClass>(),
        entry::<storage::VolumeAttributesClass>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Object, Shape};

    #[test]
    fn every_kind_has_a_schema_with_metadata() {
        for (api_version, kind) in TABLE.keys() {
            let built_in = lookup(api_version, kind).unwrap();
            let metadata =
                built_in.schema.field("metadata").unwrap_or_else(|| panic!("{api_version} {kind} has no metadata"));
            assert!(metadata.schema.field("labels").is_some(), "{api_version} {kind}");
        }
    }

    #[test]
    fn a_kind_knows_its_resource() {
        let deployment = lookup("apps/v1", "Deployment").unwrap();
        assert_eq!((deployment.plural, deployment.namespaced), ("deployments", true));
        let spec = deployment.schema.field("spec").unwrap().schema.clone();
        assert!(spec.field("replica").is_none());
        assert_eq!(spec.nearest_field("replica"), Some("replicas"));
        let bounds = spec.field("replicas").unwrap().schema.bounds;
        assert_eq!((bounds.minimum, bounds.maximum), (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))));
        assert!(!lookup("v1", "Namespace").unwrap().namespaced);
        assert!(lookup("apps/v1", "Deploymnt").is_none());
        assert_eq!(nearest_kind("apps/v1", "Deploymnt"), Some("Deployment"));
    }

    #[test]
    fn a_name_that_everybody_knows_means_one_kind() {
        for name in ["po", "pod", "pods"] {
            assert_eq!(named(name).unwrap(), "`pods` of `v1`");
        }
        assert_eq!(named("hpa").unwrap(), "`horizontalpodautoscalers` of `autoscaling/v2`");
        assert_eq!(named("pg"), None);
        assert!(SHORT_NAMES.is_sorted());
    }

    #[test]
    fn quantities_ports_and_recursive_schemas() {
        let claim = lookup("v1", "PersistentVolumeClaim").unwrap().schema;
        let path = |schema: &Schema, path: &[&str]| {
            path.iter().fold(Arc::new(schema.clone()), |schema, name| schema.field(name).unwrap().schema.clone())
        };
        assert_eq!(path(&claim, &["spec", "resources", "requests", "storage"]).shape, Shape::Quantity);
        let service = lookup("v1", "Service").unwrap().schema;
        assert_eq!(
            path(&service, &["spec", "ports"]).items().unwrap().field("targetPort").unwrap().schema.shape,
            Shape::IntOrString
        );
        let definition = lookup("apiextensions.k8s.io/v1", "CustomResourceDefinition").unwrap().schema;
        let version = path(&definition, &["spec", "versions"]).items().unwrap().clone();
        let schema = path(&version, &["schema", "openAPIV3Schema"]);
        assert!(matches!(&schema.shape, Shape::Object(Object { fields, .. }) if fields.contains_key("properties")));
    }
}
