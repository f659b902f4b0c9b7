//! K15: what an object is given, and what must be true of it.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A field that no mutation may give.
pub static FIELD: Code = error(
    "K1501",
    "a field that is not the author's",
    "A mutation gives a value to a field that whoever writes the object could have written: not to `apiVersion`, `kind`, `metadata` and \
     `status`, nor to what the schema in `crd.yaml` does not have, nor to an item of a list.",
    edit(
        "        onReconcile:\n",
        "        mutation: [{field: status.endpoint, default: none}]\n        onReconcile:\n",
    ),
);
/// Two of one field.
pub static OVERLAP: Code = error(
    "K1502",
    "two mutations of one field",
    "Of two mutations of a field, or of a field and one inside of it, it would depend on their order what the object gets.",
    edit(
        "        onReconcile:\n",
        "        mutation: [{field: spec.note, default: a}, {field: spec.note, override: b}]\n        onReconcile:\n",
    ),
);
/// `default` and `override`.
pub static BOTH: Code = error(
    "K1503",
    "a default that overrides",
    "`default` gives a value where there is none, `override` gives it whatever there is. A mutation has one of them.",
    edit(
        "        onReconcile:\n",
        "        mutation: [{field: spec.note, default: a, override: b}]\n        onReconcile:\n",
    ),
);
/// A mutation that reads a mutated field.
pub static UNSTABLE: Code = error(
    "K1504",
    "a mutation of what it reads",
    "An object may be mutated more than once on its way, and is again at each reconcile, so doing it twice must change nothing. Therefore \
     the value of a mutation does not depend on any field that a mutation gives.",
    edit(
        "        onReconcile:\n",
        "        mutation: [{field: spec.note, override: \"{{ spec.note | default '' }}!\"}]\n        onReconcile:\n",
    ),
);
/// What is not known when an object is stored.
pub static LATE: Code = error(
    "K1505",
    "a rule about what is not there yet",
    "Rules are looked at when an object is stored, before anything is observed or called: they may use the object, `inputs`, and those \
     `vars` that use neither `children`, `reads` nor `hook`. Mutations come even before `vars`.",
    edit(
        "        onReconcile:\n",
        "        validation: [{rule: \"{{ children.svc.metadata.name != '' }}\", message: a name}]\n        onReconcile:\n",
    ),
);
/// A field of a rule.
pub static RULE_FIELD: Code = error(
    "K1506",
    "a rule about a field that does not exist",
    "`field` is the path of a field from the object's root, by which clients show where an object is wrong.",
    edit(
        "        onReconcile:\n",
        "        validation: [{rule: \"{{ spec.replicas < 5 }}\", message: few, field: spec.replica}]\n        onReconcile:\n",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[&FIELD, &OVERLAP, &BOTH, &UNSTABLE, &LATE, &RULE_FIELD];

pub(crate) fn field(span: Span, path: &str, why: &str, near: Option<&str>) -> Diagnostic {
    Diagnostic::new(&FIELD, span, format!("a mutation cannot give `{path}` a value: {why}"))
        .expected("a field of the object that its author may write, by its path from the root: `spec.size`")
        .did_you_mean(near)
}

pub(crate) fn overlap(span: Span, path: &str, other: &str, first: Span) -> Diagnostic {
    let message = match path == other {
        true => format!("`{path}` is mutated twice"),
        false => format!("the mutations of `{path}` and `{other}` overlap"),
    };
    Diagnostic::new(&OVERLAP, span, message).note(first, "the other one").hint("make one of them")
}

pub(crate) fn both(span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(&BOTH, span, "a mutation has a `default` or an `override`, not both")
        .note(first, "the default")
        .hint("remove one of them")
}

pub(crate) fn unstable(span: Span, path: &str, given: &str) -> Diagnostic {
    Diagnostic::new(&UNSTABLE, span, format!("the value depends on `{path}`, and a mutation gives `{given}`"))
        .hint("compute it from other fields, or in the template that uses it")
}

pub(crate) fn late(span: Span, what: &str, expected: &'static str) -> Diagnostic {
    Diagnostic::new(&LATE, span, format!("{what} is not known when an object is stored")).expected(expected)
}

pub(crate) fn rule_field(span: Span, path: &str, near: Option<&str>) -> Diagnostic {
    Diagnostic::new(&RULE_FIELD, span, format!("the object has no field `{path}`")).did_you_mean(near)
}
