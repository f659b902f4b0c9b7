//! CEL's front end: the one place that knows `cel-core`. Splits strings at `{{ }}`, parses, rewrites pipelines, type-checks.
//!
//! `split → check` turns one string of the source into [`Checked`] expressions or [`Problem`]s. A [`Scope`] says which names
//! an expression may use and what their types are; a [`Place`] says what is done with its value.

mod absence;
mod check;
mod environment;
mod functions;
mod kubernetes;
mod look;
#[cfg(test)]
mod look_tests;
mod macros;
mod math;
mod notes;
mod origin;
#[cfg(test)]
mod origin_tests;
mod parse;
mod path;
mod place;
mod problem;
mod regex;
mod registry;
pub(crate) mod scan;
mod scope;
mod secret;
#[cfg(test)]
mod secret_tests;
mod sources;
mod split;
mod stack;
#[cfg(test)]
mod tests;
mod tree;
mod types;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use check::{Declarations, check, check_free, parse_free};
pub(crate) use check::{canonical, is_encoding};
pub use functions::{FunctionSignature, functions};
pub use look::{Found, What, Word, WordKind, Words, forms, look, words};
pub(crate) use origin::Origins;
pub use origin::{Origin, Root, Shown};
pub use place::Place;
pub use problem::{Problem, ProblemKind};
pub(crate) use scope::Trail;
pub(crate) use scope::is_root;
pub use scope::{Count, Objects, Scope};
pub use secret::Secrecy;
pub use sources::{Source, lone_path, sources};
pub use split::{Piece, split};
pub use stack::{DEEP_STACK, on_this_stack};
pub use types::describe;

/// The syntax tree and the types of `cel-core`, for the code that lowers them.
pub mod ast {
    pub use cel_core::{
        Ast, BinaryOp, CelType as Type, CheckResult, ComprehensionData, Expr, ListElement, MapEntry, SpannedExpr,
        StructField, UnaryOp,
    };

    pub use super::tree::children;
}

/// The longest expression, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;
/// The deepest syntax tree.
pub const MAX_DEPTH: usize = 200;

/// An expression that parsed and is well typed.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The text between the braces.
    pub source: String,
    /// Its place: `katalog.yaml:12:8`.
    pub at: String,
    /// The checked syntax tree, with a type and a reference for each node.
    pub ast: Arc<ast::Ast>,
    /// What it costs, from the sizes that schemas allow; unknown where it stands alone.
    pub cost: crate::cost::Estimate,
    /// The type of its value; the inner type where it may be absent.
    pub ty: ast::Type,
    /// Its value may be absent: a lone path one of whose steps is not always there, or an optional. It is lowered to an
    /// expression that gives an optional.
    pub path: bool,
    /// Keys of children's `data`, by the child's id, on which it relies because the child's template always writes them. Where one
    /// was taken out of the object, its value is absent.
    pub relies: BTreeSet<(String, String)>,
    /// Nodes that are lowered to optionals: paths that may be absent where that is allowed.
    pub optional: BTreeSet<i64>,
    /// What of its value is secret.
    pub secrecy: Secrecy,
    /// Which values of the resource and of observed objects flow into its value.
    pub origins: BTreeSet<Origin>,
    /// It uses `item`, the name of `as`, or `key`.
    pub element: bool,
    /// Ids of the children that it reads.
    pub children: BTreeSet<String>,
    /// Names of the `vars` that it reads.
    pub vars: BTreeSet<String>,
    /// Those of `vars` whose value may be absent: their slots hold optionals.
    pub absent_vars: BTreeSet<String>,
    /// Ids of the `reads` that it uses.
    pub reads: BTreeSet<String>,
    /// Those of `reads` whose object may be missing: their slots hold optionals.
    pub absent_reads: BTreeSet<String>,
    /// Where its text first has a secret value, and where it first asks for a random one.
    pub(crate) sources: Sources,
}

/// Places of a text, in bytes from its start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) secret: Option<std::ops::Range<usize>>,
    pub(crate) random: Option<std::ops::Range<usize>>,
}
