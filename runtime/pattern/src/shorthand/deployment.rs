//! `deployments`

use super::tree::Tree;
use super::{Context, Fields, Template, workload};
use crate::diagnostic::Diagnostics;

pub(super) fn expand(tree: &mut Tree, template: &Template, context: &Context, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(&template.item, "a child", problems) else { return };
    workload::expand(tree, &fields, template, context, Vec::new(), problems);
}
