//! K12: conversion between versions.

use super::{Code, Example, error, warning};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

const fn words(words: &'static str) -> Example {
    Example::Words(words)
}

/// A version without a way.
pub static NO_WAY: Code = error(
    "K1201",
    "a version that nothing converts",
    "Every version that the CRD serves needs a way to the storage version and one back, else objects of it can neither be stored nor \
     read. A path whose rules can all be turned round gives both. Versions that look alike need none.",
    words("a CRD that serves `v1` and `v2` with different schemas, and no `conversion` in the Katalog"),
);
/// Not the storage version.
pub static STORAGE: Code = error(
    "K1202",
    "another storage version than the CRD's",
    "`conversion.storageVersion` says which version all ways lead through. It is the one that `crd.yaml` stores.",
    words("`storageVersion: v1` where `crd.yaml` has `storage: true` at `v2`"),
);
/// A path between versions that there is none between.
pub static PATH: Code = error(
    "K1203",
    "a path between the wrong versions",
    "A path leads from a version to the storage version, or back. Both are served or stored by the CRD, and there is one path for each \
     direction. Between two others objects go through the storage version.",
    words("`{from: v1, to: v1}`, or a path to a version that `crd.yaml` does not have"),
);
/// A malformed rule.
pub static RULE: Code = error(
    "K1204",
    "a rule that cannot be read",
    "An item of `rules` is exactly one of `rename`, `move`, `set`, `remove`, `wrap`, `unwrap`, `map`, `split`, `join` and `each`, with what \
     belongs to it. Places are names joined by dots, and keys in `['…']`.",
    words("`{rename: {from: spec.a, to: spec.b}, remove: spec.c}`"),
);
/// A place that there is not.
pub static PLACE: Code = error(
    "K1205",
    "a place that the version does not have",
    "The places that a rule reads are in the source's schema, and those that it writes in the target's.",
    words("`{rename: {from: spec.replica, to: spec.size}}` where the source has `spec.replicas`"),
);
/// Two rules for one place.
pub static TWICE: Code = error(
    "K1206",
    "two rules for one place",
    "Rules read the source as it came, whatever other rules do, so that their order does not matter. Two that write the same place of \
     the target, or one inside of the other, would leave open which counts.",
    words("`{set: spec.a, value: 1}` beside `{rename: {from: spec.b, to: spec.a}}`"),
);
/// Types that do not fit.
pub static TYPES: Code = error(
    "K1207",
    "a value that its place cannot hold",
    "What is copied, moved or mapped must be of the type that the target's schema has there. Where it is not, `set` computes it.",
    words("`spec.port` that is a string in the source and an integer in the target, without a rule"),
);
/// No way back.
pub static BACK: Code = error(
    "K1208",
    "a way back that cannot be derived",
    "`rename`, `move`, `wrap`, `unwrap`, `map`, `split`, `join` and `each` can be turned round; `set`, `remove` and `spec` cannot. Write the path \
     back.",
    words("a path with `set`, and none in the other direction"),
);
/// A table that cannot be turned round.
pub static TABLE: Code = error(
    "K1209",
    "a table with two ways to one value",
    "`map` replaces each value by another one, and back: no two may become the same.",
    words("`values: {small: s, tiny: s}`"),
);
/// What round trips lose.
pub static LOST: Code = error(
    "K1211",
    "a field that a round trip loses",
    "Objects that the schema allows are made, converted, and converted back. What the other version has no place for is kept in an \
     annotation of the object; what it has a place for must come back by itself, because not every client keeps annotations. Mend the \
     rules, or declare the loss with `lossy`.",
    words(
        "`{set: spec.theme, value: \"{{ spec.theme | default \\\"plain\\\" }}\"}` in one direction: a theme that is absent comes back as `plain`",
    ),
);
/// A fragment that gains fields.
pub static FRAGMENT: Code = error(
    "K1212",
    "a field that a fragment gains",
    "Server-side apply converts fragments: what one manager set, without what is required. A field that a rule adds to one would belong to \
     a manager who never set it.",
    words("`{set: spec.theme, value: \"{{ has(spec.color) ? 'colourful' : 'plain' }}\"}` whose way back sets both"),
);
/// A conversion that fails.
pub static FAILS: Code = error(
    "K1213",
    "a conversion that fails",
    "An object that the schema allows must be converted: to the API server a conversion that fails looks like a corrupt object, which \
     can neither be read nor deleted.",
    words("`{set: spec.port, value: \"{{ int(spec.port) }}\"}` where `spec.port` may be any text"),
);
/// A value that the target rules out.
pub static INVALID: Code = error(
    "K1214",
    "a value that the target version rules out",
    "An object that one version allows must be one in the other, too: a client who reads it there and writes it back would be refused.",
    words("an enum of the target that lacks a value of the source's"),
);

/// A proof that was not finished.
pub static CUT_SHORT: Code = warning(
    "K1215",
    "a proof that was cut short",
    "Objects of a very large schema are so large that fewer of them are tried, to keep the check bounded.",
    words("a schema of some thousand fields"),
);

