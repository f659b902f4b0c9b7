//! Facts in words.

use std::fmt::{Display, Write as _};

use orkestra_pattern::codes::bounds::units;
use orkestra_pattern::model::{Entry, Mutation, Policy, Requeue, Rule};
use orkestra_pattern::rights::Right;
use orkestra_sandbox::Limits;

use super::facts::{ChildFacts, EntryFacts, Facts, options, policy, source, which};
use crate::output::{escape, grouped, role};

/// The text; `file` says how a place of the Katalog is seen from where the user stands.
pub(super) fn of(facts: &Facts<'_>, file: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let (name, version) = (escape(&facts.pattern.name), &facts.pattern.version);
    let _ = writeln!(text, "{b}{name} {version}{b:#}", b = role::NAME);
    for entry in &facts.entries {
        self::entry(&mut text, entry, &file);
    }
    if !facts.rights.rights.is_empty() {
        head(&mut text, "rights that its account needs", "as YAML: `ork generate rbac`");
        facts.rights.rights.iter().for_each(|right| self::right(&mut text, right, &file));
    }
    for refused in &facts.rights.refused {
        let at = file(&refused.at);
        let _ = writeln!(
            text,
            "  {s}not given{s:#} {} {f}{at}{f:#}",
            escape(&refused.text),
            s = role::WARNING,
            f = role::FAINT
        );
    }
    text
}

fn head(text: &mut String, what: &str, beside: impl Display) {
    let _ = writeln!(text, "\n{s}{what}{s:#} {f}{beside}{f:#}", s = role::DONE, f = role::FAINT);
}

/// What is done with a resource before it is stored, and when it is looked at again.
fn rules(text: &mut String, entry: &Entry, file: &impl Fn(&str) -> String) {
    let f = role::FAINT;
    for Mutation { path, overrides, at, .. } in &entry.mutations {
        let what = if *overrides { "overrides" } else { "gives a default to" };
        let _ = writeln!(text, "  {what} {} {f}({}){f:#}", escape(&path.join(".")), escape(&file(at)));
    }
    for Rule { deny, holds, .. } in &entry.rules {
        let what = if *deny { "refuses" } else { "warns" };
        let _ =
            writeln!(text, "  {what} unless {} {f}({}){f:#}", escape(holds.source.trim()), escape(&file(&holds.at)));
    }
    for Requeue { when, after, .. } in &entry.requeues {
        let _ = writeln!(text, "  looks again after {after:?} when {}", escape(when.source.trim()));
    }
}

fn entry(text: &mut String, facts: &EntryFacts<'_>, file: &impl Fn(&str) -> String) {
    let api = &facts.entry.api;
    head(text, &format!("entry {}", facts.entry.name), format_args!("{} of {}", api.kind, api.api_version()));
    if let Some(selector) = &facts.entry.selector {
        let _ = writeln!(text, "  only those with {selector}");
    }
    if facts.entry.foreign {
        let _ = writeln!(text, "  decorates them: the kind is not the pattern's own");
    }
    for read in &facts.reads {
        let optional = if read.optional { ", optional" } else { "" };
        let _ = writeln!(
            text,
            "  reads {b}{}{b:#}: {} {}{optional}",
            escape(&read.id),
            escape(&read.kind),
            escape(&which(read)),
            b = role::NAME
        );
    }
    let live: Vec<&ChildFacts<'_>> = facts.children.iter().filter(|child| child.applied > 0).collect();
    let steps = live.iter().map(|child| child.applied).max().unwrap_or(0);
    for step in 1..=steps {
        for (index, child) in live.iter().filter(|child| child.applied == step).enumerate() {
            let number = if index == 0 { format!("{step}.") } else { String::new() };
            self::child(text, &number, child, file);
        }
    }
    deletion(text, facts, file);
    for field in facts.status() {
        let from: Vec<&str> = field.requires.iter().chain(&field.reads).map(String::as_str).collect();
        let from = if from.is_empty() { String::new() } else { format!(", from {}", escape(&from.join(" and "))) };
        let _ = writeln!(text, "  status.{}{from}", escape(&field.path.join(".")));
    }
    if facts.one.is_none() {
        rules(text, facts.entry, file);
    }
    for way in facts.conversions() {
        let derived = if way.derived { ", derived from the way back" } else { "" };
        let at = escape(&file(&way.at)).to_string();
        let (from, to) = (escape(&way.from), escape(&way.to));
        let _ = writeln!(text, "  converts {from} to {to}{derived} {f}({at}){f:#}", f = role::FAINT);
        for rule in &way.rules {
            let _ = writeln!(text, "       {}", escape(rule));
        }
        if !way.lossy.is_empty() {
            let lossy: Vec<String> = way.lossy.iter().map(|path| path.join(".")).collect();
            let _ = writeln!(text, "       may lose {}", escape(&lossy.join(", ")));
        }
    }
    if let Some(hook) = &facts.entry.hook {
        for line in crate::hooks::points_in_words(hook) {
            let _ = writeln!(text, "  calls a hook {}", escape(&line));
        }
        for capability in facts.capabilities {
            let _ = writeln!(
                text,
                "  {w}needs a grant{w:#} {b}{}{b:#}: {} {f}({}){f:#}",
                escape(&capability.what.to_string()),
                escape(&capability.what.allows()),
                escape(&file(&capability.at)),
                w = role::WARNING,
                b = role::NAME,
                f = role::FAINT,
            );
        }
    }
    for flow in facts.flows() {
        let _ = writeln!(
            text,
            "  {w}needs a grant{w:#} {b}{}{b:#}: decides {} {f}({} of {}, {}){f:#}",
            escape(&flow.grant()),
            flow.decides,
            escape(&flow.field),
            escape(&flow.into),
            escape(&file(&flow.at)),
            w = role::WARNING,
            b = role::NAME,
            f = role::FAINT,
        );
    }
    let limit = grouped(Limits::default().cost);
    let _ = writeln!(text, "  cost of a call: at most {} of {limit}, by the schemas", units(facts.cost.reconcile));
    if let Some(most) = facts.cost.conversion {
        let _ = writeln!(text, "  cost of the rules of a conversion: at most {} of {limit}", units(most));
    }
    if let Some(cost) = facts.measured {
        let _ = writeln!(text, "  cost of a call over cr.yaml: {} of {limit} units, measured", grouped(cost));
    }
}

