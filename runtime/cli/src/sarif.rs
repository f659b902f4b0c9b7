//! SARIF 2.1.0, in which scanners and code-scanning services take findings.
//!
//! Written with `serde_json`, as every other document of this program. Types from elsewhere would not pay: `serde-sarif`
//! generates them from the standard's whole schema at each build, with a schema compiler and two crates of macros, for the
//! twenty members that are used here, and knows nothing of what makes a document wrong in spite of its types: braces and links in
//! messages, and how paths become references.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::output::escape;

/// A kind of finding. `help` says more about it where there is more to say.
pub(crate) fn rule(id: &str, about: &str, help: Option<&str>, level: &str) -> Value {
    let mut rule = json!({
        "id": id,
        "shortDescription": message(about),
        "defaultConfiguration": {"level": level},
    });
    if let Some(help) = help {
        // Code in it stands between backticks, which is Markdown, and the standard wants a plain text beside that.
        rule["help"] = json!({"text": text(help), "markdown": text(help)});
    }
    rule
}

/// The log of one run. Columns count characters, as in everything that this program prints.
pub(crate) fn log(rules: &[Value], results: Vec<Value>) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "ork", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A text for people.
pub(crate) fn message(words: &str) -> Value {
    json!({"text": text(words)})
}

/// Where a file is.
pub(crate) fn artifact(path: &str) -> Value {
    json!({"uri": uri(path)})
}

/// What stands in a message means itself: braces are no placeholders, brackets no links, and nothing turns the direction of
/// writing.
fn text(words: &str) -> String {
    let mut text = escape(words).replace('{', "{{").replace('}', "}}");
    if text.contains("](") {
        text = text.replace('[', "\\[").replace(']', "\\]");
    }
    text
}

/// A path as a reference of RFC 3986: relative to the working directory where it is below that, which is where a service looks
/// for it in the repository.
fn uri(path: &str) -> String {
    let path = from_here(Path::new(path)).unwrap_or_else(|| PathBuf::from(path)).display().to_string();
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    } else if path.split('/').next().is_some_and(|first| first.contains(':')) {
        // What looks like a scheme is none.
        uri.push_str("./");
    }
    for byte in path.bytes() {
        match byte {
            b'/' | b':' | b'-' | b'.' | b'_' | b'~' | b'@' => uri.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// The same file, named from the working directory. None where the name need not change.
fn from_here(path: &Path) -> Option<PathBuf> {
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    if path.is_relative() && !climbs {
        return None;
    }
    let here = std::env::current_dir().ok()?;
    let below = |path: &Path| path.strip_prefix(&here).ok().map(Path::to_owned);
    if !climbs && let Some(found) = below(path) {
        return Some(found);
    }
    // Where `..` leads past a link only the file system knows; the file itself need not be there.
    let whole = path.parent()?.canonicalize().ok()?.join(path.file_name()?);
    Some(below(&whole).unwrap_or(if climbs { whole } else { path.to_owned() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        let here = std::env::current_dir().unwrap();
        let name = here.file_name().unwrap().to_str().unwrap();
        for (path, expected) in [
            ("web/katalog.yaml", "web/katalog.yaml"),
            ("my patterns/%/ä?#.yaml", "my%20patterns/%25/%C3%A4%3F%23.yaml"),
            ("r.corp:5000/a:v1/katalog.yaml", "./r.corp:5000/a:v1/katalog.yaml"),
            ("/no where/a.yaml", "file:///no%20where/a.yaml"),
            (&here.join("src/a.yaml").display().to_string(), "src/a.yaml"),
            (&format!("src/../../{name}/src/a.yaml"), "src/a.yaml"),
        ] {
            assert_eq!(uri(path), expected, "{path}");
        }
        let above = uri("../a.yaml");
        assert!(above.starts_with("file:///") && above.ends_with("/a.yaml") && !above.contains(".."), "{above}");
    }

    #[test]
    fn a_text_means_itself() {
        assert_eq!(text("`{{ spec.a[0] }}` or {0}"), "`{{{{ spec.a[0] }}}}` or {{0}}");
        assert_eq!(text("[here](https://x) a[0]"), "\\[here\\](https://x) a\\[0\\]");
        assert_eq!(text("a\nb\u{1b}[2J\u{202e}"), "a\nb\\u{{1b}}[2J\\u{{202e}}");
    }
}
