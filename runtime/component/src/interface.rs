//! The interfaces of `wit/` as data. A test compares what they encode to with the WIT text.

use wasm_encoder::ValType;

/// A type where it is used.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Bool,
    S64,
    U64,
    U8,
    String,
    Named(&'static str),
    List(&'static Type),
    Option(&'static Type),
    Tuple(&'static [Type]),
    Result(&'static Type, &'static Type),
}

/// A type where it is defined.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Definition {
    Alias(Type),
    Record(&'static [(&'static str, Type)]),
    Variant(&'static [(&'static str, Type)]),
    Enum(&'static [&'static str]),
}

pub(crate) type Named = (&'static str, Definition);

/// A function that a component exports, and the core function that it lifts.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [(&'static str, Type)],
    pub(crate) result: Type,
    /// What the engine calls it.
    pub(crate) core_name: &'static str,
    /// Parameters of the core function as the canonical ABI flattens them: above sixteen they become one pointer. The
    /// result of every function here is one pointer.
    pub(crate) core_params: &'static [ValType],
}

pub(crate) struct Interface {
    pub(crate) name: &'static str,
    /// Types of [`TYPES`] that it uses by name.
    pub(crate) uses: &'static [&'static str],
    pub(crate) types: &'static [Named],
    pub(crate) function: Function,
}

use Definition::{Alias, Enum, Record, Variant};
use Type::{Bool, List, Named as N, Option as Opt, Result as Res, S64, String as Str, Tuple, U8, U64};

const JSON: Type = N("json");
const CHILD_REF: Type = N("child-ref");

/// The name of the interface that the others take their types from.
pub(crate) const TYPES_NAME: &str = "orkestra:pattern/types@0.1.0";

/// Its types; each uses only earlier ones.
pub(crate) const TYPES: &[Named] = &[
    ("json", Alias(List(&U8))),
    ("child-ref", Record(&[("id", Str), ("key", Opt(&Str))])),
    ("observed", Record(&[("ref", CHILD_REF), ("object", JSON), ("renew", Bool)])),
    ("read", Record(&[("id", Str), ("objects", List(&JSON))])),
    ("located", Record(&[("at", Str), ("message", Str)])),
    (
        "failure",
        Variant(&[
            ("expression", N("located")),
            ("cost-exceeded", N("located")),
            ("invalid-input", Str),
            ("internal", Str),
            ("preserved-too-large", Str),
        ]),
    ),
    ("violation", Record(&[("field", Str), ("message", Str), ("deny", Bool)])),
];

pub(crate) const RECONCILER: Interface = Interface {
    name: "orkestra:pattern/reconciler@0.1.0",
    uses: &["child-ref", "failure", "json", "observed", "read", "violation"],
    types: &[
        (
            "request",
            Record(&[
                ("primary", JSON),
                ("children", List(&N("observed"))),
                ("reads", List(&N("read"))),
                ("inputs", JSON),
                ("hooks", JSON),
                ("now", S64),
                ("entropy", List(&U8)),
                ("deleting", Bool),
                ("budget", U64),
            ]),
        ),
        ("policy", Enum(&["create", "apply", "delete"])),
        (
            "child",
            Record(&[
                ("ref", CHILD_REF),
                ("policy", N("policy")),
                ("object", Opt(&JSON)),
                ("ready", Opt(&Bool)),
                ("after", List(&CHILD_REF)),
            ]),
        ),
        ("operator", Enum(&["in", "not-in", "exists", "does-not-exist"])),
        ("requirement", Record(&[("key", Str), ("operator", N("operator")), ("values", List(&Str))])),
        (
            "wanted-read",
            Record(&[
                ("id", Str),
                ("name", Opt(&Str)),
                ("labels", List(&Tuple(&[Str, Str]))),
                ("requirements", List(&N("requirement"))),
                ("namespace", Opt(&Str)),
            ]),
        ),
        (
            "plan",
            Record(&[
                ("children", List(&N("child"))),
                ("status", JSON),
                ("pending-status", List(&Str)),
                ("reads", List(&N("wanted-read"))),
                ("violations", List(&N("violation"))),
                ("conditions", JSON),
                ("requeue-after", Opt(&U64)),
                ("done", Bool),
                ("cost", U64),
            ]),
        ),
    ],
    function: Function {
        name: "reconcile",
        params: &[("entry", Str), ("request", N("request"))],
        result: Res(&N("plan"), &N("failure")),
        core_name: "orkestra:pattern/reconciler#reconcile",
        core_params: &[ValType::I32],
    },
};

pub(crate) const CONVERTER: Interface = Interface {
    name: "orkestra:pattern/converter@0.1.0",
    uses: &["failure", "json"],
    types: &[("conversion", Record(&[("object", JSON), ("cost", U64)]))],
    function: Function {
        name: "convert",
        params: &[("entry", Str), ("target", Str), ("objects", List(&JSON)), ("budget", U64)],
        result: List(&Res(&N("conversion"), &N("failure"))),
        core_name: "orkestra:pattern/converter#convert",
        core_params: &[
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I64,
        ],
    },
};

pub(crate) const ADMISSION: Interface = Interface {
    name: "orkestra:pattern/admission@0.1.0",
    uses: &["failure", "json", "violation"],
    types: &[
        ("change", Record(&[("path", List(&Str)), ("value", JSON)])),
        ("review", Record(&[("changes", List(&N("change"))), ("violations", List(&N("violation"))), ("cost", U64)])),
    ],
    function: Function {
        name: "admit",
        params: &[("entry", Str), ("primary", JSON), ("inputs", JSON), ("budget", U64)],
        result: Res(&N("review"), &N("failure")),
        core_name: "orkestra:pattern/admission#admit",
        core_params: &[
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I32,
            ValType::I64,
        ],
    },
};

pub(crate) const EVALUATOR: Interface = Interface {
    name: "orkestra:pattern/evaluator@0.1.0",
    uses: &["failure", "json"],
    types: &[("evaluation", Record(&[("value", JSON), ("cost", U64)]))],
    function: Function {
        name: "eval",
        params: &[("name", Str), ("bindings", JSON), ("budget", U64)],
        result: Res(&N("evaluation"), &N("failure")),
        core_name: "orkestra:pattern/evaluator#eval",
        core_params: &[ValType::I32, ValType::I32, ValType::I32, ValType::I32, ValType::I64],
    },
};

/// The names among [`TYPES`] that `uses` needs, with what those are made of, in the order of definition.
pub(crate) fn closure(uses: &[&str]) -> Vec<&'static Named> {
    let mut needed: Vec<&str> = uses.to_vec();
    let mut found: Vec<&'static Named> = Vec::new();
    // A type uses only earlier ones, so one pass from the back meets every user before what it uses.
    for named in TYPES.iter().rev() {
        if needed.contains(&named.0) {
            names(&named.1, &mut needed);
            found.push(named);
        }
    }
    found.reverse();
    found
}

fn names(definition: &Definition, into: &mut Vec<&str>) {
    match definition {
        Alias(t) => type_names(t, into),
        Record(items) | Variant(items) => items.iter().for_each(|(_, t)| type_names(t, into)),
        Enum(_) => {}
    }
}

fn type_names(t: &Type, into: &mut Vec<&str>) {
    match t {
        Bool | S64 | U64 | U8 | Str => {}
        N(name) => into.push(name),
        List(t) | Opt(t) => type_names(t, into),
        Tuple(items) => items.iter().for_each(|t| type_names(t, into)),
        Res(ok, err) => {
            type_names(ok, into);
            type_names(err, into);
        }
    }
}
