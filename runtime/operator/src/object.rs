//! An object as the cache holds it: the API server's bytes without `managedFields`, and what is asked of it often.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::digest64;
use crate::managed_fields::Entry;
use crate::names;
use crate::readiness::{Readiness, readiness};

/// Namespace (empty for a cluster-scoped object) and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Empty for a cluster-scoped object.
    pub namespace: Arc<str>,
    /// `metadata.name`
    pub name: Arc<str>,
}

impl ObjectKey {
    /// From borrowed parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// The field manager of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manager<'a> {
    pub(crate) name: &'a str,
    /// Other instances may have children of the same primaries, as each kind of others may be decorated by several.
    pub(crate) beside_others: bool,
}

#[cfg(test)]
impl<'a> Manager<'a> {
    /// One of an instance whose primaries are its own.
    pub(crate) fn alone(name: &'a str) -> Self {
        Self { name, beside_others: false }
    }
}

/// The controller among an object's owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) api_version: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) uid: Box<str>,
}

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) key: ObjectKey,
    pub(crate) uid: Box<str>,
    pub(crate) resource_version: Box<str>,
    pub(crate) generation: i64,
    /// It has a deletion timestamp.
    pub(crate) deleting: bool,
    /// Writes for it are paused by annotation.
    pub(crate) paused: bool,
    pub(crate) owner: Option<Owner>,
    /// The labels that the runtime gives: id and owner's UID.
    pub(crate) id: Option<Box<str>>,
    pub(crate) owner_uid: Option<Box<str>>,
    /// The label with the primary's namespace, of a child that lies elsewhere.
    pub(crate) owner_namespace: Option<Box<str>>,
    /// It lies elsewhere, and stays when its primary goes.
    pub(crate) retained: bool,
    /// When its generated values were made, and what its certificate was made for: annotations.
    pub(crate) made: Option<Box<str>>,
    pub(crate) certified: Option<Box<str>>,
    /// The annotation with the key of a child under `forEach`.
    pub(crate) element: Option<Box<str>>,
    pub(crate) managed: bool,
    /// The finalizers of ours that it carries: the runtime's, and those of instances that decorate it.
    pub(crate) finalizers: Box<[Box<str>]>,
    /// The annotations by which its `onDelete` work has been done.
    pub(crate) ended: Box<[Box<str>]>,
    /// The hash of the object that we applied last, from its annotation.
    pub(crate) applied: Option<Box<str>>,
    /// What field managers of ours hold.
    pub(crate) ours: Vec<Entry>,
    /// A digest of what all others hold, status aside. It changes when a conflict may have gone away.
    pub(crate) others: u64,
    /// JSON without `managedFields`.
    pub(crate) json: Box<str>,
    /// Read when somebody first asks for them: most objects are never chosen by their labels.
    labels: OnceLock<BTreeMap<String, String>>,
    /// Judged when somebody first looks: an object does not change, another one takes its place.
    progress: OnceLock<Progress>,
}

/// How far an object is, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Ready,
    Progressing,
    Failed,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct OwnerReference {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    controller: bool,
}

