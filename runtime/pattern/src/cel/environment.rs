//! Types of expressions in a scope.
//!
//! An environment holds every function with all its forms, and to copy it takes longer than to check an expression. So those that
//! were used are kept, each for the names that it has variables for.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel_core::{CelType, CheckResult, Env, SpannedExpr};

use super::registry::Registry;
use super::types::generalise;
use super::{Scope, functions};

/// All functions, and no variables.
pub(super) static ENVIRONMENT: LazyLock<Env> = LazyLock::new(functions::environment);

/// Environments that nobody uses at the moment, with the names of their variables.
static KEPT: Mutex<Vec<(Vec<String>, Env)>> = Mutex::new(Vec::new());
/// There are few combinations of `self`, `now`, `item` and names that `as` gives in a pattern.
const MOST: usize = 16;

/// The types of an expression's nodes, and what is wrong with them, where variables are these.
pub(super) fn types_of(expr: &SpannedExpr, roots: &[(&str, CelType)], scope: &Scope) -> CheckResult {
    let fits = |names: &[String]| names.iter().eq(roots.iter().map(|(name, _)| name));
    let kept = {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().position(|(names, _)| fits(names)).map(|at| kept.swap_remove(at))
    };
    let (names, env) = kept.unwrap_or_else(|| {
        let names = roots.iter().map(|(name, _)| (*name).to_owned()).collect();
        (names, ENVIRONMENT.clone())
    });
    let mut env = env.with_proto_registry(scope.registry.clone());
    for (name, ty) in roots {
        env.add_variable(*name, ty.clone());
    }
    let mut types = env.check(expr);
    generalise(expr, &mut types);
    // The scope's types are not to live as long as this.
    let env = env.with_proto_registry(Arc::<Registry>::default());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() == MOST {
        kept.remove(0);
    }
    kept.push((names, env));
    types
}
