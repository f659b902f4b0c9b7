//! The conditions of a primary, from what its plan says and what was observed. Pure, so that a pattern's tests can use
//! the same function without a cluster.

use serde_json::{Value, json};

use crate::conflict::Contested;
use crate::readiness::Readiness;

/// Everything that conditions depend on.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Children that exist, each with its id and readiness.
    pub children: Vec<(String, Readiness)>,
    /// Children that cannot be made before others are there: each with its id and the ids of the others.
    pub pending: Vec<(String, Vec<String>)>,
    /// Ids of children that can be made and have not been.
    pub missing: Vec<String>,
    /// What went wrong.
    pub problems: Vec<Problem>,
    /// Fields that are left to others, by child id.
    pub conflicts: Vec<(String, Contested)>,
    /// Conditions beyond the host's own, from the plan.
    pub extra: Vec<Condition>,
    /// The resource is being deleted, and this is what that waits for.
    pub deleting: Option<String>,
    /// Writes are paused.
    pub paused: bool,
    /// Why the resource is left alone for a while: it does not settle.
    pub unsettled: Option<String>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One PascalCase word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// It may well go away by itself.
    pub transient: bool,
}

/// One condition, without times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `Ready`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One PascalCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// The types that the host decides alone.
pub(crate) const OWN: [&str; 5] = ["Ready", "Reconciling", "Stalled", CONFLICTED, UNSETTLED];
/// Fields are left to others. Only there where it is or was so.
pub(crate) const CONFLICTED: &str = "Conflicted";
/// The resource is left alone for a while. Only there where it is or was so.
pub(crate) const UNSETTLED: &str = "Unsettled";
/// Longest message, in characters: the API allows more, people do not read more.
const LONGEST_MESSAGE: usize = 1024;

/// The conditions `Ready`, `Reconciling` and `Stalled` in the sense of kstatus, `Conflicted` where there is cause, and
/// the plan's own.
pub fn conditions(summary: &Summary) -> Vec<Condition> {
    let Summary { children, pending, missing, problems, conflicts, extra, deleting, paused, unsettled } = summary;
    let failed = children.iter().filter_map(|(id, readiness)| match readiness {
        Readiness::Failed(why) => Some(format!("{id}: {why}")),
        _ => None,
    });
    let failed: Vec<String> = failed.collect();
    let progressing = children.iter().filter_map(|(id, readiness)| match readiness {
        Readiness::Progressing(why) => Some(format!("{id}: {why}")),
        _ => None,
    });
    let mut waiting: Vec<String> = progressing.collect();
    waiting.extend(missing.iter().map(|id| format!("{id}: it does not exist yet")));
    waiting.extend(pending.iter().map(|(id, others)| format!("{id}: waits for {}", others.join(" and "))));

    let (ready, reason, message, stalled, reconciling);
    if let Some(first) = problems.iter().find(|problem| !problem.transient).or(problems.first()) {
        let messages: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
        (ready, reason, message) = (false, first.reason.clone(), messages.join("; "));
        stalled = !first.transient;
        reconciling = first.transient;
    } else if let Some(waits) = deleting {
        (ready, reason, message) = (false, "Deleting".to_owned(), waits.clone());
        (stalled, reconciling) = (false, !paused);
    } else if !failed.is_empty() {
        (ready, reason, message) = (false, "ChildFailed".to_owned(), failed.join("; "));
        (stalled, reconciling) = (true, false);
    } else if !waiting.is_empty() {
        let prefix = if *paused { "writes are paused; " } else { "" };
        (ready, reason, message) = (false, "ChildrenNotReady".to_owned(), format!("{prefix}{}", waiting.join("; ")));
        (stalled, reconciling) = (false, !paused);
    } else {
        let message_text = match children.len() {
            0 => "there are no children".to_owned(),
            1 => "the child is ready".to_owned(),
            count => format!("all {count} children are ready"),
        };
        (ready, reason, message) = (true, "Ready".to_owned(), message_text);
        (stalled, reconciling) = (false, false);
    }
    let own = |kind: &str, on: bool, off_reason: &str| Condition {
        kind: kind.to_owned(),
        status: if on { "True" } else { "False" }.to_owned(),
        reason: if on { reason.clone() } else { off_reason.to_owned() },
        message: if on { clean(&message) } else { String::new() },
    };
    let settled = if *paused { "Paused" } else { "Settled" };
    let mut all = vec![
        Condition {
            kind: "Ready".to_owned(),
            status: if ready { "True" } else { "False" }.to_owned(),
            reason: reason.clone(),
            message: clean(&message),
        },
        own("Reconciling", reconciling, if stalled { "Stalled" } else { settled }),
        own("Stalled", stalled, if reconciling { "Progressing" } else { settled }),
    ];
    if !conflicts.is_empty() {
        let texts: Vec<String> = conflicts.iter().map(|(id, contested)| format!("{id}: {contested}")).collect();
        all.push(Condition {
            kind: CONFLICTED.to_owned(),
            status: "True".to_owned(),
            reason: "FieldManagerConflict".to_owned(),
            message: clean(&texts.join("; ")),
        });
    }
    all.extend(unsettled.iter().map(|why| Condition {
        kind: UNSETTLED.to_owned(),
        status: "True".to_owned(),
        reason: UNSETTLED.to_owned(),
        message: clean(why),
    }));
    all.extend(extra.iter().filter(|condition| !OWN.contains(&&*condition.kind)).cloned());
    all
}

