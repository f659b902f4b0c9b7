//! K01: what is too large.

use super::{Code, Example, error};
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

/// The family.
pub static CODES: &[&Code] =
    &[&FILE_SIZE, &ALIASES, &DEPTH, &TEMPLATES, &ENTRIES, &EXPRESSION_SIZE, &EXPRESSION_DEPTH, &MANY, &SCHEMA];

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
