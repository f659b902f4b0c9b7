//! K10: objects that are read.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A namespace of a read.
pub static NAMESPACE: Code = error(
    "K1001",
    "a read in another namespace",
    "A pattern reads in the namespace of its primary only: who may write the primary could otherwise see what lies elsewhere.",
    edit(
        "        onReconcile:\n",
        "        reads:\n          - {id: plan, apiVersion: v1, kind: ConfigMap, name: plan, namespace: other}\n        onReconcile:\n",
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

/// The family.
pub static CODES: &[&Code] = &[&NAMESPACE, &NAME_AND_SELECTOR, &OPTIONAL_LIST, &LATE];

pub(crate) fn namespace(span: Span) -> Diagnostic {
    Diagnostic::new(&NAMESPACE, span, "a read has no `namespace`: it is that of the primary").hint("remove `namespace`")
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
