//! In how many parts the primaries are worked on, on which all processes must agree: an annotation of the leader's Lease says it.
//!
//! Two processes of different counts divide the primaries differently, so a part of the one and a part of the other hold the same
//! objects. Why the two are never worked on at once: a leader writes `pending:N` *before* it looks whether a part of another count is
//! held, and who takes a part of another count looks at the annotation *after* it has written the part's Lease. Either the Lease was
//! written before the leader looked, who sees it and waits; or it was written later, and then the annotation is `pending:N` already
//! when it is looked at again, and the part is released without any work. Both are read from the API server as they are at that time,
//! not from a cache, and each write of the annotation carries the version of the Lease that was read, which another leader would
//! have changed.

use std::collections::HashMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, Call, MERGE_PATCH, read_as};
use crate::election::Election;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::lease::{self, SHARDS_LABEL, Step, Watch};
use crate::names;
use crate::standing::clock;

/// The annotation: `N`, or `pending:N` while parts of another count may be held.
pub(crate) const ANNOTATION: &str = "orkestra.orkspace.io/shards";

/// What a leader does about the annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agree {
    /// It says our count.
    Done,
    /// Say that our count comes.
    Announce,
    /// Look whether a part of another count is held, and say our count as soon as none is.
    Look,
}

/// What follows from what the leader's Lease says. Without the annotation nothing was ever divided.
pub(crate) fn agree(said: Option<&str>, count: u16) -> Agree {
    match said {
        _ if in_force(said, count) => Agree::Done,
        Some(said) if said == pending(count) => Agree::Look,
        _ => Agree::Announce,
    }
}

/// Whether parts of this count may be taken.
pub(crate) fn in_force(said: Option<&str>, count: u16) -> bool {
    match said {
        Some(said) => said == count.to_string(),
        None => count == 1,
    }
}

fn pending(count: u16) -> String {
    format!("pending:{count}")
}

/// What a Lease says.
pub(crate) fn said(lease: &Value) -> Option<&str> {
    lease.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()
}

/// The Leases of a namespace.
#[derive(Deserialize)]
struct List {
    items: Vec<Value>,
}

/// The Leases of all parts, of whatever count.
pub(crate) async fn shard_leases(api: &Api, namespace: &str) -> Result<Vec<Value>, ApiError> {
    let selector = SHARDS_LABEL.replace('/', "%2F");
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases?labelSelector={selector}");
    Ok(api.get_as::<List>(&path).await?.items)
}

/// The leader's Lease, where it is there.
pub(crate) async fn leader_lease(api: &Api, namespace: &str) -> Result<Option<Value>, ApiError> {
    let path = leader_path(namespace);
    let answer = api.get_optional(&Identity::Process, &path).await?;
    answer.map(|answer| read_as(&answer.body, || format!("GET {path}"))).transpose()
}

fn leader_path(namespace: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{}", lease::NAME)
}

/// How the leader lets its count come into force.
pub(crate) struct Agreement {
    /// Asks who leads before each write.
    api: Api,
    namespace: String,
    identity: String,
    lasts: Duration,
    count: u16,
    watches: HashMap<String, Watch>,
}

impl Agreement {
    pub(crate) fn new(api: Api, namespace: String, election: &Election, count: u16) -> Self {
        let (identity, lasts) = (election.identity().to_owned(), election.duration());
        Self { api, namespace, identity, lasts, count, watches: HashMap::new() }
    }

    /// One step. Says whether our count is in force.
    pub(crate) async fn step(&mut self) -> Result<bool, ApiError> {
        let Some(lease) = leader_lease(&self.api, &self.namespace).await? else { return Ok(false) };
        if lease::holder(&lease) != Some(&self.identity) {
            return Ok(false);
        }
        match agree(said(&lease), self.count) {
            Agree::Done => return Ok(true),
            Agree::Announce => self.say(&lease, &pending(self.count)).await?,
            Agree::Look => {
                let live = self.live().await?;
                if !live.is_empty() {
                    tracing::info!(
                        held = live.join(", "),
                        shards = self.count,
                        "waiting for processes of another number of shards to end"
                    );
                    return Ok(false);
                }
                self.say(&lease, &self.count.to_string()).await?;
                tracing::info!(shards = self.count, "this number of shards is in force");
            }
        }
        Ok(false)
    }

    /// The parts of other counts whose holders may still work on them.
    async fn live(&mut self) -> Result<Vec<String>, ApiError> {
        let leases = shard_leases(&self.api, &self.namespace).await?;
        let mut live = Vec::new();
        for lease in leases {
            let text = |pointer: &str| lease.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (name, label) = (text("/metadata/name"), text("/metadata/labels/orkestra.orkspace.io~1shards"));
            let watch = self.watches.entry(name.clone()).or_default();
            // Nobody is called so: whoever holds it is another one.
            if label != self.count.to_string()
                && matches!(watch.step(Some(&lease), "", self.lasts, clock()), Step::Follow(_))
            {
                live.push(name);
            }
        }
        Ok(live)
    }

