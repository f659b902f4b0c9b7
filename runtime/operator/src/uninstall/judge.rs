//! What may become of a definition. Pure.

use serde_json::Value;

use super::{Uninstall, UninstallError};
use crate::migrate::is_migrated;

/// What becomes of a definition, with so many resources, so many of them with our finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) goes: bool,
    pub(crate) resources_go: bool,
    pub(crate) releases: bool,
    pub(crate) resets_conversion: bool,
}

/// Decides; `leads` says whether a runtime is there that does what finalizers wait for.
///
/// # Errors
///
/// `FinalizersPending` and `ConversionInUse`: what could not be undone.
pub(crate) fn fate(
    definition: &Value,
    resources: u64,
    finalized: u64,
    asked: &Uninstall,
    leads: bool,
) -> Result<Fate, UninstallError> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let resources_go = asked.delete_resources && resources > 0;
    let goes = !asked.keep_crds && (resources == 0 || resources_go);
    if resources_go && finalized > 0 && !leads && !asked.release_finalizers {
        return Err(UninstallError::FinalizersPending { kind: text("/spec/names/kind"), count: finalized });
    }
    let stays = if resources_go { 0 } else { resources };
    let resets_conversion = !goes && text("/spec/conversion/strategy") == "Webhook";
    if resets_conversion
        && stays > 0
        && let Err(why) = does_without_webhook(definition)
    {
        return Err(UninstallError::ConversionInUse { definition: text("/metadata/name"), resources, why });
    }
    // Where a runtime leads it does the work itself; what stays keeps its finalizer for the next one, unless it is asked for.
    let releases = asked.release_finalizers && finalized > 0 && !(resources_go && leads);
    Ok(Fate { goes, resources_go, releases, resets_conversion })
}

/// Whether the API server itself, which changes the version of an object and nothing else, would give what is stored as it is: all
/// of it must be in the only version that is served. That versions have the same schema does not say so, because a webhook may
/// change values.
fn does_without_webhook(definition: &Value) -> Result<(), String> {
    let versions =
        definition.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |what: &str| -> Vec<&str> {
        let has = versions.iter().filter(|version| version[what] == true);
        has.filter_map(|version| version["name"].as_str()).collect()
    };
    let (served, storage) = (named("served"), named("storage"));
    if served != storage {
        return Err(format!("it serves {}, and resources are stored in {}", served.join(", "), storage.join(", ")));
    }
    let storage = storage.first().copied().unwrap_or_default();
    // With one version there is no other that anything could be stored in.
    if versions.len() > 1 && !is_migrated(definition, storage) {
        return Err(format!("it is not known that all resources are stored in {storage}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked() -> Uninstall {
        Uninstall {
            instances: None,
            own_namespace: "own".to_owned(),
            delete_resources: false,
            keep_crds: false,
            release_finalizers: false,
        }
    }

    fn definition(strategy: &str, versions: Value) -> Value {
        json!({
            "metadata": {"name": "webs.g", "generation": 3},
            "spec": {"names": {"kind": "Web"}, "conversion": {"strategy": strategy}, "versions": versions},
            "status": {"storedVersions": ["v2"], "conditions": [
                {"type": "StorageMigrating", "status": "False", "reason": "MigrationSucceeded", "observedGeneration": 3}]},
        })
    }

    fn version(name: &str, served: bool, storage: bool) -> Value {
        json!({"name": name, "served": served, "storage": storage})
    }

    fn plain() -> Value {
        definition("None", json!([version("v2", true, true)]))
    }

    #[test]
    fn a_definition_goes_where_nothing_is_lost_by_it_or_that_was_asked_for() {
        let of = |resources, asked: &Uninstall| fate(&plain(), resources, 0, asked, false).unwrap();
        assert!(of(0, &asked()).goes);
        let kept = of(5, &asked());
        assert!(!kept.goes && !kept.resources_go);
        let all = of(5, &Uninstall { delete_resources: true, ..asked() });
        assert!(all.goes && all.resources_go);
        let emptied = of(5, &Uninstall { delete_resources: true, keep_crds: true, ..asked() });
        assert!(!emptied.goes && emptied.resources_go);
        assert!(!of(0, &Uninstall { keep_crds: true, ..asked() }).goes);
    }

    #[test]
    fn resources_do_not_hang_in_their_deletion() {
        let go = Uninstall { delete_resources: true, ..asked() };
        let error = fate(&plain(), 5, 2, &go, false).unwrap_err();
        assert_eq!(error.reason(), "FinalizersPending");
        // A runtime does the work.
        let fate_with = |asked: &Uninstall, leads| fate(&plain(), 5, 2, asked, leads).unwrap();
        assert!(!fate_with(&go, true).releases);
        // Or nobody does, as was asked for.
        let released = Uninstall { release_finalizers: true, ..go };
        assert!(fate_with(&released, false).releases);
        assert!(!fate_with(&released, true).releases);
        // What stays may wait for the next runtime.
        assert!(!fate_with(&asked(), false).releases);
        assert!(fate_with(&Uninstall { release_finalizers: true, ..asked() }, false).releases);
    }

    #[test]
    fn conversion_ends_only_where_everything_is_in_the_one_version_that_is_served() {
        let of = |definition: &Value, resources| fate(definition, resources, 0, &asked(), false);
        let both = definition("Webhook", json!([version("v1", true, false), version("v2", true, true)]));
        assert_eq!(of(&both, 1).unwrap_err().reason(), "ConversionInUse");
        // Nothing is there to be converted, and the definition goes.
        assert!(of(&both, 0).unwrap().goes);
        assert!(fate(&both, 0, 0, &Uninstall { keep_crds: true, ..asked() }, false).unwrap().resets_conversion);
        assert!(fate(&both, 1, 0, &Uninstall { delete_resources: true, ..asked() }, false).unwrap().goes);
        let one = definition("Webhook", json!([version("v1", false, false), version("v2", true, true)]));
        assert!(of(&one, 1).unwrap().resets_conversion);
        // The same, and nothing says that what is stored was rewritten: the stored versions alone do not.
        let mut unknown = one.clone();
        unknown["status"]["conditions"] = json!([]);
        assert_eq!(of(&unknown, 1).unwrap_err().reason(), "ConversionInUse");
        let mut only = unknown;
        only["spec"]["versions"] = json!([version("v2", true, true)]);
        assert!(of(&only, 1).unwrap().resets_conversion);
        let stored_elsewhere = definition("Webhook", json!([version("v1", true, false), version("v2", false, true)]));
        assert_eq!(of(&stored_elsewhere, 1).unwrap_err().reason(), "ConversionInUse");
        // Without a webhook there is nothing to end.
        assert!(!of(&definition("None", both["spec"]["versions"].clone()), 1).unwrap().resets_conversion);
    }
}
