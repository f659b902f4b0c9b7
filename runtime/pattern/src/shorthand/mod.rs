//! Short forms: each is rewritten to the whole manifest that it stands for, one file per kind. Every value keeps the place
//! where the author wrote it, so that what is wrong with the manifest is shown in the short form.

mod configmap;
mod deployment;
mod service;
mod statefulset;
mod tree;
mod workload;

use crate::ast::fields::Fields;
use crate::ast::{Form, Template};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::schema::nearest;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

use tree::Tree;

/// The label of the primary's name on generated pods.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label of the child's id on generated pods.
const ID: &str = "orkestra.orkspace.io/id";

/// What a short form knows of the entry around it.
pub(crate) struct Context<'a> {
    /// The child's id.
    pub(crate) id: &'a str,
    /// The ids of the entry's workloads.
    pub(crate) workloads: &'a [String],
}

impl Form {
    /// The API version and kind of a short form; none for a whole manifest, which says so itself.
    pub(crate) fn kind(self) -> Option<(&'static str, &'static str)> {
        match self {
            Form::Deployment => Some(("apps/v1", "Deployment")),
            Form::StatefulSet => Some(("apps/v1", "StatefulSet")),
            Form::Service => Some(("v1", "Service")),
            Form::ConfigMap => Some(("v1", "ConfigMap")),
            Form::Manifest => None,
        }
    }

    /// Whether it runs pods.
    pub(crate) fn is_workload(self) -> bool {
        matches!(self, Form::Deployment | Form::StatefulSet)
    }
}

/// The whole manifest of a template: `apiVersion`, `kind`, `metadata` with a name, and what the form makes of its own keys.
/// None where the form has no manifest to begin with, which is reported elsewhere.
pub(crate) fn expand(template: &Template, context: &Context, problems: &mut Diagnostics) -> Option<Node> {
    let span = template.span;
    let mut tree = Tree::new(span);
    match template.form.kind() {
        Some((api_version, kind)) => {
            tree.put(&["apiVersion"], span, Node::string(span, api_version), problems);
            tree.put(&["kind"], span, Node::string(span, kind), problems);
        }
        None => {
            let manifest = template.item.get("manifest")?;
            // Says itself that it is no map.
            Fields::open(manifest, "`manifest`", problems)?;
            tree = Tree::from(manifest.clone());
        }
    }
    metadata(&mut tree, template, problems);
    match template.form {
        Form::Deployment => deployment::expand(&mut tree, template, context, problems),
        Form::StatefulSet => statefulset::expand(&mut tree, template, context, problems),
        Form::Service => service::expand(&mut tree, template, context, problems),
        Form::ConfigMap => configmap::expand(&mut tree, template, problems),
        Form::Manifest => {}
    }
    Some(tree.finish())
}

fn metadata(tree: &mut Tree, template: &Template, problems: &mut Diagnostics) {
    let parts = [
        ("name", &template.name),
        ("namespace", &template.namespace),
        ("labels", &template.labels),
        ("annotations", &template.annotations),
    ];
    for (key, node) in parts {
        if let Some(node) = node {
            let place = key_span(&template.item, key).unwrap_or(node.span);
            tree.put(&["metadata", key], place, node.clone(), problems);
        }
    }
    let own = template.item.get("manifest").and_then(|manifest| manifest.get("metadata")?.get("name"));
    if template.name.is_none() && own.is_none() {
        tree.put(&["metadata", "name"], template.span, default_name(template), problems);
    }
}

/// The name of a child that gives none.
fn default_name(template: &Template) -> Node {
    let suffix = match template.form {
        Form::StatefulSet => String::new(),
        Form::Deployment => "-deployment".to_owned(),
        Form::Service => "-svc".to_owned(),
        Form::ConfigMap => "-config".to_owned(),
        Form::Manifest => {
            let kind =
                template.item.get("manifest").and_then(|manifest| manifest.get("kind")?.text()).unwrap_or_default();
            format!("-{}", kind.to_lowercase())
        }
    };
    Node::string(template.span, format!("{{{{ metadata.name }}}}{suffix}"))
}

/// The name that the child has, as it was written or by default.
fn name(template: &Template) -> Node {
    template.name.clone().unwrap_or_else(|| default_name(template))
}

/// The place of a key that was written.
fn key_span(item: &Node, key: &str) -> Option<Span> {
    item.members()?.iter().find(|(name, _)| name.text == key).map(|(name, _)| name.span)
}

/// The labels by which a generated pod is found. They never change, because a selector cannot.
fn selector(span: Span, id: &str) -> Node {
    Node::map(span, [(INSTANCE, Node::string(span, "{{ metadata.name }}")), (ID, Node::string(span, id))])
}

/// Puts what the short form has no word of its own for below `at`, where the kind's schema has a field of that name.
fn pass_on(
    tree: &mut Tree,
    fields: &Fields,
    template: &Template,
    at: &[&str],
    refused: &[(&str, &str)],
    problems: &mut Diagnostics,
) {
    let Some((api_version, kind)) = template.form.kind() else { return };
    let Some(schema) = kinds::lookup(api_version, kind).map(|kind| kind.schema) else { return };
    let place = at.iter().try_fold(&schema, |schema, name| Some(schema.field(name)?.schema));
    let known: Vec<&str> = match place.map(|schema| &schema.shape) {
        Some(crate::schema::Shape::Object(object)) => object.fields.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    for (key, node) in fields.rest() {
        if Template::COMMON.contains(&key.text.as_str()) && key.text != "manifest" {
            continue;
        }
        if problems.is_full() {
            return;
        }
        if let Some((_, why)) = refused.iter().find(|(name, _)| *name == key.text) {
            problems.push(keys::unknown(key.span, &key.text, &format!("a short form of {kind}"), None, &[]).hint(*why));
        } else if known.contains(&key.text.as_str()) && !["apiVersion", "kind", "metadata"].contains(&key.text.as_str())
        {
            let path: Vec<&str> = at.iter().copied().chain([key.text.as_str()]).collect();
            tree.put(&path, key.span, node.clone(), problems);
        } else {
            let mut names = fields.known();
            names.extend(Template::COMMON.iter().filter(|name| **name != "manifest"));
            let near = nearest(&key.text, names.iter().copied().chain(known.iter().copied()));
            problems.push(keys::unknown(key.span, &key.text, &format!("a short form of {kind}"), near, &names));
        }
    }
}

/// A value with the place of its key, for putting somewhere else.
fn taken<'a>(fields: &Fields<'a>, key: &'static str) -> Option<(Span, &'a Node)> {
    fields.entry(key).map(|(key, node): (&Key, &Node)| (key.span, node))
}

/// `true` or `false` as written, not computed: what decides about the manifest's shape must be known at build.
fn flag(fields: &Fields, key: &'static str, problems: &mut Diagnostics) -> bool {
    match fields.take(key) {
        None => false,
        Some(Node { value: Value::Bool(value), .. }) => *value,
        Some(node) => {
            problems.push(keys::wrong_kind(node.span, &format!("`{key}`"), "`true` or `false`", &node.describe()));
            false
        }
    }
}
