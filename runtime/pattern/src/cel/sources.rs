//! The paths of the object that an expression reads.

use std::collections::BTreeSet;

use cel_core::{Expr, SpannedExpr};

use super::{Checked, tree};

/// A path that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// It begins at the element, not at the object's root.
    pub item: bool,
    /// The keys, as far as they are constant.
    pub path: Vec<String>,
}

/// The longest paths that an expression reads, each up to the first step that is computed.
pub fn sources(checked: &Checked) -> Vec<Source> {
    let mut found = BTreeSet::new();
    gather(checked.ast.expr(), &mut found);
    found.into_iter().collect()
}

/// The path that an expression is, if it is nothing else.
pub fn lone_path(checked: &Checked) -> Option<Source> {
    chain(checked.ast.expr()).filter(|(_, whole)| *whole).map(|(source, _)| source)
}

fn gather(expr: &SpannedExpr, found: &mut BTreeSet<Source>) {
    match chain(expr) {
        Some((source, whole)) => {
            found.insert(source);
            if !whole {
                indexes(expr, found);
            }
        }
        None => tree::children(expr).into_iter().for_each(|child| gather(child, found)),
    }
}

/// What stands between the brackets of a path.
fn indexes(expr: &SpannedExpr, found: &mut BTreeSet<Source>) {
    match &expr.node {
        Expr::Index { expr, index, .. } => {
            gather(index, found);
            indexes(expr, found);
        }
        Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => indexes(expr, found),
        _ => {}
    }
}

/// A path and whether all of it is constant.
fn chain(expr: &SpannedExpr) -> Option<(Source, bool)> {
    match &expr.node {
        Expr::Ident(name) | Expr::RootIdent(name) => {
            let (item, path) = match name.as_str() {
                "object" => (false, Vec::new()),
                "metadata" | "spec" | "status" => (false, vec![name.clone()]),
                "item" => (true, Vec::new()),
                _ => return None,
            };
            Some((Source { item, path }, true))
        }
        Expr::Member { expr, field, .. } | Expr::MemberTestOnly { expr, field } => {
            let (mut source, whole) = chain(expr)?;
            if whole {
                source.path.push(field.clone());
            }
            Some((source, whole))
        }
        Expr::Index { expr, index, .. } => {
            let (mut source, whole) = chain(expr)?;
            match &index.node {
                Expr::String(key) if whole => {
                    source.path.push(key.clone());
                    Some((source, true))
                }
                _ => Some((source, false)),
            }
        }
        _ => None,
    }
}
