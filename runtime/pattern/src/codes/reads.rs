//! K10: objects that are read.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::model::Operator;
use crate::source::Span;

/// A namespace that a read lacks or cannot have.
pub static NAMESPACE: Code = error(
    "K1001",
    "a namespace that the read cannot have, or lacks",
    "Objects of a cluster-scoped kind live outside of namespaces; and a cluster-scoped primary has no namespace that its reads could be in.",
    edit(
        "        onReconcile:\n",
        "        reads:\n          - {id: plan, apiVersion: v1, kind: Node, name: plan, namespace: other}\n        onReconcile:\n",
    ),
);
/// `name` and `selector`.
pub static NAME_AND_SELECTOR: Code = error(
    "K1002",
    "a read by name and by labels",
    "A read by `name` is one object, and a read by `selector` is a list.",
    edit(
        "        onReconcile:\n",
        "        reads:\n          - {id: plan, apiVersion: v1, kind: ConfigMap, name: plan, selector: {matchLabels: {a: b}}}\n        onReconcile:\n",
    ),
);
/// A list is never missing.
pub static OPTIONAL_LIST: Code = error(
    "K1003",
    "an optional list",
    "A read by `selector` is a list, which may be empty and is never missing.",
    edit(
        "        onReconcile:\n",
        "        reads:\n          - {id: plans, apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {a: b}}, optional: true}\n        onReconcile:\n",
    ),
);
/// What is read depends on what is read.
pub static LATE: Code = error(
    "K1004",
    "a read that depends on observed objects",
    "Which objects are read is known before anything is observed: the name and the labels of a read may use the primary, `inputs`, \
     and those `vars` that use neither `children` nor `reads`.",
    edit(
        "        onReconcile:\n",
        "        reads:\n          - {id: plan, apiVersion: v1, kind: ConfigMap, name: \"{{ children.svc.metadata.name }}\"}\n        onReconcile:\n",
    ),
);

/// An operator with values that it does not take, or without.
pub static VALUES: Code = error(
    "K1005",
    "the values of a condition on a label",
    "`In` and `NotIn` take a list of values, of at least one; `Exists` and `DoesNotExist` take none.",
    edit(
        "        onReconcile:\n",
        "        reads:\n          - {id: plans, apiVersion: v1, kind: ConfigMap, selector: {matchExpressions: [{key: tier, operator: In}]}}\n        onReconcile:\n",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[&NAMESPACE, &NAME_AND_SELECTOR, &OPTIONAL_LIST, &LATE, &VALUES];

pub(crate) fn namespace(span: Span, message: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(&NAMESPACE, span, message).hint(hint)
}

pub(crate) fn values(span: Span, operator: Operator, needed: bool) -> Diagnostic {
    let word = operator.word();
    match needed {
        true => Diagnostic::new(&VALUES, span, format!("`{word}` needs `values`")).hint("add a list of values"),
        false => Diagnostic::new(&VALUES, span, format!("`{word}` takes no `values`")).hint("remove `values`"),
    }
}

pub(crate) fn name_and_selector(span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(&NAME_AND_SELECTOR, span, "a read has a `name` or a `selector`, not both")
        .note(first, "the name")
        .hint("remove one of them")
}

pub(crate) fn optional_list(span: Span) -> Diagnostic {
    Diagnostic::new(&OPTIONAL_LIST, span, "a read by `selector` is never missing").hint("remove `optional`")
}

pub(crate) fn late(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(&LATE, span, format!("{what} is not known when the reads are"))
        .expected("the primary, `inputs`, and `vars` that use neither `children` nor `reads`")
}
