//! K01: what is too large.

use super::{Code, Example, edit, error};
use crate::cost::{self, Missing, Owner};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// The most bytes of a source file.
pub static FILE_SIZE: Code = error(
    "K0101",
    "a file is too large",
    "A source file has at most 1 MiB.",
    Example::Words("a `katalog.yaml` of more than 1,048,576 bytes"),
);
/// The most nodes that aliases may add.
pub static ALIASES: Code = error(
    "K0102",
    "aliases expand too far",
    "Aliases (`*name`) may add at most 10,000 nodes, however they are nested.",
    Example::Words("ten anchors, each a list of ten aliases of the one before"),
);
/// The deepest nesting.
pub static DEPTH: Code = error(
    "K0103",
    "values are nested too deeply",
    "Maps and lists may be nested 64 levels deep.",
    Example::Words("65 opening brackets"),
);
/// The most templates of an entry.
pub static TEMPLATES: Code = error(
    "K0104",
    "an entry has too many templates",
    "An entry has at most 500 templates over `onCreate` and `onReconcile`.",
    Example::Words("501 ConfigMaps in one entry"),
);
/// The most entries.
pub static ENTRIES: Code = error(
    "K0105",
    "a Katalog has too many entries",
    "`spec.crds` has at most 100 entries.",
    Example::Words("101 entries in `spec.crds`"),
);
/// The longest expression.
pub static EXPRESSION_SIZE: Code = error(
    "K0106",
    "an expression is too long",
    "An expression has at most 16 KiB. Split it with `vars`.",
    Example::Words("an expression of more than 16,384 bytes"),
);
/// The deepest expression.
pub static EXPRESSION_DEPTH: Code = error(
    "K0107",
    "an expression is nested too deeply",
    "An expression is nested at most 200 levels deep. Split it with `vars`.",
    Example::Words("201 opening parentheses"),
);
/// The most items of a list of the Katalog.
pub static MANY: Code = error(
    "K0108",
    "too many of a thing",
    "`inputs`, `vars`, `status.fields` and the other lists of a Katalog have at most 500 items each.",
    Example::Words("501 `vars` in one entry"),
);
/// The most nodes of a schema.
pub static SCHEMA: Code = error(
    "K0109",
    "a schema is too large",
    "The schema of a version has at most 10,000 nodes, nested 64 levels deep.",
    Example::Words("10,001 fields in a CRD's schema"),
);

