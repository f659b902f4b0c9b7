//! What is written into the status of a Komposer.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::events::timestamp;
use crate::page::{Health, Pattern, PatternState as State};

/// What became of the Komposer that was seen last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its generation; 0: nothing became of any yet.
    pub generation: i64,
    /// Why it was not carried out as a whole, and what ran before goes on; none: it was.
    pub unmet: Option<Unmet>,
}

/// Why a Komposer was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// One PascalCase word.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// The longest message, in characters: the API server takes 32 KiB, and nobody reads that.
const LONGEST: usize = 2048;

/// The status, with the times of `before` where nothing changed.
pub(super) fn status(outcome: &Outcome, patterns: &[Pattern], before: &Value, now: Timestamp) -> Value {
    let patterns = merged(patterns);
    let (ready, reason, message) = readiness(outcome, &patterns);
    let was = before.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let was = was.into_iter().find(|condition| condition["type"] == "Ready");
    let since = was.filter(|was| was["status"] == ready).and_then(|was| was["lastTransitionTime"].as_str());
    let since = since.map_or_else(|| timestamp(now), str::to_owned);
    json!({
        "observedGeneration": outcome.generation,
        "conditions": [{
            "type": "Ready", "status": ready, "reason": reason, "message": cut(&message),
            "observedGeneration": outcome.generation, "lastTransitionTime": since,
        }],
        "ready": format!("{}/{}", patterns.iter().filter(|told| told.is_met()).count(), patterns.len()),
        "patterns": patterns.iter().map(Told::value).collect::<Vec<_>>(),
    })
}

/// One instance: what runs of it, and what does not.
struct Told<'a> {
    runs: Option<&'a Pattern>,
    refused: Option<&'a Pattern>,
}

/// Every instance once, by name: another version that is refused stands beside the one that goes on.
fn merged(patterns: &[Pattern]) -> Vec<Told<'_>> {
    let mut names: Vec<&str> = patterns.iter().map(|pattern| pattern.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let find = |name: &str, broken: bool| {
        let is =
            |pattern: &&Pattern| pattern.name.as_str() == name && (pattern.health.state == State::Broken) == broken;
        patterns.iter().find(is)
    };
    names.into_iter().map(|name| Told { runs: find(name, false), refused: find(name, true) }).collect()
}

impl Told<'_> {
    fn name(&self) -> &str {
        self.refused.or(self.runs).map_or("", |pattern| pattern.name.as_str())
    }

    fn phase(&self) -> &'static str {
        match (self.runs, self.refused) {
            (Some(_), Some(_)) => "Refused",
            (None, _) => "Broken",
            (Some(pattern), None) => match pattern.health.state {
                State::Ready => "Ready",
                State::Degraded => "Degraded",
                State::Waiting => "Waiting",
                State::Broken => "Broken",
            },
        }
    }

    /// Whether it does what the Komposer says. A resource that needs help is its owner's matter.
    fn is_met(&self) -> bool {
        matches!(self.phase(), "Ready" | "Degraded")
    }

    fn health(&self) -> Option<&Health> {
        self.refused.or(self.runs).map(|pattern| &pattern.health)
    }

    fn reason(&self) -> &str {
        self.health().map_or("", |health| health.reason.as_str())
    }

    fn message(&self) -> String {
        let Some(health) = self.health() else { return String::new() };
        match &health.mend {
            Some(mend) => format!("{}; {}", health.message.as_str(), mend.as_str()),
            None => health.message.as_str().to_owned(),
        }
    }

    fn value(&self) -> Value {
        let mut item = Map::new();
        let mut put = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                item.insert(key.to_owned(), value.into());
            }
        };
        put("name", Some(self.name()));
        put("phase", Some(self.phase()));
        put("reason", Some(self.reason()));
        put("message", Some(&cut(&self.message())));
        if let Some(runs) = self.runs {
            put("version", runs.version.as_ref().map(|version| version.as_str()));
            put("from", runs.from.as_ref().map(|from| from.as_str()));
            put("manifest", runs.digests.manifest.as_deref());
            put("component", runs.digests.component.as_deref());
            put("hook", runs.digests.hook.as_deref());
        }
        let refused = self.refused.into_iter().flat_map(|pattern| &pattern.capabilities);
        let refused: Vec<Value> = refused
            .filter(|capability| !capability.granted)
            .map(|capability| capability.name.as_str().into())
            .collect();
        if !refused.is_empty() {
            item.insert("refusedGrants".to_owned(), refused.into());
        }
        Value::Object(item)
    }
}

