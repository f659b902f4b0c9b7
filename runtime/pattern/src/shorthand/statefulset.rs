//! `statefulSets`: a workload with volumes of its own.

use super::tree::Tree;
use super::{Context, Fields, Target, name, taken, workload};
use crate::ast::fields::list;
use crate::ast::tables::children::CLAIM;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::Node;

pub(super) fn expand(target: &mut Target, context: &Context) {
    match target.taken("serviceName") {
        Some((key, node)) => target.put(&["spec", "serviceName"], key, node.clone()),
        // On behalf of the name, whose mistakes are shown there and not twice.
        None => target.put(&["spec", "serviceName"], target.template.span, name(target.template)),
    }
    let mut mounts = Vec::new();
    if let Some((key, node)) = target.taken("volumeClaimTemplates")
        && let Some(items) = list(node, "`volumeClaimTemplates`", target.problems)
    {
        let claims = items.iter().map(|item| claim(item, key, &mut mounts, target.problems)).collect();
        target.put(&["spec", "volumeClaimTemplates"], key, Node::list(node.span, claims));
    }
    workload::expand(target, context, mounts);
}

/// One claim. What is written as Kubernetes has it, with `metadata` and `spec`, stays as it is.
fn claim(item: &Node, place: Span, mounts: &mut Vec<Node>, problems: &mut Diagnostics) -> Node {
    if item.get("metadata").is_some() || item.get("spec").is_some() {
        return item.clone();
    }
    let Some(fields) = Fields::open(item, &CLAIM, problems) else { return item.clone() };
    let mut claim = Tree::new(item.span);
    let name = fields.require("name", problems);
    if let Some(name) = name {
        claim.put(&["metadata", "name"], place, name.clone(), problems);
    }
    match taken(&fields, "accessModes") {
        Some((key, node)) => claim.put(&["spec", "accessModes"], key, node.clone(), problems),
        None => {
            let modes = Node::list(item.span, vec![Node::string(item.span, "ReadWriteOnce")]);
            claim.put(&["spec", "accessModes"], item.span, modes, problems);
        }
    }
    if let Some((key, node)) = taken(&fields, "storageClass") {
        claim.put(&["spec", "storageClassName"], key, node.clone(), problems);
    }
    fields.require("storageSize", problems);
    if let Some((key, node)) = taken(&fields, "storageSize") {
        claim.put(&["spec", "resources", "requests", "storage"], key, node.clone(), problems);
    }
    if let (Some((key, path)), Some(name)) = (taken(&fields, "mountPath"), name) {
        let mut mount = Tree::new(path.span);
        mount.put(&["name"], key, name.clone(), problems);
        mount.put(&["mountPath"], key, path.clone(), problems);
        mounts.push(mount.finish());
    }
    fields.finish(problems);
    claim.finish()
}
