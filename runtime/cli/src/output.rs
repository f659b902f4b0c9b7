//! What is seen: data on stdout, everything else on stderr, colours by role.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::args::{Color, Global};
use crate::error::Error;

/// What a piece of text is, and so how it looks.
pub(crate) mod role {
    use super::{AnsiColor, Style};

    pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
    pub(crate) const HINT: Style = AnsiColor::Cyan.on_default().bold();
    pub(crate) const DONE: Style = AnsiColor::Green.on_default().bold();
    pub(crate) const NAME: Style = Style::new().bold();
    pub(crate) const FAINT: Style = Style::new().dimmed();
}

/// Where and how a command prints.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    color: ColorChoice,
    quiet: bool,
    verbose: u8,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let color = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { color, quiet: global.quiet, verbose: global.verbose }
    }

    pub(crate) fn verbose(&self) -> u8 {
        self.verbose
    }

    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether text on stderr is coloured.
    pub(crate) fn stderr_colored(&self) -> bool {
        AutoStream::new(io::stderr(), self.color).current_choice() != ColorChoice::Never
    }

    /// Whether text on stdout is coloured.
    pub(crate) fn stdout_colored(&self) -> bool {
        AutoStream::new(io::stdout(), self.color).current_choice() != ColorChoice::Never
    }

    /// Whether somebody sits there who can be asked.
    pub(crate) fn interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Data, with styles that a pipe does not get.
    pub(crate) fn data(&self, text: &str) -> Result<(), Error> {
        let mut stream = AutoStream::new(io::stdout().lock(), self.color);
        stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).map_err(Error::Stdout)
    }

    /// Data as it is.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut stream = io::stdout().lock();
        stream.write_all(bytes).and_then(|()| stream.flush()).map_err(Error::Stdout)
    }

    /// `Built postgres 14.2.0`: something was done. Silent under `--quiet`.
    pub(crate) fn done(&self, verb: &str, rest: impl Display) {
        if !self.quiet {
            self.message(format_args!("{s}{verb}{s:#} {rest}", s = role::DONE));
        }
    }

    /// A line beside the matter. Silent under `--quiet`.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            self.message(text);
        }
    }

    pub(crate) fn warning(&self, text: impl Display) {
        self.message(format_args!("{s}warning{s:#}{b}:{b:#} {text}", s = role::WARNING, b = role::NAME));
    }

    /// Something that is wrong and does not end the command.
    pub(crate) fn problem(&self, text: &str, hint: Option<&str>) {
        self.message(format_args!("{s}error{s:#}{b}:{b:#} {text}", s = role::ERROR, b = role::NAME));
        if let Some(hint) = hint {
            self.message(format_args!("{s}hint{s:#}{b}:{b:#} {}", escape(hint), s = role::HINT, b = role::NAME));
        }
    }

    /// A line on stderr. When stderr is gone there is nobody left to tell.
    pub(crate) fn message(&self, text: impl Display) {
        let _ = writeln!(AutoStream::new(io::stderr().lock(), self.color), "{text}");
    }

    /// Like [`Output::message`] without the line's end, for a question.
    pub(crate) fn ask(&self, text: impl Display) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.color);
        let _ = write!(stream, "{text}").and_then(|()| stream.flush());
    }

    /// Prints an error once, with what caused it and how to mend it, and gives the exit status that it means.
    pub(crate) fn failure(&self, error: &Error) -> ExitCode {
        if let Some(text) = error.message() {
            let mut message = format!("{s}error{s:#}{b}:{b:#} {}", escape(&text), s = role::ERROR, b = role::NAME);
            let mut cause = std::error::Error::source(error);
            let mut last = text;
            while let Some(error) = cause {
                let text = error.to_string();
                // An error that only wraps another one has said it.
                if !last.ends_with(&text) {
                    let _ = write!(message, "\n  {s}caused by:{s:#} {}", escape(&text), s = role::FAINT);
                }
                last = text;
                cause = error.source();
            }
            if let Some(hint) = error.hint() {
                let _ = write!(message, "\n\n{s}hint{s:#}{b}:{b:#} {}", escape(&hint), s = role::HINT, b = role::NAME);
            }
            self.message(message);
        }
        ExitCode::from(error.exit())
    }
}

/// Text that comes from a file or a cluster, as it may be shown on a terminal: control characters, and those that turn the
/// direction of writing or take no room, are written as escapes.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let dangerous = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if dangerous(c) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// The first line of a foreign text, at most 200 characters of it.
pub(crate) fn brief(text: &str) -> Cow<'_, str> {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(200) {
        Some((end, _)) => Cow::Owned(format!("{}…", escape(&line[..end]))),
        None => escape(line),
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1,234 bytes`
pub(crate) fn size(bytes: usize) -> String {
    grouped(u64::try_from(bytes).unwrap_or(u64::MAX)) + " bytes"
}

/// `1,234`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(escape("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\nc");
        for c in ['\u{202e}', '\u{61c}', '\u{200b}', '\u{2060}', '\u{2066}', '\u{feff}', '\u{9b}'] {
            assert_eq!(escape(&format!("{c}x")), format!("\\u{{{:x}}}x", u32::from(c)));
        }
        assert!(matches!(escape("plain ä"), Cow::Borrowed(_)));
    }

    #[test]
    fn of_foreign_text_a_line_is_shown() {
        assert_eq!(brief("ork 0.1.0"), "ork 0.1.0");
        assert_eq!(brief("a\u{1b}\nb"), "a\\u{1b}");
        assert_eq!(brief(&"ä".repeat(300)), "ä".repeat(200) + "…");
        assert_eq!(brief(""), "");
    }

    #[test]
    fn sizes_are_grouped_by_thousands() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1234), "1,234 bytes");
        assert_eq!(size(1_234_567), "1,234,567 bytes");
    }
}
