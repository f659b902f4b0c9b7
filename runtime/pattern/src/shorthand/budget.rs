//! `podDisruptionBudgets`: for the pods of the entry's only workload, unless a selector is given.

use super::siblings::selector;
use super::{Context, Target};
use crate::codes::references;

pub(super) fn expand(target: &mut Target, context: &Context) {
    let span = target.template.span;
    if let Some((key, node)) = target.taken("selector") {
        target.put(&["spec", "selector"], key, node.clone());
    } else {
        match context.only_workload() {
            Ok(only) => target.put(&["spec", "selector", "matchLabels"], span, selector(span, target.template, only)),
            Err(several) => {
                target.problems.push(references::no_selector(span, "PodDisruptionBudget", "matchLabels", &several));
            }
        }
    }
    target.pass_on();
}
