//! Kubernetes Events on a primary, for what a person should know: the same thing not twice in ten minutes, and not more
//! than a few things at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::api::{Call, JSON};
use crate::conditions::{CONFLICTED, Summary, UNSETTLED, clean, conditions};
use crate::identity::Identity;
use crate::json::digest64;
use crate::lock;
use crate::object::Object;
use crate::shards::Shards;

/// Events that may wait to be sent; more are dropped, as an Event is worth less than the work that it tells of.
const WAITING: usize = 256;
/// For so long the same thing is not told again of one primary.
const QUIET: Duration = Duration::from_secs(600);
/// Different things that are told of one primary at once.
const BURST: u32 = 10;
/// After a burst, one more thing is told after each such time.
const REFILL: Duration = Duration::from_secs(60);
/// Bytes of a primary's name in the name of an Event: a name has 253 at most, and the time comes behind it.
const NAME_PART: usize = 200;

/// Sends Events one after another, beside the reconciles.
pub(crate) struct Events {
    sender: mpsc::Sender<Outgoing>,
    gate: Mutex<Gate>,
}

/// An Event on its way.
struct Outgoing {
    /// The primary's UID.
    about: Box<str>,
    path: String,
    body: Vec<u8>,
}

impl Events {
    /// The sender, and the task that does the sending.
    pub(crate) fn new(shards: Arc<Shards>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, mut receiver) = mpsc::channel::<Outgoing>(WAITING);
        let task = async move {
            while let Some(Outgoing { about, path, body }) = receiver.recv().await {
                let identity = &Identity::Process;
                let call = Call { identity, method: Method::POST, path: &path, content_type: JSON, body };
                if let Err(error) = shards.of(&about).api.call(call).await {
                    tracing::debug!(reason = error.reason(), %error, "event not sent");
                }
            }
        };
        (Self { sender, gate: Mutex::default() }, task)
    }

    /// Tells what keeps a primary from being well, where its status does not say the same already.
    pub(crate) fn tell_changes(&self, primary: &Object, summary: &Summary) {
        for (reason, message) in news(&primary.tree(), summary) {
            self.tell(primary, "Warning", &reason, &message);
        }
    }

    /// Tells something about a primary. `kind` is `Normal` or `Warning`, `reason` the one word that condition, metric and
    /// log have for it.
    pub(crate) fn tell(&self, primary: &Object, kind: &str, reason: &str, message: &str) {
        let message = clean(message);
        let digest = digest64(format!("{reason}\n{message}").as_bytes());
        let Some(count) = lock::lock(&self.gate).admit(&primary.uid, digest, Instant::now()) else { return };
        let tree = primary.tree();
        let namespace = match &*primary.key.namespace {
            "" => "default",
            namespace => namespace,
        };
        let now = jiff::Timestamp::now();
        // Names are ASCII.
        let stem = primary.key.name.get(..NAME_PART).unwrap_or(&primary.key.name);
        let name = format!("{}.{:x}", stem.trim_end_matches(['.', '-']), now.as_nanosecond());
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": tree["apiVersion"], "kind": tree["kind"], "name": &*primary.key.name,
                "namespace": &*primary.key.namespace, "uid": &*primary.uid,
                "resourceVersion": &*primary.resource_version,
            },
            "type": kind, "reason": reason, "message": message,
            "source": {"component": "orkestra"}, "reportingComponent": "orkestra", "reportingInstance": "orkestra",
            "firstTimestamp": timestamp(now), "lastTimestamp": timestamp(now), "count": count,
        });
        let path = format!("/api/v1/namespaces/{namespace}/events");
        if self
            .sender
            .try_send(Outgoing { about: primary.uid.clone(), path, body: event.to_string().into_bytes() })
            .is_err()
        {
            tracing::debug!(reason, "event dropped");
        }
    }
}

/// Reason and message of each condition that a person must know of and that the primary's status does not have yet.
fn news(primary: &Value, summary: &Summary) -> Vec<(String, String)> {
    let known = primary.pointer("/status/conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let wanted = conditions(summary).into_iter().filter(|condition| {
        matches!(&*condition.kind, "Stalled" | CONFLICTED | UNSETTLED) && condition.status == "True"
    });
    let new = wanted.filter(|condition| {
        let same = |item: &Value, name: &str, text: &str| item.get(name).and_then(Value::as_str) == Some(text);
        !known.iter().any(|item| {
            same(item, "type", &condition.kind)
                && same(item, "status", "True")
                && same(item, "reason", &condition.reason)
                && same(item, "message", &condition.message)
        })
    });
    new.map(|condition| (condition.reason, condition.message)).collect()
}

/// What was told lately, by the primary's UID. Lost at a restart: then a thing may be told once more.
#[derive(Default)]
struct Gate {
    primaries: HashMap<Box<str>, Told>,
    /// At so many primaries those of whom nothing was told lately are forgotten.
    sweep_at: usize,
}

