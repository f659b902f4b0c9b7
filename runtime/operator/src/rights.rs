//! The rights that the runtime and its patterns need, asked for before anything is reconciled.
//!
//! Without this a right that nobody gave is found when the first resource needs it. What is missing is named in the log with its
//! reason and counted in a metric, and nothing is held up by it: the API server decides, and rights can come later.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;

use crate::access::review;
use crate::api::Api;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::lock;

/// The reason word of a right that is missing.
const MISSING: &str = "MissingRight";
/// Questions at the same time.
const AT_ONCE: usize = 8;
/// How long what is missing is left alone before it is asked for again.
const AGAIN: Duration = Duration::from_secs(60);

/// A right that somebody must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededRight {
    /// Who.
    pub identity: Identity,
    /// `get`, `patch`, …
    pub verb: String,
    /// Empty for the core group.
    pub group: String,
    /// The plural, with a subresource after a slash.
    pub resource: String,
    /// Empty: in all namespaces, or outside of them.
    pub namespace: String,
    /// Empty: all objects.
    pub name: String,
    /// What for.
    pub reason: String,
}

impl NeededRight {
    /// Whether it is the same right, for whatever reason.
    pub fn same(&self, other: &Self) -> bool {
        *self == Self { reason: self.reason.clone(), ..other.clone() }
    }
}

/// `orkestra-system/orkestra-shop may not create deployments.apps in namespace a`
impl fmt::Display for NeededRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, verb, group, resource, namespace, name, reason: _ } = self;
        let dot = if group.is_empty() { "" } else { "." };
        write!(f, "{identity} may not {verb} {resource}{dot}{group}")?;
        if !name.is_empty() {
            write!(f, " named {name}")?;
        }
        match namespace.as_str() {
            "" => write!(f, " in the whole cluster"),
            namespace => write!(f, " in namespace {namespace}"),
        }
    }
}

/// What is needed, and what of it is missing.
pub(crate) struct Rights {
    api: Api,
    missing: Mutex<Vec<NeededRight>>,
}

impl Rights {
    pub(crate) fn new(api: Api) -> Self {
        Self { api, missing: Mutex::default() }
    }

    /// Asks for all that is needed, instead of what was needed before, and tells what is missing.
    pub(crate) async fn look(&self, needed: Vec<NeededRight>) {
        let missing = denied(&self.api, needed).await;
        let known = std::mem::replace(&mut *lock::lock(&self.missing), missing.clone());
        for right in missing.iter().filter(|right| !known.contains(right)) {
            tracing::warn!(reason = MISSING, why = %right.reason, "{right}; `ork generate rbac` prints what is needed");
        }
    }

    /// Asks for what is missing from time to time. Never ends by itself.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(AGAIN).await;
            let before = lock::lock(&self.missing).clone();
            let now = denied(&self.api, before.clone()).await;
            for right in before.iter().filter(|right| !now.contains(right)) {
                let NeededRight { identity, verb, resource, .. } = right;
                tracing::info!(account = %identity, %verb, %resource, namespace = %right.namespace, "a right that was missing was given");
            }
            // What was asked for meanwhile goes by its own answers.
            lock::lock(&self.missing).retain(|right| !before.contains(right) || now.contains(right));
        }
    }

    /// How many are missing, by account.
    pub(crate) fn missing(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for right in lock::lock(&self.missing).iter() {
            *counts.entry(right.identity.to_string()).or_default() += 1;
        }
        counts
    }
}

/// Those that the API server denies, in their order. What it does not answer is not known to be missing.
async fn denied(api: &Api, needed: Vec<NeededRight>) -> Vec<NeededRight> {
    let asked = futures::stream::iter(needed).map(|right| async move {
        let answer = allowed(api, &right).await;
        (right, answer)
    });
    let answers: Vec<(NeededRight, Result<bool, ApiError>)> = asked.buffered(AT_ONCE).collect().await;
    if let Some(error) = answers.iter().find_map(|(_, answer)| answer.as_ref().err()) {
        tracing::warn!(reason = error.reason(), %error, "not all rights could be asked for");
    }
    answers.into_iter().filter(|(_, answer)| matches!(answer, Ok(false))).map(|(right, _)| right).collect()
}

async fn allowed(api: &Api, right: &NeededRight) -> Result<bool, ApiError> {
    let NeededRight { identity, verb, group, resource, namespace, name, reason: _ } = right;
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let attributes = json!({
        "verb": verb, "group": group, "resource": resource, "subresource": subresource,
        "namespace": namespace, "name": name,
    });
    review(api, identity, &attributes).await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::scripted::Scripted;

    fn right(identity: Identity, verb: &str, resource: &str) -> NeededRight {
        NeededRight {
            identity,
            verb: verb.to_owned(),
            group: "apps".to_owned(),
            resource: resource.to_owned(),
            namespace: "a".to_owned(),
            name: "web".to_owned(),
            reason: "child `web`".to_owned(),
        }
    }

    fn account() -> Identity {
        Identity::ServiceAccount { namespace: "sys".to_owned(), name: "orkestra-web".to_owned() }
    }

    fn answer(allowed: bool) -> (u16, Value) {
        (201, json!({"status": {"allowed": allowed}}))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_denied_is_missing_until_it_is_given() {
        let server =
            Scripted::new([answer(true), answer(false), answer(false), answer(false), answer(true), answer(true)]);
        let needed = vec![
            right(account(), "get", "deployments"),
            right(account(), "create", "deployments"),
            right(Identity::Process, "patch", "deployments/status"),
        ];
        let rights = Rights::new(server.api());
        rights.look(needed).await;
        let count = |rights: &Rights| rights.missing().into_iter().collect::<Vec<_>>();
        assert_eq!(count(&rights), [("sys/orkestra-web".to_owned(), 1), ("the process".to_owned(), 1)]);
        // The second look gives one of them, the third the other; then there is nothing left to look for.
        assert!(tokio::time::timeout(AGAIN * 3, rights.keep()).await.is_err());
        assert!(count(&rights).is_empty());

        let asked = server.asked();
        let paths: Vec<&str> = asked.iter().map(|(line, _)| line.rsplit('/').next().unwrap()).collect();
        assert_eq!(paths[..3], ["subjectaccessreviews", "subjectaccessreviews", "selfsubjectaccessreviews"]);
        assert_eq!(asked[1].1["spec"]["user"], "system:serviceaccount:sys:orkestra-web");
        let own = &asked[2].1["spec"];
        assert_eq!(own["user"], Value::Null);
        assert_eq!(
            own["resourceAttributes"],
            json!({"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "status", "namespace": "a", "name": "web"})
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_asked_for_is_not_said_to_be_missing() {
        let refusal = json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403});
        let server = Scripted::new([(403, refusal)]);
        let rights = Rights::new(server.api());
        rights.look(vec![right(account(), "get", "deployments")]).await;
        assert!(rights.missing().is_empty());
        assert!(tokio::time::timeout(AGAIN * 3, rights.keep()).await.is_err());
        assert_eq!(server.asked().len(), 1);
    }

    #[test]
    fn a_right_is_said_in_words() {
        let everywhere = NeededRight {
            group: String::new(),
            namespace: String::new(),
            name: String::new(),
            ..right(account(), "list", "secrets")
        };
        assert_eq!(everywhere.to_string(), "sys/orkestra-web may not list secrets in the whole cluster");
        let one = right(Identity::Process, "patch", "deployments/status").to_string();
        assert_eq!(one, "the process may not patch deployments/status.apps named web in namespace a");
    }
}
