//! What a definition and a StorageVersionMigration say, and what of it may be believed. Pure.

use serde_json::Value;

use super::MigrateError;

/// A definition whose objects are to be rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    /// The version in which objects are stored.
    pub(crate) storage: String,
    /// The version in which they are read: the stored one where it is served.
    pub(crate) read: String,
    /// `status.storedVersions`
    pub(crate) stored: Vec<String>,
}

impl Target {
    /// # Errors
    ///
    /// `UnusableDefinition` for one that is being deleted, or is not established, or serves no version.
    pub(crate) fn of(definition: &Value) -> Result<Self, MigrateError> {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text("/metadata/name");
        let unusable = |message: &str| MigrateError::Unusable { definition: name.clone(), message: message.to_owned() };
        if definition.pointer("/metadata/deletionTimestamp").is_some() {
            return Err(unusable("it is being deleted"));
        }
        if condition(definition, "Established").is_none_or(|found| found["status"] != "True") {
            return Err(unusable("it is not established"));
        }
        let versions =
            definition.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is = |version: &Value, what: &str| version[what] == true;
        let called = |version: &Value| version["name"].as_str().unwrap_or_default().to_owned();
        let storage =
            versions.iter().find(|version| is(version, "storage")).ok_or_else(|| unusable("no version is stored"))?;
        let read = std::iter::once(storage).chain(versions).find(|version| is(version, "served"));
        let read = called(read.ok_or_else(|| unusable("no version is served"))?);
        Ok(Self {
            kind: text("/spec/names/kind"),
            group: text("/spec/group"),
            plural: text("/spec/names/plural"),
            uid: text("/metadata/uid"),
            generation: generation(definition),
            storage: called(storage),
            read,
            stored: stored_versions(definition),
            name,
        })
    }

    /// Fails where `now`, the same definition read later, is not what it was.
    pub(crate) fn unchanged(&self, now: &Value) -> Result<(), MigrateError> {
        let after = generation(now);
        if after == self.generation && now.pointer("/metadata/uid").and_then(Value::as_str) == Some(&self.uid) {
            return Ok(());
        }
        Err(MigrateError::Changed { definition: self.name.clone(), before: self.generation, after })
    }
}

pub(crate) fn generation(definition: &Value) -> i64 {
    definition.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default()
}

pub(crate) fn stored_versions(definition: &Value) -> Vec<String> {
    let stored = definition.pointer("/status/storedVersions").and_then(Value::as_array);
    stored.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = object.pointer("/status/conditions")?.as_array()?;
    all.iter().find(|condition| condition["type"] == kind)
}

/// Whether the API server is rewriting the objects of a definition now, as the whole live definition says. A change of the
/// definition, of its CA bundle also, would spoil that.
pub fn is_migrating(definition: &Value) -> bool {
    condition(definition, "StorageMigrating").is_some_and(|found| found["status"] == "True")
}

/// Whether the API server has rewritten all objects since the definition changed last.
///
/// `status.storedVersions` alone does not say so: Kubernetes 1.37.2 trims it already when a second migration of a definition
/// begins, because its controller applies the status without that field, which it owns since the first one.
pub(crate) fn is_migrated(definition: &Value, storage: &str) -> bool {
    let said = condition(definition, "StorageMigrating").is_some_and(|found| {
        found["status"] == "False"
            && found["reason"] == "MigrationSucceeded"
            && found["observedGeneration"].as_i64() == Some(generation(definition))
    });
    said && stored_versions(definition) == [storage]
}

/// What the definition says of its migration, in words.
pub(crate) fn described(definition: &Value) -> String {
    let stored = stored_versions(definition).join(", ");
    match condition(definition, "StorageMigrating") {
        Some(found) => {
            let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
            format!(
                "StorageMigrating is {} ({}: {}), stored versions: {stored}",
                text("status"),
                text("reason"),
                text("message")
            )
        }
        None => format!("it has no condition StorageMigrating, stored versions: {stored}"),
    }
}

/// How far a StorageVersionMigration is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Running,
    Succeeded,
    Failed(String),
}

