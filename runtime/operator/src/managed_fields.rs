//! `metadata.managedFields` as the API server writes it: who owns which field, in the format `FieldsV1`.
//!
//! Everything here is pure. A set of fields is a JSON object whose keys are path elements: `f:name` is a member of an
//! object, `k:{…}` an item of a list that is a map by those keys, `v:…` an item of a list that is a set, `i:…` a
//! position; `.` says that the path itself belongs to the set, and an empty object is a leaf.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One element of a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Element {
    /// A member of an object.
    Field(String),
    /// An item of a list, by some of its members.
    Key(Vec<(String, Value)>),
    /// An item of a list of scalars.
    Item(Value),
    /// An item of a list, by position.
    Position(usize),
}

impl Element {
    fn parse(text: &str) -> Option<Self> {
        let (form, rest) = text.split_once(':')?;
        match form {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => match serde_json::from_str(rest).ok()? {
                Value::Object(members) => Some(Self::Key(members.into_iter().collect())),
                _ => None,
            },
            "v" => serde_json::from_str(rest).ok().map(Self::Item),
            "i" => rest.parse().ok().map(Self::Position),
            _ => None,
        }
    }
}

/// A path from an object's root. Its text is the one that the API server uses where it reports a conflict.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Path(pub(crate) Vec<Element>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for element in &self.0 {
            match element {
                Element::Field(name) => write!(f, ".{name}")?,
                Element::Key(members) => {
                    f.write_str("[")?;
                    for (index, (name, value)) in members.iter().enumerate() {
                        let comma = if index == 0 { "" } else { "," };
                        write!(f, "{comma}{name}={value}")?;
                    }
                    f.write_str("]")?;
                }
                Element::Item(value) => write!(f, "[={value}]")?,
                Element::Position(at) => write!(f, "[{at}]")?,
            }
        }
        Ok(())
    }
}

/// One item of `metadata.managedFields`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// The field manager's name.
    #[serde(default)]
    pub(crate) manager: String,
    /// `Apply` or `Update`.
    #[serde(default)]
    pub(crate) operation: String,
    /// Empty for the object itself.
    #[serde(default)]
    pub(crate) subresource: String,
    /// The version that the paths are in.
    #[serde(default)]
    pub(crate) api_version: String,
    /// The set.
    #[serde(rename = "fieldsV1")]
    pub(crate) fields: Option<Box<RawValue>>,
}

impl Entry {
    /// The set as a tree, empty where there is none.
    pub(crate) fn tree(&self) -> Value {
        self.fields
            .as_deref()
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    }

    /// Whether it is what `manager` applied to the object itself.
    pub(crate) fn is_apply_of(&self, manager: &str) -> bool {
        self.operation == "Apply" && self.subresource.is_empty() && self.manager == manager
    }
}

/// Whether the set owns every field that `desired` has. Identity (`apiVersion`, `kind`, name, namespace, UID and
/// resource version) is nobody's field and not asked for.
pub(crate) fn covers(set: &Value, desired: &Value) -> bool {
    let Value::Object(members) = desired else { return false };
    members.iter().filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind")).all(|(name, value)| {
        if name != "metadata" {
            return member_covered(set, name, value);
        }
        let Value::Object(metadata) = value else { return true };
        let identity = |name: &str| matches!(name, "name" | "namespace" | "uid" | "resourceVersion");
        let inner = set.get("f:metadata");
        metadata
            .iter()
            .filter(|(name, _)| !identity(name))
            .all(|(name, value)| inner.is_some_and(|inner| member_covered(inner, name, value)))
    })
}

fn member_covered(set: &Value, name: &str, value: &Value) -> bool {
    set.get(format!("f:{name}")).is_some_and(|inner| value_covered(inner, value))
}

fn value_covered(set: &Value, desired: &Value) -> bool {
    let Value::Object(owned) = set else { return false };
    if owned.is_empty() {
        return true;
    }
    match desired {
        Value::Object(members) => members.iter().all(|(name, value)| member_covered(set, name, value)),
        Value::Array(items) => items_covered(owned, items),
        _ => true,
    }
}