impl Object {
    /// `metadata.labels`
    pub(crate) fn labels(&self) -> &BTreeMap<String, String> {
        #[derive(Deserialize)]
        struct Whole {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(default)]
            labels: Option<BTreeMap<String, String>>,
        }
        self.labels.get_or_init(|| {
            serde_json::from_str::<Whole>(&self.json).ok().and_then(|whole| whole.metadata.labels).unwrap_or_default()
        })
    }

    /// How far it is by the rules of kstatus for its kind.
    pub(crate) fn progress(&self) -> Progress {
        *self.progress.get_or_init(|| match readiness(&self.tree()) {
            Readiness::Ready => Progress::Ready,
            Readiness::Progressing(_) => Progress::Progressing,
            Readiness::Failed(_) => Progress::Failed,
        })
    }

    /// Reads an object. `kind` is filled in where the bytes lack it: items of a list come without.
    pub(crate) fn parse(bytes: &[u8], api_version: &str, kind: &str) -> Result<Self, serde_json::Error> {
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes)?;
        let metadata_text = members.remove("metadata").map_or("{}", RawValue::get);
        let mut metadata: BTreeMap<String, &RawValue> = serde_json::from_str(metadata_text)?;
        let entries: Vec<Entry> = match metadata.remove("managedFields") {
            Some(raw) => serde_json::from_str(raw.get())?,
            None => Vec::new(),
        };
        let text = |name: &str| -> Result<String, serde_json::Error> {
            metadata.get(name).map_or(Ok(String::new()), |raw| serde_json::from_str(raw.get()))
        };
        let map = |name: &str| -> Result<BTreeMap<String, String>, serde_json::Error> {
            match metadata.get(name) {
                Some(raw) => Ok(serde_json::from_str::<Option<_>>(raw.get())?.unwrap_or_default()),
                None => Ok(BTreeMap::new()),
            }
        };
        let labels = map("labels")?;
        let annotations = map("annotations")?;
        let owners: Vec<OwnerReference> = match metadata.get("ownerReferences") {
            Some(raw) => serde_json::from_str(raw.get())?,
            None => Vec::new(),
        };
        let finalizers: Vec<String> = match metadata.get("finalizers") {
            Some(raw) => serde_json::from_str::<Option<_>>(raw.get())?.unwrap_or_default(),
            None => Vec::new(),
        };
        let generation = match metadata.get("generation") {
            Some(raw) => serde_json::from_str(raw.get())?,
            None => 0,
        };
        let key = ObjectKey::new(&text("namespace")?, &text("name")?);
        let (uid, resource_version) = (text("uid")?, text("resourceVersion")?);
        let deleting = metadata.contains_key("deletionTimestamp");
        let json = rebuild(&members, &metadata, api_version, kind);
        let others = digest_of_others(&entries);
        let ours = entries.into_iter().filter(|entry| entry.manager.starts_with(names::MANAGER_PREFIX)).collect();
        Ok(Self {
            key,
            resource_version: resource_version.into(),
            generation,
            deleting,
            paused: annotations.get(names::PAUSED).is_some_and(|value| value == "true"),
            owner: owners.into_iter().find(|owner| owner.controller).map(|owner| Owner {
                api_version: owner.api_version.into(),
                kind: owner.kind.into(),
                name: owner.name.into(),
                uid: owner.uid.into(),
            }),
            id: labels.get(names::ID).map(|id| id.as_str().into()),
            owner_uid: labels.get(names::OWNER_UID).map(|uid| uid.as_str().into()),
            owner_namespace: labels.get(names::OWNER_NAMESPACE).map(|namespace| namespace.as_str().into()),
            retained: labels.contains_key(names::RETAINED),
            made: annotations.get(names::MADE).map(|made| made.as_str().into()),
            certified: annotations.get(names::CERTIFIED).map(|digest| digest.as_str().into()),
            element: annotations.get(names::KEY).map(|key| key.as_str().into()),
            finalizers: finalizers.into_iter().filter(|name| names::is_reserved(name)).map(String::into).collect(),
            ended: annotations
                .iter()
                .filter(|(key, value)| names::is_on_delete(key) && **value == *uid)
                .map(|(key, _)| key.as_str().into())
                .collect(),
            managed: labels.get(names::MANAGED_BY).is_some_and(|value| value == names::MANAGED_BY_VALUE),
            applied: annotations.get(names::APPLIED).map(|hash| hash.as_str().into()),
            ours,
            others,
            json: json.into(),
            labels: OnceLock::new(),
            progress: OnceLock::new(),
            uid: uid.into(),
        })
    }

    /// The same as one that is being deleted.
    pub(crate) fn as_deleting(&self) -> Self {
        Self { deleting: true, ..self.clone() }
    }

    /// Whether it is the primary with this UID that controls it.
    pub(crate) fn controlled_by(&self, uid: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| *owner.uid == *uid)
    }

    /// Whether our labels say that it is a child of the primary with this UID.
    pub(crate) fn labelled_for(&self, uid: &str) -> bool {
        self.managed && self.owner_uid.as_deref() == Some(uid)
    }

    /// Whether it is a child of the primary with this UID: the primary controls it, or nobody does and both our labels
    /// and the fields that `manager` holds say so.
    pub(crate) fn belongs_to(&self, uid: &str, manager: Manager<'_>) -> bool {
        match &self.owner {
            Some(_) => self.controlled_by(uid) && (!manager.beside_others || self.is_of(manager)),
            None => self.labelled_for(uid) && self.is_of(manager),
        }
    }

    /// Whether an instance holds fields of it.
    fn is_of(&self, manager: Manager<'_>) -> bool {
        self.ours.iter().any(|entry| entry.manager == manager.name)
    }

    /// Whether our labels say that it is a child of this primary which does not lie in its namespace.
    pub(crate) fn is_elsewhere_of(&self, primary: &Object) -> bool {
        self.owner.is_none()
            && self.key.namespace != primary.key.namespace
            && self.owner_namespace.as_deref() == Some(&*primary.key.namespace)
            && self.labelled_for(&primary.uid)
    }

    /// Whether it is a child of this primary that goes when it does: the primary controls it, or it lies elsewhere.
    pub(crate) fn goes_with(&self, primary: &Object, manager: Manager<'_>) -> bool {
        self.labelled_for(&primary.uid)
            && self.belongs_to(&primary.uid, manager)
            && (self.controlled_by(&primary.uid) || !self.retained && self.is_elsewhere_of(primary))
    }

    /// What `manager` applied to the object, in the version that it applies now.
    pub(crate) fn applied_fields(&self, manager: &str, api_version: &str) -> Option<&Entry> {
        self.ours.iter().find(|entry| entry.is_apply_of(manager) && entry.api_version == api_version)
    }

    /// The JSON as a tree.
    pub(crate) fn tree(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or(Value::Null)
    }

    /// Whether `self` is the same state as `other` or a later one. Resource versions of one resource are integers that
    /// grow; anything else is taken as later.
    pub(crate) fn not_older_than(&self, other: &Self) -> bool {
        match (self.resource_version.parse::<u128>(), other.resource_version.parse::<u128>()) {
            (Ok(mine), Ok(theirs)) => mine >= theirs,
            _ => true,
        }
    }
}

