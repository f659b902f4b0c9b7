//! The keys of a Katalog, as tables.

pub(crate) mod admission;
pub(crate) mod children;
pub(crate) mod conversion;

use crate::table::{
    DURATION, EXPRESSION, IDENTIFIER, LABEL, Need, Others, Pattern, Row, Table, Takes, VERSION, optional, replaced,
    required,
};

/// The most concurrent reconciles that an entry may ask for: more than this is another pattern's share.
pub(crate) const MOST_WORKERS: u16 = 64;

pub(crate) const API_VERSION: &str = "orkestra.orkspace.io/v1";

/// A Katalog.
pub static KATALOG: Table = Table {
    name: "Katalog",
    what: "a Katalog",
    doc: "How custom resources are reconciled: a pattern's kinds, and the children that each of their objects gets.",
    rows: &[&[
        required("apiVersion", Takes::Words(&[API_VERSION]), "The version of the language."),
        required("kind", Takes::Words(&["Katalog"]), "The kind of this document."),
        required("metadata", Takes::Table(&METADATA), "What the pattern is called, and what is to be known of it."),
        required("spec", Takes::Table(&SPEC), "What the pattern does."),
    ]],
    others: Others::Refused,
};

pub(crate) static METADATA: Table = Table {
    name: "Metadata",
    what: "`metadata`",
    doc: "What the pattern is called, and what is to be known of it.",
    rows: &[&[
        required("name", Takes::Like(&LABEL), "The pattern's name; with the version it names the artifact."),
        required("version", Takes::Like(&VERSION), "The pattern's own version, by semver."),
        optional("description", Takes::Text, "What the pattern is for, in one line."),
        optional("license", Takes::Text, "The licence, by its SPDX name."),
        optional("keywords", Takes::List(&Takes::Text), "Words to find the pattern by."),
    ]],
    others: Others::Refused,
};

