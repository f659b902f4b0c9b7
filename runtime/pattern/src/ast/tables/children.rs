//! The keys of children: what all have in common, and the words that short forms have of their own.

use super::CONDITION;
use crate::ast::Form;
use crate::table::{DURATION, EXPRESSION, IDENTIFIER, OfKind, Others, Row, Table, Takes, optional, required};

/// What every child can have.
pub(crate) static COMMON: [Row; 15] = [
    optional(
        "id",
        Takes::Like(&IDENTIFIER),
        "Its name in expressions, as `children.<id>`; by default its kind in lower camel case, where that is unique.",
    ),
    optional("name", Takes::Text, "The object's name; by default the primary's, with an ending by kind."),
    optional("namespace", Takes::Text, "The object's namespace; by default the primary's."),
    optional(
        "labels",
        Takes::Either(&[Takes::Map(&Takes::Any), Takes::Like(&EXPRESSION)]),
        "Labels beside those that every child has.",
    ),
    optional("annotations", Takes::Either(&[Takes::Map(&Takes::Any), Takes::Like(&EXPRESSION)]), "Annotations."),
    optional(
        "when",
        Takes::Either(&[Takes::Like(&EXPRESSION), Takes::List(&Takes::Table(&CONDITION))]),
        "Whether there is such a child: an expression, or conditions that must all hold.",
    ),
    optional(
        "or",
        Takes::List(&Takes::Table(&CONDITION)),
        "Conditions of which one must hold, beside those of `when`.",
    ),
    optional("forEach", Takes::Table(&FOR_EACH), "One child for each element of a list or map."),
    optional(
        "readyWhen",
        Takes::Like(&EXPRESSION),
        "Whether it is ready, by what is observed of it as `self`; by default as its kind says.",
    ),
    optional("once", Takes::Flag, "Whether each value of its data is made only where it is missing."),
    optional("reconcile", Takes::Flag, "Under `onCreate`: whether it is kept as written all the same."),
    optional(
        "deletionPolicy",
        Takes::Words(&["delete", "retain"]),
        "What becomes of it when it is no more written, or the primary is deleted; `delete` by default.",
    ),
    optional("adopt", Takes::Flag, "Whether an object of that name that is not ours is taken over."),
    optional("recreate", Takes::Flag, "Whether it is deleted and made anew where a field cannot be changed."),
    optional("raw", Takes::Flag, "Whether braces in it are text, and no expressions."),
];

pub(crate) static FOR_EACH: Table = Table {
    name: "ForEach",
    what: "`forEach`",
    doc: "One child for each element of a list or map.",
    rows: &[&[
        required("field", Takes::Text, "The list or map: a path from the object's root, or an expression."),
        optional("as", Takes::Like(&IDENTIFIER), "The element's name in expressions; `item` by default."),
        optional("key", Takes::Text, "The field of an element that tells it from the others."),
    ]],
    others: Others::Refused,
};

/// Fields of the pod that keep their names.
pub(crate) static POD: [Row; 6] = [
    optional("imagePullSecrets", Takes::Any, "Secrets with which images are pulled."),
    optional("serviceAccountName", Takes::Text, "The account of the pods."),
    optional("volumes", Takes::Any, "The pods' volumes."),
    optional("nodeSelector", Takes::Any, "Labels of the nodes on which the pods run."),
    optional("containers", Takes::Any, "The containers, whole, in the place of the one that the other keys make."),
    optional("initContainers", Takes::Any, "Containers that run before the others."),
];

/// Fields of the container that the form has words of its own for.
pub(crate) static CONTAINER_OWN: [Row; 5] = [
    optional("image", Takes::Text, "The container's image."),
    optional("tag", Takes::Any, "The image's tag, where `image` has none."),
    optional("port", Takes::Any, "The port on which the container listens."),
    optional("protocol", Takes::Text, "The port's protocol; TCP by default."),
    optional("probes", Takes::Table(&PROBES), "How the container is asked whether it works."),
];

