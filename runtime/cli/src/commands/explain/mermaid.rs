//! Facts as a flowchart: an arrow leads from what is used to what uses it, which is the order of application.

use std::fmt::Write as _;

use orkestra_pattern::model::Policy;

use super::facts::{EntryFacts, Facts};

pub(super) fn of(facts: &Facts<'_>) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (number, entry) in facts.entries.iter().enumerate() {
        self::entry(&mut text, number, entry);
    }
    text
}

fn entry(text: &mut String, number: usize, facts: &EntryFacts<'_>) {
    // Ids are unique in an entry, and are words that Mermaid takes.
    let child_node = |id: &str| format!("e{number}_{id}");
    let read_node = |id: &str| format!("e{number}_read_{id}");
    let primary = format!("e{number}");
    let _ = writeln!(text, "  {primary}([\"{}\"])", label(&facts.entry.api.kind));
    for read in &facts.reads {
        let _ = writeln!(text, "  {}[/\"{}: {}\"/]", read_node(&read.id), label(&read.id), label(&read.kind));
    }
    for facts in &facts.children {
        let child = facts.child;
        let node = child_node(&child.id);
        let each = if child.for_each.is_some() { " × each" } else { "" };
        let _ = writeln!(text, "  {node}[\"{}: {}{each}\"]", label(&child.id), label(&child.kind));
        let word = match (child.policy, child.when.is_some()) {
            (Policy::Delete, _) => "|at deletion|",
            (_, true) => "|when|",
            (_, false) => "",
        };
        if child.requires.is_empty() {
            let _ = writeln!(text, "  {primary} -->{word} {node}");
        }
        for id in &child.requires {
            let _ = writeln!(text, "  {} -->{word} {node}", child_node(id));
        }
        for id in &child.reads {
            let _ = writeln!(text, "  {} -.-> {node}", read_node(id));
        }
    }
}

fn label(text: &str) -> String {
    text.replace('"', "#quot;")
}