    async fn say(&self, lease: &Value, text: &str) -> Result<(), ApiError> {
        let read = &lease["metadata"];
        let metadata =
            json!({"uid": read["uid"], "resourceVersion": read["resourceVersion"], "annotations": {ANNOTATION: text}});
        let path = format!("{}?fieldManager={}", leader_path(&self.namespace), names::RUNTIME_MANAGER);
        let (identity, body) = (&Identity::Process, json!({"metadata": metadata}).to_string().into_bytes());
        let call = Call { identity, method: Method::PATCH, path: &path, content_type: MERGE_PATCH, body };
        match self.api.call(call).await {
            // It was renewed meanwhile, or is another's: the next step looks again.
            Err(error) if error.code() == Some(409) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    #[test]
    fn what_the_lease_says_decides() {
        for (said, count, expected) in [
            (None, 1, Agree::Done),
            (Some("1"), 1, Agree::Done),
            (None, 3, Agree::Announce),
            (Some("3"), 3, Agree::Done),
            (Some("3"), 4, Agree::Announce),
            (Some("3"), 1, Agree::Announce),
            (Some("pending:3"), 3, Agree::Look),
            (Some("pending:3"), 4, Agree::Announce),
            (Some("pending:1"), 1, Agree::Look),
            (Some("much"), 3, Agree::Announce),
        ] {
            assert_eq!(agree(said, count), expected, "{said:?} {count}");
            assert_eq!(in_force(said, count), expected == Agree::Done, "{said:?} {count}");
        }
    }

    /// All orders of the steps of a leader of 4 and of who takes a part of 3, each with its own in their order.
    #[test]
    fn no_order_of_steps_lets_two_counts_be_worked_on() {
        for order in 0_u32..(1 << 12) {
            let (mut said, mut held, mut works, mut taker) = ("3".to_owned(), false, false, 0);
            let mut clean = false;
            for step in 0..12 {
                if order & (1 << step) == 0 {
                    // The leader: much may happen between its look and what it says then.
                    match agree(Some(&said), 4) {
                        Agree::Announce => said = pending(4),
                        Agree::Look if std::mem::take(&mut clean) => said = "4".to_owned(),
                        Agree::Look => clean = !held,
                        Agree::Done => {}
                    }
                } else {
                    match taker {
                        0 if in_force(Some(&said), 3) => taker = 1,
                        1 => (held, taker) = (true, 2),
                        2 if in_force(Some(&said), 3) => (works, taker) = (true, 3),
                        2 => (held, taker) = (false, 0),
                        _ => {}
                    }
                }
                assert!(!(works && in_force(Some(&said), 4)), "{order:b}");
            }
        }
    }

    fn leader(said: &str) -> Value {
        json!({"metadata": {"name": lease::NAME, "uid": "u", "resourceVersion": "7", "annotations": {ANNOTATION: said}},
            "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}})
    }

    fn shard(holder: &str, count: &str) -> Value {
        json!({"metadata": {"name": format!("orkestra-shard-0-of-{count}"), "labels": {SHARDS_LABEL: count}},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}})
    }

    async fn step(answers: Vec<(u16, Value)>) -> (bool, Vec<(String, Value)>) {
        let server = Scripted::new(answers);
        let (identity, lasts) = ("me".to_owned(), Duration::from_secs(15));
        let mut agreement = Agreement {
            api: server.api(),
            namespace: "own".to_owned(),
            identity,
            lasts,
            count: 4,
            watches: HashMap::new(),
        };
        (agreement.step().await.unwrap(), server.asked())
    }

    #[tokio::test]
    async fn a_count_is_announced_and_comes_into_force_when_no_part_of_another_is_held() {
        let (done, asked) = step(vec![(200, leader("3")), (200, json!({}))]).await;
        assert!(!done);
        assert_eq!(asked[1].1["metadata"]["annotations"][ANNOTATION], "pending:4");
        assert_eq!(asked[1].1["metadata"]["resourceVersion"], "7");
        let held = json!({"items": [shard("a", "3"), shard("", "3"), shard("b", "4")]});
        let (done, asked) = step(vec![(200, leader("pending:4")), (200, held)]).await;
        assert_eq!((done, asked.len()), (false, 2));
        let free = json!({"items": [shard("", "3"), shard("b", "4")]});
        let (_, asked) = step(vec![(200, leader("pending:4")), (200, free), (200, json!({}))]).await;
        assert_eq!(asked[2].1["metadata"]["annotations"][ANNOTATION], "4");
        assert!(step(vec![(200, leader("4"))]).await.0);
    }

    #[tokio::test]
    async fn who_no_longer_leads_says_nothing() {
        let mut other = leader("3");
        other["spec"]["holderIdentity"] = "other".into();
        assert_eq!(step(vec![(200, other)]).await.1.len(), 1);
    }
}
