//! The API groups that an import allows: what a pattern may define and reconcile is its user's to say.

use std::collections::BTreeSet;

use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Spanned, list, string};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::yaml::Node;

use crate::{Import, codes};

/// `groups` of an import. The core group is the empty text.
pub(crate) fn parse(node: &Node, problems: &mut Diagnostics) -> Option<Spanned<Vec<String>>> {
    let items = list(node, "`groups`", problems)?;
    let mut groups = Vec::new();
    for item in items {
        let Some(text) = string(item, "an item of `groups`", problems) else { continue };
        // What no group can be called would be taken for a pattern such as `*.example.com`, and allow nothing.
        if !text.is_empty() && !is_group(text) {
            let problem =
                Diagnostic::new(&keys::WRONG_KIND, item.span, "an item of `groups` is one API group, in full");
            problems.push(problem.expected("a group such as `example.com`").found(item.describe()));
        }
        groups.push(text.to_owned());
    }
    Some(Spanned { value: groups, span: node.span })
}

/// A group in words. That of Kubernetes' first kinds has no name.
fn shown(group: &str) -> String {
    if group.is_empty() { "the core group".to_owned() } else { format!("the group `{group}`") }
}

/// A group as it stands in the list.
fn written(group: &str) -> &str {
    if group.is_empty() { "\"\"" } else { group }
}

/// A DNS subdomain (RFC 1123).
fn is_group(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        label.bytes().all(|byte| letter(byte) || byte == b'-')
            && label.bytes().next().is_some_and(letter)
            && label.bytes().last().is_some_and(letter)
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Reports each group of the pattern that its import does not allow. A CRD counts although the entry that reconciles its kind is
/// one of `disabled`, as it is installed all the same.
pub(crate) fn check(import: &Import, pattern: &Pattern, disabled: &[String], problems: &mut Diagnostics) {
    let Some(allowed) = &import.groups else { return };
    let defined = pattern.crds.iter().filter_map(|crd| crd.pointer("/spec/group")?.as_str());
    let running = pattern.entries.iter().filter(|entry| !disabled.contains(&entry.name));
    let groups: BTreeSet<&str> = defined.chain(running.map(|entry| entry.api.group.as_str())).collect();
    for group in groups.into_iter().filter(|group| !allowed.value.iter().any(|allowed| allowed == group)) {
        let message = format!("the pattern `{}` has kinds in {}", pattern.name, shown(group));
        let only = match allowed.value.as_slice() {
            [] => "no group is allowed here".to_owned(),
            some => {
                let names: Vec<_> = some.iter().map(|name| format!("`{}`", written(name))).collect();
                format!("only {} is allowed here", names.join(", "))
            }
        };
        let problem = Diagnostic::new(&codes::GROUP, import.span, message).note(allowed.span, only);
        problems.push(problem.hint(format!(
            "add `{}` to `groups` if the pattern may have it, or import another pattern",
            written(group)
        )));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_in_full() {
        for good in ["example.com", "a-b.c", "apps", "a"] {
            assert!(is_group(good), "{good}");
        }
        for bad in ["", "*.example.com", "Example.com", "example.com/v1", "a..b", "-a.b", "a.b-"] {
            assert!(!is_group(bad), "{bad}");
        }
    }
}
