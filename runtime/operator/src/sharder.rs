//! Parts of the primaries, taken, held and let go by one process.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::api::Api;
use crate::backoff::spread;
use crate::count;
use crate::election::{Election, Elector};
use crate::error::ApiError;
use crate::shards::{Shards, number};
use crate::standing::{Role, clock};

/// Takes part in the elections of all parts.
pub(crate) struct Sharder {
    api: Api,
    namespace: String,
    election: Election,
    count: u16,
    shards: Arc<Shards>,
    slots: Vec<Slot>,
    /// Whether this process could work on what it takes.
    can_work: Box<dyn Fn() -> bool + Send + Sync>,
}

/// One part.
struct Slot {
    number: usize,
    elector: Elector,
    /// Since when it has been seen free.
    free_since: Option<Duration>,
}

/// Whether a part may be taken that has been free for so long, by who holds so many: whoever holds fewer goes first.
fn may_take(free_for: Duration, held: usize, look: Duration) -> bool {
    free_for >= look.saturating_mul(u32::try_from(held).unwrap_or(u32::MAX))
}

impl Sharder {
    /// `api` must be one whose writes do not ask who leads.
    pub(crate) fn new(
        api: Api,
        namespace: String,
        election: Election,
        shards: Arc<Shards>,
        can_work: Box<dyn Fn() -> bool + Send + Sync>,
    ) -> Self {
        let count = u16::try_from(shards.count()).unwrap_or(u16::MAX);
        let slot = |number: usize| {
            let standing = shards.at(number).standing.clone();
            let elector = Elector::of_shard(api.clone(), &namespace, election.clone(), standing, (number, count));
            Slot { number, elector, free_since: None }
        };
        // Each process begins somewhere else, so that those that start together do not all want the same.
        let first = number(election.identity(), shards.count());
        let slots = (0..shards.count()).map(|offset| slot((first + offset) % shards.count())).collect();
        Self { api, namespace, election, count, shards, slots, can_work }
    }

    /// Time between looks.
    fn look_every(&self) -> Duration {
        self.election.every() / 2
    }

    /// Takes part until `resign` is sent or dropped, and then lets go of all.
    pub(crate) async fn run(mut self, mut resign: oneshot::Receiver<()>) {
        let mut renewed = clock();
        loop {
            tokio::select! {
                _ = &mut resign => return self.release().await,
                () = tokio::time::sleep(spread(self.look_every(), 0.2)) => {}
            }
            if clock().saturating_sub(renewed) >= self.look_every() + self.look_every() / 2 {
                renewed = clock();
                self.renew().await;
            }
            if !(self.can_work)() {
                continue;
            }
            // A look that hangs must not keep what is held from being renewed.
            let limit = self.election.request_limit();
            match tokio::time::timeout(limit, self.look()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(reason = error.reason(), %error, "the shards' leases cannot be looked at; trying again");
                }
                Err(_) => {
                    self.settle().await;
                    tracing::warn!(reason = "TimedOut", "the shards' leases were not looked at in time; trying again")
                }
            }
        }
    }

    /// Lets go of what was taken and is not worked on, because the look was cut off in between.
    async fn settle(&mut self) {
        for slot in &mut self.slots {
            let idle = self.shards.at(slot.number).standing.role() == Role::Following;
            if idle && slot.elector.held().is_some() {
                slot.elector.release().await;
            }
        }
    }

    /// Renews all that are held.
    async fn renew(&mut self) {
        let held = self.slots.iter_mut().filter(|slot| slot.elector.held().is_some());
        join_all(held.map(async |slot| {
            slot.elector.renew().await;
            if slot.elector.held().is_none() {
                tracing::warn!(shard = slot.number, "shard lost");
            }
        }))
        .await;
    }

    /// Looks at all, and takes one where it is our turn.
    async fn look(&mut self) -> Result<(), ApiError> {
        if !self.in_force().await? {
            self.slots.iter_mut().for_each(|slot| slot.free_since = None);
            return Ok(());
        }
        let leases = count::shard_leases(&self.api, &self.namespace).await?;
        let mut held = self.slots.iter().filter(|slot| slot.elector.held().is_some()).count();
        for index in 0..self.slots.len() {
            let (now, look) = (clock(), self.look_every());
            let slot = &mut self.slots[index];
            if slot.elector.held().is_some() {
                continue;
            }
            let named = |lease: &&Value| lease["metadata"]["name"] == slot.elector.name();
            let lease = leases.iter().find(named);
            if !slot.elector.is_free(lease) {
                slot.free_since = None;
                continue;
            }
            let since = *slot.free_since.get_or_insert(now);
            if may_take(now.saturating_sub(since), held, look) && self.take(index, lease).await? {
                held += 1;
            }
        }
        Ok(())
    }

    /// Takes a part. Says whether this process works on it now.
    async fn take(&mut self, index: usize, lease: Option<&Value>) -> Result<bool, ApiError> {
        let slot = &mut self.slots[index];
        slot.free_since = None;
        if !slot.elector.take(lease).await? {
            return Ok(false);
        }
        // Only after the Lease is written: see `count`, where is said why. What is not known is not in force.
        let in_force = self.in_force().await;
        let slot = &mut self.slots[index];
        if !matches!(in_force, Ok(true)) {
            slot.elector.release().await;
            return in_force.map(|_| false);
        }
        slot.elector.begin_term();
        let standing = &self.shards.at(slot.number).standing;
        standing.prepared(standing.term());
        tracing::info!(shard = slot.number, shards = self.count, "shard taken");
        Ok(true)
    }

    /// Whether our count is in force, as the API server says now.
    async fn in_force(&self) -> Result<bool, ApiError> {
        let lease = count::leader_lease(&self.api, &self.namespace).await?;
        Ok(lease.is_some_and(|lease| count::in_force(count::said(&lease), self.count)))
    }

    async fn release(&mut self) {
        join_all(self.slots.iter_mut().map(async |slot| {
            let held = slot.elector.held().is_some();
            slot.elector.release().await;
            if held {
                tracing::info!(shard = slot.number, "shard released");
            }
        }))
        .await;
    }
}

