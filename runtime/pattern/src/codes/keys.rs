//! K02: keys and plain values of the Katalog itself.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A key that nothing reads.
pub static UNKNOWN: Code = error(
    "K0201",
    "an unknown key",
    "Nothing reads this key. Nothing in a Katalog is accepted and ignored.",
    edit("workers: 2", "worker: 2"),
);
/// A key of Orkestra's that is said otherwise here.
pub static REPLACED: Code = error(
    "K0202",
    "a key of Katalogs elsewhere",
    "Katalogs elsewhere have this key. Here the same is said in another way, by another part of the cluster, or not at all.",
    edit("workers: 2", "workers: 2\n      deletionProtection: true"),
);
/// A key that must be there.
pub static MISSING: Code = error("K0203", "a key is missing", "The key must be given.", edit("  version: 1.0.0\n", ""));
/// A list for a map, and so on.
pub static WRONG_KIND: Code = error(
    "K0204",
    "a value of the wrong kind",
    "The key takes another kind of value: text, a number, a list or a map.",
    edit("workers: 2", "workers: many"),
);
/// Another document than a Katalog.
pub static HEADER: Code = error(
    "K0205",
    "not a Katalog",
    "A Katalog begins with `apiVersion: orkestra.orkspace.io/v1` and `kind: Katalog`.",
    edit("kind: Katalog", "kind: Catalog"),
);
/// A name that Kubernetes would not take.
pub static NAME: Code = error(
    "K0206",
    "an invalid name",
    "The name is a DNS label: at most 63 of `a`–`z`, `0`–`9` and `-`, beginning and ending with a letter or digit.",
    edit("  name: shop\n", "  name: Shop\n"),
);
/// A name that expressions could not use.
pub static IDENTIFIER: Code = error(
    "K0207",
    "an invalid identifier",
    "Ids and the names of inputs and vars match `[a-z][A-Za-z0-9_]*` and are no reserved word of CEL, because expressions use them.",
    edit("- id: svc", "- id: package"),
);
/// Not semver.
pub static VERSION: Code = error(
    "K0208",
    "an invalid version",
    "`metadata.version` is the pattern's version, by semver: `1.4.0`.",
    edit("version: 1.0.0", "version: \"1.0\""),
);
/// Not a duration.
pub static DURATION: Code = error(
    "K0209",
    "an invalid duration",
    "A duration is a number with a unit, perhaps several: `30s`, `10m`, `1h30m`.",
    edit("resync: 10m", "resync: 10"),
);
/// Out of range.
pub static RANGE: Code =
    error("K0210", "a value out of range", "The number is too small or too large.", edit("workers: 2", "workers: 0"));
/// Half of `apiTypes`.
pub static PARTIAL_API: Code = error(
    "K0211",
    "a partial `apiTypes`",
    "`apiTypes` is given whole (`group`, `version`, `kind`, `plural`) or left out, when `crd.yaml` defines exactly one CRD.",
    edit(", kind: Shop, plural: shops}", "}"),
);
/// Two keys for one thing.
pub static TWICE: Code = error(
    "K0212",
    "a value is said twice",
    "Two keys set the same field of the object. Keep one.",
    edit("- id: web\n", "- id: web\n              template: {spec: {containers: []}}\n"),
);

/// The family.
pub static CODES: &[&Code] = &[
    &UNKNOWN,
    &REPLACED,
    &MISSING,
    &WRONG_KIND,
    &HEADER,
    &NAME,
    &IDENTIFIER,
    &VERSION,
    &DURATION,
    &RANGE,
    &PARTIAL_API,
    &TWICE,
];

pub(crate) fn unknown(span: Span, key: &str, of: &str, nearest: Option<&str>, known: &[&str]) -> Diagnostic {
    let problem = Diagnostic::new(&UNKNOWN, span, format!("unknown key `{key}` in {of}"));
    match nearest {
        Some(_) => problem.did_you_mean(nearest),
        None if known.is_empty() => problem.hint("remove it"),
        None => problem.hint(format!("keys here are {}", list(known))),
    }
}

/// A key that is not taken here, and what to do about it.
pub(crate) fn not_here(span: Span, key: &str, of: &str, mend: &str) -> Diagnostic {
    Diagnostic::new(&UNKNOWN, span, format!("unknown key `{key}` in {of}")).hint(mend)
}

pub(crate) fn replaced(span: Span, key: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(&REPLACED, span, format!("`{key}` is not read here")).hint(hint)
}

pub(crate) fn missing(span: Span, key: &str, of: &str) -> Diagnostic {
    Diagnostic::new(&MISSING, span, format!("{of} has no `{key}`")).hint(format!("add `{key}`"))
}

/// A value of another kind than is expected at this place.
pub fn wrong_kind(span: Span, what: &str, expected: &str, found: &str) -> Diagnostic {
    Diagnostic::new(&WRONG_KIND, span, format!("{what} must be {expected}")).expected(expected).found(found)
}

pub(crate) fn header(span: Span, key: &str, expected: &str, found: &str) -> Diagnostic {
    Diagnostic::new(&HEADER, span, format!("the file's `{key}` is not a Katalog's"))
        .expected(format!("`{expected}`"))
        .found(format!("`{found}`"))
}

pub(crate) fn name(span: Span, what: &str, found: &str, mend: Option<&str>) -> Diagnostic {
    let problem = Diagnostic::new(&NAME, span, format!("{what} must be a DNS label")).found(format!("`{found}`"));
    problem.did_you_mean(mend)
}

pub(crate) fn identifier(span: Span, what: &str, found: &str, reserved: bool) -> Diagnostic {
    if reserved {
        return Diagnostic::new(&IDENTIFIER, span, format!("{what} `{found}` is a reserved word of CEL"))
            .hint("choose another name");
    }
    Diagnostic::new(&IDENTIFIER, span, format!("{what} `{found}` cannot be used in expressions"))
        .expected("a lower-case letter, then letters, digits and `_`")
}

pub(crate) fn hides(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(&IDENTIFIER, span, format!("the name `{found}` would hide the variable `{found}`"))
        .hint("choose another name")
}

pub(crate) fn version(span: Span, found: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&VERSION, span, format!("`{found}` is not a semantic version: {why}"))
        .expected("a version such as `1.4.0`")
        .found(format!("`{found}`"))
}

pub(crate) fn duration(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(&DURATION, span, "not a duration").expected("a duration such as `30s`, `10m`, `1h30m`").found(found)
}

pub(crate) fn range(span: Span, what: &str, expected: &str, found: &str) -> Diagnostic {
    Diagnostic::new(&RANGE, span, format!("{what} is out of range")).expected(expected).found(found)
}

pub(crate) fn partial_api(span: Span, missing: &[&str]) -> Diagnostic {
    Diagnostic::new(&PARTIAL_API, span, format!("`apiTypes` lacks {}", list(missing)))
        .hint("give `group`, `version`, `kind` and `plural`, or leave `apiTypes` out to take the CRD of `crd.yaml`")
}

pub(crate) fn twice(span: Span, what: &str, other: Span) -> Diagnostic {
    Diagnostic::new(&TWICE, span, format!("{what} is said twice")).note(other, "also here").hint("keep one of them")
}

/// `a`, `b` and `c`, each in backticks.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{}`", one.as_ref()),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|name| format!("`{}`", name.as_ref())).collect();
            format!("{} and `{}`", first.join(", "), last.as_ref())
        }
    }
}