fn digest_of_others(entries: &[Entry]) -> u64 {
    entries
        .iter()
        .filter(|entry| !entry.manager.starts_with(names::MANAGER_PREFIX) && entry.subresource != "status")
        .map(|entry| {
            let fields = entry.fields.as_deref().map_or("", RawValue::get);
            let text = format!("{}\n{}\n{}\n{fields}", entry.manager, entry.operation, entry.subresource);
            digest64(text.as_bytes())
        })
        .fold(0, u64::wrapping_add)
}

fn rebuild(
    members: &BTreeMap<String, &RawValue>,
    metadata: &BTreeMap<String, &RawValue>,
    api_version: &str,
    kind: &str,
) -> String {
    let mut out = String::with_capacity(512);
    out.push('{');
    for (name, value) in [("apiVersion", api_version), ("kind", kind)] {
        push_name(&mut out, name);
        match members.get(name) {
            Some(raw) => out.push_str(raw.get()),
            None => out.push_str(&Value::from(value).to_string()),
        }
        out.push(',');
    }
    push_name(&mut out, "metadata");
    out.push('{');
    for (index, (name, raw)) in metadata.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_name(&mut out, name);
        out.push_str(raw.get());
    }
    out.push('}');
    for (name, raw) in members.iter().filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind")) {
        out.push(',');
        push_name(&mut out, name);
        out.push_str(raw.get());
    }
    out.push('}');
    out
}

