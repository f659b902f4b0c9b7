//! The keys of `conversion`.

use crate::table::{Others, Row, Table, Takes, optional, required};

pub(crate) static CONVERSION: Table = Table {
    name: "Conversion",
    what: "`conversion`",
    doc: "How objects of one version become those of another.",
    rows: &[&[
        required(
            "storageVersion",
            Takes::Text,
            "The version that is stored, as `crd.yaml` says it: all ways lead through it.",
        ),
        required("paths", Takes::List(&Takes::Table(&PATH)), "Ways to the storage version and back."),
    ]],
    others: Others::Refused,
};

pub(crate) static PATH: Table = Table {
    name: "ConversionPath",
    what: "a path",
    doc: "The way from one version to another: by `spec` or by `rules`. The way back is derived where all rules can be turned round.",
    rows: &[&[
        required("from", Takes::Text, "The version that objects come from."),
        required("to", Takes::Text, "The version that they become."),
        optional(
            "spec",
            Takes::Map(&Takes::Any),
            "The whole `spec` of the target, with expressions over the source; what is not listed is dropped.",
        ),
        optional(
            "rules",
            Takes::List(&Takes::Table(&RULE)),
            "What changes; all else is copied. Each rule reads the source, so their order does not matter.",
        ),
        optional("lossy", Takes::List(&Takes::Text), "Fields of the source whose loss is intended."),
    ]],
    others: Others::Refused,
};

/// The rules, of which an item of `rules` is one.
pub(crate) const RULES: [&str; 10] =
    ["rename", "move", "set", "remove", "wrap", "unwrap", "map", "split", "join", "each"];

static RULE_ROWS: [Row; 15] = [
    optional("rename", Takes::Table(&FROM_TO), "A field gets another name beside its old one."),
    optional("move", Takes::Table(&FROM_TO), "A field goes to another place."),
    optional("set", Takes::Text, "The field that gets `value`."),
    optional("value", Takes::Any, "The value of `set`; expressions over the source may stand in it."),
    optional("remove", Takes::Text, "The field that is not copied."),
    optional("wrap", Takes::Text, "The field that becomes the only item of the list `as`."),
    optional("unwrap", Takes::Text, "The list whose first item becomes the field `as`."),
    optional("map", Takes::Text, "The field whose values are replaced by `values`."),
    optional(
        "values",
        Takes::Map(&Takes::Any),
        "Each value of the source, and what it becomes; no two become the same.",
    ),
    optional(
        "split",
        Takes::Text,
        "The string that is cut at `by` into the fields `into`; the last one takes the rest.",
    ),
    optional("into", Takes::List(&Takes::Text), "The fields for the parts, in their order."),
    optional("join", Takes::List(&Takes::Text), "The fields that are joined by `by` into the string `as`."),
    optional("by", Takes::Text, "What stands between the parts."),
    optional("each", Takes::Text, "The list whose items are changed by `rules`; their paths begin at the item."),
    optional("as", Takes::Text, "Where the result goes; without it, it stays where it was."),
];

static RULE_NESTED: [Row; 1] = [optional("rules", Takes::List(&Takes::Table(&RULE)), "What changes in each item.")];

pub(crate) static RULE: Table = Table {
    name: "Rule",
    what: "a rule",
    doc: "One change: exactly one of rename, move, set, remove, wrap, unwrap, map, split, join, each.",
    rows: &[&RULE_ROWS, &RULE_NESTED],
    others: Others::Refused,
};

pub(crate) static FROM_TO: Table = Table {
    name: "FromTo",
    what: "a rename or move",
    doc: "Two places.",
    rows: &[&[
        required("from", Takes::Text, "The place in the source."),
        required("to", Takes::Text, "The place in the target."),
    ]],
    others: Others::Refused,
};
