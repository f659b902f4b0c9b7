//! From a child in a plan to the object that is applied. Guest bytes are never request bytes: they are read strictly,
//! and identity and ownership are written here.

use orkestra_sandbox::ChildRef;
use serde_json::{Map, Value, json};

use crate::discovery::group_kind;
use crate::error::Error;
use crate::generated::Generated;
use crate::instance::{ChildPolicy, DeclaredChild, Entry};
use crate::json::{canonical_hash, parse_strict, strip_nulls};
use crate::names;
use crate::object::{Object, ObjectKey};
use crate::plan::shown;
use crate::secret::{is_secret, store_plain_text};

/// A child as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) policy: ChildPolicy,
    /// What is generated, and kept.
    pub(crate) generated: Generated,
    /// An object of its name that nobody controls becomes ours.
    pub(crate) adopt: bool,
    /// A change of an immutable field deletes it and creates it again.
    pub(crate) recreate: bool,
    pub(crate) key: ObjectKey,
    /// The whole object but for the hash annotation, UID and resource version.
    pub(crate) body: Value,
}

impl Desired {
    /// Whether its values are secret.
    pub(crate) fn is_secret(&self) -> bool {
        is_secret(&self.api_version, &self.kind)
    }

    /// What no other object of a plan has: the kind without its version, and the name.
    pub(crate) fn kind_and_key(&self) -> (String, ObjectKey) {
        (group_kind(&self.api_version, &self.kind), self.key.clone())
    }
}

/// Whose child it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent<'a> {
    pub(crate) instance: &'a str,
    pub(crate) entry: &'a Entry,
    pub(crate) primary: &'a Object,
}

/// Builds a child's object. `namespaced` says where objects of its kind live.
///
/// # Errors
///
/// `UndeclaredChild` for an id that the entry does not declare, `InvalidChild` for content that cannot be sent.
pub(crate) fn build(parent: Parent<'_>, child: &ChildRef, bytes: &[u8], namespaced: bool) -> Result<Desired, Error> {
    let declared = declaration(parent.entry, &child.id)?;
    let invalid = |message: String| Error::InvalidChild { id: shown(child), message };
    let mut value = parse_strict(bytes).map_err(|error| invalid(error.to_string()))?;
    strip_nulls(&mut value);
    let Value::Object(mut members) = value else {
        return Err(invalid(format!("an object was expected, found {}", type_name(&value))));
    };
    for (name, expected) in [("apiVersion", &declared.api_version), ("kind", &declared.kind)] {
        match members.shift_remove(name) {
            Some(Value::String(found)) if found == *expected => {}
            Some(found) => return Err(invalid(format!("{name}: {found} found, {expected:?} is declared"))),
            None => {}
        }
    }
    if members.contains_key("status") {
        return Err(invalid("status: belongs to the controller of the kind; leave it out".to_owned()));
    }
    let metadata = match members.shift_remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        Some(other) => return Err(invalid(format!("metadata: an object was expected, found {}", type_name(&other)))),
        None => return Err(invalid("metadata.name: missing".to_owned())),
    };
    let generated = Generated::take(declared, &mut members).map_err(invalid)?;
    let element = child.key.as_deref();
    let (key, metadata) = build_metadata(parent, declared, element, metadata, namespaced).map_err(invalid)?;

    if is_secret(&declared.api_version, &declared.kind) {
        store_plain_text(&mut members);
    }
    // It goes with its resource. Gone before that, it would be work that has not been done yet.
    let is_job = (declared.api_version.as_str(), declared.kind.as_str()) == ("batch/v1", "Job");
    if let (ChildPolicy::Delete, true, Some(Value::Object(spec))) = (declared.policy, is_job, members.get_mut("spec")) {
        spec.shift_remove("ttlSecondsAfterFinished");
    }
    let mut body = Map::new();
    body.insert("apiVersion".to_owned(), declared.api_version.clone().into());
    body.insert("kind".to_owned(), declared.kind.clone().into());
    body.insert("metadata".to_owned(), Value::Object(metadata));
    body.extend(members);
    Ok(Desired {
        api_version: declared.api_version.clone(),
        kind: declared.kind.clone(),
        policy: declared.policy,
        generated,
        adopt: declared.adopt,
        recreate: declared.recreate,
        key,
        body: Value::Object(body),
    })
}

/// The declaration of a child.
///
/// # Errors
///
/// `UndeclaredChild` where there is none.
pub(crate) fn declaration<'a>(entry: &'a Entry, id: &str) -> Result<&'a DeclaredChild, Error> {
    let found = entry.children.iter().find(|child| child.id == id);
    found.ok_or_else(|| Error::UndeclaredChild { id: id.to_owned() })
}

