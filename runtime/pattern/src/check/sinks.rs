//! Fields that decide what somebody may do.
//!
//! A field is known by its name wherever it stands, because other makers' kinds hold pods and references, too. What decides over
//! the scheduling of a pod, its image or its arguments is not among them: that is what a pattern is for, and none of it is a right
//! that the tenant would not have without the field. Nor is the Secret of an environment variable: it is of the same namespace, and
//! passwords are given to pods by names that users write.

use crate::cel::Scope;
use crate::cel::ast::Type;
use crate::schema::{Object, Rest, Schema, Shape};

/// What a child or read is, as far as its fields differ by that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
}

const ACCOUNT: &str = "whose rights its pods have";
const TOKEN: &str = "which token of their account its pods hold";
const NODE: &str = "what of their node its pods reach";
const CONTAINER: &str = "what its containers may do on their node";
const VOLUME: &str = "which storage is mounted on the node";
const SECRET: &str = "which Secret it is given";
const GIVEN: &str = "which rights it gives, and to whom";
const OUTSIDE: &str = "which rights its pods have outside of the cluster";
pub(super) const NAMESPACE: &str = "which namespace it reaches into";
const ADMITTED: &str = "what pods of the namespace may do";
const TRAFFIC: &str = "whose traffic it gets";
const ANYTHING: &str = "everything that lies there";

/// Keys that stand one below the other, and what they decide with all that is below them.
const ANYWHERE: &[(&[&str], &str)] = &[
    (&["serviceAccountName"], ACCOUNT),
    (&["serviceAccount"], ACCOUNT),
    (&["automountServiceAccountToken"], TOKEN),
    (&["serviceAccountToken"], TOKEN),
    (&["roleRef"], GIVEN),
    (&["subjects"], GIVEN),
    (&["hostNetwork"], NODE),
    (&["hostPID"], NODE),
    (&["hostIPC"], NODE),
    (&["hostUsers"], NODE),
    (&["hostPort"], NODE),
    (&["hostPath"], NODE),
    (&["securityContext"], CONTAINER),
    (&["privileged"], CONTAINER),
    (&["allowPrivilegeEscalation"], CONTAINER),
    (&["capabilities"], CONTAINER),
    (&["runtimeClassName"], CONTAINER),
    (&["nodePublishSecretRef", "name"], SECRET),
    (&["imagePullSecrets", "name"], SECRET),
    (&["secret", "secretName"], SECRET),
    (&["sources", "secret", "name"], SECRET),
    (&["namespace"], NAMESPACE),
];

/// Volumes that a node mounts from elsewhere, or with a driver's help.
const MOUNTED: [&str; 17] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "gcePersistentDisk",
    "glusterfs",
    "iscsi",
    "local",
    "nfs",
    "portworxVolume",
    "quobyte",
    "rbd",
    "vsphereVolume",
];

pub(super) const RBAC: &str = "rbac.authorization.k8s.io/";
/// Labels of a namespace that say what its pods may do.
const ADMISSION: &str = "pod-security.kubernetes.io/";
/// The annotation of a Secret that is filled with the token of an account.
const TOKEN_OF: &str = "kubernetes.io/service-account.name";

