//! Finds the expressions in a string.

use std::ops::Range;

use super::problem::{Problem, ProblemKind};
use super::scan::{Kind, Tokens};

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As written.
    Literal {
        /// Its text.
        text: String,
        /// Its bytes in the string.
        range: Range<usize>,
    },
    /// What stands between `{{` and `}}`.
    Expression {
        /// The text between the braces, spaces included, so that ranges of its problems start at `range.start`.
        source: String,
        /// Its bytes in the string, without the braces.
        range: Range<usize>,
    },
}

/// Splits a string at `{{ }}`. The tokens of the expression find its end, so that strings may hold braces and a map may close
/// with `}}`. A string without expressions is one literal.
///
/// # Errors
/// An expression that does not end, or that is empty.
pub fn split(text: &str) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(length) = text[at..].find("{{") {
        let open = at + length;
        if open > at {
            pieces.push(Piece::Literal { text: text[at..open].to_owned(), range: at..open });
        }
        let start = open + 2;
        let end = end(text, open)?;
        if text[start..end].trim().is_empty() {
            return Err(Problem::new(ProblemKind::Syntax, open..end + 2, "the expression is empty")
                .mend("write an expression between `{{` and `}}`, or `{{ '{{' }}` for the braces themselves"));
        }
        pieces.push(Piece::Expression { source: text[start..end].to_owned(), range: start..end });
        at = end + 2;
    }
    if at < text.len() || pieces.is_empty() {
        pieces.push(Piece::Literal { text: text[at..].to_owned(), range: at..text.len() });
    }
    Ok(pieces)
}

/// Where the `}}` of the expression begins whose `{{` is at `open`.
fn end(text: &str, open: usize) -> Result<usize, Problem> {
    let mut depth = 0_usize;
    for token in Tokens::new(text, open + 2) {
        match token.kind {
            Kind::Unterminated => {
                return Err(Problem::new(
                    ProblemKind::Unclosed,
                    token.range.clone(),
                    "the string in this expression does not end",
                )
                .mend(format!("add the closing {}", quote(&text[token.range]))));
            }
            Kind::Open(b'{') => depth += 1,
            Kind::Close(b'}') if depth > 0 => depth -= 1,
            Kind::Close(b'}') if text[token.range.end..].starts_with('}') => return Ok(token.range.start),
            Kind::Close(b'}') => {
                return Err(Problem::new(
                    ProblemKind::Unclosed,
                    open..token.range.end,
                    "the expression ends with one brace",
                )
                .found("`}`")
                .expected("`}}`"));
            }
            _ => {}
        }
    }
    Err(Problem::new(ProblemKind::Unclosed, open..text.len(), "the expression does not end")
        .expected("`}}`")
        .mend("add `}}`, or write `{{ '{{' }}` for the braces themselves"))
}

fn quote(text: &str) -> char {
    text.chars().find(|c| matches!(c, '\'' | '"' | '`')).unwrap_or('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<String> {
        split(text)
            .unwrap()
            .into_iter()
            .map(|piece| match piece {
                Piece::Literal { text: literal, range } => {
                    assert_eq!(literal, text[range]);
                    literal
                }
                Piece::Expression { source, range } => {
                    assert_eq!(source, text[range]);
                    format!("<{source}>")
                }
            })
            .collect()
    }

    #[test]
    fn literals_and_expressions() {
        assert_eq!(pieces("plain"), ["plain"]);
        assert_eq!(pieces(""), [""]);
        assert_eq!(pieces("{{ a }}"), ["< a >"]);
        assert_eq!(pieces("x-{{a}}-{{ b }}"), ["x-", "<a>", "-", "< b >"]);
        assert_eq!(pieces("a } }} b"), ["a } }} b"]);
    }

    #[test]
    fn braces_inside_an_expression() {
        assert_eq!(pieces("{{ {'a': {'b': 1}} }}!"), ["< {'a': {'b': 1}} >", "!"]);
        assert_eq!(pieces("{{{'a': {}}}}"), ["<{'a': {}}>"]);
        assert_eq!(pieces("{{ '{{' }}"), ["< '{{' >"]);
        assert_eq!(pieces(r#"{{ "}}" + '\'}}' }}"#), [r#"< "}}" + '\'}}' >"#]);
    }

    #[test]
    fn what_does_not_end_is_told() {
        let kind = |text: &str| split(text).unwrap_err().kind;
        assert_eq!(kind("{{ a"), ProblemKind::Unclosed);
        assert_eq!(kind("{{ a }"), ProblemKind::Unclosed);
        assert_eq!(kind("{{ 'a }}"), ProblemKind::Unclosed);
        assert_eq!(kind("{{ }}"), ProblemKind::Syntax);
        assert_eq!(split("ab {{ a } c").unwrap_err().range, 3..9);
    }
}
