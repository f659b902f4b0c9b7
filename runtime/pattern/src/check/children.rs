//! The children of an entry: ids, whole manifests, conditions, order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::entry::Context;
use super::strings::{Expressions, Found, Reads, lone};
use super::value::Values;
use super::vars::Var;
use super::{manifest, order};
use crate::ast::{self, Template};
use crate::cel::{Checked, Place, Scope};
use crate::codes::{keys, references};
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::model::Child;
use crate::schema::{Field, Object, Rest, Schema, Shape};
use crate::shorthand;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// A template whose manifest is whole.
pub(super) struct Prepared<'a> {
    template: &'a Template,
    id: String,
    kind: Kind,
    manifest: Node,
}

/// What a child is.
pub(super) struct Kind {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
    pub(super) schema: Arc<Schema>,
}

/// Gives every template its id and its whole manifest, and declares it in the scope.
pub(super) fn prepare<'a>(
    entry: &'a ast::Entry,
    context: &Context,
    scope: &mut Scope,
    problems: &mut Diagnostics,
) -> Vec<Prepared<'a>> {
    let ids = ids(&entry.templates, problems);
    let templates = entry.templates.iter().zip(&ids);
    let siblings: Vec<shorthand::Sibling> = templates
        .clone()
        .filter_map(|(template, id)| Some(shorthand::Sibling { id: id.as_deref()?, template }))
        .collect();
    let mut prepared = Vec::new();
    for (template, id) in templates {
        let Some(id) = id else { continue };
        let around = shorthand::Context { id, siblings: &siblings };
        let manifest = shorthand::expand(template, &around, problems);
        let kind = manifest.as_ref().and_then(|manifest| kind(manifest, context, problems));
        // Declared even if it is broken, so that what refers to it brings no further problems.
        match &kind {
            Some(kind) if kind.schema.shape != Shape::Any => scope.add_child(id, Some(&kind.schema), kind.namespaced),
            _ => scope.add_child(id, None, true),
        }
        if let (Some(manifest), Some(kind)) = (manifest, kind) {
            prepared.push(Prepared { template, id: id.clone(), kind, manifest });
        }
    }
    prepared
}

/// The id of each template: as given, or its kind in lower camel case. None where that was reported.
fn ids(templates: &[Template], problems: &mut Diagnostics) -> Vec<Option<String>> {
    let default: Vec<String> = templates.iter().map(|template| lower_camel(&kind_name(template))).collect();
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut ids = Vec::new();
    for (template, name) in templates.iter().zip(&default) {
        let (id, span) = match &template.id {
            Some(id) => (id.value.clone(), id.span),
            None if template.item.get("id").is_some() => {
                ids.push(None);
                continue;
            }
            None => {
                let same = default.iter().filter(|other| *other == name).count();
                if same > 1 {
                    problems.push(references::id_required(template.span, &kind_name(template), same));
                    ids.push(None);
                    continue;
                }
                (name.clone(), template.span)
            }
        };
        if ast::identifier_problem(&id).is_some() {
            // A manifest without a usable kind; said where the kind is read.
            ids.push((!id.is_empty()).then_some(id));
            continue;
        }
        match seen.get(&id) {
            Some(first) => {
                problems.push(references::duplicate_id(span, &id, *first));
                ids.push(None);
            }
            None => {
                seen.insert(id.clone(), span);
                ids.push(Some(id));
            }
        }
    }
    ids
}

fn kind_name(template: &Template) -> String {
    match template.form.kind() {
        Some((_, kind)) => kind.to_owned(),
        None => {
            let kind = template.item.get("manifest").and_then(|manifest| manifest.get("kind")?.text());
            kind.unwrap_or("manifest").to_owned()
        }
    }
}

/// `StatefulSet` is `statefulSet`, `CSIDriver` is `csiDriver`.
fn lower_camel(kind: &str) -> String {
    let upper = kind.bytes().take_while(u8::is_ascii_uppercase).count();
    let lowered = if upper > 1 && upper < kind.len() { upper - 1 } else { upper };
    kind[..lowered].to_ascii_lowercase() + &kind[lowered..]
}

