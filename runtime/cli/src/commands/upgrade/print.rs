//! A plan for people and for machines.

use std::fmt::Write as _;

use orkestra_operator::Verdict;
use serde_json::{Value, json};

use super::Plan;
use super::judge::Judged;
use super::live::{Live, Named};
use super::open::Opened;
use crate::output::{count, escape, grouped, role};

pub(super) fn text(old: &Opened, new: &Opened, plan: &Plan) -> String {
    let mut text = String::new();
    let title = |opened: &Opened| format!("{} {}", opened.pattern.name, opened.pattern.version);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{b}{} → {}{b:#}", escape(&title(old)), escape(&title(new)), b = role::NAME);
    let mut last = "";
    for Judged { verdict, rule, about, path, message } in &plan.changes {
        if last != about {
            let _ = writeln!(text, "\n{b}{}{b:#}", line(about), b = role::NAME);
            last = about;
        }
        let (style, sign) = shown(*verdict);
        let _ = writeln!(
            text,
            "  {style}{sign}{style:#} {}: {} {f}[{rule}]{f:#}",
            line(path),
            line(message),
            f = role::FAINT
        );
    }
    for live in plan.live.iter().flatten() {
        resources(&mut text, live);
    }
    let number = |wanted: Verdict| plan.changes.iter().filter(|change| change.verdict == wanted).count();
    let (safe, attention, refused) = (number(Verdict::Safe), number(Verdict::Attention), number(Verdict::Refused));
    let _ = match plan.changes.as_slice() {
        [] => writeln!(text, "\nnothing changes for what is there"),
        _ => writeln!(
            text,
            "\n{}: {safe} safe, {attention} needing attention, {refused} refused",
            count(safe + attention + refused, "change")
        ),
    };
    text
}

fn shown(verdict: Verdict) -> (anstyle::Style, &'static str) {
    match verdict {
        Verdict::Safe => (role::DONE, "safe           "),
        Verdict::Attention => (role::WARNING, "needs attention"),
        Verdict::Refused => (role::ERROR, "refused        "),
    }
}

fn resources(text: &mut String, live: &Live) {
    let Live { definition, kind, version, resources, refused, loses, named } = live;
    let _ = writeln!(text, "\n{b}resources of {} in the cluster{b:#}", line(definition), b = role::NAME);
    let Some(version) = version else {
        let _ = writeln!(text, "  no version is in both definitions, so nothing is said of them");
        return;
    };
    let _ = writeln!(
        text,
        "  {} {}, read in {}: {} would be refused, {} would lose fields",
        grouped(*resources),
        line(kind),
        line(version),
        grouped(*refused),
        grouped(*loses)
    );
    for Named { resource, refused, lost } in named {
        for why in refused {
            let _ = writeln!(text, "  {s}refused{s:#} {}: {}", line(resource), line(why), s = role::ERROR);
        }
        for path in lost {
            let _ = writeln!(text, "  {s}loses{s:#}   {}: {}", line(resource), line(path), s = role::WARNING);
        }
    }
}

/// Foreign text on one line.
fn line(text: &str) -> String {
    escape(text).replace('\n', " ")
}

pub(super) fn json_of(old: &Opened, new: &Opened, plan: &Plan) -> Value {
    let side = |opened: &Opened| json!({"from": opened.shown, "name": opened.pattern.name, "version": opened.pattern.version.to_string()});
    let change = |Judged { verdict, rule, about, path, message }: &Judged| json!({"verdict": verdict.as_str(), "rule": rule, "about": about, "path": path, "message": message});
    let named =
        |Named { resource, refused, lost }: &Named| json!({"resource": resource, "refused": refused, "loses": lost});
    let live = |Live { definition, kind, version, resources, refused, loses, named: first }: &Live| {
        json!({
            "definition": definition, "kind": kind, "version": version, "resources": resources, "refused": refused, "loses": loses,
            "named": first.iter().map(named).collect::<Vec<_>>(),
        })
    };
    json!({
        "old": side(old), "new": side(new), "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "live": plan.live.as_ref().map(|all| all.iter().map(live).collect::<Vec<_>>()),
    })
}