/// Each desired item needs an owned item of its own. Items that name more of the keys choose first, because an absent
/// key is a wildcard: the API server fills it by default.
fn items_covered(owned: &serde_json::Map<String, Value>, items: &[Value]) -> bool {
    let mut free: Vec<(Element, &Value)> =
        owned.iter().filter_map(|(key, inner)| Some((Element::parse(key)?, inner))).collect();
    let mut order: Vec<&Value> = items.iter().collect();
    order.sort_by_key(|item| {
        let named = |element: &Element| match element {
            Element::Key(members) => members.iter().filter(|(name, _)| item.get(name).is_some()).count(),
            _ => 0,
        };
        std::cmp::Reverse(free.iter().map(|(element, _)| named(element)).max().unwrap_or(0))
    });
    order.into_iter().all(|item| {
        let found = free.iter().position(|(element, inner)| match element {
            Element::Key(members) => key_matches(members, item) && value_covered(inner, item),
            Element::Item(value) => value == item,
            Element::Field(_) | Element::Position(_) => false,
        });
        found.map(|at| free.swap_remove(at)).is_some()
    })
}

fn key_matches(members: &[(String, Value)], item: &Value) -> bool {
    item.is_object() && members.iter().all(|(name, value)| item.get(name).is_none_or(|own| own == value))
}

/// Every path of a set: leaves, and inner paths that carry `.`.
pub(crate) fn paths(set: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    let mut at = Vec::new();
    collect(set, &mut at, &mut found);
    found
}

fn collect(set: &Value, at: &mut Vec<Element>, found: &mut Vec<Path>) {
    let Value::Object(members) = set else { return };
    if members.is_empty() && !at.is_empty() {
        found.push(Path(at.clone()));
    }
    for (name, inner) in members {
        if name == "." {
            found.push(Path(at.clone()));
        } else if let Some(element) = Element::parse(name) {
            at.push(element);
            collect(inner, at, found);
            at.pop();
        }
    }
}

