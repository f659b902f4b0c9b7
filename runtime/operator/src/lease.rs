//! The Lease by which runtimes agree who leads: what it says, and what follows from it. Pure.
//!
//! As in client-go's leader election, nobody compares its clock with another machine's: a lease has run out when it was
//! looked at twice, its duration apart, and was not renewed in between.

use std::time::Duration;

use serde_json::{Value, json};

/// The Lease's name.
pub(crate) const NAME: &str = "orkestra-runtime";
/// The label of the Lease of a part of the primaries: how many parts there are.
pub(crate) const SHARDS_LABEL: &str = "orkestra.orkspace.io/shards";
/// A duration that a Lease may say at most: beyond that, nobody would ever follow a holder that is gone.
const LONGEST: Duration = Duration::from_secs(300);

/// The name of the Lease of a part of the primaries.
pub(crate) fn shard_name(number: usize, count: u16) -> String {
    format!("orkestra-shard-{number}-of-{count}")
}

/// What there is to do about the Lease.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is none: make one.
    Create,
    /// It is free, or its holder has not renewed it for too long: take it.
    Take,
    /// Somebody holds it.
    Follow(String),
    /// It was deleted while somebody may have held it, who may not know yet.
    Wait,
}

/// What was seen of the Lease, and since when it has not changed; null where it is gone.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: Option<(Value, Duration)>,
}

impl Watch {
    /// Notes a Lease that was ours: where it is gone at the next look, it was deleted.
    pub(crate) fn saw(&mut self, lease: &Value, now: Duration) {
        self.seen = Some((lease.get("spec").cloned().unwrap_or(Value::Null), now));
    }

    /// What follows from a look at the Lease at the time `now` (of this machine's clock, which only goes forward). `ours` is
    /// for how long a lease of ours holds: another one is not taken to hold for less.
    pub(crate) fn step(&mut self, lease: Option<&Value>, me: &str, ours: Duration, now: Duration) -> Step {
        let Some(lease) = lease else {
            let since = match &self.seen {
                // It has never been there for all that is known.
                None => return Step::Create,
                Some((Value::Null, since)) => *since,
                Some(_) => now,
            };
            self.seen = Some((Value::Null, since));
            return if now.saturating_sub(since) >= ours { Step::Create } else { Step::Wait };
        };
        let spec = lease.get("spec").cloned().unwrap_or(Value::Null);
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            _ => now,
        };
        let holds = Duration::from_secs(spec.get("leaseDurationSeconds").and_then(Value::as_u64).unwrap_or_default());
        let holds = holds.clamp(ours, LONGEST.max(ours));
        self.seen = Some((spec, since));
        match holder(lease) {
            // Ours: we were told of an error, and it was written nevertheless.
            None => Step::Take,
            Some(holder) if holder == me => Step::Take,
            Some(_) if now.saturating_sub(since) >= holds => Step::Take,
            Some(holder) => Step::Follow(holder.to_owned()),
        }
    }
}

/// Who holds a Lease.
pub(crate) fn holder(lease: &Value) -> Option<&str> {
    lease.pointer("/spec/holderIdentity").and_then(Value::as_str).filter(|holder| !holder.is_empty())
}

/// A Lease where there was none. `metadata` has its name and namespace.
pub(crate) fn made(metadata: &Value, me: &str, holds: Duration, now: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata,
        "spec": {"holderIdentity": me, "leaseDurationSeconds": holds.as_secs().max(1),
            "acquireTime": now, "renewTime": now, "leaseTransitions": 0},
    })
}

/// The same Lease, held by `me`. It has the version that was read, so it is refused where anybody has written since.
pub(crate) fn held(lease: &Value, me: &str, holds: Duration, now: &str) -> Value {
    let mut lease = lease.clone();
    let same = holder(&lease) == Some(me);
    let transitions = lease.pointer("/spec/leaseTransitions").and_then(Value::as_i64).unwrap_or_default();
    if !lease["spec"].is_object() {
        lease["spec"] = json!({});
    }
    let spec = &mut lease["spec"];
    if !same {
        spec["acquireTime"] = now.into();
        spec["leaseTransitions"] = transitions.saturating_add(1).clamp(0, i64::from(i32::MAX)).into();
    }
    spec["holderIdentity"] = me.into();
    spec["leaseDurationSeconds"] = holds.as_secs().max(1).into();
    spec["renewTime"] = now.into();
    lease
}

