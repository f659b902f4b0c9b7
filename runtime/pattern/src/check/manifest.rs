//! What holds for every manifest, whatever its kind: its name, its namespace, and what it must leave to the runtime.

use super::entry::Context;
use super::kind::Kind;
use super::strings::Expressions;
use crate::ast::Template;
use crate::cel::Place;
use crate::codes::{keys, manifests as codes};
use crate::diagnostic::Diagnostics;
use crate::model::{Api, Elsewhere};
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

/// Fields of `metadata` that the API server or the runtime writes.
const RESERVED: [&str; 11] = [
    "ownerReferences",
    "finalizers",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// A manifest that is whole.
pub(super) struct Complete {
    pub(super) manifest: Node,
    /// The object does not lie in the primary's namespace although that has one: where this is said.
    pub(super) elsewhere: Option<Span>,
}

/// Checks a manifest's `metadata` and gives it its namespace.
pub(super) fn complete(
    mut manifest: Node,
    kind: &Kind,
    template: &Template,
    context: &Context,
    expressions: &mut Expressions,
    problems: &mut Diagnostics,
) -> Complete {
    let mut elsewhere = None;
    reserved(&manifest, problems);
    if let Some(node) = manifest.get("metadata").and_then(|metadata| metadata.get("name")) {
        name(node, expressions, problems);
    }
    let given = manifest.get("metadata").and_then(|metadata| metadata.get("namespace"));
    let own = own_namespace(context.api);
    match (kind.namespaced, own, given) {
        (false, _, Some(node)) => {
            let what = format!("{} is cluster-scoped and has no namespace", kind.kind);
            problems.push(codes::namespace(node.span, &what, "remove `namespace`"));
        }
        (false, _, None) => elsewhere = context.api.namespaced.then_some(template.span),
        (true, Some(own), None) => {
            let node = Node::string(template.span, format!("{{{{ {own} }}}}"));
            insert_namespace(&mut manifest, template, node);
        }
        (true, Some(_), Some(node)) => {
            if !is_own_namespace(node, context.api) {
                elsewhere = context.api.namespaced.then_some(node.span);
                name(node, expressions, problems);
            }
        }
        (true, None, None) => {
            let what = format!("this {} needs a `namespace`, as its primary is cluster-scoped", kind.kind);
            problems.push(codes::namespace(template.span, &what, "add `namespace`"));
        }
        (true, None, Some(node)) => name(node, expressions, problems),
    }
    Complete { manifest, elsewhere }
}

/// Where a child lies that does not lie beside its primary.
pub(super) fn reach(template: &Template, kind: &Kind) -> Elsewhere {
    let of = |node: &Node| match &node.value {
        Value::String(text) if !text.has_expressions() => Some(vec![text.text.clone()]),
        _ => None,
    };
    let own = || template.item.get("manifest").and_then(|manifest| manifest.get("metadata")?.get("namespace"));
    let named = match template.item.get("toNamespaces") {
        Some(node) => node.items().and_then(|items| items.iter().map(of).collect::<Option<Vec<_>>>()),
        None => template.namespace.as_ref().or_else(own).map(|node| of(node).into_iter().collect()),
    };
    let named: Option<Vec<String>> = named.map(|names| names.concat()).filter(|names| !names.is_empty());
    named.filter(|_| kind.namespaced).map_or(Elsewhere::Anywhere, Elsewhere::Namespaces)
}

/// The path of the namespace that is the primary's own: the one that it lies in, or that it is.
pub(super) fn own_namespace(api: &Api) -> Option<&'static str> {
    match api.namespaced {
        true => Some("metadata.namespace"),
        false => (api.group.is_empty() && api.kind == "Namespace").then_some("metadata.name"),
    }
}

/// Whether a namespace is the primary's own.
pub(super) fn is_own_namespace(node: &Node, api: &Api) -> bool {
    let Some(own) = own_namespace(api) else { return false };
    let Value::String(text) = &node.value else { return false };
    if !text.has_expressions() {
        return false;
    }
    let inside = text.text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
    inside.is_some_and(|path| {
        let path = path.trim();
        path.strip_prefix("object.").or_else(|| path.strip_prefix('.')).unwrap_or(path) == own
    })
}

/// Whether a manifest lies in the primary's own namespace.
pub(super) fn is_beside(manifest: &Node, api: &Api) -> bool {
    let namespace = manifest.get("metadata").and_then(|metadata| metadata.get("namespace"));
    namespace.is_some_and(|node| is_own_namespace(node, api))
}

fn insert_namespace(manifest: &mut Node, template: &Template, node: Node) {
    let Value::Map(members) = &mut manifest.value else { return };
    for (key, value) in members {
        if key.text == "metadata"
            && let Value::Map(metadata) = &mut value.value
        {
            let at = metadata.iter().position(|(key, _)| key.text == "name").map_or(0, |at| at + 1);
            metadata.insert(at, (Key { text: "namespace".to_owned(), span: template.span }, node));
            return;
        }
    }
}

/// A name is always there, and is made of what Kubernetes allows. A problem of the expression itself is told apart here from
/// one in any other value, because a name may not be absent.
fn name(node: &Node, expressions: &mut Expressions, problems: &mut Diagnostics) {
    let mut found = Diagnostics::default();
    expressions.string(node, Place::Name, &mut found);
    problems.extend(found);
    let Value::String(written) = &node.value else { return };
    let text = written.text.as_str();
    let expressions = written.has_expressions();
    // What an expression gives is only known in the cluster; what stands around it must fit already.
    let mut literal = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{").filter(|_| expressions) {
        literal.push_str(&rest[..open]);
        rest = rest[open..].find("}}").map_or("", |close| &rest[open + close + 2..]);
    }
    literal.push_str(rest);
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':');
    if !literal.bytes().all(fits) || text.is_empty() || text.len() > 253 && !expressions {
        let problem = keys::name(node.span, "a name", text, None);
        problems.push(problem.expected("lower-case letters, digits, `-` and `.`"));
    }
}

fn reserved(manifest: &Node, problems: &mut Diagnostics) {
    for (key, _) in manifest.members().unwrap_or_default() {
        if key.text == "status" {
            problems.push(codes::reserved(key.span, "`status` of a child"));
        }
    }
    let Some(metadata) = manifest.get("metadata") else { return };
    for (key, node) in metadata.members().unwrap_or_default() {
        if RESERVED.contains(&key.text.as_str()) {
            problems.push(codes::reserved(key.span, &format!("`metadata.{}`", key.text)));
        }
        if key.text == "labels" || key.text == "annotations" {
            for (key, _) in node.members().unwrap_or_default() {
                let own = key.text.split_once('/').is_some_and(|(domain, _)| domain == "orkestra.orkspace.io");
                if own || key.text == "app.kubernetes.io/managed-by" {
                    problems.push(codes::reserved(key.span, &format!("`{}`", key.text)));
                }
            }
        }
    }
}