fn readiness(outcome: &Outcome, patterns: &[Told<'_>]) -> (&'static str, String, String) {
    if let Some(Unmet { reason, message }) = &outcome.unmet {
        return ("False", (*reason).to_owned(), message.clone());
    }
    // What somebody has to mend is told before what comes right by itself.
    let waits = |told: &&Told<'_>| told.phase() == "Waiting";
    let unmet = || patterns.iter().filter(|told| !told.is_met());
    let first = unmet().find(|told| !waits(told)).or_else(|| unmet().next());
    match first {
        None => ("True", "Running".to_owned(), format!("{} as the Komposer says", counted(patterns.len()))),
        Some(first) => {
            let others = match unmet().count() - 1 {
                0 => String::new(),
                others => format!("; and {} more", counted(others)),
            };
            ("False", first.reason().to_owned(), format!("{}: {}{others}", first.name(), first.message()))
        }
    }
}

fn counted(patterns: usize) -> String {
    match patterns {
        1 => "1 pattern".to_owned(),
        many => format!("{many} patterns"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::about::{Capability, Digests};

    use super::*;

    fn pattern(name: &str, state: State, reason: &str, message: &str) -> Pattern {
        let runs = state != State::Broken;
        Pattern {
            name: name.into(),
            version: runs.then(|| "1.0.0".into()),
            from: runs.then(|| "ghcr.io/a/b:v1".into()),
            digests: Digests { component: runs.then(|| "sha256:1".to_owned()), ..Digests::default() },
            account: None,
            health: Health { state, reason: reason.into(), message: message.into(), mend: None },
            entries: Vec::new(),
            capabilities: Vec::new(),
            rights: Vec::new(),
            not_given: Vec::new(),
        }
    }

    fn ready(status: &Value) -> (&str, &str, &str) {
        let condition = &status["conditions"][0];
        let text = |key: &str| condition[key].as_str().unwrap();
        (text("status"), text("reason"), text("message"))
    }

    fn said(patterns: &[Pattern]) -> Value {
        status(&Outcome { generation: 3, unmet: None }, patterns, &Value::Null, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_komposer_is_ready_when_all_of_it_runs() {
        let all = [
            pattern("web", State::Ready, "Ready", ""),
            pattern("db", State::Degraded, "ResourcesFail", "1 of 2 needs help"),
        ];
        let status = said(&all);
        assert_eq!(ready(&status), ("True", "Running", "2 patterns as the Komposer says"));
        assert_eq!((&status["observedGeneration"], &status["ready"]), (&json!(3), &json!("2/2")));
        assert_eq!(
            status["patterns"],
            json!([
                {"name": "db", "phase": "Degraded", "reason": "ResourcesFail", "message": "1 of 2 needs help",
                    "version": "1.0.0", "from": "ghcr.io/a/b:v1", "component": "sha256:1"},
                {"name": "web", "phase": "Ready", "reason": "Ready", "version": "1.0.0", "from": "ghcr.io/a/b:v1",
                    "component": "sha256:1"},
            ])
        );
    }

    #[test]
    fn what_is_refused_stands_beside_what_goes_on_and_is_told_first() {
        let mut denied = pattern("web", State::Broken, "CapabilityDenied", "it asks for more");
        denied.capabilities =
            vec![Capability { name: "flow:spec.account".into(), granted: false, reasons: Vec::new() }];
        let waits = pattern("db", State::Waiting, "NotStarted", "the start");
        let status = said(&[waits.clone(), pattern("web", State::Ready, "Ready", ""), denied]);
        assert_eq!(ready(&status), ("False", "CapabilityDenied", "web: it asks for more; and 1 pattern more"));
        let web = &status["patterns"][1];
        assert_eq!((&web["phase"], &web["version"]), (&json!("Refused"), &json!("1.0.0")));
        assert_eq!(web["refusedGrants"], json!(["flow:spec.account"]));
        assert_eq!(status["ready"], "0/2");
        assert_eq!(ready(&said(&[waits])), ("False", "NotStarted", "db: the start"));
    }

    #[test]
    fn what_was_not_carried_out_is_told_whatever_runs() {
        let unmet = Some(Unmet { reason: "NotLocked", message: "there is no lock".to_owned() });
        let outcome = Outcome { generation: 4, unmet };
        let status =
            status(&outcome, &[pattern("web", State::Ready, "Ready", "")], &Value::Null, Timestamp::UNIX_EPOCH);
        assert_eq!(ready(&status), ("False", "NotLocked", "there is no lock"));
        assert_eq!(status["patterns"][0]["phase"], "Ready");
    }

    #[test]
    fn a_condition_keeps_its_time_until_it_changes() {
        let web = [pattern("web", State::Ready, "Ready", "")];
        let first = said(&web);
        let later = Timestamp::from_second(1_000).unwrap();
        let outcome = Outcome { generation: 3, unmet: None };
        assert_eq!(status(&outcome, &web, &first, later), first);
        let unmet = Some(Unmet { reason: "NotLocked", message: String::new() });
        let changed = status(&Outcome { generation: 3, unmet }, &web, &first, later);
        assert_eq!(changed["conditions"][0]["lastTransitionTime"], "1970-01-01T00:16:40Z");
    }
}
