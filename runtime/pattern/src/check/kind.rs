//! Kinds that a pattern names: one of Kubernetes' own, one of `crd.yaml`, or one that nothing is known of.

use std::sync::Arc;

use super::entry::Context;
use crate::ast::Spanned;
use crate::cel::{Count, Objects};
use crate::codes::{keys, manifests};
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::schema::{Field, Object, Rest, Schema, Shape};
use crate::yaml::Node;

/// What a child or a read is.
pub(super) struct Kind {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
    pub(super) schema: Arc<Schema>,
}

impl Kind {
    pub(super) fn is_secret(&self) -> bool {
        self.api_version == "v1" && self.kind == "Secret"
    }

    /// What expressions know of its objects.
    pub(super) fn objects(&self, count: Count) -> Objects<'_> {
        let schema = (self.schema.shape != Shape::Any).then_some(&*self.schema);
        Objects { schema, namespaced: self.namespaced || schema.is_none(), secret: self.is_secret(), count }
    }
}

/// The kind of a manifest.
pub(super) fn of_manifest(manifest: &Node, context: &Context, problems: &mut Diagnostics) -> Option<Kind> {
    let mut text = |key: &str| {
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
            Some(text) => Some(Spanned { value: text.to_owned(), span: node.span }),
            None => {
                problems.push(not_a_name(key, node.span, &node.describe()));
                None
            }
        }
    };
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    find(&api_version?, &kind?, context, problems)
}

fn not_a_name(key: &str, span: crate::source::Span, found: &str) -> crate::Diagnostic {
    let expected = if key == "kind" { "the name of a kind" } else { "a version such as `v1` or `apps/v1`" };
    keys::wrong_kind(span, &format!("`{key}`"), expected, found)
}

/// The kind of that version and name.
pub(super) fn find(
    api_version: &Spanned<String>,
    kind: &Spanned<String>,
    context: &Context,
    problems: &mut Diagnostics,
) -> Option<Kind> {
    let mut names = true;
    for (key, text) in [("apiVersion", api_version), ("kind", kind)] {
        if !is_type_name(&text.value) {
            problems.push(not_a_name(key, text.span, &Node::string(text.span, text.value.clone()).describe()));
            names = false;
        }
    }
    if !names {
        return None;
    }
    let (version_span, kind_span) = (api_version.span, kind.span);
    let (api_version, kind) = (api_version.value.clone(), kind.value.clone());
    if let Some(known) = kinds::lookup(&api_version, &kind) {
        return Some(Kind { api_version, kind, namespaced: known.namespaced, schema: known.schema });
    }
    if kinds::is_built_in_version(&api_version) {
        let near = kinds::nearest_kind(&api_version, &kind);
        let versions = kinds::versions_of(&kind);
        problems.push(manifests::unknown_kind(kind_span, &api_version, &kind, near, &versions));
        return None;
    }
    let versions = kinds::versions_of(&kind);
    if !api_version.contains('.') && !versions.is_empty() {
        // Groups of other makers have a domain, so that this is a slip in one of Kubernetes' own.
        problems.push(manifests::unknown_kind(version_span, &api_version, &kind, None, &versions));
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
pub(super) fn whole(schema: &Schema) -> Arc<Schema> {
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
