//! `log`: lines of a hook in the runtime's log. Every hook has it.

use std::fmt::{self, Write as _};

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 4 << 10;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Writes one line.
pub(crate) fn line(level: Level, pattern: &str, entry: &str, message: &str) {
    let message = Untrusted(message);
    match level {
        Level::Debug => tracing::debug!(target: "hook", pattern, entry, %message),
        Level::Info => tracing::info!(target: "hook", pattern, entry, %message),
        Level::Warn => tracing::warn!(target: "hook", pattern, entry, %message),
        Level::Error => tracing::error!(target: "hook", pattern, entry, %message),
    }
}

/// A guest's text: cut, in one line, and without characters that change how a terminal or a reader shows what is around them.
pub(crate) struct Untrusted<'a>(pub(crate) &'a str);

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end = self.0.len().min(MAX_MESSAGE);
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        for character in self.0.get(..end).unwrap_or_default().chars() {
            // Controls; zero-width and directional marks; the byte order mark.
            let hidden = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            if character.is_control() || hidden {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        if end < self.0.len() { f.write_char('…') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_is_escaped_and_what_is_long_is_cut() {
        assert_eq!(Untrusted("plain ü").to_string(), "plain ü");
        assert_eq!(Untrusted("a\nb\u{1b}[2J\u{202e}c").to_string(), "a\\u{a}b\\u{1b}[2J\\u{202e}c");
        let long = "ü".repeat(MAX_MESSAGE);
        assert_eq!(Untrusted(&long).to_string().len(), MAX_MESSAGE + "…".len());
    }
}