/// The kind of a manifest: one of Kubernetes' own, one of `crd.yaml`, or one that nothing is known of.
fn kind(manifest: &Node, context: &Context, problems: &mut Diagnostics) -> Option<Kind> {
    let mut text = |key: &str, expected: &str| {
        let Some(node) = manifest.get(key) else {
            let at = manifest.members().and_then(|members| members.first()).map_or(manifest.span, |(key, _)| key.span);
            let members = manifest.members().unwrap_or_default();
            let near = members.iter().find(|(name, _)| crate::schema::nearest(&name.text, [key]).is_some());
            let problem = keys::missing(at, key, "a manifest");
            problems.push(match near {
                Some((name, _)) => problem.note(name.span, format!("was this meant to be `{key}`?")),
                None => problem,
            });
            return None;
        };
        match node.text() {
            Some(text) if is_type_name(text) => Some((text.to_owned(), node.span)),
            _ => {
                problems.push(keys::wrong_kind(node.span, &format!("`{key}`"), expected, &node.describe()));
                None
            }
        }
    };
    let (api_version, kind) =
        (text("apiVersion", "a version such as `v1` or `apps/v1`"), text("kind", "the name of a kind"));
    let ((api_version, version_span), (kind, kind_span)) = (api_version?, kind?);
    if let Some(known) = kinds::lookup(&api_version, &kind) {
        return Some(Kind { api_version, kind, namespaced: known.namespaced, schema: known.schema });
    }
    if kinds::is_built_in_version(&api_version) {
        let near = kinds::nearest_kind(&api_version, &kind);
        problems.push(crate::codes::manifests::unknown_kind(
            kind_span,
            &api_version,
            &kind,
            near,
            &kinds::versions_of(&kind),
        ));
        return None;
    }
    let versions = kinds::versions_of(&kind);
    if !api_version.contains('.') && !versions.is_empty() {
        // Groups of other makers have a domain, so that this is a slip in one of Kubernetes' own.
        problems.push(crate::codes::manifests::unknown_kind(version_span, &api_version, &kind, None, &versions));
        return None;
    }
    let crds = context.crds.iter().filter(|crd| crd.kind == kind);
    let mut own = crds.filter_map(|crd| {
        let version = api_version.strip_prefix(&format!("{}/", crd.group))?;
        Some((crd.namespaced, whole(&crd.version(version)?.schema)))
    });
    let (namespaced, schema) = own.next().unwrap_or_else(|| (true, Arc::new(open())));
    Some(Kind { api_version, kind, namespaced, schema })
}

/// Whether a text can be an `apiVersion` or a `kind`: words of letters, digits, `-` and `.`, at most one `/` between two.
fn is_type_name(text: &str) -> bool {
    let word = |text: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        edge(text.bytes().next())
            && edge(text.bytes().last())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    text.split('/').count() <= 2 && text.split('/').all(word)
}

/// The schema of a custom kind with what every object has.
fn whole(schema: &Schema) -> Arc<Schema> {
    let mut schema = schema.clone();
    if let Shape::Object(object) = &mut schema.shape {
        common(object);
    }
    Arc::new(schema)
}

/// The schema of a kind that nothing is known of.
fn open() -> Schema {
    let mut object = Object { rest: Rest::Anything, ..Object::default() };
    common(&mut object);
    Schema { shape: Shape::Object(object), ..Schema::default() }
}

fn common(object: &mut Object) {
    for key in ["apiVersion", "kind"] {
        object.fields.insert(key.to_owned(), Field { schema: Arc::default(), required: true });
    }
    object.fields.insert("metadata".to_owned(), Field { schema: kinds::object_meta(), required: true });
}

