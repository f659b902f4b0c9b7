//! Which versions of a kind turn into each other.

use orkestra_pattern::model::Entry;
use serde_json::Value;

/// Whether the pattern says how a resource in version `from` becomes one in version `to`. No Katalog declares conversions, so
/// only a version and itself are.
pub(super) fn converts(_entry: &Entry, from: &str, to: &str) -> bool {
    from == to
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
