//! The lists that templates stand in, and the kind that each makes.

/// The kinds of template that the language has a form for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Namespace,
    ServiceAccount,
    Role,
    RoleBinding,
    NetworkPolicy,
    Secret,
    ConfigMap,
    PersistentVolumeClaim,
    Service,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Pod,
    Ingress,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    /// A whole manifest.
    Manifest,
}

impl Form {
    /// All of them: what others need comes first, which orders the children that refer to nothing.
    pub(crate) const ALL: [Form; 19] = [
        Form::Namespace,
        Form::ServiceAccount,
        Form::Role,
        Form::RoleBinding,
        Form::NetworkPolicy,
        Form::Secret,
        Form::ConfigMap,
        Form::PersistentVolumeClaim,
        Form::Service,
        Form::Deployment,
        Form::StatefulSet,
        Form::DaemonSet,
        Form::Job,
        Form::CronJob,
        Form::Pod,
        Form::Ingress,
        Form::HorizontalPodAutoscaler,
        Form::PodDisruptionBudget,
        Form::Manifest,
    ];

    /// The list's key, the API version, the kind, and what a name by default adds to the primary's.
    fn facts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Form::Namespace => ("namespaces", "v1", "Namespace", "-namespace"),
            Form::ServiceAccount => ("serviceAccounts", "v1", "ServiceAccount", "-sa"),
            Form::Role => ("roles", "rbac.authorization.k8s.io/v1", "Role", "-role"),
            Form::RoleBinding => ("roleBindings", "rbac.authorization.k8s.io/v1", "RoleBinding", "-rolebinding"),
            Form::NetworkPolicy => ("networkPolicies", "networking.k8s.io/v1", "NetworkPolicy", "-networkpolicy"),
            Form::Secret => ("secrets", "v1", "Secret", "-secret"),
            Form::ConfigMap => ("configMaps", "v1", "ConfigMap", "-config"),
            Form::PersistentVolumeClaim => ("persistentVolumeClaims", "v1", "PersistentVolumeClaim", "-pvc"),
            Form::Service => ("services", "v1", "Service", "-svc"),
            Form::Deployment => ("deployments", "apps/v1", "Deployment", "-deployment"),
            Form::StatefulSet => ("statefulSets", "apps/v1", "StatefulSet", ""),
            Form::DaemonSet => ("daemonSets", "apps/v1", "DaemonSet", "-daemonset"),
            Form::Job => ("jobs", "batch/v1", "Job", "-job"),
            Form::CronJob => ("cronJobs", "batch/v1", "CronJob", "-cronjob"),
            Form::Pod => ("pods", "v1", "Pod", "-pod"),
            Form::Ingress => ("ingresses", "networking.k8s.io/v1", "Ingress", "-ingress"),
            Form::HorizontalPodAutoscaler => {
                ("horizontalPodAutoscalers", "autoscaling/v2", "HorizontalPodAutoscaler", "-hpa")
            }
            Form::PodDisruptionBudget => ("podDisruptionBudgets", "policy/v1", "PodDisruptionBudget", "-pdb"),
            Form::Manifest => ("resources", "", "", ""),
        }
    }

    /// The key of its list in `onReconcile`.
    pub(crate) fn list(self) -> &'static str {
        self.facts().0
    }

    /// The API version and kind of a short form; none for a whole manifest, which says so itself.
    pub(crate) fn kind(self) -> Option<(&'static str, &'static str)> {
        let (_, api_version, kind, _) = self.facts();
        (self != Form::Manifest).then_some((api_version, kind))
    }

    /// What a child's name by default adds to the primary's; none for a whole manifest, where it depends on the kind.
    pub(crate) fn suffix(self) -> Option<&'static str> {
        (self != Form::Manifest).then_some(self.facts().3)
    }

    /// Whether it runs pods that are meant to stay, which a Service can lead to.
    pub(crate) fn keeps_pods(self) -> bool {
        matches!(self, Form::Deployment | Form::StatefulSet | Form::DaemonSet | Form::Pod)
    }

    /// Whether an autoscaler can change how many pods it runs.
    pub(crate) fn scales(self) -> bool {
        matches!(self, Form::Deployment | Form::StatefulSet)
    }
}
