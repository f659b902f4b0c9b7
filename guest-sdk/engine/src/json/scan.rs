//! Going through JSON text: one pass checks the grammar of all of it and notes where its containers lie, and later ones
//! look at the members of one container each.

use bumpalo::Bump;
use bumpalo::collections::Vec;

use super::{MAX_DEPTH, Member, array, object};
use crate::value::Value;

type Scan<T> = Result<T, &'static str>;

/// A text that was checked, with the places of its objects and arrays.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    text: &'a str,
    /// In the order in which they begin.
    spans: &'a [Span],
}

/// The place of an object or array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
    /// The number of the first one that begins after this one's end.
    after: u32,
}

/// A position in a text.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// Checks a text in one pass, and gives its value.
pub(super) fn open<'a>(arena: &'a Bump, text: &'a str) -> Scan<Value<'a>> {
    if u32::try_from(text.len()).is_err() {
        return Err("it is longer than 4 GiB");
    }
    let mut scanner = Scanner { text, at: 0 };
    let mut spans = Vec::new_in(arena);
    scanner.space();
    let start = scanner.at;
    scanner.check(&mut spans)?;
    scanner.space();
    if scanner.at != text.len() {
        return Err("there is text after its end");
    }
    let checked = arena.alloc(Checked { text, spans: spans.into_bump_slice() });
    Scanner { text, at: start }.value(arena, checked, &mut 0)
}

impl<'a> Checked<'a> {
    /// The text of a container.
    pub(super) fn raw(&self, span: u32) -> &'a str {
        let span = self.span(span);
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn span(&self, number: u32) -> Span {
        self.spans.get(number as usize).copied().unwrap_or(Span { start: 0, end: 0, after: u32::MAX })
    }

    /// The members of an object. What is inside of other containers is passed over without a look.
    pub(super) fn members(&'a self, arena: &'a Bump, span: u32) -> Scan<&'a [Member<'a>]> {
        let (mut scanner, mut inner) = self.inside(span);
        let mut members = Vec::new_in(arena);
        if !scanner.closes(b'}') {
            loop {
                scanner.space();
                let key = scanner.string(arena)?;
                scanner.colon()?;
                members.push(Member { key, value: scanner.value(arena, self, &mut inner)? });
                if !scanner.more(b'}')? {
                    break;
                }
            }
        }
        Ok(members.into_bump_slice())
    }

    /// The items of an array.
    pub(super) fn items(&'a self, arena: &'a Bump, span: u32) -> Scan<&'a [Value<'a>]> {
        let (mut scanner, mut inner) = self.inside(span);
        let mut items = Vec::new_in(arena);
        if !scanner.closes(b']') {
            loop {
                items.push(scanner.value(arena, self, &mut inner)?);
                if !scanner.more(b']')? {
                    break;
                }
            }
        }
        Ok(items.into_bump_slice())
    }

    /// A scanner behind the opening bracket, and the number of the first container inside.
    fn inside(&self, span: u32) -> (Scanner<'a>, u32) {
        (Scanner { text: self.text, at: self.span(span).start as usize + 1 }, span + 1)
    }
}

