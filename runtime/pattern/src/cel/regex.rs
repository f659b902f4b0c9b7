//! Regular expressions that are written as literals are compiled while the pattern is checked.

use std::ops::Range;
use std::sync::LazyLock;

use cel_core::{Expr, SpannedExpr};
use regex_lite::{Error, Regex, RegexBuilder};

use super::problem::{Problem, ProblemKind};
use super::tree;

/// The engine's own bound, in bytes. A compiled expression is never smaller here than in the engine, whose words have 32 bits: what
/// is accepted here is accepted there.
const MAX_COMPILED: usize = 1 << 18;

/// What an expression that is too large is refused with. Errors of the library can be compared, and say no more than their text.
static TOO_LARGE: LazyLock<Option<Error>> = LazyLock::new(|| RegexBuilder::new("a").size_limit(0).build().err());

/// Functions whose pattern is the argument behind their text.
const TAKE_PATTERNS: [&str; 3] = ["matches", "find", "findAll"];

/// Adds a problem for each literal that a function takes as a pattern and cannot understand.
pub(super) fn literals(expr: &SpannedExpr, problems: &mut Vec<Problem>) {
    if let Expr::Call { expr: callee, args } = &expr.node
        && let Some(pattern) = pattern(callee, args)
        && let Expr::String(text) = &pattern.node
        && let Err(error) = compile(text)
    {
        problems.push(problem(&error, pattern.span.clone()));
    }
    for child in tree::children(expr) {
        literals(child, problems);
    }
}

/// The pattern of `matches(text, pattern)`, `text.matches(pattern)`, `text.findAll(pattern, limit)`.
fn pattern<'a>(callee: &SpannedExpr, args: &'a [SpannedExpr]) -> Option<&'a SpannedExpr> {
    match (&callee.node, args) {
        (Expr::Ident(name) | Expr::RootIdent(name), [_, pattern]) if name == "matches" => Some(pattern),
        (Expr::Member { field, .. }, [pattern]) if TAKE_PATTERNS.contains(&field.as_str()) => Some(pattern),
        (Expr::Member { field, .. }, [pattern, _]) if field == "findAll" => Some(pattern),
        _ => None,
    }
}

fn compile(text: &str) -> Result<Regex, Error> {
    RegexBuilder::new(text).size_limit(MAX_COMPILED).build()
}

fn problem(error: &Error, range: Range<usize>) -> Problem {
    if TOO_LARGE.as_ref() == Some(error) {
        return Problem::new(ProblemKind::NotRegex, range, "this regular expression is too large")
            .expected(format!("at most {} KiB when it is compiled", MAX_COMPILED >> 10))
            .mend("make its counted repetitions, `{1000}`, smaller");
    }
    Problem::new(ProblemKind::NotRegex, range, format!("this is not a regular expression: {error}")).mend(
        "a character such as `(` that shall stand for itself is written in brackets, `[(]`; there is no look-around, no \
         back-reference and no `\\p{…}`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cel::parse::parse;

    fn found(source: &str) -> Vec<(&str, Problem)> {
        let mut problems = Vec::new();
        literals(&parse(source).unwrap(), &mut problems);
        problems.into_iter().map(|problem| (&source[problem.range.clone()], problem)).collect()
    }

    #[test]
    fn a_literal_that_is_no_regular_expression_has_its_place() {
        for (source, place) in [
            ("matches(a, '(')", "'('"),
            ("a.b.matches('[')", "'['"),
            ("a | matches '*'", "'*'"),
            ("a | matches('a{2,1}')", "'a{2,1}'"),
            ("a.find('(')", "'('"),
            ("a.findAll('[', 2)", "'['"),
            (r"a.all(x, x.matches(r'\p{L}'))", r"r'\p{L}'"),
            ("!(b ? a.matches(('(?=x)')) : true)", "'(?=x)'"),
        ] {
            let found = found(source);
            let [(at, problem)] = found.as_slice() else { panic!("{source}: {found:?}") };
            assert_eq!((*at, problem.kind), (place, ProblemKind::NotRegex), "{source}");
            assert!(problem.message.starts_with("this is not a regular expression: "), "{problem}");
        }
    }

    #[test]
    fn what_is_understood_or_not_known_yet_is_no_problem() {
        for source in [
            "matches(a, '^[(]$')",
            r"a.matches(r'\(')",
            "matches('(', a)",
            "a.matches('(' + b)",
            "a.contains('(')",
            "a.matches('(', b)",
        ] {
            assert_eq!(found(source), [], "{source}");
        }
    }

    #[test]
    fn the_size_is_bounded() {
        assert_eq!(found("a.matches('[a-z]{1000}')"), []);
        for source in ["a.matches('[a-z]{100000}')", "a.matches('((x{1000}){1000}){1000}')"] {
            let found = found(source);
            let [(_, problem)] = found.as_slice() else { panic!("{source}: {found:?}") };
            assert_eq!(problem.message, "this regular expression is too large");
            assert_eq!(problem.expected.as_deref(), Some("at most 256 KiB when it is compiled"));
        }
    }
}
