//! `configMaps`

use super::{Context, Target};

pub(super) fn expand(target: &mut Target, context: &Context) {
    target.copy(context, &["data", "binaryData"]);
    target.pass_on();
}