/// Fields of the container that keep their names.
pub(crate) static CONTAINER: [Row; 7] = [
    optional("command", Takes::Any, "The container's command."),
    optional("args", Takes::Any, "The command's arguments."),
    optional("env", Takes::Any, "Environment variables."),
    optional("envFrom", Takes::Any, "Objects whose data become environment variables."),
    optional("resources", Takes::Any, "What the container asks for, and may use at most."),
    optional("volumeMounts", Takes::Any, "Where volumes are mounted."),
    optional("securityContext", Takes::Any, "The container's security context."),
];

pub(crate) static PROBES: Table = Table {
    name: "Probes",
    what: "`probes`",
    doc: "How the container is asked whether it works, each as Kubernetes has it.",
    rows: &[&[
        optional("startup", Takes::Any, "The startup probe."),
        optional("readiness", Takes::Any, "The readiness probe."),
        optional("liveness", Takes::Any, "The liveness probe."),
    ]],
    others: Others::Refused,
};

static ROLLOUT: [Row; 1] =
    [optional("rolloutOn", Takes::List(&Takes::Text), "Ids of ConfigMaps and Secrets whose change replaces the pods.")];

static STATEFUL: [Row; 2] = [
    optional("serviceName", Takes::Text, "The Service that gives the pods their names; by default of the same name."),
    optional(
        "volumeClaimTemplates",
        Takes::List(&Takes::Either(&[Takes::Table(&CLAIM), Takes::Table(&WHOLE_CLAIM)])),
        "A volume of its own for each pod; as Kubernetes has it, with `metadata` and `spec`, or in short.",
    ),
];

pub(crate) static CLAIM: Table = Table {
    name: "Claim",
    what: "a volume claim template",
    doc: "A volume of its own for each pod.",
    rows: &[&[
        required("name", Takes::Text, "The volume's name."),
        optional("accessModes", Takes::Any, "How it is mounted; `ReadWriteOnce` by default."),
        optional("storageClass", Takes::Text, "The storage class; the cluster's default where it is left out."),
        required("storageSize", Takes::Any, "How large it is."),
        optional("mountPath", Takes::Text, "Where it is mounted in the container."),
    ]],
    others: Others::Refused,
};

/// As Kubernetes has it, whose own schema it is checked by.
static WHOLE_CLAIM: Table = Table {
    name: "WholeClaim",
    what: "a volume claim template",
    doc: "A volume of its own for each pod, as Kubernetes has it.",
    rows: &[&[
        optional("apiVersion", Takes::Text, "As Kubernetes has it."),
        optional("kind", Takes::Text, "As Kubernetes has it."),
        optional("metadata", Takes::Map(&Takes::Any), "As Kubernetes has it."),
        optional("spec", Takes::Map(&Takes::Any), "As Kubernetes has it."),
    ]],
    others: Others::Refused,
};

static SERVICE: [Row; 6] = [
    optional("type", Takes::Text, "The Service's type; ClusterIP by default."),
    optional("headless", Takes::Flag, "Whether it has no address of its own."),
    optional("selector", Takes::Any, "Labels of the pods; by default those of the entry's only workload."),
    optional("port", Takes::Any, "Its one port; several are written as `ports`."),
    optional("targetPort", Takes::Any, "The pods' port; by default the same."),
    optional("protocol", Takes::Text, "The port's protocol; TCP by default."),
];

static CONFIG_MAP: [Row; 1] =
    [optional("fromConfigMap", Takes::Text, "The name of a ConfigMap that this one is a copy of.")];

static COPY: [Row; 2] = [
    optional(
        "fromNamespace",
        Takes::Text,
        "The namespace of what it is a copy of; by default the primary's. Another one is a sensitive flow, which a Komposer has to grant.",
    ),
    optional(
        "toNamespaces",
        Takes::Either(&[Takes::List(&Takes::Text), Takes::Text]),
        "Namespaces that each get one: a list, or an expression or path that gives one. It is a sensitive flow, which a Komposer has to grant.",
    ),
];