/// Puts `wanted` into the list that is there: conditions of others stay as they are, and a condition that keeps its
/// status keeps the time of its last transition. `Conflicted` and `Unsettled` that have gone become false.
pub(crate) fn merge(before: &[Value], wanted: &[Condition], generation: Option<i64>, now: &str) -> Vec<Value> {
    let of = |list: &[Value], kind: &str| list.iter().position(|item| item.get("type") == Some(&kind.into()));
    let mut merged = before.to_vec();
    let mut wanted = wanted.to_vec();
    for kind in [CONFLICTED, UNSETTLED] {
        if of(before, kind).is_some() && !wanted.iter().any(|condition| condition.kind == kind) {
            wanted.push(Condition {
                kind: kind.to_owned(),
                status: "False".to_owned(),
                reason: "Settled".to_owned(),
                message: String::new(),
            });
        }
    }
    for condition in wanted {
        let at = of(&merged, &condition.kind);
        let same =
            at.and_then(|at| merged.get(at)).filter(|old| old.get("status") == Some(&(*condition.status).into()));
        let since =
            same.and_then(|old| old.get("lastTransitionTime")).and_then(Value::as_str).unwrap_or(now).to_owned();
        let mut new = json!({
            "type": condition.kind, "status": condition.status, "reason": condition.reason,
            "message": condition.message, "lastTransitionTime": since,
        });
        if let Some(generation) = generation {
            new["observedGeneration"] = generation.into();
        }
        match at.and_then(|at| merged.get_mut(at)) {
            Some(slot) => *slot = new,
            None => merged.push(new),
        }
    }
    merged
}

/// Reads a plan's own conditions. Anything that is not one is left out.
pub(crate) fn read_extra(json: &[u8]) -> Vec<Condition> {
    let list: Vec<Value> = serde_json::from_slice(json).unwrap_or_default();
    let condition = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let status = text("status").filter(|status| matches!(&**status, "True" | "False" | "Unknown"))?;
        let message = clean(&text("message").unwrap_or_default());
        let reason = text("reason").filter(|reason| !reason.is_empty()).unwrap_or_else(|| "Pattern".to_owned());
        Some(Condition { kind: text("type").filter(|kind| !kind.is_empty())?, status, reason, message })
    };
    list.iter().filter_map(condition).collect()
}

