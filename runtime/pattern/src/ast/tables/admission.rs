//! The keys of `mutation`, `validation` and `requeue`.

use crate::table::{DURATION, EXPRESSION, LABEL, Others, Row, Table, Takes, optional, required};

use super::CONDITION;

/// What a broken rule does.
pub(crate) const ACTIONS: &[&str] = &["deny", "warn"];

/// By a name an override of a Komposer finds the item.
static NAME: [Row; 1] =
    [optional("name", Takes::Like(&LABEL), "What a Komposer calls it that overrides it; no two have the same.")];

pub(crate) static MUTATION: Table = Table {
    name: "Mutation",
    what: "a mutation",
    doc: "A value that an object is given before it is stored, and before each reconcile.",
    rows: &[
        &NAME,
        &[
            required("field", Takes::Text, "The field, as a path from the object's root, such as `spec.storage`."),
            optional(
                "default",
                Takes::Any,
                "Its value where the object has none; expressions see the object as it was sent, and `inputs`.",
            ),
            optional("override", Takes::Any, "Its value, whatever the object has."),
        ],
    ],
    others: Others::Refused,
};

pub(crate) static RULE: Table = Table {
    name: "ValidationRule",
    what: "a rule",
    doc: "What must be true of an object, when it is stored and when it is reconciled.",
    rows: &[
        &NAME,
        &[
            required(
                "rule",
                Takes::Like(&EXPRESSION),
                "An expression that is true of every object that is as it should be; it sees the object, `inputs` and `vars`.",
            ),
            required("message", Takes::Text, "What is said where it is not; expressions may stand in it."),
            optional("field", Takes::Text, "The field that it is about, as a path from the object's root."),
            optional(
                "action",
                Takes::Words(ACTIONS),
                "`deny` refuses an object that breaks it, which is the default; `warn` tells the client and takes it.",
            ),
        ],
    ],
    others: Others::Refused,
};

pub(crate) static REQUEUE: Table = Table {
    name: "Requeue",
    what: "a requeue",
    doc: "When an object is looked at again though nothing has changed; of several the soonest counts.",
    rows: &[
        &NAME,
        &[
            required(
                "when",
                Takes::Either(&[Takes::Like(&EXPRESSION), Takes::List(&Takes::Table(&CONDITION))]),
                "An expression or a list of conditions; `now` is there.",
            ),
            required(
                "after",
                Takes::Like(&DURATION),
                "How long after the reconcile, such as `30s`; a second at least.",
            ),
        ],
    ],
    others: Others::Refused,
};