/// The same Lease, free for whoever looks next.
pub(crate) fn released(lease: &Value, now: &str) -> Value {
    let mut lease = lease.clone();
    if !lease["spec"].is_object() {
        lease["spec"] = json!({});
    }
    lease["spec"]["holderIdentity"] = "".into();
    lease["spec"]["leaseDurationSeconds"] = 1.into();
    lease["spec"]["renewTime"] = now.into();
    lease
}

/// RFC 3339 in microseconds, as a Lease has its times.
pub(crate) fn micro_time(time: jiff::Timestamp) -> String {
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    fn lease(holder: &str, renewed: &str) -> Value {
        json!({"metadata": {"name": NAME, "resourceVersion": "7"}, "spec": {"holderIdentity": holder,
            "leaseDurationSeconds": 15, "renewTime": renewed, "leaseTransitions": 3}})
    }

    #[test]
    fn a_lease_has_run_out_when_nobody_renewed_it_between_two_looks_its_duration_apart() {
        let mut watch = Watch::default();
        // What its times say does not matter: the other machine's clock may be wrong.
        let (old, renewed) = (lease("a", "1999-01-01T00:00:00.000000Z"), lease("a", "2099-01-01T00:00:00.000000Z"));
        let follow = Step::Follow("a".to_owned());
        assert_eq!(watch.step(Some(&old), "b", OURS, at(0)), follow);
        assert_eq!(watch.step(Some(&old), "b", OURS, at(14)), follow);
        assert_eq!(watch.step(Some(&renewed), "b", OURS, at(15)), follow);
        assert_eq!(watch.step(Some(&renewed), "b", OURS, at(29)), follow);
        assert_eq!(watch.step(Some(&renewed), "b", OURS, at(30)), Step::Take);
    }

    #[test]
    fn what_is_free_is_taken_and_what_is_not_there_is_made() {
        let mut watch = Watch::default();
        assert_eq!(watch.step(None, "b", OURS, at(0)), Step::Create);
        assert_eq!(watch.step(Some(&lease("", "x")), "b", OURS, at(0)), Step::Take);
        assert_eq!(watch.step(Some(&json!({})), "b", OURS, at(0)), Step::Take);
        assert_eq!(watch.step(Some(&lease("b", "x")), "b", OURS, at(0)), Step::Take);
    }

    #[test]
    fn a_lease_that_was_deleted_is_not_made_before_its_holder_must_have_noticed() {
        let mut watch = Watch::default();
        assert_eq!(watch.step(Some(&lease("a", "x")), "b", OURS, at(0)), Step::Follow("a".to_owned()));
        assert_eq!(watch.step(None, "b", OURS, at(1)), Step::Wait);
        assert_eq!(watch.step(None, "b", OURS, at(15)), Step::Wait);
        assert_eq!(watch.step(None, "b", OURS, at(16)), Step::Create);
    }

    #[test]
    fn the_duration_that_the_lease_says_counts_within_reason() {
        for (says, holds) in [(json!(60), 60), (json!(1), 15), (json!(-5), 15), (json!(4_000_000_000_u64), 300)] {
            let mut watch = Watch::default();
            let mut theirs = lease("a", "x");
            theirs["spec"]["leaseDurationSeconds"] = says;
            watch.step(Some(&theirs), "b", OURS, at(0));
            assert_eq!(watch.step(Some(&theirs), "b", OURS, at(holds - 1)), Step::Follow("a".to_owned()));
            assert_eq!(watch.step(Some(&theirs), "b", OURS, at(holds)), Step::Take);
        }
    }

    #[test]
    fn who_takes_over_counts_the_change_and_who_renews_does_not() {
        let taken = held(&lease("a", "x"), "b", OURS, "now");
        let expected = json!({"metadata": {"name": NAME, "resourceVersion": "7"}, "spec": {"holderIdentity": "b",
            "leaseDurationSeconds": 15, "renewTime": "now", "acquireTime": "now", "leaseTransitions": 4}});
        assert_eq!(taken, expected);
        let renewed = held(&taken, "b", OURS, "later");
        assert_eq!(renewed["spec"]["renewTime"], "later");
        assert_eq!((&renewed["spec"]["acquireTime"], &renewed["spec"]["leaseTransitions"]), (&json!("now"), &json!(4)));
        assert_eq!(holder(&released(&renewed, "end")), None);
    }

    #[test]
    fn times_have_six_digits() {
        let time = jiff::Timestamp::new(1_700_000_000, 123_456_789).unwrap();
        assert_eq!(micro_time(time), "2023-11-14T22:13:20.123456Z");
        assert_eq!(micro_time(jiff::Timestamp::new(1_700_000_000, 0).unwrap()), "2023-11-14T22:13:20.000000Z");
    }
}