/// The dearest expression.
pub static EXPRESSION_COST: Code = error(
    "K0110",
    "an expression may cost too much",
    "One expression costs at most 1,000,000 units, by the cost model of Kubernetes' CEL, with the largest values that its schemas \
     allow. A list without `maxItems` and a text without `maxLength` are taken to fill a whole request of 3 MiB. Give the field that \
     is named a bound in `crd.yaml`, or go through it once instead of once for each element of another list.",
    edit("image: \"{{ vars.image }}\"", "image: \"{{ spec.hosts.map(host, host + ':80').join(',') }}\""),
);
/// The dearest reconcile, and the dearest conversion of an object.
pub static CALL_COST: Code = error(
    "K0111",
    "a reconcile or a conversion may cost too much",
    "One reconcile and the conversion of one object cost at most 10,000,000 units: all of their expressions together, those of a \
     template with `forEach` once for each element and 1,000 for the child itself. Give the list that is gone through `maxItems` in \
     `crd.yaml`; `ork check --cost` shows what costs most.",
    edit(
        "          services:\n",
        "          configMaps:\n            - {id: host, name: \"{{ metadata.name }}-{{ key }}\", forEach: {field: spec.hosts}, data: {a: b}}\n          services:\n",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[
    &FILE_SIZE,
    &ALIASES,
    &DEPTH,
    &TEMPLATES,
    &ENTRIES,
    &EXPRESSION_SIZE,
    &EXPRESSION_DEPTH,
    &MANY,
    &SCHEMA,
    &EXPRESSION_COST,
    &CALL_COST,
];

/// Units in words.
pub fn units(count: u64) -> String {
    /// More than that says nothing more.
    const SHOWN: u64 = 1_000_000_000_000;
    if count > SHOWN {
        return format!("more than {} units", grouped(SHOWN));
    }
    format!("{} units", grouped(count))
}

/// `1234567` as `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a missing bound is, in a few words.
pub fn lacks(missing: &Missing) -> String {
    let Missing { path, keyword, owner, .. } = missing;
    match (owner, *keyword) {
        (Owner::Others, _) => format!("`{path}` is of a kind of others, which does not bound it"),
        (_, "type") => format!("`{path}` may be any value"),
        (_, keyword) => format!("`{path}` has no `{keyword}`"),
    }
}

/// How a missing bound is mended.
pub fn mend(missing: &Missing) -> String {
    let Missing { path, keyword, owner, .. } = missing;
    let place = match owner {
        Owner::Crd => "in crd.yaml",
        Owner::Input => "in the schema of the input",
        Owner::Hook => "in the schema of the hook's value",
        Owner::Others => return format!("go through less of `{path}`, which is of a kind of others and not bounded"),
    };
    match *keyword {
        "type" => format!("say what `{path}` holds {place}: its schema allows any value"),
        keyword => format!("give `{path}` a `{keyword}` {place}"),
    }
}

pub(crate) fn expression_cost(span: Span, cost: u64, missing: &[Missing]) -> Diagnostic {
    let problem = Diagnostic::new(&EXPRESSION_COST, span, "the expression may cost too much")
        .expected(format!("at most {}", units(cost::EXPRESSION_LIMIT)))
        .found(format!("up to {}", units(cost)));
    match missing.first() {
        Some(missing) => problem.hint(mend(missing)),
        None => problem.hint("do less in it, or for fewer elements"),
    }
}

pub(crate) fn call_cost(span: Span, what: &str, cost: u64, dearest: &[String], missing: &[Missing]) -> Diagnostic {
    let problem = Diagnostic::new(&CALL_COST, span, format!("{what} may cost too much"))
        .expected(format!("at most {}", units(cost::CALL_LIMIT)))
        .found(format!("up to {}", units(cost)));
    let problem = match missing.first() {
        Some(missing) => problem.hint(mend(missing)),
        None => problem.hint("do less for each element, or for fewer elements"),
    };
    dearest.iter().fold(problem, |problem, dear| problem.hint(dear.clone()))
}

pub(crate) fn file_size(span: Span, size: usize, most: usize) -> Diagnostic {
    Diagnostic::new(&FILE_SIZE, span, "the file is too large")
        .expected(format!("at most {most} bytes"))
        .found(format!("{size} bytes"))
}

pub(crate) fn aliases(span: Span, most: usize) -> Diagnostic {
    Diagnostic::new(&ALIASES, span, format!("aliases expand to more than {most} nodes"))
        .expected(format!("at most {most} nodes"))
}

pub(crate) fn depth(span: Span, most: usize) -> Diagnostic {
    Diagnostic::new(&DEPTH, span, format!("values are nested deeper than {most} levels"))
        .expected(format!("at most {most} levels"))
}

pub(crate) fn templates(span: Span, entry: &str, count: usize, most: usize) -> Diagnostic {
    Diagnostic::new(&TEMPLATES, span, format!("the entry `{entry}` has too many templates"))
        .expected(format!("at most {most}"))
        .found(count.to_string())
}

pub(crate) fn entries(span: Span, count: usize, most: usize) -> Diagnostic {
    Diagnostic::new(&ENTRIES, span, "`spec.crds` has too many entries")
        .expected(format!("at most {most}"))
        .found(count.to_string())
}

pub(crate) fn many(span: Span, what: &str, count: usize, most: usize) -> Diagnostic {
    Diagnostic::new(&MANY, span, format!("{what} has too many items"))
        .expected(format!("at most {most}"))
        .found(count.to_string())
}

pub(crate) fn schema(span: Span, nodes: usize) -> Diagnostic {
    Diagnostic::new(&SCHEMA, span, "the schema is too large or too deep")
        .expected("at most 10,000 nodes and 64 levels")
        .found(format!("a bound was reached after {nodes} nodes"))
}