struct Told {
    /// What may be told now, and since when that is so.
    left: u32,
    since: Instant,
    /// By digest.
    recent: HashMap<u64, Recent>,
}

struct Recent {
    sent: Instant,
    held_back: u32,
}

impl Gate {
    /// How often the thing happened since it was told last, this time included; none: it is not told now.
    fn admit(&mut self, uid: &str, digest: u64, now: Instant) -> Option<u32> {
        self.sweep(now);
        let told = self.primaries.entry(uid.into()).or_insert_with(|| Told {
            left: BURST,
            since: now,
            recent: HashMap::new(),
        });
        if let Some(recent) = told.recent.get_mut(&digest)
            && now.duration_since(recent.sent) < QUIET
        {
            recent.held_back = recent.held_back.saturating_add(1);
            return None;
        }
        told.refill(now);
        told.left = told.left.checked_sub(1)?;
        let before = told.recent.remove(&digest).map_or(0, |recent| recent.held_back);
        // Each entry cost one of `left`, so there are never many.
        told.recent.retain(|_, recent| now.duration_since(recent.sent) < QUIET);
        told.recent.insert(digest, Recent { sent: now, held_back: 0 });
        Some(before.saturating_add(1))
    }

    fn sweep(&mut self, now: Instant) {
        if self.primaries.len() < self.sweep_at.max(1024) {
            return;
        }
        let lately = |recent: &Recent| now.duration_since(recent.sent) < QUIET;
        self.primaries.retain(|_, told| told.recent.values().any(lately));
        self.sweep_at = 2 * self.primaries.len();
    }
}

impl Told {
    fn refill(&mut self, now: Instant) {
        let whole = now.duration_since(self.since).as_secs() / REFILL.as_secs();
        let more = u32::try_from(whole).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(more).min(BURST);
        self.since = if self.left == BURST { now } else { self.since + REFILL * more };
    }
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
pub(crate) fn timestamp(time: jiff::Timestamp) -> String {
    time.round(jiff::Unit::Second).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_told_once_in_ten_minutes_and_then_with_how_often_it_was() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        assert_eq!(gate.admit("u", 1, start), Some(1));
        for second in 1..=7 {
            assert_eq!(gate.admit("u", 1, start + Duration::from_secs(second)), None);
        }
        assert_eq!(gate.admit("other", 1, start), Some(1));
        assert_eq!(gate.admit("u", 2, start), Some(1));
        assert_eq!(gate.admit("u", 1, start + QUIET), Some(8));
        assert_eq!(gate.admit("u", 1, start + QUIET), None);
    }

    #[test]
    fn what_the_status_says_already_is_no_news() {
        let problem =
            crate::conditions::Problem { reason: "Forbidden".to_owned(), message: "no".to_owned(), transient: false };
        let summary = Summary { problems: vec![problem], unsettled: Some("why".to_owned()), ..Summary::default() };
        let told = |primary: Value| news(&primary, &summary).into_iter().map(|(reason, _)| reason).collect::<Vec<_>>();
        assert_eq!(told(json!({})), ["Forbidden", "Unsettled"]);
        let stalled =
            |message: &str| json!({"type": "Stalled", "status": "True", "reason": "Forbidden", "message": message});
        assert_eq!(told(json!({"status": {"conditions": [stalled("no")]}})), ["Unsettled"]);
        assert_eq!(told(json!({"status": {"conditions": [stalled("other")]}})), ["Forbidden", "Unsettled"]);
        assert_eq!(news(&json!({}), &Summary { missing: vec!["a".to_owned()], ..Summary::default() }), []);
    }

    #[test]
    fn different_things_are_told_in_a_burst_and_then_one_a_minute() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        let told = (0..100).filter(|digest| gate.admit("u", *digest, start).is_some()).count();
        assert_eq!(told, BURST as usize);
        let later = start + REFILL;
        let told = (100..200).filter(|digest| gate.admit("u", *digest, later).is_some()).count();
        assert_eq!(told, 1);
        let rested = start + 60 * REFILL;
        let told = (200..300).filter(|digest| gate.admit("u", *digest, rested).is_some()).count();
        assert_eq!(told, BURST as usize);
    }

    #[test]
    fn what_was_told_long_ago_takes_no_memory() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        for index in 0..2000 {
            gate.admit(&format!("u{index}"), 1, start);
        }
        for index in 0..2100 {
            gate.admit(&format!("v{index}"), 1, start + QUIET);
        }
        assert!(gate.primaries.len() <= 2100, "{}", gate.primaries.len());
        for digest in 0..10_000 {
            gate.admit("u", digest, start + QUIET * 2 + REFILL * u32::try_from(digest).unwrap());
        }
        assert!(gate.primaries["u"].recent.len() <= 20, "{}", gate.primaries["u"].recent.len());
    }
}
