//! By which keys Kubernetes merges a list inside of a manifest.
//!
//! The keys are the `x-kubernetes-list-map-keys` of Kubernetes' OpenAPI documents or, where a list has none, its
//! `x-kubernetes-patch-merge-key`. They are told by the list's name, since a short form is no manifest yet: each name below has
//! the same keys wherever Kubernetes uses it for a list of maps, but for `ports`, of which [`of`] sees the items.

use orkestra_pattern::yaml::Node;

/// Each with the value that an item without it has.
pub(crate) type Keys = &'static [(&'static str, Option<&'static str>)];

const TABLE: [(&str, Keys); 15] = [
    ("containers", &[("name", None)]),
    ("initContainers", &[("name", None)]),
    ("ephemeralContainers", &[("name", None)]),
    ("env", &[("name", None)]),
    ("volumes", &[("name", None)]),
    ("imagePullSecrets", &[("name", None)]),
    ("resourceClaims", &[("name", None)]),
    ("claims", &[("name", None)]),
    ("schedulingGates", &[("name", None)]),
    ("volumeMounts", &[("mountPath", None)]),
    ("volumeDevices", &[("devicePath", None)]),
    ("hostAliases", &[("ip", None)]),
    ("topologySpreadConstraints", &[("topologyKey", None), ("whenUnsatisfiable", None)]),
    ("ownerReferences", &[("uid", None)]),
    ("conditions", &[("type", None)]),
];
const CONTAINER_PORTS: Keys = &[("containerPort", None), ("protocol", Some("TCP"))];
const SERVICE_PORTS: Keys = &[("port", None), ("protocol", Some("TCP"))];

/// The keys of the list `name`; none where it is replaced as a whole: other lists, and lists of which an item lacks a key.
pub(crate) fn of(name: &str, base: &[Node], over: &[Node]) -> Option<Keys> {
    let fits = |keys: Keys| {
        let has = |item: &Node| keys.iter().all(|(key, default)| default.is_some() || item.get(key).is_some());
        base.iter().chain(over).all(has)
    };
    let candidates = if name == "ports" {
        vec![CONTAINER_PORTS, SERVICE_PORTS]
    } else {
        TABLE.iter().filter(|(list, _)| *list == name).map(|(_, keys)| *keys).collect()
    };
    candidates.into_iter().find(|keys| fits(keys))
}

/// The key of an item.
pub(crate) fn key(keys: Keys, item: &Node) -> String {
    let part = |(key, default): &(&str, Option<&str>)| match item.get(key).map(|node| node.to_json()) {
        Some(serde_json::Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => default.unwrap_or_default().to_owned(),
    };
    keys.iter().map(part).collect::<Vec<_>>().join("/")
}
