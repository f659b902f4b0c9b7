//! Calls by space: `f a b`, also nested in parentheses, and `default` with its arguments in any order.

use std::ops::Range;
use std::sync::LazyLock;

use crate::cel::scan::{Kind, Token, Tokens};
use crate::cel::{self, MAX_DEPTH, MAX_LENGTH, Piece};
use crate::yaml::Text;

/// The outermost of nested calls.
#[derive(Debug)]
pub(super) struct Call {
    /// Its bytes in the string.
    pub(super) range: Range<usize>,
    /// What is written instead.
    pub(super) parts: Vec<Part>,
}

/// A part of what is written instead of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// What stands there, which is bytes of the string.
    Kept(Range<usize>),
    /// Something new.
    New(&'static str),
}

/// The calls by space in a string's expressions, in order.
pub(super) fn find(text: &str) -> Vec<Call> {
    // What does not end is for the parser to report.
    let Ok(pieces) = cel::split(text) else { return Vec::new() };
    let mut reader = Reader { text, found: Vec::new() };
    for piece in pieces {
        if let Piece::Expression { range, .. } = piece
            && let Some(tokens) = tokens(text, range)
        {
            reader.cell(&tokens);
        }
    }
    reader.found
}

/// The tokens of an expression, with their bytes in the string. None beyond the bounds that the parser has, which it reports.
pub(super) fn tokens(text: &str, range: Range<usize>) -> Option<Vec<Token>> {
    if range.len() > MAX_LENGTH {
        return None;
    }
    let tokens: Vec<Token> = Tokens::new(text, range.start).take_while(|token| token.range.end <= range.end).collect();
    let mut depth = 0_usize;
    for token in &tokens {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return None;
        }
    }
    Some(tokens)
}

/// What parts say, each that is kept by `written`.
pub(super) fn text<'a>(parts: &[Part], written: impl Fn(Range<usize>) -> Option<&'a str>) -> Option<String> {
    let mut text = String::new();
    for part in parts {
        text.push_str(match part {
            Part::Kept(range) => written(range.clone())?,
            Part::New(new) => new,
        });
    }
    Some(text)
}

/// The string with its calls rewritten, in which everything that was kept is where it was.
pub(super) fn today(text: &Text, calls: Vec<Call>) -> Text {
    Text::concat(around(0..text.text.len(), calls).into_iter().map(|part| match part {
        Part::Kept(range) => text.slice(range),
        Part::New(new) => Text::from(new),
    }))
}

/// A range with the calls in it rewritten.
fn around(range: Range<usize>, calls: Vec<Call>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = range.start;
    let keep = |parts: &mut Vec<Part>, range: Range<usize>| {
        if !range.is_empty() {
            parts.push(Part::Kept(range));
        }
    };
    for call in calls {
        keep(&mut parts, at..call.range.start);
        at = call.range.end;
        parts.extend(call.parts);
    }
    keep(&mut parts, at..range.end);
    parts
}

struct Reader<'a> {
    text: &'a str,
    found: Vec<Call>,
}

impl Reader<'_> {
    /// A pipeline: what stands between braces, commas or brackets.
    fn cell(&mut self, tokens: &[Token]) {
        let mut stages = split(tokens, |kind| kind == Kind::Pipe).into_iter();
        let first = stages.next().and_then(|range| tokens.get(range)).unwrap_or_default();
        match self.call(first) {
            Some(call) => self.found.push(call),
            None => self.brackets(first),
        }
        for stage in stages {
            self.brackets(tokens.get(stage).unwrap_or_default());
        }
    }

    /// What stands in the brackets of an expression that is no call by space itself.
    fn brackets(&mut self, tokens: &[Token]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let Kind::Open(bracket) = token.kind else {
                at += 1;
                continue;
            };
            let length = group(tokens.get(at..).unwrap_or_default());
            let inner = tokens.get(at + 1..at + length - 1).unwrap_or_default();
            let cut =
                |kind| matches!(kind, Kind::Other(b',')) || (bracket == b'{' && matches!(kind, Kind::Other(b':')));
            for cell in split(inner, cut) {
                self.cell(inner.get(cell).unwrap_or_default());
            }
            at += length;
        }
    }

    /// The calls in some tokens.
    fn inside(&self, tokens: &[Token], read: impl Fn(&mut Self, &[Token])) -> Vec<Call> {
        let mut reader = Reader { text: self.text, found: Vec::new() };
        read(&mut reader, tokens);
        reader.found
    }

    fn call(&self, tokens: &[Token]) -> Option<Call> {
        let (name, arguments) = by_space(self.text, tokens)?;
        let alone = match *arguments.as_slice() {
            [only] => in_parentheses(only),
            _ => None,
        };
        // `f (x)` is CEL as it stands, unless what is in the parentheses is not.
        if alone.is_some_and(|inner| self.inside(inner, Self::cell).is_empty()) {
            return None;
        }
        let word = self.text.get(name.range.clone())?;
        let argument = |tokens: &[Token], bare: bool| match in_parentheses(tokens) {
            Some(inner) if bare => around(bytes(inner), self.inside(inner, Self::cell)),
            _ => around(bytes(tokens), self.inside(tokens, Self::brackets)),
        };
        let parts = match *arguments.as_slice() {
            [first, second] if word == "default" => {
                let (value, other) = if is_literal(self.text, first) && !is_literal(self.text, second) {
                    (second, first)
                } else {
                    (first, second)
                };
                [argument(value, true), vec![Part::New(" | default ")], argument(other, false)].concat()
            }
            _ => {
                let mut parts = vec![Part::Kept(name.range.clone()), Part::New("(")];
                for (number, tokens) in arguments.into_iter().enumerate() {
                    if number > 0 {
                        parts.push(Part::New(", "));
                    }
                    parts.extend(argument(tokens, true));
                }
                parts.push(Part::New(")"));
                parts
            }
        };
        Some(Call { range: bytes(tokens), parts })
    }
}

