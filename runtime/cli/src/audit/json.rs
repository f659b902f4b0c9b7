//! The audit as a document: what rules are about, and what machines read.

use orkestra_pattern::rights::Right;
use serde_json::{Value, json};

use super::{Audit, Finding, Subject};

/// The document.
pub(crate) fn of(audit: &Audit) -> Value {
    json!({
        "apiVersion": "orkestra.orkspace.io/v1",
        "kind": "Audit",
        "ork": env!("CARGO_PKG_VERSION"),
        "komposer": audit.komposer.as_ref().map(|(name, _)| name),
        "patterns": audit.subjects.iter().map(subject).collect::<Vec<_>>(),
        "findings": audit.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn subject(subject: &Subject) -> Value {
    let capabilities = subject.capabilities.iter().map(|capability| {
        let reasons = capability.reasons.iter().map(|reason| json!({"text": reason.text, "at": reason.at}));
        json!({"name": capability.name, "granted": capability.granted, "reasons": reasons.collect::<Vec<_>>()})
    });
    let cost = subject.entries.iter().map(|(entry, summary)| {
        json!({
            "entry": entry, "worst": summary.reconcile, "conversion": summary.conversion, "limit": subject.limits.cost,
        })
    });
    json!({
        "name": subject.name,
        "version": subject.version,
        "path": subject.path,
        "manifest": subject.manifest,
        "signers": subject.signers,
        "component": {
            "digest": subject.component, "size": subject.size, "declarative": true,
            "rebuilt": subject.rebuilt.word(), "overridden": subject.composed,
        },
        "imports": [{"name": subject.engine, "kind": "engine", "granted": true}],
        "hook": subject.hook.as_ref().map(|hook| json!({
            "digest": hook.digest, "size": hook.size,
            "called": hook.called.iter().map(|(entry, lines)| json!({"entry": entry, "for": lines})).collect::<Vec<_>>(),
            "seesSecrets": hook.sees_secrets,
            "imports": hook.imports.iter().map(|(import, by)| json!({"name": import, "capability": by})).collect::<Vec<_>>(),
        })),
        "exports": subject.exports,
        "capabilities": capabilities.collect::<Vec<_>>(),
        "idleGrants": subject.idle,
        "limits": {
            "memory": subject.limits.memory,
            "deadlineMilliseconds": u64::try_from(subject.limits.deadline.as_millis()).unwrap_or(u64::MAX),
            "cost": subject.limits.cost,
        },
        "cost": cost.collect::<Vec<_>>(),
        "rights": subject.rights.rights.iter().map(right).collect::<Vec<_>>(),
        "notGiven": subject.rights.refused.iter().map(|refused| json!({"text": refused.text, "at": refused.at})).collect::<Vec<_>>(),
        "claimed": subject.claimed.iter().map(|(what, by)| json!({"what": what, "by": by})).collect::<Vec<_>>(),
    })
}

fn right(right: &Right) -> Value {
    let scope = right.scope.word();
    let reasons = right.reasons.iter().map(|reason| json!({"text": reason.text, "at": reason.at}));
    json!({
        "group": right.resource.group, "resource": right.resource.name, "scope": scope, "names": right.names, "verbs": right.verbs,
        "guessed": right.resource.guessed, "reasons": reasons.collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.id(), "level": finding.rule.level().word(), "message": finding.message,
        "pattern": finding.pattern, "at": finding.at,
    })
}