static SECRET: [Row; 4] = [
    optional("fromSecret", Takes::Text, "The name of a Secret that this one is a copy of."),
    optional(
        "rotateAfter",
        Takes::Like(&DURATION),
        "With `once`: how long its values live, 1m to 3650d. Then new ones are made, and each old one is under `<key>.previous` for as long again.",
    ),
    optional(
        "tls",
        Takes::Table(&TLS),
        "A certificate that the runtime makes, with an authority of its own: `tls.crt`, `tls.key` and `ca.crt`.",
    ),
    optional(
        "data",
        Takes::Either(&[Takes::Map(&Takes::Any), Takes::Like(&EXPRESSION)]),
        "Values as plain text; in the object they are base64.",
    ),
];

pub(crate) static TLS: Table = Table {
    name: "Tls",
    what: "`tls`",
    doc: "A certificate, made by the runtime and made anew when two thirds of its time are over, or when it is to have other names.",
    rows: &[&[
        optional("commonName", Takes::Text, "Its common name; by default the first of `dnsNames`."),
        optional(
            "dnsNames",
            Takes::List(&Takes::Text),
            "The names that a server has who shows it; expressions may stand for them.",
        ),
        optional("validFor", Takes::Like(&DURATION), "How long it lives, 1h to 3650d; 90d by default."),
    ]],
    others: Others::Refused,
};

static SELECTOR: [Row; 1] =
    [optional("selector", Takes::Any, "Labels of the pods; by default those of the entry's only workload.")];

static MANIFEST_ROW: [Row; 1] =
    [required("manifest", Takes::Table(&MANIFEST), "The whole object, as Kubernetes has it.")];

pub(crate) static MANIFEST: Table = Table {
    name: "Manifest",
    what: "`manifest`",
    doc: "The whole object, as Kubernetes has it; expressions may stand for any value.",
    rows: &[],
    others: Others::Any(Takes::Any),
};

/// A short form's table.
macro_rules! form {
    ($table:ident, $form:ident, [$($rows:ident),*], $at:expr) => {
        static $table: Table = Table {
            name: stringify!($form),
            what: "a child",
            doc: concat!("A ", stringify!($form), " in short: fields of the kind, and words of the language's own."),
            rows: &[$(&$rows,)* &COMMON],
            others: Others::Kind(OfKind { form: Form::$form, at: $at }),
        };
    };
}

form!(NAMESPACE, Namespace, [], &["spec"]);
form!(SERVICE_ACCOUNT, ServiceAccount, [], &[]);
form!(ROLE, Role, [], &[]);
form!(ROLE_BINDING, RoleBinding, [], &[]);
form!(NETWORK_POLICY, NetworkPolicy, [], &["spec"]);
form!(SECRETS, Secret, [SECRET, COPY], &[]);
form!(CONFIG_MAPS, ConfigMap, [CONFIG_MAP, COPY], &[]);
form!(VOLUME_CLAIM, PersistentVolumeClaim, [], &["spec"]);
form!(SERVICES, Service, [SERVICE], &["spec"]);
form!(DEPLOYMENT, Deployment, [POD, CONTAINER_OWN, CONTAINER, ROLLOUT], &["spec"]);
form!(STATEFUL_SET, StatefulSet, [POD, CONTAINER_OWN, CONTAINER, ROLLOUT, STATEFUL], &["spec"]);
form!(DAEMON_SET, DaemonSet, [POD, CONTAINER_OWN, CONTAINER, ROLLOUT], &["spec"]);
form!(JOB, Job, [POD, CONTAINER_OWN, CONTAINER], &["spec"]);
form!(CRON_JOB, CronJob, [POD, CONTAINER_OWN, CONTAINER], &["spec"]);
form!(PODS, Pod, [POD, CONTAINER_OWN, CONTAINER], &["spec"]);
form!(INGRESS, Ingress, [], &["spec"]);
form!(AUTOSCALER, HorizontalPodAutoscaler, [], &["spec"]);
form!(BUDGET, PodDisruptionBudget, [SELECTOR], &["spec"]);

static RESOURCE: Table = Table {
    name: "Resource",
    what: "a resource",
    doc: "An object of any kind, as a whole manifest.",
    rows: &[&COMMON, &MANIFEST_ROW],
    others: Others::Refused,
};