/// A call by space: the function's name and its arguments. What CEL could read, such as `a .b`, is one only if the name is that
/// of a function.
pub(super) fn by_space<'t>(text: &str, tokens: &'t [Token]) -> Option<(&'t Token, Vec<&'t [Token]>)> {
    let (name, rest) = tokens.split_first()?;
    let word = text.get(name.range.clone())?;
    let first = rest.first()?;
    if !is_name(word) || name.kind != Kind::Word || name.range.end == first.range.start {
        return None;
    }
    let arguments: Vec<&[Token]> = words(rest).into_iter().filter_map(|range| rest.get(range)).collect();
    if !arguments.iter().all(|tokens| is_operand(text, tokens)) {
        return None;
    }
    let starts = |tokens: &&[Token], kinds: &[Kind]| tokens.first().is_some_and(|token| kinds.contains(&token.kind));
    let not_cel = arguments.iter().any(|tokens| starts(tokens, &[Kind::Word, Kind::Text, Kind::Other(b'$')]));
    (not_cel || FUNCTIONS.contains(word)).then_some((name, arguments))
}

/// The names of functions, and of macros that are called like them.
static FUNCTIONS: LazyLock<std::collections::BTreeSet<String>> = LazyLock::new(|| {
    let functions = cel::functions().into_iter().filter(|function| !function.method && is_name(&function.name));
    functions.map(|function| function.name).chain(["has".to_owned()]).collect()
});

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !matches!(word, "in" | "true" | "false" | "null")
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether tokens without a gap can be an argument: a literal, a path, or something in brackets.
fn is_operand(text: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    tokens.iter().enumerate().all(|(number, token)| match token.kind {
        Kind::Open(_) => {
            depth += 1;
            true
        }
        Kind::Close(_) => {
            let open = depth > 0;
            depth = depth.saturating_sub(1);
            open
        }
        _ if depth > 0 => true,
        Kind::Word => text.get(token.range.clone()) != Some("in"),
        Kind::Other(b'.') => true,
        Kind::Other(b'$') => number == 0,
        Kind::Other(b'-') => number == 0 && tokens.len() > 1,
        Kind::Other(b'?') => number > 0 && tokens.len() > number + 1,
        Kind::Text => number == 0,
        Kind::Other(_) | Kind::Pipe | Kind::Unterminated => false,
    })
}

/// Whether it is no path: a text, a number, a list, a map, `true`.
pub(super) fn is_literal(text: &str, tokens: &[Token]) -> bool {
    let Some(first) = tokens.first() else { return false };
    let word = text.get(first.range.clone()).unwrap_or_default();
    match first.kind {
        Kind::Text | Kind::Open(b'[' | b'{') | Kind::Other(b'-') => true,
        Kind::Word => word.starts_with(|c: char| c.is_ascii_digit()) || matches!(word, "true" | "false" | "null"),
        _ => false,
    }
}

/// What is in the parentheses, where they hold all of it.
pub(super) fn in_parentheses(tokens: &[Token]) -> Option<&[Token]> {
    let parentheses = tokens.first()?.kind == Kind::Open(b'(') && group(tokens) == tokens.len() && tokens.len() > 2;
    parentheses.then(|| tokens.get(1..tokens.len() - 1)).flatten()
}

/// How many tokens a bracket at the beginning has with all that is in it; where it does not end, all of them and one more.
fn group(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (number, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) if depth <= 1 => return number + 1,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
    }
    tokens.len() + 1
}

/// The bytes from the first to the last token.
pub(super) fn bytes(tokens: &[Token]) -> Range<usize> {
    let start = tokens.first().map_or(0, |token| token.range.start);
    start..tokens.last().map_or(start, |token| token.range.end)
}

/// The ranges between the tokens that `cut` names, outside of all brackets.
pub(super) fn split(tokens: &[Token], cut: impl Fn(Kind) -> bool) -> Vec<Range<usize>> {
    cel::scan::split_at_depth_zero(tokens, cut)
}

/// What stands between gaps outside of all brackets.
pub(super) fn words(tokens: &[Token]) -> Vec<Range<usize>> {
    cel::scan::words(tokens)
}
