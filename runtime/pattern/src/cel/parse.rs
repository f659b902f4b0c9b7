//! From text to a syntax tree: bounds, pipelines, and `cel-core`'s parser for the rest.
//!
//! A pipeline is cut into parts that are parsed one by one, each in front of as many spaces as bytes precede it, so that every
//! node keeps its place in the text. A pipeline inside brackets is replaced by a short name while its surroundings are parsed.

use std::collections::HashMap;
use std::ops::Range;

use cel_core::parser::{ParseOptions, parse_with_options};
use cel_core::{Expr, Spanned, SpannedExpr};

use super::problem::{Problem, ProblemKind};
use super::scan::{Kind, Token, Tokens, split_at_depth_zero, words};
use super::tree;
use super::{MAX_DEPTH, MAX_LENGTH};
use super::{macros, notes};

/// Parses an expression whose length and nesting are within bounds.
pub(super) fn parse(source: &str) -> Result<SpannedExpr, Vec<Problem>> {
    let tokens: Vec<Token> = Tokens::new(source, 0).collect();
    bounds(source, &tokens).map_err(|problem| vec![problem])?;
    let mut expr = Parser { source }.pipeline(&tokens)?;
    let shallow = !tree::deeper_than(&expr, MAX_DEPTH);
    if shallow {
        notes::rewrite(&mut expr);
    }
    if !shallow || tree::deeper_than(&expr, MAX_DEPTH) {
        let problem = too_deep(0..source.len());
        return Err(vec![problem]);
    }
    let mut next = 0;
    renumber(&mut expr, &mut next);
    Ok(expr)
}

/// `.spec` and `object.spec` become `spec`.
pub(super) fn shorten(expr: &mut SpannedExpr) {
    match &expr.node {
        Expr::RootIdent(name) => expr.node = Expr::Ident(name.clone()),
        Expr::Member { expr: operand, field, optional: false }
            if matches!(&operand.node, Expr::Ident(name) | Expr::RootIdent(name) if name == "object")
                && matches!(field.as_str(), "metadata" | "spec" | "status") =>
        {
            expr.node = Expr::Ident(field.clone());
        }
        _ => tree::children_mut(expr).into_iter().for_each(shorten),
    }
}

/// What a recursive parser needs to be safe: the text is short, and nothing that it recurses into is deep.
fn bounds(source: &str, tokens: &[Token]) -> Result<(), Problem> {
    if source.len() > MAX_LENGTH {
        return Err(Problem::new(ProblemKind::TooLong, 0..source.len(), "the expression is too long")
            .found(format!("{} bytes", source.len()))
            .expected(format!("at most {MAX_LENGTH} bytes")));
    }
    let (mut depth, mut deepest, mut run, mut questions) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut before = None;
    for token in tokens {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        run = if matches!(token.kind, Kind::Other(b'!' | b'-')) { run + 1 } else { 0 };
        // Not the question mark of `.?field`, `[?key]`, `{?key: …}`.
        let choice =
            token.kind == Kind::Other(b'?') && !matches!(before, Some(Kind::Other(b'.' | b',') | Kind::Open(_)));
        questions += usize::from(choice);
        before = Some(token.kind);
        if deepest.max(run).max(questions) > MAX_DEPTH {
            return Err(too_deep(token.range.clone()));
        }
    }
    Ok(())
}

fn too_deep(range: Range<usize>) -> Problem {
    Problem::new(ProblemKind::TooDeep, range, "the expression is nested too deeply")
        .expected(format!("at most {MAX_DEPTH} levels"))
        .mend("move a part of it to `vars`")
}

fn renumber(expr: &mut SpannedExpr, next: &mut i64) {
    *next += 1;
    expr.id = *next;
    for child in tree::children_mut(expr) {
        renumber(child, next);
    }
}

/// A part of a pipeline's text, between commas or colons, that is a pipeline itself.
struct Cell {
    first: usize,
    end: usize,
}

struct Parser<'a> {
    source: &'a str,
}