fn child(text: &mut String, number: &str, facts: &ChildFacts<'_>, file: &impl Fn(&str) -> String) {
    let child = facts.child;
    let _ = writeln!(
        text,
        "  {number:<3}{b}{}{b:#}: {} {f}({}, {}){f:#}",
        escape(&child.id),
        escape(&child.kind),
        policy(child.policy),
        escape(&file(&child.at)),
        b = role::NAME,
        f = role::FAINT,
    );
    let mut line = |what: String| {
        let _ = writeln!(text, "       {}", escape(&what));
    };
    if let Some(each) = &child.for_each {
        line(format!("one for each of {}", source(&each.range)));
    }
    if let Some(when) = &child.when {
        line(format!("when {}", source(when)));
    }
    if !child.requires.is_empty() {
        line(format!("after {}, which it uses", child.requires.join(" and ")));
    }
    if !child.reads.is_empty() {
        line(format!("reads {}", child.reads.join(" and ")));
    }
    if let Some(ready) = &child.ready_when {
        line(format!("ready when {}", source(ready)));
    }
    let options = options(child);
    if !options.is_empty() {
        line(options.join(", "));
    }
    line(format!("costs at most {}", units(facts.cost)));
}

fn deletion(text: &mut String, facts: &EntryFacts<'_>, file: &impl Fn(&str) -> String) {
    let ids = |step: Option<usize>| -> Vec<&str> {
        facts
            .children
            .iter()
            .filter(|child| child.applied > 0 && child.deleted == step)
            .map(|child| child.child.id.as_str())
            .collect()
    };
    let first: Vec<&ChildFacts<'_>> =
        facts.children.iter().filter(|child| child.child.policy == Policy::Delete).collect();
    if facts.children.is_empty() {
        return;
    }
    if !facts.finalizer {
        let _ = writeln!(text, "  at deletion: the garbage collector takes them, in no order; no finalizer is needed");
    } else {
        let _ = writeln!(text, "  at deletion, held by a finalizer:");
        for child in &first {
            self::child(text, "-", child, file);
        }
        let last = facts.children.iter().filter_map(|child| child.deleted).max().unwrap_or(0);
        for step in 1..=last {
            let going = ids(Some(step));
            if !going.is_empty() {
                let _ = writeln!(text, "  -  deleted and waited for: {}", escape(&going.join(", ")));
            }
        }
    }
    let staying = ids(None);
    if !staying.is_empty() {
        let _ = writeln!(text, "  never deleted: {}", escape(&staying.join(", ")));
    }
}

fn right(text: &mut String, right: &Right, file: &impl Fn(&str) -> String) {
    let group = if right.resource.group.is_empty() { String::new() } else { format!(".{}", right.resource.group) };
    let place = right.scope.place();
    let names = if right.names.is_empty() { String::new() } else { format!(" named {}", right.names.join(", ")) };
    let guessed = if right.resource.guessed { " (a guess: nothing here defines the kind)" } else { "" };
    let _ = writeln!(
        text,
        "  {b}{}{}{b:#} {}{}{place}{guessed}",
        escape(&right.resource.name),
        escape(&group),
        right.verbs.join(" "),
        escape(&names),
        b = role::NAME,
    );
    for reason in &right.reasons {
        let at = if reason.at.is_empty() { String::new() } else { format!(" ({})", file(&reason.at)) };
        let _ = writeln!(text, "     {}{f}{}{f:#}", escape(&reason.text), escape(&at), f = role::FAINT);
    }
}
