//! `rolloutOn`: a digest of what the pods read stands in their template, so that they are replaced when it changes.

use super::{Context, Target};
use crate::ast::fields::{list, string};
use crate::codes::{keys, references};
use crate::source::Span;
use crate::yaml::Node;

/// What the annotation's name is besides the id. Kubernetes lets it have 63 characters behind the `/`.
const ANNOTATION: &str = "orkestra.orkspace.io/rollout-";
/// The longest id that fits into such a name.
const LONGEST: usize = 55;

/// Puts an annotation for each id into the pods' metadata.
pub(super) fn expand(target: &mut Target, context: &Context, metadata: &[&str]) {
    let Some((key, node)) = target.taken("rolloutOn") else { return };
    let Some(items) = list(node, "`rolloutOn`", target.problems) else { return };
    for item in items {
        let Some(id) = string(item, "an id in `rolloutOn`", target.problems) else { continue };
        if watched(target, context, id, item.span) {
            let value = Node::string(item.span, format!("{{{{ contentDigest(children.{id}) }}}}"));
            target.put(&[metadata, &["annotations", &format!("{ANNOTATION}{id}")]].concat(), key, value);
        }
    }
}

/// Whether the id is one of a single ConfigMap or Secret of the entry; what is not is reported.
fn watched(target: &mut Target, context: &Context, id: &str, span: Span) -> bool {
    let data = |kind: &str| matches!(kind, "ConfigMap" | "Secret");
    let Some(sibling) = context.sibling(id) else {
        let fitting = context.siblings.iter().filter(|sibling| data(sibling.kind())).map(|sibling| sibling.id);
        target.problems.push(references::unknown_child(span, id, &fitting.collect::<Vec<_>>()));
        return false;
    };
    let found = match sibling.kind() {
        kind if !data(kind) => Some((format!("`{id}`, which is a {kind}"), "its pods read no data from it")),
        _ if super::siblings::is_keyed(sibling.template) => {
            Some((format!("`{id}`, which has `forEach`"), "write the annotation below `template.metadata.annotations`"))
        }
        _ if id.len() > LONGEST || id.ends_with('_') => {
            Some((format!("`{id}`, which is no end of an annotation's name"), "rename it"))
        }
        _ => None,
    };
    match found {
        Some((found, mend)) => {
            let expected = "the id of one ConfigMap or Secret";
            target.problems.push(keys::wrong_kind(span, "an id in `rolloutOn`", expected, &found).hint(mend));
            false
        }
        None => true,
    }
}
