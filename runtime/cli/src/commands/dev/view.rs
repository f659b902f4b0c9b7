//! What is shown of the objects: a table for a terminal, and lines about what changed elsewhere.

use std::collections::BTreeMap;

use anstyle::Style;
use orkestra_operator::{Condition, Readiness, Seen, SeenObject};

use crate::output::{escape, role};

/// A line of a screen: pieces with their styles.
pub(super) type Line = Vec<(Style, String)>;

const PLAIN: Style = Style::new();

/// A piece of text that may come from a cluster, on one line.
pub(super) fn piece(style: Style, text: &str) -> (Style, String) {
    (style, escape(text).replace(['\n', '\t'], " "))
}

/// Every primary with its conditions and children. `now` is a time in seconds since 1970.
pub(super) fn table(seen: &[Seen], now: i64) -> Vec<Line> {
    let mut rows: Vec<[(Style, String); 4]> = Vec::new();
    let mut below: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
    for seen in seen {
        let ready = seen.conditions.iter().find(|condition| condition.kind == "Ready");
        rows.push([
            piece(role::NAME, &seen.primary.kind),
            piece(role::NAME, &shown(&seen.primary)),
            ready.map_or(piece(role::FAINT, "not seen yet"), condition_word),
            piece(role::FAINT, &age(&seen.primary.created, now)),
        ]);
        let telling = seen.conditions.iter().filter(|condition| tells(condition)).map(|condition| {
            let text = format!("  {}={} {}", condition.kind, condition.status, condition.reason);
            vec![piece(role::WARNING, &text), piece(PLAIN, &format!(" {}", condition.message))]
        });
        below.insert(rows.len() - 1, telling.collect());
        for child in &seen.children {
            let (style, word) = state(child);
            rows.push([
                piece(PLAIN, &format!("  {}", child.kind)),
                piece(PLAIN, &child.name),
                piece(style, &word),
                piece(role::FAINT, &age(&child.created, now)),
            ]);
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].1.chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), 0, width(3)];
    let mut lines = Vec::new();
    for (index, [kind, name, state, age]) in rows.iter().enumerate() {
        let pad = |(style, text): &(Style, String), width: usize| (*style, format!("{text:<width$}  "));
        // The state is last, because it may be long.
        lines.push(vec![pad(kind, widths[0]), pad(name, widths[1]), pad(age, widths[3]), state.clone()]);
        lines.extend(below.remove(&index).unwrap_or_default());
    }
    lines
}

/// What is told where nothing can be redrawn: each object's state once, and again when it is another one.
#[derive(Default)]
pub(super) struct Told {
    states: BTreeMap<String, String>,
}

impl Told {
    /// Lines about what is not as it was told last. Only where everything is `listed` is what was not seen gone: after a
    /// reload objects are seen one kind after the other.
    pub(super) fn changes(&mut self, seen: &[Seen], listed: bool) -> Vec<String> {
        let mut now = BTreeMap::new();
        for seen in seen {
            let conditions = seen.conditions.iter().filter(|condition| condition.kind == "Ready" || tells(condition));
            let conditions: Vec<String> = conditions.map(condition_text).collect();
            let state = if conditions.is_empty() { "not seen yet".to_owned() } else { conditions.join("; ") };
            now.insert(format!("{} {}", seen.primary.kind, shown(&seen.primary)), state);
            for child in &seen.children {
                now.insert(format!("{} {}", child.kind, shown(child)), state_text(child));
            }
        }
        let changed = now.iter().filter(|(name, state)| self.states.get(*name) != Some(state));
        let mut lines: Vec<String> =
            changed.map(|(name, state)| escape(&format!("{name}: {state}")).into_owned()).collect();
        if listed {
            let gone = self.states.keys().filter(|name| !now.contains_key(*name));
            lines.extend(gone.map(|name| escape(&format!("{name}: gone")).into_owned()));
            self.states = now;
        } else {
            self.states.extend(now);
        }
        lines
    }
}