/// Takes the value at `path` out of `body`, and with it the objects that it leaves empty. Says whether it was there.
pub(crate) fn remove(body: &mut Value, path: &[Element]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match (first, body) {
        (Element::Field(name), Value::Object(members)) => {
            if rest.is_empty() {
                return members.shift_remove(name).is_some();
            }
            let Some(inner) = members.get_mut(name) else { return false };
            let removed = remove(inner, rest);
            let emptied = removed && (inner.as_object().is_some_and(|o| o.is_empty()) || is_empty_list(inner));
            if emptied {
                members.shift_remove(name);
            }
            removed
        }
        (element, Value::Array(items)) => {
            let found = match element {
                // Absent keys are wildcards, so the item that names most of them is the one that is meant.
                Element::Key(members) => (0..items.len())
                    .filter(|at| items.get(*at).is_some_and(|item| key_matches(members, item)))
                    .max_by_key(|at| members.iter().filter(|(name, _)| items[*at].get(name).is_some()).count()),
                Element::Item(value) => items.iter().position(|item| item == value),
                Element::Position(at) => (*at < items.len()).then_some(*at),
                Element::Field(_) => None,
            };
            let Some(at) = found else { return false };
            if rest.is_empty() {
                items.remove(at);
                return true;
            }
            items.get_mut(at).is_some_and(|item| remove(item, rest))
        }
        _ => false,
    }
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "labels": {"x": "1"}},
            "spec": {"replicas": 2, "template": {"spec": {
                "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}], "args": ["a"]}],
                "volumes": [{"name": "v", "emptyDir": {}}]
            }}}
        })
    }

    fn owned() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:x": {}}},
            "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {
                "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:image": {}, "f:args": {}, "f:ports": {
                    "k:{\"containerPort\":53,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
                    "k:{\"containerPort\":53,\"protocol\":\"UDP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}
                }}},
                "f:volumes": {"k:{\"name\":\"v\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}}
            }}}
        })
    }

    /// The owned set without what the steps lead to, and without what that leaves empty: a set has no empty inner nodes.
    fn without(steps: &str) -> Value {
        fn take(set: &mut Value, steps: &[&str]) {
            let members = set.as_object_mut().unwrap();
            let (first, rest) = steps.split_first().unwrap();
            if !rest.is_empty() {
                take(&mut members[*first], rest);
            }
            if rest.is_empty() || members[*first].as_object().unwrap().is_empty() {
                members.shift_remove(*first).unwrap();
            }
        }
        let mut set = owned();
        take(&mut set, &steps.split('|').collect::<Vec<_>>());
        set
    }

    #[test]
    fn a_whole_set_covers() {
        assert!(covers(&owned(), &desired()));
    }

    #[test]
    fn each_lost_field_is_noticed() {
        let container = "f:spec|f:template|f:spec|f:containers|k:{\"name\":\"c\"}";
        for lost in [
            "f:metadata|f:labels|f:x".to_owned(),
            "f:metadata|f:labels".to_owned(),
            "f:metadata".to_owned(),
            "f:spec|f:replicas".to_owned(),
            format!("{container}|f:image"),
            format!("{container}|f:args"),
            format!("{container}|f:ports|k:{{\"containerPort\":53,\"protocol\":\"TCP\"}}"),
            format!("{container}|f:ports|k:{{\"containerPort\":53,\"protocol\":\"UDP\"}}"),
            container.to_owned(),
            "f:spec|f:template|f:spec|f:volumes".to_owned(),
        ] {
            assert!(!covers(&without(&lost), &desired()), "{lost}");
        }
    }

    #[test]
    fn an_atomic_list_and_an_atomic_map_are_leaves() {
        let set = json!({"f:spec": {"f:selector": {}, "f:items": {}}});
        assert!(covers(&set, &json!({"spec": {"selector": {"a": {"b": 1}}, "items": [{"x": 1}]}})));
    }

    #[test]
    fn an_item_that_kept_only_its_key_is_not_covered_and_an_atomic_one_is() {
        let desired = json!({"metadata": {"ownerReferences": [{"uid": "a", "name": "b"}]}});
        let with_item = |item: Value| json!({"f:metadata": {"f:ownerReferences": {"k:{\"uid\":\"a\"}": item}}});
        assert!(!covers(&with_item(json!({".": {}, "f:uid": {}})), &desired));
        assert!(covers(&with_item(json!({".": {}, "f:uid": {}, "f:name": {}})), &desired));
        // Nobody can own less than the whole of an atomic item, so its set is empty.
        assert!(covers(&with_item(json!({})), &desired));
    }

    #[test]
    fn a_set_of_scalars_needs_each() {
        let set = json!({"f:metadata": {"f:finalizers": {"v:\"a\"": {}, "v:\"b\"": {}}}});
        assert!(covers(&set, &json!({"metadata": {"finalizers": ["b", "a"]}})));
        assert!(!covers(&set, &json!({"metadata": {"finalizers": ["a", "c"]}})));
        assert!(!covers(&set, &json!({"metadata": {"finalizers": ["a", "a"]}})));
    }

    #[test]
    fn wiped_managed_fields_cover_nothing() {
        assert!(!covers(&json!({}), &desired()));
    }

    #[test]
    fn paths_read_as_the_api_server_writes_them() {
        let texts: Vec<String> = paths(&owned()).iter().map(ToString::to_string).collect();
        assert!(texts.contains(&".spec.replicas".to_owned()), "{texts:?}");
        assert!(texts.contains(&".spec.template.spec.containers[name=\"c\"].image".to_owned()), "{texts:?}");
        assert!(
            texts.contains(
                &".spec.template.spec.containers[name=\"c\"].ports[containerPort=53,protocol=\"UDP\"]".to_owned()
            ),
            "{texts:?}"
        );
        assert!(!texts.contains(&".spec".to_owned()), "{texts:?}");
    }

    #[test]
    fn remove_takes_out_what_a_path_names() {
        for (path, gone) in [
            (".spec.replicas", "/spec/replicas"),
            (".spec.template.spec.containers[name=\"c\"].image", "/spec/template/spec/containers/0/image"),
            (".metadata.labels.x", "/metadata/labels"),
        ] {
            let mut body = desired();
            assert!(body.pointer(gone).is_some(), "{path}");
            let found = paths(&owned()).into_iter().find(|p| p.to_string() == path).unwrap();
            assert!(remove(&mut body, &found.0), "{path}");
            assert!(body.pointer(gone).is_none(), "{path}");
            assert!(!remove(&mut body, &found.0), "{path}");
        }
    }

    #[test]
    fn remove_matches_an_item_by_the_keys_it_names() {
        let mut body = desired();
        let udp = paths(&owned()).into_iter().find(|p| p.to_string().ends_with("protocol=\"UDP\"]")).unwrap();
        assert!(remove(&mut body, &udp.0));
        let ports = body.pointer("/spec/template/spec/containers/0/ports").unwrap();
        // The item without a protocol comes first and is a wildcard: it must not be the one that goes.
        assert_eq!(ports, &json!([{"containerPort": 53}]));
    }
}
