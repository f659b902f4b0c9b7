//! K00: what is wrong with a file before it is a Katalog.

use super::{Code, Example, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};
use crate::yaml::guess;

/// Broken YAML.
pub static SYNTAX: Code = error(
    "K0001",
    "the file is not YAML",
    "The file cannot be read past this place. The cause may stand a line earlier: an indentation, a quote or a bracket.",
    edit("  inputs:\n", "   inputs:\n  - : [\n"),
);
/// Not UTF-8.
pub static NOT_UTF8: Code = error(
    "K0002",
    "the file is not UTF-8",
    "Files of a pattern are text in UTF-8. Save the file in that encoding.",
    Example::Words("a byte 0xff in `katalog.yaml`"),
);
/// A file that every pattern has.
pub static MISSING_FILE: Code = error(
    "K0003",
    "a file is missing",
    "A pattern directory holds `crd.yaml`, `katalog.yaml`, `komposer.yaml`, `cr.yaml` and `README.md`, none of them empty.",
    Example::Words("a directory without `crd.yaml`"),
);
/// A file without content.
pub static EMPTY_FILE: Code = error(
    "K0004",
    "a file is empty",
    "A pattern directory holds `crd.yaml`, `katalog.yaml`, `komposer.yaml`, `cr.yaml` and `README.md`, none of them empty.",
    Example::Words("an empty `README.md`"),
);
/// A key said twice.
pub static DUPLICATE_KEY: Code = error(
    "K0005",
    "a key is given twice",
    "A map has each key once. Readers of YAML disagree on which one counts, so neither does.",
    edit("  name: shop\n", "  name: shop\n  name: store\n"),
);
/// `!tag`
pub static TAG: Code = error(
    "K0006",
    "a tag is used",
    "Tags (`!name`) have no meaning in a Katalog. A string is made by quotes.",
    edit("version: 1.0.0", "version: !semver 1.0.0"),
);
/// `<<: *a`
pub static MERGE_KEY: Code = error(
    "K0007",
    "a merge key is used",
    "`<<` is an extension that YAML 1.2 dropped and Kubernetes' own tools read differently. Repeat the keys, or use `vars`.",
    edit("  inputs:\n", "  <<: {}\n  inputs:\n"),
);
/// `[a]: b`
pub static COMPLEX_KEY: Code = error(
    "K0008",
    "a key is not text",
    "Keys are text. A value that begins with `{{` must be quoted, or YAML reads the braces as maps.",
    edit("\"{{ spec.replicas }}\"", "{{ spec.replicas }}"),
);
/// `0644`
pub static AMBIGUOUS: Code = error(
    "K0009",
    "a number that readers disagree on",
    "A number with a leading zero is octal for YAML 1.1 and decimal for 1.2; a number beyond 64 bits or infinity has no JSON form.",
    edit("port: 8080", "port: 08080"),
);
/// More than one document.
pub static DOCUMENTS: Code = error(
    "K0010",
    "one document is expected",
    "The file holds exactly one YAML document.",
    edit("kind: Katalog\n", "kind: Katalog\n---\n"),
);
/// `a: &a [*a]`
pub static RECURSIVE_ALIAS: Code = error(
    "K0011",
    "an alias lies inside its own anchor",
    "An alias stands for the whole value of its anchor, which here would have no end.",
    edit("  inputs:\n", "  keys: &a [*a]\n  inputs:\n"),
);

/// The family.
pub static CODES: &[&Code] = &[
    &SYNTAX,
    &NOT_UTF8,
    &MISSING_FILE,
    &EMPTY_FILE,
    &DUPLICATE_KEY,
    &TAG,
    &MERGE_KEY,
    &COMPLEX_KEY,
    &AMBIGUOUS,
    &DOCUMENTS,
    &RECURSIVE_ALIAS,
];

/// What a message of the YAML parser usually comes from. Its messages are all that it tells, so they are matched here and
/// nowhere else; one that is not known is shown as it is.
struct Cause {
    said: &'static str,
    message: &'static str,
    hint: &'static str,
    /// Where else to look.
    begun: Begun,
}

/// How the place is found at which the cause may be.
#[derive(Clone, Copy, PartialEq)]
enum Begun {
    /// Here.
    Here,
    /// At the nearest key above that is indented less.
    Key,
    /// At the nearest line above that is indented no more.
    NoMore,
    /// At the line of the same text that is indented least.
    Outdented,
    /// At the bracket that is open.
    Bracket,
    /// At the quote of the quoted text that ended last.
    Quote,
}

const fn cause(said: &'static str, message: &'static str, hint: &'static str, begun: Begun) -> Cause {
    Cause { said, message, hint, begun }
}

/// Said at the start of the token after the one that is wrong.
const KEY_WITHOUT_COLON: &str = "simple key expect";

