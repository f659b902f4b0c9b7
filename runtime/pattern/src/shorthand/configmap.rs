//! `configMaps`

use super::tree::Tree;
use super::{Fields, Template, pass_on};
use crate::diagnostic::Diagnostics;

pub(super) fn expand(tree: &mut Tree, template: &Template, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(&template.item, "a child", problems) else { return };
    fields.later(&["fromConfigMap", "fromNamespace", "toNamespaces"], problems);
    pass_on(tree, &fields, template, &[], &[], problems);
}