impl Drop for Sharder {
    fn drop(&mut self) {
        // What is no longer renewed is not written by.
        for shard in self.shards.all().iter().filter(|shard| shard.standing.role() != Role::Following) {
            shard.standing.lost();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease;
    use crate::scripted::Scripted;

    fn sharder(server: &Scripted) -> Sharder {
        let api = server.api();
        let shards = Arc::new(Shards::split(&api, 2));
        Sharder::new(api, "own".to_owned(), Election::of("me"), shards, Box::new(|| true))
    }

    fn leader(said: &str) -> (u16, Value) {
        (200, json!({"metadata": {"annotations": {count::ANNOTATION: said}}}))
    }

    fn none() -> (u16, Value) {
        (200, json!({"items": []}))
    }

    fn written(holder: &str) -> (u16, Value) {
        (201, json!({"metadata": {"uid": "u", "resourceVersion": "1"}, "spec": {"holderIdentity": holder}}))
    }

    #[tokio::test]
    async fn one_part_is_taken_at_once_and_the_next_is_left_to_who_has_none() {
        let server = Scripted::new([leader("2"), none(), written("me"), leader("2")]);
        let mut sharder = sharder(&server);
        sharder.look().await.unwrap();
        assert_eq!(sharder.shards.held().len(), 1);
        let (line, body) = &server.asked()[2];
        assert!(line.starts_with("POST ") && line.contains("/namespaces/own/leases"), "{line}");
        let name = lease::shard_name(sharder.slots[0].number, 2);
        assert_eq!(
            (&body["metadata"]["name"], &body["metadata"]["labels"][lease::SHARDS_LABEL]),
            (&json!(name), &json!("2"))
        );
    }

    #[tokio::test]
    async fn nothing_is_taken_while_another_count_is_in_force_or_comes() {
        for said in ["3", "pending:2", "pending:3", "1"] {
            let server = Scripted::new([leader(said)]);
            let mut sharder = sharder(&server);
            sharder.look().await.unwrap();
            assert!(sharder.shards.held().is_empty(), "{said}");
            assert_eq!(server.asked().len(), 1);
        }
    }

    #[tokio::test]
    async fn what_was_taken_while_another_count_was_announced_is_released_without_work() {
        let server = Scripted::new([leader("2"), none(), written("me"), leader("pending:3"), written("")]);
        let mut sharder = sharder(&server);
        let part = sharder.slots[0].number;
        let lease = None;
        assert!(sharder.in_force().await.unwrap());
        assert!(count::shard_leases(&sharder.api, "own").await.unwrap().is_empty());
        assert!(!sharder.take(0, lease).await.unwrap());
        let standing = &sharder.shards.at(part).standing;
        // No term has begun, so nothing could ever be written by it.
        assert_eq!((standing.term(), standing.may_write()), (0, false));
        assert_eq!(server.asked()[4].1["spec"]["holderIdentity"], "");
    }

    #[tokio::test]
    async fn what_was_taken_by_a_look_that_was_cut_off_is_let_go() {
        let server = Scripted::new([written("me"), written("")]);
        let mut sharder = sharder(&server);
        assert!(sharder.slots[1].elector.take(None).await.unwrap());
        sharder.settle().await;
        assert!(sharder.slots.iter().all(|slot| slot.elector.held().is_none()));
        assert_eq!(server.asked()[1].1["spec"]["holderIdentity"], "");
    }

    #[tokio::test]
    async fn who_stops_lets_go_of_what_it_holds() {
        let server = Scripted::new([leader("2"), none(), written("me"), leader("2"), written("")]);
        let mut sharder = sharder(&server);
        sharder.look().await.unwrap();
        sharder.release().await;
        assert!(sharder.shards.held().is_empty());
        assert_eq!(server.asked()[4].1["spec"]["holderIdentity"], "");
    }

    #[test]
    fn who_holds_more_waits_longer() {
        let look = Duration::from_secs(1);
        assert!(may_take(Duration::ZERO, 0, look));
        assert!(!may_take(Duration::ZERO, 1, look));
        assert!(!may_take(Duration::from_millis(2900), 3, look));
        assert!(may_take(Duration::from_secs(3), 3, look));
    }
}
