//! Whose a contested field is: drift, which is taken back, or somebody else's, which is left alone.

use std::collections::HashSet;

use serde_json::Value;

use crate::managed_fields::{Entry, Path, paths};

/// A field that another manager holds, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contested {
    /// The field's path, as the API server writes it.
    pub field: String,
    /// Who holds it.
    pub manager: String,
    /// Through which subresource; empty for the object itself.
    pub subresource: String,
}

impl std::fmt::Display for Contested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is held by {:?}", self.field, self.manager)?;
        if !self.subresource.is_empty() {
            write!(f, " through {:?}", self.subresource)?;
        }
        Ok(())
    }
}

/// The contested fields of one object, told apart.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Ours until somebody edited them.
    pub(crate) drift: Vec<Contested>,
    /// Somebody else's by right.
    pub(crate) theirs: Vec<Contested>,
    /// Where `theirs` are. Fewer than `theirs` where the live object does not say.
    pub(crate) withhold: Vec<Path>,
}

/// The name that the API server gives to whoever wrote an object before field managers were recorded.
const UNKNOWN: &str = "before-first-apply";

/// Judges the fields that the API server named in a conflict.
///
/// `managed` is the live object's `managedFields`; `owned_before` says whether we owned a field at our last apply.
/// Drift is what we owned and an `Update` manager holds now, not through a subresource. All else is theirs: what
/// another `Apply` manager holds, what an autoscaler holds through `scale`, and what we never owned.
pub(crate) fn judge(
    fields: &[String],
    managed: &[Entry],
    manager: &str,
    owned_before: impl Fn(&str) -> bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    let holders: Vec<(&Entry, Vec<(String, Path)>)> = managed
        .iter()
        .filter(|entry| !entry.is_apply_of(manager))
        .map(|entry| (entry, paths(&entry.tree()).into_iter().map(|path| (path.to_string(), path)).collect()))
        .collect();
    let mut seen = HashSet::new();
    for field in fields.iter().filter(|field| seen.insert(field.as_str())) {
        let mut holding = holders
            .iter()
            .filter_map(|(entry, paths)| paths.iter().find(|(text, _)| text == field).map(|(_, path)| (*entry, path)))
            .peekable();
        let contested = |entry: &Entry| Contested {
            field: field.clone(),
            manager: entry.manager.clone(),
            subresource: entry.subresource.clone(),
        };
        if holding.peek().is_none() {
            let unknown = Contested { field: field.clone(), manager: UNKNOWN.to_owned(), subresource: String::new() };
            match owned_before(field) {
                true => verdict.drift.push(unknown),
                false => verdict.theirs.push(unknown),
            }
            continue;
        }
        let mut drift = None;
        let mut theirs = None;
        for (entry, path) in holding {
            let edited = entry.operation == "Update" && entry.subresource.is_empty() && owned_before(field);
            if edited {
                drift = Some(contested(entry));
            } else {
                theirs = Some((contested(entry), path.clone()));
            }
        }
        match (theirs, drift) {
            (Some((contested, path)), _) => {
                verdict.theirs.push(contested);
                verdict.withhold.push(path);
            }
            (None, Some(contested)) => verdict.drift.push(contested),
            (None, None) => {}
        }
    }
    verdict
}

/// The `managedFields` of an object as the API server sent it.
pub(crate) fn managed_entries(object: &[u8]) -> Result<Vec<Entry>, serde_json::Error> {
    let value: Value = serde_json::from_slice(object)?;
    match value.pointer("/metadata/managedFields") {
        Some(list) => serde_json::from_str(&list.to_string()),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(list: Value) -> Vec<Entry> {
        serde_json::from_value(list).unwrap()
    }

    fn entry(manager: &str, operation: &str, subresource: &str) -> Value {
        json!({"manager": manager, "operation": operation, "subresource": subresource, "apiVersion": "apps/v1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}}})
    }

    fn judged(list: Value, owned: bool) -> Verdict {
        judge(&[".spec.replicas".to_owned()], &entries(list), "orkestra:web", |_| owned)
    }

    #[test]
    fn an_edit_of_our_field_is_drift() {
        let verdict = judged(json!([entry("kubectl-edit", "Update", "")]), true);
        assert_eq!(verdict.drift.len(), 1);
        assert_eq!(verdict.drift[0].manager, "kubectl-edit");
        assert!(verdict.theirs.is_empty() && verdict.withhold.is_empty());
    }

    #[test]
    fn what_others_hold_by_right_is_theirs() {
        for (list, owned) in [
            (json!([entry("argo", "Apply", "")]), true),
            (json!([entry("hpa", "Update", "scale")]), true),
            (json!([entry("kubectl-create", "Update", "")]), false),
            (json!([entry("kubectl-edit", "Update", ""), entry("argo", "Apply", "")]), true),
        ] {
            let verdict = judged(list.clone(), owned);
            assert_eq!(verdict.theirs.len(), 1, "{list}");
            assert_eq!(verdict.withhold.len(), 1, "{list}");
            assert!(verdict.drift.is_empty(), "{list}");
        }
    }

    #[test]
    fn wiped_managed_fields_are_drift_only_where_we_know_that_we_owned() {
        assert_eq!(judged(json!([]), true).drift[0].manager, UNKNOWN);
        let verdict = judged(json!([]), false);
        assert_eq!(verdict.theirs[0].manager, UNKNOWN);
        assert!(verdict.withhold.is_empty());
    }

    #[test]
    fn our_own_entry_is_no_holder() {
        let mine = entry("orkestra:web", "Apply", "");
        let verdict = judged(json!([mine, entry("kubectl-edit", "Update", "")]), true);
        assert_eq!((verdict.drift.len(), verdict.theirs.len()), (1, 0));
    }

    #[test]
    fn a_message_names_field_manager_and_subresource() {
        let verdict = judged(json!([entry("hpa", "Update", "scale")]), true);
        assert_eq!(verdict.theirs[0].to_string(), ".spec.replicas is held by \"hpa\" through \"scale\"");
    }
}
