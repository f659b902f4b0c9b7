//! A bundle as text.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Bundle, Object, Rule};
use crate::error::Error;
use crate::output::{escape, role};
use crate::yaml;

/// Where the reasons of a role's rules lie in JSON, which has no comments.
const REASONS: &str = "orkestra.orkspace.io/reasons";

/// One YAML document for each object; the reasons of a rule are comments before it.
pub(crate) fn as_yaml(bundle: &Bundle) -> Result<String, Error> {
    let mut text = String::new();
    for object in &bundle.objects {
        text.push_str("---\n");
        text.push_str(&yaml::text(&object.head)?);
        if !object.rules.is_empty() {
            text.push_str("rules:\n");
        }
        for rule in &object.rules {
            for reason in &rule.reasons {
                // A reason holds names out of files: nothing in it may end the comment.
                let _ = writeln!(text, "  # {}", one_line(reason));
            }
            for (index, line) in yaml::text(&rule.json())?.lines().enumerate() {
                let _ = writeln!(text, "  {}{line}", if index == 0 { "- " } else { "  " });
            }
        }
    }
    Ok(text)
}

/// One `List`.
pub(crate) fn as_json(bundle: &Bundle) -> Value {
    let item = |object: &Object| {
        let mut item = object.head.clone();
        if !object.rules.is_empty() {
            item["rules"] = object.rules.iter().map(Rule::json).collect();
            let reasons: Vec<String> =
                object.rules.iter().map(|rule| format!("{}: {}", rule.brief(), rule.reasons.join("; "))).collect();
            item["metadata"]["annotations"] = json!({REASONS: reasons.join("\n")});
        }
        item
    };
    let items: Vec<Value> = bundle.objects.iter().map(item).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// For reading: each role with its rules and their reasons.
pub(crate) fn as_text(bundle: &Bundle) -> String {
    let mut text = String::new();
    let of = |object: &Object, pointer: &str| object.head.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    for pair in bundle.objects.windows(2) {
        let [object, binding] = pair else { continue };
        if object.rules.is_empty() {
            continue;
        }
        let account = of(binding, "/subjects/0/name").unwrap_or_default();
        let place = match of(object, "/metadata/namespace") {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "in the whole cluster".to_owned(),
        };
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{b}{}{b:#} may {place}:", escape(&account), b = role::NAME);
        for rule in &object.rules {
            let _ = writeln!(text, "  {}", escape(&rule.brief()));
            for reason in &rule.reasons {
                let _ = writeln!(text, "    {f}{}{f:#}", escape(&one_line(reason)), f = role::FAINT);
            }
        }
    }
    text
}

pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect()
}

impl Rule {
    fn json(&self) -> Value {
        let mut rule = json!({"apiGroups": [self.group], "resources": self.resources, "verbs": self.verbs});
        if !self.names.is_empty() {
            rule["resourceNames"] = json!(self.names);
        }
        rule
    }

    /// `get, patch configmaps named a, b`
    fn brief(&self) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let resources: Vec<String> = self.resources.iter().map(|name| format!("{name}{group}")).collect();
        let names = if self.names.is_empty() { String::new() } else { format!(" named {}", self.names.join(", ")) };
        format!("{} {}{names}", self.verbs.join(", "), resources.join(", "))
    }
}
