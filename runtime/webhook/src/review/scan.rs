//! JSON text, walked once and checked on the way, without a copy and without a tree.

use std::borrow::Cow;
use std::ops::Range;

/// Levels of nesting that a text may have; as many as a plan may have.
pub(crate) const MAX_DEPTH: usize = 64;

/// Objects with fewer keys are compared pair by pair, others by sorting.
const FEW_KEYS: usize = 8;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("it is no UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("it ends where {expected} is expected")]
    Ends { expected: &'static str },
    #[error("byte {at} is {found:?}, where {expected} is expected")]
    Unexpected { at: usize, found: char, expected: &'static str },
    #[error("it is nested deeper than {MAX_DEPTH} levels at byte {at}")]
    TooDeep { at: usize },
    #[error("the key {key:?} is there twice in one object")]
    Twice { key: String },
    #[error("the number at byte {at} is larger than any that Kubernetes can hold")]
    TooLarge { at: usize },
}

/// A string of the text, as it is written between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a str,
    /// Where `raw` begins.
    pub(crate) at: usize,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The string that is meant.
    pub(crate) fn decoded(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut out = String::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some(at) = rest.find('\\') {
            out.push_str(&rest[..at]);
            let (meant, after) = unescape(&rest[at + 1..]);
            out.push(meant);
            rest = after;
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// The place of `raw` in the text.
    pub(crate) fn range(&self) -> Range<usize> {
        self.at..self.at + self.raw.len()
    }
}

/// The character that is meant by an escape that was checked before, given without its backslash, and what follows it.
fn unescape(rest: &str) -> (char, &str) {
    let unit = |text: &str| text.get(1..5).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default();
    let after = |length: usize| rest.get(length..).unwrap_or_default();
    match rest.as_bytes().first() {
        Some(b'n') => ('\n', after(1)),
        Some(b't') => ('\t', after(1)),
        Some(b'r') => ('\r', after(1)),
        Some(b'b') => ('\u{8}', after(1)),
        Some(b'f') => ('\u{c}', after(1)),
        Some(b'u') => match unit(rest) {
            high @ 0xd800..=0xdbff => {
                let low = unit(after(6));
                let code = 0x10000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00);
                (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), after(11))
            }
            code => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), after(5)),
        },
        // The quote, the backslash and the slash mean themselves.
        other => (other.map_or(char::REPLACEMENT_CHARACTER, |byte| char::from(*byte)), after(1)),
    }
}

/// A walk over one JSON text.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The keys of the objects that are open, where keys must not be there twice.
    keys: Option<Vec<Cow<'a, str>>>,
}

