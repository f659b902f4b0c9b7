//! K06: the CRD, and what the Katalog says of it.

use super::{Code, Example, edit, edit_crd, error, warning};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Not a CRD.
pub static NOT_A_CRD: Code = error(
    "K0601",
    "not a CustomResourceDefinition",
    "`crd.yaml` holds CustomResourceDefinitions of `apiextensions.k8s.io/v1`, one per document.",
    edit_crd("kind: CustomResourceDefinition", "kind: ConfigMap"),
);
/// A schema that is not structural.
pub static SCHEMA: Code = error(
    "K0602",
    "a schema that cannot be read",
    "Expressions are typed against the CRD's structural schema, and inputs against theirs.",
    edit_crd("note: {type: string}", "note: {type: text}"),
);
/// `apiTypes` that no CRD defines.
pub static API: Code = error(
    "K0603",
    "`apiTypes` that `crd.yaml` does not define",
    "The entry's kind must be served by a CRD of `crd.yaml`, in that version and under that plural.",
    edit("kind: Shop, plural", "kind: Store, plural"),
);
/// Which CRD?
pub static AMBIGUOUS: Code = error(
    "K0604",
    "`apiTypes` is needed",
    "`apiTypes` may be left out only where `crd.yaml` defines exactly one CRD.",
    Example::Words("an entry without `apiTypes` beside a `crd.yaml` of two CRDs"),
);
/// No status subresource.
pub static NO_STATUS: Code = warning(
    "K0605",
    "no status subresource",
    "Without it every status write is a change of the whole object, and raises its generation.",
    edit_crd("      subresources: {status: {}}\n", ""),
);
/// No conditions.
pub static NO_CONDITIONS: Code = warning(
    "K0606",
    "no schema for conditions",
    "The API server drops what the schema does not name. Without `status.conditions` and `status.observedGeneration` nobody can \
     see whether a resource is ready.",
    edit_crd("                observedGeneration: {type: integer, format: int64}\n", ""),
);
/// A status field that the CRD does not have.
pub static STATUS_PATH: Code = error(
    "K0607",
    "a status field that the CRD does not have",
    "The API server would drop it. Add it to the schema of `status` in `crd.yaml`, or mend the path.",
    edit("path: endpoint", "path: endpiont"),
);
/// A default that its schema rules out.
pub static DEFAULT: Code = error(
    "K0608",
    "a default that does not fit",
    "The default of an input must fit the input's own schema.",
    edit("default: docker.io", "default: 5"),
);

/// The family.
pub static CODES: &[&Code] =
    &[&NOT_A_CRD, &SCHEMA, &API, &AMBIGUOUS, &NO_STATUS, &NO_CONDITIONS, &STATUS_PATH, &DEFAULT];

pub(crate) fn not_a_crd(span: Span, message: &str) -> Diagnostic {
    Diagnostic::new(&NOT_A_CRD, span, message)
}

pub(crate) fn schema(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(&SCHEMA, span, message)
}

pub(crate) fn api(span: Span, message: String, nearest: Option<&str>) -> Diagnostic {
    Diagnostic::new(&API, span, message).did_you_mean(nearest)
}

pub(crate) fn ambiguous(span: Span, count: usize) -> Diagnostic {
    Diagnostic::new(&AMBIGUOUS, span, format!("the entry needs `apiTypes`, as `crd.yaml` defines {count} CRDs"))
        .hint("add `apiTypes: {group: …, version: …, kind: …, plural: …}`")
}

pub(crate) fn no_status(span: Span, version: &str) -> Diagnostic {
    Diagnostic::new(&NO_STATUS, span, format!("version `{version}` has no status subresource"))
        .hint("add `subresources: {status: {}}` to the version")
}

pub(crate) fn no_conditions(span: Span, version: &str, missing: &[&str]) -> Diagnostic {
    let mut problem = Diagnostic::new(
        &NO_CONDITIONS,
        span,
        format!("the schema of version `{version}` has no {}", super::keys::list(missing)),
    );
    if missing.contains(&"status.observedGeneration") {
        problem =
            problem.hint("add `observedGeneration: {type: integer, format: int64}` to the properties of `status`");
    }
    if missing.contains(&"status.conditions") {
        problem = problem.hint(
            "add `conditions: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: {type: \
             object, required: [type, status], properties: {type: {type: string}, status: {type: string}, reason: {type: \
             string}, message: {type: string}, observedGeneration: {type: integer, format: int64}, lastTransitionTime: \
             {type: string, format: date-time}}}}` to the properties of `status`",
        );
    }
    problem
}

pub(crate) fn status_path(span: Span, path: &str, nearest: Option<&str>) -> Diagnostic {
    Diagnostic::new(&STATUS_PATH, span, format!("the CRD's status has no field `{path}`")).did_you_mean(nearest)
}

pub(crate) fn default(span: Span, input: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&DEFAULT, span, format!("the default of the input `{input}` does not fit its schema: {why}"))
}
