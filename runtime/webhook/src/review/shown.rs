//! Foreign text inside of messages.

use std::fmt::{self, Write as _};

/// Text that a tenant or a pattern wrote, as it may stand in a message: on one line, cut, and with control characters, and
/// those that turn the direction of writing or take no room, as escapes.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

/// Characters of a foreign text that are shown.
const LONGEST: usize = 1000;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, c) in self.0.chars().enumerate() {
            if index == LONGEST {
                return f.write_char('…');
            }
            let dangerous = c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
            match dangerous {
                true => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                false => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_one_short_line_without_tricks() {
        assert_eq!(Shown("spec.größe").to_string(), "spec.größe");
        assert_eq!(Shown("a\n\u{1b}[31m\u{202e}").to_string(), "a\\u{a}\\u{1b}[31m\\u{202e}");
        assert_eq!(Shown(&"x".repeat(5000)).to_string().chars().count(), LONGEST + 1);
    }
}
