//! `services`

use super::siblings::selector;
use super::{Context, Target, Tree};
use crate::codes::{keys, references};
use crate::yaml::Node;

pub(super) fn expand(target: &mut Target, context: &Context) {
    let span = target.template.span;
    let external = target.fields.take("type").and_then(Node::text) == Some("ExternalName");
    if let Some((key, node)) = target.taken("type") {
        target.put(&["spec", "type"], key, node.clone());
    }
    let headless = target.flag("headless");
    if headless {
        let (key, node) = target.taken("headless").unwrap_or((span, &target.template.item));
        target.put(&["spec", "clusterIP"], key, Node::string(node.span, "None"));
    }
    if let Some((key, node)) = target.taken("selector") {
        target.put(&["spec", "selector"], key, node.clone());
    } else if !external {
        match context.only_workload() {
            Ok(only) => target.put(&["spec", "selector"], span, selector(span, target.template, only)),
            Err(several) => target.problems.push(references::no_selector(span, "Service", "selector", &several)),
        }
    }
    ports(target, headless || external);
    target.pass_on();
}

/// The one port of the short form; several are written as Kubernetes has them, as `ports`.
fn ports(target: &mut Target, optional: bool) {
    let span = target.template.span;
    let Some((key, port)) = target.taken("port") else {
        for key in ["targetPort", "protocol"] {
            if let Some((place, _)) = target.taken(key) {
                target.problems.push(keys::missing(place, "port", &format!("a Service with `{key}`")));
            }
        }
        if !optional && target.template.item.get("ports").is_none() {
            target.problems.push(keys::missing(span, "port", "a Service"));
        }
        return;
    };
    let mut one = Tree::new(port.span);
    one.put(&["port"], key, port.clone(), target.problems);
    if let Some((key, node)) = target.taken("targetPort") {
        one.put(&["targetPort"], key, node.clone(), target.problems);
    }
    let (place, protocol) = match target.taken("protocol") {
        Some((place, node)) => (place, node.clone()),
        None => (key, Node::string(key, "TCP")),
    };
    one.put(&["protocol"], place, protocol, target.problems);
    target.put(&["spec", "ports"], key, Node::list(port.span, vec![one.finish()]));
}
