//! The part of a terminal that is drawn again in place, and the log that is shown below it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use terminal_size::{Height, Width, terminal_size_of};
use tracing_subscriber::fmt::MakeWriter;

use super::view::{Line, piece};
use crate::error::Error;
use crate::output::{Output, role};

/// Lines of the log that are shown.
const LOG_LINES: usize = 6;

/// A block of lines at the end of what was printed.
pub(super) struct Screen {
    drawn: usize,
    last: String,
    /// What was told last stands above everything: each line with its style.
    news: Vec<(Style, String)>,
}

impl Screen {
    /// None where stdout is no terminal.
    pub(super) fn new() -> Option<Self> {
        io::stdout().is_terminal().then(|| Self { drawn: 0, last: String::new(), news: Vec::new() })
    }

    /// What is shown above the lines from now on.
    pub(super) fn news(&mut self, good: bool, text: &str) {
        let style = if good { role::DONE } else { role::ERROR };
        // Only the first line is coloured: what is below is the author's own text.
        let line = |(at, line): (usize, &str)| piece(if at == 0 { style } else { Style::new() }, line);
        self.news = text.trim_end().lines().enumerate().map(line).collect();
    }

    /// Draws the lines in the place of those that were drawn before, cut at the terminal's edges.
    pub(super) fn draw(&mut self, below: Vec<Line>, output: &Output) -> Result<(), Error> {
        let (width, height) = match terminal_size_of(io::stdout()) {
            Some((Width(width), Height(height))) => (usize::from(width), usize::from(height)),
            None => (80, 24),
        };
        let mut lines: Vec<Line> = self.news.iter().flat_map(|(style, text)| wrapped(*style, text, width)).collect();
        lines.extend(below);
        lines.truncate(height.saturating_sub(1));
        let text: String = lines.iter().map(|line| cut(line, width)).collect();
        if text == self.last {
            return Ok(());
        }
        // Up to the first line, and away with everything from there on.
        let mut whole = String::new();
        if self.drawn > 0 {
            let _ = write!(whole, "\x1b[{}A", self.drawn);
        }
        whole.push_str("\r\x1b[J");
        whole.push_str(&text);
        (self.drawn, self.last) = (lines.len(), text);
        let colored = output.stdout_colored();
        let whole = if colored { whole } else { plain(&whole) };
        output.bytes(whole.as_bytes())
    }
}

/// A text on as many lines as it takes.
fn wrapped(style: Style, text: &str, width: usize) -> Vec<Line> {
    let letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return vec![Vec::new()];
    }
    letters.chunks(width.max(1)).map(|chunk| vec![(style, chunk.iter().collect())]).collect()
}

/// A line with styles, of at most `width` characters.
fn cut(line: &Line, width: usize) -> String {
    let mut text = String::new();
    let mut left = width;
    for (style, piece) in line {
        let shown: String = piece.chars().take(left).collect();
        left -= shown.chars().count();
        let _ = write!(text, "{style}{shown}{style:#}");
    }
    text.push('\n');
    text
}

/// Without colours. The movements of the cursor stay.
fn plain(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        kept.push_str(&rest[..at]);
        let sequence = &rest[at..];
        let end = sequence[2..].find(|c: char| c.is_ascii_alphabetic()).map_or(sequence.len(), |end| end + 3);
        if !sequence[..end].ends_with('m') {
            kept.push_str(&sequence[..end]);
        }
        rest = &sequence[end..];
    }
    kept + rest
}

/// The last lines of the log.
#[derive(Clone, Default)]
pub(super) struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Log {
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in String::from_utf8_lossy(bytes).lines() {
            if lines.len() == LOG_LINES {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_take_as_many_lines_as_they_need() {
        let texts = |text: &str| -> Vec<String> {
            let lines = wrapped(Style::new(), text, 3);
            lines.iter().map(|line| line.iter().map(|(_, piece)| piece.as_str()).collect()).collect()
        };
        assert_eq!(texts("abcde"), ["abc", "de"]);
        assert_eq!(texts(""), [""]);
    }

    #[test]
    fn a_line_is_cut_at_the_edge_and_styles_can_be_taken_out() {
        let line = vec![(role::DONE, "abc".to_owned()), (role::NAME, "def".to_owned())];
        assert_eq!(plain(&cut(&line, 4)), "abcd\n");
        assert_eq!(plain("\x1b[2A\r\x1b[J\x1b[1mx"), "\x1b[2A\r\x1b[Jx");
    }
}
