//! What the runtime generates in a Secret, and makes anew.

use super::reads::text;
use super::strings::Expressions;
use crate::ast;
use crate::codes::options::option;
use crate::diagnostic::Diagnostics;
use crate::model::Tls;

/// Checks the names of a certificate.
pub(super) fn tls(written: &ast::Tls, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Tls> {
    let common_name = written.common_name.as_ref().map(|node| text(node, expressions, problems));
    let names: Vec<_> = written.dns_names.iter().map(|node| text(node, expressions, problems)).collect();
    Some(Tls {
        common_name: common_name.map_or(Some(None), |name| name.map(Some))?,
        dns_names: names.into_iter().collect::<Option<_>>()?,
        valid_for: written.valid_for,
    })
}

/// Reports what does not go with generated values.
pub(super) fn check(template: &ast::Template, problems: &mut Diagnostics) {
    if let (Some(after), None) = (&template.rotate_after, template.options.once) {
        let message = "`rotateAfter` makes values of `once` anew, and there are none";
        problems.push(option(after.span, message, "add `once: true`"));
    }
    let Some(tls) = &template.tls else { return };
    let message = "`tls` makes all data of the Secret";
    let others = ["data", "fromSecret", "type", "rotateAfter"];
    for (key, _) in template.item.members().into_iter().flatten() {
        if others.contains(&key.text.as_str()) {
            let problem = option(key.span, message, &format!("remove `{}`", key.text));
            problems.push(problem.note(tls.span, "the certificate"));
        }
    }
    if let Some(once) = template.options.once {
        let problem = option(once, "what `tls` makes is kept by itself", "remove `once`");
        problems.push(problem.note(tls.span, "the certificate"));
    }
}