impl Parser<'_> {
    /// Parses tokens that may hold `|` outside of brackets.
    fn pipeline(&self, tokens: &[Token]) -> Result<SpannedExpr, Vec<Problem>> {
        let mut stages = split_at_depth_zero(tokens, |kind| kind == Kind::Pipe).into_iter();
        let first = stages.next().unwrap_or(0..0);
        let mut value = self.expression(&tokens[first.clone()], self.place(tokens, &first))?;
        for stage in stages {
            let place = self.place(tokens, &stage);
            value = self.stage(value, &tokens[stage], place)?;
        }
        Ok(value)
    }

    /// The bytes of some tokens; where there are none, of the gap in which they should be.
    fn place(&self, tokens: &[Token], part: &Range<usize>) -> Range<usize> {
        let start = tokens.get(part.start).or(tokens.last()).map_or(0, |token| token.range.start);
        let end = if part.is_empty() { start } else { tokens[part.end - 1].range.end };
        start..end.max(start)
    }

    /// `name`, `name(b, c)` or `name b c` after a `|`.
    fn stage(&self, value: SpannedExpr, tokens: &[Token], place: Range<usize>) -> Result<SpannedExpr, Vec<Problem>> {
        let is_name = |token: &Token| token.kind == Kind::Word || token.kind == Kind::Other(b'.');
        let adjacent = |i: usize| i == 0 || tokens[i - 1].range.end == tokens[i].range.start;
        let name_length = (0..tokens.len()).take_while(|&i| is_name(&tokens[i]) && adjacent(i)).count();
        let starts_like_a_name = tokens.first().is_some_and(|token| {
            token.kind == Kind::Word && !self.source[token.range.clone()].starts_with(|c: char| c.is_ascii_digit())
        });
        if name_length == 0 || !starts_like_a_name {
            return Err(vec![
                Problem::new(ProblemKind::Syntax, place, "a function's name must follow `|`")
                    .mend("write `value | function`, or `||` for the logical or"),
            ]);
        }
        let span = value.span.start..place.end;
        let callee_range = tokens[0].range.start..tokens[name_length - 1].range.end;
        let written_as_call =
            tokens.get(name_length).is_some_and(|token| token.kind == Kind::Open(b'(')) && adjacent(name_length);
        let (callee, mut args) = if written_as_call {
            let call = self.expression(tokens, place.clone())?;
            match call.node {
                Expr::Call { expr, args } => (*expr, args),
                _ => {
                    return Err(vec![
                        Problem::new(ProblemKind::Syntax, place, "what follows `|` must be one call of a function")
                            .mend("put the pipeline in parentheses: `(value | function) …`"),
                    ]);
                }
            }
        } else {
            let callee = self.expression(&tokens[..name_length], callee_range)?;
            let rest = &tokens[name_length..];
            let mut args = Vec::new();
            for part in words(rest) {
                args.push(self.expression(&rest[part.clone()], self.place(rest, &part)).map_err(|problems| {
                    problems
                        .into_iter()
                        .map(|p| p.mend("put an argument that is more than a value in parentheses"))
                        .collect::<Vec<_>>()
                })?);
            }
            (callee, args)
        };
        args.insert(0, value);
        Ok(Spanned::new(0, Expr::Call { expr: Box::new(callee), args }, span))
    }

    /// Parses tokens without `|` outside of brackets.
    fn expression(&self, tokens: &[Token], place: Range<usize>) -> Result<SpannedExpr, Vec<Problem>> {
        if tokens.is_empty() {
            return Err(vec![Problem::new(ProblemKind::Syntax, place, "an expression is missing here")]);
        }
        let mut text = " ".repeat(place.start);
        text.push_str(&self.source[place.clone()]);
        let mut replaced = HashMap::new();
        for (number, cell) in cells(tokens).into_iter().enumerate() {
            let range = self.place(tokens, &(cell.first..cell.end));
            // A quoted name of digits only; what an author writes like that is told apart by its place.
            let name = format!("`{number}`");
            if name.len() > range.len() {
                return Err(vec![Problem::new(ProblemKind::TooLong, range, "the expression has too many pipelines")]);
            }
            text.replace_range(range.clone(), &format!("{name:<width$}", width = range.len()));
            replaced.insert((range.start, number.to_string()), self.pipeline(&tokens[cell.first..cell.end])?);
        }
        let options = ParseOptions::with_macros(macros::registry());
        let parsed = parse_with_options(&text, options);
        if !parsed.errors.is_empty() {
            return Err(parsed.errors.into_iter().map(|error| self.syntax(error, tokens, &place)).collect());
        }
        let Some(mut expr) = parsed.ast else {
            return Err(vec![Problem::new(ProblemKind::Syntax, place, "this is not an expression")]);
        };
        if !replaced.is_empty() {
            put_back(&mut expr, &replaced);
        }
        Ok(expr)
    }

    fn syntax(&self, error: cel_core::ParseError, tokens: &[Token], place: &Range<usize>) -> Problem {
        let start = error.span.start.clamp(place.start, place.end);
        let end = error.span.end.clamp(start, place.end);
        let old_call = |pair: &[Token]| {
            pair[0].kind == Kind::Word
                && matches!(pair[1].kind, Kind::Text | Kind::Word | Kind::Other(b'.'))
                && pair[0].range.end < pair[1].range.start
        };
        let problem = Problem::new(ProblemKind::Syntax, start..end, readable(&error.message, &self.source[start..end]));
        match tokens {
            [first, ..] if matches!(&self.source[first.range.clone()], "if" | "else") => {
                problem.mend("CEL has no blocks: write `condition ? value : other`")
            }
            [name, ..] if tokens.windows(2).take(1).any(old_call) => {
                let name = &self.source[name.range.clone()];
                problem.mend(format!("write a call as `{name}(a, b)` or `a | {name} b`"))
            }
            _ if start == end => problem.mend("write what is missing, or take out what waits for it"),
            _ => problem.mend("look at the brackets, commas and operators before it"),
        }
    }
}