impl<'a> Scan<'a> {
    /// A walk that takes what the API server's own reader would take.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| Problem::NotUtf8 { at: error.valid_up_to() })?;
        Ok(Self { text, at: 0, depth: 0, keys: None })
    }

    /// A walk that refuses keys that are there twice at any depth, and numbers that the API server cannot hold: two readers
    /// may take a different one of two equal keys, and what is checked here must be what is stored.
    pub(crate) fn strict(bytes: &'a [u8]) -> Result<Self, Problem> {
        let mut scan = Self::new(bytes)?;
        scan.keys = Some(Vec::new());
        Ok(scan)
    }

    /// Where the walk stands.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The first byte of the next value.
    pub(crate) fn peek(&mut self) -> Result<u8, Problem> {
        self.whitespace();
        self.byte().ok_or(Problem::Ends { expected: "a value" })
    }

    /// Walks over one value and gives its place.
    pub(crate) fn value(&mut self) -> Result<Range<usize>, Problem> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'{' => self.object(|scan, _| scan.value().map(drop))?,
            b'[' => self.array(|scan| scan.value().map(drop))?,
            b'"' => drop(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Ok(start..self.at)
    }

    /// Walks over an object. `member` is called with each key and must walk over its value. Gives the object's place.
    pub(crate) fn object<E: From<Problem>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.whitespace();
        self.enter(b'{', "an object")?;
        let first_key = self.keys.as_ref().map_or(0, Vec::len);
        self.whitespace();
        if self.byte() != Some(b'}') {
            loop {
                self.whitespace();
                let key = self.string()?;
                if let Some(keys) = &mut self.keys {
                    keys.push(key.decoded());
                }
                self.whitespace();
                self.expect(b':', "a colon")?;
                member(self, key)?;
                self.whitespace();
                match self.byte() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.unexpected("a comma or the end of the object").into()),
                }
            }
        }
        self.leave();
        self.no_key_twice(first_key)?;
        Ok(())
    }

    /// Walks over an array. `item` is called for each item and must walk over it.
    pub(crate) fn array<E: From<Problem>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.whitespace();
        self.enter(b'[', "an array")?;
        self.whitespace();
        if self.byte() != Some(b']') {
            loop {
                item(self)?;
                self.whitespace();
                match self.byte() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.unexpected("a comma or the end of the array").into()),
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Walks over a string.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Problem> {
        self.whitespace();
        self.expect(b'"', "a string")?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain(&self.text.as_bytes()[self.at..]);
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.unexpected("no control character inside of a string")),
                None => return Err(Problem::Ends { expected: "the end of a string" }),
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Text { raw, at: start, escaped })
    }

    /// That nothing but whitespace follows.
    pub(crate) fn end(mut self) -> Result<(), Problem> {
        self.whitespace();
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &'static str) -> Problem {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => Problem::Unexpected { at: self.at, found, expected },
            None => Problem::Ends { expected },
        }
    }

    fn expect(&mut self, wanted: u8, name: &'static str) -> Result<(), Problem> {
        if self.byte() != Some(wanted) {
            return Err(self.unexpected(name));
        }
        self.at += 1;
        Ok(())
    }

    fn enter(&mut self, open: u8, name: &'static str) -> Result<(), Problem> {
        self.expect(open, name)?;
        if self.depth == MAX_DEPTH {
            return Err(Problem::TooDeep { at: self.at - 1 });
        }
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn word(&mut self, word: &'static str) -> Result<(), Problem> {
        match self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            true => {
                self.at += word.len();
                Ok(())
            }
            false => Err(self.unexpected("a value")),
        }
    }

    /// Walks over an escape: a half of a surrogate pair alone is none, because it means no character.
    fn escape(&mut self) -> Result<(), Problem> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0xd800..=0xdbff => {
                    let pair = "the second half of a surrogate pair";
                    self.expect(b'\\', pair)?;
                    let at = self.at;
                    match self.byte() == Some(b'u') && matches!(self.unit()?, 0xdc00..=0xdfff) {
                        true => Ok(()),
                        false => Err(Problem::Unexpected { at, found: '\\', expected: pair }),
                    }
                }
                0xdc00..=0xdfff => {
                    let expected = "the first half of a surrogate pair";
                    Err(Problem::Unexpected { at: self.at, found: '\\', expected })
                }
                _ => Ok(()),
            },
            _ => Err(self.unexpected("an escape")),
        }
    }

    /// Walks over `u` and four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Problem> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.unexpected("a hexadecimal digit"))?;
            self.at += 1;
        }
        Ok(unit)
    }

    fn digits(&mut self) -> Result<usize, Problem> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.unexpected("a digit")),
            count => Ok(count),
        }
    }

    fn number(&mut self) -> Result<(), Problem> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let mut long = false;
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => long = self.digits()? > 300,
            _ => return Err(self.unexpected("a value")),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
            long = true;
        }
        let held = |text: &str| text.parse().is_ok_and(f64::is_finite);
        match self.keys.is_some() && long && !self.text.get(start..self.at).is_some_and(held) {
            true => Err(Problem::TooLarge { at: start }),
            false => Ok(()),
        }
    }

    /// Ends an object whose keys are those from `first` on.
    fn no_key_twice(&mut self, first: usize) -> Result<(), Problem> {
        let Some(keys) = &mut self.keys else { return Ok(()) };
        let own = keys.get_mut(first..).unwrap_or_default();
        let twice = if own.len() <= FEW_KEYS {
            own.iter().enumerate().find(|(index, key)| own[..*index].contains(key)).map(|(_, key)| key)
        } else {
            own.sort_unstable();
            own.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &pair[0])
        };
        if let Some(key) = twice {
            return Err(Problem::Twice { key: key.clone().into_owned() });
        }
        keys.truncate(first);
        Ok(())
    }
}