fn build_metadata(
    parent: Parent<'_>,
    declared: &DeclaredChild,
    element: Option<&str>,
    mut given: Map<String, Value>,
    namespaced: bool,
) -> Result<(ObjectKey, Map<String, Value>), String> {
    let primary = parent.primary;
    let name = match given.shift_remove("name") {
        Some(Value::String(name)) => name,
        Some(other) => return Err(format!("metadata.name: a string was expected, found {}", type_name(&other))),
        None => return Err("metadata.name: missing".to_owned()),
    };
    check_segment("metadata.name", &name)?;
    let namespace = match given.shift_remove("namespace") {
        Some(Value::String(namespace)) => Some(namespace),
        Some(other) => return Err(format!("metadata.namespace: a string was expected, found {}", type_name(&other))),
        None => None,
    };
    let namespace = child_namespace(primary, namespace, namespaced, declared.elsewhere)?;
    // Kubernetes ties an object to an owner in its own namespace or outside of all, and takes away what it cannot tie.
    let elsewhere = !primary.key.namespace.is_empty() && *namespace != *primary.key.namespace;
    let mut labels = strings(given.shift_remove("labels"), "metadata.labels")?;
    let mut annotations = strings(given.shift_remove("annotations"), "metadata.annotations")?;
    if let Some(name) = given.keys().next() {
        return Err(format!(
            "metadata.{name}: is written by the runtime; a pattern sets name, namespace, labels and annotations"
        ));
    }
    for (place, map) in [("labels", &labels), ("annotations", &annotations)] {
        if let Some(key) = map.keys().find(|key| names::is_reserved(key)) {
            // The selector label of a generated pod selector is the child's own id: it says what we would write.
            let own_id = place == "labels" && key == names::ID && map.get(key) == Some(&declared.id.clone().into());
            if !own_id {
                return Err(format!("metadata.{place}: {key:?} is reserved for the runtime"));
            }
        }
    }
    labels.insert(names::MANAGED_BY.to_owned(), names::MANAGED_BY_VALUE.into());
    labels.insert(names::PATTERN.to_owned(), parent.instance.into());
    labels.insert(names::OWNER_UID.to_owned(), Value::from(&*primary.uid));
    labels.insert(names::ID.to_owned(), declared.id.clone().into());
    if elsewhere {
        labels.insert(names::OWNER_NAMESPACE.to_owned(), Value::from(&*primary.key.namespace));
        if declared.retain {
            labels.insert(names::RETAINED.to_owned(), "true".into());
        }
    }
    if let Some(element) = element {
        annotations.insert(names::KEY.to_owned(), element.into());
    }

    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), name.clone().into());
    if !namespace.is_empty() {
        metadata.insert("namespace".to_owned(), namespace.clone().into());
    }
    metadata.insert("labels".to_owned(), Value::Object(labels));
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    let api = &parent.entry.api;
    // An owner's end is its children's: what is retained has no owner.
    if !declared.retain && !elsewhere {
        let owner = json!({
            "apiVersion": crate::discovery::api_version(&api.group, &api.version),
            "kind": api.kind,
            "name": &*primary.key.name,
            "uid": &*primary.uid,
            "controller": true,
        });
        metadata.insert("ownerReferences".to_owned(), Value::Array(vec![owner]));
    }
    Ok((ObjectKey::new(&namespace, &name), metadata))
}

/// A namespaced primary's children stay in its namespace, but for those that are declared to lie `elsewhere`.
fn child_namespace(
    primary: &Object,
    given: Option<String>,
    namespaced: bool,
    elsewhere: bool,
) -> Result<String, String> {
    let own = &*primary.key.namespace;
    match (namespaced, own.is_empty(), given) {
        (true, false, None) => Ok(own.to_owned()),
        (true, false, Some(given)) if given == own => Ok(given),
        (true, false, Some(given)) if elsewhere => check_segment("metadata.namespace", &given).map(|()| given),
        (true, false, Some(given)) => {
            Err(format!("metadata.namespace: {given:?} found; the children of a resource in {own:?} stay there"))
        }
        (true, true, Some(given)) => check_segment("metadata.namespace", &given).map(|()| given),
        (true, true, None) => {
            Err("metadata.namespace: missing; a cluster-scoped resource has none to share".to_owned())
        }
        (false, true, None) => Ok(String::new()),
        (false, false, None) if elsewhere => Ok(String::new()),
        (false, true, Some(_)) => Err("metadata.namespace: objects of this kind live outside of namespaces".to_owned()),
        (false, false, _) => {
            Err("objects of this kind live outside of namespaces, and this one is declared to live beside its resource"
                .to_owned())
        }
    }
}