/// Text may come from a pattern or a controller: one line, no control characters, of bounded length.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_MESSAGE).collect();
    if text.chars().nth(LONGEST_MESSAGE).is_some() {
        cleaned.push('…');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready, Reconciling, Stalled; and the reason of Ready.
    fn verdict(summary: &Summary) -> (String, String) {
        let all = conditions(summary);
        let status = |kind: &str| all.iter().find(|c| c.kind == kind).unwrap().status.chars().next().unwrap();
        let statuses = ["Ready", "Reconciling", "Stalled"].map(status).into_iter().collect();
        (statuses, all[0].reason.clone())
    }

    fn problem(transient: bool) -> Problem {
        Problem { reason: "Forbidden".to_owned(), message: "no".to_owned(), transient }
    }

    #[test]
    fn each_state_has_its_three_conditions() {
        let child = |readiness| vec![("a".to_owned(), readiness)];
        let progressing = Readiness::Progressing("0 of 1".to_owned());
        for (summary, statuses, reason) in [
            (Summary::default(), "TFF", "Ready"),
            (Summary { children: child(Readiness::Ready), ..Summary::default() }, "TFF", "Ready"),
            (Summary { children: child(progressing.clone()), ..Summary::default() }, "FTF", "ChildrenNotReady"),
            (
                Summary { pending: vec![("b".to_owned(), vec!["a".to_owned()])], ..Summary::default() },
                "FTF",
                "ChildrenNotReady",
            ),
            (Summary { missing: vec!["b".to_owned()], ..Summary::default() }, "FTF", "ChildrenNotReady"),
            (Summary { missing: vec!["b".to_owned()], paused: true, ..Summary::default() }, "FFF", "ChildrenNotReady"),
            (
                Summary { children: child(Readiness::Failed("x".to_owned())), ..Summary::default() },
                "FFT",
                "ChildFailed",
            ),
            (Summary { problems: vec![problem(false)], ..Summary::default() }, "FFT", "Forbidden"),
            (Summary { problems: vec![problem(true)], ..Summary::default() }, "FTF", "Forbidden"),
            (Summary { children: child(progressing), paused: true, ..Summary::default() }, "FFF", "ChildrenNotReady"),
        ] {
            assert_eq!(verdict(&summary), (statuses.to_owned(), reason.to_owned()), "{summary:?}");
        }
    }

    #[test]
    fn what_is_waited_for_is_named() {
        let summary = Summary {
            pending: vec![("address".to_owned(), vec!["svc".to_owned(), "app".to_owned()])],
            missing: vec!["svc".to_owned()],
            ..Summary::default()
        };
        assert_eq!(conditions(&summary)[0].message, "svc: it does not exist yet; address: waits for svc and app");
        let paused = Summary { paused: true, ..summary };
        assert!(conditions(&paused)[0].message.starts_with("writes are paused; svc"));
    }

    #[test]
    fn a_conflict_names_child_field_and_manager() {
        let contested =
            Contested { field: ".spec.replicas".to_owned(), manager: "hpa".to_owned(), subresource: String::new() };
        let summary = Summary { conflicts: vec![("db".to_owned(), contested)], ..Summary::default() };
        let all = conditions(&summary);
        assert_eq!(all[3].message, "db: .spec.replicas is held by \"hpa\"");
    }

    #[test]
    fn a_plan_cannot_write_the_hosts_conditions() {
        let extra = read_extra(br#"[{"type":"Ready","status":"True"},{"type":"Primary","status":"True","message":"a\nb"},{"type":"Odd","status":"Maybe"},7]"#);
        let all = conditions(&Summary { extra, problems: vec![problem(false)], ..Summary::default() });
        let kinds: Vec<&str> = all.iter().map(|c| &*c.kind).collect();
        assert_eq!(kinds, ["Ready", "Reconciling", "Stalled", "Primary"]);
        assert_eq!(all[0].status, "False");
        assert_eq!(all[3].message, "a b");
    }

    #[test]
    fn merging_keeps_times_and_foreign_conditions() {
        let first =
            merge(&[json!({"type": "Foreign", "status": "True"})], &conditions(&Summary::default()), Some(1), "t1");
        let again = merge(&first, &conditions(&Summary::default()), Some(1), "t2");
        assert_eq!(first, again);
        assert_eq!(first[0], json!({"type": "Foreign", "status": "True"}));
        let changed = Summary { problems: vec![problem(false)], ..Summary::default() };
        let changed = merge(&again, &conditions(&changed), Some(2), "t3");
        assert_eq!(changed[1]["lastTransitionTime"], "t3");
        assert_eq!(changed[2]["lastTransitionTime"], "t1");
        assert_eq!(changed[1]["observedGeneration"], 2);
    }

    #[test]
    fn a_conflict_or_unrest_that_has_gone_becomes_false() {
        for kind in ["Conflicted", "Unsettled"] {
            let before = [json!({"type": kind, "status": "True", "lastTransitionTime": "t0"})];
            let merged = merge(&before, &conditions(&Summary::default()), Some(1), "t1");
            assert_eq!(
                (merged[0]["status"].as_str(), merged[0]["lastTransitionTime"].as_str()),
                (Some("False"), Some("t1"))
            );
        }
    }

    #[test]
    fn what_does_not_settle_says_so() {
        let all = conditions(&Summary { unsettled: Some("why".to_owned()), ..Summary::default() });
        let texts: Vec<_> = all.iter().map(|c| (&*c.kind, &*c.status, &*c.reason, &*c.message)).collect();
        assert_eq!(texts[3..], [("Unsettled", "True", "Unsettled", "why")]);
    }
}