pub(crate) static SPEC: Table = Table {
    name: "Spec",
    what: "`spec`",
    doc: "What the pattern does.",
    rows: &[&[
        optional(
            "inputs",
            Takes::List(&Takes::Table(&INPUT)),
            "What a Komposer may set without a fork; expressions read `inputs.<name>`.",
        ),
        optional(
            "capabilities",
            Takes::List(&Takes::Text),
            "What hooks ask for, a word each: `cluster-read:v1/Secret`, `http:GET https://example.com`, `clocks`, `random`.",
        ),
        required(
            "crds",
            Takes::Either(&[Takes::Map(&Takes::Table(&ENTRY)), Takes::List(&Takes::Table(&NAMED_ENTRY))]),
            "The kinds that are reconciled: a map by entry name, or a list whose items have `name`.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static HOOKS: Table = Table {
    name: "Hooks",
    what: "`hooks`",
    doc: "The points at which code beside the Katalog is called.",
    rows: &[&[
        optional(
            "beforeRender",
            Takes::List(&Takes::Table(&HOOK_VALUE)),
            "The values that it gives before templates are rendered; expressions read `hook.<name>`.",
        ),
        optional(
            "afterRender",
            Takes::Table(&AFTER_RENDER),
            "The children that it may change after templates are rendered, and those that it may add.",
        ),
        optional(
            "validate",
            Takes::Flag,
            "Whether it looks for what is wrong with an object before anything is applied.",
        ),
        optional("finalize", Takes::Flag, "Whether it has work to do before an object goes."),
        optional("convert", Takes::Flag, "Whether it changes converted objects, after the rules of `conversion`."),
    ]],
    others: Others::Refused,
};

pub(crate) static AFTER_RENDER: Table = Table {
    name: "AfterRender",
    what: "`afterRender`",
    doc: "What code beside the Katalog may make of the children.",
    rows: &[&[
        optional(
            "children",
            Takes::List(&Takes::Text),
            "The ids of the children that it is shown, and that it may change or leave out. What it makes of them may hold any of its values.",
        ),
        optional("produces", Takes::List(&Takes::Table(&PRODUCED)), "The children that it may add."),
    ]],
    others: Others::Refused,
};

pub(crate) static PRODUCED: Table = Table {
    name: "Produced",
    what: "a child that a hook adds",
    doc: "A child that has no template.",
    rows: &[&[
        required("id", Takes::Like(&IDENTIFIER), "Its id, which no other child of the entry has."),
        required("apiVersion", Takes::Text, "The API version, such as `apps/v1`."),
        required("kind", Takes::Text, "The kind, such as `ConfigMap`."),
        optional("many", Takes::Flag, "Whether there may be any number of them, each with a key of its own."),
    ]],
    others: Others::Refused,
};

pub(crate) static HOOK_VALUE: Table = Table {
    name: "HookValue",
    what: "a hook's value",
    doc: "A value that a hook gives.",
    rows: &[&[
        required("name", Takes::Like(&IDENTIFIER), "Its name below `hook` in expressions."),
        required("schema", Takes::Map(&Takes::Any), "The JSON Schema that it fits."),
    ]],
    others: Others::Refused,
};

pub(crate) static INPUT: Table = Table {
    name: "Input",
    what: "an input",
    doc: "A value that a Komposer may set.",
    rows: &[&[
        required("name", Takes::Like(&IDENTIFIER), "Its name in `with` and in expressions."),
        required("schema", Takes::Map(&Takes::Any), "The JSON Schema that its values fit."),
        optional("default", Takes::Any, "Its value where a Komposer gives none; without one, a value must be given."),
    ]],
    others: Others::Refused,
};

static NAME: [Row; 1] = [required(
    "name",
    Takes::Like(&LABEL),
    "In a list, the entry's name, by which a Komposer overrides it; in a map it is the key.",
)];

static ENTRY_ROWS: [Row; 11] = [
    optional(
        "apiTypes",
        Takes::Table(&API_TYPES),
        "The kind that is reconciled; left out, it is the one that `crd.yaml` defines. One that it does not define is decorated.",
    ),
    optional(
        "workers",
        Takes::Number { least: 1, most: MOST_WORKERS },
        "How many objects are reconciled at the same time; 2 by default.",
    ),
    optional(
        "resync",
        Takes::Like(&DURATION),
        "The time between full reconciles of an object, 1s to 30d; 10m by default. Drift is seen at once, not by this.",
    ),
    required("operatorBox", Takes::Table(&OPERATOR_BOX), "What an object of the kind gets."),
    optional("queue", Takes::Table(&QUEUE), "When the entry is not healthy."),
    optional(
        "dependsOn",
        Takes::Either(&[Takes::List(&Takes::Like(&LABEL)), Takes::Map(&Takes::Words(&["started", "healthy"]))]),
        "Entries that begin before this one: a list of those that have started, or a map that says of each whether it has to be \
         `started` or `healthy`.",
    ),
    optional(
        "restrictedNamespaces",
        Takes::List(&Takes::Like(&NAMESPACES)),
        "Namespaces in which nothing is done; `*` stands for any letters. A Komposer adds some, and removes none.",
    ),
    optional(
        "selector",
        Takes::Table(&ENTRY_SELECTOR),
        "Which objects are reconciled, by their labels; all by default. It is needed where the kind is not the pattern's own.",
    ),
    optional(
        "conversion",
        Takes::Table(&conversion::CONVERSION),
        "How objects of one version become those of another.",
    ),
    replaced(
        "deletionProtection",
        "who may delete objects of a kind is for roles and for a ValidatingAdmissionPolicy to say",
    ),
    Row {
        key: "reconciler",
        takes: Takes::Table(&OPERATOR_BOX),
        need: Need::Former("operatorBox"),
        doc: "What an object of the kind gets.",
    },
];

pub(crate) static ENTRY: Table = Table {
    name: "Entry",
    what: "an entry",
    doc: "One kind that is reconciled.",
    rows: &[&ENTRY_ROWS],
    others: Others::Refused,
};

pub(crate) static NAMED_ENTRY: Table = Table {
    name: "NamedEntry",
    what: "an entry",
    doc: "One kind that is reconciled.",
    rows: &[&NAME, &ENTRY_ROWS],
    others: Others::Refused,
};

/// Namespaces by their names.
pub(crate) static NAMESPACES: Pattern =
    Pattern { what: "the name of a namespace, perhaps with `*` in it", regex: "^[-*a-z0-9]{1,63}$" };

/// The most that `failureThreshold` can be.
pub(crate) const MOST_FAILURES: u16 = 1_000;

pub(crate) static QUEUE: Table = Table {
    name: "Queue",
    what: "`queue`",
    doc: "When an entry is not healthy. Nothing that waits is ever dropped.",
    rows: &[&[
        optional(
            "maxDepth",
            Takes::Number { least: 0, most: u16::MAX },
            "How many objects may wait for their reconcile; 0, which is usual: any number.",
        ),
        optional(
            "failureThreshold",
            Takes::Number { least: 1, most: MOST_FAILURES },
            "How many reconciles may fail one after another, of whatever objects, before the entry is not healthy; 5 by default.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static API_TYPES: Table = Table {
    name: "ApiTypes",
    what: "`apiTypes`",
    doc: "The kind that is reconciled.",
    rows: &[&[
        required("group", Takes::Text, "The API group, such as `example.org`."),
        required("version", Takes::Text, "The API version, such as `v1`."),
        required("kind", Takes::Text, "The kind, such as `Shop`."),
        required("plural", Takes::Text, "The kind's name in addresses, such as `shops`."),
    ]],
    others: Others::Refused,
};

pub(crate) static OPERATOR_BOX: Table = Table {
    name: "OperatorBox",
    what: "`operatorBox`",
    doc: "What an object of the kind gets.",
    rows: &[&[
        optional(
            "vars",
            Takes::Table(&VARS),
            "Values with names, each computed once; expressions read `vars.<name>`, and their order does not matter.",
        ),
        optional(
            "reads",
            Takes::List(&Takes::Table(&READ)),
            "Objects that are there already: watched, never written; expressions read `reads.<id>`.",
        ),
        optional(
            "onCreate",
            Takes::Table(&children::ON_CREATE),
            "Children that are made where they are missing, and then left alone.",
        ),
        optional(
            "onReconcile",
            Takes::Table(&children::ON_RECONCILE),
            "Children that are kept as they are written, and deleted when they are written no more.",
        ),
        optional(
            "onDelete",
            Takes::Table(&children::ON_DELETE),
            "Children that are made when the object is being deleted, and waited for.",
        ),
        optional("status", Takes::Table(&STATUS), "What is written into the object's status."),
        optional(
            "mutation",
            Takes::List(&Takes::Table(&admission::MUTATION)),
            "Values that an object is given when it is stored, and again before each reconcile.",
        ),
        optional(
            "validation",
            Takes::List(&Takes::Table(&admission::RULE)),
            "What must be true of an object, when it is stored and when it is reconciled.",
        ),
        optional(
            "requeue",
            Takes::List(&Takes::Table(&admission::REQUEUE)),
            "When an object is looked at again, though nothing has changed.",
        ),
        replaced(
            "normalize",
            "say it with `mutation: [{field: spec.name, override: \"{{ spec.name.lowerAscii() }}\"}]`",
        ),
        optional("hooks", Takes::Table(&HOOKS), "The points at which code beside the Katalog is called."),
    ]],
    others: Others::Refused,
};

pub(crate) static VARS: Table =
    Table { name: "Vars", what: "`vars`", doc: "Values by name.", rows: &[], others: Others::Any(Takes::Any) };

pub(crate) static READ: Table = Table {
    name: "Read",
    what: "a read",
    doc: "One object, by `name`, or all that have some labels, by `selector`.",
    rows: &[&[
        required("id", Takes::Like(&IDENTIFIER), "Its name in expressions."),
        required("apiVersion", Takes::Text, "The API version, such as `apps/v1`."),
        required("kind", Takes::Text, "The kind, such as `ConfigMap`."),
        optional("name", Takes::Text, "The object's name; expressions may stand in it."),
        optional("selector", Takes::Table(&SELECTOR), "Which objects, where there may be several."),
        optional("optional", Takes::Flag, "Whether it may be missing; otherwise it is waited for."),
        optional(
            "namespace",
            Takes::Text,
            "Their namespace; by default the primary's. Another one is a sensitive flow, which a Komposer has to grant.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static SELECTOR: Table = Table {
    name: "Selector",
    what: "`selector`",
    doc: "Which objects, by their labels.",
    rows: &[&[
        optional(
            "matchLabels",
            Takes::Map(&Takes::Any),
            "The labels that they have; expressions may stand for values.",
        ),
        optional("matchExpressions", Takes::List(&Takes::Table(&REQUIREMENT)), "Other conditions on their labels."),
    ]],
    others: Others::Refused,
};

pub(crate) static ENTRY_SELECTOR: Table = Table {
    name: "EntrySelector",
    what: "`selector`",
    doc: "Which objects are reconciled, by their labels.",
    rows: &[&[
        optional("matchLabels", Takes::Map(&Takes::Text), "The labels that they have."),
        optional(
            "matchExpressions",
            Takes::List(&Takes::Table(&ENTRY_REQUIREMENT)),
            "Other conditions on their labels.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static ENTRY_REQUIREMENT: Table = Table {
    name: "EntryLabelRequirement",
    what: "a condition on a label",
    doc: "A condition on one label, as Kubernetes has it.",
    rows: &[&LABEL_REQUIREMENT, &[optional("values", Takes::List(&Takes::Text), "The values of `In` and `NotIn`.")]],
    others: Others::Refused,
};

pub(crate) static REQUIREMENT: Table = Table {
    name: "LabelRequirement",
    what: "a condition on a label",
    doc: "A condition on one label, as Kubernetes has it.",
    rows: &[
        &LABEL_REQUIREMENT,
        &[optional(
            "values",
            Takes::List(&Takes::Any),
            "The values of `In` and `NotIn`; expressions may stand for them.",
        )],
    ],
    others: Others::Refused,
};

static LABEL_REQUIREMENT: [Row; 2] = [
    required("key", Takes::Text, "The label."),
    required(
        "operator",
        Takes::Words(&["In", "NotIn", "Exists", "DoesNotExist"]),
        "Whether its value is one of `values`, is none of them or not there, is there, or is not there.",
    ),
];

pub(crate) static STATUS: Table = Table {
    name: "Status",
    what: "`status`",
    doc: "What is written into the object's status, beside the conditions that every object has.",
    rows: &[&[
        optional("fields", Takes::List(&Takes::Table(&STATUS_FIELD)), "Fields and their values."),
        optional(
            "conditions",
            Takes::List(&Takes::Table(&STATUS_CONDITION)),
            "Conditions beside those that every object has.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static STATUS_FIELD: Table = Table {
    name: "StatusField",
    what: "a status field",
    doc: "A field of the status, and its value.",
    rows: &[&[
        required("path", Takes::Text, "The field, as a path below `status`."),
        required("value", Takes::Any, "Its value; expressions may stand in it."),
        optional(
            "when",
            Takes::Either(&[Takes::Like(&EXPRESSION), Takes::List(&Takes::Table(&CONDITION))]),
            "Whether it is there: an expression, or conditions that must all hold.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static STATUS_CONDITION: Table = Table {
    name: "StatusCondition",
    what: "a status condition",
    doc: "A condition in the object's status. Until the children and reads that it uses are there, it stays as it is.",
    rows: &[&[
        required("type", Takes::Like(&WORD), "Its type, which no other one has, such as `Available`."),
        required(
            "when",
            Takes::Either(&[Takes::Like(&EXPRESSION), Takes::List(&Takes::Table(&CONDITION))]),
            "Whether its status is `True`, or else `False`: an expression, or conditions that must all hold.",
        ),
        optional(
            "reason",
            Takes::Text,
            "One word for machines, in CamelCase; by default the type, with `Not` before it where the status is `False`.",
        ),
        optional("message", Takes::Text, "What is said to people; expressions may stand in it, `now` among them."),
    ]],
    others: Others::Refused,
};

/// A word in CamelCase.
pub(crate) static WORD: Pattern = Pattern { what: "one word in CamelCase", regex: "^[A-Z][A-Za-z0-9]{0,62}$" };

pub(crate) static CONDITION: Table = Table {
    name: "Condition",
    what: "a condition",
    doc: "A field of the object, and one comparison.",
    rows: &[&FIELD, &COMPARISONS],
    others: Others::Refused,
};

static FIELD: [Row; 1] = [required("field", Takes::Text, "The field, as a path from the object's root.")];

/// The comparisons of a condition.
pub(crate) static COMPARISONS: [Row; 14] = [
    optional("equals", Takes::Any, "It is this."),
    optional("notEquals", Takes::Any, "It is absent, or not this."),
    optional("contains", Takes::Any, "It is a text with this part, a list with this item or a map with this key."),
    optional("prefix", Takes::Any, "It begins with this."),
    optional("suffix", Takes::Any, "It ends with this."),
    optional("exists", Takes::Flag, "Whether it is there."),
    optional("notExists", Takes::Flag, "Whether it is absent."),
    optional("gt", Takes::Any, "It is greater than this."),
    optional("lt", Takes::Any, "It is less than this."),
    optional("gte", Takes::Any, "It is this or greater."),
    optional("lte", Takes::Any, "It is this or less."),
    optional("in", Takes::Either(&[Takes::List(&Takes::Any), Takes::Like(&EXPRESSION)]), "It is one of these."),
    optional(
        "notIn",
        Takes::Either(&[Takes::List(&Takes::Any), Takes::Like(&EXPRESSION)]),
        "It is absent, or none of these.",
    ),
    optional("regex", Takes::Any, "It matches this regular expression."),
];
