//! The audit as a table, for people.

use std::fmt::Write as _;

use orkestra_pattern::codes::bounds::units;
use orkestra_pattern::rights::Right;

use super::{Audit, Level, Subject};
use crate::output::{escape, grouped, role, size};

/// One block a pattern, and the findings below.
pub(crate) fn of(audit: &Audit) -> String {
    let mut text = String::new();
    for subject in &audit.subjects {
        self::subject(&mut text, subject);
        text.push('\n');
    }
    for finding in &audit.findings {
        let style = match finding.rule.level() {
            Level::Error => role::ERROR,
            Level::Warning => role::WARNING,
            Level::Note => role::HINT,
        };
        let at =
            finding.at.as_deref().map(|at| format!(" {f}({}){f:#}", escape(at), f = role::FAINT)).unwrap_or_default();
        let _ = writeln!(text, "{style}{}{style:#}: {}{at}", finding.rule.id(), escape(&finding.message));
    }
    text
}

fn subject(text: &mut String, subject: &Subject) {
    let _ = writeln!(
        text,
        "{b}{} {}{b:#} {f}{}{f:#}",
        escape(&subject.name),
        escape(&subject.version),
        escape(&subject.path),
        b = role::NAME,
        f = role::FAINT
    );
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "  {s}{label:<11}{s:#} {value}", s = role::FAINT);
    };
    line("component", format!("{}, {}", size(subject.size), subject.component));
    if let Some(manifest) = &subject.manifest {
        line("manifest", manifest.to_string());
        line(
            "signed by",
            match subject.signers.as_slice() {
                [] => format!("{s}UNVERIFIED{s:#}", s = role::WARNING),
                signers => escape(&signers.join(", ")).into_owned(),
            },
        );
    }
    let overridden = if subject.composed { ", with overrides" } else { "" };
    line("rebuilt", format!("{}{overridden}", subject.rebuilt.word()));
    line("imports", format!("nothing but the engine: {}", escape(&subject.engine)));
    if let Some(hook) = &subject.hook {
        line("hooks", format!("{}, {}, code of its author", size(hook.size), hook.digest));
        for (entry, lines) in &hook.called {
            for called in lines {
                line("", format!("  {} calls it {}", escape(entry), escape(called)));
            }
        }
        for (import, by) in &hook.imports {
            line("", format!("  imports {} {f}({}){f:#}", escape(import), escape(by), f = role::FAINT));
        }
    }
    if subject.capabilities.is_empty() {
        line("asks for", "nothing: it can compute, and nothing else".to_owned());
    }
    for capability in &subject.capabilities {
        let state = match capability.granted {
            true => format!("{s}granted{s:#}", s = role::DONE),
            false => format!("{s}denied{s:#}", s = role::ERROR),
        };
        line("asks for", format!("{} {state}", escape(&capability.name)));
        for reason in &capability.reasons {
            let at = format!("{f}({}){f:#}", escape(&reason.at), f = role::FAINT);
            line("", format!("  {} {at}", escape(&reason.text)));
        }
    }
    for export in &subject.exports {
        line("exports", (*export).to_owned());
    }
    let limits = &subject.limits;
    line(
        "limits",
        format!(
            "{} of memory, {} ms, {} units of cost",
            size(limits.memory),
            limits.deadline.as_millis(),
            grouped(limits.cost)
        ),
    );
    for (entry, summary) in &subject.entries {
        let (worst, limit) = (units(summary.reconcile), grouped(limits.cost));
        let conversion = summary.conversion.map(|most| format!(", to convert an object at most {}", units(most)));
        let conversion = conversion.unwrap_or_default();
        line("cost", format!("{}: a reconcile at most {worst} of {limit}{conversion}", escape(entry)));
    }
    for right in &subject.rights.rights {
        line("may", escape(&brief(right)).into_owned());
        for reason in &right.reasons {
            let at = if reason.at.is_empty() { String::new() } else { format!(" ({})", reason.at) };
            line("", format!("  {f}{}{}{f:#}", escape(&reason.text), escape(&at), f = role::FAINT));
        }
    }
    for (what, by) in &subject.claimed {
        line("claimed", format!("{what}, by {by}"));
    }
}

/// `get, patch configmaps named a, b in the whole cluster`
fn brief(right: &Right) -> String {
    let group = if right.resource.group.is_empty() { String::new() } else { format!(".{}", right.resource.group) };
    let names = if right.names.is_empty() { String::new() } else { format!(" named {}", right.names.join(", ")) };
    let place = right.scope.place();
    format!("{} {}{group}{names}{place}", right.verbs.join(", "), right.resource.name)
}