/// How many bytes from the start are neither quote nor backslash nor control character, eight of them looked at at once.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // The high bit of each byte that is zero, or below a space. A borrow can only mark bytes above a true one, and the
        // lowest mark is what counts.
        let marks = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if marks & HIGH != 0 {
            return index * 8 + ((marks & HIGH).trailing_zeros() / 8) as usize;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<(), Problem> {
        let mut scan = Scan::strict(text)?;
        scan.value()?;
        scan.end()
    }

    #[test]
    fn what_serde_json_reads_is_read_and_what_it_refuses_is_refused() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "10",
            "-1.50e-7",
            "1E+2",
            "\"\"",
            "[]",
            "{}",
            "[1, 2,3 ]",
            "{\"a\" : {\"b\":[]}}",
            "\"\\u00e9\\ud83d\\ude00 \\\" \\\\ \\/ \\b\\f\\n\\r\\t\"",
            "\"eight bytes and \\n more\"",
            // And these are none.
            "",
            " ",
            "nul",
            "truee",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "1e+",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\"",
            "\"\n\"",
            "\"a long text and \u{1}\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{} {}",
            "NaN",
            "'a'",
            "[1}",
            "1e400",
            "-1e400",
        ] {
            let known: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert_eq!(
                read(text.as_bytes()).is_ok(),
                known.is_ok(),
                "{text:?}: {:?} and {known:?}",
                read(text.as_bytes())
            );
        }
    }

    #[test]
    fn strings_mean_what_serde_json_says_that_they_mean() {
        for text in [r#""plain""#, r#""\u00e9\ud83d\ude00 \" \\ \/ \b\f\n\r\t""#, r#""é\n""#, r#""\u0000""#] {
            let known: String = serde_json::from_str(text).unwrap();
            assert_eq!(Scan::new(text.as_bytes()).unwrap().string().unwrap().decoded(), known);
        }
    }

    #[test]
    fn a_run_of_plain_bytes_ends_at_the_first_special_one_wherever_that_is() {
        for length in 0..40 {
            for special in [b'"', b'\\', 0, 0x1f] {
                let mut bytes = vec![0xc3; length];
                bytes.push(special);
                bytes.extend([b'"'; 20]);
                assert_eq!(plain(&bytes), length);
            }
            assert_eq!(plain(&vec![b' '; length]), length);
        }
    }

    #[test]
    fn a_key_twice_is_refused_at_any_depth_and_however_it_is_written() {
        let many = |last: &str| {
            let keys: Vec<_> = (0..20).map(|index| format!("\"k{index}\":{{}}")).collect();
            format!("{{{},\"{last}\":1}}", keys.join(","))
        };
        for (text, key) in [
            (r#"{"a":1,"a":1}"#.to_owned(), "a"),
            (r#"[{"b":{"a":1,"\u0061":2}}]"#.to_owned(), "a"),
            (many("k7"), "k7"),
        ] {
            assert_eq!(read(text.as_bytes()), Err(Problem::Twice { key: key.to_owned() }));
            // As the API server sends it, the last one counts and nothing is decided by it here.
            let mut lenient = Scan::new(text.as_bytes()).unwrap();
            assert!(lenient.value().is_ok());
        }
        assert_eq!(read(many("k20").as_bytes()), Ok(()));
        assert_eq!(read(br#"{"a":{"a":{"b":1}},"b":[{"a":1},{"a":1}]}"#), Ok(()));
    }

    #[test]
    fn depth_ends_at_the_limit() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(read(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(read(nested(MAX_DEPTH + 1).as_bytes()), Err(Problem::TooDeep { at: MAX_DEPTH }));
        assert_eq!(read("[".repeat(1 << 20).as_bytes()), Err(Problem::TooDeep { at: MAX_DEPTH }));
    }

    #[test]
    fn what_is_no_utf8_is_refused() {
        assert_eq!(read(b"\"\xff\""), Err(Problem::NotUtf8 { at: 1 }));
        assert_eq!(read("\"é\"".as_bytes()), Ok(()));
    }
}
