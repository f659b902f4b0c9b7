//! Options of a child that contradict it, or each other.

use super::generated;
use super::kind::Kind;
use crate::ast::{Options, Template};
use crate::codes::options::option;
use crate::diagnostic::Diagnostics;
use crate::model::Policy;
use crate::yaml::Node;

/// Reports what the options of a template cannot mean.
pub(super) fn check(template: &Template, kind: &Kind, manifest: &Node, problems: &mut Diagnostics) {
    let Options { once, retain, adopt, recreate, raw: _ } = template.options;
    generated::check(template, problems);
    if template.policy == Policy::Delete {
        let last = [
            (once, "`once` keeps what is there, and a child of `onDelete` is not there before"),
            (
                retain,
                "`deletionPolicy: retain` keeps a child when its primary goes, and one of `onDelete` is made for that",
            ),
            (adopt, "`adopt` takes an object over, and a child of `onDelete` is made anew"),
            (recreate, "`recreate` follows changes of the primary, and a child of `onDelete` has none to follow"),
        ];
        for (span, message) in last {
            problems
                .extend_one(span.map(|span| option(span, message, "remove it, or move the child out of `onDelete`")));
        }
        return;
    }
    if let Some(span) = recreate {
        if template.policy == Policy::Create {
            let message = "`recreate` follows a change, and a child of `onCreate` is never changed";
            problems.push(option(span, message, "remove it, or move the child to `onReconcile`"));
        }
        if let Some(retain) = retain {
            let message = "`recreate` deletes the object, which `deletionPolicy: retain` rules out";
            problems.push(option(span, message, "keep one of them").note(retain, "it is retained here"));
        }
        if let Some(once) = once {
            let message = "`recreate` makes a new object, in which the values of `once` would be others";
            problems.push(option(span, message, "keep one of them").note(once, "its values are generated once"));
        }
    }
    let Some(span) = once else { return };
    if !kind.is_secret() {
        let message = format!("`once` is for Secrets, and this is a {}", kind.kind);
        let problem = option(span, &message, "remove it; under `onCreate` an object is written once as a whole");
        problems.push(problem);
        return;
    }
    for (key, node) in manifest.members().into_iter().flatten() {
        if key.text == "stringData" {
            let message = "`once` looks at each key of `data`, and `stringData` has none of them";
            problems.push(option(key.span, message, "write the values under `data`"));
        } else if key.text == "data" && node.members().is_none() {
            let message = "`once` looks at each key of `data`, and this one has its keys from an expression";
            problems.push(option(node.span, message, "write the keys out, each with its own expression"));
        }
    }
}
