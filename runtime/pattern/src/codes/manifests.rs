//! K05: children, as their kind's schema sees them.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A field that the kind does not have.
pub static UNKNOWN_FIELD: Code = error(
    "K0501",
    "a field that the kind does not have",
    "The Kubernetes schema of the kind has no such field.",
    edit("- id: web\n", "- id: web\n              strategy: {typ: Recreate}\n"),
);
/// A value of the wrong type.
pub static WRONG_TYPE: Code = error(
    "K0502",
    "a value of the wrong type",
    "The schema asks for another type here.",
    edit("port: 8080", "port: http"),
);
/// A field that the kind requires.
pub static MISSING_FIELD: Code = error(
    "K0503",
    "a required field is missing",
    "The Kubernetes schema of the kind requires this field.",
    edit("- id: web\n", "- id: web\n              volumes: [{emptyDir: {}}]\n"),
);
/// A value that the schema rules out.
pub static NOT_ALLOWED: Code = error(
    "K0504",
    "a value that the schema rules out",
    "The schema limits this value: to some values, to a range, to a length or to a form.",
    edit("- id: web\n", "- id: web\n              resources: {limits: {memory: 1 GB}}\n"),
);
/// A namespace that a child may not have.
pub static NAMESPACE: Code = error(
    "K0505",
    "a namespace that the child cannot have",
    "A child of a cluster-scoped resource must say where it lives; a cluster-scoped kind has no namespace.",
    edit(
        "          services:\n",
        "          resources:\n            - id: role\n              namespace: elsewhere\n              manifest: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, rules: []}\n          services:\n",
    ),
);
/// What the runtime writes itself.
pub static RESERVED: Code = error(
    "K0506",
    "a field that the runtime writes",
    "Owner references, managed labels and the fields that the API server fills in are not the pattern's to write.",
    edit("- id: svc\n", "- id: svc\n              labels: {orkestra.orkspace.io/id: other}\n"),
);
/// A kind that does not exist.
pub static UNKNOWN_KIND: Code = error(
    "K0507",
    "an unknown kind",
    "The API version belongs to Kubernetes itself, and has no such kind.",
    edit(
        "          services:\n",
        "          resources:\n            - id: x\n              manifest: {apiVersion: v1, kind: Configmap}\n          services:\n",
    ),
);
/// `key:` with nothing after it.
pub static NOTHING: Code = error(
    "K0508",
    "a key without a value",
    "`key:` with nothing after it is `null`, which Kubernetes drops. Write `{}` or `[]` for an empty value, or remove the key.",
    edit("port: 8080", "port:"),
);

/// The family.
pub static CODES: &[&Code] =
    &[&UNKNOWN_FIELD, &WRONG_TYPE, &MISSING_FIELD, &NOT_ALLOWED, &NAMESPACE, &RESERVED, &UNKNOWN_KIND, &NOTHING];

pub(crate) fn unknown_field(span: Span, field: &str, of: &str, nearest: Option<&str>) -> Diagnostic {
    Diagnostic::new(&UNKNOWN_FIELD, span, format!("{of} has no field `{field}`")).did_you_mean(nearest)
}

pub(crate) fn wrong_type(span: Span, path: &str, expected: &str, found: &str, hint: Option<String>) -> Diagnostic {
    let problem =
        Diagnostic::new(&WRONG_TYPE, span, format!("`{path}` has the wrong type")).expected(expected).found(found);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

pub(crate) fn missing_field(span: Span, field: &str, of: &str) -> Diagnostic {
    Diagnostic::new(&MISSING_FIELD, span, format!("{of} requires `{field}`")).hint(format!("add `{field}`"))
}

pub(crate) fn not_allowed(span: Span, path: &str, expected: &str, found: &str) -> Diagnostic {
    Diagnostic::new(&NOT_ALLOWED, span, format!("`{path}` has a value that the schema rules out"))
        .expected(expected)
        .found(found)
}

pub(crate) fn namespace(span: Span, message: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(&NAMESPACE, span, message).hint(hint)
}

pub(crate) fn reserved(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(&RESERVED, span, format!("{what} is written by the runtime")).hint("remove it")
}

pub(crate) fn unknown_kind(
    span: Span,
    api_version: &str,
    kind: &str,
    nearest: Option<&str>,
    versions: &[&str],
) -> Diagnostic {
    let problem = Diagnostic::new(&UNKNOWN_KIND, span, format!("Kubernetes has no kind `{kind}` in `{api_version}`"));
    match versions {
        [] => problem.did_you_mean(nearest),
        versions => problem.hint(format!("`{kind}` is in {}", super::keys::list(versions))),
    }
}

pub(crate) fn nothing(span: Span, key: &str) -> Diagnostic {
    Diagnostic::new(&NOTHING, span, format!("`{key}` has no value"))
        .found("nothing")
        .hint("write `{}` or `[]` for an empty value, or remove the key")
}