/// The parser's messages name its own tokens; the common ones are said in words.
fn readable(message: &str, text: &str) -> String {
    if message.starts_with("unexpected end") || message.contains("found None") {
        return "the expression ends too early".to_owned();
    }
    if message.starts_with("unexpected token") || message.contains(", found Some(") {
        let expected = message.strip_prefix("expected ").and_then(|rest| rest.split(", found ").next());
        let expected = expected.map(|what| format!("; expected {what}")).unwrap_or_default();
        return format!("`{text}` is not expected here{expected}");
    }
    message.to_owned()
}

/// The outermost parts inside brackets that are pipelines.
fn cells(tokens: &[Token]) -> Vec<Cell> {
    struct Frame {
        first: usize,
        pipe: bool,
        braces: bool,
        /// In braces: the next colon ends a key.
        key: bool,
    }
    let mut found: Vec<Cell> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let close = |frame: &Frame, found: &mut Vec<Cell>| {
            if frame.pipe {
                // Those found inside it are parsed with it.
                found.retain(|cell| cell.first < frame.first);
                found.push(Cell { first: frame.first, end: i });
            }
        };
        match token.kind {
            Kind::Open(bracket) => {
                let braces = bracket == b'{';
                frames.push(Frame { first: i + 1, pipe: false, braces, key: braces });
            }
            Kind::Close(_) => {
                if let Some(frame) = frames.pop() {
                    close(&frame, &mut found);
                }
            }
            Kind::Pipe => {
                if let Some(frame) = frames.last_mut() {
                    frame.pipe = true;
                }
            }
            Kind::Other(b'?') => {
                if let Some(frame) = frames.last_mut().filter(|frame| frame.first == i) {
                    frame.first = i + 1;
                }
            }
            Kind::Other(b',') => {
                if let Some(frame) = frames.last_mut() {
                    close(frame, &mut found);
                    (frame.first, frame.pipe, frame.key) = (i + 1, false, frame.braces);
                }
            }
            Kind::Other(b':') => {
                if let Some(frame) = frames.last_mut().filter(|frame| frame.key) {
                    close(frame, &mut found);
                    (frame.first, frame.pipe, frame.key) = (i + 1, false, false);
                }
            }
            _ => {}
        }
    }
    found
}

