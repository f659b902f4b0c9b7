//! `configMaps`

use super::Target;

pub(super) fn expand(target: &mut Target) {
    target.fields.later(&["fromConfigMap", "fromNamespace", "toNamespaces"], target.problems);
    target.pass_on(&[], |_| None);
}