/// Names become part of a request's path. The API server's own rules are stricter for most kinds; these are the ones
/// that keep a request on the resource that it was meant for.
pub(crate) fn check_segment(place: &str, text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if text.is_empty() || text.len() > 253 || matches!(text, "." | "..") || !text.chars().all(plain) {
        let shown: String = text.chars().take(80).collect();
        return Err(format!("{place}: {shown:?} is no name for an object (letters, digits, '-', '.', at most 253)"));
    }
    Ok(())
}

fn strings(value: Option<Value>, place: &str) -> Result<Map<String, Value>, String> {
    match value {
        None => Ok(Map::new()),
        Some(Value::Object(map)) => match map.iter().find(|(_, value)| !value.is_string()) {
            Some((key, value)) => Err(format!("{place}.{key}: a string was expected, found {}", type_name(value))),
            None => Ok(map),
        },
        Some(other) => Err(format!("{place}: an object was expected, found {}", type_name(&other))),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A body as it is sent: with the annotation that holds its own hash.
pub(crate) fn with_hash(body: &Value) -> (Value, String) {
    let hash = canonical_hash(body);
    let mut sent = body.clone();
    if let Some(metadata) = sent.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(names::APPLIED.to_owned(), hash.clone().into());
        }
    }
    (sent, hash)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::instance::Api;

    fn entry(namespaced: bool) -> Entry {
        Entry {
            hook: None,
            foreign: false,
            selector: None,
            name: "web".to_owned(),
            api: Api {
                group: "example.com".to_owned(),
                version: "v1".to_owned(),
                kind: "Web".to_owned(),
                plural: "webs".to_owned(),
                namespaced,
            },
            workers: 1,
            resync: Duration::from_secs(600),
            running: crate::running::Running::default(),
            children: vec![DeclaredChild::new("cm", "v1", "ConfigMap", ChildPolicy::Apply)],
            reads: Vec::new(),
        }
    }

    fn primary(namespace: &str) -> Object {
        let mut metadata = json!({"name": "w", "uid": "p-1"});
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        Object::parse(json!({"metadata": metadata}).to_string().as_bytes(), "example.com/v1", "Web").unwrap()
    }

    fn try_build(namespace: &str, id: &str, text: &str, namespaced: bool) -> Result<Desired, Error> {
        let (entry, primary) = (entry(!namespace.is_empty()), primary(namespace));
        let child = ChildRef { id: id.to_owned(), key: None };
        build(Parent { instance: "shop", entry: &entry, primary: &primary }, &child, text.as_bytes(), namespaced)
    }

    fn refused(text: &str) -> String {
        let error = try_build("n", "cm", text, true).unwrap_err();
        assert_eq!(error.reason(), "InvalidChild", "{text}");
        error.to_string()
    }

    #[test]
    fn the_host_writes_identity_and_ownership() {
        let text = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"1","app.kubernetes.io/managed-by":"me"}},"data":{"k":"v","n":null}}"#;
        let desired = try_build("n", "cm", text, true).unwrap();
        assert_eq!(
            desired.body,
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "a", "namespace": "n",
                    "labels": {"x": "1", "app.kubernetes.io/managed-by": "orkestra",
                        "orkestra.orkspace.io/pattern": "shop", "orkestra.orkspace.io/owner-uid": "p-1",
                        "orkestra.orkspace.io/id": "cm"},
                    "ownerReferences": [{"apiVersion": "example.com/v1", "kind": "Web", "name": "w", "uid": "p-1", "controller": true}]},
                "data": {"k": "v"}
            })
        );
        assert_eq!(desired.key, ObjectKey::new("n", "a"));
    }

    #[test]
    fn an_undeclared_child_is_refused() {
        let error = try_build("n", "other", r#"{"metadata":{"name":"a"}}"#, true).unwrap_err();
        assert_eq!(error.reason(), "UndeclaredChild");
    }

    #[test]
    fn the_work_of_a_deletion_is_there_until_its_end_has_been_seen() {
        for (policy, kept) in [(ChildPolicy::Delete, false), (ChildPolicy::Apply, true)] {
            let children = vec![DeclaredChild::new("backup", "batch/v1", "Job", policy)];
            let (entry, primary) = (Entry { children, ..entry(true) }, primary("n"));
            let child = ChildRef { id: "backup".to_owned(), key: None };
            let text = r#"{"metadata":{"name":"a"},"spec":{"ttlSecondsAfterFinished":0,"template":{}}}"#;
            let parent = Parent { instance: "shop", entry: &entry, primary: &primary };
            let spec = build(parent, &child, text.as_bytes(), true).unwrap().body["spec"].clone();
            assert_eq!(spec.get("ttlSecondsAfterFinished").is_some(), kept, "{spec}");
        }
    }

    #[test]
    fn another_kind_than_declared_is_refused() {
        let message = refused(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}"#);
        assert!(message.contains("\"Secret\" found, \"ConfigMap\" is declared"), "{message}");
    }

    #[test]
    fn identity_from_the_guest_is_refused() {
        for field in
            ["ownerReferences\":[]", "finalizers\":[]", "uid\":\"x\"", "generateName\":\"x\"", "managedFields\":[]"]
        {
            let message = refused(&format!(r#"{{"metadata":{{"name":"a","{field}}}}}"#));
            assert!(message.contains("is written by the runtime"), "{message}");
        }
        for place in ["labels", "annotations"] {
            let message = refused(&format!(
                r#"{{"metadata":{{"name":"a","{place}":{{"orkestra.orkspace.io/owner-uid":"x"}}}}}}"#
            ));
            assert!(message.contains("is reserved"), "{message}");
        }
        assert!(refused(r#"{"metadata":{"name":"a"},"status":{}}"#).contains("status"));
    }

    #[test]
    fn names_are_path_segments() {
        for name in ["", ".", "..", "a/b", "a%2fb", "a?x", "a#b", "ä", "a b"] {
            refused(&json!({"metadata": {"name": name}}).to_string());
        }
        assert!(try_build("n", "cm", r#"{"metadata":{"name":"system:a.b-c_d"}}"#, true).is_ok());
    }

    #[test]
    fn children_stay_in_their_primarys_namespace() {
        let message = refused(r#"{"metadata":{"name":"a","namespace":"kube-system"}}"#);
        assert!(message.contains("stay there"), "{message}");
        let text = r#"{"metadata":{"name":"a","namespace":"m"}}"#;
        assert_eq!(try_build("", "cm", text, true).unwrap().key, ObjectKey::new("m", "a"));
        assert!(try_build("", "cm", r#"{"metadata":{"name":"a"}}"#, true).is_err());
        assert!(try_build("n", "cm", r#"{"metadata":{"name":"a"}}"#, false).is_err());
        assert_eq!(try_build("", "cm", r#"{"metadata":{"name":"a"}}"#, false).unwrap().key, ObjectKey::new("", "a"));
    }

    #[test]
    fn what_is_declared_to_lie_elsewhere_has_a_label_for_an_owner() {
        let build_with = |retain: bool, text: &str, namespaced: bool| {
            let mut entry = entry(true);
            (entry.children[0].elsewhere, entry.children[0].retain) = (true, retain);
            let (primary, child) = (primary("n"), ChildRef { id: "cm".to_owned(), key: None });
            let parent = Parent { instance: "shop", entry: &entry, primary: &primary };
            build(parent, &child, text.as_bytes(), namespaced)
        };
        let there = r#"{"metadata":{"name":"a","namespace":"m"}}"#;
        for retain in [false, true] {
            let metadata = build_with(retain, there, true).unwrap().body["metadata"].clone();
            assert_eq!(metadata["namespace"], "m");
            assert_eq!(metadata["ownerReferences"], Value::Null);
            assert_eq!(metadata["labels"][names::OWNER_NAMESPACE], "n");
            assert_eq!(metadata["labels"].get(names::RETAINED).is_some(), retain);
        }
        // In its resource's namespace it is a child like others.
        let near = build_with(false, r#"{"metadata":{"name":"a"}}"#, true).unwrap().body["metadata"].clone();
        assert_eq!(near["ownerReferences"][0]["uid"], "p-1");
        assert_eq!(near["labels"].get(names::OWNER_NAMESPACE), None);
        assert_eq!(build_with(false, r#"{"metadata":{"name":"a"}}"#, false).unwrap().key, ObjectKey::new("", "a"));
        for (text, namespaced) in [(r#"{"metadata":{"name":"a","namespace":"../x"}}"#, true), (there, false)] {
            assert!(build_with(false, text, namespaced).is_err(), "{text}");
        }
    }

    #[test]
    fn the_hash_is_of_the_body_without_itself() {
        let desired = try_build("n", "cm", r#"{"metadata":{"name":"a"}}"#, true).unwrap();
        let (sent, hash) = with_hash(&desired.body);
        assert_eq!(sent["metadata"]["annotations"][names::APPLIED], hash.as_str());
        assert_eq!(canonical_hash(&desired.body), hash);
    }
}