pub(crate) fn stage(migration: &Value) -> Stage {
    let is = |kind: &str| condition(migration, kind).filter(|found| found["status"] == "True");
    match (is("Failed"), is("Succeeded"), is("Running")) {
        (Some(failed), _, _) => {
            let text = |name: &str| failed[name].as_str().unwrap_or_default().to_owned();
            Stage::Failed([text("reason"), text("message")].join(": "))
        }
        (None, Some(_), _) => Stage::Succeeded,
        (None, None, Some(_)) => Stage::Running,
        (None, None, None) => Stage::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition() -> Value {
        json!({
            "metadata": {"name": "webs.g", "uid": "u", "generation": 3},
            "spec": {"group": "g", "names": {"kind": "Web", "plural": "webs"}, "versions": [
                {"name": "v1", "served": true, "storage": false}, {"name": "v2", "served": true, "storage": true}]},
            "status": {"storedVersions": ["v2"], "conditions": [
                {"type": "Established", "status": "True"},
                {"type": "StorageMigrating", "status": "False", "reason": "MigrationSucceeded", "observedGeneration": 3}]},
        })
    }

    fn edited(pointer: &str, value: Value) -> Value {
        let mut definition = definition();
        *definition.pointer_mut(pointer).unwrap() = value;
        definition
    }

    #[test]
    fn only_a_success_at_this_generation_is_believed() {
        assert!(is_migrated(&definition(), "v2"));
        for (pointer, value) in [
            ("/status/storedVersions", json!(["v1", "v2"])),
            ("/status/conditions/1/observedGeneration", json!(2)),
            ("/status/conditions/1/reason", json!("MigrationFailed")),
            ("/status/conditions/1/status", json!("True")),
            ("/metadata/generation", json!(4)),
            // Trimmed stored versions, and nothing that says why.
            ("/status/conditions/1/type", json!("Other")),
        ] {
            assert!(!is_migrated(&edited(pointer, value.clone()), "v2"), "{pointer} {value}");
        }
        assert!(is_migrating(&edited("/status/conditions/1/status", json!("True"))));
        assert!(!is_migrating(&definition()));
    }

    #[test]
    fn objects_are_read_in_the_version_that_they_are_stored_in_where_it_is_served() {
        let target = Target::of(&definition()).unwrap();
        assert_eq!((&*target.storage, &*target.read), ("v2", "v2"));
        let target = Target::of(&edited("/spec/versions/1/served", json!(false))).unwrap();
        assert_eq!((&*target.storage, &*target.read), ("v2", "v1"));
    }

    #[test]
    fn what_cannot_be_migrated_is_said() {
        for (pointer, value, says) in [
            ("/status/conditions/0/status", json!("False"), "not established"),
            ("/spec/versions", json!([{"name": "v2", "served": false, "storage": true}]), "no version is served"),
            ("/spec/versions", json!([]), "no version is stored"),
            ("/metadata", json!({"name": "webs.g", "deletionTimestamp": "now"}), "being deleted"),
        ] {
            let error = Target::of(&edited(pointer, value)).unwrap_err();
            assert_eq!(error.reason(), "UnusableDefinition");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_definition_that_changed_or_is_another_one_is_seen() {
        let target = Target::of(&definition()).unwrap();
        assert!(target.unchanged(&definition()).is_ok());
        assert_eq!(
            target.unchanged(&edited("/metadata/generation", json!(4))).unwrap_err().reason(),
            "DefinitionChanged"
        );
        assert!(target.unchanged(&edited("/metadata/uid", json!("w"))).is_err());
        // A status is not a change.
        assert!(target.unchanged(&edited("/status", json!({}))).is_ok());
    }

    #[test]
    fn a_failure_counts_more_than_what_else_a_migration_says() {
        let with = |conditions: Value| stage(&json!({"status": {"conditions": conditions}}));
        let is = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "R", "message": "m"});
        assert_eq!(stage(&json!({})), Stage::Waiting);
        assert_eq!(with(json!([is("Running", "True")])), Stage::Running);
        assert_eq!(with(json!([is("Running", "False"), is("Succeeded", "True")])), Stage::Succeeded);
        assert_eq!(with(json!([is("Succeeded", "True"), is("Failed", "True")])), Stage::Failed("R: m".to_owned()));
        assert_eq!(with(json!([is("Failed", "False"), is("Running", "True")])), Stage::Running);
    }
}
