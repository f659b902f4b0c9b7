//! K04: what is wrong inside `{{ }}`.

use super::{Code, bounds, edit, error, references};
use crate::cel::{Problem, ProblemKind};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Not CEL.
pub static SYNTAX: Code = error(
    "K0401",
    "an expression is not CEL",
    "Between `{{` and `}}` stands an expression of the Common Expression Language.",
    edit("{{ spec.replicas }}", "{{ spec.replicas + }}"),
);
/// No `}}`.
pub static UNCLOSED: Code = error(
    "K0402",
    "an expression is not closed",
    "An expression begins with `{{` and ends with `}}`. A literal `{{` is written `{{ '{{' }}`.",
    edit("{{ spec.replicas }}", "{{ spec.replicas"),
);
/// A field that the schema does not have.
pub static UNKNOWN_FIELD: Code = error(
    "K0403",
    "an unknown field",
    "The schema has no such field, so the API server would never store it.",
    edit("{{ spec.replicas }}", "{{ spec.replica }}"),
);
/// A function that does not exist.
pub static UNKNOWN_FUNCTION: Code = error(
    "K0404",
    "an unknown function",
    "There is no function of this name.",
    edit("{{ spec.replicas }}", "{{ twice(spec.replicas) }}"),
);
/// Types that do not go together.
pub static NO_OVERLOAD: Code = error(
    "K0405",
    "types that do not go together",
    "No form of this operator or function takes values of these types. Convert one of them: `string(x)`, `int(x)`.",
    edit("{{ spec.replicas }}", "{{ spec.replicas + 'one' }}"),
);
/// A value that its place cannot hold.
pub static WRONG_TYPE: Code = error(
    "K0406",
    "a value of the wrong type for its place",
    "The field that the expression's value goes into has another type.",
    edit("{{ spec.replicas }}", "{{ [spec.replicas] }}"),
);
/// A path that may be absent.
pub static MAY_BE_ABSENT: Code = error(
    "K0407",
    "a path that may be absent",
    "Only a path that is alone in a value may be absent: its key is left out then. Elsewhere a value is needed: give one with \
     `| default`, with `?.` and `orValue`, or ask with `has`. An item of what is computed, `spec.image.split(':')[1]`, is no \
     path: where there is none, the evaluation fails.",
    edit("{{ spec.version }}", "{{ spec.note }}"),
);
/// A literal that is no regular expression.
pub static NOT_REGEX: Code = error(
    "K0408",
    "a literal that is not a regular expression",
    "`matches` and the condition `regex` would fail with it at every evaluation. The syntax is that of RE2 without Unicode classes \
     (`\\p{…}`); look-around and back-references do not exist, and what is compiled has a bound.",
    edit("{{ spec.replicas }}", "{{ spec.version.matches('(') ? 1 : spec.replicas }}"),
);

/// The family.
pub static CODES: &[&Code] =
    &[&SYNTAX, &UNCLOSED, &UNKNOWN_FIELD, &UNKNOWN_FUNCTION, &NO_OVERLOAD, &WRONG_TYPE, &MAY_BE_ABSENT, &NOT_REGEX];

/// The diagnostic of a problem of the CEL front end.
pub(crate) fn problem(span: Span, problem: Problem) -> Diagnostic {
    let code = match problem.kind {
        ProblemKind::Unclosed => &UNCLOSED,
        ProblemKind::Syntax | ProblemKind::NamedType => &SYNTAX,
        ProblemKind::TooLong => &bounds::EXPRESSION_SIZE,
        ProblemKind::TooDeep => &bounds::EXPRESSION_DEPTH,
        ProblemKind::UnknownName
        | ProblemKind::UnknownChild
        | ProblemKind::UnknownRead
        | ProblemKind::UnknownInput
        | ProblemKind::UnknownVar => &references::UNKNOWN_NAME,
        ProblemKind::UnknownField => &UNKNOWN_FIELD,
        ProblemKind::UnknownFunction => &UNKNOWN_FUNCTION,
        ProblemKind::NoOverload => &NO_OVERLOAD,
        ProblemKind::WrongType => &WRONG_TYPE,
        ProblemKind::MayBeAbsent => &MAY_BE_ABSENT,
        ProblemKind::NotRegex => &NOT_REGEX,
    };
    let mut diagnostic = Diagnostic::new(code, span, problem.message);
    diagnostic.found = problem.found;
    diagnostic.expected = problem.expected;
    diagnostic.hints.extend(problem.mend);
    diagnostic
}

/// A value that may be absent in a field that may not.
pub(crate) fn required(span: Span, field: &str, of: &str, source: &str) -> Diagnostic {
    Diagnostic::new(&MAY_BE_ABSENT, span, format!("{of} requires `{field}`, and `{source}` may be absent"))
        .hint(format!("give a value for that case: `{source} | default …`"))
}
