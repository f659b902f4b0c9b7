//! The keys of a policy, as tables.

use orkestra_pattern::table::{Others, Table, Takes, optional, required};

use crate::tables::{API_VERSION, LIMIT_ROWS, MOST_WORKERS, NAMED, TRUST, VARIABLE};

/// A policy.
pub static POLICY: Table = Table {
    name: "Policy",
    what: "a Policy",
    doc: "What the runtime's operator allows. A Komposer can narrow it, never widen it.",
    rows: &[&[
        required("apiVersion", Takes::Words(&[API_VERSION]), "The version of the language."),
        required("kind", Takes::Words(&["Policy"]), "The kind of this document."),
        required("metadata", Takes::Table(&NAMED), "What it is called."),
        optional(
            "spec",
            Takes::Table(&SPEC),
            "What is allowed. What is left out restricts nothing, but for the two switches.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static SPEC: Table = Table {
    name: "PolicySpec",
    what: "`spec`",
    doc: "What is allowed.",
    rows: &[&[
        optional("registries", Takes::Table(&REGISTRIES), "From where patterns come."),
        optional(
            "credentials",
            Takes::List(&Takes::Table(&CREDENTIAL)),
            "Which environment variable may be sent to which registry; others may not be sent at all.",
        ),
        optional(
            "trust",
            Takes::List(&Takes::Table(&TRUST)),
            "Whose signatures are asked for, whatever a Komposer trusts in addition.",
        ),
        optional("ceilings", Takes::Table(&CEILINGS), "What no pattern gets more of."),
        optional(
            "groups",
            Takes::List(&Takes::Text),
            "API groups whose kinds patterns may define, as `example.org` or `*.example.org`; all by default.",
        ),
        optional("grants", Takes::List(&Takes::Text), "Capabilities that may be granted at all; all by default."),
        optional(
            "rules",
            Takes::List(&Takes::Table(&RULE)),
            "What has to hold of the document that `ork audit` makes.",
        ),
        optional("requireRebuild", Takes::Flag, "Whether only what can be built again runs; `true` by default."),
        optional("allowUnlocked", Takes::Flag, "Whether a Komposer runs without a fitting lock; `false` by default."),
    ]],
    others: Others::Refused,
};

pub(crate) static REGISTRIES: Table = Table {
    name: "Registries",
    what: "`registries`",
    doc: "From where patterns come.",
    rows: &[&[
        optional(
            "allow",
            Takes::List(&Takes::Text),
            "Repositories: `*` stands for one segment, `**` for any number; all by default.",
        ),
        optional("mirrors", Takes::List(&Takes::Table(&MIRROR)), "From where repositories are fetched; names stay."),
    ]],
    others: Others::Refused,
};

pub(crate) static MIRROR: Table = Table {
    name: "Mirror",
    what: "a mirror",
    doc: "Another place for what is below a prefix.",
    rows: &[&[
        required("prefix", Takes::Text, "The beginning of names, such as `ghcr.io/orkestra-sh`."),
        required("mirror", Takes::Text, "What stands in its place in every request."),
    ]],
    others: Others::Refused,
};

pub(crate) static CREDENTIAL: Table = Table {
    name: "Credential",
    what: "an item of `credentials`",
    doc: "An environment variable, and where its value may be sent.",
    rows: &[&[
        required("variable", Takes::Like(&VARIABLE), "The variable's name."),
        required("hosts", Takes::List(&Takes::Text), "Registries, as `host` or `host:port`."),
    ]],
    others: Others::Refused,
};

pub(crate) static RULE: Table = Table {
    name: "PolicyRule",
    what: "a rule",
    doc: "What has to hold of an audit. `ork audit` ends with status 1 where it does not.",
    rows: &[&[
        required(
            "cel",
            Takes::Text,
            "An expression of CEL over the document, as `patterns.all(p, p.limits.memory <= 33554432)`.",
        ),
        required("message", Takes::Text, "What is said where it does not hold."),
    ]],
    others: Others::Refused,
};

pub(crate) static CEILINGS: Table = Table {
    name: "Ceilings",
    what: "`ceilings`",
    doc: "What no pattern gets more of.",
    rows: &[
        &LIMIT_ROWS,
        &[optional("workers", Takes::Number { least: 1, most: MOST_WORKERS }, "How many workers an entry has.")],
    ],
    others: Others::Refused,
};