static CAUSES: [Cause; 14] = [
    cause(
        "mapping values are not allowed",
        "a `key: value` may not stand here",
        "check the indentation; a text that contains `: ` must be quoted",
        Begun::NoMore,
    ),
    cause(
        KEY_WITHOUT_COLON,
        "a key without `:`",
        "write `key: value`, or indent the line to continue the text above",
        Begun::Outdented,
    ),
    cause(
        "did not find expected key",
        "this line is indented otherwise than the keys around it",
        "keys of one map begin in the same column",
        Begun::Key,
    ),
    cause(
        "did not find expected '-' indicator",
        "this line is indented otherwise than the items around it",
        "items of one list begin with `-` in the same column",
        Begun::NoMore,
    ),
    cause("invalid indentation in quoted", "a quote is not closed", "close the quote that opens here", Begun::Here),
    cause("unexpected end of stream", "a quote is not closed", "close the quote that opens here", Begun::Here),
    cause("invalid trailing content", "text after a closed quote", "quote the whole text", Begun::Quote),
    cause("invalid indentation", "a bracket is not closed", "close it", Begun::Bracket),
    cause("only valid inside a block", "a list item inside brackets", "close the bracket before it", Begun::Bracket),
    cause(
        "did not find expected ',' or",
        "a bracket is not closed",
        "close it, or put a `,` between the items",
        Begun::Bracket,
    ),
    cause("flow", "a bracket is not closed", "close it, or put a `,` between the items", Begun::Bracket),
    cause("tabs disallowed", "a tab in the indentation", "indent with spaces", Begun::Here),
    cause(
        "found unknown anchor",
        "an alias (`*name`) without an anchor (`&name`) before it",
        "quote the text if it begins with `*`",
        Begun::Here,
    ),
    cause("unexpected character", "a text may not begin with this character", "quote the text", Begun::Here),
];

pub(crate) fn syntax(file: FileId, text: &str, at: usize, info: &str) -> Diagnostic {
    let before = text.get(..at).unwrap_or(text);
    let at_line_start = before.trim_end_matches([' ', '\t']).ends_with('\n');
    let span = if at >= text.trim_end().len() || (info.contains(KEY_WITHOUT_COLON) && at_line_start) {
        // Moved back to what was written last.
        let end = before.trim_end().len();
        let line = guess::line_start(text, end);
        Span::new(file, line + guess::indent(&text[line..end])..end)
    } else {
        let length = text[before.len()..].chars().next().map_or(0, char::len_utf8);
        Span::new(file, at..at + length)
    };
    let Some(cause) = CAUSES.iter().find(|cause| info.contains(cause.said)) else {
        return Diagnostic::new(&SYNTAX, span, format!("this is not YAML: {info}"));
    };
    let problem = Diagnostic::new(&SYNTAX, span, format!("this is not YAML: {}", cause.message)).hint(cause.hint);
    let start = span.start as usize;
    let place = match cause.begun {
        Begun::Here => None,
        Begun::Key => guess::key_above(text, start),
        Begun::NoMore => guess::line_above(text, start),
        Begun::Outdented => guess::outdented(text, start),
        Begun::Bracket => guess::open_at(text, start).bracket.map(|at| at..at + 1),
        Begun::Quote => guess::open_at(text, start).quote.map(|at| at..at + 1),
    };
    let same_line = |place: usize| guess::line_start(text, place) == guess::line_start(text, start);
    match place {
        Some(place) if !same_line(place.start) => problem.note(Span::new(file, place), "it may begin here"),
        _ => problem,
    }
}

pub(crate) fn not_utf8(span: Span) -> Diagnostic {
    Diagnostic::new(&NOT_UTF8, span, "the file is not UTF-8").hint("save it in UTF-8")
}

pub(crate) fn missing_file(name: &str) -> Diagnostic {
    Diagnostic::new(&MISSING_FILE, None, format!("`{name}` is missing"))
        .hint(format!("add `{name}` to the pattern's directory"))
}

pub(crate) fn empty_file(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(&EMPTY_FILE, span, format!("`{name}` is empty")).hint("write it: every pattern has one")
}

pub(crate) fn duplicate_key(span: Span, key: &str, first: Span) -> Diagnostic {
    Diagnostic::new(&DUPLICATE_KEY, span, format!("the key `{key}` is given twice"))
        .note(first, "first here")
        .hint("keep one of them")
}

pub(crate) fn tag(span: Span, tag: &str) -> Diagnostic {
    Diagnostic::new(&TAG, span, format!("the tag `{tag}` has no meaning here"))
        .hint("drop the tag; quotes make a string")
}

pub(crate) fn merge_key(span: Span) -> Diagnostic {
    Diagnostic::new(&MERGE_KEY, span, "merge keys (`<<`) are not read").hint("repeat the keys")
}

pub(crate) fn complex_key(span: Span, found: &str, braces: bool) -> Diagnostic {
    let problem = Diagnostic::new(&COMPLEX_KEY, span, "a key must be text").expected("text").found(found);
    if braces { problem.hint("quote an expression: \"{{ … }}\"") } else { problem }
}

pub(crate) fn ambiguous_scalar(span: Span, text: &str, why: &str, mend: &str) -> Diagnostic {
    Diagnostic::new(&AMBIGUOUS, span, format!("`{text}` is ambiguous: {why}")).hint(mend)
}

pub(crate) fn no_document(span: Span) -> Diagnostic {
    Diagnostic::new(&DOCUMENTS, span, "the file has no content").expected("one YAML document")
}

pub(crate) fn many_documents(span: Span) -> Diagnostic {
    Diagnostic::new(&DOCUMENTS, span, "a second YAML document begins here")
        .expected("one document")
        .hint("remove the `---`")
}

pub(crate) fn recursive_alias(span: Span) -> Diagnostic {
    Diagnostic::new(&RECURSIVE_ALIAS, span, "this alias lies inside its own anchor").hint("write out what is meant")
}
