//! Short forms: each is rewritten to the whole manifest that it stands for, one file per kind that has words of its own. Every
//! value keeps the place where the author wrote it, so that what is wrong with the manifest is shown in the short form.

mod autoscaler;
mod budget;
mod configmap;
mod rollout;
mod secret;
mod service;
mod siblings;
mod statefulset;
mod tree;
mod workload;

use crate::ast::fields::Fields;
use crate::ast::tables::children::MANIFEST;
use crate::ast::{Form, Template, copies};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::schema::{Shape, nearest};
use crate::source::Span;
use crate::table::{OfKind, Others};
use crate::yaml::{Key, Node, Value};

pub(crate) use siblings::{Context, Sibling};
use tree::Tree;

/// The whole manifest of a template: `apiVersion`, `kind`, `metadata` with a name, and what the form makes of its own keys.
/// None where the form has no manifest to begin with, which is reported elsewhere.
pub(crate) fn expand(template: &Template, context: &Context, problems: &mut Diagnostics) -> Option<Node> {
    let span = template.span;
    let Some((api_version, kind)) = template.form.kind() else {
        let manifest = template.item.get("manifest")?;
        // Says itself that it is no map.
        Fields::open(manifest, &MANIFEST, problems)?;
        let mut tree = Tree::from(manifest.clone());
        metadata(&mut tree, template, problems);
        return Some(tree.finish());
    };
    let mut tree = Tree::new(span);
    tree.put(&["apiVersion"], span, Node::string(span, api_version), problems);
    tree.put(&["kind"], span, Node::string(span, kind), problems);
    metadata(&mut tree, template, problems);
    let Some(fields) = Fields::open(&template.item, template.form.table(), problems) else {
        return Some(tree.finish());
    };
    let mut target = Target { tree: &mut tree, fields: &fields, template, problems };
    match template.form {
        Form::Deployment | Form::DaemonSet | Form::Job | Form::CronJob | Form::Pod => {
            workload::expand(&mut target, context, Vec::new());
        }
        Form::StatefulSet => statefulset::expand(&mut target, context),
        Form::Service => service::expand(&mut target, context),
        Form::ConfigMap => configmap::expand(&mut target, context),
        Form::Secret => secret::expand(&mut target, context),
        Form::HorizontalPodAutoscaler => autoscaler::expand(&mut target, context),
        Form::PodDisruptionBudget => budget::expand(&mut target, context),
        Form::ServiceAccount
        | Form::Role
        | Form::RoleBinding
        | Form::Namespace
        | Form::NetworkPolicy
        | Form::PersistentVolumeClaim
        | Form::Ingress
        | Form::Manifest => target.pass_on(),
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
    let suffix = template.form.suffix().map(str::to_owned).unwrap_or_else(|| {
        let kind = template.item.get("manifest").and_then(|manifest| manifest.get("kind")?.text()).unwrap_or_default();
        format!("-{}", kind.to_lowercase())
    });
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

/// A manifest under construction, and the short form that it is made from.
struct Target<'a> {
    tree: &'a mut Tree,
    fields: &'a Fields<'a>,
    template: &'a Template,
    problems: &'a mut Diagnostics,
}

impl<'a> Target<'a> {
    /// A value of the short form with the place of its key, for putting somewhere else.
    fn taken(&self, key: &'static str) -> Option<(Span, &'a Node)> {
        taken(self.fields, key)
    }

    fn put(&mut self, path: &[&str], key: Span, value: Node) {
        self.tree.put(path, key, value, self.problems);
    }

    /// `true` or `false` as written, not computed: what decides about the manifest's shape must be known at build.
    fn flag(&mut self, key: &'static str) -> bool {
        match self.fields.take(key) {
            None => false,
            Some(Node { value: Value::Bool(value), .. }) => *value,
            Some(node) => {
                let what = format!("`{key}`");
                self.problems.push(keys::wrong_kind(node.span, &what, "`true` or `false`", &node.describe()));
                false
            }
        }
    }

    /// Puts the fields of the object that the child is a copy of, if it is one.
    fn copy(&mut self, context: &Context, names: &[&str]) {
        let Some((key, node)) = copies::key(self.template.form).and_then(|key| self.taken(key)) else { return };
        if node.text().is_none() {
            return;
        }
        let read = copies::read_id(context.id);
        for name in names {
            self.put(&[name], key, Node::string(node.span, format!("{{{{ reads.{read}.{name} }}}}")));
        }
    }

    /// Puts what the short form has no word of its own for where the kind's schema has a field of that name.
    fn pass_on(&mut self) {
        let Others::Kind(fields) = &self.template.form.table().others else { return };
        let Some((_, kind)) = fields.form.kind() else { return };
        self.fields.replaced(self.problems);
        let known = passed_on(fields);
        for (key, node) in self.fields.rest() {
            if self.problems.is_full() {
                return;
            }
            let of = format!("a short form of {kind}");
            if let Some(why) = refused(fields.form, &key.text) {
                self.problems.push(keys::not_here(key.span, &key.text, &of, &why));
            } else if known.iter().any(|(name, _)| *name == key.text) {
                let path: Vec<&str> = fields.at.iter().copied().chain([key.text.as_str()]).collect();
                self.put(&path, key.span, node.clone());
            } else {
                let names: Vec<&str> = fields.form.table().keys().collect();
                let all = names.iter().copied().chain(known.iter().map(|(name, _)| name.as_str()));
                self.problems.push(keys::unknown(key.span, &key.text, &of, nearest(&key.text, all), &names));
            }
        }
    }
}

/// The fields of a kind that its short form passes on, each with its type in words.
pub(crate) fn passed_on(fields: &OfKind) -> Vec<(String, String)> {
    let Some(kind) = fields.form.kind().and_then(|(api_version, kind)| kinds::lookup(api_version, kind)) else {
        return Vec::new();
    };
    let place = fields.at.iter().try_fold(&kind.schema, |schema, name| Some(schema.field(name)?.schema));
    let Some(Shape::Object(object)) = place.map(|schema| &schema.shape) else { return Vec::new() };
    let own = |name: &str| ["apiVersion", "kind", "metadata"].contains(&name) || refused(fields.form, name).is_some();
    let passed = object.fields.keys().filter(|name| !own(name));
    passed
        .map(|name| (name.clone(), object.fields.get(name).map_or_else(String::new, |f| f.schema.describe())))
        .collect()
}

/// Why a short form does not take a key, or where it belongs.
fn refused(form: Form, key: &str) -> Option<String> {
    match form {
        Form::Deployment | Form::StatefulSet | Form::DaemonSet | Form::Job | Form::CronJob | Form::Pod => {
            workload::misplaced(form, key)
        }
        Form::Secret if key == "stringData" => Some("write it under `data`, which is plain text here".to_owned()),
        _ => None,
    }
}

/// A value with the place of its key.
fn taken<'a>(fields: &Fields<'a>, key: &'static str) -> Option<(Span, &'a Node)> {
    fields.entry(key).map(|(key, node): (&Key, &Node)| (key.span, node))
}
