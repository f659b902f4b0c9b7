//! Diagnostics for people: a message, the place, the source line with carets, and what to do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Source, Span};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Text alone.
    #[default]
    Plain,
    /// ANSI colours by role: red for errors, yellow for warnings, cyan for hints, blue for the frame.
    Ansi,
}

impl Style {
    fn paint(self, role: Role, text: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Ansi => format!("\u{1b}[{}m{text}\u{1b}[0m", role.code()),
        }
    }
}

#[derive(Clone, Copy)]
enum Role {
    Error,
    Warning,
    Frame,
    Hint,
    Strong,
}

impl Role {
    fn code(self) -> &'static str {
        match self {
            Role::Error => "1;31",
            Role::Warning => "1;33",
            Role::Frame => "1;34",
            Role::Hint => "1;36",
            Role::Strong => "1",
        }
    }
}

/// Text of a pattern as a terminal may have it: control characters and those that turn the direction of writing are shown as
/// escapes, tabs as spaces.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => escaped.push_str("    "),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
            control if control.is_control() => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(control));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Every diagnostic, each followed by an empty line.
pub fn render_all(diagnostics: &Diagnostics, source: &Source, style: Style) -> String {
    let secret: Secret = diagnostics.iter().flat_map(|diagnostic| secret_lines(diagnostic, source)).collect();
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&one(diagnostic, source, style, &secret));
        text.push('\n');
    }
    if diagnostics.omitted() > 0 {
        let _ = writeln!(text, "and {} more problems that are not shown\n", diagnostics.omitted());
    }
    text
}

/// One diagnostic, ending in a line break.
pub fn render(diagnostic: &Diagnostic, source: &Source, style: Style) -> String {
    one(diagnostic, source, style, &secret_lines(diagnostic, source).collect())
}

/// Lines that are not shown, whoever points at them.
type Secret = BTreeSet<(FileId, u32)>;

fn secret_lines<'a>(diagnostic: &'a Diagnostic, source: &'a Source) -> impl Iterator<Item = (FileId, u32)> + 'a {
    let lines = |span: Span| {
        let file = source.file(span.file)?;
        Some((file.position(span.start).line..=file.position(span.end).line).map(move |line| (span.file, line)))
    };
    diagnostic.span.filter(|_| diagnostic.withheld).and_then(lines).into_iter().flatten()
}

fn one(diagnostic: &Diagnostic, source: &Source, style: Style, secret: &Secret) -> String {
    let role = match diagnostic.severity {
        Severity::Error => Role::Error,
        Severity::Warning => Role::Warning,
        Severity::Note => Role::Hint,
    };
    let mut text = String::new();
    let head = format!("{}[{}]", diagnostic.severity.name(), diagnostic.code.id);
    let message = escape(&diagnostic.message);
    let _ = writeln!(text, "{}{}", style.paint(role, &head), style.paint(Role::Strong, &format!(": {message}")));
    let lines = diagnostic.span.into_iter().chain(diagnostic.notes.iter().map(|note| note.span));
    let last = lines.filter_map(|span| Some(source.file(span.file)?.position(span.start).line)).max().unwrap_or(1);
    let gutter = last.to_string().len();
    if let Some(span) = diagnostic.span {
        excerpt(&mut text, source, secret, span, "-->", &diagnostic.label(), '^', role, gutter, style);
    }
    for note in &diagnostic.notes {
        excerpt(&mut text, source, secret, note.span, ":::", &note.message, '-', Role::Frame, gutter, style);
    }
    if !diagnostic.hints.is_empty() {
        text.push('\n');
    }
    for hint in &diagnostic.hints {
        let _ = writeln!(text, "{} {}", style.paint(Role::Hint, "hint:"), escape(hint));
    }
    text
}

