//! K09: what a child asks for beside its manifest.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Options that contradict the child or each other.
pub static OPTION: Code = error(
    "K0901",
    "an option that means nothing here",
    "The option contradicts another one, the part of the Katalog that the child stands in, or the child's kind.",
    edit("- id: svc\n", "- id: svc\n              once: true\n"),
);
/// Elements that cannot be told apart.
pub static KEY: Code = error(
    "K0902",
    "a key for the elements of `forEach`",
    "The child of an element is known by its key: of a map, the key; of a list of scalars, the scalar; of a list of objects, the field that `key` names.",
    edit(
        "- id: svc\n",
        "- id: svc\n              name: \"{{ metadata.name }}-{{ item.name }}\"\n              forEach: {field: spec.users}\n",
    ),
);
/// All elements under one name.
pub static ONE_NAME: Code = error(
    "K0903",
    "all elements would have one name",
    "With `forEach` the name depends on the element, or each child would overwrite the one before.",
    edit("- id: svc\n", "- id: svc\n              forEach: {field: spec.users, key: name}\n"),
);
/// What lives sees what only dies with the primary.
pub static ON_DELETE: Code = error(
    "K0904",
    "a child of `onDelete` is read before it is there",
    "A child of `onDelete` is made when the primary is being deleted, so only other children of `onDelete` can read it.",
    edit(
        "        onReconcile:\n",
        "        onDelete:\n          configMaps:\n            - {id: last, data: {a: b}}\n        onReconcile:\n          configMaps:\n            - {id: first, name: first, data: {a: \"{{ children.last.metadata.name }}\"}}\n",
    ),
);
/// A condition that is none.
pub static CONDITION: Code = error(
    "K0905",
    "a condition that cannot be read",
    "A condition has a `field`, which is a path from the object's root, and one comparison.",
    edit("- id: svc\n", "- id: svc\n              when: [{field: spec.replicas, gt: 1, lt: 5}]\n"),
);

/// The family.
pub static CODES: &[&Code] = &[&OPTION, &KEY, &ONE_NAME, &ON_DELETE, &CONDITION];

pub(crate) fn option(span: Span, message: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(&OPTION, span, message).hint(hint)
}

pub(crate) fn key(span: Span, message: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(&KEY, span, message).hint(hint)
}

pub(crate) fn one_name(span: Span) -> Diagnostic {
    Diagnostic::new(&ONE_NAME, span, "the children of all elements would have the same name")
        .hint("use the element in `name`: \"{{ metadata.name }}-{{ key }}\"")
}

pub(crate) fn on_delete(span: Span, id: &str) -> Diagnostic {
    Diagnostic::new(
        &ON_DELETE,
        span,
        format!("`{id}` is made when the primary is being deleted, and cannot be read here"),
    )
    .hint("move what reads it to `onDelete`, or the child out of it")
}

pub(crate) fn condition(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&CONDITION, span, message)
}