/// What a field decides that stands at these keys of a manifest; none: no right.
pub(super) fn decides(of: Of<'_>, path: &[&str]) -> Option<&'static str> {
    match (of.kind, path) {
        ("ConfigMap" | "Secret", ["data" | "stringData" | "binaryData", ..]) if of.api_version == "v1" => return None,
        ("Role" | "ClusterRole", ["rules" | "aggregationRule", ..]) if of.api_version.starts_with(RBAC) => {
            return Some(GIVEN);
        }
        // What other roles gather by labels.
        ("ClusterRole", ["metadata", "labels", ..]) if of.api_version.starts_with(RBAC) => return Some(GIVEN),
        ("ServiceAccount", ["metadata", "annotations", ..]) if of.api_version == "v1" => return Some(OUTSIDE),
        ("ServiceAccount", ["secrets", ..]) if of.api_version == "v1" => return Some(SECRET),
        ("Secret", ["metadata", "annotations"] | ["metadata", "annotations", TOKEN_OF]) if of.api_version == "v1" => {
            return Some(TOKEN);
        }
        ("Namespace", ["metadata", "labels"]) if of.api_version == "v1" => return Some(ADMITTED),
        ("Namespace", ["metadata", "labels", key]) if of.api_version == "v1" && key.starts_with(ADMISSION) => {
            return Some(ADMITTED);
        }
        ("Service", ["spec", "externalIPs", ..]) if of.api_version == "v1" => return Some(TRAFFIC),
        ("PersistentVolume", ["spec", volume, ..]) if MOUNTED.contains(volume) => return Some(VOLUME),
        (_, ["metadata", "labels" | "annotations", ..]) => return None,
        _ => {}
    }
    let row =
        |(keys, what): &(&[&str], &'static str)| path.windows(keys.len()).any(|part| part == *keys).then_some(*what);
    let volume = |pair: &[&str]| matches!(pair, ["volumes", volume] if MOUNTED.contains(volume));
    ANYWHERE.iter().find_map(row).or_else(|| path.windows(2).any(volume).then_some(VOLUME))
}

/// A field of an object that decides what somebody may do.
#[derive(Debug, Clone, PartialEq)]
struct Decided {
    /// Where it lies: `spec.template.spec.containers[web].securityContext`; items are known by their names, if they have any.
    path: String,
    what: &'static str,
    value: serde_json::Value,
}

/// The first field that decides what somebody may do and that is not as it was before, in words; before: nothing, or an object.
///
/// `metadata.namespace` is not among those fields: where an object may be is for whoever applies it to say.
pub fn rights_changed(
    api_version: &str,
    kind: &str,
    before: Option<&serde_json::Value>,
    after: &serde_json::Value,
) -> Option<String> {
    let before = before.map(|object| decided(api_version, kind, object)).unwrap_or_default();
    let after = decided(api_version, kind, after);
    // As often as they are there: an item can have the name of another one.
    let count = |all: &[Decided], one: &Decided| all.iter().filter(|other| *other == one).count();
    let differs = |one: &&Decided| count(&before, one) != count(&after, one);
    before.iter().chain(&after).find(differs).map(|field| format!("`{}`, which decides {}", field.path, field.what))
}

/// The fields of an object that decide what somebody may do, sorted by path.
fn decided(api_version: &str, kind: &str, object: &serde_json::Value) -> Vec<Decided> {
    let mut found = Vec::new();
    collect(Of { api_version, kind }, &mut Vec::new(), String::new(), object, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect<'a>(
    of: Of<'_>,
    keys: &mut Vec<&'a str>,
    path: String,
    value: &'a serde_json::Value,
    found: &mut Vec<Decided>,
) {
    use serde_json::Value;
    if value.is_null() {
        return;
    }
    if let Some(what) = decides(of, keys).filter(|_| *keys != ["metadata", "namespace"]) {
        found.push(Decided { path, what, value: value.clone() });
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                keys.push(key);
                collect(of, keys, path, value, found);
                keys.pop();
            }
        }
        // Items have the keys of their list.
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map_or_else(|| at.to_string(), str::to_owned);
                collect(of, keys, format!("{path}[{name}]"), item, found);
            }
        }
        _ => {}
    }
}

/// What a read of such an object decides by its name or labels.
pub(super) fn of_read(api_version: &str, kind: &str) -> Option<&'static str> {
    (api_version == "v1" && kind == "Secret").then_some("which Secret is read")
}

