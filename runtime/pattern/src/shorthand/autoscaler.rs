//! `horizontalPodAutoscalers`: of the entry's only workload that can be scaled, unless another one is named.

use super::siblings::is_keyed;
use super::{Context, Target, name};
use crate::ast::Template;
use crate::codes::references;
use crate::yaml::Node;

pub(super) fn expand(target: &mut Target, context: &Context) {
    if target.template.item.get("scaleTargetRef").is_none() {
        scaled(target, context);
    }
    target.pass_on();
}

fn scaled(target: &mut Target, context: &Context) {
    let span = target.template.span;
    // The name of one element's workload is known only to what is made for that element as well.
    let fits = |workload: &Template| is_keyed(target.template) || !is_keyed(workload);
    let (kind, name) = match context.only(|sibling| sibling.template.form.scales()) {
        Ok(only) if fits(only.template) => (only.template.form.kind(), name(only.template)),
        other => {
            let found = other.map_or_else(|several| several, |only| vec![only.id.to_owned()]);
            target.problems.push(references::no_scale_target(span, &found));
            // Something stands there, so that it is not missed again.
            (None, Node::string(span, ""))
        }
    };
    let (api_version, kind) = kind.unwrap_or_default();
    let reference =
        [("apiVersion", Node::string(span, api_version)), ("kind", Node::string(span, kind)), ("name", name)];
    target.put(&["spec", "scaleTargetRef"], span, Node::map(span, reference));
}
