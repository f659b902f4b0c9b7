//! What `GET /patterns` answers, as it is written. Names of fields do not change; new ones may come.

use serde::Serialize;

use crate::about::{Capability, Digests, Right, Text};

/// Everything that is told of a running runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    /// When this was so, as the API writes times.
    pub(crate) time: String,
    pub(crate) runtime: Process,
    /// Those that run in the order in which they were named, then those that do not.
    pub(crate) patterns: Vec<Pattern>,
}

impl Document {
    pub(crate) const API_VERSION: &'static str = "orkestra.orkspace.io/v1";
    pub(crate) const KIND: &'static str = "Patterns";
}

/// This process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Process {
    pub(crate) version: &'static str,
    /// Whether it is the one that writes.
    pub(crate) leads: bool,
    /// In how many parts the resources are divided.
    pub(crate) shards: usize,
    /// The numbers of those that this process works on.
    pub(crate) shards_held: Vec<usize>,
    /// Who else does, where that has been seen.
    pub(crate) leader: Option<Text>,
    pub(crate) ready: bool,
    /// Why it is not ready: the lines of `/readyz`.
    pub(crate) waits_for: Vec<Text>,
}

/// One instance of a pattern, or an import that does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pattern {
    pub(crate) name: Text,
    /// The pattern's own; none of an import that does not run.
    pub(crate) version: Option<Text>,
    /// The directory or the reference that it was read from.
    pub(crate) from: Option<Text>,
    pub(crate) digests: Digests,
    /// The service account that it acts as, `namespace/name`; none: it acts with the rights of the process.
    pub(crate) account: Option<Text>,
    pub(crate) health: Health,
    pub(crate) entries: Vec<Entry>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) rights: Vec<Right>,
    /// What its templates ask for and no account is given.
    pub(crate) not_given: Vec<Text>,
}

/// How a pattern is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    pub(crate) state: State,
    /// One PascalCase word.
    pub(crate) reason: Text,
    /// For people; empty where there is nothing to say.
    pub(crate) message: Text,
    /// How to put it right, where that is known.
    pub(crate) mend: Option<Text>,
}

/// How a pattern is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// It does its work, and no resource needs help.
    Ready,
    /// It does its work, and a resource needs help: its last reconcile failed, or it is `Stalled`.
    Degraded,
    /// It does not do its work yet, or not any more.
    Waiting,
    /// It does not run before something is put right.
    Broken,
}

/// One kind of primary, and the controller of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) name: Text,
    pub(crate) group: Text,
    pub(crate) kind: Text,
    /// The one that the pattern is written against.
    pub(crate) version: Text,
    /// All that are served.
    pub(crate) versions: Vec<Text>,
    /// Reconciles that may run at the same time.
    pub(crate) workers: u16,
    /// Reconciles that run.
    pub(crate) active: u64,
    /// Resources that wait for a reconcile.
    pub(crate) queue: usize,
    pub(crate) reconciles: Reconciles,
    pub(crate) resources: Resources,
    /// Newest first.
    pub(crate) errors: Vec<Trouble>,
    /// The points at which the hook is called.
    pub(crate) hook_points: Vec<&'static str>,
}

/// Reconciles since the process started, by their end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reconciles {
    pub(crate) success: u64,
    /// The plan asked to be called again.
    pub(crate) requeue_after: u64,
    pub(crate) error: u64,
}

/// Resources by how they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resources {
    pub(crate) total: usize,
    pub(crate) ready: usize,
    pub(crate) not_ready: usize,
    /// Those of `notReady` that need help.
    pub(crate) failed: usize,
}

/// Something that went wrong with one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trouble {
    /// The last time.
    pub(crate) time: String,
    /// How often since it was first kept.
    pub(crate) count: u64,
    /// `namespace/name`, or the name alone.
    pub(crate) resource: Text,
    /// One PascalCase word.
    pub(crate) reason: Text,
    /// For people. It names paths and no values of Secrets.
    pub(crate) message: Text,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_fields_are_those_that_the_readme_shows() {
        let document = Document {
            api_version: Document::API_VERSION,
            kind: Document::KIND,
            time: "2026-11-28T12:00:00Z".to_owned(),
            runtime: Process {
                version: "0.1.0",
                leads: true,
                shards: 1,
                shards_held: vec![0],
                leader: None,
                ready: true,
                waits_for: Vec::new(),
            },
            patterns: vec![Pattern {
                name: "shop".into(),
                version: Some("1.0.0".into()),
                from: Some("patterns/shop".into()),
                digests: Digests { component: Some("sha256:1".to_owned()), ..Digests::default() },
                account: None,
                health: Health { state: State::Ready, reason: "Ready".into(), message: "".into(), mend: None },
                entries: vec![Entry {
                    name: "shop".into(),
                    group: "g".into(),
                    kind: "Shop".into(),
                    version: "v1".into(),
                    versions: vec!["v1".into()],
                    workers: 2,
                    active: 0,
                    queue: 0,
                    reconciles: Reconciles::default(),
                    resources: Resources::default(),
                    errors: vec![Trouble {
                        time: "2026-11-28T12:00:00Z".to_owned(),
                        count: 1,
                        resource: "n/a".into(),
                        reason: "Forbidden".into(),
                        message: "no".into(),
                    }],
                    hook_points: vec!["validate"],
                }],
                capabilities: vec![Capability { name: "clocks".into(), granted: true, reasons: Vec::new() }],
                rights: vec![Right {
                    group: "".into(),
                    resource: "configmaps".into(),
                    scope: crate::about::Scope::Namespaces,
                    names: Vec::new(),
                    verbs: vec!["get".into()],
                    reasons: Vec::new(),
                }],
                not_given: Vec::new(),
            }],
        };
        let expected = json!({
            "apiVersion": "orkestra.orkspace.io/v1", "kind": "Patterns", "time": "2026-11-28T12:00:00Z",
            "runtime": {"version": "0.1.0", "leads": true, "shards": 1, "shardsHeld": [0], "leader": null, "ready": true, "waitsFor": []},
            "patterns": [{
                "name": "shop", "version": "1.0.0", "from": "patterns/shop",
                "digests": {"component": "sha256:1", "manifest": null, "hook": null},
                "account": null,
                "health": {"state": "Ready", "reason": "Ready", "message": "", "mend": null},
                "entries": [{
                    "name": "shop", "group": "g", "kind": "Shop", "version": "v1", "versions": ["v1"],
                    "workers": 2, "active": 0, "queue": 0,
                    "reconciles": {"success": 0, "requeueAfter": 0, "error": 0},
                    "resources": {"total": 0, "ready": 0, "notReady": 0, "failed": 0},
                    "errors": [{"time": "2026-11-28T12:00:00Z", "count": 1, "resource": "n/a", "reason": "Forbidden", "message": "no"}],
                    "hookPoints": ["validate"],
                }],
                "capabilities": [{"name": "clocks", "granted": true, "reasons": []}],
                "rights": [{"group": "", "resource": "configmaps", "scope": "namespaces", "names": [], "verbs": ["get"], "reasons": []}],
                "notGiven": [],
            }],
        });
        assert_eq!(serde_json::to_value(&document).unwrap(), expected);
    }
}
