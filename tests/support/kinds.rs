//! The kinds that tests name.

/// A kind of object: its API version and its name. The resource behind it is asked of the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// `apps/v1`, or `v1`.
    pub api_version: &'static str,
    /// `StatefulSet`.
    pub kind: &'static str,
}

impl Kind {
    /// A kind that is not among the constants.
    #[must_use]
    pub const fn new(api_version: &'static str, kind: &'static str) -> Self {
        Self { api_version, kind }
    }
}

/// `v1 ConfigMap`
pub const CONFIG_MAP: Kind = Kind::new("v1", "ConfigMap");
/// `v1 Secret`
pub const SECRET: Kind = Kind::new("v1", "Secret");
/// `v1 Service`
pub const SERVICE: Kind = Kind::new("v1", "Service");
/// `v1 Pod`
pub const POD: Kind = Kind::new("v1", "Pod");
/// `v1 Event`
pub const EVENT: Kind = Kind::new("v1", "Event");
/// `v1 PersistentVolumeClaim`
pub const PERSISTENT_VOLUME_CLAIM: Kind = Kind::new("v1", "PersistentVolumeClaim");
/// `apps/v1 Deployment`
pub const DEPLOYMENT: Kind = Kind::new("apps/v1", "Deployment");
/// `apps/v1 StatefulSet`
pub const STATEFUL_SET: Kind = Kind::new("apps/v1", "StatefulSet");
/// `policy/v1 PodDisruptionBudget`
pub const POD_DISRUPTION_BUDGET: Kind = Kind::new("policy/v1", "PodDisruptionBudget");
/// `apiextensions.k8s.io/v1 CustomResourceDefinition`
pub const CUSTOM_RESOURCE_DEFINITION: Kind = Kind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