fn shown(object: &SeenObject) -> String {
    if object.namespace.is_empty() { object.name.clone() } else { format!("{}/{}", object.namespace, object.name) }
}

/// Whether a condition says something that `Ready` does not.
fn tells(condition: &Condition) -> bool {
    match condition.kind.as_str() {
        "Ready" => condition.status != "True",
        "Reconciling" => false,
        _ => condition.status == "True",
    }
}

fn condition_word(ready: &Condition) -> (Style, String) {
    match ready.status.as_str() {
        "True" => piece(role::DONE, "Ready"),
        _ => piece(role::WARNING, &ready.reason),
    }
}

fn condition_text(condition: &Condition) -> String {
    let text = format!("{}={} {}", condition.kind, condition.status, condition.reason);
    if condition.message.is_empty() { text } else { format!("{text}: {}", condition.message) }
}

fn state(object: &SeenObject) -> (Style, String) {
    match &object.readiness {
        _ if object.deleting => (role::WARNING, "is being deleted".to_owned()),
        Readiness::Ready => (role::DONE, "ready".to_owned()),
        Readiness::Progressing(why) => (role::WARNING, why.clone()),
        Readiness::Failed(why) => (role::ERROR, why.clone()),
    }
}

fn state_text(object: &SeenObject) -> String {
    state(object).1
}

/// `5s`, `3m`, `2h`, `4d`, as kubectl has it.
fn age(created: &str, now: i64) -> String {
    let Ok(created) = created.parse::<jiff::Timestamp>() else { return String::new() };
    let seconds = now.saturating_sub(created.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str, readiness: Readiness) -> SeenObject {
        SeenObject {
            kind: kind.to_owned(),
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            readiness,
            deleting: false,
        }
    }

    fn seen(ready: &str, child: Readiness) -> Vec<Seen> {
        let ready = Condition {
            kind: "Ready".to_owned(),
            status: ready.to_owned(),
            reason: "Why".to_owned(),
            message: "because\u{1b}[2J".to_owned(),
        };
        let primary = object("Web", "w", Readiness::Ready);
        vec![Seen { primary, conditions: vec![ready], children: vec![object("Service", "w-svc", child)] }]
    }

    #[test]
    fn a_state_is_told_once_and_again_when_it_changes() {
        let mut told = Told::default();
        let progressing = || Readiness::Progressing("no address".to_owned());
        let first = told.changes(&seen("False", progressing()), true);
        assert_eq!(first, ["Service ns/w-svc: no address", "Web ns/w: Ready=False Why: because\\u{1b}[2J"]);
        assert!(told.changes(&seen("False", progressing()), true).is_empty());
        assert_eq!(told.changes(&seen("False", Readiness::Ready), true), ["Service ns/w-svc: ready"]);
        assert_eq!(told.changes(&[], true), ["Service ns/w-svc: gone", "Web ns/w: gone"]);
    }

    #[test]
    fn what_is_not_listed_yet_is_not_gone() {
        let mut told = Told::default();
        told.changes(&seen("False", Readiness::Ready), true);
        assert!(told.changes(&[], false).is_empty());
        assert!(told.changes(&seen("False", Readiness::Ready), true).is_empty());
        assert_eq!(told.changes(&[], true), ["Service ns/w-svc: gone", "Web ns/w: gone"]);
    }

    #[test]
    fn the_table_shows_why_something_is_not_ready() {
        let now = 1_767_225_600 + 65;
        let text = |line: &Line| line.iter().map(|(_, text)| text.as_str()).collect::<String>();
        let lines: Vec<String> = table(&seen("False", Readiness::Ready), now).iter().map(text).collect();
        assert_eq!(lines[0], "Web        ns/w   65s  Why");
        assert_eq!(lines[1], "  Ready=False Why because\\u{1b}[2J");
        assert_eq!(lines[2], "  Service  w-svc  65s  ready");
    }
}
