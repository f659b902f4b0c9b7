//! Finds a primary that never settles: a plan that changes while nothing that it is made from does, or a child that
//! somebody else changes back as often as we write it. Such a primary is left alone for a while, longer each time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::backoff;
use crate::json::digest64;
use crate::object::Object;

/// What is counted within this time.
const WINDOW: Duration = Duration::from_secs(60);
/// So often a child may be written, or a plan change, within the window while the primary stays the same.
const MOST: usize = 20;
/// For so long a primary is left alone at first.
const FIRST_REST: Duration = Duration::from_secs(15);
/// The longest that it is left alone.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// What is remembered of a primary to tell whether it settles.
#[derive(Debug, Default)]
pub(crate) struct Unrest {
    /// Digest of the primary for which all else holds: another primary begins anew.
    primary: u64,
    /// Digests of what the last plan was made from, and of the plan.
    plan: Option<(u64, u64)>,
    /// When each thing changed, by what it is.
    changes: HashMap<String, VecDeque<Instant>>,
    /// What changed too often in this reconcile.
    found: Option<String>,
    /// How often it was left alone in a row, and until when it is now.
    rests: u32,
    until: Option<Instant>,
}

impl Unrest {
    /// How much longer the primary is to be left alone; none: it is looked at.
    pub(crate) fn rests(&mut self, primary: &Object, now: Instant) -> Option<Duration> {
        let until = self.until?;
        // Somebody has changed the primary: that may be the remedy.
        if self.is_new(primary) {
            return None;
        }
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// A plan was made from `inputs` beside the primary.
    pub(crate) fn planned(&mut self, primary: &Object, inputs: u64, plan: u64, now: Instant) {
        let before = self.plan.replace((inputs, plan));
        if before.is_some_and(|(same, other)| same == inputs && other != plan) {
            self.changed(primary, "the plan changes although nothing does that it is made from", now);
        }
    }

    /// A child, described by `what`, was written.
    pub(crate) fn wrote(&mut self, primary: &Object, what: &str, now: Instant) {
        let text =
            format!("{what} is written again and again: the plan changes by itself, or somebody changes it back");
        self.changed(primary, &text, now);
    }

    fn changed(&mut self, primary: &Object, text: &str, now: Instant) {
        self.is_new(primary);
        let times = self.changes.entry(text.to_owned()).or_default();
        while times.front().is_some_and(|time| now.duration_since(*time) > WINDOW) {
            times.pop_front();
        }
        times.push_back(now);
        // After a rest a single time is enough: whoever changes it back has not been seen since.
        if times.len() > MOST || self.rests > 0 {
            times.truncate(MOST);
            self.found.get_or_insert_with(|| text.to_owned());
        }
    }

    /// What changes too often, as found in this reconcile.
    pub(crate) fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// Ends a reconcile. Says for how long the primary is left alone now.
    pub(crate) fn end(&mut self, now: Instant) -> Option<Duration> {
        if self.found.take().is_some() {
            self.rests = self.rests.saturating_add(1);
            let rest = backoff::delay(FIRST_REST, LONGEST_REST, self.rests);
            self.until = Some(now + rest);
            return Some(rest);
        }
        // It was looked at after a rest, and stayed as it was.
        self.rests = 0;
        self.until = None;
        None
    }

    /// Whether this is not the primary that all this is remembered of; then it is forgotten.
    fn is_new(&mut self, primary: &Object) -> bool {
        let digest = input(primary);
        if self.primary == digest {
            return false;
        }
        *self = Self { primary: digest, plan: self.plan, ..Self::default() };
        true
    }
}

/// What somebody else decides of a primary: all but its status and the counters that a write of ours moves.
fn input(primary: &Object) -> u64 {
    let mut tree = primary.tree();
    if let Some(members) = tree.as_object_mut() {
        members.shift_remove("status");
        if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("resourceVersion");
            metadata.shift_remove("generation");
        }
    }
    digest64(tree.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn primary(text: &str, version: usize) -> Object {
        let value = json!({"metadata": {"name": "w", "uid": "p-1", "resourceVersion": version.to_string()},
            "spec": {"text": text}, "status": {"seen": version}});
        Object::parse(value.to_string().as_bytes(), "g/v1", "Web").unwrap()
    }

    /// Writes a child once a second, one reconcile each, and gives the writes that were made before a rest.
    fn writes_until_rest(unrest: &mut Unrest, most: usize, every: Duration, start: Instant) -> Option<usize> {
        (1..=most).find(|count| {
            let now = start + every * u32::try_from(*count).unwrap();
            unrest.wrote(&primary("a", *count), "ConfigMap \"c\"", now);
            unrest.end(now).is_some()
        })
    }

    #[test]
    fn a_child_that_is_written_again_and_again_is_left_alone_longer_each_time() {
        let (mut unrest, start) = (Unrest::default(), Instant::now());
        assert_eq!(writes_until_rest(&mut unrest, 100, Duration::from_secs(1), start), Some(MOST + 1));
        let mut now = start + Duration::from_secs(30);
        let mut rests = Vec::new();
        for _ in 0..8 {
            let left = unrest.rests(&primary("a", 1), now).unwrap_or_default();
            now += left;
            assert_eq!(unrest.rests(&primary("a", 1), now), None);
            unrest.wrote(&primary("a", 1), "ConfigMap \"c\"", now);
            rests.push(unrest.end(now).unwrap());
        }
        assert!(rests[0] < rests[3] && rests[7] <= LONGEST_REST, "{rests:?}");
        unrest.rests(&primary("a", 1), now + LONGEST_REST);
        assert_eq!(unrest.end(now + LONGEST_REST), None);
        assert_eq!(unrest.rests(&primary("a", 1), now + LONGEST_REST), None);
    }

    #[test]
    fn what_is_written_now_and_then_is_no_unrest() {
        let mut unrest = Unrest::default();
        assert_eq!(writes_until_rest(&mut unrest, 1000, Duration::from_secs(4), Instant::now()), None);
    }

    #[test]
    fn a_change_of_the_primary_ends_a_rest_and_a_change_of_its_status_does_not() {
        let (mut unrest, start) = (Unrest::default(), Instant::now());
        writes_until_rest(&mut unrest, 100, Duration::from_millis(1), start).unwrap();
        let now = start + Duration::from_secs(1);
        assert!(unrest.rests(&primary("a", 999), now).is_some());
        assert_eq!(unrest.rests(&primary("b", 999), now), None);
        unrest.wrote(&primary("b", 999), "ConfigMap \"c\"", now);
        assert_eq!(unrest.end(now), None);
    }

    #[test]
    fn a_plan_may_change_with_its_inputs_and_not_by_itself() {
        let now = Instant::now();
        for (by_itself, found) in [(false, false), (true, true)] {
            let mut unrest = Unrest::default();
            for round in 0..100 {
                unrest.planned(&primary("a", 1), if by_itself { 0 } else { round }, round, now);
            }
            assert_eq!(unrest.found().is_some(), found);
        }
    }
}
