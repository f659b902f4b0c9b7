//! Where broken YAML may have gone wrong. The parser tells where it could not go on, which is often lines after the cause; what
//! is found here is shown as a second place, and being wrong about it does no harm.

use std::ops::Range;

/// The content of the nearest line above the one at an offset that is indented no more than it.
pub(crate) fn line_above(text: &str, at: usize) -> Option<Range<usize>> {
    let most = indent(&text[line_start(text, at)..]);
    lines_above(text, at).find(|line| indent_of(text, line) <= most)
}

/// For a key in the wrong column: the nearest key above that is indented less.
pub(crate) fn key_above(text: &str, at: usize) -> Option<Range<usize>> {
    let most = indent(&text[line_start(text, at)..]);
    lines_above(text, at).find(|line| indent_of(text, line) < most && has_key(&text[line.clone()]))
}

/// For a text without a key: the line of it that is indented least, which may have left the block or lost its colon.
pub(crate) fn outdented(text: &str, at: usize) -> Option<Range<usize>> {
    let run = lines_above(text, at).take_while(|line| !has_key(&text[line.clone()]));
    let least = run.min_by_key(|line| indent_of(text, line))?;
    (indent_of(text, &least) < indent(&text[line_start(text, at)..])).then_some(least)
}

/// What was open at an offset: the innermost bracket, and the quoted text that ended last.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Open {
    /// The opening bracket.
    pub(crate) bracket: Option<usize>,
    /// The opening quote.
    pub(crate) quote: Option<usize>,
}

/// Reads as much of YAML's quotes, brackets, comments and block texts as is needed to see what is open at an offset.
pub(crate) fn open_at(text: &str, at: usize) -> Open {
    let bytes = text.get(..at).unwrap_or(text).as_bytes();
    let mut brackets: Vec<usize> = Vec::new();
    let mut quote = None;
    // The last byte of this line that is no blank: a quote or bracket opens only after one that ends what came before.
    let mut before = None;
    let mut index = 0;
    while let Some(byte) = bytes.get(index).copied() {
        let fresh = before.is_none_or(|before| b":-,[{?".contains(&before));
        match byte {
            b'\n' => {
                if brackets.is_empty() && matches!(before, Some(b'|' | b'>')) {
                    index = after_block(text, index, bytes.len());
                }
                before = None;
                index += 1;
                continue;
            }
            b'#' if index == 0 || bytes[index - 1].is_ascii_whitespace() => {
                while bytes.get(index).is_some_and(|byte| *byte != b'\n') {
                    index += 1;
                }
                continue;
            }
            b'"' | b'\'' if fresh || (!brackets.is_empty() && matches!(before, Some(b'}' | b']'))) => {
                let start = index;
                index += 1;
                loop {
                    match bytes.get(index) {
                        None => return Open { bracket: brackets.last().copied(), quote: Some(start) },
                        Some(b'\\') if byte == b'"' => index += 2,
                        Some(found) if *found == byte && byte == b'\'' && bytes.get(index + 1) == Some(&b'\'') => {
                            index += 2
                        }
                        Some(found) if *found == byte => break,
                        Some(_) => index += 1,
                    }
                }
                quote = Some(start);
            }
            b'{' | b'[' if fresh || !brackets.is_empty() => brackets.push(index),
            b'}' | b']' => drop(brackets.pop()),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = Some(byte);
        }
        index += 1;
    }
    Open { bracket: brackets.last().copied(), quote }
}

/// Where the lines of a block text end, whose header ends at `line_break`: at the break before a line that is not deeper.
fn after_block(text: &str, line_break: usize, end: usize) -> usize {
    let header = indent(&text[line_start(text, line_break)..]);
    let mut at = line_break;
    while at < end {
        let rest = &text[at + 1..];
        let line = rest.lines().next().unwrap_or_default();
        if rest.is_empty() || (!line.trim().is_empty() && indent(line) <= header) {
            break;
        }
        match rest.find('\n') {
            Some(length) => at += 1 + length,
            None => return end,
        }
    }
    at
}

/// The contents of the lines above the one at an offset, from below, without those that are empty or a comment.
fn lines_above(text: &str, at: usize) -> impl Iterator<Item = Range<usize>> {
    let mut end = line_start(text, at);
    std::iter::from_fn(move || {
        while end > 0 {
            let start = line_start(text, end - 1);
            let line = &text[start..end];
            end = start;
            let content = line.trim();
            if !content.is_empty() && !content.starts_with('#') {
                let from = start + indent(line);
                return Some(from..from + content.len());
            }
        }
        None
    })
}

fn indent_of(text: &str, content: &Range<usize>) -> usize {
    content.start - line_start(text, content.start)
}

/// Whether a line reads `key: value`, `key:` or the same as an item of a list.
fn has_key(line: &str) -> bool {
    let line = line.trim_start_matches("- ");
    let length = line.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(byte)).count();
    length > 0 && (line[length..].starts_with(": ") || &line[length..] == ":")
}

/// The first byte of the line at an offset.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// The blanks that a line begins with.
pub(crate) fn indent(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open() {
        let open = |text: &str| open_at(text, text.len());
        assert_eq!(open("a: {b: [1]\n").bracket, Some(3));
        assert_eq!(open("a: it's [x\nb: {\n").bracket, Some(14));
        assert_eq!(open("a: {b: '}'}\n"), Open { bracket: None, quote: Some(7) });
        assert_eq!(open("a: \"x\\\"y\n").quote, Some(3));
        assert_eq!(open("a: |\n  {[\"\n\n  '\nb: c # {\n"), Open::default());
        assert_eq!(open("a: |"), Open::default());
        assert_eq!(open("a: >\n  é"), Open::default());
    }

    #[test]
    fn lines_that_may_be_meant() {
        let text = "a:\n  b: |\n    x\n   y\n     z\nc\n";
        let at = text.find('z').unwrap();
        assert_eq!(&text[outdented(text, at).unwrap()], "y");
        assert_eq!(&text[line_above(text, at).unwrap()], "y");
        assert_eq!(&text[key_above(text, at).unwrap()], "b: |");
        assert_eq!(&text[key_above(text, text.find("b:").unwrap()).unwrap()], "a:");
        assert_eq!(line_above(text, 0), None);
    }
}
