//! `services`

use super::tree::Tree;
use super::{Context, Fields, Template, flag, pass_on, selector, taken};
use crate::codes::{keys, references};
use crate::diagnostic::Diagnostics;
use crate::yaml::Node;

pub(super) fn expand(tree: &mut Tree, template: &Template, context: &Context, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(&template.item, "a child", problems) else { return };
    let span = template.span;
    let external = fields.take("type").and_then(Node::text) == Some("ExternalName");
    if let Some((key, node)) = taken(&fields, "type") {
        tree.put(&["spec", "type"], key, node.clone(), problems);
    }
    let headless = flag(&fields, "headless", problems);
    if headless {
        let (key, node) = taken(&fields, "headless").unwrap_or((span, &template.item));
        tree.put(&["spec", "clusterIP"], key, Node::string(node.span, "None"), problems);
    }
    match (taken(&fields, "selector"), context.workloads) {
        (Some((key, node)), _) => tree.put(&["spec", "selector"], key, node.clone(), problems),
        (None, _) if external => {}
        (None, [only]) => tree.put(&["spec", "selector"], span, selector(span, only), problems),
        (None, several) => problems.push(references::selector(span, several)),
    }
    match taken(&fields, "port") {
        Some((key, port)) => {
            let mut one = Tree::new(port.span);
            one.put(&["port"], key, port.clone(), problems);
            if let Some((key, node)) = taken(&fields, "targetPort") {
                one.put(&["targetPort"], key, node.clone(), problems);
            }
            let (key, protocol) = match taken(&fields, "protocol") {
                Some((key, node)) => (key, node.clone()),
                None => (key, Node::string(key, "TCP")),
            };
            one.put(&["protocol"], key, protocol, problems);
            tree.put(&["spec", "ports"], key, Node::list(port.span, vec![one.finish()]), problems);
        }
        None => {
            for key in ["targetPort", "protocol"] {
                if let Some((place, _)) = taken(&fields, key) {
                    problems.push(keys::missing(place, "port", &format!("a Service with `{key}`")));
                }
            }
            if !headless && !external && template.item.get("ports").is_none() {
                problems.push(keys::missing(span, "port", "a Service"));
            }
        }
    }
    pass_on(tree, &fields, template, &["spec"], &[], problems);
}
