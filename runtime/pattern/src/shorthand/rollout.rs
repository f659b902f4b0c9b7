//! `rolloutOn`: a digest of what the pods read stands in their template, so that they are replaced when it changes.

use super::siblings::is_keyed;
use super::{Context, Target};
use crate::ast::fields::{list, string};
use crate::codes::{keys, references};
use crate::diagnostic::Diagnostic;
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
        match watched(context, id, item.span) {
            Ok(path) => {
                let value = Node::string(item.span, format!("{{{{ contentDigest({path}) }}}}"));
                target.put(&[metadata, &["annotations", &format!("{ANNOTATION}{id}")]].concat(), key, value);
            }
            Err(problem) => target.problems.push(*problem),
        }
    }
}

/// Whether pods read data from objects of a kind.
fn holds_data(kind: &str) -> bool {
    matches!(kind, "ConfigMap" | "Secret")
}

/// The path of the one ConfigMap or Secret of that id: a child, or what the entry reads.
fn watched(context: &Context, id: &str, span: Span) -> Result<String, Box<Diagnostic>> {
    let wrong = |found: &str, mend: &str| {
        let expected = "the id of one ConfigMap or Secret";
        Err(Box::new(keys::wrong_kind(span, "an id in `rolloutOn`", expected, found).hint(mend)))
    };
    if id.len() > LONGEST || id.ends_with('_') {
        return wrong(&format!("`{id}`, which is no end of an annotation's name"), "rename it");
    }
    match (context.sibling(id), context.read(id)) {
        (Some(child), _) if !holds_data(child.kind()) => {
            wrong(&format!("`{id}`, which is a {}", child.kind()), "name what its pods read data from")
        }
        (Some(child), _) if is_keyed(child.template) => {
            wrong(&format!("`{id}`, which has `forEach`"), "write an annotation below `template.metadata.annotations`")
        }
        (Some(_), _) => Ok(format!("children.{id}")),
        (None, Some(read)) if holds_data(&read.kind.value) && !read.optional => Ok(format!("reads.{id}")),
        (None, Some(read)) => {
            let kind = if read.optional { "which may be missing".to_owned() } else { format!("a {}", read.kind.value) };
            wrong(&format!("the read `{id}`, {kind}"), "write an annotation below `template.metadata.annotations`")
        }
        (None, None) => {
            let children =
                context.siblings.iter().filter(|child| holds_data(child.kind()) && !is_keyed(child.template));
            let reads = context.reads.iter().filter(|read| holds_data(&read.kind.value) && !read.optional);
            let fitting = children.map(|child| child.id).chain(reads.map(|read| read.id.value.as_str()));
            Err(Box::new(references::unknown_child(span, id, &fitting.collect::<Vec<_>>())))
        }
    }
}
