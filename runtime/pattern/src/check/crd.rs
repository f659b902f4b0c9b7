//! `crd.yaml`: the kinds that the pattern defines.

use std::sync::Arc;

use super::value::Values;
use super::{crd_embedded, crd_extent};
use crate::codes::{bounds, crd as codes, keys, manifests};
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::schema::{MAX_DEPTH, MAX_NODES, Schema, nearest};
use crate::source::{FileId, Span};
use crate::yaml::{Node, Value};

const API_VERSION: &str = "apiextensions.k8s.io/v1";
const KIND: &str = "CustomResourceDefinition";

/// One CRD.
pub(super) struct Crd {
    pub(super) json: serde_json::Value,
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) namespaced: bool,
    pub(super) versions: Vec<Version>,
    /// It is of `foreign.yaml`: others define the kind.
    pub(super) foreign: bool,
    /// The place of the kind's name.
    pub(super) span: Span,
}

/// One version of a CRD.
pub(super) struct Version {
    pub(super) name: String,
    pub(super) served: bool,
    pub(super) storage: bool,
    /// Whether status is written apart from the rest.
    pub(super) status: bool,
    pub(super) schema: Arc<Schema>,
    pub(super) span: Span,
}

impl Crd {
    pub(super) fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }
}

/// Reads the documents of `crd.yaml`, or (`foreign`) of `foreign.yaml`. One that is broken is reported and left out.
pub(super) fn read(documents: &[Node], file: FileId, foreign: bool, problems: &mut Diagnostics) -> Vec<Crd> {
    if documents.is_empty() && !problems.has_errors() {
        let name = if foreign { "foreign.yaml" } else { "crd.yaml" };
        problems.push(codes::not_a_crd(Span::new(file, 0..0), &format!("`{name}` defines no CRD")));
    }
    documents.iter().filter_map(|document| one(document, foreign, problems)).collect()
}

fn one(node: &Node, foreign: bool, problems: &mut Diagnostics) -> Option<Crd> {
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        let found = node.get(key);
        if found.and_then(Node::text) != Some(expected) {
            let span = found.map_or_else(|| first(node), |node| node.span);
            let found = found.map_or("nothing".to_owned(), Node::describe);
            let problem = codes::not_a_crd(span, "this is not a CustomResourceDefinition");
            problems.push(problem.expected(format!("`{key}: {expected}`")).found(found));
            return None;
        }
    }
    let known = kinds::lookup(API_VERSION, KIND)?;
    let values = &mut Values::plain("a CustomResourceDefinition", problems);
    match foreign {
        // As `kubectl get` and generators write it: with nulls, which the API server takes for nothing.
        true => values.value(&without_nulls(node), &known.schema),
        false => values.value(node, &known.schema),
    };
    // What others say of their own kinds is nobody's here to judge: it is not installed.
    if !foreign {
        crd_extent::check(node, problems);
    }
    let spec = node.get("spec")?;
    let versions = spec.get("versions")?.items()?;
    let versions: Vec<Version> = versions.iter().filter_map(|version| self::version(version, problems)).collect();
    storage(spec, problems);
    let text = |key: &str| Some(spec.get(key)?.text()?.to_owned());
    let name = |key: &str| Some(spec.get("names")?.get(key)?.text()?.to_owned());
    let (group, scope) = (text("group")?, text("scope")?);
    let (kind, plural) = (name("kind")?, name("plural")?);
    if let Some(at) = spec.get("scope").filter(|_| scope != "Namespaced" && scope != "Cluster") {
        problems.push(manifests::not_allowed(
            at.span,
            "spec.scope",
            "`Namespaced` or `Cluster`",
            &format!("`{scope}`"),
        ));
    }
    let full = format!("{plural}.{group}");
    match node.get("metadata").and_then(|metadata| metadata.get("name")) {
        Some(at) if at.text() != Some(&full) => {
            let problem = codes::not_a_crd(at.span, "a CRD is named by its plural and group");
            problems.push(problem.expected(format!("`{full}`")).found(at.describe()));
        }
        _ => {}
    }
    let (json, namespaced) = (crd_extent::installed(node), scope != "Cluster");
    let span = spec.get("names")?.get("kind")?.span;
    Some(Crd { json, group, kind, plural, namespaced, versions, foreign, span })
}

