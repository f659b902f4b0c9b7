//! What our engine has, and what of it the other implementation lacks.

use orkestra_program::function::Function;

/// Operators and macros that are no functions of the engine, by the names that `operations` gives them.
const CONSTRUCTS: &[&str] = &[
    "_&&_",
    "_||_",
    "_?_:_",
    "_._",
    "_?._",
    "_[_]",
    "_[?_]",
    "list",
    "map",
    "has",
    "all",
    "exists",
    "exists_one",
    "map()",
    "filter",
    "optMap",
    "optFlatMap",
    "cel.bind",
    "all(i, v)",
    "all(k, v)",
    "exists(i, v)",
    "existsOne(i, v)",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "default",
];

/// What cannot be compared, and why.
pub(crate) const LACKING: &[(&str, &str)] = &[
    ("transformMap", "the oracle has no macros with two variables, and nothing else that makes a map of a map"),
    ("transformMapEntry", "the oracle has no macros with two variables, and nothing else that makes a map of a map"),
    ("default", "a function of this language, not of CEL"),
    ("contentDigest", "a function of this language, not of CEL"),
    ("reveal", "a function of this language, not of CEL"),
    ("randomAlphanumeric", "a function of this language, not of CEL"),
    ("randomHex", "a function of this language, not of CEL"),
];

/// Every operator, macro and function of ours.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    Function::ALL.iter().map(|function| function.name()).chain(CONSTRUCTS.iter().copied())
}

/// Everything that must be compared.
pub(crate) fn comparable() -> impl Iterator<Item = &'static str> {
    all().filter(|name| !LACKING.iter().any(|(lacking, _)| lacking == name))
}