fn put_back(expr: &mut SpannedExpr, replaced: &HashMap<(usize, String), SpannedExpr>) {
    if let Expr::Ident(name) = &expr.node
        && let Some(value) = replaced.get(&(expr.span.start, name.clone()))
    {
        *expr = value.clone();
        return;
    }
    for child in tree::children_mut(expr) {
        put_back(child, replaced);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        cel_core::ast_to_string(&parse(source).unwrap())
    }

    #[test]
    fn a_pipeline_is_a_call() {
        assert_eq!(shown("x | f a b"), "f(x, a, b)");
        assert_eq!(shown("x | f(a, b) | g"), "g(f(x, a, b))");
        assert_eq!(shown("a + b | f -1 'x y' (c + d)"), "f(a + b, -1, \"x y\", c + d)");
        assert_eq!(shown("x | f .spec.a [1, 2]"), "f(x, .spec.a, [1, 2])");
        assert_eq!(shown("a || b"), "a || b");
    }

    #[test]
    fn a_pipeline_inside_brackets() {
        assert_eq!(shown("(a | f 1) + g(b, c | h)"), "f(a, 1) + g(b, h(c))");
        assert_eq!(shown("{'k': a | f, 'l': c ? b : d | g}"), "{\"k\": f(a), \"l\": g(c ? b : d)}");
        assert_eq!(shown("[a | f (b | g), c]"), "[f(a, g(b)), c]");
        assert_eq!(shown("x.all(e, (e | f) == 1)").matches("f(e)").count(), 1);
    }

    #[test]
    fn nodes_keep_their_places() {
        let source = "a  | f  bcd";
        let expr = parse(source).unwrap();
        let Expr::Call { expr: callee, args } = &expr.node else { panic!("{expr:?}") };
        assert_eq!(&source[callee.span.clone()], "f");
        assert_eq!(&source[args[1].span.clone()], "bcd");
        assert_eq!(expr.span, 0..source.len());
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        let problem = |source: &str| parse(source).unwrap_err().remove(0);
        assert_eq!(problem("a |").message, "a function's name must follow `|`");
        assert_eq!(problem("a | 'x'").kind, ProblemKind::Syntax);
        assert_eq!(problem("a + ").message, "the expression ends too early");
        assert_eq!(problem("a ) b").range, 2..3);
        assert_eq!(problem("if .spec.x").mend.unwrap(), "CEL has no blocks: write `condition ? value : other`");
        assert_eq!(problem("default \"y\" .x").mend.unwrap(), "write a call as `default(a, b)` or `a | default b`");
    }

    #[test]
    fn an_expression_is_bounded() {
        let kind = |source: &str| parse(source).unwrap_err().remove(0).kind;
        assert_eq!(kind(&"a".repeat(MAX_LENGTH + 1)), ProblemKind::TooLong);
        assert_eq!(kind(&"(".repeat(4000)), ProblemKind::TooDeep);
        assert_eq!(kind(&format!("{}a", "!".repeat(4000))), ProblemKind::TooDeep);
        assert_eq!(kind(&format!("{}a", "a?a:".repeat(300))), ProblemKind::TooDeep);
        assert_eq!(kind(&format!("a{}", "+a".repeat(1000))), ProblemKind::TooDeep);
        assert_eq!(kind(&format!("a{}", "|f".repeat(1000))), ProblemKind::TooDeep);
        assert!(parse(&format!("a{}", "+a".repeat(150))).is_ok());
        assert!(parse(&format!("a{}", ".optMap(x, x)".repeat(40))).is_ok());
    }
}