/// Checks the manifests and conditions, and puts the children in the order of their references.
pub(super) fn check(
    entry: &ast::Entry,
    prepared: Vec<Prepared>,
    vars: &[Var],
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> Vec<Child> {
    same_objects(&prepared, problems);
    let places: HashMap<String, Span> = prepared
        .iter()
        .map(|child| (child.id.clone(), child.template.id.as_ref().map_or(child.template.span, |id| id.span)))
        .collect();
    let mut children: Vec<Child> =
        prepared.into_iter().map(|child| one(child, vars, scope, context, problems)).collect();
    let ids: Vec<String> = children.iter().map(|child| child.id.clone()).collect();
    let references: Vec<BTreeSet<usize>> = children
        .iter()
        .map(|child| child.requires.iter().filter_map(|id| ids.iter().position(|other| other == id)).collect())
        .collect();
    match order::sort(&references) {
        Ok(order) => {
            let mut slots: Vec<Option<Child>> = children.into_iter().map(Some).collect();
            order.into_iter().filter_map(|index| slots.get_mut(index)?.take()).collect()
        }
        Err(circle) => {
            let names: Vec<String> = circle.iter().filter_map(|index| ids.get(*index).cloned()).collect();
            let at = names.first().and_then(|id| places.get(id)).copied().unwrap_or(entry.name.span);
            problems.push(references::cycle(at, "children", &names));
            children.clear();
            children
        }
    }
}

fn one(child: Prepared, vars: &[Var], scope: &Scope, context: &Context, problems: &mut Diagnostics) -> Child {
    let Prepared { template, id, kind, manifest } = child;
    let mut expressions = Expressions::new(scope, context.source);
    let when = template.when.as_ref().and_then(|node| when(node, &mut expressions, problems));
    let manifest = manifest::complete(manifest, &kind, template, context, &mut expressions, problems);
    let mut values = Values::new(&kind.kind, &mut expressions, problems);
    let value = values.value(&manifest, &kind.schema);
    Child {
        id,
        at: context.source.at(template.span),
        policy: template.policy,
        api_version: kind.api_version,
        kind: kind.kind,
        requires: requires(&expressions.reads, vars),
        reads: Vec::new(),
        for_each: None,
        when,
        ready_when: None,
        once: false,
        retain: false,
        adopt: false,
        recreate: false,
        manifest: value,
    }
}

/// The children that are read, by themselves or through variables.
pub(super) fn requires(reads: &Reads, vars: &[Var]) -> Vec<String> {
    let mut children = reads.children.clone();
    for var in vars.iter().filter(|var| reads.vars.contains(&var.model.name)) {
        children.extend(var.reads.children.iter().cloned());
    }
    children.into_iter().collect()
}

fn when(node: &Node, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Checked> {
    if matches!(node.value, Value::List(_)) {
        problems.push(
            keys::unsupported(node.span, "`when` as a list of conditions")
                .hint("write one expression: \"{{ … && … }}\""),
        );
        return None;
    }
    match expressions.string(node, Place::When, problems) {
        Found::Lone(text) => lone(text),
        Found::Broken => None,
        Found::Plain | Found::Mixed(_) => {
            let problem = keys::wrong_kind(node.span, "`when`", "one expression, \"{{ … }}\"", &node.describe());
            problems.push(problem);
            None
        }
    }
}

/// Two templates of one kind with the same name and namespace.
fn same_objects(prepared: &[Prepared], problems: &mut Diagnostics) {
    let mut seen: HashMap<(String, String, String, String), &Prepared> = HashMap::new();
    for child in prepared {
        let text = |key: &str| {
            let node = child.manifest.get("metadata").and_then(|metadata| metadata.get(key));
            // `{{ .metadata.name }}` and `{{metadata.name}}` are the same expression.
            let text: String = node.and_then(Node::text).unwrap_or_default().split_whitespace().collect();
            text.replace("{{.", "{{")
        };
        // The group without the version: a kind is the same object in each of its versions.
        let group = child.kind.api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
        let name = text("name");
        match seen.get(&(group.clone(), child.kind.kind.clone(), text("namespace"), name.clone())) {
            Some(first) => {
                let ids = (first.id.as_str(), child.id.as_str());
                let shown = name.replace("{{", "{{ ").replace("}}", " }}");
                let problem =
                    references::same_object(child.template.span, &child.kind.kind, &shown, ids, first.template.span);
                problems.push(problem);
            }
            None => {
                seen.insert((group, child.kind.kind.clone(), text("namespace"), name), child);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lower_camel;

    #[test]
    fn kinds_in_lower_camel_case() {
        assert_eq!(lower_camel("StatefulSet"), "statefulSet");
        assert_eq!(lower_camel("CSIDriver"), "csiDriver");
        assert_eq!(lower_camel("DNS"), "dns");
        assert_eq!(lower_camel(""), "");
        assert_eq!(lower_camel("É"), "É");
    }
}