impl<'a> Scanner<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, message: &'static str) -> Scan<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(message)
        }
    }

    fn colon(&mut self) -> Scan<()> {
        self.space();
        self.expect(b':', "expected `:`")
    }

    /// Whether an empty container closes here.
    fn closes(&mut self, close: u8) -> bool {
        self.space();
        let closes = self.peek() == Some(close);
        if closes {
            self.at += 1;
        }
        closes
    }

    /// After an element: whether another one follows.
    fn more(&mut self, close: u8) -> Scan<bool> {
        self.space();
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b',') => Ok(true),
            Some(byte) if byte == close => Ok(false),
            _ => Err("expected `,` or the end of the object or list"),
        }
    }

    fn slice(&self, from: usize, to: usize) -> Scan<&'a str> {
        self.text.get(from..to).ok_or("it ends too early")
    }

    /// The next value: scalars as they are, containers as the number of their span, the next of which is `inner`.
    fn value(&mut self, arena: &'a Bump, checked: &'a Checked<'a>, inner: &mut u32) -> Scan<Value<'a>> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string(arena)?)),
            Some(open @ (b'{' | b'[')) => {
                let number = *inner;
                let span = checked.span(number);
                self.at = span.end as usize;
                *inner = span.after;
                Ok(if open == b'{' { object(arena, checked, number) } else { array(arena, checked, number) })
            }
            Some(b't') => self.literal("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.literal("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.literal("null").map(|()| Value::Null),
            _ => {
                let whole = self.number()?;
                let text = self.slice(start, self.at)?;
                if whole && let Ok(value) = text.parse::<i64>() {
                    return Ok(Value::Int(value));
                }
                // The grammar was checked, so this parses; what is too large becomes infinite.
                text.parse::<f64>()
                    .ok()
                    .filter(|value| value.is_finite())
                    .map(Value::Double)
                    .ok_or("a number is too large")
            }
        }
    }

    fn literal(&mut self, word: &'static str) -> Scan<()> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) == Some(word.as_bytes()) {
            self.at = end;
            Ok(())
        } else {
            Err("expected a value")
        }
    }

    /// Goes over a number; whether it is written as an integer.
    fn number(&mut self) -> Scan<bool> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err("expected a value"),
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            whole = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            whole = false;
        }
        Ok(whole)
    }

    fn digits(&mut self) -> Scan<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err("expected a digit") }
    }

    /// A string's text; it is copied only if it holds escapes.
    fn string(&mut self, arena: &'a Bump) -> Scan<&'a str> {
        let start = self.at + 1;
        let escapes = self.skip_string()?;
        let inner = self.slice(start, self.at - 1)?;
        if escapes { unescape(arena, inner) } else { Ok(inner) }
    }

    /// Goes over a string; whether it holds escapes.
    fn skip_string(&mut self) -> Scan<bool> {
        self.expect(b'"', "expected a string")?;
        let mut escapes = false;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escapes);
                }
                Some(b'\\') => {
                    escapes = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(_) => return Err("a string holds a control character"),
                None => return Err("a string does not end"),
            }
        }
    }

    /// Goes over what is neither quote, backslash nor control character: eight bytes at a time.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        let bytes = self.text.as_bytes();
        while let Some(chunk) = bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            let special = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
            if special != 0 {
                // A borrow may mark a byte after the first special one, never one before it.
                self.at += (special.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while let Some(byte) = bytes.get(self.at)
            && *byte >= 0x20
            && *byte != b'"'
            && *byte != b'\\'
        {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Scan<()> {
        let kind = self.peek();
        self.at += 1;
        match kind {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                let digits = self.text.as_bytes().get(self.at..self.at + 4);
                self.at += 4;
                if digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    Ok(())
                } else {
                    Err("a string holds a broken escape")
                }
            }
            _ => Err("a string holds a broken escape"),
        }
    }

    /// Checks a value, and notes the places of containers.
    fn check(&mut self, spans: &mut Vec<'a, Span>) -> Scan<()> {
        // The open containers, innermost last, and one bit for each: an object or not.
        let mut open = [0u32; MAX_DEPTH as usize];
        let mut objects = 0u64;
        let mut depth = 0usize;
        loop {
            self.space();
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    let Some(place) = open.get_mut(depth) else { return Err("it is nested deeper than 64 levels") };
                    *place = spans.len() as u32;
                    depth += 1;
                    spans.push(Span { start: self.at as u32, end: 0, after: 0 });
                    self.at += 1;
                    let object = bracket == b'{';
                    objects = objects << 1 | u64::from(object);
                    if !self.closes(if object { b'}' } else { b']' }) {
                        if object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                    (depth, objects) = (depth - 1, objects >> 1);
                    self.close(spans, &open, depth);
                }
                Some(b'"') => {
                    self.skip_string()?;
                }
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                _ => {
                    self.number()?;
                }
            }
            // After a value: the ends of containers, then perhaps another value.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                if self.more(if object { b'}' } else { b']' })? {
                    if object {
                        self.skip_key()?;
                    }
                    break;
                }
                (depth, objects) = (depth - 1, objects >> 1);
                self.close(spans, &open, depth);
            }
        }
    }

    /// Notes the end of the container that was opened at this depth.
    fn close(&self, spans: &mut [Span], open: &[u32], depth: usize) {
        let after = spans.len() as u32;
        let number = open.get(depth).copied().unwrap_or_default();
        if let Some(span) = spans.get_mut(number as usize) {
            span.end = self.at as u32;
            span.after = after;
        }
    }

    fn skip_key(&mut self) -> Scan<()> {
        self.space();
        self.skip_string()?;
        self.colon()
    }
}

/// The text of a string that holds escapes. Half of a surrogate pair becomes U+FFFD, as the API server does it.
fn unescape<'a>(arena: &'a Bump, inner: &'a str) -> Scan<&'a str> {
    let mut out = bumpalo::collections::String::with_capacity_in(inner.len(), arena);
    let mut rest = inner;
    while let Some((plain, after)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = after.chars();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let unit = hex4(&mut chars)?;
                if (0xd800..0xdc00).contains(&unit) {
                    let mut ahead = chars.clone();
                    let low = match (ahead.next(), ahead.next()) {
                        (Some('\\'), Some('u')) => hex4(&mut ahead)?,
                        _ => 0,
                    };
                    if (0xdc00..0xe000).contains(&low) {
                        chars = ahead;
                        let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    } else {
                        out.push(char::REPLACEMENT_CHARACTER);
                    }
                } else {
                    out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
            Some(other @ ('"' | '\\' | '/')) => out.push(other),
            _ => return Err("a string holds a broken escape"),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    Ok(out.into_bump_str())
}

fn hex4(chars: &mut core::str::Chars<'_>) -> Scan<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = chars.next().and_then(|c| c.to_digit(16)).ok_or("a string holds a broken escape")?;
        unit = unit << 4 | digit;
    }
    Ok(unit)
}
