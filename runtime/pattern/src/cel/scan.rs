//! A scanner that knows as much of CEL's tokens as is needed to find the end of an expression and the parts of a pipeline.
//! `cel-core` keeps its own to itself, and that one knows no `|`.

use std::ops::Range;

/// A token and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier, a keyword or a number.
    Word,
    /// A string or bytes.
    Text,
    /// A string that does not end.
    Unterminated,
    /// `( [ {`
    Open(u8),
    /// `) ] }`
    Close(u8),
    /// A single `|`
    Pipe,
    /// Any other byte, or the pairs `||` and `&&`.
    Other(u8),
}

/// The tokens of `text` from a byte on, one after another.
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str, from: usize) -> Tokens<'a> {
        Tokens { text, at: from }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn word_end(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            at += 1;
        }
        at
    }

    /// From the first quote to after the last one; none where the text ends first.
    fn string_end(&self, start: usize, raw: bool) -> Option<usize> {
        let quote = self.byte(start)?;
        let triple = self.byte(start + 1) == Some(quote) && self.byte(start + 2) == Some(quote);
        let mut at = start + if triple { 3 } else { 1 };
        loop {
            let byte = self.byte(at)?;
            if byte == b'\\' && !raw {
                at += 2;
            } else if byte == quote
                && (!triple || (self.byte(at + 1) == Some(quote) && self.byte(at + 2) == Some(quote)))
            {
                return Some(at + if triple { 3 } else { 1 });
            } else {
                at += 1;
            }
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            match self.byte(self.at)? {
                byte if byte.is_ascii_whitespace() => self.at += 1,
                b'/' if self.byte(self.at + 1) == Some(b'/') => {
                    self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |length| self.at + length);
                }
                _ => break,
            }
        }
        let start = self.at;
        let byte = self.byte(start)?;
        let string = |quote: usize, raw: bool| match self.string_end(quote, raw) {
            Some(end) => (Kind::Text, end.min(self.text.len())),
            None => (Kind::Unterminated, self.text.len()),
        };
        let (kind, end) = match byte {
            b'\'' | b'"' => string(start, false),
            b'`' => match self.text[start + 1..].find('`') {
                Some(length) => (Kind::Word, start + length + 2),
                None => (Kind::Unterminated, self.text.len()),
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => {
                let end = self.word_end(start);
                let word = &self.text[start..end];
                let prefix = matches!(word.to_ascii_lowercase().as_str(), "r" | "b" | "rb" | "br");
                match self.byte(end) {
                    Some(b'\'' | b'"') if prefix => string(end, word.contains(['r', 'R'])),
                    _ => (Kind::Word, end),
                }
            }
            b'(' | b'[' | b'{' => (Kind::Open(byte), start + 1),
            b')' | b']' | b'}' => (Kind::Close(byte), start + 1),
            b'|' if self.byte(start + 1) == Some(b'|') => (Kind::Other(b'|'), start + 2),
            b'&' if self.byte(start + 1) == Some(b'&') => (Kind::Other(b'&'), start + 2),
            b'|' => (Kind::Pipe, start + 1),
            _ => (Kind::Other(byte), start + self.text[start..].chars().next().map_or(1, char::len_utf8)),
        };
        self.at = end;
        Some(Token { kind, range: start..end })
    }
}

/// The ranges between the tokens that `cut` names, outside of all brackets.
pub(crate) fn split_at_depth_zero(tokens: &[Token], cut: impl Fn(Kind) -> bool) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (i, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            kind if depth == 0 && cut(kind) => {
                parts.push(start..i);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(start..tokens.len());
    parts
}

/// The arguments of `name a b`: what stands between spaces outside of all brackets.
pub(crate) fn words(tokens: &[Token]) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (i, token) in tokens.iter().enumerate() {
        if i > start && depth == 0 && tokens[i - 1].range.end < token.range.start {
            parts.push(start..i);
            start = i;
        }
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if start < tokens.len() {
        parts.push(start..tokens.len());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        Tokens::new(text, 0).map(|token| &text[token.range]).collect()
    }

    #[test]
    fn strings_hold_anything() {
        assert_eq!(
            texts(r#"a + "}}" | f '\'' r'\' b"x""#),
            ["a", "+", r#""}}""#, "|", "f", r"'\''", r"r'\'", r#"b"x""#]
        );
        assert_eq!(texts(r#"'''a'b''' """c"d""""#), ["'''a'b'''", r#""""c"d""""#]);
    }

    #[test]
    fn comments_and_pairs() {
        assert_eq!(texts("a || b // | c\n&& `d-e`"), ["a", "||", "b", "&&", "`d-e`"]);
        assert_eq!(Tokens::new("'abc", 0).next().unwrap().kind, Kind::Unterminated);
    }

    #[test]
    fn any_text_is_scanned_to_its_end() {
        for text in ["é|ß", "'\\", "\"\\é", "`", "r'", "\u{7f}\u{1F600}"] {
            assert!(Tokens::new(text, 0).last().is_none_or(|token| token.range.end <= text.len()), "{text}");
        }
    }
}
