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

const KUBERNETES: &str = "a function of Kubernetes' libraries, which the oracle does not have";

/// What cannot be compared, and why.
pub(crate) const LACKING: &[(&str, &str)] = &[
    ("transformMap", "the oracle has no macros with two variables, and nothing else that makes a map of a map"),
    ("transformMapEntry", "the oracle has no macros with two variables, and nothing else that makes a map of a map"),
    ("default", "a function of this language, not of CEL"),
    ("contentDigest", "a function of this language, not of CEL"),
    ("reveal", "a function of this language, not of CEL"),
    ("randomAlphanumeric", "a function of this language, not of CEL"),
    ("randomHex", "a function of this language, not of CEL"),
    ("isSorted", KUBERNETES),
    ("sum", KUBERNETES),
    ("min", KUBERNETES),
    ("max", KUBERNETES),
    ("sets.contains", KUBERNETES),
    ("sets.equivalent", KUBERNETES),
    ("sets.intersects", KUBERNETES),
    ("find", KUBERNETES),
    ("findAll", KUBERNETES),
    ("url", KUBERNETES),
    ("isURL", KUBERNETES),
    ("getScheme", KUBERNETES),
    ("getHost", KUBERNETES),
    ("getHostname", KUBERNETES),
    ("getPort", KUBERNETES),
    ("getEscapedPath", KUBERNETES),
    ("getQuery", KUBERNETES),
    ("quantity", KUBERNETES),
    ("isQuantity", KUBERNETES),
    ("isInteger", KUBERNETES),
    ("asInteger", KUBERNETES),
    ("asApproximateFloat", KUBERNETES),
    ("sign", KUBERNETES),
    ("add", KUBERNETES),
    ("sub", KUBERNETES),
    ("isLessThan", KUBERNETES),
    ("isGreaterThan", KUBERNETES),
    ("compareTo", KUBERNETES),
    ("semver", KUBERNETES),
    ("isSemver", KUBERNETES),
    ("major", KUBERNETES),
    ("minor", KUBERNETES),
    ("patch", KUBERNETES),
    ("ip", KUBERNETES),
    ("isIP", KUBERNETES),
    ("ip.isCanonical", KUBERNETES),
    ("family", KUBERNETES),
    ("isUnspecified", KUBERNETES),
    ("isLoopback", KUBERNETES),
    ("isLinkLocalMulticast", KUBERNETES),
    ("isLinkLocalUnicast", KUBERNETES),
    ("isGlobalUnicast", KUBERNETES),
    ("cidr", KUBERNETES),
    ("isCIDR", KUBERNETES),
    ("containsIP", KUBERNETES),
    ("containsCIDR", KUBERNETES),
    ("masked", KUBERNETES),
    ("prefixLength", KUBERNETES),
    ("format.named", KUBERNETES),
    ("validate", KUBERNETES),
    ("format.dns1123Label", KUBERNETES),
    ("format.dns1123LabelPrefix", KUBERNETES),
    ("format.dns1123Subdomain", KUBERNETES),
    ("format.dns1123SubdomainPrefix", KUBERNETES),
    ("format.dns1035Label", KUBERNETES),
    ("format.dns1035LabelPrefix", KUBERNETES),
    ("format.qualifiedName", KUBERNETES),
    ("format.labelValue", KUBERNETES),
    ("format.uri", KUBERNETES),
    ("format.uuid", KUBERNETES),
    ("format.byte", KUBERNETES),
    ("format.date", KUBERNETES),
    ("format.datetime", KUBERNETES),
];

/// Every operator, macro and function of ours.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    Function::ALL.iter().map(|function| function.name()).chain(CONSTRUCTS.iter().copied())
}

/// Everything that must be compared.
pub(crate) fn comparable() -> impl Iterator<Item = &'static str> {
    all().filter(|name| !LACKING.iter().any(|(lacking, _)| lacking == name))
}