fn without_nulls(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(members) => {
            let there = members.iter().filter(|(_, node)| node.value != Value::Null);
            Value::Map(there.map(|(key, node)| (key.clone(), without_nulls(node))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    };
    Node { span: node.span, value }
}

/// Exactly one version is stored.
fn storage(spec: &Node, problems: &mut Diagnostics) {
    let Some(versions) = spec.get("versions") else { return };
    let stored = |node: &&Node| node.get("storage").is_some_and(|node| node.value == Value::Bool(true));
    let count = versions.items().unwrap_or_default().iter().filter(stored).count();
    if count != 1 {
        let problem = codes::not_a_crd(first(versions), "exactly one version is stored");
        problems.push(problem.expected("one version with `storage: true`").found(count.to_string()));
    }
}

fn version(node: &Node, problems: &mut Diagnostics) -> Option<Version> {
    let name = node.get("name")?;
    let flag = |node: Option<&Node>| node.is_some_and(|node| node.value == Value::Bool(true));
    let Some(root) = node.get("schema").and_then(|schema| schema.get("openAPIV3Schema")) else {
        problems.push(codes::schema(name.span, "the version has no `schema.openAPIV3Schema`".to_owned()));
        return None;
    };
    if !keywords(root, problems) {
        return None;
    }
    crd_embedded::root(root, problems);
    let schema = match Schema::parse(&root.to_json()) {
        Ok(schema) => schema,
        Err(error) => {
            let at = error.at.split('.').try_fold(root, |node, key| within(node, key)).unwrap_or(root);
            problems.push(codes::schema(first(at), error.to_string()));
            return None;
        }
    };
    Some(Version {
        name: name.text()?.to_owned(),
        served: flag(node.get("served")),
        storage: flag(node.get("storage")),
        status: node.get("subresources").and_then(|node| node.get("status")).is_some(),
        schema: Arc::new(schema),
        span: name.span,
    })
}

/// The part of a schema that is named by a step of an error's path.
fn within<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let property = node.get("properties").and_then(|properties| properties.get(key));
    property.or_else(|| node.get("items").filter(|_| key == "items")).or_else(|| node.get("additionalProperties"))
}

/// The first key of a map, which is enough of a place for what concerns the whole.
fn first(node: &Node) -> Span {
    node.members().and_then(|members| members.first()).map_or(node.span, |(key, _)| key.span)
}

/// Keywords of OpenAPI v3 that a structural schema may have, and what each takes: schemas by name, a schema, or anything.
const KEYWORDS: [&str; 38] = [
    "type",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "enum",
    "default",
    "description",
    "title",
    "example",
    "externalDocs",
    "format",
    "nullable",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
    "$schema",
];

/// Reports keywords of a schema that do not exist: whoever reads a schema ignores them, so that a typing error would be a
/// rule that does not hold. False: the schema is beyond a bound, and the rest of it was not looked at.
pub(super) fn keywords(node: &Node, problems: &mut Diagnostics) -> bool {
    let mut nodes = 0;
    let fits = walk(node, 0, &mut nodes, problems);
    if !fits {
        problems.push(bounds::schema(first(node), nodes.min(MAX_NODES)));
    }
    fits
}

fn walk(node: &Node, depth: usize, nodes: &mut usize, problems: &mut Diagnostics) -> bool {
    *nodes += 1;
    if depth > MAX_DEPTH || *nodes > MAX_NODES {
        return false;
    }
    crd_embedded::field(node, problems);
    let mut inner = |node: &Node| walk(node, depth + 1, nodes, problems);
    let mut unknown = Vec::new();
    for (key, value) in node.members().unwrap_or_default() {
        let fits = match key.text.as_str() {
            "properties" => value.members().unwrap_or_default().iter().all(|(_, node)| inner(node)),
            "items" | "additionalProperties" | "not" => inner(value),
            "allOf" | "anyOf" | "oneOf" => value.items().unwrap_or_default().iter().all(&mut inner),
            known if KEYWORDS.contains(&known) => true,
            _ => {
                unknown.push(key);
                true
            }
        };
        if !fits {
            return false;
        }
    }
    for key in unknown {
        if !problems.is_full() {
            problems.push(keys::unknown(key.span, &key.text, "a schema", nearest(&key.text, KEYWORDS), &[]));
        }
    }
    true
}