/// The place, its source line, and carets with a label. Of a span over several lines only the first is shown.
#[allow(clippy::too_many_arguments)]
fn excerpt(
    text: &mut String,
    source: &Source,
    secret: &Secret,
    span: Span,
    arrow: &str,
    label: &str,
    mark: char,
    role: Role,
    gutter: usize,
    style: Style,
) {
    /// What is shown of a source line on either side of the place.
    const CONTEXT: usize = 100;
    let Some(file) = source.file(span.file) else { return };
    let (start, end) = (file.position(span.start), file.position(span.end));
    let line: Vec<char> = file.line(start.line).chars().collect();
    let from = (start.column as usize - 1).min(line.len());
    let to = if end.line == start.line { (end.column as usize - 1).min(line.len()) } else { line.len() };
    let first = from.saturating_sub(CONTEXT);
    let past = line.len().min(to.min(from + CONTEXT) + CONTEXT);
    let part = |range: std::ops::Range<usize>| escape(&line[range].iter().collect::<String>());
    let (cut_before, cut_after) = (if first > 0 { "…" } else { "" }, if past < line.len() { "…" } else { "" });
    let before = format!("{cut_before}{}", part(first..from));
    let marked = part(from..to.clamp(from, past));
    let shown = format!("{before}{marked}{}{cut_after}", part(to.clamp(from, past)..past));
    let carets = mark.to_string().repeat(marked.chars().count().max(1));
    let bar = style.paint(Role::Frame, "|");
    let _ = writeln!(text, "{:gutter$}{} {}", "", style.paint(Role::Frame, arrow), escape(&source.shown(span)));
    let _ = writeln!(text, "{:gutter$} {bar}", "");
    let number = style.paint(Role::Frame, &format!("{:>gutter$}", start.line));
    if secret.contains(&(span.file, start.line)) {
        let _ = writeln!(text, "{number} {bar} (not shown: it may hold a secret)");
        return;
    }
    let _ = writeln!(text, "{number} {bar} {}", shown.trim_end());
    let label = if label.is_empty() { String::new() } else { format!(" {}", escape(label)) };
    let indent = " ".repeat(before.chars().count());
    let _ = writeln!(text, "{:gutter$} {bar} {indent}{}", "", style.paint(role, &format!("{carets}{label}")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::source::Source;

    fn sample() -> (Source, Diagnostic) {
        let source = Source::new().with("katalog.yaml", b"a: 1\nb:\tx\x1b[2Jy\n");
        let file = source.find("katalog.yaml").unwrap();
        let problem = Diagnostic::new(&codes::keys::UNKNOWN, Span::new(file, 8..14), "bad \u{1b}[31mthing")
            .expected("a list")
            .found("a string")
            .hint("mend it")
            .note(Span::new(file, 0..1), "first here");
        (source, problem)
    }

    #[test]
    fn a_diagnostic_shows_place_line_carets_and_hint() {
        let (source, problem) = sample();
        let expected = "\
error[K0201]: bad \\u{1b}[31mthing
 --> katalog.yaml:2:4
  |
2 | b:    x\\u{1b}[2Jy
  |       ^^^^^^^^^^^ expected a list, found a string
 ::: katalog.yaml:1:1
  |
1 | a: 1
  | - first here

hint: mend it
";
        assert_eq!(render(&problem, &source, Style::Plain), expected);
    }

    #[test]
    fn colours_are_the_only_escapes() {
        let (source, problem) = sample();
        let painted = render(&problem, &source, Style::Ansi);
        let mut plain = String::new();
        let mut rest = painted.as_str();
        while let Some(at) = rest.find("\u{1b}[") {
            plain.push_str(&rest[..at]);
            rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
        }
        plain.push_str(rest);
        assert_eq!(plain, render(&problem, &source, Style::Plain));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = Source::new().with("a.yaml", format!("{}X{}", "a".repeat(5_000), "b".repeat(5_000)).as_bytes());
        let file = source.find("a.yaml").unwrap();
        let problem = Diagnostic::new(&codes::keys::UNKNOWN, Span::new(file, 5_000..5_001), "long");
        let shown = render(&problem, &source, Style::Plain);
        assert!(shown.lines().all(|line| line.chars().count() < 220), "{shown}");
        assert!(shown.contains("aXb"), "{shown}");
    }
}
