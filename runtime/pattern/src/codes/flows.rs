//! K13: values of the resource that decide over rights.

use super::{Code, edit, note};
use crate::diagnostic::Diagnostic;
use crate::model::Flow;

/// A tenant's value in a field that gives rights.
pub static FLOW: Code = note(
    "K1301",
    "a tenant's value decides over rights",
    "Whoever may write the resource decides what is in it, and here a value of it reaches a field that decides what somebody may do: \
     a service account, a role and its subjects, a Secret that pods are given, a path of the node, what a container may do there, \
     another namespace. The pattern does not run before whoever runs it has allowed that with the grant that is named: `--grant` of \
     `ork run`, `grants` of the import in a Komposer. An object that the pattern makes itself is no tenant's choice if it is named \
     by `children.<id>.metadata.name`.",
    edit(
        "              port: 8080\n",
        "              port: 8080\n              serviceAccountName: \"{{ spec.note | default 'web' }}\"\n",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[&FLOW];

pub(crate) fn flow(flow: &Flow) -> Diagnostic {
    let Flow { path, tenant, into, field, decides, span, .. } = flow;
    let problem = match tenant {
        true => Diagnostic::new(&FLOW, *span, format!("`{path}` decides {decides} (`{field}` of `{into}`)"))
            .found("a value that whoever writes the resource decides"),
        false => Diagnostic::new(&FLOW, *span, format!("`{into}` lies outside of the resource's namespace"))
            .found("a place where whoever writes the resource may have no rights"),
    };
    problem.hint(format!("whoever runs the pattern has to allow it with the grant `{}`", flow.grant()))
}
