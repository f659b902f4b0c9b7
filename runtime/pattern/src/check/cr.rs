//! `cr.yaml`, the example of a resource that the pattern reconciles.

use std::sync::Arc;

use super::crd::{Crd, Version};
use super::kind::whole;
use super::value::Values;
use crate::codes::{cr as codes, foreign};
use crate::diagnostic::Diagnostics;
use crate::model::Entry;
use crate::schema::Schema;
use crate::yaml::Node;

pub(super) fn check(node: &Node, crds: &[Crd], entries: &[Entry], problems: &mut Diagnostics) {
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let own = crds.iter().filter(|crd| !crd.foreign).flat_map(|crd| {
        let version_of = |version: &Version| format!("{}/{}", crd.group, version.name);
        crd.versions.iter().map(move |version| (version_of(version), crd.kind.as_str(), &version.schema))
    });
    let others = entries.iter().filter(|entry| entry.foreign);
    let others = others.map(|entry| (entry.api.api_version(), entry.api.kind.as_str(), &entry.schema));
    let all: Vec<(String, &str, &Arc<Schema>)> = own.chain(others).collect();
    let Some((_, _, schema)) = all.iter().find(|(version, name, _)| *name == kind && *version == api_version) else {
        let known: Vec<String> = all.iter().map(|(version, kind, _)| format!("{version} {kind}")).collect();
        let at = node.get("kind").or_else(|| node.get("apiVersion")).map_or(node.span, |node| node.span);
        problems.push(codes::kind(at, format!("{api_version} {kind}").trim(), &known));
        return;
    };
    // With what every object has, whatever its schema says of it.
    Values::plain(kind, problems).value(node, &whole(schema));
    let labels = node.get("metadata").and_then(|metadata| metadata.get("labels"));
    let plain = node.to_json();
    for entry in entries.iter().filter(|entry| entry.api.kind == kind && entry.api.is_of(api_version)) {
        if let Some(selector) = &entry.selector
            && !selector.selects(&plain)
        {
            let place = labels.or_else(|| node.get("metadata")?.get("name")).unwrap_or(node);
            problems.push(foreign::not_selected(place.span, &entry.name, &selector.to_string()));
        }
    }
}
