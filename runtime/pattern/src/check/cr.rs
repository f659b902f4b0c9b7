//! `cr.yaml`, the example of a resource that the pattern reconciles.

use super::crd::Crd;
use super::value::Values;
use crate::codes::cr as codes;
use crate::diagnostic::Diagnostics;
use crate::kinds;
use crate::schema::{Field, Schema, Shape};
use crate::source::Source;
use crate::yaml::Node;

pub(super) fn check(node: &Node, crds: &[Crd], _source: &Source, problems: &mut Diagnostics) {
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let versions = crds.iter().flat_map(|crd| crd.versions.iter().map(move |version| (crd, version)));
    let found = versions
        .clone()
        .find(|(crd, version)| kind == crd.kind && api_version == format!("{}/{}", crd.group, version.name));
    let Some((crd, version)) = found else {
        let known: Vec<String> =
            versions.map(|(crd, version)| format!("{}/{} {}", crd.group, version.name, crd.kind)).collect();
        let at = node.get("kind").or_else(|| node.get("apiVersion")).map_or(node.span, |node| node.span);
        problems.push(codes::kind(at, format!("{api_version} {kind}").trim(), &known));
        return;
    };
    let mut schema = Schema::clone(&version.schema);
    if let Shape::Object(object) = &mut schema.shape {
        // What every object has, whatever its schema says of it.
        for key in ["apiVersion", "kind"] {
            object.fields.insert(key.to_owned(), Field { schema: Default::default(), required: true });
        }
        object.fields.insert("metadata".to_owned(), Field { schema: kinds::object_meta(), required: true });
    }
    Values::plain(&crd.kind, problems).value(node, &schema);
}
