//! CEL's front end: the one place that knows `cel-core`. Splits strings at `{{ }}`, parses, rewrites pipelines, type-checks.

use std::collections::BTreeSet;

/// An expression that parsed and is well typed.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The text between the braces.
    pub source: String,
    /// Its place: `katalog.yaml:12:8`.
    pub at: String,
    /// The checked syntax tree, with a type and a reference for each node.
    pub ast: cel_core::Ast,
    /// A lone path: the only form that may be absent.
    pub path: bool,
    /// Ids of the children that it reads.
    pub children: BTreeSet<String>,
    /// Names of the `vars` that it reads.
    pub vars: BTreeSet<String>,
}