/// What a value decides that is computed as a whole: a field of rights it may be, or hold.
pub(super) fn within(of: Of<'_>, path: &[&str], schema: &Schema, ty: &Type, scope: &Scope) -> Option<&'static str> {
    Walk { of, path: path.to_vec() }.place(schema, &Value::of(ty, scope))
}

/// What is known of a computed value.
#[derive(Debug, Clone)]
enum Value {
    /// It holds nothing.
    Scalar,
    /// A value of this schema.
    Known(std::sync::Arc<Schema>),
    /// A map with any keys.
    Map(Box<Value>),
    /// Nothing.
    Unknown,
}

impl Value {
    fn of(ty: &Type, scope: &Scope) -> Self {
        match ty {
            Type::List(item) => Self::of(item, scope),
            Type::Map(_, value) => Self::Map(Box::new(Self::of(value, scope))),
            Type::Optional(inner) | Type::Wrapper(inner) => Self::of(inner, scope),
            Type::Message(name) => scope.schema_of(name).map_or(Self::Unknown, Self::Known),
            Type::Bool
            | Type::Int
            | Type::UInt
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Null
            | Type::Timestamp
            | Type::Duration => Self::Scalar,
            _ => Self::Unknown,
        }
    }

    fn of_schema(schema: &std::sync::Arc<Schema>) -> Self {
        match &schema.shape {
            Shape::Any => Self::Unknown,
            Shape::Object(_) => Self::Known(schema.clone()),
            Shape::List(list) => Self::of_schema(&list.items),
            _ => Self::Scalar,
        }
    }

    /// The value of a field that it may have.
    fn field(&self, name: &str) -> Option<Self> {
        match self {
            Self::Scalar => None,
            Self::Unknown => Some(Self::Unknown),
            Self::Map(value) => Some(Self::clone(value)),
            Self::Known(schema) => match (&schema.shape, schema.field(name)) {
                (_, Some(field)) => Some(Self::of_schema(field.schema)),
                (Shape::Object(Object { rest: Rest::Each(value), .. }), None) => Some(Self::of_schema(value)),
                (Shape::Object(Object { rest: Rest::Anything, .. }), None) => Some(Self::Unknown),
                _ => None,
            },
        }
    }
}

/// How deep a place is looked into: deeper than any field of rights lies in a kind of Kubernetes.
const DEPTH: usize = 24;

struct Walk<'a> {
    of: Of<'a>,
    path: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn place(&mut self, schema: &Schema, value: &Value) -> Option<&'static str> {
        if let Some(what) = decides(self.of, &self.path) {
            return Some(what);
        }
        if matches!(value, Value::Scalar) {
            return None;
        }
        if self.path.len() > DEPTH {
            return Some(ANYTHING);
        }
        match &schema.shape {
            Shape::Any => self.anything(value),
            Shape::List(list) => self.place(&list.items, value),
            Shape::Object(object) => {
                for (name, field) in &object.fields {
                    let Some(value) = value.field(name) else { continue };
                    let found = self.below(name, |walk| walk.place(&field.schema, &value));
                    if found.is_some() {
                        return found;
                    }
                }
                match &object.rest {
                    Rest::Nothing => None,
                    Rest::Anything => self.anything(value),
                    // Its keys are data, and no names of fields.
                    Rest::Each(item) => {
                        value.field("*").and_then(|value| self.below("*", |walk| walk.place(item, &value)))
                    }
                }
            }
            _ => None,
        }
    }

    /// A place that takes whatever the value holds.
    fn anything(&mut self, value: &Value) -> Option<&'static str> {
        // Data, labels, annotations: no field of rights lies there.
        decides(self.of, &[self.path.as_slice(), &["serviceAccountName"]].concat())?;
        match value {
            Value::Scalar => None,
            Value::Unknown | Value::Map(_) => Some(ANYTHING),
            // A field that its own schema does not name may be one of rights.
            Value::Known(schema) => match &schema.shape {
                Shape::Object(Object { rest: Rest::Anything, .. }) => Some(ANYTHING),
                _ => self.place(schema, value),
            },
        }
    }

    fn below(&mut self, name: &str, look: impl FnOnce(&mut Walk<'_>) -> Option<&'static str>) -> Option<&'static str> {
        let mut path = self.path.clone();
        path.push(name);
        look(&mut Walk { of: self.of, path })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn deployment(pod: Value) -> Value {
        json!({"metadata": {"name": "a", "namespace": "n", "labels": {"serviceAccountName": "x"}}, "spec": {"template": {"spec": pod}}})
    }

    fn changed(before: Value, after: Value) -> Option<String> {
        rights_changed("apps/v1", "Deployment", Some(&deployment(before)), &deployment(after))
    }

    #[test]
    fn a_field_of_rights_that_is_changed_added_removed_or_moved_is_found_and_its_twin_is_not() {
        let two = |first: Value, second: Value| json!({"containers": [first, second]});
        let web = |context: Value| json!({"name": "web", "image": "a", "securityContext": context});
        let side = json!({"name": "side", "image": "b"});
        let privileged = json!({"privileged": true});
        for (before, after, path) in [
            (json!({}), json!({"serviceAccountName": "admin"}), Some("serviceAccountName")),
            (json!({"serviceAccountName": "a"}), json!({"serviceAccountName": "b"}), Some("serviceAccountName")),
            (json!({"serviceAccountName": "a"}), json!({}), Some("serviceAccountName")),
            (
                json!({"volumes": []}),
                json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
                Some("volumes[v].hostPath"),
            ),
            // From one container to another.
            (
                two(web(privileged.clone()), side.clone()),
                two(json!({"name": "web"}), json!({"name": "side", "securityContext": privileged})),
                Some("containers[web].securityContext"),
            ),
            // Two of one name.
            (
                two(web(json!({})), side.clone()),
                two(web(json!({})), web(json!({}))),
                Some("containers[web].securityContext"),
            ),
            // The twins: other fields, another order, one more container.
            (two(web(json!({})), side.clone()), two(side.clone(), web(json!({}))), None),
            (json!({"containers": [side.clone()]}), two(side.clone(), json!({"name": "more", "image": "c"})), None),
            (json!({"hostNetwork": null}), json!({}), None),
        ] {
            let found = changed(before.clone(), after.clone());
            let wanted = path.map(|path| format!("`spec.template.spec.{path}`"));
            assert_eq!(
                found.as_ref().map(|text| text.split(',').next().unwrap().to_owned()),
                wanted,
                "{before} {after}"
            );
        }
    }

    #[test]
    fn what_a_hook_adds_may_have_no_field_of_rights() {
        let added = |pod: Value| rights_changed("apps/v1", "Deployment", None, &deployment(pod));
        assert_eq!(added(json!({"containers": [{"name": "a", "image": "b"}]})), None);
        assert!(added(json!({"hostPID": true})).is_some());
        let config = json!({"metadata": {"name": "a"}, "data": {"serviceAccountName": "x", "hostPath": "y"}});
        assert_eq!(rights_changed("v1", "ConfigMap", None, &config), None);
    }
}
