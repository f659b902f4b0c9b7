//! Children as whole manifests with their expressions in place: `ork build --emit manifests`.

use std::fmt::Write as _;

use orkestra_pattern::cel::Checked;
use orkestra_pattern::model::{Node, Part, Pattern, Policy, Text};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::yaml;

/// Every child of every entry, one YAML document each.
pub(crate) fn of(pattern: &Pattern) -> Result<String, Error> {
    let mut text = String::new();
    for entry in &pattern.entries {
        for child in &entry.children {
            let policy = match child.policy {
                Policy::Create => "onCreate",
                Policy::Apply => "onReconcile",
                Policy::Delete => "onDelete",
            };
            // Names and expressions hold no line break here: names by their own rules, the expression by this.
            let _ = writeln!(text, "---\n# {}: {} ({policy})", entry.name, child.id);
            if let Some(each) = &child.for_each {
                let of = |word: &str, what: &Option<String>| {
                    what.as_ref().map_or(String::new(), |what| format!(", {word} {what}"))
                };
                let key = of("key", &each.key.as_ref().map(expression));
                let _ = writeln!(text, "# forEach: {}{}{key}", expression(&each.range), of("as", &each.name));
            }
            for (word, checked) in [("when", &child.when), ("readyWhen", &child.ready_when)] {
                if let Some(checked) = checked {
                    let _ = writeln!(text, "# {word}: {}", expression(checked));
                }
            }
            let options = [
                (child.once, "once: true"),
                (child.retain, "deletionPolicy: retain"),
                (child.adopt, "adopt: true"),
                (child.recreate, "recreate: true"),
            ];
            for (_, option) in options.iter().filter(|(is, _)| *is) {
                let _ = writeln!(text, "# {option}");
            }
            text.push_str(&yaml::text(&plain(&child.manifest))?);
        }
    }
    Ok(text)
}

/// An expression on one line, in braces.
fn expression(checked: &Checked) -> String {
    format!("{{{{ {} }}}}", checked.source.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn plain(node: &Node) -> Value {
    match node {
        Node::Plain(Value::String(text)) => Value::String(literal(text)),
        Node::Plain(value) => value.clone(),
        Node::Hole(text, _) => Value::String(source(text)),
        Node::Map(members) => {
            Value::Object(members.iter().map(|(key, node)| (key.clone(), plain(node))).collect::<Map<_, _>>())
        }
        Node::List(items) => Value::Array(items.iter().map(plain).collect()),
    }
}

/// A string as it would be written in a Katalog.
fn source(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => literal(text),
        Part::Expression(checked) => format!("{{{{ {} }}}}", checked.source.trim()),
    };
    text.parts.iter().map(part).collect()
}

/// Braces that are text and no expression.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ '{{' }}")
}