/// The family.
pub static CODES: &[&Code] = &[
    &NO_WAY, &STORAGE, &PATH, &RULE, &PLACE, &TWICE, &TYPES, &BACK, &TABLE, &LOST, &FRAGMENT, &FAILS, &INVALID,
    &CUT_SHORT,
];

pub(crate) fn no_way(span: Span, from: &str, to: &str, declared: bool) -> Diagnostic {
    let problem = Diagnostic::new(&NO_WAY, span, format!("no way leads from `{from}` to `{to}`"));
    match declared {
        true => problem.hint(format!("add `{{from: {from}, to: {to}, rules: […]}}` to `conversion.paths`")),
        false => problem.hint("add `conversion` to the entry, or serve one version only"),
    }
}

pub(crate) fn storage(span: Span, found: &str, stored: &str) -> Diagnostic {
    Diagnostic::new(&STORAGE, span, "`crd.yaml` stores another version")
        .expected(format!("`{stored}`"))
        .found(format!("`{found}`"))
}

pub(crate) fn wrong_path(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&PATH, span, message)
}

pub(crate) fn form(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("the path has {found}"))
        .expected("`spec`, the whole of the target's, or `rules`, what changes")
}

pub(crate) fn one_rule(span: Span, found: &[&str]) -> Diagnostic {
    let message = match found {
        [] => "this is no rule".to_owned(),
        many => format!("this is {} rules: {}", many.len(), many.join(", ")),
    };
    Diagnostic::new(&RULE, span, message)
        .expected("exactly one of rename, move, set, remove, wrap, unwrap, map, split, join, each")
}

pub(crate) fn not_of_rule(span: Span, rule: &str, key: &str) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("`{rule}` takes no `{key}`")).hint(format!("remove `{key}`"))
}

pub(crate) fn missing(span: Span, rule: &str, key: &str) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("`{rule}` needs `{key}`")).hint(format!("add `{key}`"))
}

pub(crate) fn too_deep(span: Span, most: usize) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("`each` stands in more than {most} others"))
}

pub(crate) fn rename(span: Span, from: &str, to: &str) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("`{to}` is not beside `{from}`"))
        .hint("write `move`: `rename` changes the name alone")
}

pub(crate) fn parts(span: Span, what: &str, found: usize) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("{what} has too few places")).expected("at least 2").found(found.to_string())
}

pub(crate) fn path(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("`{text}` is no place"))
        .expected("names joined by dots, with keys in brackets: `metadata.labels['a.b/c']`")
}

pub(crate) fn out_of_reach(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(&RULE, span, format!("no conversion may change `{text}`"))
        .expected("a field below `spec` or `status`, or a key of `metadata.labels` or `metadata.annotations`")
}

pub(crate) fn no_place(span: Span, text: &str, version: &str, near: Option<&str>) -> Diagnostic {
    Diagnostic::new(&PLACE, span, format!("`{version}` has no `{text}`")).did_you_mean(near)
}

pub(crate) fn through_list(span: Span, text: &str, list: &str) -> Diagnostic {
    Diagnostic::new(&PLACE, span, format!("`{text}` leads into the list `{list}`"))
        .hint(format!("write `{{each: {list}, rules: […]}}`, whose paths begin at the item"))
}

pub(crate) fn twice(span: Span, text: &str, first: Span) -> Diagnostic {
    Diagnostic::new(&TWICE, span, format!("another rule writes `{text}`, or a part of it"))
        .note(first, "the other rule")
        .hint("remove one of them")
}

pub(crate) fn types(span: Span, place: &str, to: &str, found: &str, expected: &str) -> Diagnostic {
    Diagnostic::new(&TYPES, span, format!("`{place}` does not fit into `{to}`"))
        .expected(expected)
        .found(found)
        .hint(format!("compute it: `{{set: {to}, value: \"{{{{ … }}}}\"}}`"))
}

pub(crate) fn no_back(span: Span, rule: &str, from: &str, to: &str) -> Diagnostic {
    Diagnostic::new(&BACK, span, format!("the way from `{from}` to `{to}` cannot be derived: {rule} has no inverse"))
        .hint(format!("add the path `{{from: {from}, to: {to}, …}}`"))
}

pub(crate) fn table(span: Span, value: &str) -> Diagnostic {
    Diagnostic::new(&TABLE, span, format!("two values become {value}"))
        .hint("let each become another one, or compute both ways with `set`")
}

pub(crate) fn table_value(span: Span, value: &str, expected: &str) -> Diagnostic {
    Diagnostic::new(&TYPES, span, format!("{value} is no value of its place")).expected(expected)
}

pub(crate) fn cut_short(span: Span, tried: usize, of: usize) -> Diagnostic {
    Diagnostic::new(
        &CUT_SHORT,
        span,
        format!("the round trip was tried with {tried} objects of {of}: they are too large for more"),
    )
    .hint("nothing is known to be wrong; convert objects that matter in a test of your own")
}

/// What the proof found: a field, and the smallest object that shows it.
pub(crate) fn proved(code: &'static Code, span: Span, message: String, object: &str) -> Diagnostic {
    let problem = Diagnostic::new(code, span, message);
    if object.is_empty() { problem } else { problem.hint(format!("the smallest object that shows it: {object}")) }
}
