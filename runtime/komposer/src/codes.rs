//! K11: Komposers. What they share with Katalogs (unknown keys, wrong kinds of values, broken YAML) has the codes of those.

use orkestra_pattern::codes::{Code, Example};
use orkestra_pattern::diagnostic::Severity;

const fn error(id: &'static str, title: &'static str, page: &'static str, example: &'static str) -> Code {
    Code { id, severity: Severity::Error, title, page, example: Example::Words(example) }
}

/// Another document than a Komposer.
pub static HEADER: Code = error(
    "K1101",
    "not a Komposer",
    "A Komposer is one document that begins with `apiVersion: orkestra.orkspace.io/v1` and `kind: Komposer`.",
    "`kind: Composer`",
);
/// An override of nothing.
pub static UNKNOWN_ENTRY: Code = error(
    "K1102",
    "an override of an unknown entry",
    "Each item of `spec.crds` names an entry of an imported pattern, whose settings it replaces.",
    "`spec.crds.postgress` beside an import that has an entry `postgres`",
);
/// Two sources of one thing.
pub static CONFLICT: Code = error(
    "K1103",
    "two imports conflict",
    "Two imports may not have the same pattern name, the same entry name, or entries that reconcile the same kind.",
    "the same directory twice in `imports.files`",
);
/// An input that does not fit.
pub static INPUT: Code = error(
    "K1104",
    "an input that does not fit",
    "`with` gives values to inputs that the pattern declares, each of which fits its schema; an input without a default needs one.",
    "`with: {imageRegistry: 5}` where the schema says `type: string`",
);

/// The family.
pub static CODES: &[&Code] = &[&HEADER, &UNKNOWN_ENTRY, &CONFLICT, &INPUT];