impl Form {
    /// The keys of a child in this form.
    pub(crate) fn table(self) -> &'static Table {
        match self {
            Form::Namespace => &NAMESPACE,
            Form::ServiceAccount => &SERVICE_ACCOUNT,
            Form::Role => &ROLE,
            Form::RoleBinding => &ROLE_BINDING,
            Form::NetworkPolicy => &NETWORK_POLICY,
            Form::Secret => &SECRETS,
            Form::ConfigMap => &CONFIG_MAPS,
            Form::PersistentVolumeClaim => &VOLUME_CLAIM,
            Form::Service => &SERVICES,
            Form::Deployment => &DEPLOYMENT,
            Form::StatefulSet => &STATEFUL_SET,
            Form::DaemonSet => &DAEMON_SET,
            Form::Job => &JOB,
            Form::CronJob => &CRON_JOB,
            Form::Pod => &PODS,
            Form::Ingress => &INGRESS,
            Form::HorizontalPodAutoscaler => &AUTOSCALER,
            Form::PodDisruptionBudget => &BUDGET,
            Form::Manifest => &RESOURCE,
        }
    }
}

/// The lists of children, in the order of [`Form::ALL`].
static LISTS: [Row; 19] = [
    optional("namespaces", Takes::List(&Takes::Table(&NAMESPACE)), "Namespaces."),
    optional("serviceAccounts", Takes::List(&Takes::Table(&SERVICE_ACCOUNT)), "ServiceAccounts."),
    optional("roles", Takes::List(&Takes::Table(&ROLE)), "Roles."),
    optional("roleBindings", Takes::List(&Takes::Table(&ROLE_BINDING)), "RoleBindings."),
    optional("networkPolicies", Takes::List(&Takes::Table(&NETWORK_POLICY)), "NetworkPolicies."),
    optional("secrets", Takes::List(&Takes::Table(&SECRETS)), "Secrets."),
    optional("configMaps", Takes::List(&Takes::Table(&CONFIG_MAPS)), "ConfigMaps."),
    optional("persistentVolumeClaims", Takes::List(&Takes::Table(&VOLUME_CLAIM)), "PersistentVolumeClaims."),
    optional("services", Takes::List(&Takes::Table(&SERVICES)), "Services."),
    optional("deployments", Takes::List(&Takes::Table(&DEPLOYMENT)), "Deployments."),
    optional("statefulSets", Takes::List(&Takes::Table(&STATEFUL_SET)), "StatefulSets."),
    optional("daemonSets", Takes::List(&Takes::Table(&DAEMON_SET)), "DaemonSets."),
    optional("jobs", Takes::List(&Takes::Table(&JOB)), "Jobs."),
    optional("cronJobs", Takes::List(&Takes::Table(&CRON_JOB)), "CronJobs."),
    optional("pods", Takes::List(&Takes::Table(&PODS)), "Pods."),
    optional("ingresses", Takes::List(&Takes::Table(&INGRESS)), "Ingresses."),
    optional("horizontalPodAutoscalers", Takes::List(&Takes::Table(&AUTOSCALER)), "HorizontalPodAutoscalers."),
    optional("podDisruptionBudgets", Takes::List(&Takes::Table(&BUDGET)), "PodDisruptionBudgets."),
    optional("resources", Takes::List(&Takes::Table(&RESOURCE)), "Objects of any kind, as whole manifests."),
];

pub(crate) static ON_CREATE: Table = Table {
    name: "OnCreate",
    what: "`onCreate`",
    doc: "Children that are made where they are missing, and then left alone, in lists by kind.",
    rows: &[&LISTS],
    others: Others::Refused,
};

pub(crate) static ON_RECONCILE: Table = Table {
    name: "OnReconcile",
    what: "`onReconcile`",
    doc: "Children that are kept as they are written, in lists by kind.",
    rows: &[&LISTS],
    others: Others::Refused,
};

pub(crate) static ON_DELETE: Table = Table {
    name: "OnDelete",
    what: "`onDelete`",
    doc: "Children that are made when the object is being deleted, in lists by kind.",
    rows: &[&LISTS],
    others: Others::Refused,
};
