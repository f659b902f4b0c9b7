//! Which versions of a kind turn into each other.

use orkestra_pattern::model::Entry;
use serde_json::Value;

/// Whether the pattern says how a resource in version `from` becomes one in version `to`: by itself, or through the storage
/// version.
pub(super) fn converts(entry: &Entry, from: &str, to: &str) -> bool {
    let way = |from: &str, to: &str| from == to || entry.conversions.iter().any(|way| way.from == from && way.to == to);
    let stored = entry.versions.first().map(|version| version.name.as_str());
    way(from, to) || stored.is_some_and(|stored| way(from, stored) && way(stored, to))
}

/// Whether changing the version's name alone turns a valid resource of one version into one of the other, both ways: that is
/// what the API server does without a webhook.
pub(super) fn same_schema(definition: &Value, from: &str, to: &str) -> bool {
    let schema = |name: &str| {
        let versions = definition.pointer("/spec/versions")?.as_array()?;
        versions.iter().find(|version| version["name"] == name)?.pointer("/schema/openAPIV3Schema")
    };
    let (Some(from), Some(to)) = (schema(from), schema(to)) else { return false };
    orkestra_operator::schema_changes(from, to, "").is_empty()
}