fn push_name(out: &mut String, name: &str) {
    out.push_str(&Value::from(name).to_string());
    out.push(':');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(extra: Value) -> Value {
        let mut object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u-1", "resourceVersion": "12", "generation": 3,
                "labels": {"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/id": "cm",
                    "orkestra.orkspace.io/owner-uid": "p-1"},
                "annotations": {"orkestra.orkspace.io/applied": "abc"},
                "ownerReferences": [
                    {"apiVersion": "x/v1", "kind": "X", "name": "x", "uid": "x-1"},
                    {"apiVersion": "g/v1", "kind": "Web", "name": "w", "uid": "p-1", "controller": true}],
                "managedFields": [
                    {"manager": "orkestra:web", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {}}},
                    {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:x": {}}}}]
            },
            "data": {"k": "v"}
        });
        for (name, value) in extra.as_object().unwrap() {
            object[name] = value.clone();
        }
        object
    }

    fn parse(value: &Value) -> Object {
        Object::parse(value.to_string().as_bytes(), "v1", "ConfigMap").unwrap()
    }

    #[test]
    fn what_lies_elsewhere_goes_with_its_primary_if_all_marks_say_so() {
        let primary = json!({"metadata": {"name": "w", "namespace": "n", "uid": "p-1"}}).to_string();
        let primary = Object::parse(primary.as_bytes(), "g/v1", "Web").unwrap();
        let goes = |edit: &dyn Fn(&mut Value)| {
            let mut value = json!({"metadata": {"name": "a", "namespace": "m",
                "labels": {names::MANAGED_BY: names::MANAGED_BY_VALUE, names::OWNER_UID: "p-1", names::OWNER_NAMESPACE: "n"},
                "managedFields": [{"manager": "orkestra:shop", "operation": "Apply", "fieldsV1": {}}]}});
            edit(&mut value);
            let object = Object::parse(value.to_string().as_bytes(), "v1", "ConfigMap").unwrap();
            object.goes_with(&primary, Manager::alone("orkestra:shop"))
        };
        assert!(goes(&|_| ()));
        let labels = |key: &'static str, value: Value| {
            move |object: &mut Value| object["metadata"]["labels"][key] = value.clone()
        };
        assert!(!goes(&labels(names::OWNER_UID, json!("p-2"))));
        assert!(!goes(&labels(names::OWNER_NAMESPACE, json!("m"))));
        assert!(!goes(&labels(names::RETAINED, json!("true"))));
        assert!(!goes(&|object| object["metadata"]["managedFields"] = json!([])));
        let owner = json!([{"kind": "Web", "name": "x", "uid": "x-1", "controller": true}]);
        assert!(!goes(&|object| object["metadata"]["ownerReferences"] = owner.clone()));
    }

    #[test]
    fn keeps_content_and_drops_managed_fields() {
        let object = parse(&sample(json!({})));
        let mut expected = sample(json!({}));
        expected["metadata"].as_object_mut().unwrap().shift_remove("managedFields");
        assert_eq!(object.tree(), expected);
        assert_eq!(object.ours.len(), 1);
        assert_eq!(object.applied.as_deref(), Some("abc"));
        assert_eq!(object.id.as_deref(), Some("cm"));
        assert!(object.managed && !object.deleting);
        assert!(object.controlled_by("p-1") && !object.controlled_by("x-1"));
        assert_eq!(object.key.to_string(), "n/a");
    }

    #[test]
    fn items_of_a_list_get_their_kind() {
        let mut value = sample(json!({}));
        value.as_object_mut().unwrap().shift_remove("kind");
        value.as_object_mut().unwrap().shift_remove("apiVersion");
        let object = parse(&value);
        assert_eq!(object.tree()["kind"], "ConfigMap");
        assert_eq!(object.tree()["apiVersion"], "v1");
    }

    #[test]
    fn the_digest_of_others_follows_their_fields_only() {
        let base = parse(&sample(json!({})));
        let mut ours_changed = sample(json!({}));
        ours_changed["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:other": {}});
        assert_eq!(base.others, parse(&ours_changed).others);
        let mut theirs_changed = sample(json!({}));
        theirs_changed["metadata"]["managedFields"][1]["fieldsV1"] = json!({"f:other": {}});
        assert_ne!(base.others, parse(&theirs_changed).others);
    }

    #[test]
    fn a_copy_of_a_resource_has_not_done_the_work_of_the_first() {
        for (uid, done) in [("u-1", true), ("u-0", false), ("done", false)] {
            let mut value = sample(json!({}));
            value["metadata"]["annotations"]["orkestra.orkspace.io/on-delete"] = uid.into();
            assert_eq!(!parse(&value).ended.is_empty(), done, "{uid}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let at = |version: &str| {
            let mut value = sample(json!({}));
            value["metadata"]["resourceVersion"] = json!(version);
            parse(&value)
        };
        assert!(at("100").not_older_than(&at("99")));
        assert!(!at("99").not_older_than(&at("100")));
        assert!(at("99").not_older_than(&at("99")));
    }
}
